//! Migrations: planned from what is there, reviewed, carried out step by step, recorded, taken back.
//!
//! There are no files of migrations to keep in order: a plan is the way from what the database has to what the models say, made
//! anew each time. That is also why a killed migration needs no repair: the next plan begins where it ended.

mod again;
mod agreed;
mod check;
mod diff;
mod differences;
mod given;
mod history;
mod look;
mod plan;
mod renames;
mod render;
mod run;
mod session;
mod shape;
mod start;
mod types;

use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_python::models::ModelDecl;
use hallmark_services::postgres::Postgres;
use serde::Serialize;

use crate::codes;
use crate::sql::failure;
use crate::table::Table;
pub use agreed::Agreed;
pub use differences::Difference;
pub use history::{Done, Migration, Origin, State};
use history::{Entry, History};
pub use plan::{Action, Blocker, Class, Plan, Step};
pub use run::{Event, Watch};
pub use session::Patience;
use session::Session;
use shape::Shape;
pub use start::Started;
pub(crate) use start::start;
pub(crate) use types::serves;

/// What a migration may do, and what it is told.
#[derive(Clone, Debug, Default)]
pub struct MigrateOptions {
    /// Renames, as `table.old=new` or `old=new`, beside those that models declare.
    pub renames: Vec<String>,
    /// Values for rows that have none, as `table.column=value`.
    pub backfill: Vec<String>,
    /// Whether values may be lost.
    pub allow_destructive: bool,
    /// Whether readers and writers of a large table may be kept out while it is written anew.
    pub allow_blocking: bool,
    /// Whether what others changed since the last migration is taken as it is.
    pub accept_drift: bool,
    /// How many migrations are taken back, if that is what is asked for; errors name it in the next step.
    pub down: Option<usize>,
    /// What was agreed to; a plan that does anything else is refused.
    pub agreed: Option<Agreed>,
    /// How long things may take.
    pub patience: Patience,
}

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The migration's number; `None` if there was nothing to do.
    pub id: Option<i64>,
    /// The steps that were carried out.
    pub steps: usize,
    /// Whether it went on with one that had been killed.
    pub resumed: bool,
}

/// What the migrations of one schema are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migrator<'a> {
    pub(crate) postgres: &'a Postgres,
    pub(crate) schema: &'a str,
    pub(crate) tables: &'a [Arc<Table>],
}

/// What plans are made by; another edition plans anew what an earlier one found in order.
const EDITION: &str = "2";

