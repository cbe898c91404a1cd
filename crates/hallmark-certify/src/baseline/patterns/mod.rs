//! Baseline, part 4: foundation patterns: nodes are registered, workflows are built as the SDK needs it (REQ-GS-002, REQ-GS-004).

mod control;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_evidence::Evidence;

use crate::context::{Context, Instrument, Measured};
use crate::gates::gold_standards::of_family;
use crate::score::{BASELINE_PARTS, BASELINE_WEIGHT};
use crate::section::Kind;

/// The requirement that this part breaks the baseline down to.
const REQUIREMENT: &str = "REQ-BASE-004";

/// The requirements whose families are foundation patterns.
const FOUNDATIONS: [&str; 2] = ["REQ-GS-002", "REQ-GS-004"];

/// The part.
pub(crate) static PART: Instrument = Instrument {
    id: "patterns",
    title: "Foundation patterns",
    kind: Kind::Baseline,
    weight: BASELINE_WEIGHT / BASELINE_PARTS as f64,
    measure,
    control: control::run,
};

fn measure(context: &Context) -> BoxFuture<'_, Measured> {
    async move {
        let report = context.scan().await;
        let families = report.families.iter().filter(|f| FOUNDATIONS.contains(&f.requirement));
        let evidence: Vec<Evidence> =
            families.map(|f| of_family(f, report, "patterns", REQUIREMENT)).collect();
        if evidence.is_empty() {
            let none = Evidence::new(
                REQUIREMENT,
                "patterns.scanned",
                "nodes and workflows follow the foundation patterns",
            );
            return Measured::evidence([none
                .reproduce("hallmark check")
                .because("no rule of this edition covers them")]);
        }
        Measured::evidence(evidence)
    }
    .boxed()
}
