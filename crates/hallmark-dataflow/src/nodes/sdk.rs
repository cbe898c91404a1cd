//! The SDK's own node names and parameter shapes, as aliases of operations of the CRUD node: `XCreateNode` takes the fields
//! themselves, `XListNode` gives `records`. Workflows that were written for the SDK go on working; new ones use the nine kinds.

use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_workflow::{BoxFuture, Context, Group, Input, Node, NodeSpec, Param};
use serde_json::{Map, Value, json};

use super::Kind;
use super::crud::Crud;
use crate::engine::Engine;
use crate::table::{Role, Table};
use crate::{codes, limits};

mod filter;
mod upsert;

/// The SDK's names: what stands between model and `Node`, and the operation.
const NAMES: [(&str, &str); 11] = [
    ("BulkCreate", "bulk_create"),
    ("BulkDelete", "bulk_delete"),
    ("BulkUpdate", "bulk_update"),
    ("BulkUpsert", "bulk_upsert"),
    ("Count", "count"),
    ("Create", "create"),
    ("Delete", "delete"),
    ("List", "list"),
    ("Read", "read"),
    ("Update", "update"),
    ("Upsert", "upsert"),
];

/// The aliases of one model.
#[must_use]
pub(crate) fn of(engine: &Engine) -> Vec<Arc<dyn Node>> {
    let alias = |(name, operation): &(&str, &'static str)| {
        Arc::new(Alias::new(engine.clone(), name, operation)) as Arc<dyn Node>
    };
    NAMES.iter().map(alias).collect()
}

struct Alias {
    engine: Engine,
    operation: &'static str,
    spec: NodeSpec,
    name: Arc<str>,
}

impl Alias {
    fn new(engine: Engine, name: &str, operation: &'static str) -> Self {
        let model = engine.table.model.name.clone();
        let summary = format!("The SDK's shape of {operation} of {model}CRUDNode");
        let mut spec = NodeSpec::new(format!("{model}{name}Node"), summary)
            .group(Group::Generated { model, kind: name.to_owned() })
            .params(params(operation, &engine.table));
        if matches!(operation, "read" | "list" | "count") {
            spec = spec.read_only();
        }
        let name = spec.name.as_str().into();
        Self { engine, operation, spec, name }
    }
}

fn params(operation: &str, table: &Table) -> Vec<Param> {
    let mut params = Vec::new();
    if table.column("database_url").is_err() {
        params.push(
            Param::string("database_url").describe("Refused: the project's own database is used").secret(),
        );
    }
    let id = || {
        [
            Param::any("record_id").describe(format!("The value of {}", table.key_label())),
            Param::any("id").describe("The same as record_id"),
        ]
    };
    let deleted = || Param::boolean("include_deleted").describe("Soft-deleted rows too").default(false);
    match operation {
        "create" => params.extend(fields_of(table)),
        "read" => {
            params.extend(id());
            params.extend([
                Param::object("conditions").describe("The key, as {\"id\": 7}"),
                Param::boolean("raise_on_not_found").describe("An error if there is no row").default(true),
                deleted(),
                super::include_pii(),
            ]);
        }
        "update" => {
            params.extend(id());
            params.extend(filters());
            params.push(Param::object("fields").describe("The fields to change").pii());
            params.push(Param::object("updates").describe("The older name of fields").pii());
            params.extend(fields_of(table));
        }
        "delete" => {
            params.extend(id());
            params.extend(filters());
        }
        "list" => {
            params.extend(filters());
            params.extend([
                Param::integer("limit").describe("Rows at most").default(10).range(1.0, 1_000.0),
                Param::integer("offset").describe("Rows to pass over").default(0).range(0.0, 1_000_000.0),
                Param::array("order_by").describe("Fields to sort by, `-` in front for descending"),
                Param::array("sort").describe("The same as [{\"field\": \"name\", \"order\": \"desc\"}]"),
                Param::boolean("enable_cache").describe("Without effect: a list is read from the database"),
                Param::integer("cache_ttl").describe("Without effect, as enable_cache"),
                Param::string("cache_key").describe("Without effect, as enable_cache"),
                Param::boolean("count_only").describe("Give only the number of rows").default(false),
                deleted(),
                super::include_pii(),
            ]);
        }
        "upsert" => params.extend([
            Param::object("where").describe("The unique fields of the row").required().pii(),
            Param::object("update").describe("What to change if the row is there").pii(),
            Param::object("create").describe("What a new row has beside `where`").pii(),
            Param::array("conflict_on")
                .describe("The unique fields to match by; those of `where` by default"),
        ]),
        "count" => {
            params.extend(filters());
            params.push(deleted());
        }
        _ => params.extend(bulk_params()),
    }
    let mut seen = std::collections::BTreeSet::new();
    params.retain(|p| seen.insert(p.name.clone()));
    params
}

