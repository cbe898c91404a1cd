//! Plans made by looking: nothing is changed. What is wanted is created in a schema that goes with the transaction, and read
//! back as what is there is read, so that the server itself says whether two texts are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_python::models::ModelDecl;
use tokio_postgres::{Client, GenericClient, Transaction};

use super::MigrateOptions;
use super::check;
use super::diff::{self, Facts};
use super::differences::differences;
use super::given;
use super::history::{History, Migration, Origin, State};
use super::plan::Plan;
use super::renames::Renames;
use super::render::qualified;
use super::shape::{OWN, Shape};
use crate::schema::{self, Note};
use crate::sql::failure;
use crate::table::Table;
use crate::{codes, limits};

/// What the models want.
pub(super) struct Wanted {
    pub(super) shape: Shape,
    extensions: Vec<(String, String)>,
    enums: Vec<(String, String)>,
    labels: Vec<(String, String)>,
    notes: Vec<Note>,
}

/// What the models want of this server, in the server's words.
pub(super) async fn wanted(transaction: &Transaction<'_>, tables: &[Arc<Table>]) -> Result<Wanted> {
    if let Some(table) = tables.iter().find(|t| OWN.contains(&t.name.as_str())) {
        let message = format!("{} has the table {}, which is Hallmark's own", table.model.name, table.name);
        let place = table.model.source.as_ref().map_or_else(|| table.model.name.clone(), ToString::to_string);
        return Err(Error::new(&codes::BAD_MODEL, message)
            .at(place)
            .next("give the model another __tablename__"));
    }
    let scratch = format!("hallmark_plan_{}", hallmark_core::random::token(12)?);
    let before = extensions(transaction).await?;
    let copies: Vec<Arc<Table>> =
        tables.iter().map(|t| Table::resolve(&placed(t), &scratch).map(Arc::new)).collect::<Result<_>>()?;
    let report = schema::build(transaction, &scratch, &copies).await.map_err(|error| {
        // insufficient_privilege
        if error.to_string().contains("SQLSTATE 42501") {
            error.next("give the user of the database the right: GRANT CREATE ON DATABASE name TO user")
        } else {
            error
        }
    })?;
    let home = tables.first().map(|table| table.schema.as_str());
    let shape = Shape::read_beside(transaction, &scratch, home).await?;
    let mut after = extensions(transaction).await?;
    after.retain(|name, _| !before.contains_key(name));
    // What a plan does need not be told.
    let untold = [codes::NOT_ENFORCED.id, codes::ENUM_DIFFERS.id];
    let notes = report.notes.into_iter().filter(|note| !untold.contains(&note.code)).collect();
    Ok(Wanted {
        shape,
        extensions: after.into_iter().collect(),
        enums: report.enums_created,
        labels: report.labels_missing,
        notes,
    })
}

/// The model with its enumerations in the schema that they have, wherever its table is made.
fn placed(table: &Table) -> ModelDecl {
    let mut model = table.model.clone();
    for name in model.fields.iter_mut().filter_map(|field| field.enum_type.as_mut()) {
        if !name.contains('.') {
            *name = format!("{}.{name}", table.schema);
        }
    }
    model
}

async fn extensions(client: &impl GenericClient) -> Result<BTreeMap<String, String>> {
    let text = "SELECT e.extname::text, n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace";
    let rows = client.query(text, &[]).await.map_err(failure)?;
    Ok(rows.iter().map(|r| (r.get(0), r.get(1))).collect())
}

/// The major version of the server.
pub(super) async fn major(client: &impl GenericClient) -> Result<i32> {
    let text = "SELECT current_setting('server_version_num')::integer / 10000";
    Ok(client.query_one(text, &[]).await.map_err(failure)?.get(0))
}

/// The names by which the records of these models are found: those of the tables, and those that they had.
pub(super) fn kin(tables: &[Arc<Table>]) -> Vec<String> {
    let former =
        |t: &Arc<Table>| t.model.options.get("renamed_from").and_then(|v| v.as_str().map(str::to_owned));
    tables.iter().flat_map(|t| [Some(t.name.clone()), former(t)]).flatten().collect()
}

/// What a record says should be there; nothing while a migration is unfinished.
pub(super) fn baseline(last: Option<&Migration>) -> Option<&Shape> {
    last.and_then(|m| match m.state {
        State::Applied => Some(&m.after),
        State::Reverted => Some(&m.before),
        State::Running | State::Reverting => None,
    })
}

