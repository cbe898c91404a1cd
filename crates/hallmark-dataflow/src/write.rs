//! Rows on their way in: completed with defaults, inserted, and what happens on a conflict.

use hallmark_core::{Error, Result};
use hallmark_python::models::{FieldDefault, FieldType};
use hallmark_workflow::Context;
use serde_json::{Map, Value};
use tokio_postgres::GenericClient;

use crate::codes;
use crate::engine::Engine;
use crate::referable::Written;
use crate::schema::wanted_indexes;
use crate::sql::{self, Sql};
use crate::table::{Column, Role, Table};
use crate::value::{self, Bound};

/// Checked cells by position of their column.
pub(crate) type Cells = Vec<(usize, Bound)>;

/// The error for a field that callers do not set.
pub(crate) fn managed(column: &Column) -> Error {
    Error::new(&codes::MANAGED_FIELD, format!("{} is set by the framework", column.name()))
        .at(column.name().to_owned())
        .next(format!("leave {} out of the data", column.name()))
}

/// The error for an upsert that meets the key of a row of another tenant.
pub(crate) fn of_another() -> Error {
    Error::new(&codes::DUPLICATE, "the key belongs to a row that this caller may not change")
}

/// A row to create: every data column, given or by default; the key and `created_at` only if given.
///
/// # Errors
/// `HM-D010` for an unknown field, `HM-D018` naming all that are missing, `HM-D019` for a managed field, and the codes of values.
pub(crate) fn complete(table: &Table, data: &Map<String, Value>) -> Result<Cells> {
    let mut given: Vec<Option<&Value>> = vec![None; table.columns.len()];
    for (name, value) in data {
        let at = table.position(name)?;
        let column = &table.columns[at];
        if matches!(column.role, Role::UpdatedAt | Role::DeletedAt | Role::Version | Role::Ruled(_)) {
            return Err(managed(column));
        }
        given[at] = Some(value);
    }
    let mut cells = Cells::with_capacity(table.columns.len());
    let mut missing = Vec::new();
    for ((i, column), given) in table.columns.iter().enumerate().zip(given) {
        match (given, column.role) {
            (Some(Value::Null), Role::Key | Role::CreatedAt) => {}
            (Some(given), Role::Data | Role::Key | Role::CreatedAt) => {
                cells.push((i, value::for_column(column, given)?));
            }
            (None, Role::Data) if column.identity => {}
            (None, Role::Data) => match default(column)? {
                Some(bound) => cells.push((i, bound)),
                None => missing.push(column.name()),
            },
            (None, Role::Key) => match default(column)? {
                Some(bound) if column.field.default.is_some() => cells.push((i, bound)),
                _ if column.identity => {}
                _ => missing.push(column.name()),
            },
            _ => {}
        }
    }
    if missing.is_empty() {
        return Ok(cells);
    }
    let message = format!("{} needs {}", table.model.name, missing.join(", "));
    Err(Error::new(&codes::MISSING_VALUE, message).at(missing.join(",")))
}

