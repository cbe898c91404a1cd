//! `#[register_node]`, end to end.

use std::sync::Arc;

use hallmark_core::Result;
use hallmark_workflow::{
    Caller, Context, Group, LocalRuntime, Node, ParamType, Registry, RunStore, Sensitivity, WorkflowBuilder,
    register_node,
};
use serde_json::{Value, json};

use crate::nodes::HvacSuitability;
use crate::{code, unkept};

#[test]
fn the_description_comes_from_the_arguments() {
    let node = HvacSuitability;
    let spec = node.spec();
    assert_eq!(spec.name, "HvacSuitability");
    assert_eq!(spec.summary, "Says whether a heat pump suits a building.");
    assert_eq!(spec.group, Group::Agent);
    assert!(spec.read_only);
    assert_eq!(spec.timeout_ms, 2_000);
    let names: Vec<&str> = spec.params.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["area_m2", "climate", "token", "floor-count", "rooms"]);
    let area = spec.find("area_m2").unwrap();
    assert!(area.required && area.kind == ParamType::Number);
    assert_eq!(area.description, "Floor area in square metres");
    let token = spec.find("token").unwrap();
    assert_eq!((token.required, token.sensitivity), (false, Sensitivity::Secret));
    assert_eq!(
        spec.input_schema(),
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "required": ["area_m2"],
            "properties": {
                "area_m2": {"type": "number", "description": "Floor area in square metres", "minimum": 1.0, "maximum": 100.0},
                "climate": {"type": ["string", "null"], "enum": ["cold", "temperate", "hot", null], "default": "temperate"},
                "token": {"type": ["string", "null"], "description": "A token of the weather service", "writeOnly": true},
                "floor-count": {"type": ["integer", "null"], "default": 2, "maximum": 9.0},
                "rooms": {"type": ["array", "null"]},
            },
        })
    );
}

#[tokio::test]
async fn it_runs_with_what_was_given_and_with_defaults() {
    let runtime = unkept();
    let run = runtime.call("HvacSuitability", json!({"area_m2": 40}), &Caller::new("ada")).await.unwrap();
    assert_eq!(
        *run.result,
        json!({"suitable": true, "area_m2": 40.0, "floors": 2, "rooms": 0, "authorised": false, "caller": "ada"})
    );
    let input = json!({"area_m2": 90.5, "climate": "cold", "token": "tok-123456", "floor-count": 3, "rooms": ["a", "b"]});
    let run = runtime.call("HvacSuitability", input, &Caller::new("ada")).await.unwrap();
    assert_eq!(run.result["suitable"], false);
    assert_eq!(run.result["rooms"], 2);
    assert_eq!(run.result["authorised"], true);
    assert_eq!(run.inputs["token"], "********");
}

#[tokio::test]
async fn items_and_widths_are_checked_too() {
    let runtime = unkept();
    let ada = Caller::new("ada");
    let wrong =
        runtime.call("HvacSuitability", json!({"area_m2": 1, "rooms": ["a", 2]}), &ada).await.unwrap_err();
    assert_eq!(code(&wrong), "HM-W012");
    assert!(wrong.message().contains("item 1"), "{wrong:?}");
    let wrong =
        runtime.call("HvacSuitability", json!({"area_m2": 1, "floor-count": -1}), &ada).await.unwrap_err();
    assert_eq!(code(&wrong), "HM-W012");
}

struct Counter {
    step: i64,
}

/// Adds the step that it was made with.
#[register_node(name = "AddStepNode", read_only)]
impl Counter {
    async fn run(&self, _context: &Context, #[param(min = -10, max = 10)] to: i64) -> Result<Value> {
        Ok(json!({"sum": to + self.step}))
    }
}

#[tokio::test]
async fn an_impl_block_makes_a_node_that_holds_something() {
    let mut registry = Registry::new();
    registry.register(Arc::new(Counter { step: 7 })).unwrap();
    let registry = Arc::new(registry);
    assert_eq!(registry.get("AddStepNode").unwrap().spec().summary, "Adds the step that it was made with.");
    let workflow =
        WorkflowBuilder::new().add_node("AddStepNode", "add", json!({"to": 3})).build(&registry).unwrap();
    let runtime = LocalRuntime::new(registry, RunStore::none());
    let run = runtime.execute(&workflow, json!({}), &Caller::new("ada")).await.unwrap();
    assert_eq!(*run.result, json!({"sum": 10}));
}
