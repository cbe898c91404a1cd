//! The entry: models, handles, schema, nodes.

use std::path::PathBuf;
use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_python::models::ModelDecl;
use hallmark_services::{Guarded, Handles};
use hallmark_workflow::{Node, Registry};

use crate::coherence::Coherence;
use crate::engine::{Engine, Shared};
use crate::nodes::cache::stats::Tallies;
use crate::schema::migrate::{self, MigrateOptions, Migrated, Migration, Migrator, Plan, Started, Watch};
use crate::schema::{self, SchemaReport};
use crate::slow::SlowLog;
use crate::table::Table;
use crate::{codes, nodes};

/// What a data flow is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The handles on PostgreSQL and Redis.
    pub handles: Handles,
    /// The same services as the nodes read them: [`Guarded::bare`] for whoever measures.
    pub guarded: Guarded,
    /// The schema in the project's own database that holds the tables.
    pub schema: String,
    /// The models.
    pub models: Vec<ModelDecl>,
    /// What the project's Redis keys begin with.
    pub project_prefix: String,
    /// The only folder that exports are written to and imports are read from.
    pub export_dir: PathBuf,
    /// Where statements of nodes are written down that take long; `None` if nowhere.
    pub slow: Option<Arc<SlowLog>>,
}

/// Resolved models with the means to execute them. Cheap to clone.
#[derive(Clone)]
pub struct DataFlow {
    schema: String,
    shared: Arc<Shared>,
    nodes: Arc<[Arc<dyn Node>]>,
}

impl std::fmt::Debug for DataFlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataFlow")
            .field("schema", &self.schema)
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

impl DataFlow {
    /// Resolves the models. Nothing is contacted yet.
    ///
    /// # Errors
    /// `HM-D001` if two models share a name or a table, `HM-D003`, `HM-D004` if one cannot be a table.
    pub fn configure(settings: Settings) -> Result<Self> {
        let mut tables: Vec<Arc<Table>> = Vec::new();
        for model in &settings.models {
            let table = Table::resolve(model, &settings.schema)?;
            if let Some(other) = tables.iter().find(|t| t.model.name == model.name || t.name == table.name) {
                let message = format!(
                    "models {} and {} have the same name or table {}",
                    other.model.name, model.name, table.name
                );
                let place = model.source.as_ref().map(ToString::to_string).unwrap_or_default();
                return Err(Error::new(&codes::DUPLICATE_MODEL, message)
                    .at(place)
                    .next("rename one, or give it a __tablename__"));
            }
            tables.push(Arc::new(table));
        }
        let Settings { handles, guarded, schema, project_prefix, export_dir, slow, .. } = settings;
        let shared = Arc::new(Shared {
            handles,
            guarded,
            prefix: project_prefix,
            export_dir,
            tables,
            coherence: Coherence::default(),
            flights: Arc::default(),
            tallies: Tallies::default(),
            slow,
        });
        let engines = shared
            .tables
            .iter()
            .map(|table| Engine { table: Arc::clone(table), shared: Arc::clone(&shared) });
        let mut nodes: Vec<Arc<dyn Node>> = engines.flat_map(|engine| nodes::of(&engine)).collect();
        nodes.sort_by(|a, b| a.spec().name.cmp(&b.spec().name));
        Ok(Self { schema, shared, nodes: nodes.into() })
    }

    /// The resolved models in the order given.
    #[must_use]
    pub fn tables(&self) -> &[Arc<Table>] {
        &self.shared.tables
    }

    /// The declarations in the order given.
    pub fn models(&self) -> impl Iterator<Item = &ModelDecl> {
        self.shared.tables.iter().map(|t| &t.model)
    }

    /// The schema's name.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Creates what is missing, in one transaction under an advisory lock; a second call changes nothing.
    ///
    /// # Errors
    /// The services' codes if PostgreSQL cannot be used. Differences and refused indexes are notes of the report.
    pub async fn apply_schema(&self) -> Result<SchemaReport> {
        let mut client = self.shared.handles.postgres.client().await?;
        schema::apply(&mut client, &self.schema, &self.shared.tables).await
    }

