//! Create, read, update, delete, upsert, list, and the bulk forms.

use std::borrow::Cow;
use std::pin::{Pin, pin};

use hallmark_core::{Error, Result};
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};
use tokio_postgres::{GenericClient, Row};

use super::{Kind, answer, bulk, cache, fields, filter, include_pii, masking, related};
use crate::engine::Engine;
use crate::input::Ask;
use crate::referable::Written;
use crate::sql::{Sql, failure};
use crate::table::{Column, Role, Table, select_list};
use crate::value::{self, Blank, Bound};
use crate::write::{self, OnConflict};
use crate::{codes, limits, page, total};

/// The kind `CRUD`.
pub(crate) struct Crud;

impl Kind for Crud {
    fn name(&self) -> &'static str {
        "CRUD"
    }

    fn summary(&self) -> &'static str {
        "Creates, reads, updates, deletes and lists rows of {}"
    }

    fn operations(&self) -> &'static [&'static str] {
        &[
            "read",
            "create",
            "update",
            "delete",
            "upsert",
            "list",
            "count",
            "bulk_create",
            "bulk_update",
            "bulk_upsert",
            "bulk_delete",
            "history",
            "purge",
            "restore",
            "bulk_restore",
        ]
    }

    fn params(&self, table: &Table) -> Vec<Param> {
        let required: Vec<&str> = table.columns.iter().filter(|c| c.required()).map(Column::name).collect();
        vec![
            Param::any("id").describe(format!(
                "The value of {} (read, update, delete, restore, history); update finds it in `data` too",
                table.key_label()
            )),
            Param::object("data")
                .describe(format!(
                    "The row (create, update, upsert, bulk_update); create needs {}",
                    required.join(", ")
                ))
                .pii(),
            Param::array("rows")
                .describe("The rows of bulk_create, bulk_upsert, and of bulk_update (each with its key)")
                .max_length(limits::BULK_ROWS_MAX)
                .pii(),
            Param::array("match_on")
                .describe("The unique fields that an upsert finds an existing row by; the key by default"),
            Param::string("on_conflict")
                .describe("What bulk_upsert does with a row that is there")
                .choices(["update", "skip"])
                .default("update"),
            Param::integer("expected_version")
                .describe("Refuse the update or delete if row_version is another (versioned models)"),
            filter(),
            Param::any("sort").describe("Fields to list by, `-` in front for descending"),
            Param::integer("limit").describe("Rows of a page").range(1.0, 1_000.0),
            Param::integer("offset")
                .describe("Rows to pass over, instead of a cursor")
                .range(0.0, 1_000_000.0),
            Param::string("cursor").describe("next_cursor of the page before"),
            total::param(),
            fields(),
            Param::boolean("include_deleted").describe("Read and list soft-deleted rows too").default(false),
            Param::array("include")
                .describe("Related rows to read along (read, list), one query each: author for author_id, or the table that refers to this one")
                .max_length(limits::SORT_FIELDS_MAX),
            include_pii(),
        ]
    }

    fn read_only(&self) -> bool {
        false
    }

    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        context: &'a Context,
        operation: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let call = Call { engine, context, ask: Ask(input) };
            call.check_conditions(operation)?;
            let changes_rows = !matches!(
                operation,
                "read" | "list" | "count" | "create" | "bulk_create" | "history" | "purge"
            );
            if changes_rows {
                engine.table.refuse_append_only()?;
            }
            // In boxes: what is awaited here directly makes every call as large as the largest operation.
            match operation {
                "create" => Box::pin(call.create()).await,
                "update" => Box::pin(call.update()).await,
                "delete" => Box::pin(call.delete()).await,
                "upsert" => Box::pin(call.upsert()).await,
                "list" => Box::pin(call.list()).await,
                "count" => Box::pin(call.count()).await,
                "bulk_create" => Box::pin(bulk::again(|| Box::pin(call.bulk_create()))).await,
                "bulk_update" => Box::pin(bulk::again(|| Box::pin(call.bulk_update()))).await,
                "bulk_upsert" => Box::pin(bulk::again(|| Box::pin(call.bulk_upsert()))).await,
                "bulk_delete" => Box::pin(bulk::again(|| Box::pin(call.bulk_delete()))).await,
                "history" => Box::pin(call.history()).await,
                "purge" => Box::pin(call.purge()).await,
                "restore" => Box::pin(call.restore()).await,
                "bulk_restore" => Box::pin(bulk::again(|| Box::pin(call.bulk_restore()))).await,
                _ => Box::pin(call.read()).await,
            }
        })
    }
}

