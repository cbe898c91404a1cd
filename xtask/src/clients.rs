//! Clients that the tests drive Hallmark with and that nobody here wrote; installed where they are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome};

/// The language client of the tests in `crates/hallmark-lsp/tests/clients`.
const LANGUAGE_CLIENT: &str = "pytest-lsp==1.0.1";

/// Stand-ins for services, which `hallmark verify` must unmask: from PyPI and from npm.
const STAND_INS: &[&str] = &["fakellm==0.3.5", "fakeredis==2.40.0"];
const STAND_INS_NODE: &[&str] = &["@electric-sql/pglite@0.5.14", "@electric-sql/pglite-socket@0.2.17"];

/// Readers of what the monitors tell: Prometheus's text format and OTLP.
const READERS: &[&str] = &["opentelemetry-proto==1.45.2", "prometheus-client==0.26.0"];

/// What the suites that `hallmark test` runs in its own tests are made with.
const SUITES: &[&str] = &["pytest-xdist==3.8.0", "psycopg[binary]==3.3.9", "asyncpg==0.32.0", "neo4j==6.4.1"];

/// A PostgreSQL that brings pgvector, which Debian's does not. It is not built for every machine: where it is missing, the tests say so.
const WITH_PGVECTOR: &str = "pgserver==0.1.4";

/// Where the tests look for a Python that has it.
pub(crate) fn python(target: &Path) -> PathBuf {
    target.join("test-clients/bin/python")
}

/// Installs what is missing: curl from the system, the language client, the stand-ins and the readers into the target folder.
pub(crate) fn install(target: &Path) -> Outcome {
    if !runs("curl", &["--version"]) {
        apt(&["curl"])?;
    }
    let python = python(target);
    let folder = target.join("test-clients");
    if !folder.join("node_modules/@electric-sql/pglite-socket").is_dir() {
        shell::say(&format!("installing {}\n", STAND_INS_NODE.join(" ")));
        let install = ["install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", "--prefix"];
        shell::run(Command::new("npm").args(install).arg(&folder).args(STAND_INS_NODE))?;
    }
    let asked = |code: &str| runs(&python.to_string_lossy(), &["-c", code]);
    if !asked(
        "import pytest_lsp, fakeredis, fakellm, prometheus_client, opentelemetry.proto, xdist, psycopg, asyncpg, neo4j",
    ) {
        if !runs("python3", &["-c", "import venv, ensurepip"]) {
            apt(&["python3-venv"])?;
        }
        let packages: Vec<&str> =
            [&[LANGUAGE_CLIENT], STAND_INS, READERS, SUITES].into_iter().flatten().copied().collect();
        shell::say(&format!("installing {}\n", packages.join(" ")));
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    }
    if !asked("import importlib.util as util, sys; sys.exit(util.find_spec('pgserver') is None)") {
        shell::say(&format!("installing {WITH_PGVECTOR}\n"));
        let install = ["-m", "pip", "install", "--quiet", "--no-deps", WITH_PGVECTOR];
        if !runs(&python.to_string_lossy(), &install) {
            shell::say(&format!("{WITH_PGVECTOR} is not to be had: pgvector is not checked\n"));
        }
    }
    Ok(())
}

/// Installs packages of the system.
pub(crate) fn apt(packages: &[&str]) -> Outcome {
    shell::say(&format!("installing {}\n", packages.join(" ")));
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        let command = command.args(["-o", "DPkg::Lock::Timeout=300"]);
        shell::run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    let install: Vec<&str> = install.iter().chain(packages).copied().collect();
    // A bare machine has no list of packages yet.
    apt_get(&install).or_else(|_| apt_get(&["update", "--quiet"]).and_then(|()| apt_get(&install)))
}

/// Whether a program is there and answers.
pub(crate) fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|o| o.status.success())
}
