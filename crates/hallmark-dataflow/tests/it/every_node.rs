//! All 117 nodes of the 13 models, executed, and a node that does nothing found out.

use std::sync::Arc;

use hallmark_dataflow::exercise;
use hallmark_workflow::{BoxFuture, Context, Input, Node, NodeSpec, Registry};
use serde_json::{Value, json};

use crate::support::{models, with};

/// One trial at a time, so that a schema left behind is this test's own.
static TRIAL: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn every_generated_node_has_the_effect_it_claims() {
    let _one = TRIAL.lock().await;
    let models = models();
    assert_eq!(models.len(), 13);
    assert_eq!(models.iter().map(|m| m.fields.len()).sum::<usize>(), 299);
    assert_eq!(models.iter().map(|m| m.indexes.len()).sum::<usize>(), 120);
    with(models, |world| async move {
        let outcomes = exercise(&world.dataflow, &world.registry).await;
        let failed: Vec<String> =
            outcomes.iter().filter(|o| !o.ok).map(|o| format!("{}: {}", o.name, o.detail)).collect();
        assert_eq!(failed, Vec::<String>::new());
        assert_eq!(outcomes.len(), 117);
        assert!(outcomes.iter().all(|o| o.effect_digest.len() == 64 && o.duration_ms > 0.0));
        // The trial left the project's own tables alone and took its schema away.
        assert_eq!(world.ask("SELECT count(*) FROM {}.companies").await, json!(0));
        let left =
            world.ask("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'hallmark_scratch_%'").await;
        assert_eq!(left, json!(0));
    })
    .await;
}

/// Answers what the real one would, having done nothing.
struct Idle(NodeSpec);

impl Node for Idle {
    fn spec(&self) -> &NodeSpec {
        &self.0
    }

    fn run<'a>(&'a self, _: &'a Context, input: Input) -> BoxFuture<'a, hallmark_core::Result<Value>> {
        Box::pin(async move {
            let row = input.get("data").cloned().unwrap_or_default();
            Ok(json!({
                "operation": input.get("operation"), "found": true, "row": row, "rows": input.get("rows"), "count": 0, "valid": true,
                "source": "database", "imported": 3, "groups": [], "content": "", "rows_read": 3, "next_cursor": "00",
            }))
        })
    }
}

#[tokio::test]
async fn a_node_that_does_nothing_is_found_out() {
    let _one = TRIAL.lock().await;
    let models = models()
        .into_iter()
        .filter(|m| matches!(m.name.as_str(), "Company" | "ClassificationHistory" | "Document"))
        .collect();
    with(models, |world| async move {
        let mut registry = Registry::new();
        for node in world.dataflow.nodes() {
            registry.register(Arc::new(Idle(node.spec().clone()))).unwrap();
        }
        let outcomes = exercise(&world.dataflow, &registry).await;
        assert_eq!(outcomes.len(), 27);
        let passed: Vec<&str> = outcomes.iter().filter(|o| o.ok).map(|o| o.name.as_str()).collect();
        assert_eq!(passed, Vec::<&str>::new(), "an idle node of each kind must fail its check");
        // Missing from the registry is not executed either.
        let empty = exercise(&world.dataflow, &Registry::new()).await;
        assert!(empty.len() == 27 && empty.iter().all(|o| !o.ok && o.detail.contains("HM-W001")));
    })
    .await;
}

/// The example project: the thirteen, and the requirements' `ProductCatalog` in a module of its own.
#[tokio::test]
async fn the_example_project_has_nodes_that_work() {
    let _one = TRIAL.lock().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/catalog/catalog");
    let mut models = Vec::new();
    for file in ["models.py", "product_catalog.py"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let (mut read, problems) = hallmark_python::models::read(file, &text);
        assert!(problems.is_empty(), "{problems:?}");
        models.append(&mut read);
    }
    assert_eq!(models.len(), 14);
    with(models, |world| async move {
        let outcomes = exercise(&world.dataflow, &world.registry).await;
        let failed: Vec<String> =
            outcomes.iter().filter(|o| !o.ok).map(|o| format!("{}: {}", o.name, o.detail)).collect();
        assert_eq!(failed, Vec::<String>::new());
        assert_eq!(outcomes.len(), 126);
    })
    .await;
}
