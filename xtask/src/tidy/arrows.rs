//! Crate arrows run down only, and the scanner's crates stay light.

use std::path::Path;

use crate::lock;
use crate::shell::{self, Failure, Outcome};

/// Who may depend on whom among our crates (ARCHITECTURE.md, "Arrows"). A crate absent from a list is an arrow up.
const ARROWS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("macros", &[]),
    ("evidence", &["core"]),
    ("diagnostics", &["core"]),
    ("python", &["core", "diagnostics"]),
    ("standards", &["core", "diagnostics", "evidence", "python"]),
    ("fix", &["core", "diagnostics", "python"]),
    ("lsp", &["core", "diagnostics", "fix", "python", "standards"]),
    ("services", &["core", "evidence"]),
    ("workflow", &["core", "evidence", "macros", "services"]),
    ("dataflow", &["core", "evidence", "macros", "python", "services", "workflow"]),
    ("agents", &["core", "evidence", "dataflow", "macros", "services", "workflow"]),
    ("nexus", &["core", "evidence", "services", "workflow"]),
    ("proof", &["core", "evidence", "services", "standards"]),
    ("chaos", &["core", "services"]),
    (
        "certify",
        &["core", "evidence", "dataflow", "diagnostics", "proof", "services", "standards", "workflow"],
    ),
];

/// Crates that must build without an asynchronous run time, TLS or columnar data.
const LIGHT: &[&str] = &[
    "hallmark-core",
    "hallmark-evidence",
    "hallmark-diagnostics",
    "hallmark-python",
    "hallmark-standards",
    "hallmark-fix",
    "hallmark-lsp",
];

/// What [`LIGHT`] crates must not reach.
const HEAVY: &[&str] = &["tokio", "rustls", "reqwest", "hyper", "arrow-array", "parquet", "calamine", "axum"];

/// What no crate may reach: a second TLS provider, C database clients, test doubles.
const BANNED: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "openssl-sys",
    "native-tls",
    "rusqlite",
    "libsqlite3-sys",
    "mockall",
    "wiremock",
    "httpmock",
    "mockito",
];

pub(super) fn check() -> Outcome<Vec<String>> {
    let mut problems = Vec::new();
    for (name, allowed) in ARROWS {
        let manifest = shell::root().join(format!("crates/hallmark-{name}/Cargo.toml"));
        if !manifest.is_file() {
            continue;
        }
        for dependency in ours(&manifest)? {
            if !allowed.contains(&dependency.as_str()) {
                problems.push(format!("hallmark-{name} -> hallmark-{dependency}: an arrow that runs up"));
            }
        }
    }
    for package in LIGHT {
        for name in lock::reached_by(package)?.iter().filter(|n| HEAVY.contains(&n.as_str())) {
            problems.push(format!("{package} reaches {name}: the scanner must build without it"));
        }
    }
    for package in lock::packages()?.iter().filter(|p| BANNED.contains(&p.name.as_str())) {
        problems.push(format!("Cargo.lock holds {}, which is banned", package.name));
    }
    problems.extend(unknown_crates()?);
    Ok(problems)
}

/// The crates of ours that a manifest names outside its dev-dependencies, without prefix.
fn ours(manifest: &Path) -> Outcome<Vec<String>> {
    let table: toml::Table = toml::from_str(&std::fs::read_to_string(manifest)?)?;
    let names = ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| table.get(*section)?.as_table())
        .flat_map(toml::Table::keys)
        .filter_map(|name| name.strip_prefix("hallmark-").map(str::to_owned));
    Ok(names.collect())
}

fn unknown_crates() -> Outcome<Vec<String>> {
    let mut problems = Vec::new();
    for entry in std::fs::read_dir(shell::root().join("crates"))?.flatten() {
        let folder = entry.file_name().to_string_lossy().into_owned();
        let known =
            folder == "hallmark" || ARROWS.iter().any(|(name, _)| folder == format!("hallmark-{name}"));
        if !known {
            problems.push(format!("crates/{folder} is not in the table of arrows"));
        }
        let text = std::fs::read_to_string(entry.path().join("Cargo.toml"))
            .map_err(|e| Failure(format!("{folder}: {e}")))?;
        if !text.contains("[lints]\nworkspace = true") {
            problems.push(format!("crates/{folder}/Cargo.toml does not take the workspace's lints"));
        }
    }
    Ok(problems)
}