/// The default of a column, checked; `None` if a value must be given.
pub(crate) fn default(column: &Column) -> Result<Option<Bound>> {
    let now = jiff::Timestamp::now;
    let bound = match (&column.field.default, column.field.kind) {
        (Some(FieldDefault::Value(given)), _) => value::for_column(column, given)?,
        (Some(FieldDefault::Now | FieldDefault::Today), FieldType::Timestamp) => Bound::Timestamp(now()),
        (Some(FieldDefault::Now | FieldDefault::Today), FieldType::Date) => {
            Bound::Text(now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
        }
        (Some(FieldDefault::Now | FieldDefault::Today), FieldType::Text) => Bound::Text(now().to_string()),
        (Some(FieldDefault::Uuid), FieldType::Uuid) => Bound::Uuid(uuid::Uuid::new_v4()),
        (Some(FieldDefault::Uuid), FieldType::Text) => Bound::Text(uuid::Uuid::new_v4().to_string()),
        _ if column.field.nullable => Bound::Null(value::wire(column.field.kind)),
        _ => return Ok(None),
    };
    Ok(Some(bound))
}

/// What to do with a row whose unique values are taken.
#[derive(Clone, Debug)]
pub(crate) enum OnConflict<'a> {
    /// Fail.
    Error,
    /// Leave the row that is there.
    Skip,
    /// Change the row that is there, found by `target`, in the columns `given`.
    Update { target: Vec<&'a Column>, given: Vec<&'a Column> },
    /// Set these values in the row that is there, found by `target`; without any it stays as it is, and is returned.
    Set { target: Vec<&'a Column>, values: Cells },
}

/// The columns that an upsert matches on: as asked, else as the model says, else the key.
///
/// # Errors
/// `HM-D025` if no unique index covers exactly those fields.
pub(crate) fn target<'a>(table: &'a Table, asked: Option<&Value>) -> Result<Vec<&'a Column>> {
    let names: Vec<String> = match asked {
        Some(Value::Array(items)) => items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        _ if !table.options.conflict_fields.is_empty() => table.options.conflict_fields.clone(),
        _ => table.keys().iter().map(|c| c.name().to_owned()).collect(),
    };
    let columns = names.iter().map(|n| table.column(n)).collect::<Result<Vec<_>>>()?;
    if !table.is_key(&columns) && unique_over(table, &columns).is_none() {
        let message = format!("{} has no unique index over exactly {}", table.model.name, names.join(", "));
        return Err(Error::new(&codes::BAD_PARAMETER, message)
            .next("name the fields of a unique index in `match_on`"));
    }
    Ok(columns)
}

/// The predicate (if any) of the unique index over exactly these columns.
fn unique_over(table: &Table, columns: &[&Column]) -> Option<Option<String>> {
    let covers = |fields: &[String]| {
        fields.len() == columns.len() && columns.iter().all(|c| fields.iter().any(|f| f == c.name()))
    };
    wanted_indexes(table).into_iter().find(|i| i.unique && covers(&i.fields)).map(|i| i.condition)
}

/// Appends `ON CONFLICT …` for a statement that inserts into the table under the alias `t`.
pub(crate) fn push_conflict(sql: &mut Sql, table: &Table, conflict: &OnConflict<'_>) {
    let (target, given, values): (_, &[&Column], &[_]) = match conflict {
        OnConflict::Error => return,
        OnConflict::Skip => {
            sql.push(" ON CONFLICT DO NOTHING");
            return;
        }
        OnConflict::Update { target, given } => (target, given, &[]),
        OnConflict::Set { target, values } => (target, &[], values),
    };
    let mut idents: Vec<&str> = target.iter().map(|c| c.ident.as_str()).collect();
    let tenant = table.with_role(Role::Tenant);
    if let Some(tenant) = tenant.filter(|_| !table.is_key(target)) {
        idents.insert(0, &tenant.ident);
    }
    sql.push(" ON CONFLICT (").push(&idents.join(", ")).push(")");
    if let Some(Some(condition)) = unique_over(table, target) {
        // The predicate is the model's own, the same text as in the index.
        sql.push(" WHERE ").push(&condition);
    }
    let mut sets: Vec<String> = Vec::new();
    for column in
        given.iter().filter(|c| c.role == Role::Data && !target.iter().any(|t| t.name() == c.name()))
    {
        sets.push(format!("{0} = EXCLUDED.{0}", column.ident));
    }
    let set: Vec<&Column> = values.iter().map(|(at, _)| &table.columns[*at]).collect();
    sets.extend(renewed(table, target, if set.is_empty() { given } else { &set }));
    if !matches!(conflict, OnConflict::Set { values, .. } if values.is_empty()) {
        sets.extend(touches(table, "t."));
    }
    if let Some(deleted) = table.with_role(Role::DeletedAt) {
        sets.push(format!("{} = NULL", deleted.ident));
    }
    if sets.is_empty() && values.is_empty() {
        sets.extend(table.keys().first().map(|key| format!("{0} = t.{0}", key.ident)));
    }
    sql.push(" DO UPDATE SET ").push(&sets.join(", "));
    let alive = table.alive("t.");
    for (n, (at, value)) in values.iter().enumerate() {
        let column = &table.columns[*at];
        sql.push(if n > 0 || !sets.is_empty() { ", " } else { "" }).push(&column.ident).push(" = ");
        if let Some(alive) = &alive {
            sql.push(&format!("CASE WHEN {alive} THEN "));
        }
        sql.bind(value.clone(), sql::cast(column));
        if alive.is_some() {
            sql.push(&format!(" ELSE EXCLUDED.{} END", column.ident));
        }
    }
    for (i, owner) in table.owners().enumerate() {
        // A key of another tenant or owner is not this caller's to change.
        sql.push(if i > 0 { " AND " } else { " WHERE " });
        sql.push(&format!("t.{0} = EXCLUDED.{0}", owner.ident));
    }
}

