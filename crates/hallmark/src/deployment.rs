//! The deployment that certification reaches as a client: this project, served in this process on free ports.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use hallmark_certify::{CommandLine, Deployment};
use hallmark_core::{Error, Result};
use hallmark_dataflow::DataFlow;
use hallmark_nexus::{ServeOptions, Server};
use hallmark_services::Endpoints;
use hallmark_workflow::Registry;

use crate::app::App;
use crate::wiring::{self, Fallbacks, Platform};

/// A project served for its certification, or the reason why it cannot be.
pub(crate) struct Deployed {
    outcome: Result<Running>,
}

struct Running {
    server: Server,
    deployment: Deployment,
    dataflow: DataFlow,
    registry: Arc<Registry>,
}

impl Deployed {
    /// Serves the project on free ports of the loopback interface.
    pub(crate) async fn open(app: &App<'_>, endpoints: &Endpoints) -> Self {
        Self { outcome: Running::open(app, endpoints).await }
    }

    /// Why it could not be served, if so.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }

    /// How to reach it.
    pub(crate) fn deployment(&self) -> Option<Deployment> {
        self.outcome.as_ref().ok().map(|r| r.deployment.clone())
    }

    /// The models behind it.
    pub(crate) fn dataflow(&self) -> Option<DataFlow> {
        self.outcome.as_ref().ok().map(|r| r.dataflow.clone())
    }

    /// What it can execute; nothing if it could not be served.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.outcome.as_ref().map(|r| Arc::clone(&r.registry)).unwrap_or_default()
    }

    /// Lets what is under way end, and stops.
    pub(crate) async fn stop(self) {
        if let Ok(running) = self.outcome {
            running.server.stop().await;
        }
    }
}

impl Running {
    async fn open(app: &App<'_>, endpoints: &Endpoints) -> Result<Self> {
        let platform = Platform::open(app, endpoints, Fallbacks::Never).await?;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = ServeOptions::new(platform.operations, wiring::auth(app)?);
        let server =
            hallmark_nexus::serve(ServeOptions { rest_addr: free, mcp_addr: free, ..options }).await?;
        let addresses = server.addresses();
        let binary = std::env::current_exe().map_err(|e| {
            Error::new(&hallmark_core::codes::INTERNAL, "this program's path is unknown").because(&e)
        })?;
        let deployment = Deployment {
            rest_url: format!("http://{}", addresses.rest),
            mcp_url: format!("http://{}/mcp", addresses.mcp),
            ws_url: format!("ws://{}/ws", addresses.mcp),
            token: hallmark_nexus::auth::read_token(&wiring::token_file(app)?)?,
            cli: Some(command_line(app, binary)),
        };
        Ok(Self {
            server,
            deployment,
            dataflow: platform.catalogue.dataflow,
            registry: platform.catalogue.registry,
        })
    }
}

/// This binary as a channel: any operation by `hallmark call`.
fn command_line(app: &App<'_>, program: PathBuf) -> CommandLine {
    let root = app.project.root().to_path_buf();
    let arguments = move |operation: &str, input: &serde_json::Value| {
        let words = ["call", operation, "--no-fallbacks", "--input", &input.to_string()].map(OsString::from);
        words.into_iter().chain(["--project".into(), root.clone().into_os_string()]).collect()
    };
    CommandLine { program, arguments: Arc::new(arguments) }
}
