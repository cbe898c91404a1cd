//! A node that does nothing must be found out; a strange token must be refused; a deployment that is gone must not pass.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::{Error, Result, random};
use hallmark_dataflow::{DataFlow, Settings, exercise};
use hallmark_evidence::Verdict;
use hallmark_workflow::{Context as Call, Input, Node, NodeSpec, Registry};
use serde_json::{Value, json};

use super::{channels, connect};
use crate::channels::{Channel, Deployment, Wire};
use crate::codes;
use crate::context::Context;
use crate::scratch::closed_port;
use crate::section::Control;

/// Plants what the project has an instrument for: nodes where there are models, channels where there is a deployment.
pub(super) fn run(context: &Context) -> BoxFuture<'_, Vec<Control>> {
    async move {
        let mut controls = vec![gone().await];
        if let Some(dataflow) = &context.dataflow {
            controls.push(broken_node(context, dataflow).await);
        }
        if let Ok(wire) = connect(context).await {
            controls.push(strange_token(&wire).await);
        }
        controls
    }
    .boxed()
}

/// Answers as if all were well and touches nothing.
struct IdleNode(NodeSpec);

impl Node for IdleNode {
    fn spec(&self) -> &NodeSpec {
        &self.0
    }

    fn run<'a>(&'a self, _context: &'a Call, input: Input) -> BoxFuture<'a, Result<Value>> {
        async move { Ok(json!({"ok": true, "record": input, "count": 1})) }.boxed()
    }
}

async fn broken_node(context: &Context, dataflow: &DataFlow) -> Control {
    let started = Instant::now();
    let outcome = plant(context, dataflow).await.unwrap_or_else(|e| (false, e.to_string()));
    let planted = "one node of nine replaced by one that answers and does nothing, in a scratch schema";
    Control::new("framework.idle_node", planted, started, outcome)
}

/// The first model's nine nodes, one of them idle: exactly that one must be found out.
async fn plant(context: &Context, dataflow: &DataFlow) -> Result<(bool, String)> {
    let model = dataflow.models().next().cloned();
    let model =
        model.ok_or_else(|| Error::new(&codes::SCRATCH, "there is no model to plant a broken node in"))?;
    let trial = configure(context, model, &context.scratch_folder("idle-node")?)?;
    let mut registry = Registry::new();
    let mut broken = String::new();
    for node in trial.nodes() {
        if broken.is_empty() && node.spec().name.ends_with("CRUDNode") {
            broken.clone_from(&node.spec().name);
            registry.register(Arc::new(IdleNode(node.spec().clone())))?;
        } else {
            registry.register(node)?;
        }
    }
    let outcomes = exercise(&trial, &registry).await;
    let failed: Vec<&str> = outcomes.iter().filter(|o| !o.ok).map(|o| o.name.as_str()).collect();
    let observed =
        format!("{} of {} nodes without effect: {}", failed.len(), outcomes.len(), failed.join(", "));
    Ok((!broken.is_empty() && failed == [broken.as_str()], observed))
}

fn configure(context: &Context, model: hallmark_dataflow::ModelDecl, folder: &Path) -> Result<DataFlow> {
    let name = format!("hallmark_control_{}", random::token(8)?);
    DataFlow::configure(Settings {
        handles: context.handles.clone(),
        guarded: hallmark_services::Guarded::bare(&context.handles),
        schema: name.clone(),
        models: vec![model],
        project_prefix: name,
        export_dir: folder.to_path_buf(),
        slow: None,
    })
}

/// Every channel that takes a token must refuse one that nobody gave out.
async fn strange_token(wire: &Wire) -> Control {
    let started = Instant::now();
    let outcome = refuse(wire).await.unwrap_or_else(|e| (false, e.to_string()));
    Control::new(
        "framework.strange_token",
        "a token that nobody gave out, on every channel that takes one",
        started,
        outcome,
    )
}

async fn refuse(wire: &Wire) -> Result<(bool, String)> {
    let strange = wire.with_token(random::secret()?);
    let mut seen = Vec::new();
    for channel in [Channel::Rest, Channel::McpHttp, Channel::McpWebSocket] {
        let reply = strange.call(channel, "models.list", &json!({})).await?;
        seen.push((channel, reply.code().to_owned()));
    }
    let caught = seen.iter().all(|(_, code)| code.starts_with("HM-"));
    let observed: Vec<String> =
        seen.iter().map(|(channel, code)| format!("{}: {code}", channel.title())).collect();
    Ok((caught, observed.join(", ")))
}

/// The checks of the channels, on a deployment of which nothing is left: none may be proven.
async fn gone() -> Control {
    let started = Instant::now();
    let outcome = match closed().await {
        Ok(wire) => {
            let evidence = channels::measure(wire.as_ref()).await;
            let proven = evidence.iter().filter(|e| e.verdict == Verdict::Proven).count();
            (proven == 0 && !evidence.is_empty(), format!("{proven} of {} checks proven", evidence.len()))
        }
        Err(error) => (false, error.to_string()),
    };
    Control::new("framework.closed_ports", "a deployment at ports where nothing listens", started, outcome)
}

async fn closed() -> Result<Result<Wire, String>> {
    let (rest, mcp) = (closed_port().await?, closed_port().await?);
    let deployment = Deployment {
        rest_url: format!("http://{rest}"),
        mcp_url: format!("http://{mcp}/mcp"),
        ws_url: format!("ws://{mcp}/ws"),
        token: random::secret()?,
        cli: None,
    };
    Ok(Wire::connect(&deployment).await.map_err(|e| e.to_string()))
}
