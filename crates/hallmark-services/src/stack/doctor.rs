//! `doctor`: what the stack needs and has, line by line, each with the command that mends it.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;

use futures_util::future::join_all;
use hallmark_core::Result;
use serde::Serialize;

use super::config::Provider;
use super::credentials::readable_by_others;
use super::install::{self, Cache, Tools};
use super::ports::{self, PortName};
use super::state::StackState;
use super::supervisor::{Record, connect, records};
use super::{Stack, docker, exec, limits, users};
use crate::{Endpoints, ServiceKind, State, probe};

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
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub verdict: Verdict,
    /// What was seen.
    pub detail: String,
    /// The command that mends it.
    pub mend: Option<String>,
}

impl Check {
    fn new(name: &str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), verdict, detail: detail.into(), mend: None }
    }

    fn mend(mut self, command: impl Into<String>) -> Self {
        self.mend = Some(command.into());
        self
    }
}

impl Stack {
    /// Looks at everything. What it says of ports, memory and disk is true at the moment of the check only.
    ///
    /// # Errors
    /// `HM-S050` if no cache folder can be named; `HM-S051` if the state is broken. What is wrong is a line, no error.
    pub async fn doctor(&self) -> Result<Vec<Check>> {
        let cache = Cache::locate()?;
        let tools = Tools::find(&cache).await;
        let state = StackState::load(&self.project)?;
        let mut checks = vec![system(), memory(), disk(cache.root())];
        for service in ServiceKind::ALL {
            checks.push(self.installed(service, &tools));
        }
        checks.push(java(&tools).await);
        checks.push(engine(self).await);
        checks.push(clock());
        checks.push(encoding());
        match &state {
            Some(state) => checks.extend(self.project_checks(state).await),
            None => checks.push(
                Check::new("project", Verdict::NotChecked, "nothing was started here yet")
                    .mend("hallmark up"),
            ),
        }
        checks.extend(self.usable().await?);
        Ok(checks)
    }

    fn installed(&self, service: ServiceKind, tools: &Tools) -> Check {
        let name = format!("{} installed", service.title());
        match self.provider(service) {
            Provider::Native => {
                let plan = install::plan(tools, &[service]);
                if plan.is_empty() {
                    return Check::new(&name, Verdict::Ok, place(service, tools));
                }
                let missing: Vec<&str> = plan.items.iter().map(|item| item.name.as_str()).collect();
                Check::new(&name, Verdict::Fail, format!("missing: {}", missing.join(", ")))
                    .mend("hallmark up --yes")
            }
            other => Check::new(&name, Verdict::NotChecked, format!("its provider is {other}")),
        }
    }

    async fn project_checks(&self, state: &StackState) -> Vec<Check> {
        let home = state.home(&self.project);
        let rows = records(&home);
        let mut checks = vec![modes(&home)];
        let supervised = connect(&home).await.is_some();
        let alive = rows.values().filter(|record| record.alive().is_some()).count();
        checks.push(match (supervised, alive) {
            (true, n) => Check::new("supervisor", Verdict::Ok, format!("it watches {n} processes")),
            (false, 0) => Check::new("supervisor", Verdict::NotChecked, "nothing runs").mend("hallmark up"),
            (false, n) => Check::new("supervisor", Verdict::Warn, format!("it died; {n} processes live on"))
                .mend("hallmark status"),
        });
        let stale: Vec<&Record> =
            rows.values().filter(|r| r.identity.is_some() && r.alive().is_none()).collect();
        if !stale.is_empty() {
            let names: Vec<&str> = stale.iter().map(|record| record.process.name()).collect();
            checks.push(
                Check::new(
                    "stale state",
                    Verdict::Warn,
                    format!("recorded as running, but gone: {}", names.join(", ")),
                )
                .mend("hallmark up"),
            );
        }
        for service in ServiceKind::ALL {
            let runs =
                rows.values().any(|record| record.process.service() == service && record.alive().is_some());
            for name in PortName::of(service) {
                if let Some(port) =
                    state.ports.get(name).filter(|_| self.provider(service) == Provider::Native)
                {
                    checks.push(port_check(service, *port, runs));
                }
            }
        }
        checks
    }

    /// Installed is not usable: the probes say which is.
    async fn usable(&self) -> Result<Vec<Check>> {
        let endpoints: Endpoints = self.endpoints()?;
        let reports = join_all(ServiceKind::ALL.map(|service| Box::pin(probe(service, &endpoints)))).await;
        Ok(reports
            .into_iter()
            .map(|report| {
                let name = format!("{} usable", report.service.title());
                let verdict = match report.state {
                    State::Usable => Verdict::Ok,
                    State::Degraded => Verdict::Warn,
                    State::Down => Verdict::Fail,
                    State::NotMeasured => Verdict::NotChecked,
                };
                let detail = report
                    .reason
                    .unwrap_or_else(|| format!("{} in {:.1} ms", report.version, report.latency_ms));
                let check = Check::new(&name, verdict, detail);
                if verdict == Verdict::Ok {
                    check
                } else {
                    check.mend(report.next.unwrap_or_else(|| "hallmark up".to_owned()))
                }
            })
            .collect())
    }
}

