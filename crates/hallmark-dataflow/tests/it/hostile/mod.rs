//! Hostile values in every place of every call: each is kept as the value that it is, or refused with a code; nothing else happens.
//!
//! Two ways. The calls of the pages of `resources/nodes`, which have every operation and every parameter, are made again and again with
//! one value, or one name, of their input replaced. And the nodes of models that nobody wrote a page for are called with a hostile value
//! in each declared parameter of each operation. The values of each place are drawn by a seed.
//!
//! `HALLMARK_HOSTILE_VALUES` says how many values each place gets (all: 1000), `HALLMARK_HOSTILE_SEED` the seed, `HALLMARK_HOSTILE_MODELS` how
//! many of the thirteen models are called.

mod data;
mod declared;
mod guard;
mod spots;
mod values;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use hallmark_core::{Error, ExitClass, Result};
use hallmark_dataflow::Table;
use hallmark_workflow::{Group, NodeSpec};
use serde_json::Value;

use crate::dice::Dice;
use crate::mdtest::{Called, Scene, scenes};
use crate::support::{World, with};
use guard::{Guard, Rows};
use spots::Spot;

/// How long a hostile call may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |n| n.parse().unwrap())
}

/// How many of all values are tried in each place.
fn values_each(default: u64) -> usize {
    usize::try_from(number("HALLMARK_HOSTILE_VALUES", default)).unwrap()
}

/// The codes of a statement that the server did not understand, or that did not fit its table: some text was taken for a part of it.
/// None may come of what a caller gives.
const OF_THE_SERVER: [&str; 3] = ["HM-D030", "HM-D031", "HM-D070"];

/// What is wrong with an outcome.
fn wrong(outcome: &Result<Value>, took: Duration, marks: &[String]) -> Option<String> {
    if took > PATIENCE {
        return Some(format!("it took {} ms", took.as_millis()));
    }
    let error = outcome.as_ref().err()?;
    let id = error.code().id;
    let is_of_the_server = OF_THE_SERVER.contains(&id) || id.starts_with("HM-S") || id == "HM-W030";
    if error.code().exit == ExitClass::Internal || is_of_the_server {
        return Some(format!("{error:?}"));
    }
    let said = said(error);
    marks
        .iter()
        .find(|mark| said.contains(mark.as_str()))
        .map(|_| format!("a value that may be personal is repeated: {said}"))
}

fn said(error: &Error) -> String {
    error.to_json().to_string() + &format!("{error:?}")
}

/// A world under attack.
struct Siege<'a> {
    world: &'a World,
    guard: Guard<'a>,
    values: Vec<Value>,
    dice: Dice,
    each: usize,
    calls: u64,
    wrong: Vec<String>,
}

impl<'a> Siege<'a> {
    async fn new(world: &'a World, dice: Dice, each: usize) -> Self {
        let guard = Guard::new(world).await;
        let table = world.dataflow.tables()[0].name.clone();
        let values = values::all(&guard.other, &table);
        Self { world, guard, values, dice, each, calls: 0, wrong: Vec::new() }
    }

    fn spec(&self, node: &str) -> (NodeSpec, Arc<Table>) {
        let spec = self.world.registry.get(node).unwrap().spec().clone();
        let Group::Generated { model, .. } = &spec.group else { panic!("{node} is no node of a model") };
        let table = self.world.dataflow.tables().iter().find(|t| t.model.name == *model).unwrap();
        (spec, Arc::clone(table))
    }

    /// The values that a place gets.
    fn drawn(&mut self) -> Vec<usize> {
        let all: Vec<usize> = (0..self.values.len()).collect();
        if self.each >= all.len() { all } else { (0..self.each).map(|_| self.dice.of(&all)).collect() }
    }

    /// Makes the call with hostile values in this place.
    async fn attack(&mut self, called: &Called, spot: &Spot, place: &str) {
        let (spec, table) = self.spec(&called.node);
        let personal = spot.is_personal(&spec, &table);
        for at in self.drawn() {
            let Some(input) = spot.with(&called.input, &self.values[at]) else { continue };
            let mut marks = if personal { values::marks(&self.values[at]) } else { Vec::new() };
            // The name of its own table is in many an error.
            marks.retain(|mark| !table.name.contains(mark.trim_matches('"')));
            let begin = Instant::now();
            let outcome = match &called.tenant {
                Some(tenant) => self.world.tenant(tenant, &called.node, input).await,
                None => self.world.call(&called.node, input).await,
            };
            self.calls += 1;
            if let Some(why) = wrong(&outcome, begin.elapsed(), &marks) {
                let value: String = self.values[at].to_string().chars().take(120).collect();
                let call: String = called.input.to_string().chars().take(400).collect();
                self.wrong.push(format!("{place}: {} {call}\n  {spot} = {value}\n  {why}", called.node));
            }
        }
    }

    /// Looks after the canaries; says what was done before they were hurt.
    async fn look(&mut self, place: &str) {
        if let Some(why) = self.guard.changed().await {
            self.wrong.push(format!("{place}: {why}"));
        }
    }

    async fn end(self) -> (u64, Vec<String>) {
        self.guard.end().await;
        (self.calls, self.wrong)
    }
}

/// How many calls were made, and what was wrong with them.
type Tally = (u64, Vec<String>);

async fn besieged(scene: Scene, seed: u64, each: usize) -> Tally {
    let out = Arc::new(Mutex::new((0, Vec::new())));
    let tally = Arc::clone(&out);
    with(scene.models.clone(), |world| async move {
        let calls = scene.play(&world).await;
        let rows = Rows::keep(&world).await;
        let mut siege = Siege::new(&world, Dice::new(seed), each).await;
        for called in calls.iter().filter(|c| world.registry.get(&c.node).is_ok()) {
            let place = format!("{} line {}", scene.place, called.line);
            let (spec, _) = siege.spec(&called.node);
            for spot in spots::all(&called.input, &spec) {
                siege.attack(called, &spot, &place).await;
            }
            siege.look(&place).await;
            rows.restore(&world).await;
        }
        *tally.lock().unwrap() = siege.end().await;
    })
    .await;
    let mut out = out.lock().unwrap();
    std::mem::take(&mut *out)
}

/// The outcomes of all sieges, none of which may have found anything.
fn held(tallies: Vec<Tally>, at_least: u64) {
    let calls: u64 = tallies.iter().map(|(calls, _)| calls).sum();
    let wrong: Vec<String> = tallies.into_iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{} of {calls} calls:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls >= at_least, "only {calls} calls were made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_values_in_every_place_of_the_pages_calls_are_values() {
    let (seed, each) = (number("HALLMARK_HOSTILE_SEED", 1), values_each(1));
    let runs = scenes().into_iter().zip(0..).map(|(scene, n)| besieged(scene, seed * 1_000 + n, each));
    let tallies: Vec<Tally> = futures_util::stream::iter(runs).buffer_unordered(4).collect().await;
    held(tallies, 2_000);
}
