//! `hallmark nodes [NAME]`: every node, or one with its parameters and their bounds.

use std::collections::BTreeMap;

use hallmark_core::{Error, ExitClass, Result, nearest};
use hallmark_services::Endpoints;
use hallmark_workflow::{Group, NodeSpec, Param};
use serde_json::json;

use crate::app::App;
use crate::args::{Format, NodesArgs};
use crate::commands::codes;
use crate::wiring::{Catalogue, Fallbacks};

/// The version of the JSON form.
const SCHEMA: &str = "hallmark.nodes/1";

pub(crate) fn run(app: &App<'_>, args: &NodesArgs) -> Result<ExitClass> {
    let catalogue = Catalogue::open(app, &Endpoints::default(), Fallbacks::Never)?;
    let specs: Vec<&NodeSpec> = catalogue.registry.specs().collect();
    match &args.name {
        Some(name) => {
            // The SDK's names are not listed, and can be asked for.
            let aliases = catalogue.registry.aliases().map(|node| node.spec());
            describe(app, args.format, name, &specs.into_iter().chain(aliases).collect::<Vec<_>>())?;
        }
        None if args.format == Format::Json => {
            let nodes: Vec<_> = specs.iter().map(|s| summary(s)).collect();
            app.ui.json(&json!({ "schema": SCHEMA, "nodes": nodes }).to_string());
        }
        None => list(app, &specs),
    }
    Ok(ExitClass::Ok)
}

fn summary(spec: &NodeSpec) -> serde_json::Value {
    json!({
        "name": spec.name,
        "summary": spec.summary,
        "group": group(&spec.group),
        "read_only": spec.read_only,
        "input": spec.input_schema(),
    })
}

fn group(group: &Group) -> String {
    match group {
        Group::Generated { model, .. } => model.clone(),
        Group::Agent => "agents".to_owned(),
        Group::Builtin => "builtin".to_owned(),
        Group::Workflow => "workflows".to_owned(),
        Group::Custom => "custom".to_owned(),
    }
}

fn list(app: &App<'_>, specs: &[&NodeSpec]) {
    let mut groups: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
    for spec in specs {
        let (generated, short) = match &spec.group {
            Group::Generated { kind, .. } => (true, kind.to_string()),
            _ => (false, spec.name.clone()),
        };
        groups.entry((!generated, group(&spec.group))).or_default().push(short);
    }
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|((_, name), nodes)| vec![name.clone(), nodes.len().to_string(), nodes.join(" ")])
        .collect();
    app.ui.table(&["GROUP", "NODES", "KINDS OR NAMES"], &rows);
    app.ui.note(&format!("{} nodes and workflows", specs.len()));
    app.ui.next("hallmark nodes NAME");
}

fn describe(app: &App<'_>, format: Format, name: &str, specs: &[&NodeSpec]) -> Result<()> {
    let Some(spec) = specs.iter().find(|s| s.name == name) else {
        let names: Vec<&str> = specs.iter().map(|s| s.name.as_str()).collect();
        return Err(Error::new(&codes::UNKNOWN_TOPIC, format!("there is no node called {name}")).next(
            nearest(name, names).map_or("hallmark nodes".to_owned(), |n| format!("hallmark nodes {n}")),
        ));
    };
    if format == Format::Json {
        app.ui.json(&summary(spec).to_string());
        return Ok(());
    }
    app.ui.line(&app.ui.strong(&spec.name));
    app.ui.line(&spec.summary);
    app.ui.line("");
    let rows: Vec<Vec<String>> = spec.params.iter().map(parameter).collect();
    app.ui.table(&["PARAMETER", "TYPE", "REQUIRED", "DESCRIPTION"], &rows);
    app.ui.next(&format!("hallmark node run {name} --input JSON"));
    Ok(())
}

fn parameter(param: &Param) -> Vec<String> {
    let kind = format!("{:?}", param.kind).to_lowercase();
    let mut text = param.description.clone();
    if !param.choices.is_empty() {
        let choices: Vec<String> = param.choices.iter().map(ToString::to_string).collect();
        text = format!("{text} [{}]", choices.join(", "));
    }
    vec![param.name.clone(), kind, if param.required { "yes" } else { "no" }.to_owned(), text]
}
