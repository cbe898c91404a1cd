//! The local runtime: executes workflows in this process and keeps their runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use hallmark_services::resilience::{is_outage, ledger};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{self, Progress};
use crate::govern::{echo, govern, mask_input, measure};
use crate::run::now;
use crate::store::{Begun, NewRun};
use crate::workflow::{Plan, check_given};
use crate::{Caller, Context, NodeRun, Registry, Run, RunStore, Status, Workflow, codes, limits};

/// Bounds of a runtime.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeOptions {
    /// Nodes of one run that execute at the same time.
    pub concurrency: usize,
    /// How long one run may take.
    pub run_timeout: Duration,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            concurrency: limits::RUN_CONCURRENCY,
            run_timeout: Duration::from_millis(limits::RUN_TIMEOUT_MS),
        }
    }
}

/// Executes workflows in this process. Cheap to clone.
///
/// A run that is kept belongs to the runtime: it goes on when the caller's future is dropped (a client that hung up), and
/// ends when its nodes end, one fails, its time is up or [`LocalRuntime::cancel`] is called. Without a store the run is the
/// caller's: dropping the future cancels it.
#[derive(Clone)]
pub struct LocalRuntime {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Arc<Registry>,
    store: RunStore,
    options: RuntimeOptions,
    running: Mutex<HashMap<String, CancellationToken>>,
    tasks: TaskTracker,
}

impl LocalRuntime {
    /// A runtime with default bounds.
    #[must_use]
    pub fn new(registry: Arc<Registry>, store: RunStore) -> Self {
        Self::with_options(registry, store, RuntimeOptions::default())
    }

    /// A runtime with these bounds.
    #[must_use]
    pub fn with_options(registry: Arc<Registry>, store: RunStore, options: RuntimeOptions) -> Self {
        let shared =
            Shared { registry, store, options, running: Mutex::default(), tasks: TaskTracker::new() };
        Self { shared: Arc::new(shared) }
    }