pub(super) struct Call<'a> {
    pub(super) engine: &'a Engine,
    pub(super) context: &'a Context,
    pub(super) ask: Ask<'a>,
}

impl Call<'_> {
    pub(super) fn table(&self) -> &Table {
        &self.engine.table
    }

    /// All shown columns and the select list that returns them.
    pub(super) fn returning(&self) -> (Vec<&Column>, &str) {
        self.table().row()
    }

    pub(super) fn masked(&self, columns: &[&Column], row: &Row) -> Result<Value> {
        self.filled(Blank::of(self.table(), columns), row)
    }

    fn filled(&self, blank: Blank<'_>, row: &Row) -> Result<Value> {
        let mut object = blank.fill(row)?;
        masking(self.ask.0).apply(self.table(), &mut object);
        Ok(Value::Object(object))
    }

    /// Whether every condition that is given is one of this operation. One that had no effect would let through what the caller meant
    /// to refuse.
    fn check_conditions(&self, operation: &str) -> Result<()> {
        const CONDITIONS: [(&str, &[&str]); 2] = [
            ("expected_version", &["update", "delete"]),
            ("filter", &["list", "count", "bulk_update", "bulk_delete", "bulk_restore"]),
        ];
        for (name, operations) in CONDITIONS {
            let says = self.ask.get(name).is_some_and(|v| v.as_object().is_none_or(|o| !o.is_empty()));
            let with_rows = operation == "bulk_update" && self.ask.get("rows").is_some();
            if says && (!operations.contains(&operation) || with_rows) {
                let message = format!("`{name}` has no effect on {operation}");
                return Err(Error::new(&codes::BAD_PARAMETER, message)
                    .at(name)
                    .next(format!("leave it out; it belongs to {}", operations.join(", "))));
            }
        }
        Ok(())
    }

    async fn create(&self) -> Result<Value> {
        let data = self.ask.object("data")?;
        let cells = match write::complete(self.table(), data) {
            Err(error) if error.is(&codes::UNKNOWN_FIELD) && related::nests(self.engine, data) => {
                return Box::pin(self.create_with(data)).await;
            }
            cells => cells?,
        };
        let (columns, list) = self.returning();
        let (mut sql, counted) = write::insert(self.engine, self.context, cells, &OnConflict::Error, list);
        self.engine.push_signature(&mut sql, self.context);
        let (rows, blank) =
            meanwhile(pin!(self.engine.write(&sql)), || Blank::of(self.table(), &columns)).await;
        let rows = match rows {
            // Rows whose time is over are not there: what they hold is free.
            Err(error) if error.is(&codes::DUPLICATE) && self.table().options.ttl_seconds.is_some() => {
                Box::pin(super::record::purge(self.engine, Some(self.context))).await?;
                self.engine.write(&sql).await?
            }
            rows => rows?,
        };
        let row = rows.first().ok_or_else(|| nothing("the insert returned no row"))?;
        if !counted.is_empty() {
            let follow =
                async { write::follow(&**self.engine.client().await?, self.table(), &counted).await };
            Box::pin(follow).await?;
        }
        Ok(answer([("operation", "create".into()), ("row", self.filled(blank, row)?)]))
    }

    /// The columns that a caller asks for, with those that related rows are joined by, and their select list.
    fn wanted(&self) -> Result<(Vec<&Column>, Cow<'_, str>)> {
        let (fields, joining) = (self.ask.get("fields"), self.joining()?);
        if fields.is_none() {
            let (columns, list) = self.returning();
            return Ok((columns, Cow::Borrowed(list)));
        }
        let mut columns = self.engine.columns(fields)?;
        push_missing(&mut columns, &joining);
        let list = select_list(&columns);
        Ok((columns, Cow::Owned(list)))
    }

    async fn read(&self) -> Result<Value> {
        let (columns, list) = self.wanted()?;
        let (id, deleted_too) = (self.ask.need("id")?, self.ask.truth("include_deleted"));
        let sql = self.engine.find(&list, self.context, id, deleted_too)?;
        let (rows, blank) =
            meanwhile(pin!(self.engine.lookup(&sql)), || Blank::of(self.table(), &columns)).await;
        match rows?.first() {
            Some(row) => {
                let mut row = [self.filled(blank, row)?];
                if self.ask.get("include").is_some() {
                    Box::pin(self.include(&mut row)).await?;
                }
                let [row] = row;
                Ok(answer([("operation", "read".into()), ("found", true.into()), ("row", row)]))
            }
            None => Ok(json!({"operation": "read", "found": false, "row": null})),
        }
    }

    /// The key of an update and what it changes: the key may stand in `id` or, as in a row to create, in `data`.
    pub(super) fn addressed(
        &self,
        id: Option<&Value>,
        data: &Map<String, Value>,
    ) -> Result<(Value, Map<String, Value>)> {
        let keys = self.table().keys();
        let is_key = |name: &String| keys.iter().any(|c| c.name() == name);
        let (of_key, changes): (Map<_, _>, Map<_, _>) =
            data.iter().map(|(n, v)| (n.clone(), v.clone())).partition(|(n, _)| is_key(n));
        let inside = (!of_key.is_empty()).then_some(Value::Object(of_key));
        match (id, inside) {
            (Some(id), None) => Ok((id.clone(), changes)),
            (None, Some(inside)) => {
                self.table().key_values(&inside)?;
                Ok((self.table().key_in(inside.as_object().unwrap_or(&Map::new())), changes))
            }
            (Some(id), Some(Value::Object(inside))) => {
                let named = self.table().key_values(id)?;
                for (column, bound) in &named {
                    let given = inside.get(column.name());
                    let other = given.is_some_and(|v| {
                        value::encode(column.field.kind, v).is_ok_and(|given| given != *bound)
                    });
                    if other {
                        let message =
                            format!("`data` has another {} than `id`; a key is never changed", column.name());
                        return Err(Error::new(&codes::MANAGED_FIELD, message).at(column.name().to_owned()));
                    }
                }
                Ok((id.clone(), changes))
            }
            _ => Err(Error::new(&codes::MISSING_VALUE, "`id` is required for update").at("id")),
        }
    }

    async fn update(&self) -> Result<Value> {
        let (id, data) = self.addressed(self.ask.get("id"), self.ask.object("data")?)?;
        let (id, data) = (&id, &data);
        let (columns, list) = self.returning();
        let mut sql = Sql::new(format!("UPDATE {} AS t", self.table().qualified));
        let set = write::push_sets(&mut sql, self.table(), data)?;
        sql.push(" WHERE ");
        self.table().push_key(&mut sql, id)?;
        sql.push(" AND ");
        self.engine.push_scope(&mut sql, self.context, false);
        let expected = self.push_expected(&mut sql)?;
        sql.push(" RETURNING ").push(list);
        self.engine.push_guard(&mut sql, self.context, Written::Changed(&set));
        self.engine.push_signature(&mut sql, self.context);
        let client = self.engine.client().await?;
        if let Some(row) = sql.first(&**client).await? {
            cache::forget(self.engine, self.context, std::slice::from_ref(id)).await;
            return Ok(json!({"operation": "update", "found": true, "row": self.masked(&columns, &row)?}));
        }
        self.refuse_other_version(&**client, id, expected).await?;
        Ok(json!({"operation": "update", "found": false, "row": null}))
    }

    /// Appends that the row has the version that the caller saw, if one is given.
    fn push_expected(&self, sql: &mut Sql) -> Result<Option<i64>> {
        let Some(given) = self.ask.get("expected_version") else { return Ok(None) };
        let expected = given.as_i64().ok_or_else(|| {
            let message = format!("no row has the version {given}: it is a number of 64 bits with a sign");
            Error::new(&codes::OUT_OF_RANGE, message).at("expected_version")
        })?;
        let version = self.table().with_role(Role::Version).ok_or_else(|| {
            let message = format!("{} is not versioned", self.table().model.name);
            Error::new(&codes::BAD_PARAMETER, message).at("expected_version")
        })?;
        sql.push(" AND ").push(&version.ident).push(" = ").bind(Bound::Int(expected), None);
        Ok(Some(expected))
    }

    /// Where nothing matched: either there is no such row, or it has another version than the caller saw.
    async fn refuse_other_version(
        &self,
        client: &impl GenericClient,
        id: &Value,
        expected: Option<i64>,
    ) -> Result<()> {
        let Some(expected) = expected else { return Ok(()) };
        let Some(row) = self.engine.by_key(client, self.context, id, false).await? else { return Ok(()) };
        let now = row.get(crate::table::VERSION_COLUMN).cloned().unwrap_or_default();
        let message = format!("the row has version {now}, not {expected}");
        Err(Error::new(&codes::VERSION_CONFLICT, message)
            .next("read the row again and repeat the change on it"))
    }

    /// `UPDATE … SET deleted_at` or `DELETE`, up to its `WHERE`.
    pub(super) fn removal(&self) -> Sql {
        let qualified = &self.table().qualified;
        match self.table().with_role(Role::DeletedAt) {
            Some(deleted) => {
                let mut sets = vec![format!("{} = now()", deleted.ident)];
                sets.extend(write::touches(self.table(), "t."));
                Sql::new(format!("UPDATE {qualified} AS t SET {} WHERE ", sets.join(", ")))
            }
            None => Sql::new(format!("DELETE FROM {qualified} AS t WHERE ")),
        }
    }

    async fn delete(&self) -> Result<Value> {
        let id = self.ask.need("id")?;
        let mut sql = self.removal();
        self.table().push_key(&mut sql, id)?;
        sql.push(" AND ");
        self.engine.push_scope(&mut sql, self.context, false);
        let expected = self.push_expected(&mut sql)?;
        self.engine.push_signature_alone(&mut sql, self.context);
        let client = self.engine.client().await?;
        let deleted = sql.execute(&**client).await? > 0;
        if !deleted {
            self.refuse_other_version(&**client, id, expected).await?;
        }
        cache::forget(self.engine, self.context, std::slice::from_ref(id)).await;
        let soft = self.table().with_role(Role::DeletedAt).is_some();
        if deleted && !soft {
            cache::forget_followers(self.engine).await;
        }
        Ok(json!({"operation": "delete", "found": deleted, "deleted": deleted, "soft": soft}))
    }

    async fn upsert(&self) -> Result<Value> {
        let data = self.ask.object("data")?;
        let cells = write::complete(self.table(), data)?;
        let target = write::target(self.table(), self.ask.get("match_on"))?;
        let given = data.keys().map(|n| self.table().column(n)).collect::<Result<Vec<_>>>()?;
        let (columns, list) = self.returning();
        let conflict = OnConflict::Update { target, given };
        let returning = format!("{list}, (t.xmax = 0) AS created");
        let (mut sql, counted) = write::insert(self.engine, self.context, cells, &conflict, &returning);
        self.engine.push_signature(&mut sql, self.context);
        let client = self.engine.client().await?;
        let row = sql.first(&**client).await?.ok_or_else(write::of_another)?;
        let created: bool = row.try_get(columns.len()).map_err(failure)?;
        let id = self.table().key_in(&Engine::object(&columns, &row)?);
        write::follow(&**client, self.table(), &counted).await?;
        cache::forget(self.engine, self.context, &[id]).await;
        Ok(json!({"operation": "upsert", "created": created, "row": self.masked(&columns, &row)?}))
    }

    async fn list(&self) -> Result<Value> {
        let limit = self.ask.limit()?;
        let keys = page::keys(self.table(), self.ask.get("sort"), masking(self.ask.0))?;
        let mut columns = self.engine.columns(self.ask.get("fields"))?;
        push_missing(&mut columns, &self.joining()?);
        let asked = columns.len();
        for key in &keys {
            let column = self.table().column(&key.name)?;
            if !columns.iter().any(|c| c.name() == column.name()) {
                columns.push(column);
            }
        }
        let mut sql = Sql::new(format!("SELECT {}", select_list(&columns)));
        self.engine.push_from(
            &mut sql,
            self.context,
            self.ask.filter(),
            self.ask.truth("include_deleted"),
        )?;
        if let Some(cursor) = self.ask.text("cursor") {
            sql.push(" AND ");
            page::push_after(&mut sql, &keys, cursor)?;
        }
        page::push_order(&mut sql, &keys);
        // One row more than asked tells whether there is a next page, without counting the table.
        sql.push(&format!(" LIMIT {}", limit + 1));
        if let Some(offset) = self.ask.get("offset").and_then(Value::as_u64) {
            sql.push(&format!(" OFFSET {offset}"));
        }
        let found = self.engine.read(&sql).await?;
        let mut rows = Vec::new();
        let mut next = Value::Null;
        for (i, row) in found.iter().enumerate() {
            if i as u64 == limit {
                break;
            }
            let mut object = Engine::object(&columns, row)?;
            if i as u64 + 1 == limit && found.len() as u64 > limit {
                let values: Vec<Value> =
                    keys.iter().map(|k| object.get(&k.name).cloned().unwrap_or_default()).collect();
                next = Value::from(page::cursor(&keys, &values));
            }
            for column in &columns[asked..] {
                object.remove(column.name());
            }
            masking(self.ask.0).apply(self.table(), &mut object);
            rows.push(Value::Object(object));
        }
        self.include(&mut rows).await?;
        let mut page = Map::new();
        total::add(self.engine, self.ask.text("count"), &mut page, |sql| self.push_counted(sql)).await?;
        page.insert("operation".to_owned(), "list".into());
        page.insert("count".to_owned(), rows.len().into());
        page.insert("rows".to_owned(), rows.into());
        page.insert("next_cursor".to_owned(), json!(next));
        Ok(Value::Object(page))
    }

    fn push_counted(&self, sql: &mut Sql) -> Result<()> {
        let deleted_too = self.ask.truth("include_deleted");
        self.engine.push_from(sql, self.context, self.ask.filter(), deleted_too)
    }

    async fn count(&self) -> Result<Value> {
        if self.ask.text("count") == Some("estimated") {
            let mut answer = Map::new();
            total::add(self.engine, Some("estimated"), &mut answer, |sql| self.push_counted(sql)).await?;
            return Ok(json!({"operation": "count", "count": answer["total"], "count_is": "estimated"}));
        }
        let mut sql = Sql::new("SELECT count(*)");
        self.push_counted(&mut sql)?;
        let row = self.engine.read(&sql).await?.into_iter().next();
        let count: i64 = row.map(|r| r.try_get(0)).transpose().map_err(failure)?.unwrap_or(0);
        Ok(json!({"operation": "count", "count": count}))
    }
}

/// Adds the columns that are not there yet.
fn push_missing<'c>(columns: &mut Vec<&'c Column>, more: &[&'c Column]) {
    for column in more {
        if !columns.iter().any(|c| c.name() == column.name()) {
            columns.push(column);
        }
    }
}

/// Waits for an answer, and makes something while the server works on it: the question is sent first. The answer is pinned by the
/// caller, in whose future it lies once; given by value it would lie there twice.
async fn meanwhile<T, M>(answer: Pin<&mut impl Future<Output = T>>, make: impl FnOnce() -> M) -> (T, M) {
    futures_util::future::join(answer, async { make() }).await
}

pub(super) fn nothing(message: &str) -> Error {
    Error::new(&hallmark_core::codes::INTERNAL, message)
}
