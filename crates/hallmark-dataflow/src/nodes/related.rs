//! Rows of other models that a row refers to, or that refer to it: read along in one query for each relation, and created with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallmark_core::{Error, Result};
use serde_json::{Map, Value, json};

use super::crud::Call;
use super::masking;
use crate::engine::Engine;
use crate::input::Ask;
use crate::schema::reference_of;
use crate::sql::{self, Sql, failure};
use crate::table::{Column, Table, select_list};
use crate::write::{self, Cells, OnConflict};
use crate::{codes, limits};

/// A way from rows of one model to rows of another.
struct Relation {
    /// As callers name it.
    name: String,
    /// The other model.
    other: Arc<Table>,
    /// The field here, and the one there that has the same value.
    here: String,
    there: String,
    /// Whether it leads to several rows.
    many: bool,
}

/// The relations of a model: its foreign keys (`author_id` is `author`), and those of others to it, called as their tables are.
fn of(engine: &Engine) -> Vec<Relation> {
    let (table, tables) = (&engine.table, &engine.shared.tables);
    let mut relations: Vec<Relation> = Vec::new();
    let mut add = |relation: Relation| {
        // What is a field, or another relation already, keeps its name.
        let taken = relations.iter().any(|r| r.name == relation.name);
        if !taken && table.column(&relation.name).is_err() {
            relations.push(relation);
        }
    };
    for column in &table.columns {
        let Some((other, there)) = reference_of(column, tables) else { continue };
        let name = column.name().strip_suffix("_id").unwrap_or(&other.model.name).to_owned();
        let (here, there) = (column.name().to_owned(), there.name().to_owned());
        add(Relation { name, other: Arc::clone(other), here, there, many: false });
    }
    for other in tables {
        for column in &other.columns {
            let Some((to, here)) = reference_of(column, tables) else { continue };
            if to.name != table.name {
                continue;
            }
            let declared = table.model.relations.iter().find(|r| r.many && r.target == other.model.name);
            let name = declared.map_or(&other.name, |r| &r.name).clone();
            let (here, there) = (here.name().to_owned(), column.name().to_owned());
            add(Relation { name, other: Arc::clone(other), here, there, many: true });
        }
    }
    relations
}

