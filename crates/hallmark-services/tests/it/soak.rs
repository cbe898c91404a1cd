//! How often a real server is accused: `cargo xtask verify-soak` runs this for as many verifications as it is told.

#![expect(clippy::print_stdout, reason = "what is counted for hours is shown meanwhile")]

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use hallmark_services::{Endpoints, Judgement, Outcome, ServiceKind, Verification, verify};

use crate::support::endpoints;

/// What became of the verifications of one service.
#[derive(Default)]
struct Tally {
    runs: usize,
    genuine: usize,
    /// By trial: not made, or refuted.
    others: BTreeMap<String, usize>,
    accused: Vec<String>,
}

impl Tally {
    fn note(&mut self, kind: ServiceKind, seen: Verification) {
        self.runs += 1;
        self.genuine += usize::from(seen.judgement == Judgement::Genuine);
        for trial in seen.trials.iter().filter(|trial| trial.outcome != Outcome::Held) {
            let outcome = if trial.outcome == Outcome::Refuted { "refuted" } else { "not made" };
            *self.others.entry(format!("{} {outcome}", trial.name)).or_default() += 1;
        }
        if seen.judgement == Judgement::StandIn {
            println!("{kind}: accused in run {}: {:?}", self.runs, seen.reason);
            self.accused.extend(seen.reason);
        }
    }
}

/// The five side by side: the load of one is the trouble of the others. `HALLMARK_SOAK_AT_ONCE` verifications of each, too.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes hours: cargo xtask verify-soak"]
async fn a_real_server_is_never_accused() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let runs = number("HALLMARK_SOAK_RUNS").unwrap_or(1_000);
    let at_once = number("HALLMARK_SOAK_AT_ONCE").unwrap_or(1).max(1);
    let only = std::env::var("HALLMARK_SOAK_ONLY").ok();
    let wanted = |kind: &ServiceKind| {
        only.as_ref().is_none_or(|names| names.split(',').any(|name| name == kind.name()))
    };
    let kinds: Vec<ServiceKind> = ServiceKind::ALL.into_iter().filter(wanted).collect();
    assert!(!kinds.is_empty(), "no service is called {only:?}");
    // Tasks: side by side in one, these futures would be too large for a stack.
    let all = kinds.into_iter().map(|kind| tokio::spawn(Box::pin(soak(kind, endpoints(), runs, at_once))));
    let accused: Vec<String> = join_all(all).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(accused, Vec::<String>::new());
}

async fn soak(kind: ServiceKind, endpoints: Endpoints, runs: usize, at_once: usize) -> Vec<String> {
    let (began, mut tally) = (Instant::now(), Tally::default());
    let turns = (0..runs).map(|_| Box::pin(verify(kind, &endpoints)));
    let mut seen = stream::iter(turns).buffer_unordered(at_once);
    while let Some(seen) = seen.next().await {
        tally.note(kind, seen);
        if tally.runs.is_multiple_of(50) || tally.runs == runs {
            println!(
                "{kind}: {} runs, {} genuine, {} accused, {:?}, {:.0} s",
                tally.runs,
                tally.genuine,
                tally.accused.len(),
                tally.others,
                began.elapsed().as_secs_f64()
            );
        }
    }
    if tally.genuine == 0 {
        tally.accused.push(format!("{kind} was never found genuine: the instrument proves nothing"));
    }
    tally.accused
}
