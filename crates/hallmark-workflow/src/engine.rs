//! The engine: ready nodes run at the same time, a failure ends the rest, a branch not taken skips what hangs on it.
//!
//! A connection is *dead* when its source was skipped, or when a branching node's result lacks the member it takes. A node is
//! skipped when a dead connection leaves a required parameter without a value, or when it has connections from other nodes
//! and all of them are dead. Everything else runs. A member missing from the result of a node that does not branch is an error.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hallmark_core::secret::MASK;
use hallmark_core::{Error, Result};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::call::call;
use crate::govern::{scrub, scrub_error};
use crate::run::now;
use crate::workflow::{Feed, Plan, PlanStep, Source};
use crate::{Context, Input, Status, codes, limits};

/// How far a run has come; complete whenever the engine is dropped or returns.
pub(crate) struct Progress {
    pub(crate) slots: Vec<Slot>,
    pub(crate) error: Option<Error>,
    bytes: usize,
}

/// How far one node has come. `None` as status: not begun.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) status: Option<Status>,
    pub(crate) value: Option<Arc<Value>>,
    pub(crate) error: Option<Value>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) duration_us: i64,
    began: Option<Instant>,
}

impl Progress {
    pub(crate) fn new(plan: &Plan) -> Self {
        let slots = plan.steps.iter().map(|_| Slot::default()).collect();
        Self { slots, error: None, bytes: 0 }
    }

    /// The raw results, in the order of the nodes.
    pub(crate) fn values(&self) -> Vec<Option<Arc<Value>>> {
        self.slots.iter().map(|slot| slot.value.clone()).collect()
    }

    /// Ends whatever did not end, and blanks the secrets in what will be kept and returned.
    pub(crate) fn seal(&mut self, plan: &Plan, context: &Context) {
        let secrets = context.secrets.all();
        for (slot, step) in self.slots.iter_mut().zip(&plan.steps) {
            if matches!(slot.status, None | Some(Status::Running)) {
                slot.status = Some(Status::Cancelled);
                slot.duration_us = slot.began.map_or(0, micros);
            }
            if let Some(error) = &mut slot.error {
                scrub(error, &secrets);
            }
            if let Some(value) = &mut slot.value
                && !(step.secret_outputs.is_empty() && secrets.is_empty())
            {
                let mut clean = Value::clone(value);
                for path in &step.secret_outputs {
                    path.set(&mut clean, Value::String(MASK.to_owned()));
                }
                scrub(&mut clean, &secrets);
                *value = Arc::new(clean);
            }
        }
        if let Some(error) = self.error.take() {
            self.error = Some(scrub_error(error, &secrets));
        }
    }

    fn end(&mut self, index: usize, plan: &Plan, called: Result<(Value, usize)>) {
        let slot = &mut self.slots[index];
        slot.duration_us = slot.began.map_or(0, micros);
        match called {
            Ok((value, bytes)) => {
                self.bytes += bytes;
                slot.status = Some(Status::Succeeded);
                slot.value = Some(Arc::new(value));
                if self.bytes > limits::RUN_MAX_BYTES {
                    let why =
                        format!("the results of the run are larger than {} bytes", limits::RUN_MAX_BYTES);
                    self.fail(index, plan, Error::new(&codes::RESULT_TOO_LARGE, why));
                }
            }
            Err(error) => self.fail(index, plan, error),
        }
    }

    fn fail(&mut self, index: usize, plan: &Plan, error: Error) {
        let id = &plan.steps[index].id;
        let place = error.place().map_or_else(|| format!("node {id}"), |inner| format!("node {id}: {inner}"));
        let error = error.at(place);
        self.slots[index].status = Some(Status::Failed);
        self.slots[index].error = Some(error.to_json());
        self.error = Some(error);
    }
}

fn micros(began: Instant) -> i64 {
    i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX)
}