    /// The nodes that may run.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.shared.registry
    }

    /// Where runs are kept.
    #[must_use]
    pub fn store(&self) -> &RunStore {
        &self.shared.store
    }

    /// Executes a workflow to its end.
    ///
    /// `inputs` is a JSON object: the declared inputs if the workflow declares any, else `{node id: {parameter: value}}`, which
    /// stands above the configuration and below connections.
    ///
    /// # Errors
    /// What governance refuses, before anything runs or is kept; `HM-W041` without a store; the first node's error, with
    /// `run …, node …` as its place; `HM-W030` if the time was up, `HM-W035` if it was cancelled.
    pub async fn execute(
        &self,
        workflow: &Workflow,
        inputs: impl Into<Value>,
        caller: &Caller,
    ) -> Result<Run> {
        let (run, error) = self.begin(workflow, inputs.into(), caller).await?;
        match error {
            None => Ok(run),
            Some(error) => {
                let place = error.place().map_or_else(String::new, |inner| format!(", {inner}"));
                Err(error.at(format!("run {}{place}", run.run_id)))
            }
        }
    }

    /// As [`LocalRuntime::execute`], but a run that was begun is returned however it ended.
    ///
    /// # Errors
    /// Only what prevents the run from being begun or kept.
    pub async fn attempt(
        &self,
        workflow: &Workflow,
        inputs: impl Into<Value>,
        caller: &Caller,
    ) -> Result<Run> {
        Ok(self.begin(workflow, inputs.into(), caller).await?.0)
    }

    /// Executes a registered node or workflow by name, as a run of its own.
    ///
    /// # Errors
    /// `HM-W001` with the nearest names, else as [`LocalRuntime::execute`].
    pub async fn call(&self, name: &str, input: impl Into<Value>, caller: &Caller) -> Result<Run> {
        let workflow = self.workflow(name)?;
        self.execute(&workflow, input, caller).await
    }

    /// The registered workflow of this name, or a workflow of the one node of this name.
    ///
    /// # Errors
    /// `HM-W001` with the nearest names.
    pub fn workflow(&self, name: &str) -> Result<Workflow> {
        match self.shared.registry.workflow(name) {
            Some(workflow) => Ok(workflow.clone()),
            None => Ok(Workflow::single(self.shared.registry.get(name)?.clone())),
        }
    }

    /// Cancels a run of this runtime; whether there was one.
    #[must_use]
    pub fn cancel(&self, run_id: &str) -> bool {
        self.shared.running().get(run_id).inspect(|token| token.cancel()).is_some()
    }

    /// Cancels every run and waits until all are kept.
    pub async fn shutdown(&self) {
        self.shared.tasks.close();
        self.shared.running().values().for_each(CancellationToken::cancel);
        self.shared.tasks.wait().await;
        self.shared.tasks.reopen();
    }

    async fn begin(
        &self,
        workflow: &Workflow,
        inputs: Value,
        caller: &Caller,
    ) -> Result<(Run, Option<Error>)> {
        let plan = &workflow.plan;
        let (given, masked) = admit(plan, inputs)?;
        let context = Context::new(caller);
        let run = Run {
            run_id: context.run_id.clone(),
            workflow: plan.inputs.name.clone(),
            status: Status::Running,
            caller: caller.name.clone(),
            tenant: caller.tenant.clone(),
            session: caller.session.clone(),
            inputs: masked,
            nodes: Vec::new(),
            results: BTreeMap::new(),
            result: Arc::new(Value::Null),
            error: None,
            started_at: now(),
            duration_us: 0,
            kept: !self.shared.store.is_none(),
        };
        let options = self.shared.options;
        if self.shared.store.is_none() {
            let job = Job { plan: plan.clone(), given, context, options, token: None };
            return Ok(job.conduct(run).await);
        }
        let new = NewRun::new(&run, plan, &given, caller)?;
        let token = CancellationToken::new();
        let only_reads = plan.only_reads(&given);
        let job = Job { plan: plan.clone(), given, context, options, token: Some(token.clone()) };
        let shared = self.shared.clone();
        // What changes nothing may be done without a record of it, unless the caller wants to find it again by its key.
        let unkept_too = shared.store.may_pass_over() && new.key.is_none() && only_reads;
        let passes = move |error: &Error| unkept_too && is_outage(error);
        // All of it in the task: a caller that hangs up between two steps leaves no run behind that nobody ends.
        let task = self.shared.tasks.spawn(ledger::carry(async move {
            let mut kept = true;
            match shared.store.begin(&new).await {
                Ok(Begun::Now) => {}
                Ok(Begun::Before(run_id)) => return Ok::<_, Error>(Err(run_id)),
                Err(error) if passes(&error) => kept = false,
                Err(error) => return Err(error),
            }
            shared.running().insert(run.run_id.clone(), token);
            let (mut run, error) = job.conduct(run).await;
            shared.running().remove(&run.run_id);
            if kept && let Err(error) = shared.store.finish(&run).await {
                if !passes(&error) {
                    return Err(error);
                }
                kept = false;
            }
            run.kept = kept;
            Ok(Ok((run, error)))
        }));
        let ended = task.await.map_err(|e| {
            Error::new(&hallmark_core::codes::INTERNAL, "the run's task broke off").because(&e)
        })?;
        match ended? {
            Ok(ended) => Ok(ended),
            Err(before) => self.first(&before).await,
        }
    }

    /// The first run with the same idempotency key, once it has ended.
    async fn first(&self, run_id: &str) -> Result<(Run, Option<Error>)> {
        let until = Instant::now() + self.shared.options.run_timeout;
        let mut pause = Duration::from_millis(10);
        loop {
            let run = self.shared.store.get(run_id).await?;
            let error = match run.status {
                Status::Succeeded => None,
                Status::Running if Instant::now() < until => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                    continue;
                }
                Status::Running => Some(Error::new(&codes::STILL_RUNNING, "the first run has not ended yet")),
                status => {
                    let why = format!("the first run ended as {}", status.name());
                    let error =
                        Error::new(&codes::FIRST_RUN_FAILED, why).next("send the request with another key");
                    let detail =
                        run.error.as_ref().map(|e| format!("[{}] {}", text(&e["code"]), text(&e["detail"])));
                    Some(detail.into_iter().fold(error, Error::because_text))
                }
            };
            return Ok((run, error));
        }
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run, ready to be executed.
struct Job {
    plan: Arc<Plan>,
    given: Value,
    context: Context,
    options: RuntimeOptions,
    token: Option<CancellationToken>,
}

