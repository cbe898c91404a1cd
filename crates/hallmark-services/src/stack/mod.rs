//! The stack: the five services of a project, provided as private processes, containers, or at given addresses.
//!
//! What the stack starts listens on loopback only, with passwords that were made for this project, and reports home to
//! nobody. What it did not start it never stops: a process is known by its pid and its start time together.

mod address;
pub mod backup;
mod cause;
pub mod config;
pub mod containers;
pub(crate) mod credentials;
mod docker;
mod doctor;
mod down;
mod env;
mod events;
pub(crate) mod evidence;
pub(crate) mod exec;
pub(crate) mod home;
pub(crate) mod install;
pub mod limits;
pub(crate) mod logs;
pub mod ports;
pub mod process;
pub mod procfs;
mod replicas;
pub mod seed;
pub(crate) mod site;
pub(crate) mod state;
mod status;
mod supervisor;
mod survive;
mod up;
pub(crate) mod users;
mod watched;
mod why;

use hallmark_core::config::Config;
use hallmark_core::{Project, Result};

pub use cause::{Cause, CauseKind};
pub use config::{Provider, StackConfig};
pub use doctor::{Check, DOCTOR_SCHEMA, Examination, Fallback, Monitor, Outcome, Risk, Verdict};
pub use down::{DownReport, Purge};
pub use env::EnvFormat;
pub use events::{Consent, Event, Observer, Silent};
pub use install::{Item, Plan, Registry};
pub use logs::LogTail;
pub use process::Process;
pub use status::{ServiceStatus, StackStatus, SupervisorStatus};
pub(crate) use supervisor::Board;
pub use supervisor::{Phase, Record, SUPERVISE, SupervisorCommand, supervise};
pub use survive::Ending;
pub use up::{UpOptions, UpReport};
pub use watched::Watched;
pub use why::Why;

use crate::section::ServicesSection;
use crate::{Endpoints, ServiceKind};

hallmark_core::codes! {
    /// Errors of the stack that runs the services.
    pub mod codes {
        FOLDER = "HM-S050", "a folder or file of the stack cannot be used", Unavailable;
        STATE_BROKEN = "HM-S051", "the stack's state cannot be read", Usage;
        PATH_TOO_LONG = "HM-S052", "the path is too long for a socket", Usage;
        CONSENT = "HM-S053", "software is missing and nobody agreed to install it", Usage;
        PACKAGES = "HM-S054", "system packages could not be installed", Unavailable;
        REGISTRY = "HM-S055", "a registry did not give the packages", Unavailable;
        COMMAND_FAILED = "HM-S056", "a program that the stack needs failed", Unavailable;
        CHECKSUM = "HM-S057", "a download is not the pinned one", Unavailable;
        NOT_INSTALLED = "HM-S058", "a server is not installed", Unavailable;
        PORT_TAKEN = "HM-S059", "a port of the stack is held by another process", Unavailable;
        NO_FREE_PORT = "HM-S060", "no port is free", Unavailable;
        LOCKED = "HM-S061", "another hallmark works on the same thing", Unavailable;
        SUPERVISOR = "HM-S062", "the supervisor cannot be reached or started", Unavailable;
        START_FAILED = "HM-S063", "a server did not start", Unavailable;
        DATA_IN_USE = "HM-S064", "another server uses the same data", Unavailable;
        NOT_USABLE = "HM-S065", "a service did not become usable", Unavailable;
        NO_ADDRESS = "HM-S066", "an external service has no address", Usage;
        NO_ENGINE = "HM-S067", "no container engine answers", Unavailable;
        NO_SERVER_USER = "HM-S068", "there is no user that may run the server", Unavailable;
        NOT_PROVIDED = "HM-S069", "the service is not provided by the stack", Usage;
        STOP_FAILED = "HM-S070", "a server did not stop", Unavailable;
        REPLICA = "HM-S071", "a read replica does not follow its primary", Unavailable;
        NOT_ON_THIS_SYSTEM = "HM-S072", "the native provider does not run on this system", Usage;
    }
}

/// The five services of one project.
#[derive(Clone, Debug)]
pub struct Stack {
    pub(crate) project: Project,
    pub(crate) config: StackConfig,
    pub(crate) given: Endpoints,
    pub(crate) supervisor: SupervisorCommand,
}

impl Stack {
    /// The stack of a project. `given` are the addresses of services that others run: from `[services]` of the
    /// configuration and from the environment. An address that this stack itself printed earlier is not taken for one.
    ///
    /// # Errors
    /// `HM-S051` if its state was written by a newer version or is broken; `HM-S062` if this program's path is unknown.
    pub fn open(project: &Project, config: StackConfig, given: Endpoints) -> Result<Self> {
        let stack = Self {
            project: project.clone(),
            config,
            given: Endpoints::default(),
            supervisor: SupervisorCommand::this_binary()?,
        };
        let own = stack.own_ports()?;
        Ok(Self { given: address::without_own(given, &own), ..stack })
    }

    /// The stack of a project as its `hallmark.toml` and the environment describe it.
    ///
    /// # Errors
    /// Those of [`Stack::open`]; `HM-C001` and `HM-C002` for the file; `HM-S002` for an address.
    pub fn load(project: &Project) -> Result<Self> {
        let config = Config::load(project.root())?;
        let services: ServicesSection = config.section("services")?;
        let given = services.endpoints(project)?.or(Endpoints::from_env()?);
        Self::open(project, config.section("stack")?, given)
    }

    /// The same stack with another way to run its supervisor; for programs that embed it.
    #[must_use]
    pub fn with_supervisor(self, supervisor: SupervisorCommand) -> Self {
        Self { supervisor, ..self }
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Who provides the service.
    #[must_use]
    pub fn provider(&self, service: ServiceKind) -> Provider {
        self.config.provider_of(service, &self.given)
    }

    fn own_ports(&self) -> Result<Vec<u16>> {
        let state = state::StackState::load(&self.project)?;
        Ok(state.map(|state| state.ports.into_values().collect()).unwrap_or_default())
    }
}