/// How often a record is looked at that others are changing.
const LOOKS_MAX: usize = 5;

/// The last record, and what is there while it is the last one. What a migrator does that begins between a look at the one and a look at
/// the other would be taken for changes that nobody put on record.
pub(super) async fn on_record(
    transaction: &Transaction<'_>,
    schema: &str,
    tables: &[Arc<Table>],
) -> Result<(Option<Migration>, Shape)> {
    let (history, kin) = (History::of(schema), kin(tables));
    let standing = |last: &Option<Migration>| last.as_ref().map(|m| (m.id, m.state));
    let mut last = history.last(transaction, &kin).await?;
    for _ in 1..LOOKS_MAX {
        let found = Shape::read(transaction, schema).await?;
        let now = history.last(transaction, &kin).await?;
        if standing(&last) == standing(&now) {
            return Ok((last, found));
        }
        last = now;
    }
    Ok((last, Shape::read(transaction, schema).await?))
}

/// The plan from what is there to what the models want.
pub(super) async fn up(
    client: &mut Client,
    schema: &str,
    tables: &[Arc<Table>],
    options: &MigrateOptions,
) -> Result<Plan> {
    let transaction = client.transaction().await.map_err(failure)?;
    let (last, found) = on_record(&transaction, schema, tables).await?;
    let wanted = wanted(&transaction, tables).await?;
    let mut renames = Renames::declared(tables.iter().map(AsRef::as_ref))?;
    for text in &options.renames {
        renames.add(text)?;
    }
    let pending = renames.pending(&found, &wanted.shape)?;
    given::renames(&options.renames, (&found, &wanted.shape), &pending)?;
    let values = backfill(options.backfill.iter().map(String::as_str))?;
    given::backfill(&values, &[&wanted.shape, &found])?;
    let mut scope = wanted.shape.names();
    scope.extend(pending.tables.values().cloned());
    if let Some(last) = &last {
        match baseline(Some(last)) {
            Some(shape) => scope.extend(shape.names()),
            None => scope.extend(last.before.names().into_iter().chain(last.after.names())),
        }
    }
    let from = found.only(&scope);
    let mut plan = Plan {
        schema: schema.to_owned(),
        strangers: found.names().difference(&scope).cloned().collect(),
        notes: wanted.notes,
        unfinished: last
            .as_ref()
            .filter(|m| matches!(m.state, State::Running | State::Reverting))
            .map(|m| m.id),
        recorded: last.is_some(),
        after: wanted.shape,
        ..Plan::default()
    };
    // Another version of the server may write the same text otherwise: what it says then is no change by anybody.
    if let Some((last, shape)) = last.as_ref().zip(baseline(last.as_ref()))
        && last.server == major(&transaction).await?
    {
        plan.drift = differences(shape, &from).into_iter().map(|d| d.message).collect();
    }
    let facts = Facts {
        extensions: wanted.extensions,
        enums: wanted.enums,
        labels: wanted.labels,
        renames: pending,
        ..Facts::default()
    };
    fill(&transaction, &mut plan, from, (facts, &with_declared(tables, values))).await?;
    transaction.rollback().await.map_err(failure)?;
    Ok(plan)
}

