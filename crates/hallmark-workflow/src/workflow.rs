//! A checked workflow: every node resolved, every edge known to end somewhere, no cycle.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hallmark_core::{Error, Result, canonical, digest};
use serde_json::Value;

use crate::definition::{INPUT, OUTPUT};
use crate::engine::{self, Progress};
use crate::govern::{check_value, echo, mask_value, unknown};
use crate::nearest::hint;
use crate::registry::{check_spec, is_name};
use crate::{
    Connection, Context, Definition, Group, Input, Node, NodeSpec, Param, Path, Registry, Sensitivity, Step,
    codes, limits,
};

/// A workflow that may be executed any number of times, by any number of callers at once. Cheap to clone.
#[derive(Clone)]
pub struct Workflow {
    pub(crate) plan: Arc<Plan>,
}

/// What the engine executes.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) definition: Definition,
    /// The declared inputs, as a description; no parameters means inputs are given per node.
    pub(crate) inputs: NodeSpec,
    pub(crate) steps: Vec<PlanStep>,
    /// Where each member of the result comes from; empty means the results of the last nodes.
    pub(crate) outputs: Vec<Feed>,
    /// SHA-256 of the canonical definition with secrets masked.
    pub(crate) digest: String,
}

impl Plan {
    /// Whether no step changes anything outside.
    pub(crate) fn is_read_only(&self) -> bool {
        self.steps.iter().all(|step| step.only_reads(None, false))
    }

    /// Whether no step changes anything outside when this is given.
    pub(crate) fn only_reads(&self, given: &Value) -> bool {
        let per_node = self.inputs.params.is_empty();
        self.steps.iter().all(|step| step.only_reads(Some(given), per_node))
    }
}

#[derive(Clone)]
pub(crate) struct PlanStep {
    pub(crate) id: String,
    pub(crate) node: Arc<dyn Node>,
    pub(crate) config: Input,
    pub(crate) timeout: Duration,
    pub(crate) feeds: Vec<Feed>,
    /// How many distinct nodes must end first.
    pub(crate) dependencies: usize,
    /// The nodes that wait for this one, each once.
    pub(crate) dependants: Vec<usize>,
    /// Places of the result that feed a secret parameter: masked in what is kept and returned.
    pub(crate) secret_outputs: Vec<Path>,
}

impl PlanStep {
    /// Whether the step changes nothing outside. An operation that another step brings, or an input that is not known yet, is
    /// taken for one that does.
    fn only_reads(&self, given: Option<&Value>, per_node: bool) -> bool {
        let spec = self.node.spec();
        if spec.writing_operations.is_empty() || !spec.read_only {
            return spec.read_only;
        }
        let own = given.filter(|_| per_node).and_then(|g| g.get(&self.id)).and_then(|g| g.get("operation"));
        let mut input = self.config.clone();
        input.extend(own.map(|operation| ("operation".to_owned(), operation.clone())));
        for feed in self.feeds.iter().filter(|f| f.param == "operation") {
            match (feed.source, given) {
                (Source::Input, Some(given)) => {
                    input.extend(feed.path.get(given).map(|v| ("operation".to_owned(), v.clone())));
                }
                _ => return false,
            }
        }
        spec.only_reads(&input)
    }
}

#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) source: Source,
    pub(crate) path: Path,
    pub(crate) param: String,
    /// Whether the taking node cannot do without.
    pub(crate) required: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Input,
    Step(usize),
}

impl Workflow {
    pub(crate) fn check(definition: Definition, registry: &Registry) -> Result<Self> {
        check_size(&definition)?;
        let mut inputs =
            NodeSpec::new(display_name(&definition.name), "").params(definition.inputs.iter().cloned());
        check_spec(&inputs).map_err(|e| {
            Error::new(&codes::BAD_DEFINITION, "the inputs are not well declared").because(&e)
        })?;
        let ids = ids(&definition)?;
        let mut steps =
            definition.nodes.iter().map(|step| resolve(step, registry)).collect::<Result<Vec<_>>>()?;
        let mut outputs = Vec::new();
        for edge in &definition.connections {
            connect(edge, &ids, &mut inputs, &mut steps, &mut outputs).map_err(|e| {
                within(e, &format!("connection {}.{} to {}.{}", edge.from, edge.output, edge.to, edge.param))
            })?;
        }
        for step in &steps {
            check_complete(step)?;
        }
        order(&mut steps)?;
        let digest = masked_digest(&definition, &steps);
        Ok(Self { plan: Arc::new(Plan { definition, inputs, steps, outputs, digest }) })
    }

