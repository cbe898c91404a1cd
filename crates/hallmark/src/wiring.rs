//! Where the rooms are joined: services, models, agents, registry, runtime, operations.

use std::path::PathBuf;
use std::sync::Arc;

use hallmark_agents::Data;
use hallmark_core::{Result, clock};
use hallmark_dataflow::DataFlow;
use hallmark_nexus::{Auth, GatesStatus, Operations, Parts, Reading, Sessions, StackStatus};
use hallmark_services::resilience::Report;
use hallmark_services::stack::Stack;
use hallmark_services::{Endpoints, Guarded, Handles};
use hallmark_workflow::{LocalRuntime, Registry, RunStore};

use crate::app::App;
use crate::commands::explain;
use crate::models;
use crate::readings;

/// The file in the state folder that holds the token of the channels.
pub(crate) const TOKEN_FILE: &str = "token";

/// The folder of the project that may hold its own data for the agents.
const DATA_FOLDER: &str = "hallmark-data";

/// What every node can do here, before any service is contacted.
pub(crate) struct Catalogue {
    /// Their tables and nodes.
    pub(crate) dataflow: DataFlow,
    /// What is not known of the models, a line each.
    pub(crate) unknown: Vec<String>,
    /// Every node and workflow.
    pub(crate) registry: Arc<Registry>,
    /// What the agents know.
    pub(crate) data: Data,
    /// The handles that the nodes hold.
    pub(crate) handles: Handles,
    /// The same services as the nodes read them.
    pub(crate) guarded: Guarded,
}

/// Whether anything may answer in a service's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallbacks {
    /// As the configuration says.
    AsConfigured,
    /// Never: somebody measures.
    Never,
}

impl Catalogue {
    /// Reads the models and fills the registry. Nothing is contacted.
    pub(crate) fn open(app: &App<'_>, endpoints: &Endpoints, fallbacks: Fallbacks) -> Result<Self> {
        let handles = Handles::connect(endpoints)?;
        let guarded = match fallbacks {
            Fallbacks::AsConfigured => Guarded::new(&handles, &app.config.section("fallbacks")?)?,
            Fallbacks::Never => Guarded::bare(&handles),
        };
        let mut found = models::find(app)?;
        let dataflow = found.configure(app, &handles, &guarded)?;
        let own = app.project.root().join(DATA_FOLDER);
        let data = Data::load(own.is_dir().then_some(own.as_path()))?;
        let mut registry = Registry::with_builtins()?;
        dataflow.register(&mut registry)?;
        registry.register_all(hallmark_agents::nodes(&handles, &guarded, &data, &prefix(app))?)?;
        hallmark_agents::workflows(&mut registry)?;
        let unknown = found.unknown();
        Ok(Self { dataflow, unknown, registry: Arc::new(registry), data, handles, guarded })
    }

    /// Makes the tables of an empty schema; others are compared with the models, and what differs is said.
    pub(crate) async fn start(&self, app: &App<'_>) -> Result<()> {
        let started = self.dataflow.start().await?;
        for difference in &started.differences {
            app.ui.note(&format!("{} (hallmark models diff)", difference.message));
        }
        Ok(())
    }
}

/// The name that this project's labels, collections and keys begin with.
pub(crate) fn prefix(app: &App<'_>) -> String {
    format!("hallmark_{}", app.project.id())
}

/// A project ready to be called.
pub(crate) struct Platform {
    /// What can be executed.
    pub(crate) catalogue: Catalogue,
    /// The operation table.
    pub(crate) operations: Operations,
    /// Tells `status` and the metrics what answers, as long as this lives.
    _report: Report,
}

impl Platform {
    /// Makes the tables of an empty schema (others are only compared), loads the agents' data, opens the stores.
    pub(crate) async fn open(app: &App<'_>, endpoints: &Endpoints, fallbacks: Fallbacks) -> Result<Self> {
        let catalogue = Catalogue::open(app, endpoints, fallbacks)?;
        catalogue.start(app).await?;
        app.ui.progress("loading what the agents know (half a minute the first time)");
        let loaded = hallmark_agents::load(&catalogue.handles, &catalogue.data, &prefix(app)).await;
        app.ui.progress("");
        if let Err(error) = loaded {
            // The agents' own nodes answer with this code; everything else works without them.
            let code = error.code().id;
            app.ui.note(&format!("the agents cannot answer: [{code}] {error}"));
        }
        let (handles, guarded) = (&catalogue.handles, &catalogue.guarded);
        let store = RunStore::open(&handles.postgres).await?.guarded(guarded);
        let sessions = Sessions::new(handles.postgres.clone(), Some(handles.redis.clone())).guarded(guarded);
        let operations = Operations::new(Parts {
            runtime: LocalRuntime::new(Arc::clone(&catalogue.registry), store),
            sessions,
            stack: stack_reading(app, endpoints)?,
            gates: gates_reading(app),
            explain: explain::page,
            project: app.project.name(),
        });
        let _report = Report::begin(&app.project, guarded.tally());
        Ok(Self { catalogue, operations, _report })
    }
}

/// The token of the channels, made on first use.
pub(crate) fn auth(app: &App<'_>) -> Result<Auth> {
    Auth::open(token_file(app)?)
}

/// Where the token is.
pub(crate) fn token_file(app: &App<'_>) -> Result<PathBuf> {
    Ok(app.project.state()?.join(TOKEN_FILE))
}

fn stack_reading(app: &App<'_>, endpoints: &Endpoints) -> Result<Reading<StackStatus>> {
    let providers = readings::providers(app)?;
    let (project, endpoints) = (app.project.clone(), endpoints.clone());
    Ok(Arc::new(move || {
        let (project, endpoints, providers) = (project.clone(), endpoints.clone(), providers.clone());
        Box::pin(async move {
            let services = readings::services(&project, &endpoints, &providers).await;
            Ok(StackStatus { services, measured_at: clock::now() })
        })
    }))
}

fn gates_reading(app: &App<'_>) -> Reading<GatesStatus> {
    let project = app.project.clone();
    Arc::new(move || {
        let project = project.clone();
        Box::pin(async move { Ok(readings::gates(&project)) })
    })
}

/// The project's stack as its configuration and the environment describe it.
pub(crate) fn stack(app: &App<'_>) -> Result<Stack> {
    Stack::load(&app.project)
}

/// Where the project's services are.
pub(crate) fn endpoints(app: &App<'_>) -> Result<Endpoints> {
    stack(app)?.endpoints()
}
