//! What the doctor gathers before it judges: everything that has to be asked of programs and servers.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use hallmark_core::Result;

use super::programs::{self, Answer};
use super::{clock, console};
use crate::stack::config::Provider;
use crate::stack::home::Home;
use crate::stack::install::{Cache, Tools};
use crate::stack::state::StackState;
use crate::stack::supervisor::{Record, connect, records};
use crate::stack::{Stack, docker, exec};
use crate::{Endpoints, ProbeReport, ServiceKind, State, platform, probe};

/// The facts.
pub(super) struct Scene<'a> {
    pub(super) stack: &'a Stack,
    pub(super) tools: Tools,
    /// The folder of the downloads.
    pub(super) cache: PathBuf,
    /// What was kept of the project, if anything was started.
    pub(super) state: Option<StackState>,
    pub(super) home: Option<Home>,
    pub(super) records: Vec<Record>,
    /// A restore or reset that was interrupted, in a sentence.
    pub(super) pending: Option<String>,
    /// Whether the supervisor answers.
    pub(super) supervised: bool,
    /// What the programs answered.
    pub(super) answers: Vec<Answer>,
    /// The container engine that answers.
    pub(super) engine: Option<PathBuf>,
    /// The context of the `docker` program, if there is one.
    pub(super) context: Option<String>,
    /// What Windows says of its console, where this is a part of Windows.
    pub(super) code_page: Option<String>,
    pub(super) release: String,
    /// One probe for each service, as the project provides it.
    pub(super) reports: Vec<ProbeReport>,
    /// Probes of given addresses that the project does not use.
    pub(super) spare: Vec<ProbeReport>,
    /// PostgreSQL's clock less ours in milliseconds, or why it was not read.
    pub(super) postgres_clock: std::result::Result<f64, String>,
}

impl<'a> Scene<'a> {
    /// Asks everything there is to ask.
    pub(super) async fn gather(stack: &'a Stack) -> Result<Self> {
        let cache = Cache::locate()?;
        let tools = Tools::find(&cache).await;
        let state = StackState::load(&stack.project)?;
        let home = state.as_ref().map(|state| state.home(&stack.project));
        let records = home.as_ref().map(records).unwrap_or_default().into_values().collect();
        let supervised = match &home {
            Some(home) => connect(home).await.is_some(),
            None => false,
        };
        let endpoints = stack.endpoints()?;
        let release = platform::kernel_release();
        let docker = exec::find("docker");
        let (answers, engine, context, code_page) = tokio::join!(
            programs::ask(stack, &tools),
            docker::engine(),
            context(docker.as_deref()),
            console::ask_code_page(&release),
        );
        let reports: Vec<ProbeReport> = probes(&ServiceKind::ALL, &endpoints).await;
        let unused = |service: &ServiceKind| {
            stack.given.has(*service) && stack.provider(*service) != Provider::External
        };
        let others: Vec<ServiceKind> = ServiceKind::ALL.into_iter().filter(unused).collect();
        let spare = probes(&others, &stack.given).await;
        let answers_now = |report: &ProbeReport| {
            report.service == ServiceKind::Postgres && matches!(report.state, State::Usable | State::Degraded)
        };
        let postgres_clock = match &endpoints.postgres {
            Some(config) if reports.iter().any(answers_now) => clock::ask_postgres(config).await,
            _ => Err("PostgreSQL does not answer".to_owned()),
        };
        Ok(Self {
            stack,
            cache: cache.root().to_path_buf(),
            tools,
            state,
            home,
            records,
            pending: stack.pending_sentence().await,
            supervised,
            answers,
            engine,
            context,
            code_page,
            release,
            reports,
            spare,
            postgres_clock,
        })
    }

    /// Whether any service is a process of this project's own.
    pub(super) fn is_native(&self, service: ServiceKind) -> bool {
        self.stack.provider(service) == Provider::Native
    }

    /// Whether a process of the service lives.
    pub(super) fn runs(&self, service: ServiceKind) -> bool {
        self.records.iter().any(|record| record.process.service() == service && record.alive().is_some())
    }
}

async fn probes(services: &[ServiceKind], endpoints: &Endpoints) -> Vec<ProbeReport> {
    join_all(services.iter().map(|service| Box::pin(probe(*service, endpoints)))).await
}

/// The name of the context that the program speaks to.
async fn context(docker: Option<&Path>) -> Option<String> {
    let said = exec::ask(docker?, &["context", "show"]).await?;
    Some(said.trim().to_owned()).filter(|name| !name.is_empty())
}
