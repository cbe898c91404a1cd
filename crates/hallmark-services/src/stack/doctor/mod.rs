//! `doctor`: what the stack needs and has, line by line, each with the command that mends it.
//!
//! The facts are gathered once ([`Scene`]); every check is a function of them and stands in one list.

mod clock;
mod console;
mod distance;
mod machine;
mod network;
mod programs;
mod project;
mod risks;
mod scene;
mod secrets;
mod surroundings;
mod usable;

use std::fmt;

use hallmark_core::Result;
use serde::Serialize;

pub use risks::{Fallback, Monitor, Outcome, Risk};
use scene::Scene;

use super::Stack;

/// The schema of the doctor's JSON; a field that goes or changes its meaning makes it a new one.
pub const DOCTOR_SCHEMA: &str = "hallmark.doctor/1";

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it must be.
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// It does not work.
    Fail,
    /// Nothing was looked at. Never green.
    NotChecked,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotChecked => "not checked",
        })
    }
}

/// One line of the doctor.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was looked at, for programs: `memory`, `port.redis`, `usable.postgres`. It stays; the name may change.
    pub id: String,
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub verdict: Verdict,
    /// What was seen.
    pub detail: String,
    /// The command that mends it; always there for what warns or fails.
    pub mend: Option<String>,
}

impl Check {
    fn new(id: impl Into<String>, name: &str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.to_owned(), verdict, detail: detail.into(), mend: None }
    }

    fn mend(mut self, command: impl Into<String>) -> Self {
        self.mend = Some(command.into());
        self
    }
}

/// A check: some lines of what was gathered.
type Look = fn(&Scene<'_>) -> Vec<Check>;

/// Every check, in the order of the lines: the machine, its surroundings, the programs, the project, the services.
const CHECKS: &[Look] = &[
    machine::system,
    machine::memory,
    machine::overcommit,
    machine::open_files,
    machine::load,
    machine::disk,
    clock::year,
    clock::file_system,
    clock::postgres,
    console::encoding,
    console::code_page,
    network::loopback,
    network::localhost,
    network::proxy,
    surroundings::wsl,
    surroundings::engine,
    surroundings::docker_desktop,
    programs::installed,
    programs::run,
    secrets::folder,
    secrets::files,
    project::supervisor,
    project::stale,
    project::restore,
    project::ports,
    usable::usable,
    usable::latency,
];

/// What was examined: the lines, and the risks that follow from them.
#[derive(Clone, Debug, Serialize)]
pub struct Examination {
    /// The lines in their order.
    pub checks: Vec<Check>,
    /// The register of risks, the greatest first.
    pub risks: Vec<Risk>,
}

impl Stack {
    /// Looks at everything. What it says of ports, memory and disk is true at the moment of the check only.
    ///
    /// # Errors
    /// `HM-S050` if no cache folder can be named; `HM-S051` if the state is broken. What is wrong is a line, no error.
    pub async fn doctor(&self) -> Result<Vec<Check>> {
        Ok(self.examine().await?.checks)
    }

    /// As [`Stack::doctor`], with the register of risks: each line weighed by how likely it does harm and how much, with
    /// what lessens it and who else could provide the service.
    ///
    /// # Errors
    /// Those of [`Stack::doctor`].
    pub async fn examine(&self) -> Result<Examination> {
        self.examine_from(None).await
    }

    /// As [`Stack::examine`], with what the way to the Hallmark at this address on another host adds to a request.
    ///
    /// # Errors
    /// Those of [`Stack::doctor`].
    pub async fn examine_from(&self, url: Option<&str>) -> Result<Examination> {
        let scene = Box::pin(Scene::gather(self)).await?;
        let mut checks: Vec<Check> = CHECKS.iter().flat_map(|look| look(&scene)).collect();
        checks.push(distance::look(self, url).await);
        let risks = risks::register(&checks, &risks::fallbacks(&scene));
        Ok(Examination { checks, risks })
    }
}
