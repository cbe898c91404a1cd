//! What an instrument is given, and what it gives back.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hallmark_core::{Error, Project, Result, random};
use hallmark_dataflow::DataFlow;
use hallmark_evidence::Evidence;
use hallmark_services::{Endpoints, Handles};
use hallmark_standards::{Report, ScanOptions, scan};
use hallmark_workflow::Registry;
use tokio::sync::OnceCell;

use crate::certificate::ServiceFact;
use crate::channels::Deployment;
use crate::codes;
use crate::config::CertifyConfig;
use crate::mask::Masker;
use crate::scratch::Scratch;
use crate::section::{Control, HardFailure, Kind};

/// A part of the score and how it is measured: one file each, beside its negative control.
pub(crate) struct Instrument {
    /// The name, in JSON and in the log.
    pub(crate) id: &'static str,
    /// The title, for people.
    pub(crate) title: &'static str,
    /// Baseline or gate.
    pub(crate) kind: Kind,
    /// What it can add to the score.
    pub(crate) weight: f64,
    /// Measures the project. Never fails: what could not be measured is evidence of `not_measured`, with the reason.
    pub(crate) measure: for<'a> fn(&'a Context) -> BoxFuture<'a, Measured>,
    /// Plants defects where they harm nobody and says whether the same instrument caught them.
    pub(crate) control: for<'a> fn(&'a Context) -> BoxFuture<'a, Vec<Control>>,
}

/// What a measurement gave.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// The facts.
    pub(crate) evidence: Vec<Evidence>,
    /// What refuses by itself.
    pub(crate) hard_failures: Vec<HardFailure>,
    /// The services, where this instrument looked at them.
    pub(crate) services: Vec<ServiceFact>,
}

impl Measured {
    /// Evidence without hard failures.
    pub(crate) fn evidence(evidence: impl IntoIterator<Item = Evidence>) -> Self {
        Self { evidence: evidence.into_iter().collect(), ..Self::default() }
    }
}

/// Everything that instruments may use.
pub(crate) struct Context {
    pub(crate) project: Project,
    pub(crate) config: CertifyConfig,
    pub(crate) scan_options: ScanOptions,
    pub(crate) report: OnceCell<Report>,
    pub(crate) endpoints: Endpoints,
    pub(crate) handles: Handles,
    pub(crate) registry: Arc<Registry>,
    pub(crate) dataflow: Option<DataFlow>,
    pub(crate) deployment: Option<Deployment>,
    /// The stack's addresses and credentials, for child processes only.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) scratch: Scratch,
    pub(crate) masker: Masker,
    /// The server program that controls may start; without one, the one on the path.
    pub(crate) redis_server: Option<PathBuf>,
}

impl Context {
    /// The scan of the project: made once, read by several instruments.
    pub(crate) async fn scan(&self) -> &Report {
        let options = self.scan_options.clone();
        let made = self.report.get_or_init(|| async move {
            // Scanning is all computation: it must not hold up the timers of the other tasks.
            match tokio::task::spawn_blocking(move || scan(&options)).await {
                Ok(report) => report,
                Err(broken) => std::panic::resume_unwind(broken.into_panic()),
            }
        });
        made.await
    }

    /// A new empty folder inside this certification's scratch folder.
    pub(crate) fn scratch_folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch.path().join(format!("{name}-{}", random::token(6)?));
        std::fs::create_dir_all(&path).map_err(|e| {
            Error::new(&codes::SCRATCH, format!("could not make {}", path.display())).because(&e)
        })?;
        Ok(path)
    }
}