/// `filter` and its older name.
fn filters() -> [Param; 2] {
    [
        Param::object("filter").describe("Which rows: {\"field\": value} or {\"field\": {\"$gte\": value}}"),
        Param::object("conditions").describe("The older name of filter"),
    ]
}

/// What the bulk forms take.
fn bulk_params() -> Vec<Param> {
    let own = [
        Param::array("data").describe("The rows").max_length(limits::BULK_ROWS_MAX).pii(),
        Param::integer("batch_size").describe("Without effect: all rows go in one transaction"),
        Param::string("conflict_resolution")
            .describe("update, or skip")
            .choices(["update", "skip", "ignore"]),
        Param::array("conflict_on").describe("The unique fields to match by; the key by default"),
        Param::object("fields").describe("The fields to change in all rows of the filter").pii(),
        Param::object("update").describe("The older name of fields").pii(),
        Param::boolean("return_ids").describe("Give the keys too").default(false),
        Param::boolean("safe_mode").describe("Without effect: an empty filter needs `confirmed`"),
        Param::boolean("confirmed").describe("An empty filter means all rows").default(false),
    ];
    filters().into_iter().chain(own).collect()
}

/// The fields that a caller may set, as parameters of any type: the values are checked by the model, with its own codes.
fn fields_of(table: &Table) -> Vec<Param> {
    let own = table.columns.iter().filter(|c| matches!(c.role, Role::Data | Role::Key | Role::CreatedAt));
    own.map(|c| Param::any(c.name()).describe(format!("The field {}", c.name())).pii()).collect()
}

impl Node for Alias {
    fn spec(&self) -> &NodeSpec {
        &self.spec
    }

    fn run<'a>(&'a self, context: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let call = Call { engine: &self.engine, context, operation: self.operation, input };
            super::watch(&self.engine, &self.name, Crud.operations(), self.operation).over(call.run()).await
        })
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    operation: &'a str,
    input: Input,
}

