//! `models.list`: the models, with the node of each kind.

use std::collections::BTreeMap;

use hallmark_workflow::{Group, Registry};
use serde_json::{Value, json};

use super::{Effect, Operation, Outcome};

/// Every model with its nodes by kind, both sorted.
pub(crate) fn by_model(registry: &Registry) -> BTreeMap<&str, BTreeMap<&str, &str>> {
    let mut models: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for spec in registry.specs() {
        if let Group::Generated { model, kind } = &spec.group {
            models.entry(model).or_default().insert(kind, &spec.name);
        }
    }
    models
}

pub(super) fn list() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let models: Vec<Value> = by_model(call.operations.registry())
                .into_iter()
                .map(|(model, nodes)| json!({ "model": model, "nodes": nodes }))
                .collect();
            Ok(Outcome::of(json!({ "models": models })))
        })
    };
    Operation::new("models.list", "The models, with the node of each kind.", Effect::Reads, run)
        .routes(&[("GET", "/api/v1/models")])
        .tool("list_models")
}
