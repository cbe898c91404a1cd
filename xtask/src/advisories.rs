//! Known vulnerabilities among the dependencies, after the `RustSec` advisory database.
//!
//! The database is a git repository. Where it is out of reach the result is `not checked`, which is not a pass.

use std::path::{Path, PathBuf};
use std::process::Command;

use semver::{Version, VersionReq};

use crate::lock::{self, Package};
use crate::shell::{self, Checked, Failure, Outcome};

const DATABASE: &str = "https://github.com/RustSec/advisory-db";
const FETCH_TIMEOUT_SECONDS: &str = "60";

pub(crate) fn run() -> Outcome<Checked> {
    let folder = match database() {
        Ok(folder) => folder,
        Err(reason) => {
            shell::say(&format!("advisories: not checked ({reason})\n"));
            return Ok(Checked::No);
        }
    };
    let advisories = shell::files(&folder.join("crates"), ".md");
    let found = matches(&advisories, &lock::packages()?);
    if found.is_empty() {
        shell::say(&format!("advisories: {} read, none applies\n", advisories.len()));
        return Ok(Checked::Yes);
    }
    Err(Failure(format!("advisories that apply:\n  {}", found.join("\n  "))))
}

/// A local copy of the database: the folder named by `RUSTSEC_ADVISORY_DB`, else a fresh shallow clone.
fn database() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("RUSTSEC_ADVISORY_DB") {
        return Ok(PathBuf::from(folder));
    }
    let folder = shell::root().join("target/advisory-db");
    let _ = std::fs::remove_dir_all(&folder);
    let mut command = Command::new("timeout");
    command.args([FETCH_TIMEOUT_SECONDS, "git", "clone", "--quiet", "--depth", "1", DATABASE]).arg(&folder);
    match command.env("GIT_TERMINAL_PROMPT", "0").output() {
        Ok(output) if output.status.success() => Ok(folder),
        _ => Err("the advisory database is out of reach".to_owned()),
    }
}

fn matches(advisories: &[PathBuf], packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for path in advisories {
        let Some(advisory) = read(path) else { continue };
        for package in packages.iter().filter(|p| p.name == advisory.package) {
            let Ok(version) = Version::parse(&package.version) else { continue };
            if advisory.safe.iter().all(|r| !r.matches(&version)) {
                found.push(format!("{} {}: {}", package.name, package.version, advisory.id));
            }
        }
    }
    found
}

struct Advisory {
    id: String,
    package: String,
    /// Version ranges that are patched or were never affected.
    safe: Vec<VersionReq>,
}

/// Reads the TOML block at the head of an advisory; withdrawn and merely informational ones are passed over.
fn read(path: &Path) -> Option<Advisory> {
    let text = std::fs::read_to_string(path).ok()?;
    let block = text.split("```").nth(1)?.trim_start_matches("toml");
    let table: toml::Table = toml::from_str(block).ok()?;
    let head = table.get("advisory")?;
    if head.get("withdrawn").is_some() || head.get("informational").is_some() {
        return None;
    }
    let ranges = |name: &str| {
        let list = table.get("versions").and_then(|v| v.get(name)).and_then(toml::Value::as_array);
        list.into_iter().flatten().filter_map(|r| VersionReq::parse(r.as_str()?).ok()).collect::<Vec<_>>()
    };
    let mut safe = ranges("patched");
    safe.extend(ranges("unaffected"));
    let field = |name: &str| head.get(name).and_then(toml::Value::as_str).map(str::to_owned);
    Some(Advisory { id: field("id")?, package: field("package")?, safe })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_affected_version_is_found_and_a_patched_one_is_not() {
        let folder = std::env::temp_dir().join(format!("hallmark-advisory-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("RUSTSEC-2020-0001.md");
        let text = "```toml\n[advisory]\nid = \"RUSTSEC-2020-0001\"\npackage = \"leaky\"\n[versions]\npatched = [\">= 1.2.0\"]\n```\n# Leaks\n";
        std::fs::File::create(&path)
            .and_then(|mut f| std::io::Write::write_all(&mut f, text.as_bytes()))
            .unwrap();
        let package = |version: &str| Package { name: "leaky".into(), version: version.into() };
        let found = matches(&[path], &[package("1.1.9"), package("1.2.0")]);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, ["leaky 1.1.9: RUSTSEC-2020-0001"]);
    }
}