    /// A workflow of one node: its parameters are the inputs, its result is the result.
    #[must_use]
    pub fn single(node: Arc<dyn Node>) -> Self {
        let spec = node.spec();
        let feeds: Vec<Feed> = spec
            .params
            .iter()
            .filter_map(|p| {
                let path = Path::parse(&format!("/{}", p.name)).ok()?;
                Some(Feed { source: Source::Input, path, param: p.name.clone(), required: p.required })
            })
            .collect();
        let definition = Definition {
            name: spec.name.clone(),
            inputs: spec.params.clone(),
            nodes: vec![Step {
                node: spec.name.clone(),
                id: "node".into(),
                config: Value::Object(Input::new()),
                timeout_ms: None,
            }],
            connections: feeds
                .iter()
                .map(|f| Connection {
                    from: INPUT.into(),
                    output: f.path.as_str().to_owned(),
                    to: "node".into(),
                    param: f.param.clone(),
                })
                .collect(),
        };
        let inputs = spec.clone();
        let timeout = Duration::from_millis(spec.timeout_ms);
        let step = PlanStep {
            id: "node".into(),
            config: Input::new(),
            timeout,
            feeds,
            dependencies: 0,
            dependants: Vec::new(),
            secret_outputs: Vec::new(),
            node,
        };
        let steps = vec![step];
        let digest = masked_digest(&definition, &steps);
        Self { plan: Arc::new(Plan { definition, inputs, steps, outputs: Vec::new(), digest }) }
    }

    /// The name that runs are listed under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.plan.inputs.name
    }

    /// What a caller may or must give; empty if inputs are given per node.
    #[must_use]
    pub fn inputs(&self) -> &[Param] {
        &self.plan.inputs.params
    }

    /// The ids of the nodes, in the order they were added.
    pub fn node_ids(&self) -> impl Iterator<Item = &str> {
        self.plan.steps.iter().map(|step| step.id.as_str())
    }

    /// The written form, configured secrets included.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.plan.definition
    }

    /// Whether every node promises to change nothing outside.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.plan.is_read_only()
    }

    /// Whether no node changes anything outside when the workflow is given this.
    #[must_use]
    pub fn only_reads(&self, given: &Value) -> bool {
        self.plan.only_reads(given)
    }

    /// The same workflow under another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        let mut plan = Arc::unwrap_or_clone(self.plan);
        plan.inputs.name = display_name(name);
        name.clone_into(&mut plan.definition.name);
        plan.digest = masked_digest(&plan.definition, &plan.steps);
        Self { plan: Arc::new(plan) }
    }
}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.definition.fmt(f)
    }
}

fn display_name(name: &str) -> String {
    if name.is_empty() { "workflow".to_owned() } else { name.to_owned() }
}

fn within(error: Error, place: &str) -> Error {
    let place = error.place().map_or_else(|| place.to_owned(), |inner| format!("{place}: {inner}"));
    error.at(place)
}

fn check_size(definition: &Definition) -> Result<()> {
    let (nodes, edges) = (definition.nodes.len(), definition.connections.len());
    if nodes == 0 {
        return Err(
            Error::new(&codes::BAD_DEFINITION, "the workflow has no nodes").next("add one with add_node")
        );
    }
    if nodes > limits::WORKFLOW_MAX_NODES || edges > limits::WORKFLOW_MAX_CONNECTIONS {
        let (most_nodes, most_edges) = (limits::WORKFLOW_MAX_NODES, limits::WORKFLOW_MAX_CONNECTIONS);
        let why = format!(
            "{nodes} nodes and {edges} connections; at most {most_nodes} and {most_edges} are allowed"
        );
        return Err(Error::new(&codes::WORKFLOW_TOO_LARGE, why)
            .next("register a part of it as a workflow of its own"));
    }
    Ok(())
}