/// A row whose time is over is not there any more: an upsert that meets it makes it anew, with nothing of what it had.
fn renewed(table: &Table, target: &[&Column], given: &[&Column]) -> Vec<String> {
    let Some(alive) = table.alive("t.") else { return Vec::new() };
    let named = |c: &Column, list: &[&Column]| list.iter().any(|other| other.name() == c.name());
    let left = table.columns.iter().filter(|c| match c.role {
        Role::Data => !named(c, target) && !named(c, given),
        role => role == Role::CreatedAt,
    });
    left.map(|c| format!("{0} = CASE WHEN {alive} THEN t.{0} ELSE EXCLUDED.{0} END", c.ident)).collect()
}

/// The assignments that every update makes.
pub(crate) fn touches(table: &Table, prefix: &str) -> Vec<String> {
    let mut sets = Vec::new();
    if let Some(updated) = table.with_role(Role::UpdatedAt) {
        sets.push(format!("{} = now()", updated.ident));
    }
    if let Some(version) = table.with_role(Role::Version) {
        sets.push(format!("{0} = {prefix}{0} + 1", version.ident));
    }
    sets
}

/// The columns of a row for which nothing is given that the database makes, and the beginning of the statement that inserts it.
fn usual_insert(table: &Table) -> (Vec<usize>, String) {
    let is_given = |column: &Column| matches!(column.role, Role::Data | Role::Key) && !column.identity;
    let all = table.columns.iter().enumerate();
    let columns: Vec<usize> = all.filter(|(_, column)| is_given(column)).map(|(at, _)| at).collect();
    let text = begin_insert(table, &columns);
    (columns, text)
}

/// The beginning of a statement that inserts one row: values for these columns, and for those that say whose it is.
fn begin_insert(table: &Table, columns: &[usize]) -> String {
    let columns: Vec<&Column> = columns.iter().map(|at| &table.columns[*at]).collect();
    let named: Vec<&str> = columns.iter().copied().chain(table.owners()).map(|c| c.ident.as_str()).collect();
    if named.is_empty() {
        return format!("INSERT INTO {} AS t DEFAULT VALUES", table.qualified);
    }
    let casts = columns.iter().map(|column| sql::cast(column)).chain(table.owners().map(|_| None));
    let values: Vec<String> = casts
        .enumerate()
        .map(|(n, cast)| match cast {
            Some(cast) => format!("${}::{cast}", n + 1),
            None => format!("${}", n + 1),
        })
        .collect();
    let (named, values) = (named.join(", "), values.join(", "));
    format!("INSERT INTO {} AS t ({named}) VALUES ({values})", table.qualified)
}

