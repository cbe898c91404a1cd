//! What the system's package manager provides: PostgreSQL, Redis, Java, Maven, Python.

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result};
use tokio::process::Command;

use super::{Item, Registry, Tools};
use crate::ServiceKind;
use crate::stack::{codes, exec, limits, users};

/// The PostgreSQL versions that are accepted.
const POSTGRES_VERSIONS: std::ops::RangeInclusive<u32> = 15..=18;

/// The first Java version that Neo4j 5.26 runs on.
const JAVA_FIRST: u32 = 17;

/// The Redis version that is accepted, and newer ones.
const REDIS_FIRST: u32 = 7;

/// The folders of PostgreSQL's server programs, with their major versions.
pub(super) async fn postgres() -> Vec<(u32, PathBuf)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        let version = entry.file_name().to_str().and_then(|name| name.parse().ok()).unwrap_or(0);
        let folder = entry.path().join("bin");
        if POSTGRES_VERSIONS.contains(&version) && exec::is_executable(&folder.join("initdb")) {
            found.push((version, folder));
        }
    }
    if let Some(server) = exec::find("postgres")
        && let Some(version) = exec::ask(&server, &["--version"]).await.as_deref().and_then(first_number)
        && POSTGRES_VERSIONS.contains(&version)
        && !found.iter().any(|(known, _)| *known == version)
        && let Some(folder) = server.canonicalize().ok().and_then(|path| path.parent().map(Path::to_path_buf))
    {
        found.push((version, folder));
    }
    found
}

/// Redis 7 or newer.
pub(super) async fn redis() -> Option<PathBuf> {
    let program = exec::find("redis-server")?;
    let answer = exec::ask(&program, &["--version"]).await?;
    let version = first_number(answer.split_once("v=")?.1)?;
    (version >= REDIS_FIRST).then_some(program)
}

/// Java 17 or newer.
pub(super) async fn java() -> Option<PathBuf> {
    let mut candidates: Vec<PathBuf> =
        std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java")).into_iter().collect();
    candidates.extend(exec::find("java"));
    let installed = std::fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let mut installed: Vec<_> = installed.map(|entry| entry.path().join("bin/java")).collect();
    installed.sort();
    candidates.extend(installed);
    for program in candidates.into_iter().filter(|file| exec::is_executable(file)) {
        let answer = exec::ask(&program, &["-version"]).await;
        if answer.as_deref().and_then(java_version).is_some_and(|version| version >= JAVA_FIRST) {
            return Some(program);
        }
    }
    None
}