fn ids(definition: &Definition) -> Result<HashMap<String, usize>> {
    let mut ids = HashMap::new();
    for (i, step) in definition.nodes.iter().enumerate() {
        if !is_name(&step.id) || step.id == INPUT || step.id == OUTPUT {
            return Err(Error::new(
                &codes::BAD_DEFINITION,
                format!("{} cannot be the id of a node", echo(&step.id)),
            )
            .next(
                "use ASCII letters, digits, `_`, `-` and `.`; `input` and `output` are the workflow's own",
            ));
        }
        if ids.insert(step.id.clone(), i).is_some() {
            return Err(Error::new(&codes::DUPLICATE_ID, format!("two nodes have the id {}", step.id))
                .next("give one of the two another id"));
        }
    }
    Ok(ids)
}

fn resolve(step: &Step, registry: &Registry) -> Result<PlanStep> {
    let place = format!("node {}", step.id);
    let node = registry.get(&step.node).map_err(|e| within(e, &place))?.clone();
    let spec = node.spec();
    let Value::Object(config) = &step.config else {
        return Err(Error::new(&codes::BAD_DEFINITION, "the configuration is not an object").at(place));
    };
    check_given(spec, config).map_err(|e| within(e, &place))?;
    let timeout_ms = step.timeout_ms.unwrap_or(spec.timeout_ms);
    if timeout_ms == 0 || timeout_ms > limits::NODE_TIMEOUT_MAX_MS {
        let why = format!("the time limit is outside 1 to {} ms", limits::NODE_TIMEOUT_MAX_MS);
        return Err(Error::new(&codes::BAD_DEFINITION, why).at(place));
    }
    Ok(PlanStep {
        id: step.id.clone(),
        config: config.clone(),
        timeout: Duration::from_millis(timeout_ms),
        feeds: Vec::new(),
        dependencies: 0,
        dependants: Vec::new(),
        secret_outputs: Vec::new(),
        node,
    })
}

/// Checks the values that are given, and leaves alone what is missing.
pub(crate) fn check_given(spec: &NodeSpec, given: &Input) -> Result<()> {
    for (name, value) in given {
        let param = spec.find(name).ok_or_else(|| unknown(spec, name))?;
        if !value.is_null() || param.required {
            check_value(spec, param, value)?;
        }
    }
    Ok(())
}

fn connect(
    edge: &Connection,
    ids: &HashMap<String, usize>,
    inputs: &mut NodeSpec,
    steps: &mut [PlanStep],
    outputs: &mut Vec<Feed>,
) -> Result<()> {
    let find =
        |id: &str| {
            ids.get(id).copied().ok_or_else(|| {
                let known = ids.keys().map(String::as_str);
                Error::new(&codes::UNKNOWN_ENDPOINT, format!("the workflow has no node {}", echo(id))).next(
                    hint(id, known, "add the node, or use `input` and `output` for the workflow's own ends"),
                )
            })
        };
    let path = Path::parse(&edge.output)?;
    let source = if edge.from == INPUT { Source::Input } else { Source::Step(find(&edge.from)?) };
    if let (Source::Input, Some(head)) = (source, path.head())
        && inputs.find(head).is_none()
    {
        return Err(unknown(inputs, head).next("declare it with add_input"));
    }
    let target = if edge.to == OUTPUT { None } else { Some(find(&edge.to)?) };
    let feeds = match target {
        Some(i) => &mut steps[i].feeds,
        None => &mut *outputs,
    };
    if feeds.iter().any(|feed| feed.param == edge.param) {
        return Err(Error::new(
            &codes::FED_TWICE,
            format!("{}.{} is fed by two connections", edge.to, echo(&edge.param)),
        )
        .next("join the two with a MergeNode"));
    }
    let Some(target) = target else {
        outputs.push(Feed { source, path, param: edge.param.clone(), required: false });
        return Ok(());
    };
    let spec = steps[target].node.spec();
    let param = spec.find(&edge.param).ok_or_else(|| unknown(spec, &edge.param))?;
    let sensitivity = param.sensitivity;
    let feed = Feed { source, path: path.clone(), param: edge.param.clone(), required: param.required };
    steps[target].feeds.push(feed);
    match source {
        // What flows into a secret is one: the declaration of the input follows the parameter that it feeds.
        Source::Input => inputs
            .params
            .iter_mut()
            .filter(|p| path.head().is_none_or(|head| head == p.name))
            .for_each(|p| p.sensitivity = p.sensitivity.max(sensitivity)),
        Source::Step(from) => {
            if sensitivity == Sensitivity::Secret {
                steps[from].secret_outputs.push(path);
            }
            if !steps[from].dependants.contains(&target) {
                steps[from].dependants.push(target);
                steps[target].dependencies += 1;
            }
        }
    }
    Ok(())
}

