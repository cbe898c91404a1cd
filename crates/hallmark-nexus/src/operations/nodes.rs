//! Nodes: listed, found, described, run.

use hallmark_core::Result;
use hallmark_workflow::{Group, NodeSpec, Param};
use serde_json::{Value, json};

use super::{Call, Effect, Operation, Outcome, limit, session};
use crate::limits;

pub(super) fn list() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let wanted = |spec: &&NodeSpec| {
                let (model, kind) = generated(spec);
                call.text("model").is_none_or(|m| Some(m) == model)
                    && call.text("kind").is_none_or(|k| kind.is_some_and(|own| own.eq_ignore_ascii_case(k)))
                    && call.text("group").is_none_or(|g| g == group(spec))
            };
            let all: Vec<&NodeSpec> = call.operations.registry().specs().filter(wanted).collect();
            Ok(page(&call, &all))
        })
    };
    Operation::new(
        "nodes.list",
        "The nodes, sorted by name; filtered by model, kind or group.",
        Effect::Reads,
        run,
    )
    .param(Param::string("model").max_length(128).describe("Only the nodes of this model"))
    .param(
        Param::string("kind")
            .max_length(32)
            .describe("Only the nodes of this kind: CRUD, Search, Analytics, …"),
    )
    .param(Param::string("group").choices(GROUPS).describe("Only the nodes of this group"))
    .param(limit())
    .param(Param::integer("offset").default(0).minimum(0.0).describe("How many to leave out"))
    .routes(&[("GET", "/api/v1/nodes")])
}

pub(super) fn search() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let query = call.text("query").unwrap_or_default().to_lowercase();
            let words: Vec<&str> = query.split_whitespace().collect();
            let mut found: Vec<(usize, &NodeSpec)> = call
                .operations
                .registry()
                .specs()
                .map(|spec| (score(spec, &words), spec))
                .filter(|(s, _)| *s > 0)
                .collect();
            found.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.name.cmp(&y.name)));
            let all: Vec<&NodeSpec> = found.into_iter().map(|(_, spec)| spec).collect();
            Ok(page(&call, &all))
        })
    };
    Operation::new(
        "nodes.search",
        "The nodes whose name, summary or parameters hold every word.",
        Effect::Reads,
        run,
    )
    .param(Param::string("query").required().max_length(limits::QUERY_CHARS_MAX).describe("Words"))
    .param(limit())
    .param(Param::integer("offset").default(0).minimum(0.0).describe("How many to leave out"))
    .routes(&[("GET", "/api/v1/search")])
    .tool("search_nodes")
}

pub(super) fn describe() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let node = call.operations.registry().get(call.text("node").unwrap_or_default())?;
            let spec = node.spec();
            let mut result = line(spec);
            result["input"] = spec.input_schema();
            result["timeout_ms"] = json!(spec.timeout_ms);
            Ok(Outcome::of(result))
        })
    };
    Operation::new(
        "nodes.describe",
        "One node: what it does, and the JSON Schema of its input.",
        Effect::Reads,
        run,
    )
    .param(Param::string("node").required().max_length(128).describe("The node's name"))
    .routes(&[("GET", "/api/v1/nodes/{node}")])
    .tool("describe_node")
}

pub(super) fn run() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let name = call.text("node").unwrap_or_default();
            execute(&call, name).await
        })
    };
    Operation::new(
        "node.run",
        "Run a node by name. The run is kept and can be read on every channel.",
        Effect::AsNode,
        run,
    )
    .param(Param::string("node").required().max_length(128).describe("The node's name"))
    .param(Param::object("input").default(json!({})).describe("The node's input: see nodes.describe"))
    .param(session())
    .param(key())
    .routes(&[("POST", "/api/v1/nodes/{node}/run")])
    .tool("run_node")
}

/// Runs a registered node or workflow with the call's `input`, `session` and `idempotency_key`.
pub(super) async fn execute(call: &Call<'_>, name: &str) -> Result<Outcome> {
    let node = call.operations.registry().get(name)?;
    call.caller.check(node.spec().only_reads(&call.object("input")), name)?;
    let session = call.session().await?.map(|session| session.id);
    let asked = hallmark_workflow::Caller {
        name: call.caller.principal.clone(),
        tenant: None,
        session: session.clone(),
        idempotency_key: call.text("idempotency_key").map(str::to_owned),
    };
    let run = call.operations.runtime().call(name, Value::Object(call.object("input")), &asked).await?;
    Ok(Outcome::of_run(&run, session))
}

/// The parameter that makes a request repeatable.
pub(super) fn key() -> Param {
    Param::string("idempotency_key")
        .max_length(hallmark_workflow::limits::IDEMPOTENCY_KEY_MAX_CHARS)
        .describe("The same key again gives the first run instead of a second one")
}

const GROUPS: [&str; 5] = ["generated", "agent", "builtin", "workflow", "custom"];

pub(crate) fn group(spec: &NodeSpec) -> &'static str {
    match spec.group {
        Group::Generated { .. } => "generated",
        Group::Agent => "agent",
        Group::Builtin => "builtin",
        Group::Workflow => "workflow",
        Group::Custom => "custom",
    }
}

fn generated(spec: &NodeSpec) -> (Option<&str>, Option<&str>) {
    match &spec.group {
        Group::Generated { model, kind } => (Some(model), Some(kind)),
        _ => (None, None),
    }
}

fn line(spec: &NodeSpec) -> Value {
    let (model, kind) = generated(spec);
    json!({
        "node": spec.name,
        "summary": spec.summary,
        "group": group(spec),
        "model": model,
        "kind": kind,
        "read_only": spec.read_only,
    })
}

fn page(call: &Call<'_>, all: &[&NodeSpec]) -> Outcome {
    let (offset, limit) = (call.count("offset", 0), call.count("limit", limits::PAGE_DEFAULT));
    let nodes: Vec<Value> = all.iter().skip(offset).take(limit).map(|spec| line(spec)).collect();
    let more = offset + nodes.len() < all.len();
    Outcome::of(json!({ "nodes": nodes, "total": all.len(), "more": more }))
}

/// How well a node matches: every word must be somewhere, and a word in the name counts most.
fn score(spec: &NodeSpec, words: &[&str]) -> usize {
    let (name, summary) = (spec.name.to_lowercase(), spec.summary.to_lowercase());
    let params: Vec<String> =
        spec.params.iter().map(|p| format!("{} {}", p.name, p.description).to_lowercase()).collect();
    let mut total = 1;
    for word in words {
        let own = if name.contains(word) {
            8
        } else if summary.contains(word) {
            3
        } else if params.iter().any(|p| p.contains(word)) {
            1
        } else {
            return 0;
        };
        total += own;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_must_match_and_names_count_most() {
        let node = NodeSpec::new("ProductSearchNode", "Finds rows.").param(Param::string("term"));
        assert!(score(&node, &["product"]) > score(&node, &["rows"]));
        assert!(score(&node, &["rows"]) > score(&node, &["term"]));
        assert_eq!(score(&node, &["product", "absent"]), 0);
        assert_eq!(score(&node, &[]), 1, "no word matches every node");
    }
}
