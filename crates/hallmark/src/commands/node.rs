//! `hallmark node run|explain NAME --input JSON`.

use hallmark_core::{Error, ExitClass, Result};
use hallmark_dataflow::{Advice, Explained, Explanation};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{Format, NodeAction, NodeArgs, NodeExplainArgs, NodeRunArgs};
use crate::commands::{call, codes, data};

pub(crate) fn run(app: &App<'_>, args: &NodeArgs) -> Result<ExitClass> {
    match &args.action {
        NodeAction::Run(args) => execute(app, args),
        NodeAction::Explain(args) => explain(app, args),
    }
}

fn execute(app: &App<'_>, args: &NodeRunArgs) -> Result<ExitClass> {
    let mut input = json!({ "node": args.name, "input": call::input(&args.input)? });
    if let Some(session) = &args.session {
        input["session"] = json!(session);
    }
    call::print(app, &call::operation(app, "node.run", input)?);
    Ok(ExitClass::Ok)
}

fn explain(app: &App<'_>, args: &NodeExplainArgs) -> Result<ExitClass> {
    let Value::Object(input) = call::input(&args.input)? else {
        return Err(Error::new(&codes::UNKNOWN_VALUE, "--input takes a JSON object"));
    };
    let explanation = app.block_on(async {
        let catalogue = data::open(app).await?;
        let context = data::context(args.tenant.as_deref());
        catalogue.dataflow.explain(&catalogue.registry, &args.name, &context, input).await
    })?;
    if args.format == Format::Json {
        app.ui.json(&explanation.to_json().to_string());
    } else {
        show(app, &explanation);
    }
    Ok(ExitClass::Ok)
}

fn show(app: &App<'_>, explanation: &Explanation) {
    for (n, statement) in explanation.statements.iter().enumerate() {
        if n > 0 {
            app.ui.line("");
        }
        show_statement(app, statement);
    }
    show_advice(app, &explanation.advice);
    if !explanation.executed {
        app.ui.note(
            "it would change rows, and was not carried out: what follows its first statement is not shown",
        );
    }
}

/// A statement, the types of its parameters, and its plan.
pub(crate) fn show_statement(app: &App<'_>, statement: &Explained) {
    app.ui.line(&statement.sql);
    if !statement.parameters.is_empty() {
        let named = statement.parameters.iter().enumerate().map(|(n, ty)| format!("${} {ty}", n + 1));
        app.ui.line(&format!("with {}", named.collect::<Vec<_>>().join(", ")));
    }
    for part in statement.plan.as_array().into_iter().flatten() {
        plan(app, &part["Plan"], 1);
        if let Some(ms) = part["Execution Time"].as_f64() {
            app.ui.line(&format!(
                "  took {ms:.2} ms, planned in {:.2} ms",
                part["Planning Time"].as_f64().unwrap_or_default()
            ));
        }
    }
}

/// What would make statements cheaper.
pub(crate) fn show_advice(app: &App<'_>, advice: &[Advice]) {
    for advice in advice {
        app.ui.note(&format!("{}: {}", advice.model, advice.text));
    }
}

/// A node of a plan on one line, and those below it further in.
fn plan(app: &App<'_>, node: &Value, depth: usize) {
    let text = |name: &str| node[name].as_str().unwrap_or_default();
    let mut line = format!("{}{}", "  ".repeat(depth), text("Node Type"));
    for (before, name) in [(" using ", "Index Name"), (" on ", "Relation Name")] {
        if !text(name).is_empty() {
            line.push_str(before);
            line.push_str(text(name));
        }
    }
    let number = |name: &str| node[name].as_f64();
    match (number("Actual Rows"), number("Actual Total Time")) {
        (Some(rows), Some(ms)) => line.push_str(&format!(": {rows:.0} rows in {ms:.2} ms")),
        _ => line.push_str(&format!(": about {:.0} rows", number("Plan Rows").unwrap_or_default())),
    }
    app.ui.line(&line);
    for name in ["Index Cond", "Recheck Cond", "Hash Cond", "Filter", "Sort Key"] {
        match &node[name] {
            Value::String(condition) => app.ui.line(&format!("{}  {name}: {condition}", "  ".repeat(depth))),
            Value::Array(keys) => {
                let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
                app.ui.line(&format!("{}  {name}: {}", "  ".repeat(depth), keys.join(", ")));
            }
            _ => {}
        }
    }
    for below in node["Plans"].as_array().into_iter().flatten() {
        plan(app, below, depth + 1);
    }
}
