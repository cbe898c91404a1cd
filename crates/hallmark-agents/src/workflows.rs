//! The three workflows, built out of the nodes and registered as nodes.

use hallmark_core::Result;
use hallmark_workflow::{Param, Registry, WorkflowBuilder};
use serde_json::json;

use crate::nodes::{CLASSIFIER, RECOMMENDER, SAFETY};
use crate::request::{context_params, product_params, ranking_params};

/// Registers `product_classification`, `safety_analysis` and `recommendation_engine`.
///
/// All take the same parameters (`product_name`, `description`, `category`, `context`, `budget`, `limit` and the other names of
/// them), so that one request can be put to each; what a workflow does not need, it ignores.
///
/// # Errors
/// `HM-W001` if [`crate::nodes`] are not registered yet, `HM-W002` if a name is taken.
pub fn workflows(registry: &mut Registry) -> Result<()> {
    let all = [
        ("product_classification", "Classifies a product: category, confidence, alternatives", None),
        (
            "safety_analysis",
            "Classifies a product, then follows the safety graph from its category",
            Some(SAFETY),
        ),
        (
            "recommendation_engine",
            "Classifies a product, then ranks its neighbours by vector, graph and price",
            Some(RECOMMENDER),
        ),
    ];
    for (name, summary, second) in all {
        let inputs: Vec<Param> =
            product_params().into_iter().chain(context_params()).chain(ranking_params()).collect();
        let mut builder =
            inputs.iter().cloned().fold(WorkflowBuilder::new().name(name), WorkflowBuilder::add_input);
        builder = builder.add_node(CLASSIFIER, "classify", json!({}));
        for param in product_params() {
            builder = builder.add_connection("input", &param.name, "classify", &param.name);
        }
        if let Some(node) = second {
            builder = builder.add_node(node, "answer", json!({})).add_connection(
                "classify",
                "$",
                "answer",
                "classification",
            );
            let takes = registry.get(node)?.spec().clone();
            for param in inputs.iter().filter(|p| takes.find(&p.name).is_some()) {
                builder = builder.add_connection("input", &param.name, "answer", &param.name);
            }
        }
        let workflow = builder.build(registry)?;
        registry.register_workflow(name, summary, workflow)?;
    }
    Ok(())
}