fn check_complete(step: &PlanStep) -> Result<()> {
    let spec = step.node.spec();
    let missing = spec.params.iter().find(|p| {
        p.required && !step.config.contains_key(&p.name) && !step.feeds.iter().any(|f| f.param == p.name)
    });
    missing.map_or(Ok(()), |param| {
        Err(Error::new(
            &codes::MISSING_PARAMETER,
            format!(
                "{} needs a value for {}, and neither configuration nor a connection gives one",
                step.id, param.name
            ),
        )
        .at(format!("node {}: {}.{}", step.id, spec.name, param.name))
        .next("configure it, connect it, or declare an input with add_input and connect that"))
    })
}

/// Refuses a cycle and names it.
fn order(steps: &mut [PlanStep]) -> Result<()> {
    let mut open: Vec<usize> = steps.iter().map(|s| s.dependencies).collect();
    let mut ready: Vec<usize> = (0..steps.len()).filter(|i| open[*i] == 0).collect();
    let mut done = 0;
    while let Some(i) = ready.pop() {
        done += 1;
        for next in &steps[i].dependants {
            open[*next] -= 1;
            if open[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    if done == steps.len() {
        return Ok(());
    }
    // Walking backwards among what never became ready must come round.
    let mut at = open.iter().position(|n| *n > 0).unwrap_or_default();
    let mut seen = Vec::new();
    while !seen.contains(&at) {
        seen.push(at);
        let before = steps[at].feeds.iter().find_map(|feed| match feed.source {
            Source::Step(from) if open[from] > 0 => Some(from),
            _ => None,
        });
        let Some(before) = before else { break };
        at = before;
    }
    let from = seen.iter().position(|i| *i == at).unwrap_or_default();
    let mut names: Vec<&str> = seen[from..].iter().rev().map(|i| steps[*i].id.as_str()).collect();
    names.insert(0, &steps[at].id);
    Err(Error::new(&codes::CYCLE, format!("the connections form a cycle: {}", names.join(" → ")))
        .next("remove one of these connections"))
}

fn masked_digest(definition: &Definition, steps: &[PlanStep]) -> String {
    let mut masked = definition.to_json();
    for (i, step) in steps.iter().enumerate() {
        let spec = step.node.spec();
        for (name, value) in &step.config {
            masked["nodes"][i]["config"][name] = mask_value(spec.find(name), value, Sensitivity::Secret);
        }
    }
    digest::sha256(canonical::to_string(&masked).as_bytes())
}

/// A workflow as a node of another one. It shares the run of the workflow that contains it.
pub(crate) struct WorkflowNode {
    spec: NodeSpec,
    workflow: Workflow,
}

impl WorkflowNode {
    pub(crate) fn new(name: &str, summary: &str, workflow: Workflow) -> Self {
        let mut spec = NodeSpec::new(name, summary)
            .group(Group::Workflow)
            .params(workflow.inputs().iter().cloned())
            .timeout_ms(limits::RUN_TIMEOUT_MS);
        spec.read_only = workflow.is_read_only();
        Self { spec, workflow }
    }
}

impl Node for WorkflowNode {
    fn spec(&self) -> &NodeSpec {
        &self.spec
    }

    fn run<'a>(&'a self, context: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let plan = &self.workflow.plan;
            let mut progress = Progress::new(plan);
            let given = Value::Object(input);
            engine::drive(plan, &given, context, limits::RUN_CONCURRENCY, &mut progress).await;
            if let Some(error) = progress.error.take() {
                return Err(error);
            }
            let result = engine::result(plan, &given, &progress.values())?;
            drop(progress);
            Ok(Arc::unwrap_or_clone(result))
        })
    }
}