fn place(service: ServiceKind, tools: &Tools) -> String {
    let path = match service {
        ServiceKind::Postgres => {
            tools.postgres.iter().max_by_key(|(version, _)| *version).map(|(_, folder)| folder.clone())
        }
        ServiceKind::Neo4j => tools.neo4j.clone(),
        ServiceKind::Chroma => tools.chroma.clone(),
        ServiceKind::Redis => tools.redis.clone(),
        ServiceKind::OpenAi => tools.models.clone(),
    };
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

fn port_check(service: ServiceKind, port: u16, runs: bool) -> Check {
    let name = format!("port {port} of {}", service.title());
    match (ports::is_free(port), runs, ports::holder(port)) {
        (true, false, _) => Check::new(&name, Verdict::Ok, "free at this moment"),
        (true, true, _) => Check::new(&name, Verdict::Warn, "its server runs and does not listen yet")
            .mend(format!("hallmark logs {service}")),
        (false, true, holder) => Check::new(
            &name,
            Verdict::Ok,
            holder.map_or_else(|| "held".to_owned(), |h| format!("held by {h}")),
        ),
        (false, false, holder) => {
            let by = holder.map_or_else(|| "another process".to_owned(), |h| h.to_string());
            Check::new(&name, Verdict::Fail, format!("held by {by}")).mend("hallmark up --new-ports")
        }
    }
}

fn modes(home: &super::home::Home) -> Check {
    let open = readable_by_others(home);
    let Some((path, mode)) = open.first() else {
        let folder = std::fs::metadata(home.secrets()).map(|f| f.permissions().mode() & 0o777).unwrap_or(0);
        return Check::new("credentials", Verdict::Ok, format!("files 0600 in a folder {folder:04o}"));
    };
    Check::new("credentials", Verdict::Fail, format!("{path} has mode {mode:04o}: others may read it"))
        .mend(format!("chmod 600 '{path}'"))
}

fn system() -> Check {
    let detail = format!(
        "{} {}, user {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        rustix::process::geteuid().as_raw()
    );
    if users::is_root() && users::postgres().is_none() {
        return Check::new(
            "system",
            Verdict::Warn,
            format!("{detail}: root, and no user postgres for the server yet"),
        )
        .mend("hallmark up --yes");
    }
    Check::new("system", Verdict::Ok, detail)
}

fn memory() -> Check {
    let Ok(mut facts) = sysinfo::System::new() else {
        return Check::new("memory", Verdict::NotChecked, "this system does not tell");
    };
    facts.refresh_memory();
    let available = facts.available_memory() / (1024 * 1024);
    let detail = format!("{available} MB available, the five services need about {} MB", limits::MEMORY_MB);
    let verdict = if available >= limits::MEMORY_MB { Verdict::Ok } else { Verdict::Warn };
    Check::new("memory", verdict, detail)
}

fn disk(cache: &std::path::Path) -> Check {
    let Some(folder) = cache.ancestors().find(|path| path.exists()) else {
        return Check::new("disk", Verdict::NotChecked, "no folder to look at");
    };
    match rustix::fs::statvfs(folder) {
        Ok(facts) => {
            let free = facts.f_bavail.saturating_mul(facts.f_frsize) / (1024 * 1024);
            let verdict = if free >= limits::DISK_MB { Verdict::Ok } else { Verdict::Warn };
            Check::new("disk", verdict, format!("{free} MB free at {}", folder.display()))
        }
        Err(error) => Check::new("disk", Verdict::NotChecked, error.to_string()),
    }
}

async fn java(tools: &Tools) -> Check {
    let Some(java) = &tools.java else {
        return Check::new("Java 17 or newer", Verdict::Fail, "not found").mend("hallmark up --yes");
    };
    let answer = exec::ask(java, &["-version"]).await.unwrap_or_default();
    let version = answer.lines().next().unwrap_or_default().to_owned();
    Check::new("Java 17 or newer", Verdict::Ok, format!("{}: {version}", java.display()))
}

async fn engine(stack: &Stack) -> Check {
    let chosen = ServiceKind::ALL.into_iter().any(|service| stack.provider(service) == Provider::Docker);
    match (docker::engine().await, chosen) {
        (Some(program), _) => {
            Check::new("container engine", Verdict::Ok, format!("{} answers", program.display()))
        }
        (None, true) => {
            Check::new("container engine", Verdict::Fail, "none answers, and the provider docker is chosen")
                .mend("set provider = \"native\" in [stack] of hallmark.toml")
        }
        (None, false) => {
            Check::new("container engine", Verdict::NotChecked, "none answers, and none is needed")
        }
    }
}

/// Certificates carry dates: a clock that was never set would make them worthless.
fn clock() -> Check {
    let now = jiff::Timestamp::now();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    if (2026..2100).contains(&year) {
        return Check::new("clock", Verdict::Ok, format!("{now:.0}; not compared with another clock"));
    }
    Check::new("clock", Verdict::Fail, format!("it says {now:.0}")).mend("timedatectl set-ntp true")
}

fn encoding() -> Check {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    match set {
        Some(value) if value.to_ascii_lowercase().replace('-', "").contains("utf8") => {
            Check::new("console encoding", Verdict::Ok, value)
        }
        other => {
            let seen = other.unwrap_or_else(|| "no locale set".to_owned());
            Check::new("console encoding", Verdict::Warn, format!("{seen}: symbols are shown in ASCII"))
                .mend("export LANG=C.UTF-8")
        }
    }
}
