//! Baseline, part 1: the project's tests are discovered, executed and pass, with the stack's environment.

mod control;
mod pytest;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_evidence::Evidence;
use serde_json::json;

use crate::context::{Context, Instrument, Measured};
use crate::score::{BASELINE_PARTS, BASELINE_WEIGHT};
use crate::section::Kind;
use pytest::{Extra, Outcome, Pytest};

/// The requirement that this part breaks the baseline down to.
const REQUIREMENT: &str = "REQ-BASE-001";

/// The share of the collected tests that must be executed; what the requirements ask for.
const EXECUTED_SHARE_MIN: f64 = 0.95;

/// The share of the executed tests that must pass, by tier. A tier is a folder in the test's path.
const PASSED_SHARE_MIN: &[(&str, f64)] =
    &[("unit", 0.95), ("integration", 0.98), ("e2e", 1.0), ("other", 0.95)];

/// The outcomes of tests that pass. One that fails as expected (`xfail`) shows that something is known not to work; one that passes against
/// its mark is a failure to pytest only if the mark is strict, and then says so.
const PASSES: [&str; 2] = ["passed", "xpassed"];

/// Failing tests that evidence names.
const NAMED_MAX: usize = 20;

/// The part.
pub(crate) static PART: Instrument = Instrument {
    id: "tests",
    title: "Tests discovered and executable",
    kind: Kind::Baseline,
    weight: BASELINE_WEIGHT / BASELINE_PARTS as f64,
    measure,
    control: control::run,
};

fn measure(context: &Context) -> BoxFuture<'_, Measured> {
    async move {
        let started = std::time::Instant::now();
        let config = &context.config.tests;
        let pytest = match Pytest::find(&context.project, config).await {
            Ok(pytest) => pytest,
            Err(error) => return not_run(&format!("{error:?}")),
        };
        let scratch = match context.scratch_folder("pytest") {
            Ok(scratch) => scratch,
            Err(error) => return not_run(&error.to_string()),
        };
        let extra = Extra { scratch: &scratch, environment: &context.environment };
        match pytest.run(context.project.root(), config, &extra).await {
            Ok(outcome) => judge(&outcome, &pytest, context, started.elapsed()),
            Err(error) => not_run(&format!("{error:?}")),
        }
    }
    .boxed()
}

fn checks() -> [Evidence; 3] {
    [
        Evidence::new(
            REQUIREMENT,
            "tests.collected",
            "pytest discovers the tests, and no file fails to be collected",
        )
        .threshold("at least 1 collected, 0 collection errors"),
        Evidence::new(REQUIREMENT, "tests.executed", "collected tests are executed; a skipped test is not")
            .threshold(format!(
                "executed / (collected + files that fail or skip themselves) >= {EXECUTED_SHARE_MIN}"
            )),
        Evidence::new(REQUIREMENT, "tests.passed", "executed tests pass, by tier")
            .threshold("passed / executed >= 0.95 unit, 0.98 integration, 1.00 e2e, 0.95 other; xfail is executed, not passed"),
    ]
}

fn not_run(reason: &str) -> Measured {
    Measured::evidence(checks().map(|e| e.reproduce("hallmark certify").because(reason)))
}

fn judge(outcome: &Outcome, pytest: &Pytest, context: &Context, took: std::time::Duration) -> Measured {
    let record = &outcome.record;
    let [collected, executed, passed] =
        checks().map(|e| e.reproduce(pytest.command_line(&context.config.tests)).took(took));
    let found = record.collected > 0 && record.collection_errors.is_empty() && record.finished;
    let errors: Vec<_> = record.collection_errors.iter().take(NAMED_MAX).collect();
    let collected = collected.measured(
        json!({"collected": record.collected, "collection_errors": record.collection_errors.len(), "first_errors": errors, "pytest": pytest.version}),
        found,
    );
    if record.outcomes.is_empty() && !record.finished {
        let reason = format!("pytest did not come to its end: {}", outcome.last_words);
        return Measured::evidence([
            collected.because(&reason),
            executed.because(&reason),
            passed.because(&reason),
        ]);
    }
    let ran = outcome.executed();
    let share = ran as f64 / outcome.known().max(1) as f64;
    let executed = executed.measured(
        json!({"executed": ran, "collected": record.collected, "skipped": outcome.count("skipped"), "skipped_files": record.collection_skips.len(), "deselected": record.deselected, "set_up_or_tear_down_errors": outcome.count("error"), "share": share}),
        record.finished && ran > 0 && share >= EXECUTED_SHARE_MIN,
    );
    let tiers = by_tier(outcome);
    let holds = record.finished && ran > 0 && tiers.iter().all(|t| t.holds());
    let rows: serde_json::Map<String, serde_json::Value> =
        tiers.iter().map(|t| (t.name.to_owned(), t.to_json())).collect();
    let passed = passed.measured(json!({"passed": PASSES.iter().map(|o| outcome.count(o)).sum::<usize>(), "failed_as_expected": outcome.count("xfailed"), "executed": ran, "tiers": rows, "first_failures": failures(outcome)}), holds);
    let explain = |e: Evidence| if e.verdict.is_green() { e } else { e.because(why(outcome)) };
    Measured::evidence([collected, executed, passed].map(explain))
}

