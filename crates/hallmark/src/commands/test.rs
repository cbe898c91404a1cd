//! `hallmark test [-- ARGS]`: the project's tests on the stack, and which of them reached a real service.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use hallmark_certify::CertifyConfig;
use hallmark_core::{Error, ExitClass, Result, fs};
use hallmark_proof::{Python, Report, Request};
use hallmark_services::stack::UpOptions;

use crate::app::App;
use crate::args::{Format, TestArgs};
use crate::commands::{check, codes, logs, up};
use crate::wiring;

/// Where the last report is kept, in the state folder.
const REPORT: &str = "proof/report.json";

pub(crate) fn run(app: &App<'_>, args: &TestArgs) -> Result<ExitClass> {
    hallmark_proof::refuse_elsewhere()?;
    let config: CertifyConfig = app.config.section("certify")?;
    let named = args.python.as_deref().or(config.tests.python.as_deref());
    let python = app.block_on(Python::find(app.project.root(), named))?;
    let mut class = ExitClass::Ok;
    if !args.no_up {
        let only = args.only.iter().map(|name| logs::service(name)).collect::<Result<Vec<_>>>()?;
        let options = UpOptions { assume_yes: args.yes, only, ..UpOptions::default() };
        if !up::bring_up_with(app, &options)?.failed.is_empty() {
            class = ExitClass::Unavailable;
        }
    }
    // Without either a run takes as long as it takes: only the certificate has a limit that nobody set.
    let configured = app.config.origin("certify.tests.timeout-s").map(|_| config.tests.timeout_s);
    let mut environment = config.tests.environment.clone();
    environment.extend(pairs(&args.env)?);
    let request = Request {
        project: app.project.clone(),
        python,
        arguments: if args.arguments.is_empty() {
            config.tests.arguments.iter().chain(&config.tests.paths).cloned().collect()
        } else {
            args.arguments.clone()
        },
        endpoints: wiring::endpoints(app)?,
        environment,
        timeout: args.timeout.or(configured).map(Duration::from_secs),
        scan: check::options(app, None, None)?,
        at_terminal: std::io::stdin().is_terminal(),
    };
    let python = &request.python;
    app.ui.note(&format!(
        "pytest {} on Python {} ({}, {})",
        python.pytest,
        python.version,
        python.program.display(),
        python.chosen
    ));
    let ui = *app.ui;
    let report = app.block_on(hallmark_proof::run(&request, &move |what| ui.progress(what)))?;
    app.ui.progress("");
    let class = report.classes().into_iter().max().unwrap_or(ExitClass::Ok).max(class);
    show(app, args, &report)?;
    Ok(class)
}

fn show(app: &App<'_>, args: &TestArgs, report: &Report) -> Result<()> {
    let json = serde_json::to_string(report).unwrap_or_default();
    fs::write_atomic(&app.project.state()?.join(REPORT), json.as_bytes(), fs::Mode::Default)?;
    if args.format == Format::Json {
        app.ui.json(&json);
        return Ok(());
    }
    app.ui.data(&report.text());
    app.ui.note(&format!("the whole of it: .hallmark/{REPORT}"));
    app.ui.next(&next(report));
    Ok(())
}

fn next(report: &Report) -> String {
    let code = |code: &hallmark_core::Code| format!("hallmark explain {}", code.id);
    if report.end.status == Some(4) {
        return code(&hallmark_proof::codes::USAGE);
    }
    if !report.end.finished {
        return code(&hallmark_proof::codes::BROKEN_OFF);
    }
    match report.findings.first() {
        Some(finding) => format!("hallmark explain {}", finding.code),
        None => "hallmark certify".to_owned(),
    }
}

/// `NAME=TEMPLATE` pairs.
fn pairs(texts: &[String]) -> Result<BTreeMap<String, String>> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Error::new(&codes::UNKNOWN_VALUE, format!("--env takes NAME=VALUE, not {text}"))
                .next("hallmark test --env DB_HOST={postgres.host}")
        })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}