    fn migrator(&self) -> Migrator<'_> {
        Migrator {
            postgres: &self.shared.handles.postgres,
            schema: &self.schema,
            tables: &self.shared.tables,
        }
    }

    /// Makes the tables of an empty schema, in one transaction; where there are tables, says what differs from the models.
    ///
    /// # Errors
    /// `HM-D090` if nodes would fail on what is there, `HM-D107` while a migration is under way; the services' codes.
    pub async fn start(&self) -> Result<Started> {
        migrate::start(&self.migrator()).await
    }

    /// What a migration would do. Nothing is changed.
    ///
    /// # Errors
    /// `HM-D084`, `HM-D085` if an option is malformed; the services' codes. What stands in a migration's way is in the plan.
    pub async fn plan(&self, options: &MigrateOptions) -> Result<Plan> {
        self.migrator().plan(options).await
    }

    /// What taking back this many migrations would do, the last one first.
    ///
    /// # Errors
    /// `HM-D100` if there is none; as [`DataFlow::plan`].
    pub async fn plan_down(&self, count: usize, options: &MigrateOptions) -> Result<Vec<(Migration, Plan)>> {
        self.migrator().plan_down(count, options).await
    }

    /// Brings the tables to what the models say, one step after the other; a killed migration is gone on with.
    ///
    /// # Errors
    /// `HM-D085` to `HM-D107`, by what stands in the way; what was done until then stays and is on record.
    pub async fn migrate(&self, options: &MigrateOptions, watch: Watch<'_>) -> Result<Migrated> {
        self.migrator().migrate(options, watch).await
    }

    /// Takes back this many migrations. Values that were dropped do not come back.
    ///
    /// # Errors
    /// As [`DataFlow::migrate`].
    pub async fn migrate_down(
        &self,
        count: usize,
        options: &MigrateOptions,
        watch: Watch<'_>,
    ) -> Result<Vec<Migrated>> {
        self.migrator().migrate_down(count, options, watch).await
    }

    /// What was migrated, the last one first.
    ///
    /// # Errors
    /// `HM-D102` if the records cannot be read; the services' codes.
    pub async fn migrations(&self) -> Result<Vec<Migration>> {
        self.migrator().migrations().await
    }

    /// Removes the rows whose time is over, of every tenant and owner: of this model, or of all. Gives how many of each model.
    ///
    /// # Errors
    /// `HM-D010` if no model has this name, `HM-D151` if its rows do not expire; the services' codes.
    pub async fn purge(&self, model: Option<&str>) -> Result<Vec<(String, u64)>> {
        let mut purged = Vec::new();
        for table in &self.shared.tables {
            let named = model == Some(table.model.name.as_str());
            if named || model.is_none() && table.options.ttl_seconds.is_some() {
                let engine = Engine { table: Arc::clone(table), shared: Arc::clone(&self.shared) };
                purged.push((table.model.name.clone(), nodes::record::purge(&engine, None).await?));
            }
        }
        match model.filter(|_| purged.is_empty()) {
            None => Ok(purged),
            Some(name) => Err(Error::new(&codes::UNKNOWN_FIELD, format!("there is no model {name:?}"))
                .next("hallmark models")),
        }
    }

    /// The nine nodes of every model, sorted by name; the same ones at every call.
    #[must_use]
    pub fn nodes(&self) -> Vec<Arc<dyn Node>> {
        self.nodes.to_vec()
    }

    /// The SDK's own eleven names of each model, which do what operations of the CRUD node do.
    #[must_use]
    pub fn aliases(&self) -> Vec<Arc<dyn Node>> {
        let engine =
            |table: &Arc<Table>| Engine { table: Arc::clone(table), shared: Arc::clone(&self.shared) };
        self.shared.tables.iter().flat_map(|table| nodes::sdk::of(&engine(table))).collect()
    }

    /// Registers all nodes, and the SDK's names as aliases of them.
    ///
    /// # Errors
    /// The registry's, if a node's name is taken. An alias whose name is taken (`UserBulk` beside `User`) is left out and logged.
    pub fn register(&self, registry: &mut Registry) -> Result<()> {
        registry.register_all(self.nodes())?;
        for alias in self.aliases() {
            let name = alias.spec().name.clone();
            if let Err(error) = registry.register_alias(alias) {
                tracing::warn!(%error, name, "an alias of the SDK was left out");
            }
        }
        Ok(())
    }

    /// The same models in a schema, a key prefix and a folder of their own, for trials that must not touch the project's data.
    /// Foreign keys are left out: a trial fills one model at a time.
    ///
    /// # Errors
    /// `HM-C099` if no random name can be made.
    pub(crate) fn scratch(&self) -> Result<Self> {
        let token = hallmark_core::random::token(12)?;
        let mut models: Vec<ModelDecl> = self.models().cloned().collect();
        models.iter_mut().flat_map(|m| &mut m.fields).for_each(|f| f.foreign_key = None);
        // Nor can a row be made up that satisfies a condition in SQL.
        models.iter_mut().for_each(|m| {
            m.foreign_keys.clear();
            m.checks.clear();
        });
        Self::configure(Settings {
            handles: self.shared.handles.clone(),
            guarded: Guarded::bare(&self.shared.handles),
            schema: format!("hallmark_scratch_{token}"),
            models,
            project_prefix: format!("{}:scratch:{token}", self.shared.prefix),
            export_dir: self.shared.export_dir.join(format!(".scratch-{token}")),
            // A trial says nothing of how the project is used.
            slow: None,
        })
    }

    /// The same models with another folder that exports are written to and imports are read from.
    ///
    /// # Errors
    /// As [`DataFlow::configure`].
    pub fn with_folder(&self, folder: PathBuf) -> Result<Self> {
        Self::configure(Settings {
            handles: self.shared.handles.clone(),
            guarded: self.shared.guarded.clone(),
            schema: self.schema.clone(),
            models: self.models().cloned().collect(),
            project_prefix: self.shared.prefix.clone(),
            export_dir: folder,
            slow: self.shared.slow.clone(),
        })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}
