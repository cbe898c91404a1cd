//! How often a real server is accused: `cargo xtask verify-soak` runs this for as many verifications as it is told.

#![expect(clippy::print_stdout, reason = "what is counted for hours is shown meanwhile")]

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::future::join_all;
use hallmark_services::{Endpoints, Judgement, Outcome, ServiceKind, verify};

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

/// The five side by side: the load of one is the trouble of the others.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes hours: cargo xtask verify-soak"]
async fn a_real_server_is_never_accused() {
    let runs = std::env::var("HALLMARK_SOAK_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    // Tasks: side by side in one, these futures would be too large for a stack.
    let all = ServiceKind::ALL.map(|kind| tokio::spawn(Box::pin(soak(kind, endpoints(), runs))));
    let accused: Vec<String> = join_all(all).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(accused, Vec::<String>::new());
}

async fn soak(kind: ServiceKind, endpoints: Endpoints, runs: usize) -> Vec<String> {
    let (began, mut tally) = (Instant::now(), Tally::default());
    while tally.runs < runs {
        let seen = Box::pin(verify(kind, &endpoints)).await;
        tally.runs += 1;
        tally.genuine += usize::from(seen.judgement == Judgement::Genuine);
        for trial in seen.trials.iter().filter(|trial| trial.outcome != Outcome::Held) {
            let outcome = if trial.outcome == Outcome::Refuted { "refuted" } else { "not made" };
            *tally.others.entry(format!("{} {outcome}", trial.name)).or_default() += 1;
        }
        if seen.judgement == Judgement::StandIn {
            println!("{kind}: accused in run {}: {:?}", tally.runs, seen.reason);
            tally.accused.extend(seen.reason);
        }
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
