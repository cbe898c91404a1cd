//! `Cargo.lock`, and which crates reach which.

use std::process::Command;

use crate::shell::{self, Failure, Outcome};

/// A package of the lock file.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
}

/// Every package of `Cargo.lock`.
pub(crate) fn packages() -> Outcome<Vec<Package>> {
    let text = std::fs::read_to_string(shell::root().join("Cargo.lock"))?;
    let lock: toml::Table = toml::from_str(&text)?;
    let packages = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .ok_or(Failure("Cargo.lock has no packages".into()))?;
    let field = |p: &toml::Value, name: &str| {
        p.get(name).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    Ok(packages.iter().map(|p| Package { name: field(p, "name"), version: field(p, "version") }).collect())
}

/// The names of all crates that a crate of ours builds with on this platform.
pub(crate) fn reached_by(package: &str) -> Outcome<Vec<String>> {
    let mut command: Command = shell::cargo();
    command.args([
        "tree",
        "--locked",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--package",
        package,
    ]);
    let text = shell::output(&mut command)?;
    let mut names: Vec<String> =
        text.lines().filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}