impl Migrator<'_> {
    /// The same for models that say the same, wherever in a file they stand.
    fn digest(&self) -> String {
        let mut models: Vec<ModelDecl> = self.tables.iter().map(|t| t.model.clone()).collect();
        for model in &mut models {
            model.source = None;
            model.fields.iter_mut().for_each(|f| f.line = 0);
        }
        models.sort_by(|a, b| a.name.cmp(&b.name));
        let text = serde_json::to_string(&models).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        hallmark_core::digest::sha256(format!("{EDITION} {version} {text}").as_bytes())
    }

    /// What would be done.
    pub(crate) async fn plan(&self, options: &MigrateOptions) -> Result<Plan> {
        let mut client = self.postgres.client().await?;
        look::up(&mut client, self.schema, self.tables, options).await
    }

    /// What taking back the last migrations would do, the last one first.
    pub(crate) async fn plan_down(
        &self,
        count: usize,
        options: &MigrateOptions,
    ) -> Result<Vec<(Migration, Plan)>> {
        let mut client = self.postgres.client().await?;
        look::down(&mut client, (self.schema, self.tables), count, options).await
    }

    /// The migrations of these models' tables, the last one first.
    pub(crate) async fn migrations(&self) -> Result<Vec<Migration>> {
        let client = self.postgres.client().await?;
        History::of(self.schema).read(&**client, &look::kin(self.tables)).await
    }

    async fn session(&self, options: &MigrateOptions, watch: Watch<'_>) -> Result<Session> {
        let waiting = || watch(Event::Waiting);
        let mut session = Session::open(self.postgres, self.schema, options.patience.wait, &waiting).await?;
        let transaction = session.client_mut().transaction().await.map_err(failure)?;
        History::of(self.schema).prepare(&transaction).await?;
        transaction.commit().await.map_err(failure)?;
        Ok(session)
    }

    /// Carries out what is to be done.
    pub(crate) async fn migrate(&self, options: &MigrateOptions, watch: Watch<'_>) -> Result<Migrated> {
        let history = History::of(self.schema);
        let mut session = self.session(options, watch).await?;
        let plan = look::up(session.client_mut(), self.schema, self.tables, options).await?;
        let models = self.digest();
        let last = history.last(session.client(), &look::kin(self.tables)).await?;
        if plan.is_empty() && plan.unfinished.is_none() {
            self.settled(&session, &history, (&plan, last.as_ref()), &models).await?;
            return Ok(Migrated { id: None, steps: 0, resumed: false });
        }
        permitted(&plan, options)?;
        let id = match (plan.unfinished, &last) {
            (Some(id), Some(last)) => {
                let renames = last.renames.clone().and(&plan.renames);
                history.resume(session.client(), id, (&models, &plan.after, &renames)).await?;
                id
            }
            _ => {
                let entry = Entry {
                    origin: if plan.before.tables.is_empty() { Origin::Created } else { Origin::Migrated },
                    state: State::Running,
                    models: &models,
                    before: &plan.before,
                    after: &plan.after,
                    renames: &plan.renames,
                };
                history.begin(session.client(), &entry).await?
            }
        };
        self.carry_out(&mut session, (id, &plan), (options, watch), State::Applied).await?;
        Ok(Migrated { id: Some(id), steps: plan.steps.len(), resumed: plan.unfinished.is_some() })
    }

    /// Takes back the last migrations, one after the other.
    pub(crate) async fn migrate_down(
        &self,
        count: usize,
        options: &MigrateOptions,
        watch: Watch<'_>,
    ) -> Result<Vec<Migrated>> {
        let history = History::of(self.schema);
        let mut options = MigrateOptions { down: Some(count), ..options.clone() };
        let mut session = self.session(&options, watch).await?;
        let plans = look::down(session.client_mut(), (self.schema, self.tables), count, &options).await?;
        for (_, plan) in &plans {
            permitted(plan, &MigrateOptions { agreed: None, ..options.clone() })?;
        }
        let agreed = options.agreed.take();
        still_agreed(agreed.is_none_or(|agreed| agreed.covers_all(&plans)), &options)?;
        let mut done = Vec::new();
        for number in 0..plans.len() {
            options.down = Some(plans.len() - number);
            // The rows may have changed since: each plan is made again right before it is carried out.
            let Some((migration, plan)) =
                look::down(session.client_mut(), (self.schema, self.tables), 1, &options)
                    .await?
                    .into_iter()
                    .next()
            else {
                break;
            };
            if number > 0 {
                permitted(&plan, &options)?;
            }
            history.settle(session.client(), migration.id, State::Reverting, None).await?;
            self.carry_out(&mut session, (migration.id, &plan), (&options, watch), State::Reverted).await?;
            let resumed = plan.unfinished.is_some();
            done.push(Migrated { id: Some(migration.id), steps: plan.steps.len(), resumed });
        }
        Ok(done)
    }

    /// Puts what is there on record if it is what the models say; the next start then knows it at sight.
    async fn put_on_record(&self) -> Result<()> {
        let options = MigrateOptions::default();
        let mut session = self.session(&options, &|_| {}).await?;
        let plan = look::up(session.client_mut(), self.schema, self.tables, &options).await?;
        if !plan.is_empty() || plan.unfinished.is_some() {
            // A table of a former model, for example: nodes do without a migration of it.
            return Ok(());
        }
        let history = History::of(self.schema);
        let last = history.last(session.client(), &look::kin(self.tables)).await?;
        self.settled(&session, &history, (&plan, last.as_ref()), &self.digest()).await
    }

    /// Nothing has to be done: what is there is put on record, if it is not yet.
    async fn settled(
        &self,
        session: &Session,
        history: &History,
        (plan, last): (&Plan, Option<&Migration>),
        models: &str,
    ) -> Result<()> {
        match last {
            // Taken back, and now what the models say: a new beginning. So is what others brought to where the models are.
            Some(last) if last.state == State::Applied && plan.drift.is_empty() => {
                history.suits(session.client(), last.id, models).await
            }
            _ if plan.after.tables.is_empty() => Ok(()),
            _ => {
                let entry = Entry {
                    origin: Origin::Adopted,
                    state: State::Applied,
                    models,
                    before: &plan.before,
                    after: &plan.before,
                    renames: &renames::Renames::default(),
                };
                history.begin(session.client(), &entry).await.map(|_| ())
            }
        }
    }

    async fn carry_out(
        &self,
        session: &mut Session,
        (id, plan): (i64, &Plan),
        (options, watch): (&MigrateOptions, Watch<'_>),
        state: State,
    ) -> Result<()> {
        let history = History::of(self.schema);
        let mut runner = run::Runner {
            session,
            history: &history,
            id,
            patience: options.patience,
            again: &options.again(""),
            watch,
        };
        runner.all(plan).await?;
        // The last steps set timeouts for the session; reading what came of it has its own.
        session
            .client()
            .batch_execute("SET lock_timeout = 0; SET statement_timeout = 0")
            .await
            .map_err(failure)?;
        let transaction = session.client_mut().transaction().await.map_err(failure)?;
        let mut scope = plan.after.names();
        scope.extend(plan.before.names());
        let reached = Shape::read(&transaction, self.schema).await?.only(&scope);
        let left: Vec<String> =
            differences::differences(&plan.after, &reached).into_iter().map(|d| d.message).collect();
        if !left.is_empty() {
            return Err(Error::new(
                &codes::NOT_REACHED,
                "all steps were carried out, and the tables are not as planned",
            )
            .because_text(left.join("; "))
            .next("hallmark models diff"));
        }
        let kept = (state == State::Applied).then_some(&reached);
        history.settle(&transaction, id, state, kept).await?;
        transaction.commit().await.map_err(failure)
    }
}

