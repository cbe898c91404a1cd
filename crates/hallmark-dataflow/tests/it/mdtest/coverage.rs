//! Every operation and every parameter that a kind declares has an example on a page.

use std::collections::BTreeSet;

use hallmark_workflow::{Group, Registry};
use serde_json::Value;

use super::page::{Block, Kind};
use super::{folder, models, pages};
use crate::support::World;

/// `Kind.operation` and `Kind.parameter` that have no example yet. Empty it is whole; an entry that has an example is an error too.
const WITHOUT: [&str; 0] = [];

/// What the pages call, as `Kind operation parameter`; operations only where the call is answered.
fn called() -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    for page in pages() {
        for section in &page.sections {
            for (at, block) in section.iter().enumerate().filter(|(_, b)| b.kind == Kind::Call) {
                let Ok(Value::Object(call)) = serde_json::from_str(&block.text) else { continue };
                let node = call.get("node").and_then(Value::as_str).unwrap_or_default();
                let Some(kind) = KINDS.iter().find(|k| node.ends_with(&format!("{k}Node"))) else { continue };
                let answered = section.get(at + 1).is_none_or(|b: &Block| b.kind != Kind::Error);
                for name in call.keys().filter(|n| *n != "node" && *n != "tenant") {
                    called.insert(format!("{kind}.{name}"));
                }
                if answered {
                    let operation = call.get("operation").and_then(Value::as_str).unwrap_or("-");
                    called.insert(format!("{kind} {operation}"));
                }
            }
        }
    }
    called
}

const KINDS: [&str; 9] =
    ["Aggregate", "Analytics", "CRUD", "Cache", "Export", "Import", "Search", "Transform", "Validate"];

/// What the nodes of a model declare, in the same words. The default operation may be left out of a call.
fn declared(registry: &Registry) -> BTreeSet<(String, bool)> {
    let mut declared = BTreeSet::new();
    for spec in registry.specs() {
        let Group::Generated { kind, .. } = &spec.group else { continue };
        for param in &spec.params {
            declared.insert((format!("{kind}.{}", param.name), false));
            if param.name == "operation" {
                for choice in param.choices.iter().filter_map(Value::as_str) {
                    let default = param.default.as_ref().and_then(Value::as_str) == Some(choice);
                    declared.insert((format!("{kind} {choice}"), default));
                }
            }
        }
    }
    declared
}

#[tokio::test]
async fn every_operation_and_parameter_has_an_example() {
    let page = &pages()[0];
    let blocks: Vec<&Block> = page.sections[0].iter().collect();
    let world = World::named(models(&blocks), "it_dataflow_pages", crate::support::witness().await);
    let declared = declared(&world.registry);
    let kinds: BTreeSet<&str> = declared.iter().filter_map(|(d, _)| d.split(['.', ' ']).next()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), KINDS);
    let called = called();
    let missing: Vec<&str> = declared
        .iter()
        .filter(|(d, default)| {
            let bare = d.split(' ').next().unwrap_or_default();
            !(called.contains(d) || *default && called.contains(&format!("{bare} -")))
        })
        .map(|(d, _)| d.as_str())
        .filter(|d| !d.ends_with(".operation"))
        .collect();
    let unlisted: Vec<&&str> = missing.iter().filter(|d| !WITHOUT.contains(d)).collect();
    assert!(unlisted.is_empty(), "no example in {}: {unlisted:?}", folder().display());
    let needless: Vec<&&str> = WITHOUT.iter().filter(|d| !missing.contains(d)).collect();
    assert!(needless.is_empty(), "there is an example: {needless:?}");
}
