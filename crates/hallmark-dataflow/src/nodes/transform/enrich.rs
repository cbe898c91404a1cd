//! Rows joined with those of another model: read as its own node reads them, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value, json};

use super::step::bad;
use super::{Call, Numbered};
use crate::engine::Engine;
use crate::filter::Filter;
use crate::input::masking;
use crate::input::{known, names_in, text_in};
use crate::schema::wanted_indexes;
use crate::sql::Sql;
use crate::table::{Column, Table, select_list};
use crate::{codes, key, limits, names, value};

/// What an `enrich` step says.
pub(super) struct Enrich {
    model: String,
    by: String,
    key: Option<String>,
    fields: Vec<String>,
    place: Place,
    missing: Missing,
}

/// Where the other row's values go.
enum Place {
    /// Into an object of this name.
    Object(String),
    /// Among the row's own, each with this in front.
    Prefix(String),
}

/// What happens to a row without another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Null,
    Drop,
    Refuse,
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(&codes::NOT_ENRICHED, message)
}

impl Enrich {
    /// Reads the step.
    pub(super) fn read(given: &Value) -> Result<Self> {
        let what = "enrich";
        let members = given.as_object().ok_or_else(|| bad("enrich takes an object"))?;
        known(members, what, &["model", "by", "key", "fields", "as", "prefix", "missing"])?;
        let text = |name: &str| text_in(members, what, name).map(|t| t.map(str::to_owned));
        let need = |name: &str| text(name)?.ok_or_else(|| bad(format!("enrich needs {name}")));
        let model = need("model")?;
        let place = match (text("as")?, text("prefix")?) {
            (Some(_), Some(_)) => return Err(bad("enrich takes as or prefix, not both")),
            (None, Some(prefix)) => Place::Prefix(prefix),
            (Some(name), None) => Place::Object(name),
            (None, None) => Place::Object(names::snake_case(&model)),
        };
        let missing = match text("missing")?.as_deref().unwrap_or("null") {
            "null" => Missing::Null,
            "drop" => Missing::Drop,
            "refuse" => Missing::Refuse,
            other => return Err(bad(format!("missing is null, drop or refuse, not {other:?}"))),
        };
        let fields = names_in(members, what, "fields")?.into_iter().map(str::to_owned).collect();
        Ok(Self { model, by: need("by")?, key: text("key")?, fields, place, missing })
    }

    /// Notes which fields hold decimals once the rows are joined.
    pub(super) fn note(&self, tables: &[Arc<Table>], decimals: &mut BTreeSet<String>) {
        let prefix = match &self.place {
            Place::Object(name) => {
                decimals.remove(name);
                return;
            }
            Place::Prefix(prefix) => prefix,
        };
        let table = tables.iter().find(|t| t.model.name == self.model);
        for column in table.iter().flat_map(|table| table.shown()) {
            if self.fields.is_empty() || self.fields.iter().any(|f| f == column.name()) {
                let name = format!("{prefix}{}", column.name());
                if column.field.kind == FieldType::Decimal {
                    decimals.insert(name)
                } else {
                    decimals.remove(&name)
                };
            }
        }
    }

    fn key<'t>(&self, table: &'t Table) -> Result<&'t Column> {
        let column = match (&self.key, table.keys().as_slice()) {
            (Some(name), _) => table.column(name)?,
            (None, [only]) => only,
            (None, _) => {
                return Err(refused(format!(
                    "the key of {} is {}: name one field",
                    self.model,
                    table.key_label()
                )));
            }
        };
        let unique = table.is_key(&[column])
            || wanted_indexes(table)
                .iter()
                .any(|i| i.unique && i.condition.is_none() && i.fields == [column.name()]);
        if unique {
            Ok(column)
        } else {
            Err(refused(format!(
                "{}.{} is not unique, so a row could have several",
                self.model,
                column.name()
            )))
        }
    }
}