/// Whether a plan may be carried out as it is.
///
/// # Errors
/// The blocker's code; `HM-D092` if others changed something, `HM-D091` if values would be lost, `HM-D086` if a large table would
/// be closed, `HM-D087` if it does anything that was not agreed to.
pub fn permitted(plan: &Plan, options: &MigrateOptions) -> Result<()> {
    if let Some((first, others)) = plan.blockers.split_first() {
        let error = first.error();
        return Err(others.iter().fold(error, |e, other| e.because_text(format!("and {}", other.message))));
    }
    if !plan.drift.is_empty() && !options.accept_drift {
        let message = format!("the tables are not what the last migration left: {}", plan.drift.join("; "));
        return Err(Error::new(&codes::DRIFT, message).next(format!(
            "look at hallmark models diff; {} takes them as they are and goes on from there",
            options.again("--accept-drift")
        )));
    }
    let named = |steps: Vec<&Step>| steps.iter().map(|s| s.summary.as_str()).collect::<Vec<_>>().join("; ");
    let lossy: Vec<&Step> = plan.steps.iter().filter(|s| s.class == Class::Destructive).collect();
    if !lossy.is_empty() && !options.allow_destructive {
        return Err(Error::new(&codes::NEEDS_DESTRUCTIVE, format!("values would be lost: {}", named(lossy)))
            .next(format!("{}, after a backup (hallmark backup)", options.again("--allow-destructive"))));
    }
    let closing: Vec<&Step> =
        plan.steps.iter().filter(|s| s.blocks && plan.large.contains(&s.table)).collect();
    if !closing.is_empty() && !options.allow_blocking {
        let message =
            format!("a large table could not be read while its rows are written anew: {}", named(closing));
        return Err(Error::new(&codes::WOULD_BLOCK, message)
            .next(format!("{}, when nobody needs the table", options.again("--allow-blocking"))));
    }
    still_agreed(options.agreed.as_ref().is_none_or(|agreed| agreed.covers(plan)), options)
}

fn still_agreed(is_covered: bool, options: &MigrateOptions) -> Result<()> {
    if is_covered {
        return Ok(());
    }
    let message =
        "what would be done now is not what was agreed to: the tables or their rows changed meanwhile";
    Err(Error::new(&codes::PLAN_CHANGED, message).next(options.again("")))
}