impl Call<'_> {
    fn named(&self, names: &[Value]) -> Result<Vec<Relation>> {
        let mut relations = of(self.engine);
        let mut wanted = Vec::new();
        for name in names {
            let said = name.as_str().unwrap_or_default();
            let Some(at) = relations.iter().position(|r| r.name == said) else {
                if wanted.iter().any(|r: &Relation| r.name == said) {
                    continue;
                }
                let known: Vec<&str> = relations.iter().chain(&wanted).map(|r| r.name.as_str()).collect();
                let message = format!("{} has no relation {name}", self.table().model.name);
                return Err(Error::new(&codes::UNKNOWN_RELATION, message).at("include").next(
                    if known.is_empty() {
                        "declare a foreign key in one of the two models".to_owned()
                    } else {
                        format!("its relations are: {}", known.join(", "))
                    },
                ));
            };
            wanted.push(relations.swap_remove(at));
        }
        Ok(wanted)
    }

    /// The fields that `include` joins by, to be read with the others.
    pub(super) fn joining(&self) -> Result<Vec<&Column>> {
        match self.ask.get("include") {
            None => Ok(Vec::new()),
            Some(_) => {
                let relations = self.named(self.ask.array("include")?)?;
                relations.iter().map(|r| self.table().column(&r.here)).collect()
            }
        }
    }

    /// Puts the related rows that `include` names into rows, one query for each relation.
    pub(super) async fn include(&self, rows: &mut [Value]) -> Result<()> {
        if self.ask.get("include").is_none() {
            return Ok(());
        }
        for relation in self.named(self.ask.array("include")?)? {
            let found = self.related(&relation, rows).await?;
            for row in rows.iter_mut() {
                let key = row[&relation.here].to_string();
                let related = found.get(&key).cloned().unwrap_or_default();
                row[&relation.name] = if relation.many {
                    Value::Array(related)
                } else {
                    related.into_iter().next().unwrap_or_default()
                };
            }
        }
        Ok(())
    }

    /// The related rows, by the value that they share.
    async fn related(&self, relation: &Relation, rows: &[Value]) -> Result<BTreeMap<String, Vec<Value>>> {
        let other = Engine { table: Arc::clone(&relation.other), shared: Arc::clone(&self.engine.shared) };
        let values: BTreeMap<String, &Value> = rows
            .iter()
            .map(|r| &r[&relation.here])
            .filter(|v| !v.is_null())
            .map(|v| (v.to_string(), v))
            .collect();
        let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        if values.is_empty() {
            return Ok(found);
        }
        let (columns, there) = (other.columns(None)?, other.table.column(&relation.there)?);
        let list = select_list(&columns);
        let mut sql = Sql::new(format!("SELECT {list} FROM {} WHERE ", other.table.qualified));
        other.push_scope(&mut sql, self.context, false);
        sql.push(" AND ").push(&there.ident).push(" IN (");
        for (i, value) in values.values().enumerate() {
            sql.push(if i > 0 { ", " } else { "" });
            sql.bind_compared(there, value)?;
        }
        let keys: Vec<String> = other.table.keys().iter().map(|c| c.ident.clone()).collect();
        sql.push(&format!(") ORDER BY {} LIMIT {}", keys.join(", "), limits::RELATED_ROWS_MAX + 1));
        let read = self.engine.read(&sql).await?;
        if read.len() > limits::RELATED_ROWS_MAX {
            let message =
                format!("more than {} rows of {} are related", limits::RELATED_ROWS_MAX, relation.name);
            return Err(Error::new(&codes::TOO_MUCH, message)
                .at("include")
                .next(format!("list fewer rows, or list {} by itself", relation.other.model.name)));
        }
        for row in &read {
            let mut object = Engine::object(&columns, row)?;
            let shared = object.get(&relation.there).map(ToString::to_string).unwrap_or_default();
            masking(self.ask.0).apply(&other.table, &mut object);
            found.entry(shared).or_default().push(Value::Object(object));
        }
        Ok(found)
    }

    /// Creates a row whose data hold rows that refer to it: all of them, or nothing.
    pub(super) async fn create_with(&self, data: &Map<String, Value>) -> Result<Value> {
        let (mut own, mut nested) = (data.clone(), Vec::new());
        for relation in of(self.engine).into_iter().filter(|r| r.many) {
            if let Some(rows) = own.remove(&relation.name) {
                nested.push((relation, rows));
            }
        }
        let cells = write::complete(self.table(), &own)?;
        let (columns, list) = self.returning();
        self.make_room().await?;
        for (relation, _) in &nested {
            if let Some(other) = self.engine.beside(&relation.other) {
                Call { engine: &other, context: self.context, ask: Ask(self.ask.0) }.make_room().await?;
            }
        }
        let mut client = self.engine.client().await?;
        let transaction = client.transaction().await.map_err(failure)?;
        self.engine.sign(&*transaction, self.context).await?;
        let (insert, counted) = write::insert(self.engine, self.context, cells, &OnConflict::Error, list);
        let row = insert.first(&*transaction).await?;
        let row = row.ok_or_else(|| super::crud::nothing("the insert returned no row"))?;
        write::follow(&*transaction, self.table(), &counted).await?;
        let (plain, mut shown) = (Engine::object(&columns, &row)?, self.masked(&columns, &row)?);
        for (relation, rows) in &nested {
            let rows = self.create_related(&*transaction, relation, (&plain[&relation.here], rows)).await?;
            shown[&relation.name] = rows;
        }
        sql::commit(transaction.commit()).await?;
        Ok(json!({"operation": "create", "row": shown}))
    }

    async fn create_related(
        &self,
        client: &impl tokio_postgres::GenericClient,
        relation: &Relation,
        (shared, rows): (&Value, &Value),
    ) -> Result<Value> {
        let (table, name) = (&relation.other, &relation.name);
        let rows = rows.as_array().filter(|r| r.len() <= limits::NESTED_ROWS_MAX).ok_or_else(|| {
            let message = format!("{name} takes a list of at most {} rows", limits::NESTED_ROWS_MAX);
            Error::new(&codes::WRONG_VALUE, message).at(name.clone())
        })?;
        let engine = Engine { table: Arc::clone(table), shared: Arc::clone(&self.engine.shared) };
        engine.sign(client, self.context).await?;
        let columns: Vec<&Column> = table.shown().collect();
        let mut created = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            let place = |e: Error| in_place(&format!("{name}[{i}]"), &e);
            let cells = nested_cells(relation, row, shared).map_err(place)?;
            let list = select_list(&columns);
            let (insert, counted) = write::insert(&engine, self.context, cells, &OnConflict::Error, &list);
            let inserted = insert.first(client).await.map_err(place)?;
            let inserted = inserted.ok_or_else(|| super::crud::nothing("the insert returned no row"))?;
            write::follow(client, table, &counted).await?;
            let mut object = Engine::object(&columns, &inserted)?;
            masking(self.ask.0).apply(table, &mut object);
            created.push(Value::Object(object));
        }
        Ok(Value::Array(created))
    }
}

/// The cells of a row that is created under another, whose value it takes over.
fn nested_cells(relation: &Relation, row: &Value, shared: &Value) -> Result<Cells> {
    let row = row.as_object().ok_or_else(|| Error::new(&codes::WRONG_VALUE, "a row is an object"))?;
    let mut row = row.clone();
    if row.insert(relation.there.clone(), shared.clone()).is_some_and(|given| given != *shared) {
        let message = format!("{} is that of the row around it", relation.there);
        return Err(Error::new(&codes::MANAGED_FIELD, message).at(relation.there.clone()));
    }
    write::complete(&relation.other, &row)
}

fn in_place(outer: &str, error: &Error) -> Error {
    let place = error.place().map_or_else(|| outer.to_owned(), |place| format!("{outer}.{place}"));
    let placed = Error::new(error.code(), error.message().to_owned()).at(place);
    match error.next_step() {
        Some(next) => placed.next(next.to_owned()),
        None => placed,
    }
}

/// Whether data hold rows of another model.
pub(super) fn nests(engine: &Engine, data: &Map<String, Value>) -> bool {
    of(engine).iter().any(|r| r.many && data.contains_key(&r.name))
}