impl Call<'_> {
    fn table(&self) -> &Table {
        &self.engine.table
    }

    /// The first of these parameters that says something: an empty object says nothing, as in the SDK.
    fn given(&self, names: &[&str]) -> Option<&Value> {
        let says = |v: &&Value| match v {
            Value::Null => false,
            Value::Object(members) => !members.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => true,
        };
        names.iter().filter_map(|n| self.input.get(*n)).find(says)
    }

    fn truth(&self, name: &str) -> bool {
        self.input.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    async fn crud(&self, operation: &str, input: Value) -> Result<Value> {
        let input: Input = input.as_object().cloned().unwrap_or_default();
        let mut input: Input = input.into_iter().filter(|(_, v)| !v.is_null()).collect();
        input.insert("operation".to_owned(), operation.into());
        Crud.run(self.engine, self.context, operation, &input).await
    }

    async fn run(&self) -> Result<Value> {
        let own = self.table().column("database_url").is_ok();
        if !own && self.given(&["database_url"]).is_some() {
            return Err(Error::new(&codes::BAD_PARAMETER, "`database_url` of a single node is not taken")
                .at("database_url")
                .next("set the database of the project: hallmark explain HM-D025, or [services] in hallmark.toml"));
        }
        match self.operation {
            "create" => self.create().await,
            "read" => self.read().await,
            "update" => self.update().await,
            "delete" => self.delete().await,
            "list" => self.list().await,
            "upsert" => self.upsert().await,
            "count" => self.count().await,
            _ => self.bulk().await,
        }
    }

    /// The fields among the parameters.
    fn fields(&self) -> Map<String, Value> {
        let is_field = |name: &&String| self.table().column(name).is_ok();
        let own =
            self.input.iter().filter(|(n, v)| is_field(n) && (!v.is_null() || self.operation == "create"));
        own.map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    async fn create(&self) -> Result<Value> {
        let answer = self.crud("create", json!({"data": self.fields()})).await?;
        Ok(answer["row"].clone())
    }

    /// The key: in `filter` or `conditions` by its fields (or as `id`), in `record_id`, or in `id`.
    fn id(&self) -> Result<Value> {
        let table = self.table();
        if let Some(Value::Object(filter)) = self.given(&["filter", "conditions"]) {
            if filter.len() == 1
                && let (Some(id), Some(_)) = (filter.get("id"), table.single_key())
            {
                return Ok(id.clone());
            }
            if table.keys().iter().all(|c| filter.contains_key(c.name()))
                && filter.len() == table.keys().len()
            {
                return Ok(table.key_in(filter));
            }
            let message = format!("`filter` names one row by its key {}", table.key_label());
            return Err(Error::new(&codes::BAD_PARAMETER, message).at("filter").next(format!(
                "to change several rows: {}BulkUpdateNode or {0}BulkDeleteNode",
                table.model.name
            )));
        }
        let direct = self.given(&["record_id", "id"]).cloned();
        let spread = table.keys().iter().all(|c| self.input.get(c.name()).is_some_and(|v| !v.is_null()));
        direct.or_else(|| spread.then(|| table.key_in(&self.input))).ok_or_else(|| {
            let message = format!("`id` is required for {}", self.operation);
            Error::new(&codes::MISSING_VALUE, message)
                .at("id")
                .next(format!("give \"id\": the value of {}, or \"filter\": {{…}}", table.key_label()))
        })
    }

    async fn read(&self) -> Result<Value> {
        let id = self.id()?;
        let (deleted, pii) = (self.truth("include_deleted"), self.truth("include_pii"));
        let answer =
            self.crud("read", json!({"id": id, "include_deleted": deleted, "include_pii": pii})).await?;
        match &answer["row"] {
            Value::Object(row) => {
                let mut row = row.clone();
                row.insert("found".to_owned(), true.into());
                Ok(Value::Object(row))
            }
            _ if self.truth("raise_on_not_found") => {
                let message = format!("no {} has this {}", self.table().model.name, self.table().key_label());
                Err(Error::new(&codes::NOT_FOUND, message).at("id"))
            }
            _ => Ok(json!({"id": id, "found": false})),
        }
    }

    async fn update(&self) -> Result<Value> {
        let id = self.id()?;
        let mut changes = match self.given(&["fields", "updates"]) {
            Some(Value::Object(changes)) => changes.clone(),
            _ => self.fields(),
        };
        // The SDK passes over fields that it keeps itself; here that is said, except for the key, which names the row.
        for key in self.table().keys() {
            changes.remove(key.name());
        }
        let answer = self.crud("update", json!({"id": id, "data": changes})).await?;
        Ok(match &answer["row"] {
            Value::Object(row) => {
                let mut row = row.clone();
                row.insert("updated".to_owned(), true.into());
                row.entry("id").or_insert(id);
                Value::Object(row)
            }
            _ => json!({"id": id, "updated": false}),
        })
    }

    async fn delete(&self) -> Result<Value> {
        let id = self.id()?;
        let answer = self.crud("delete", json!({"id": id})).await?;
        Ok(json!({"id": id, "deleted": answer["deleted"]}))
    }

    fn filter(&self) -> Result<Value> {
        self.given(&["filter", "conditions"]).map_or(Ok(json!({})), filter::translated)
    }

    async fn list(&self) -> Result<Value> {
        let (filter, deleted) = (self.filter()?, self.truth("include_deleted"));
        if self.truth("count_only") {
            return self.count().await;
        }
        let sort = self.given(&["sort", "order_by"]).map(filter::sort).transpose()?;
        let limit = self.input.get("limit").cloned().unwrap_or_else(|| 10.into());
        let input = json!({
            "filter": filter, "sort": sort, "limit": limit, "offset": self.input.get("offset"),
            "include_deleted": deleted, "include_pii": self.truth("include_pii"),
        });
        let answer = self.crud("list", input).await?;
        Ok(json!({"records": answer["rows"], "count": answer["count"], "limit": limit}))
    }

    async fn count(&self) -> Result<Value> {
        let input = json!({"filter": self.filter()?, "include_deleted": self.truth("include_deleted")});
        Ok(json!({"count": self.crud("count", input).await?["count"]}))
    }

    async fn bulk(&self) -> Result<Value> {
        let data = self.given(&["data"]);
        let resolution = self.input.get("conflict_resolution").and_then(Value::as_str);
        let skip = matches!(resolution, Some("skip" | "ignore"));
        let upsert = || {
            json!({
                "rows": data, "match_on": self.given(&["conflict_on"]),
                "on_conflict": if skip { "skip" } else { "update" },
            })
        };
        let (answer, count, verb) = match self.operation {
            "bulk_create" if resolution.is_some() => {
                let answer = self.crud("bulk_upsert", upsert()).await?;
                (answer.clone(), answer["created"].clone(), "inserted")
            }
            "bulk_create" => {
                let answer = self.crud("bulk_create", json!({"rows": data.unwrap_or(&json!([]))})).await?;
                (answer.clone(), answer["created"].clone(), "inserted")
            }
            "bulk_upsert" => {
                let answer = self.crud("bulk_upsert", upsert()).await?;
                let both = answer["created"].as_u64().unwrap_or(0) + answer["updated"].as_u64().unwrap_or(0);
                (answer, both.into(), "upserted")
            }
            "bulk_update" => {
                let input = match data {
                    Some(rows) => json!({"rows": rows}),
                    None => {
                        json!({"filter": self.all_or_filter()?, "data": self.given(&["fields", "update"])})
                    }
                };
                let answer = self.crud("bulk_update", input).await?;
                (answer.clone(), answer["updated"].clone(), "updated")
            }
            _ => {
                let filter = match data {
                    Some(rows) => self.named(rows)?,
                    None => self.all_or_filter()?,
                };
                let answer = self.crud("bulk_delete", json!({"filter": filter})).await?;
                (answer.clone(), answer["deleted"].clone(), "deleted")
            }
        };
        let mut shaped = json!({"processed": count, "operation": self.operation, "success": true});
        shaped[verb] = count.clone();
        if self.operation == "bulk_upsert" {
            shaped["total"] = count;
            for (to, from) in [("inserted", "created"), ("updated", "updated"), ("skipped", "skipped")] {
                shaped[to] = answer[from].clone();
            }
        }
        if self.truth("return_ids") && answer["ids"].is_array() {
            shaped["ids"] = answer["ids"].clone();
        }
        Ok(shaped)
    }

    /// The filter; an empty one means all rows only if that is confirmed.
    fn all_or_filter(&self) -> Result<Value> {
        let filter = self.filter()?;
        if filter.as_object().is_some_and(Map::is_empty) && self.truth("confirmed") {
            let key = self.table().keys()[0].name().to_owned();
            return Ok(json!({key: {"is_null": false}}));
        }
        Ok(filter)
    }

    /// The rows whose keys a list of rows (or of keys) names.
    fn named(&self, rows: &Value) -> Result<Value> {
        let table = self.table();
        let key = |row: &Value| match row {
            Value::Object(members) => {
                let own: Map<String, Value> = members
                    .iter()
                    .filter(|(n, _)| table.keys().iter().any(|c| c.name() == *n))
                    .map(|(n, v)| (n.clone(), v.clone()))
                    .collect();
                table.key_values(&Value::Object(own.clone())).map(|_| table.key_in(&own))
            }
            other => table.key_values(other).map(|_| other.clone()),
        };
        let keys: Vec<Value> = rows.as_array().into_iter().flatten().map(key).collect::<Result<_>>()?;
        Ok(match table.single_key() {
            Some(column) => json!({column.name(): {"in": keys}}),
            None => json!({"or": keys}),
        })
    }
}
