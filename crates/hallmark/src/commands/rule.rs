//! `hallmark rule [NAME]`: the pattern library, offline.

use hallmark_core::{Error, ExitClass, Result, nearest};
use hallmark_standards::{Family, Rule, rules};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{Format, RuleArgs};
use crate::commands::codes;
use crate::page;

pub(crate) fn run(app: &App<'_>, args: &RuleArgs) -> Result<ExitClass> {
    let chosen = match &args.name {
        None => rules::all().to_vec(),
        Some(name) => chosen(name)?,
    };
    match (args.format, chosen.as_slice()) {
        (Format::Json, _) => {
            let rules: Vec<Value> = chosen.iter().map(|r| document(r)).collect();
            app.ui.json(&json!({ "schema": "hallmark.rules/1", "rules": rules }).to_string());
        }
        (Format::Text, [rule]) if args.name.is_some() => page::print(app, &rule.page()),
        (Format::Text, _) => list(app, &chosen),
    }
    Ok(ExitClass::Ok)
}

/// The rule of this name, or the rules of the family of this name.
fn chosen(name: &str) -> Result<Vec<&'static Rule>> {
    let own: Vec<&Rule> = match Family::parse(name) {
        Some(family) => rules::all().iter().copied().filter(|r| r.family == family).collect(),
        None => rules::find(name).into_iter().collect(),
    };
    if !own.is_empty() {
        return Ok(own);
    }
    let near = nearest(name, rules::all().iter().map(|r| r.name));
    Err(Error::new(&codes::UNKNOWN_TOPIC, format!("there is no rule called {name}"))
        .next(near.map_or("hallmark rule".to_owned(), |n| format!("hallmark rule {n}"))))
}

/// The rules by family.
fn list(app: &App<'_>, chosen: &[&Rule]) {
    for family in Family::ALL {
        let rows: Vec<Vec<String>> = chosen.iter().filter(|r| r.family == family).map(|r| row(r)).collect();
        if rows.is_empty() {
            continue;
        }
        app.ui.line(&format!("{} ({})", app.ui.strong(family.name()), family.requirement()));
        app.ui.table(&["  RULE", "SEVERITY", "", "FINDS"], &rows);
        app.ui.line("");
    }
    app.ui.line("* preview: runs with --preview or when selected by name    + has a fix");
    app.ui.next("hallmark rule NAME");
}

fn row(rule: &Rule) -> Vec<String> {
    let preview = if rule.status == hallmark_standards::Status::Preview { "*" } else { "" };
    let fix = if rule.has_fix() { "+" } else { "" };
    let summary = rule.summary();
    let finds = summary.strip_prefix("Finds ").unwrap_or(&summary).to_owned();
    vec![format!("  {}", rule.name), rule.severity.to_string(), format!("{preview}{fix}"), finds]
}

fn document(rule: &Rule) -> Value {
    json!({
        "name": rule.name,
        "family": rule.family.name(),
        "requirement": rule.requirement(),
        "severity": rule.severity,
        "status": rule.status,
        "fix": rule.has_fix(),
        "suppressible": rule.suppressible,
        "summary": rule.summary(),
        "why": rule.why,
        "action": rule.action,
        "page": rule.page(),
    })
}
