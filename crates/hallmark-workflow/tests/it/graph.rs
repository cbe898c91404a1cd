//! Graphs: what is refused, what runs at the same time, what a failure and a branch do.

use std::time::{Duration, Instant};

use hallmark_workflow::{
    Caller, Definition, LocalRuntime, Param, RunStore, RuntimeOptions, Status, WorkflowBuilder,
};
use serde_json::json;

use crate::{build, code, registry, unkept};

fn ada() -> Caller {
    Caller::new("ada")
}

#[tokio::test]
async fn a_diamond_runs_its_middle_at_the_same_time() {
    let workflow = build(
        WorkflowBuilder::new()
            .add_node("EchoNode", "top", json!({"value": {"n": 1}}))
            .add_node("SleepNode", "left", json!({"ms": 150}))
            .add_node("SleepNode", "right", json!({"ms": 150}))
            .add_node("MergeNode", "bottom", json!({"mode": "list"}))
            .add_connection("top", "value.n", "left", "value")
            .add_connection("top", "value", "right", "value")
            .add_connection("left", "value", "bottom", "a")
            .add_connection("right", "value", "bottom", "b"),
    )
    .unwrap();
    let began = Instant::now();
    let run = unkept().execute(&workflow, json!({}), &ada()).await.unwrap();
    let took = began.elapsed();
    assert_eq!(*run.result, json!({"value": [1, {"n": 1}]}));
    assert!(took >= Duration::from_millis(150) && took < Duration::from_millis(290), "{took:?}");
    assert_eq!(
        run.nodes.iter().map(|n| n.id.as_str()).collect::<Vec<_>>(),
        ["top", "left", "right", "bottom"]
    );
    assert!(run.nodes[1].duration_us >= 150_000);
}

#[tokio::test]
async fn concurrency_is_bounded() {
    let mut builder = WorkflowBuilder::new();
    for i in 0..6 {
        builder = builder.add_node("SleepNode", &format!("s{i}"), json!({"ms": 50}));
    }
    let workflow = build(builder).unwrap();
    let options = RuntimeOptions { concurrency: 2, ..RuntimeOptions::default() };
    let runtime = LocalRuntime::with_options(registry(), RunStore::none(), options);
    let began = Instant::now();
    let run = runtime.execute(&workflow, json!({}), &ada()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(150));
    assert_eq!(
        run.result.as_object().unwrap().len(),
        6,
        "without declared outputs every last node is in the result"
    );
}

#[tokio::test]
async fn a_failure_ends_the_rest() {
    let workflow = build(
        WorkflowBuilder::new()
            .add_node("EchoNode", "first", json!({"value": 1}))
            .add_node("FailNode", "breaks", json!({"ms": 20, "why": "no such luck"}))
            .add_node("SleepNode", "long", json!({"ms": 5_000}))
            .add_node("EchoNode", "after", json!({}))
            .add_connection("first", "value", "breaks", "value")
            .add_connection("first", "value", "long", "value")
            .add_connection("breaks", "$", "after", "value"),
    )
    .unwrap();
    let runtime = unkept();
    let began = Instant::now();
    let run = runtime.attempt(&workflow, json!({}), &ada()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2));
    let states: Vec<Status> = run.nodes.iter().map(|n| n.status).collect();
    assert_eq!(states, [Status::Succeeded, Status::Failed, Status::Cancelled, Status::Cancelled]);
    assert_eq!(run.status, Status::Failed);
    assert_eq!(run.error.as_ref().unwrap()["code"], "HM-W040");
    let error = runtime.execute(&workflow, json!({}), &ada()).await.unwrap_err();
    assert_eq!(error.message(), "no such luck");
    assert!(error.place().unwrap().contains("node breaks"), "{error:?}");
}

#[tokio::test]
async fn time_limits_hold_for_nodes_and_for_runs() {
    let slow = WorkflowBuilder::new().add_node("SleepNode", "slow", json!({"ms": 5_000})).timeout_ms(30);
    let error = unkept().execute(&build(slow.clone()).unwrap(), json!({}), &ada()).await.unwrap_err();
    assert_eq!(code(&error), "HM-W030");
    assert!(error.message().contains("30 ms") && error.place().unwrap().contains("node slow"), "{error:?}");

    let options = RuntimeOptions { run_timeout: Duration::from_millis(40), ..RuntimeOptions::default() };
    let runtime = LocalRuntime::with_options(registry(), RunStore::none(), options);
    let run = runtime.attempt(&build(slow.timeout_ms(60_000)).unwrap(), json!({}), &ada()).await.unwrap();
    assert_eq!(run.error.unwrap()["code"], "HM-W030");
    assert_eq!(run.nodes[0].status, Status::Cancelled);
}

#[tokio::test]
async fn a_panic_stays_in_its_run() {
    let workflow = build(WorkflowBuilder::new().add_node("PanicNode", "p", json!({"value": 1}))).unwrap();
    let error = unkept().execute(&workflow, json!({}), &ada()).await.unwrap_err();
    assert_eq!(code(&error), "HM-W031");
}

