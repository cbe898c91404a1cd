//! No stand-in for a service anywhere in our own tree: we pass our own gate, in its strict reading.

use std::path::PathBuf;

use hallmark_standards::{Profile, ScanOptions, StandardsConfig};

use crate::shell::{self, Outcome};

/// Where violations are planted on purpose: the twin that must be refused, and a gate's negative control.
const PLANTED: &[&str] =
    &["examples/catalog-before/", "crates/hallmark-certify/src/baseline/patterns/planted.py"];

pub(super) fn check() -> Outcome<Vec<String>> {
    let root = shell::root();
    let options = ScanOptions {
        profile: Profile::Strict,
        select: vec!["mocking".to_owned()],
        ..ScanOptions::new(root.clone(), &StandardsConfig::default())
    };
    let report = hallmark_standards::scan(&options);
    let planted = |path: &str| PLANTED.iter().any(|p| path.starts_with(p));
    let findings = report
        .findings
        .iter()
        .filter(|f| !planted(&f.path))
        .map(|f| format!("{}:{}: {} ({})", f.path, f.start.line, f.message, f.rule));
    let mut problems: Vec<String> = findings.collect();
    // The instrument must be seen to work: the twin's violations are found by the same run.
    if root.join(PLANTED[0]).is_dir() && !report.findings.iter().any(|f| planted(&f.path)) {
        problems.push("the scan does not see the violations planted in examples/catalog-before".to_owned());
    }
    for path in sources() {
        let text = std::fs::read_to_string(&path)?;
        for (number, line) in text.lines().enumerate() {
            let declares = ["struct ", "enum ", "trait "]
                .iter()
                .filter_map(|k| line.trim_start().trim_start_matches("pub ").strip_prefix(k));
            for name in declares {
                if ["Mock", "Fake", "Stub", "Dummy"].iter().any(|p| name.starts_with(p)) {
                    problems.push(format!(
                        "{}:{}: a stand-in: {}",
                        shell::relative(&path),
                        number + 1,
                        line.trim()
                    ));
                }
            }
        }
    }
    Ok(problems)
}

fn sources() -> Vec<PathBuf> {
    shell::files(&shell::root().join("crates"), ".rs")
}
