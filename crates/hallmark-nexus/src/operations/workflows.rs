//! Workflows: registered ones by name, or a definition that the caller posts.

use hallmark_core::{Error, Result};
use hallmark_workflow::{Definition, Param, codes as workflow};
use serde_json::{Value, json};

use super::{Call, Effect, Operation, Outcome, nodes, session};
use crate::{codes, wire};

pub(super) fn list() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let registry = call.operations.registry();
            let workflows: Vec<Value> = registry
                .specs()
                .filter(|spec| registry.workflow(&spec.name).is_some())
                .map(|spec| json!({ "workflow": spec.name, "summary": spec.summary, "input": spec.input_schema() }))
                .collect();
            Ok(Outcome::of(json!({ "workflows": workflows })))
        })
    };
    Operation::new("workflows.list", "The registered workflows with the input of each.", Effect::Reads, run)
        .routes(&[("GET", "/api/v1/workflows")])
        .tool("list_workflows")
}

pub(super) fn run() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            match (call.text("workflow"), call.input.get("definition")) {
                (Some(name), None) => registered(&call, name).await,
                (None, Some(definition)) => posted(&call, definition.clone()).await,
                _ => Err(Error::new(&workflow::MISSING_PARAMETER, "give either `workflow` or `definition`")
                    .at("workflow.run.workflow")
                    .next("list the registered ones with workflows.list")),
            }
        })
    };
    Operation::new(
        "workflow.run",
        "Run a registered workflow by name, or a definition of your own.",
        Effect::AsNode,
        run,
    )
    .param(Param::string("workflow").max_length(128).describe("The name of a registered workflow"))
    .param(
        Param::object("definition")
            .describe("A workflow of your own: nodes [{type, id, config}], connections"),
    )
    .param(Param::object("input").default(json!({})).describe("What the workflow declares it takes"))
    .param(session())
    .param(nodes::key())
    .routes(&[("POST", "/api/v1/workflows/{workflow}/run"), ("POST", "/api/v1/workflows/run")])
    .tool("run_workflow")
}

async fn registered(call: &Call<'_>, name: &str) -> Result<Outcome> {
    let registry = call.operations.registry();
    registry.get(name)?;
    if registry.workflow(name).is_none() {
        return Err(Error::new(
            &codes::NOT_A_WORKFLOW,
            format!("{} is a node, not a workflow", wire::quoted(name)),
        )
        .next("run it with node.run, or list the workflows with workflows.list"));
    }
    nodes::execute(call, name).await
}

async fn posted(call: &Call<'_>, definition: Value) -> Result<Outcome> {
    let definition = Definition::from_json(definition)?;
    for step in &definition.nodes {
        let node = call.operations.registry().get(&step.node)?;
        call.caller.check(node.spec().read_only, &step.node)?;
    }
    let workflow = definition.build(call.operations.registry())?;
    // An operation that writes may be one step's configuration, or come from another step.
    let given = Value::Object(call.object("input"));
    call.caller.check(workflow.only_reads(&given), "the workflow")?;
    let session = call.session().await?.map(|session| session.id);
    let asked = hallmark_workflow::Caller {
        name: call.caller.principal.clone(),
        tenant: None,
        session: session.clone(),
        idempotency_key: call.text("idempotency_key").map(str::to_owned),
    };
    let run = call.operations.runtime().execute(&workflow, given, &asked).await?;
    Ok(Outcome::of_run(&run, session))
}
