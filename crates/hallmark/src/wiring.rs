//! Where the rooms are joined: services, models, agents, registry, runtime, operations.

use std::path::PathBuf;
use std::sync::Arc;

use hallmark_agents::Data;
use hallmark_core::{Result, clock};
use hallmark_dataflow::DataFlow;
use hallmark_nexus::{Auth, GatesStatus, Operations, Parts, Reading, Sessions, StackStatus};
use hallmark_services::stack::Stack;
use hallmark_services::{Endpoints, Handles};
use hallmark_workflow::{LocalRuntime, Registry, RunStore};

use crate::app::App;
use crate::commands::explain;
use crate::models::{self, Found};
use crate::readings;

/// The file in the state folder that holds the token of the channels.
pub(crate) const TOKEN_FILE: &str = "token";

/// The folder of the project that may hold its own data for the agents.
const DATA_FOLDER: &str = "hallmark-data";

/// What every node can do here, before any service is contacted.
pub(crate) struct Catalogue {
    /// The models that were found.
    pub(crate) found: Found,
    /// Their tables and nodes.
    pub(crate) dataflow: DataFlow,
    /// Every node and workflow.
    pub(crate) registry: Arc<Registry>,
    /// What the agents know.
    pub(crate) data: Data,
    /// The handles that the nodes hold.
    pub(crate) handles: Handles,
}

impl Catalogue {
    /// Reads the models and fills the registry. Nothing is contacted.
    pub(crate) fn open(app: &App<'_>, endpoints: &Endpoints) -> Result<Self> {
        let handles = Handles::connect(endpoints)?;
        let mut found = models::find(app)?;
        let dataflow = found.configure(app, &handles)?;
        let own = app.project.root().join(DATA_FOLDER);
        let data = Data::load(own.is_dir().then_some(own.as_path()))?;
        let mut registry = Registry::with_builtins()?;
        dataflow.register(&mut registry)?;
        registry.register_all(hallmark_agents::nodes(&handles, &data, &prefix(app))?)?;
        hallmark_agents::workflows(&mut registry)?;
        Ok(Self { found, dataflow, registry: Arc::new(registry), data, handles })
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
}

impl Platform {
    /// Applies the schema, loads the agents' data, opens the stores.
    pub(crate) async fn open(app: &App<'_>, endpoints: &Endpoints) -> Result<Self> {
        let catalogue = Catalogue::open(app, endpoints)?;
        catalogue.dataflow.apply_schema().await?;
        app.ui.progress("loading what the agents know (half a minute the first time)");
        let loaded = hallmark_agents::load(&catalogue.handles, &catalogue.data, &prefix(app)).await;
        app.ui.progress("");
        if let Err(error) = loaded {
            // The agents' own nodes answer with this code; everything else works without them.
            let code = error.code().id;
            app.ui.note(&format!("the agents cannot answer: [{code}] {error}"));
        }
        let store = RunStore::open(&catalogue.handles.postgres).await?;
        let handles = &catalogue.handles;
        let sessions = Sessions::new(handles.postgres.clone(), Some(handles.redis.clone()));
        let operations = Operations::new(Parts {
            runtime: LocalRuntime::new(Arc::clone(&catalogue.registry), store),
            sessions,
            stack: stack_reading(app, endpoints)?,
            gates: gates_reading(app),
            explain: explain::page,
            project: app.project.name(),
        });
        Ok(Self { catalogue, operations })
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
    let endpoints = endpoints.clone();
    Ok(Arc::new(move || {
        let (endpoints, providers) = (endpoints.clone(), providers.clone());
        Box::pin(async move {
            let services = readings::services(&endpoints, &providers).await;
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
