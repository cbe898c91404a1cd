//! The SDK's upsert, in one statement: whoever comes second changes the row that the first one made.

use hallmark_core::Result;
use serde_json::{Map, Value, json};

use super::Call;
use crate::engine::Engine;
use crate::nodes::cache;
use crate::referable::Written;
use crate::sensitivity::Masking;
use crate::sql::{Sql, failure};
use crate::table::{Column, Role, Table, select_list};
use crate::write::{self, Cells, OnConflict};
use crate::{codes, value};

/// The values that the row gets if it is there.
fn changes(table: &Table, update: &Map<String, Value>) -> Result<Cells> {
    let mut cells = Cells::new();
    for (name, value) in update {
        let column = table.column(name)?;
        if column.role != Role::Data {
            return Err(write::managed(column));
        }
        let at = table.columns.iter().position(|c| c.name() == name).unwrap_or_default();
        cells.push((at, value::for_column(column, value)?));
    }
    Ok(cells)
}

impl Call<'_> {
    /// A row is created from `where` and `create`, or the one that is there changes as `update` says.
    pub(super) async fn upsert(&self) -> Result<Value> {
        let table = self.table();
        table.refuse_append_only()?;
        let object =
            |name: &str| self.input.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let (mut new, values) = (object("where"), changes(table, &object("update"))?);
        let default = Value::from(new.keys().cloned().collect::<Vec<_>>());
        let target = write::target(table, Some(self.given(&["conflict_on"]).unwrap_or(&default)))?;
        new.extend(object("create"));
        let columns: Vec<&Column> = table.shown().collect();
        let returning = format!("{}, (t.xmax = 0) AS created", select_list(&columns));
        let (mut sql, counted) = match write::complete(table, &new) {
            Ok(cells) => {
                let conflict = OnConflict::Set { target, values };
                write::insert(self.engine, self.context, cells, &conflict, &returning)
            }
            // What is too little to create a row is enough to change one.
            Err(error) if error.is(&codes::MISSING_VALUE) && !values.is_empty() => {
                return match self.change(&target, &new, &values, &columns).await? {
                    Some(record) => Ok(json!({"created": false, "record": record, "action": "updated"})),
                    None => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        self.engine.push_signature(&mut sql, self.context);
        let client = self.engine.client().await?;
        let row = sql.first(&**client).await?.ok_or_else(write::of_another)?;
        let created: bool = row.try_get(columns.len()).map_err(failure)?;
        write::follow(&**client, table, &counted).await?;
        let record = self.record(&columns, &row).await?;
        let action = if created { "created" } else { "updated" };
        Ok(json!({"created": created, "record": record, "action": action}))
    }

    /// Changes the row with these match values; `None` if there is none.
    async fn change(
        &self,
        target: &[&Column],
        new: &Map<String, Value>,
        values: &Cells,
        columns: &[&Column],
    ) -> Result<Option<Value>> {
        let table = self.table();
        let mut sql = Sql::new(format!("UPDATE {} AS t SET ", table.qualified));
        for (n, (at, value)) in values.iter().enumerate() {
            let column = &table.columns[*at];
            sql.push(if n > 0 { ", " } else { "" }).push(&column.ident).push(" = ");
            sql.bind(value.clone(), crate::sql::cast(column));
        }
        for touch in write::touches(table, "t.") {
            sql.push(", ").push(&touch);
        }
        sql.push(" WHERE ");
        self.engine.push_scope(&mut sql, self.context, false);
        for column in target {
            sql.push(" AND ").push(&column.ident).push(" = ");
            sql.bind_compared(column, new.get(column.name()).unwrap_or(&Value::Null))?;
        }
        sql.push(" RETURNING ").push(&select_list(columns));
        let set: Vec<&Column> = values.iter().map(|(at, _)| &table.columns[*at]).collect();
        self.engine.push_guard(&mut sql, self.context, Written::Changed(&set));
        self.engine.push_signature(&mut sql, self.context);
        let client = self.engine.client().await?;
        match sql.first(&**client).await? {
            Some(row) => self.record(columns, &row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The row as the SDK gives it, after the cache has forgotten it.
    async fn record(&self, columns: &[&Column], row: &tokio_postgres::Row) -> Result<Value> {
        let mut object = Engine::object(columns, row)?;
        cache::forget(self.engine, self.context, &[self.table().key_in(&object)]).await;
        Masking::Secrets.apply(self.table(), &mut object);
        Ok(Value::Object(object))
    }
}
