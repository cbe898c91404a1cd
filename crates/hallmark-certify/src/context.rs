//! What an instrument is given, and what it gives back.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use hallmark_core::{Error, Project, Result, random};
use hallmark_evidence::Evidence;
use hallmark_services::{Endpoints, Handles};

use crate::certificate::ServiceFact;
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
    pub(crate) endpoints: Endpoints,
    pub(crate) handles: Handles,
    /// The stack's addresses and credentials, for child processes only.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) scratch: Scratch,
    pub(crate) masker: Masker,
    /// The server program that controls may start; without one, the one on the path.
    pub(crate) redis_server: Option<PathBuf>,
}

impl Context {
    /// A new empty folder inside this certification's scratch folder.
    pub(crate) fn scratch_folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.scratch.path().join(format!("{name}-{}", random::token(6)?));
        std::fs::create_dir_all(&path).map_err(|e| {
            Error::new(&codes::SCRATCH, format!("could not make {}", path.display())).because(&e)
        })?;
        Ok(path)
    }
}