/// The first number in the text.
fn first_number(text: &str) -> Option<u32> {
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// `openjdk version "17.0.16"` and the old `java version "1.8.0_302"`.
fn java_version(text: &str) -> Option<u32> {
    let quoted = text.split('"').nth(1)?;
    first_number(quoted.strip_prefix("1.").unwrap_or(quoted))
}

/// The system packages that the service still needs.
pub(super) fn missing(tools: &Tools, service: ServiceKind) -> Vec<Item> {
    let mut items = Vec::new();
    let mut add = |absent: bool, name: &str, download_mb, licence, packages: &[&'static str]| {
        if absent {
            let (name, target) = (name.to_owned(), "the system".to_owned());
            let packages = packages.to_vec();
            items.push(Item {
                services: vec![service],
                name,
                registry: Registry::Apt,
                download_mb,
                licence,
                target,
                packages,
            });
        }
    };
    match service {
        ServiceKind::Postgres => {
            add(tools.postgres.is_empty(), "PostgreSQL server", 20, "PostgreSQL licence", &["postgresql"]);
        }
        ServiceKind::Redis => {
            add(tools.redis.is_none(), "Redis server", 2, "BSD-3-Clause", &["redis-server"]);
        }
        ServiceKind::Neo4j => {
            add(
                tools.java.is_none(),
                "Java 17 runtime",
                45,
                "GPL-2.0 with class path exception",
                &["openjdk-17-jre-headless"],
            );
            add(tools.neo4j.is_none() && tools.maven.is_none(), "Maven", 15, "Apache-2.0", &["maven"]);
        }
        ServiceKind::Chroma => {
            add(
                tools.chroma.is_none() && tools.python.is_none(),
                PYTHON,
                10,
                PYTHON_LICENCE,
                PYTHON_PACKAGES,
            );
        }
        ServiceKind::OpenAi => {
            add(
                tools.models.is_none() && tools.python.is_none(),
                PYTHON,
                10,
                PYTHON_LICENCE,
                PYTHON_PACKAGES,
            );
        }
    }
    items
}

const PYTHON: &str = "Python 3 with venv";
const PYTHON_LICENCE: &str = "PSF-2.0";
const PYTHON_PACKAGES: &[&str] = &["python3", "python3-venv"];

/// Installs the packages, as root or through a `sudo` that asks for nothing.
pub(super) async fn install(packages: &[&'static str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let Some(apt) = exec::find("apt-get") else {
        return Err(by_hand(packages, "this system has no apt-get"));
    };
    apt_get(&apt, packages, &["-q", "update"]).await?;
    let mut chosen = Vec::new();
    for package in packages {
        chosen.push(available(package).await.unwrap_or(package));
    }
    let mut arguments = vec!["-q", "install", "-y", "--no-install-recommends"];
    arguments.extend(&chosen);
    apt_get(&apt, packages, &arguments).await
}

async fn apt_get(apt: &Path, packages: &[&'static str], arguments: &[&str]) -> Result<()> {
    let mut command = if users::is_root() {
        let mut command = Command::new(apt);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    } else {
        let sudo =
            exec::find("sudo").ok_or_else(|| by_hand(packages, "you are not root and there is no sudo"))?;
        if exec::ask(&sudo, &["-n", "true"]).await.is_none() {
            return Err(by_hand(packages, "you are not root and sudo asks for a password"));
        }
        let mut command = Command::new(sudo);
        command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive"]).arg(apt);
        command
    };
    // A machine that was just started may be installing its updates.
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    exec::run(&mut command, limits::INSTALL_TIMEOUT)
        .await
        .map(drop)
        .map_err(|e| by_hand(packages, e.message()).because_text(e.causes().join("; ")))
}

/// The name under which this system has the package: another version of it where the first is not offered.
async fn available(package: &'static str) -> Option<&'static str> {
    let names: &[&'static str] = match package {
        "openjdk-17-jre-headless" => {
            &["openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless"]
        }
        "postgresql" => &["postgresql-15", "postgresql-16", "postgresql-17", "postgresql"],
        _ => return Some(package),
    };
    let policy = exec::find("apt-cache")?;
    for name in names {
        let answer = exec::ask(&policy, &["policy", name]).await.unwrap_or_default();
        if answer.contains("Candidate:") && !answer.contains("Candidate: (none)") {
            return Some(name);
        }
    }
    None
}

fn by_hand(packages: &[&'static str], reason: &str) -> Error {
    Error::new(
        &codes::PACKAGES,
        format!("the packages {} could not be installed: {reason}", packages.join(", ")),
    )
    .next(format!("sudo apt-get install -y --no-install-recommends {}", packages.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(java_version("openjdk version \"17.0.16\" 2025-07-15"), Some(17));
        assert_eq!(java_version("java version \"1.8.0_302\""), Some(8));
        assert_eq!(java_version("openjdk version \"25\" 2025"), Some(25));
        assert_eq!(first_number("postgres (PostgreSQL) 15.18 (Debian)"), Some(15));
    }

    #[test]
    fn what_is_there_is_not_asked_for() {
        let tools = Tools { java: Some("/java".into()), maven: Some("/mvn".into()), ..Tools::default() };
        assert!(missing(&tools, ServiceKind::Neo4j).is_empty());
        assert_eq!(missing(&tools, ServiceKind::Redis)[0].packages, ["redis-server"]);
        let tools = Tools { neo4j: Some("/cached".into()), java: Some("/java".into()), ..Tools::default() };
        assert!(missing(&tools, ServiceKind::Neo4j).is_empty(), "Maven is for downloading only");
    }
}