impl Call<'_> {
    /// Joins the rows with those of the other model; one question for each few thousand of different values.
    pub(super) async fn enrich(&self, step: &Enrich, rows: &mut Vec<Numbered>) -> Result<()> {
        let tables = &self.engine.shared.tables;
        let found = tables.iter().find(|t| t.model.name == step.model).and_then(|t| self.engine.beside(t));
        let target = found.ok_or_else(|| refused(format!("{:?} is no loaded model", step.model)))?;
        let key = step.key(&target.table)?;
        let asked: Vec<Value> = step.fields.iter().map(|f| json!(f)).collect();
        let asked = Value::Array(asked);
        let columns = target.columns((!step.fields.is_empty()).then_some(&asked))?;
        let mut wanted: BTreeMap<String, Value> = BTreeMap::new();
        let mut names: Vec<Option<String>> = Vec::with_capacity(rows.len());
        for (i, row) in &*rows {
            let given = row
                .get(&step.by)
                .ok_or_else(|| bad(format!("the row has no field {:?}", step.by)).at(format!("rows[{i}]")))?;
            let name = canonical(key, given).map_err(|e| {
                refused(format!("{} does not fit {}.{}: {}", step.by, step.model, key.name(), e.message()))
                    .at(format!("rows[{i}]"))
            })?;
            if let Some(name) = &name {
                wanted.entry(name.clone()).or_insert_with(|| given.clone());
            }
            names.push(name);
        }
        let wanted: Vec<Value> = wanted.into_values().collect();
        let others = self.others(&target, key, &columns, &wanted).await?;
        let empty: Map<String, Value> = columns.iter().map(|c| (c.name().to_owned(), Value::Null)).collect();
        let mut kept = Vec::with_capacity(rows.len());
        for ((i, mut row), name) in std::mem::take(rows).into_iter().zip(names) {
            let other = name.and_then(|n| others.get(&n));
            match (other, step.missing) {
                (None, Missing::Drop) => continue,
                (None, Missing::Refuse) => {
                    let message = format!("no {} has this {}", step.model, key.name());
                    return Err(refused(message).at(format!("rows[{i}].{}", step.by)));
                }
                _ => {}
            }
            match &step.place {
                Place::Object(name) => {
                    row.insert(name.clone(), other.map_or(Value::Null, |o| Value::Object(o.clone())));
                }
                Place::Prefix(prefix) => {
                    let values = other.unwrap_or(&empty);
                    row.extend(values.iter().map(|(k, v)| (format!("{prefix}{k}"), v.clone())));
                }
            }
            kept.push((i, row));
        }
        *rows = kept;
        Ok(())
    }

    /// The other rows by their keys, with the rules of their own model: scope and masks.
    async fn others(
        &self,
        target: &Engine,
        key: &Column,
        columns: &[&Column],
        wanted: &[Value],
    ) -> Result<BTreeMap<String, Map<String, Value>>> {
        let mut read: Vec<&Column> = columns.to_vec();
        if !columns.iter().any(|c| c.name() == key.name()) {
            read.push(key);
        }
        let shown: BTreeSet<&str> = columns.iter().map(|c| c.name()).collect();
        let mut others = BTreeMap::new();
        for part in wanted.chunks(limits::FILTER_IN_VALUES_MAX) {
            let mut sql = Sql::new(format!("SELECT {}", select_list(&read)));
            let named = json!({key.name(): {"in": part}});
            let filter = Filter { given: &named, masking: masking(self.ask.0) };
            target.push_from(&mut sql, self.context, filter, false)?;
            for row in target.read(&sql).await? {
                let mut object = Engine::object(&read, &row)?;
                let name = canonical(key, object.get(key.name()).unwrap_or(&Value::Null))?;
                object.retain(|k, _| shown.contains(k.as_str()));
                masking(self.ask.0).apply(&target.table, &mut object);
                others.extend(name.map(|name| (name, object)));
            }
        }
        Ok(others)
    }
}

/// A value as one text that is the same for every way to write it; `None` for null.
fn canonical(column: &Column, given: &Value) -> Result<Option<String>> {
    if given.is_null() {
        return Ok(None);
    }
    let bound = value::encode(column.field.kind, given)?;
    Ok(Some(key::plain(column.field.kind, &bound)))
}
