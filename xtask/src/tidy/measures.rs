//! Who measures is answered by the services themselves: what serves people may have fallbacks, what measures may not.

use crate::shell::{self, Outcome};

/// The folders in which measurements are made.
const MEASURES: &[&str] = &[
    "crates/hallmark-certify/src",
    "crates/hallmark-proof/src",
    "crates/hallmark-services/src/monitor",
    "crates/hallmark-services/src/stack",
];

/// The files beside them that measure: the probe and the verification of each service.
const FILES: &[&str] = &["health.rs", "verify.rs", "pulse.rs", "probe.rs", "witness.rs"];

/// How a service with fallbacks is made.
const MAKES: &str = "Guarded::new";

pub(super) fn check() -> Outcome<Vec<String>> {
    let root = shell::root();
    let mut files: Vec<_> =
        MEASURES.iter().flat_map(|folder| shell::files(&root.join(folder), ".rs")).collect();
    let services = shell::files(&root.join("crates/hallmark-services/src"), ".rs");
    files.extend(services.into_iter().filter(|path| FILES.iter().any(|name| path.ends_with(name))));
    let mut problems = Vec::new();
    for path in files {
        if makes(&std::fs::read_to_string(&path)?) {
            problems.push(format!("{}: who measures has no fallbacks", shell::relative(&path)));
        }
    }
    // The instrument must be seen to work: what serves people makes them.
    if !makes(&std::fs::read_to_string(root.join("crates/hallmark/src/wiring.rs"))?) {
        problems.push(format!("crates/hallmark/src/wiring.rs names no {MAKES}: nothing is looked for"));
    }
    Ok(problems)
}

fn makes(text: &str) -> bool {
    text.contains(MAKES)
}