/// Executes the plan until it ends or fails; `given` is a JSON object that has been governed.
pub(crate) async fn drive(
    plan: &Plan,
    given: &Value,
    context: &Context,
    concurrency: usize,
    progress: &mut Progress,
) {
    let mut open: Vec<usize> = plan.steps.iter().map(|step| step.dependencies).collect();
    let mut ready: VecDeque<usize> = (0..open.len()).filter(|i| open[*i] == 0).collect();
    let mut running = FuturesUnordered::new();
    let mut release = |index: usize, ready: &mut VecDeque<usize>| {
        for next in &plan.steps[index].dependants {
            open[*next] -= 1;
            if open[*next] == 0 {
                ready.push_back(*next);
            }
        }
    };
    loop {
        while running.len() < concurrency
            && let Some(index) = ready.pop_front()
        {
            let step = &plan.steps[index];
            match prepare(plan, step, given, &progress.slots) {
                Ok(Some(input)) => {
                    let slot = &mut progress.slots[index];
                    slot.status = Some(Status::Running);
                    slot.started_at = Some(now());
                    slot.began = Some(Instant::now());
                    running.push(async move {
                        (index, call(step.node.as_ref(), context, input, step.timeout).await)
                    });
                }
                Ok(None) => {
                    progress.slots[index].status = Some(Status::Skipped);
                    release(index, &mut ready);
                }
                // Returning drops the futures of the others: that cancels them.
                Err(error) => return progress.fail(index, plan, error),
            }
        }
        let Some((index, called)) = running.next().await else { return };
        progress.end(index, plan, called);
        if progress.error.is_some() {
            return;
        }
        release(index, &mut ready);
    }
}

/// The input of a node whose sources have ended, or `None` if it is to be skipped.
fn prepare(plan: &Plan, step: &PlanStep, given: &Value, slots: &[Slot]) -> Result<Option<Input>> {
    let mut input = step.config.clone();
    if plan.inputs.params.is_empty()
        && let Some(Value::Object(own)) = given.get(&step.id)
    {
        input.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    let (mut from_nodes, mut alive) = (0, 0);
    for feed in &step.feeds {
        from_nodes += usize::from(feed.source != Source::Input);
        if let Some(value) = fed(plan, feed, given, |i| slots[i].value.as_deref())? {
            alive += usize::from(feed.source != Source::Input);
            input.insert(feed.param.clone(), value.clone());
        } else if feed.required && feed.source != Source::Input && !step.config.contains_key(&feed.param) {
            return Ok(None);
        }
    }
    Ok((from_nodes == 0 || alive > 0).then_some(input))
}

/// The value that a connection brings, or `None` if it is dead.
fn fed<'v>(
    plan: &Plan,
    feed: &Feed,
    given: &'v Value,
    value_of: impl Fn(usize) -> Option<&'v Value>,
) -> Result<Option<&'v Value>> {
    let (source, name, may_lack) = match feed.source {
        Source::Input => {
            (Some(given), "input", feed.path.head().is_some_and(|head| given.get(head).is_none()))
        }
        Source::Step(from) => {
            let step = &plan.steps[from];
            (value_of(from), step.id.as_str(), step.node.spec().branching)
        }
    };
    let Some(source) = source else { return Ok(None) };
    match feed.path.get(source) {
        Some(value) => Ok(Some(value)),
        None if may_lack => Ok(None),
        None => Err(Error::new(
            &codes::PATH_NOT_FOUND,
            format!("the result of {name} has no {}, which {} needs", feed.path.as_str(), feed.param),
        )
        .next(members(source))),
    }
}

fn members(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let names: Vec<&str> = members.keys().take(20).map(String::as_str).collect();
            format!("it has: {}", names.join(", "))
        }
        _ => "it is empty".to_owned(),
    }
}

/// The workflow's result: its declared outputs; else the result of its only last node; else those of all last nodes by id.
pub(crate) fn result(plan: &Plan, given: &Value, values: &[Option<Arc<Value>>]) -> Result<Arc<Value>> {
    if !plan.outputs.is_empty() {
        let mut members = Map::new();
        for feed in &plan.outputs {
            if let Some(value) = fed(plan, feed, given, |i| values[i].as_deref())? {
                members.insert(feed.param.clone(), value.clone());
            }
        }
        return Ok(Arc::new(Value::Object(members)));
    }
    let mut last = plan.steps.iter().zip(values).filter(|(step, _)| step.dependants.is_empty());
    let (first, second) = (last.next(), last.next());
    if let (Some((_, value)), None) = (first, second) {
        return Ok(value.clone().unwrap_or_else(|| Arc::new(Value::Object(Map::new()))));
    }
    let last = first.into_iter().chain(second).chain(last);
    let members = last.filter_map(|(step, value)| Some((step.id.clone(), Value::clone(value.as_ref()?))));
    Ok(Arc::new(Value::Object(members.collect())))
}
