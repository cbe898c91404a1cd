//! `hallmark verify [SERVICE…]`: whether each server is real, tried on the wire.

use hallmark_certify::LOG_EVIDENCE;
use hallmark_core::{ExitClass, Result};
use hallmark_evidence::Log;
use hallmark_services::stack::{Ending, Provider, Silent};
use hallmark_services::{Endpoints, Judgement, Outcome, ServiceKind, Stack, Trial, Verification, verify};
use serde_json::json;

use crate::app::App;
use crate::args::{Format, VerifyServicesArgs};
use crate::commands::logs;
use crate::ui::Mark;
use crate::wiring;

/// The format of the document that `--format json` prints.
const FORMAT: u32 = 1;

pub(crate) fn run(app: &App<'_>, args: &VerifyServicesArgs) -> Result<ExitClass> {
    let mut asked = args.services.iter().map(|name| logs::service(name)).collect::<Result<Vec<_>>>()?;
    if asked.is_empty() {
        asked = ServiceKind::ALL.to_vec();
    }
    let endpoints = wiring::endpoints(app)?;
    let stack = wiring::stack(app)?;
    let made = app.block_on(async { Ok(all(app, args, &asked, &endpoints, &stack).await) })?;
    let entries: Vec<_> = made.iter().flat_map(Verification::evidence).collect();
    let entries: Vec<_> = entries.iter().map(|one| (LOG_EVIDENCE.to_owned(), json!(one))).collect();
    if !entries.is_empty() {
        Log::open_in(&app.project.state()?)?.append_all(entries)?;
    }
    if args.format == Format::Json {
        app.ui.json(&json!({"version": FORMAT, "services": made}).to_string());
    } else {
        conclude(app, &made);
    }
    let any = |judgement| made.iter().any(|v| v.judgement == judgement);
    Ok(if any(Judgement::Unproven) || any(Judgement::NotMeasured) {
        ExitClass::Unavailable
    } else if any(Judgement::StandIn) || lost(&made) {
        ExitClass::Findings
    } else {
        ExitClass::Ok
    })
}

/// Whether a server lost what it had acknowledged.
fn lost(made: &[Verification]) -> bool {
    let mut trials = made.iter().flat_map(|verification| &verification.trials);
    trials.any(|trial| trial.name.starts_with("survives_") && trial.outcome == Outcome::Refuted)
}

/// One service after another; each is shown as soon as it is judged.
async fn all(
    app: &App<'_>,
    args: &VerifyServicesArgs,
    asked: &[ServiceKind],
    endpoints: &Endpoints,
    stack: &Stack,
) -> Vec<Verification> {
    let mut made = Vec::new();
    for kind in asked {
        app.ui.progress(&format!("verifying {kind}"));
        let mut verification = verify(*kind, endpoints).await;
        for (asked, ending, how) in
            [(args.restart, Ending::Restart, "restarting"), (args.crash, Ending::Crash, "killing")]
        {
            if asked {
                if stack.provider(*kind) == Provider::Native && *kind != ServiceKind::OpenAi {
                    app.ui.note(&format!("{how} {kind}: it answers nobody until it is back"));
                }
                verification.trials.push(stack.survives(*kind, ending, &Silent).await);
            }
        }
        app.ui.settle(&format!("verified {kind}"));
        if args.format == Format::Text {
            show(app, &verification);
        }
        made.push(verification);
    }
    made
}

fn show(app: &App<'_>, verification: &Verification) {
    let mark = app.ui.mark(mark(verification.judgement));
    let title = format!("{} {}", verification.service, word(verification.judgement));
    app.ui.line(&format!("{mark} {}", app.ui.strong(&title)));
    let rows: Vec<Vec<String>> = verification.trials.iter().map(|trial| row(app, trial)).collect();
    if !rows.is_empty() {
        app.ui.table(&["  TRIAL", "TOOK", "SHOWED"], &rows);
    }
    app.ui.line("");
}

fn row(app: &App<'_>, trial: &Trial) -> Vec<String> {
    let mark = app.ui.mark(match trial.outcome {
        Outcome::Held => Mark::Ok,
        Outcome::Refuted if trial.counts => Mark::Fail,
        Outcome::Refuted => Mark::Warn,
        Outcome::NotMade => Mark::Unknown,
    });
    let detail =
        if trial.counts { trial.detail.clone() } else { format!("{} (evidence only)", trial.detail) };
    vec![format!("  {mark} {}", trial.name), format!("{:.0} ms", trial.duration_ms), detail]
}

fn conclude(app: &App<'_>, made: &[Verification]) {
    for verification in made {
        if let Some(reason) = &verification.reason {
            app.ui.note(&format!("{}: {reason}", verification.service));
        }
    }
    let count = |judgement| made.iter().filter(|v| v.judgement == judgement).count();
    let (genuine, stand_ins) = (count(Judgement::Genuine), count(Judgement::StandIn));
    app.ui.note(&format!(
        "{genuine} of {} genuine, {stand_ins} not, {} unproven",
        made.len(),
        made.len() - genuine - stand_ins
    ));
    // A stand-in is worse news than a server that is down.
    let first = |wanted: &dyn Fn(&Verification) -> bool| made.iter().find(|v| wanted(v));
    let worst =
        first(&|v| v.judgement == Judgement::StandIn).or(first(&|v| v.judgement != Judgement::Genuine));
    let next = worst.and_then(|v| v.next.clone());
    app.ui.next(next.as_deref().unwrap_or("hallmark certify"));
}

fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Genuine => "is genuine",
        Judgement::StandIn => "is a stand-in",
        Judgement::Unproven => "is unproven",
        Judgement::NotMeasured => "was not measured",
    }
}

fn mark(judgement: Judgement) -> Mark {
    match judgement {
        Judgement::Genuine => Mark::Ok,
        Judgement::StandIn => Mark::Fail,
        Judgement::Unproven | Judgement::NotMeasured => Mark::Unknown,
    }
}
