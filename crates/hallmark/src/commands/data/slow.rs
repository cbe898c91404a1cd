//! `hallmark data slow`.

use hallmark_core::{ExitClass, Result};
use hallmark_dataflow::slow::{self, Group, Kept};
use hallmark_dataflow::{Advice, Explained};
use serde_json::{Value, json};

use super::{grouped, open};
use crate::app::App;
use crate::args::{DataSlowArgs, Format};
use crate::commands::node::{show_advice, show_statement};
use crate::models::DataFlowConfig;

/// How much of a statement a table shows, in characters.
const SHOWN: usize = 300;

/// How PostgreSQL goes about a statement, or why it does not say.
type Plan = Result<(Explained, Vec<Advice>)>;

pub(super) fn run(app: &App<'_>, args: &DataSlowArgs) -> Result<ExitClass> {
    let config: DataFlowConfig = app.config.section("dataflow")?;
    let mut kept = Kept::read(&app.project.state_path())?;
    if let Some(text) = &args.since {
        kept = kept.after(slow::since(text)?);
    }
    let (unreadable, lost) = (kept.unreadable, kept.lost());
    let mut groups = kept.groups();
    let all = groups.len();
    groups.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
    let plans = if args.explain && !groups.is_empty() {
        app.block_on(async {
            let dataflow = open(app).await?.dataflow;
            let mut plans = Vec::new();
            for group in &groups {
                plans.push(dataflow.explain_slow(&group.slowest).await);
            }
            Ok(plans)
        })?
    } else {
        Vec::new()
    };
    if args.format == Format::Json {
        let statements: Vec<Value> =
            groups.iter().enumerate().map(|(n, group)| member(group, plans.get(n))).collect();
        let document = json!({
            "schema": "hallmark.data.slow/1", "threshold_ms": config.slow_statement_ms, "statements": statements,
            "left_out": all - groups.len(), "lost": lost, "unreadable": unreadable,
        });
        app.ui.json(&document.to_string());
        return Ok(ExitClass::Ok);
    }
    if groups.is_empty() {
        app.ui.line(&match config.slow_statement_ms {
            0 => "slow statements are not written down: [dataflow] slow-statement-ms is 0".to_owned(),
            ms => format!("no statement of a node took {ms} ms"),
        });
        return Ok(ExitClass::Ok);
    }
    show(app, &groups, &plans);
    for (count, what) in [
        ((all - groups.len()) as u64, "more statements: --limit N"),
        (lost, "slow statements more that nobody had time to write down"),
        (unreadable, "lines of the log cannot be read"),
    ] {
        if count > 0 {
            app.ui.note(&format!("{} {what}", grouped(count)));
        }
    }
    if !args.explain {
        app.ui.next("hallmark data slow --explain");
    }
    Ok(ExitClass::Ok)
}

fn show(app: &App<'_>, groups: &[Group], plans: &[Plan]) {
    let numbers: Vec<Vec<String>> = groups.iter().enumerate().map(|(n, group)| row(n, group)).collect();
    app.ui.table(&["#", "CALLS", "TOTAL", "MEAN", "P95", "MAX", "LAST", "NODE"], &numbers);
    app.ui.line("");
    if plans.is_empty() {
        let texts: Vec<Vec<String>> = groups
            .iter()
            .enumerate()
            .map(|(n, group)| vec![(n + 1).to_string(), shortened(&group.shape)])
            .collect();
        app.ui.table(&["#", "STATEMENT"], &texts);
        return;
    }
    for (n, plan) in plans.iter().enumerate() {
        app.ui.line(&app.ui.strong(&format!("#{}", n + 1)));
        match plan {
            Ok((statement, advice)) => {
                show_statement(app, statement);
                show_advice(app, advice);
            }
            Err(error) => {
                app.ui.line(&shortened(&groups[n].shape));
                app.ui.line(&format!("  no plan: [{}] {error}", error.code().id));
            }
        }
        app.ui.line("");
    }
}

fn row(n: usize, group: &Group) -> Vec<String> {
    let mut node = format!("{} {}", group.node, group.operation);
    if group.failed > 0 {
        node.push_str(&format!(", {} failed", grouped(group.failed)));
    }
    let last = group.last.get(5..16).unwrap_or(&group.last).replace('T', " ");
    vec![
        (n + 1).to_string(),
        grouped(group.calls),
        short(group.total_ms),
        short(group.mean_ms()),
        short(group.p95_ms),
        short(group.slowest.ms),
        last,
        node,
    ]
}

/// A time in at most six characters.
fn short(ms: f64) -> String {
    match ms / 1e3 {
        seconds if seconds < 1.0 => format!("{ms:.0}ms"),
        seconds if seconds < 100.0 => format!("{seconds:.1}s"),
        seconds if seconds < 6_000.0 => format!("{:.0}min", seconds / 60.0),
        seconds => format!("{:.0}h", seconds / 3_600.0),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain([' ', '…']).collect()
}

fn member(group: &Group, plan: Option<&Plan>) -> Value {
    let mut member = group.to_json();
    match plan {
        Some(Ok((statement, advice))) => {
            member["plan"] = statement.plan.clone();
            member["advice"] = json!(advice);
        }
        Some(Err(error)) => {
            member["no_plan"] = json!({"code": error.code().id, "message": error.message()});
        }
        None => {}
    }
    member
}