#[tokio::test]
async fn a_branch_not_taken_skips_what_hangs_on_it() {
    let workflow = build(
        WorkflowBuilder::new()
            .add_input(Param::integer("n").required())
            .add_node("ConditionNode", "big", json!({"operator": ">", "operand": 10}))
            .add_node("TemplateNode", "yes", json!({"template": "{{ n }} is big", "values": {}}))
            .add_node("TemplateNode", "no", json!({"template": "small", "values": {}}))
            .add_node("EchoNode", "chain", json!({}))
            .add_node("MergeNode", "either", json!({}))
            .add_connection("input", "n", "big", "value")
            .add_connection("big", "then", "yesvalues", "value")
            .add_node("MapNode", "yesvalues", json!({"paths": {"n": "$"}}))
            .add_connection("yesvalues", "$", "yes", "values")
            .add_node("MapNode", "novalues", json!({"paths": {"n": "$"}}))
            .add_connection("big", "else", "novalues", "value")
            .add_connection("novalues", "$", "no", "values")
            .add_connection("no", "text", "chain", "value")
            .add_connection("yes", "text", "either", "a")
            .add_connection("chain", "value", "either", "b")
            .add_connection("either", "value", "output", "text"),
    )
    .unwrap();
    let runtime = unkept();
    let run = runtime.execute(&workflow, json!({"n": 11}), &ada()).await.unwrap();
    assert_eq!(*run.result, json!({"text": "11 is big"}));
    let skipped: Vec<&str> =
        run.nodes.iter().filter(|n| n.status == Status::Skipped).map(|n| n.id.as_str()).collect();
    assert_eq!(skipped, ["no", "chain", "novalues"]);
    let run = runtime.execute(&workflow, json!({"n": 10}), &ada()).await.unwrap();
    assert_eq!(*run.result, json!({"text": "small"}));
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_an_error_and_says_what_there_is() {
    let workflow = build(
        WorkflowBuilder::new()
            .add_node("EchoNode", "a", json!({"value": {"x": 1}}))
            .add_node("EchoNode", "b", json!({}))
            .add_connection("a", "valeu", "b", "value"),
    )
    .unwrap();
    let error = unkept().execute(&workflow, json!({}), &ada()).await.unwrap_err();
    assert_eq!(code(&error), "HM-W034");
    assert_eq!(error.next_step(), Some("it has: caller, value"));
}

#[test]
fn what_cannot_be_a_workflow_is_refused_when_it_is_built() {
    let one = || WorkflowBuilder::new().add_node("EchoNode", "a", json!({}));
    let cases = [
        ("HM-W024", WorkflowBuilder::new(), "no nodes"),
        ("HM-W001", one().add_node("EcoNode", "b", json!({})), "EcoNode"),
        ("HM-W020", one().add_node("EchoNode", "a", json!({})), "id a"),
        ("HM-W021", one().add_connection("a", "value", "x", "value"), "\"x\""),
        ("HM-W021", one().add_connection("x", "value", "a", "value"), "\"x\""),
        (
            "HM-W010",
            one().add_node("EchoNode", "b", json!({})).add_connection("a", "value", "b", "valu"),
            "valu",
        ),
        ("HM-W010", WorkflowBuilder::new().add_node("EchoNode", "a", json!({"valu": 1})), "valu"),
        ("HM-W010", one().add_connection("input", "n", "a", "value"), "\"n\""),
        ("HM-W011", WorkflowBuilder::new().add_node("WordNode", "a", json!({})), "word"),
        ("HM-W012", WorkflowBuilder::new().add_node("WordNode", "a", json!({"word": 5})), "a string"),
        ("HM-W024", WorkflowBuilder::new().add_node("EchoNode", "input", json!({})), "\"input\""),
        ("HM-W024", WorkflowBuilder::new().add_node("EchoNode", "a b", json!({})), "a b"),
        ("HM-W024", WorkflowBuilder::new().add_node("EchoNode", "a", json!([])), "not an object"),
        ("HM-W024", one().add_connection("a", "x..y", "a", "value"), "x..y"),
        ("HM-W022", one().add_connection("a", "value", "a", "value"), "a → a"),
    ];
    for (expected, builder, says) in cases {
        let error = build(builder).unwrap_err();
        assert_eq!(code(&error), expected, "{error:?}");
        assert!(error.message().contains(says), "{error:?} should say {says}");
    }
    let twice = one()
        .add_node("EchoNode", "b", json!({}))
        .add_node("EchoNode", "c", json!({}))
        .add_connection("a", "value", "c", "value")
        .add_connection("b", "value", "c", "value");
    assert_eq!(code(&build(twice).unwrap_err()), "HM-W025");
}

#[test]
fn a_cycle_is_named() {
    let mut builder = WorkflowBuilder::new().add_node("EchoNode", "outside", json!({}));
    for id in ["a", "b", "c"] {
        builder = builder.add_node("MergeNode", id, json!({}));
    }
    let builder = builder
        .add_connection("outside", "value", "a", "a")
        .add_connection("a", "value", "b", "a")
        .add_connection("b", "value", "c", "a")
        .add_connection("c", "value", "a", "b")
        .add_node("EchoNode", "behind", json!({}))
        .add_connection("c", "value", "behind", "value");
    let error = build(builder).unwrap_err();
    assert_eq!(code(&error), "HM-W022");
    assert!(
        error.message().ends_with("a → b → c → a")
            || error.message().ends_with("c → a → b → c")
            || error.message().ends_with("b → c → a → b"),
        "{error:?}"
    );
}

#[test]
fn size_is_bounded() {
    let mut builder = WorkflowBuilder::new();
    for i in 0..=1_000 {
        builder = builder.add_node("EchoNode", &format!("n{i}"), json!({}));
    }
    assert_eq!(code(&build(builder).unwrap_err()), "HM-W023");
}

#[tokio::test]
async fn a_definition_survives_json_and_toml() {
    let builder = WorkflowBuilder::new()
        .name("shout")
        .add_input(Param::string("who").required().max_length(10))
        .add_node("TemplateNode", "t", json!({"template": "{{ who }}!"}))
        .add_connection("input", "$", "t", "values");
    let written = builder.definition().to_json();
    let read = Definition::from_json(written).unwrap();
    assert_eq!(&read, builder.definition());
    let toml = r#"
        name = "shout"
        inputs = [{ name = "who", type = "string", required = true, max_length = 10 }]
        [[nodes]]
        id = "t"
        type = "TemplateNode"
        config = { template = "{{ who }}!" }
        [[connections]]
        from = "input"
        output = "$"
        to = "t"
        param = "values"
    "#;
    assert_eq!(&Definition::from_toml(toml).unwrap(), builder.definition());
    let workflow = read.build(&registry()).unwrap();
    let run = unkept().execute(&workflow, json!({"who": "Ada"}), &ada()).await.unwrap();
    assert_eq!((run.workflow.as_str(), &*run.result), ("shout", &json!({"text": "Ada!"})));
    for wrong in
        [json!({"nodes": 1}), json!([]), json!({"nodes": [], "nods": 1}), json!({"nodes": [{"id": "a"}]})]
    {
        assert_eq!(code(&Definition::from_json(wrong).unwrap_err()), "HM-W024");
    }
}

#[tokio::test]
async fn inputs_are_governed_declared_or_per_node() {
    let runtime = unkept();
    let declared = build(
        WorkflowBuilder::new()
            .add_input(Param::string("word").required())
            .add_node("WordNode", "w", json!({}))
            .add_connection("input", "word", "w", "word"),
    )
    .unwrap();
    for (input, expected) in [
        (json!({}), "HM-W011"),
        (json!({"word": 5}), "HM-W012"),
        (json!({"word": "a", "w": {}}), "HM-W010"),
        (json!([]), "HM-W012"),
    ] {
        assert_eq!(code(&runtime.execute(&declared, input, &ada()).await.unwrap_err()), expected);
    }
    let per_node = build(WorkflowBuilder::new().add_node("WordNode", "w", json!({"word": "set"}))).unwrap();
    let run = runtime.execute(&per_node, json!({"w": {"word": "given"}}), &ada()).await.unwrap();
    assert_eq!(run.result["word"], "given");
    for (input, expected) in [
        (json!({"x": {}}), "HM-W010"),
        (json!({"w": 1}), "HM-W012"),
        (json!({"w": {"word": 1}}), "HM-W012"),
        (json!({"w": {"wrd": "a"}}), "HM-W010"),
    ] {
        assert_eq!(code(&runtime.execute(&per_node, input, &ada()).await.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn a_workflow_is_a_node() {
    let inner = build(
        WorkflowBuilder::new()
            .add_input(Param::string("word").required().max_length(3))
            .add_node("WordNode", "w", json!({}))
            .add_connection("input", "word", "w", "word")
            .add_connection("w", "length", "output", "n"),
    )
    .unwrap();
    let mut registry = hallmark_workflow::Registry::with_builtins().unwrap();
    registry.register_all(crate::nodes::all()).unwrap();
    registry.register_workflow("word_length", "Counts letters", inner).unwrap();
    let spec = registry.get("word_length").unwrap().spec();
    assert!(spec.read_only && spec.params[0].name == "word");
    let outer = WorkflowBuilder::new()
        .add_node("word_length", "inner", json!({"word": "abc"}))
        .add_node("EchoNode", "e", json!({}))
        .add_connection("inner", "n", "e", "value")
        .build(&registry)
        .unwrap();
    let runtime = LocalRuntime::new(registry.into(), RunStore::none());
    let run = runtime.execute(&outer, json!({}), &ada()).await.unwrap();
    assert_eq!(run.result["value"], 3);
    let run = runtime.call("word_length", json!({"word": "ab"}), &ada()).await.unwrap();
    assert_eq!((run.workflow.as_str(), &*run.result, run.nodes.len()), ("word_length", &json!({"n": 2}), 1));
    let error = runtime.call("word_length", json!({"word": "abcd"}), &ada()).await.unwrap_err();
    assert_eq!(code(&error), "HM-W014");
    let error = runtime.call("word_lenght", json!({}), &ada()).await.unwrap_err();
    assert_eq!((code(&error), error.next_step()), ("HM-W001", Some("did you mean word_length?")));
}