impl Job {
    /// Executes the plan and completes the run, however it ends.
    async fn conduct(self, mut run: Run) -> (Run, Option<Error>) {
        let Self { plan, given, context, options, token } = self;
        let began = Instant::now();
        let mut progress = Progress::new(&plan);
        let cancelled = async {
            match token {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        let stopped = tokio::select! {
            () = engine::drive(&plan, &given, &context, options.concurrency, &mut progress) => None,
            () = tokio::time::sleep(options.run_timeout) => Some(Error::new(
                &codes::NODE_TIMEOUT,
                format!("the run did not finish in {} ms", options.run_timeout.as_millis()),
            )),
            () = cancelled => Some(Error::new(&codes::CANCELLED, "the run was cancelled")),
        };
        progress.seal(&plan, &context);
        let values = progress.values();
        let mut error = stopped.or(progress.error.take());
        if error.is_none() {
            match engine::result(&plan, &given, &values) {
                Ok(result) => run.result = result,
                Err(why) => error = Some(why),
            }
        }
        run.status = match &error {
            None => Status::Succeeded,
            Some(error) if error.is(&codes::CANCELLED) => Status::Cancelled,
            Some(_) => Status::Failed,
        };
        run.error = error.as_ref().map(Error::to_json);
        for ((step, slot), value) in plan.steps.iter().zip(progress.slots).zip(values) {
            if let Some(value) = value {
                run.results.insert(step.id.clone(), value);
            }
            run.nodes.push(NodeRun {
                id: step.id.clone(),
                node: step.node.spec().name.clone(),
                status: slot.status.unwrap_or(Status::Cancelled),
                error: slot.error,
                started_at: slot.started_at,
                duration_us: slot.duration_us,
            });
        }
        run.duration_us = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        (run, error)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Governs the inputs of a run: what the engine gets, and what may be kept.
fn admit(plan: &Plan, inputs: Value) -> Result<(Value, Value)> {
    let Value::Object(inputs) = inputs else {
        return Err(
            Error::new(&codes::WRONG_TYPE, "the inputs are not a JSON object").at(plan.inputs.name.clone())
        );
    };
    if !plan.inputs.params.is_empty() {
        let given = govern(&plan.inputs, inputs)?;
        let masked = mask_input(&plan.inputs, &given);
        return Ok((Value::Object(given), Value::Object(masked)));
    }
    let mut masked = Map::new();
    for (id, own) in &inputs {
        let step = plan.steps.iter().find(|step| step.id == *id).ok_or_else(|| {
            Error::new(
                &codes::UNKNOWN_PARAMETER,
                format!("the workflow declares no inputs and has no node {}", echo(id)),
            )
            .at(plan.inputs.name.clone())
        })?;
        let Value::Object(own) = own else {
            return Err(Error::new(&codes::WRONG_TYPE, "the inputs of a node are a JSON object")
                .at(format!("node {id}")));
        };
        let spec = step.node.spec();
        check_given(spec, own)?;
        masked.insert(id.clone(), Value::Object(mask_input(spec, own)));
    }
    let inputs = Value::Object(inputs);
    measure(&inputs, limits::INPUT_MAX_BYTES).map_err(|why| {
        Error::new(&codes::INPUT_TOO_LARGE, format!("the input {why}")).at(plan.inputs.name.clone())
    })?;
    Ok((inputs, Value::Object(masked)))
}