/// The statement that inserts one row and returns `returning`, and the values that the row gives for columns that the database counts.
/// It fails if the row refers to one that is not the caller's.
pub(crate) fn insert(
    engine: &Engine,
    context: &Context,
    cells: Cells,
    conflict: &OnConflict<'_>,
    returning: &str,
) -> (Sql, Vec<(usize, i64)>) {
    let table = &engine.table;
    let counted = counted(table, &cells);
    let (columns, values): (Vec<usize>, Vec<Bound>) = cells.into_iter().unzip();
    let (usual, text) = table.usual_insert.get_or_init(|| usual_insert(table));
    let text = if columns == *usual { text.clone() } else { begin_insert(table, &columns) };
    let owned = table.owned(context).into_iter().map(|(_, value)| value);
    let mut sql = Sql::bound(text, values.into_iter().chain(owned).collect());
    push_conflict(&mut sql, table, conflict);
    sql.push(" RETURNING ").push(returning);
    match conflict {
        OnConflict::Error | OnConflict::Skip => engine.push_guard(&mut sql, context, Written::New),
        OnConflict::Update { given, .. } => engine.push_guard(&mut sql, context, Written::Upserted(given)),
        OnConflict::Set { values, .. } => {
            let set: Vec<&Column> = values.iter().map(|(at, _)| &table.columns[*at]).collect();
            engine.push_guard(&mut sql, context, Written::Upserted(&set));
        }
    }
    (sql, counted)
}

/// Appends `SET …` for the given fields; a field given as null is set to null, a field not given stays.
///
/// # Errors
/// `HM-D018` if there are none, `HM-D010` for an unknown field, `HM-D019` for one that callers do not set, and the codes of values.
pub(crate) fn push_sets<'t>(
    sql: &mut Sql,
    table: &'t Table,
    data: &Map<String, Value>,
) -> Result<Vec<&'t Column>> {
    if data.is_empty() {
        return Err(Error::new(&codes::MISSING_VALUE, "`data` names no field to update").at("data"));
    }
    let mut set = Vec::with_capacity(data.len());
    sql.push(" SET ");
    for (i, (name, value)) in data.iter().enumerate() {
        let column = table.column(name)?;
        if column.role != Role::Data {
            return Err(managed(column));
        }
        sql.push(if i > 0 { ", " } else { "" }).push(&column.ident).push(" = ");
        sql.bind_column(column, value)?;
        set.push(column);
    }
    for touch in touches(table, "t.") {
        sql.push(", ").push(&touch);
    }
    Ok(set)
}

/// Keys above this do not move the sequence: there would be no room after them.
const SEQUENCE_FOLLOWS_MAX: i64 = 1 << 62;

/// Moves the sequences of columns that the database counts past values that were given, so that a later one of its own does not
/// collide with them.
pub(crate) async fn follow(client: &impl GenericClient, table: &Table, given: &[(usize, i64)]) -> Result<()> {
    for (at, value) in given {
        let column = &table.columns[*at];
        if !column.identity || !(1..=SEQUENCE_FOLLOWS_MAX).contains(value) {
            continue;
        }
        let mut sql = Sql::new("SELECT setval(s, ");
        sql.bind(Bound::Int(*value), None).push(") FROM (SELECT pg_get_serial_sequence(");
        sql.bind(Bound::Text(table.qualified.clone()), None).push(", ");
        sql.bind(Bound::Text(column.name().to_owned()), None);
        sql.push(")::regclass AS s) q WHERE s IS NOT NULL AND ");
        sql.bind(Bound::Int(*value), None).push(" > COALESCE(pg_sequence_last_value(s), 0)");
        sql.rows(client).await?;
    }
    Ok(())
}

/// The values that a row gives for columns that the database counts.
fn counted(table: &Table, cells: &Cells) -> Vec<(usize, i64)> {
    let counted = cells.iter().filter(|(i, _)| table.columns[*i].identity);
    counted.filter_map(|(i, bound)| if let Bound::Int(v) = bound { Some((*i, *v)) } else { None }).collect()
}