struct Tier {
    name: &'static str,
    minimum: f64,
    ran: usize,
    passed: usize,
}

impl Tier {
    fn holds(&self) -> bool {
        self.ran == 0 || self.passed as f64 / self.ran as f64 >= self.minimum
    }

    fn to_json(&self) -> serde_json::Value {
        json!({"executed_or_broken": self.ran, "passed": self.passed, "minimum": self.minimum})
    }
}

/// A test whose set-up or tear-down broke counts against its tier: it is neither skipped nor passed.
fn by_tier(outcome: &Outcome) -> Vec<Tier> {
    let tier_of = |id: &str| {
        let path = id.split("::").next().unwrap_or(id);
        let segment = |name: &str| path.split('/').any(|s| s == name || (name == "e2e" && s == "end_to_end"));
        ["unit", "integration", "e2e"].into_iter().find(|name| segment(name)).unwrap_or("other")
    };
    let tiers = PASSED_SHARE_MIN.iter().map(|&(name, minimum)| {
        let some = outcome.record.outcomes.iter().filter(|(id, o)| tier_of(id) == name && **o != "skipped");
        let (ran, passed) =
            some.fold((0, 0), |(ran, passed), (_, o)| (ran + 1, passed + usize::from(PASSES.contains(o))));
        Tier { name, minimum, ran, passed }
    });
    tiers.filter(|t| t.ran > 0).collect()
}

fn failures(outcome: &Outcome) -> Vec<String> {
    let bad = outcome.record.outcomes.iter().filter(|(_, o)| matches!(**o, "failed" | "error" | "xfailed"));
    let line = |(id, o): (&String, &&str)| {
        format!("{id} {o}: {}", outcome.record.reasons.get(id).map_or("", String::as_str))
            .trim_end_matches(": ")
            .to_owned()
    };
    bad.take(NAMED_MAX).map(line).collect()
}

fn why(outcome: &Outcome) -> String {
    let record = &outcome.record;
    if !record.finished {
        return format!("pytest did not come to its end: {}", outcome.last_words);
    }
    let named = |(id, reason): (&String, &String)| format!("{id}: {reason}");
    let failed = || failures(outcome).into_iter().next();
    let skipped = || record.reasons.iter().find(|(id, _)| record.outcomes[*id] == "skipped").map(named);
    let file_failed = record.collection_errors.iter().next().map(named);
    let file_skipped = || record.collection_skips.iter().next().map(named);
    file_failed
        .or_else(failed)
        .or_else(skipped)
        .or_else(file_skipped)
        .unwrap_or_else(|| "no test was found".to_owned())
}

#[cfg(test)]
mod counting {
    use super::*;

    #[test]
    fn a_test_that_fails_as_expected_does_not_pass() {
        let mut outcome = Outcome::default();
        let rows = [("a", "passed"), ("b", "xpassed"), ("c", "xfailed"), ("d", "skipped"), ("e", "failed")];
        for (name, said) in rows {
            outcome.record.outcomes.insert(format!("tests/unit/test_x.py::test_{name}"), said);
        }
        let tiers = by_tier(&outcome);
        assert_eq!((tiers.len(), tiers[0].ran, tiers[0].passed), (1, 4, 2));
        assert!(!tiers[0].holds());
        let named = failures(&outcome);
        assert!(named.len() == 2 && named[0].contains("test_c xfailed"), "{named:?}");
    }
}