/// The plan that takes the last migrations back, one plan for each; the first begins at what is there.
pub(super) async fn down(
    client: &mut Client,
    (schema, tables): (&str, &[Arc<Table>]),
    count: usize,
    options: &MigrateOptions,
) -> Result<Vec<(Migration, Plan)>> {
    let transaction = client.transaction().await.map_err(failure)?;
    let history = History::of(schema);
    let all = history.read(&transaction, &kin(tables)).await?;
    // What was put on record as it was is where the way back ends.
    let standing =
        all.into_iter().filter(|m| m.state != State::Reverted).take_while(|m| m.origin != Origin::Adopted);
    let mut plans: Vec<(Migration, Plan)> = Vec::new();
    let backfill = backfill(options.backfill.iter().map(String::as_str))?;
    for last in standing.take(count) {
        let scope: BTreeSet<String> = last.before.names().union(&last.after.names()).cloned().collect();
        let found = match plans.last() {
            None => Shape::read(&transaction, schema).await?.only(&scope),
            Some((_, plan)) => plan.after.clone(),
        };
        let mut plan = Plan {
            schema: schema.to_owned(),
            unfinished: matches!(last.state, State::Running | State::Reverting).then_some(last.id),
            recorded: true,
            after: last.before.clone(),
            ..Plan::default()
        };
        if plans.is_empty()
            && last.server == major(&transaction).await?
            && let Some(shape) = baseline(Some(&last))
        {
            plan.drift = differences(shape, &found).into_iter().map(|d| d.message).collect();
        }
        let pending = last.renames.reversed().pending(&found, &last.before)?;
        let facts = Facts { renames: pending, ..Facts::default() };
        fill(&transaction, &mut plan, found, (facts, &backfill)).await?;
        // What is asked is nobody's rename here: it goes back to the name that it had.
        plan.questions.clear();
        plans.push((last, plan));
    }
    transaction.rollback().await.map_err(failure)?;
    if plans.is_empty() {
        let message = format!("no migration of schema {schema} can be taken back");
        return Err(Error::new(&codes::NOTHING_TO_REVERT, message).next("hallmark models migrate --status"));
    }
    // A way back of several migrations passes through tables that neither end of it has.
    let ends: Vec<&Shape> = plans.iter().flat_map(|(_, plan)| [&plan.after, &plan.before]).collect();
    given::backfill(&backfill, &ends)?;
    Ok(plans)
}

type Values = BTreeMap<(String, String), String>;

/// Steps, blockers and questions of a plan whose target is set.
async fn fill(
    transaction: &Transaction<'_>,
    plan: &mut Plan,
    from: Shape,
    (mut facts, values): (Facts, &Values),
) -> Result<()> {
    let schema = plan.schema.clone();
    let there: BTreeSet<String> = Shape::read(transaction, &schema).await?.names();
    let names = from.names();
    let filled = check::filled(transaction, &schema, names.intersection(&there)).await?;
    let sizes = "SELECT pg_table_size(to_regclass($1))";
    for table in &filled {
        let size = transaction.query_one(sizes, &[&qualified(&schema, table)]).await.map_err(failure)?;
        if size.get::<_, Option<i64>>(0).unwrap_or_default() > limits::MIGRATE_BLOCKING_BYTES {
            plan.large.push(table.clone());
        }
    }
    let renamed = |names: &BTreeSet<String>| -> Vec<String> {
        let new = facts.renames.tables.iter().filter(|(_, old)| names.contains(*old));
        new.map(|(new, _)| new.clone()).collect()
    };
    let more = renamed(&filled);
    let large = renamed(&plan.large.iter().cloned().collect());
    facts.filled = filled.into_iter().chain(more).collect();
    plan.large.extend(large);
    facts.schema.clone_from(&schema);
    facts.backfill.clone_from(values);
    let begun = if facts.renames.is_empty() {
        from.clone()
    } else {
        facts.renames.applied(transaction, &from, &schema).await?
    };
    let mut planned = diff::plan(&begun, &plan.after, &facts);
    for check in &planned.checks {
        planned.blockers.extend(check.ask(transaction, &mut planned.steps).await?);
    }
    plan.steps = planned.steps;
    plan.blockers = planned.blockers;
    plan.questions = planned.questions;
    plan.before = from;
    plan.renames = facts.renames;
    Ok(())
}

/// The values that models declare for rows without one, and those given; these count.
fn with_declared(tables: &[Arc<Table>], given: Values) -> Values {
    let mut values = Values::new();
    for table in tables {
        let declared = table.model.options.get("backfill").and_then(serde_json::Value::as_object);
        for (column, value) in declared.into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            values.insert((table.name.clone(), column.clone()), text);
        }
    }
    values.extend(given);
    values
}

fn backfill<'a>(given: impl Iterator<Item = &'a str>) -> Result<Values> {
    given
        .map(|text| {
            let parts = text.split_once('=').and_then(|(place, value)| Some((place.split_once('.')?, value)));
            let Some(((table, column), value)) = parts.filter(|((t, c), _)| !t.is_empty() && !c.is_empty())
            else {
                return Err(Error::new(&codes::BAD_BACKFILL, format!("{text:?} names no column and value"))
                    .next("write TABLE.COLUMN=VALUE"));
            };
            Ok(((table.to_owned(), column.to_owned()), value.to_owned()))
        })
        .collect()
}
