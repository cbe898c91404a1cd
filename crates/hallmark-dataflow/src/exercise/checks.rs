//! One check for each kind: what the node claims against what the oracle sees.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use hallmark_workflow::{Context, Registry};
use serde_json::{Map, Value, json};

use super::oracle::{Oracle, differences, same, unseen};
use super::{Seen, generate};
use crate::codes;
use crate::sensitivity::Masking;
use crate::table::{Column, Role, Table};

/// One node of one model under trial.
pub(super) struct Trial<'a> {
    pub(super) table: &'a Table,
    pub(super) registry: &'a Registry,
    pub(super) context: &'a Context,
    pub(super) name: &'a str,
    pub(super) oracle: &'a Oracle,
}

/// The first row number of each kind, so that rows of one check do not collide with those of another.
fn numbers(kind: &str) -> u64 {
    let at = crate::nodes::KINDS.iter().position(|k| k.name() == kind).unwrap_or(0);
    100 + 20 * at as u64
}

impl Trial<'_> {
    pub(super) async fn run(&self, kind: &str) -> Seen {
        let first = numbers(kind);
        match kind {
            "CRUD" => self.crud(first).await,
            "Search" => self.search(first).await,
            "Analytics" => self.analytics(first).await,
            "Export" => self.export(first).await,
            "Import" => self.import(first).await,
            "Validate" => self.validate(first).await,
            "Transform" => self.transform(first).await,
            "Aggregate" => self.aggregate(first).await,
            "Cache" => self.cache(first).await,
            other => Err(unseen(format!("there is no check for the kind {other}"))),
        }
    }

    async fn call(&self, input: Value) -> Result<Value> {
        let input = input.as_object().cloned().unwrap_or_default();
        self.registry.call(self.name, self.context, input).await
    }

    fn rows(&self, first: u64, count: u64) -> Vec<Map<String, Value>> {
        (first..first + count).map(|n| generate::row(self.table, n)).collect()
    }

    /// Puts rows in behind the back of the node; gives their keys.
    async fn seed(&self, first: u64, count: u64) -> Result<Vec<Value>> {
        self.oracle.insert(self.table, &self.rows(first, count)).await
    }

    fn key(&self) -> &str {
        self.table.key().name()
    }

    /// A field that an update can change, with another value; empty if the model has none.
    fn change(&self, n: u64) -> Map<String, Value> {
        let mut row = generate::row(self.table, n);
        let changeable = |c: &&Column| {
            c.role == Role::Data && c.field.kind != FieldType::FloatArray && c.field.choices.len() != 1
        };
        let column = self.table.columns.iter().find(changeable);
        column.and_then(|c| row.remove(c.name()).map(|v| (c.name().to_owned(), v))).into_iter().collect()
    }

    async fn stored(&self, key: &Value) -> Result<Map<String, Value>> {
        self.oracle.row(self.table, key).await?.ok_or_else(|| unseen(format!("no row has the key {key}")))
    }

    fn expect_same(&self, given: &Map<String, Value>, stored: &Map<String, Value>, what: &str) -> Result<()> {
        let different = differences(self.table, given, stored)?;
        if different.is_empty() {
            Ok(())
        } else {
            Err(unseen(format!("after {what} the table differs in {}", different.join(", "))))
        }
    }

    async fn crud(&self, first: u64) -> Seen {
        let given = generate::row(self.table, first);
        let answer = self.call(json!({"operation": "create", "data": given})).await?;
        let id = answer["row"][self.key()].clone();
        self.expect_same(&given, &self.stored(&id).await?, "create")?;
        let read = self.call(json!({"operation": "read", "id": id, "include_pii": true})).await?;
        let row = read["row"].as_object().ok_or_else(|| unseen("read gave no row"))?;
        for (name, value) in &given {
            let kind = self.table.column(name)?.field.kind;
            if !same(kind, value, row.get(name).unwrap_or(&Value::Null)) {
                return Err(unseen(format!("read gave another {name} than was created")));
            }
        }
        let change = self.change(first + 1);
        if self.table.append_only() {
            let update = self.call(json!({"operation": "update", "id": id, "data": change})).await;
            return match update {
                Err(error) if error.is(&codes::APPEND_ONLY) => {
                    let detail = "created and read a row; changing it was refused, as declared";
                    Ok((detail.to_owned(), json!([given])))
                }
                _ => Err(unseen("a row of an append-only model was changed")),
            };
        }
        if !change.is_empty() {
            self.call(json!({"operation": "update", "id": id, "data": change})).await?;
            self.expect_same(&change, &self.stored(&id).await?, "update")?;
        }
        self.call(json!({"operation": "delete", "id": id})).await?;
        let after = self.oracle.row(self.table, &id).await?;
        let gone = match (&after, self.table.with_role(Role::DeletedAt)) {
            (None, None) => true,
            (Some(row), Some(deleted)) => row.get(deleted.name()).is_some_and(|v| !v.is_null()),
            _ => false,
        };
        if !gone {
            return Err(unseen("delete left the row as it was"));
        }
        Ok((
            format!("created, read, updated and deleted a row of {} fields", given.len()),
            json!([given, change]),
        ))
    }

    async fn search(&self, first: u64) -> Seen {
        let keys = self.seed(first, 5).await?;
        let wanted = &keys[1..4];
        let filter = json!({self.key(): {"in": wanted}});
        let sort = json!([format!("-{}", self.key())]);
        let answer = self.call(json!({"filter": filter, "sort": sort, "limit": 2})).await?;
        let cursor = answer["next_cursor"].clone();
        let more = self.call(json!({"filter": filter, "sort": sort, "limit": 2, "cursor": cursor})).await?;
        let pages = answer["rows"].as_array().into_iter().chain(more["rows"].as_array()).flatten();
        let found: Vec<Value> = pages.map(|r| r[self.key()].clone()).collect();
        let expected: Vec<Value> = wanted.iter().rev().cloned().collect();
        if found != expected {
            return Err(unseen(format!("two pages should hold {expected:?} and hold {found:?}")));
        }
        let Some(field) = self.table.options.search_fields.first() else {
            return Ok(("found 3 rows by filter over two pages".to_owned(), json!(wanted.len())));
        };
        let number = format!("{:04}", first + 2);
        let ranked = self.call(json!({"query": number, "filter": filter})).await?;
        let hits: Vec<Value> =
            ranked["rows"].as_array().into_iter().flatten().map(|r| r[self.key()].clone()).collect();
        if hits != [keys[2].clone()] {
            return Err(unseen(format!(
                "full text over {field} should find one row and found {}",
                hits.len()
            )));
        }
        Ok((
            "found 3 rows by filter over two pages, and one by full text".to_owned(),
            json!([wanted.len(), number]),
        ))
    }

    /// `count(*)` of the rows that a caller sees.
    async fn visible(&self, condition: &str) -> Result<Value> {
        let live = self
            .table
            .with_role(Role::DeletedAt)
            .map_or_else(|| "true".to_owned(), |c| format!("{} IS NULL", c.ident));
        self.oracle
            .value(&format!(
                "SELECT to_jsonb(count(*)) FROM {} WHERE {live} AND {condition}",
                self.table.qualified
            ))
            .await
    }

    async fn analytics(&self, first: u64) -> Seen {
        self.seed(first, 4).await?;
        let profile = self.call(json!({"operation": "profile"})).await?;
        let total = self.visible("true").await?;
        if profile["rows"] != total || total == json!(0) {
            return Err(unseen(format!(
                "the profile counts {} rows and the table has {total}",
                profile["rows"]
            )));
        }
        for column in self.table.shown().filter(|c| c.role == Role::Data) {
            let nulls = self.visible(&format!("{} IS NULL", column.ident)).await?;
            if profile["fields"][column.name()]["nulls"] != nulls {
                return Err(unseen(format!("the profile's nulls of {} are not {nulls}", column.name())));
            }
        }
        let by = self.key();
        let top = self
            .call(json!({"operation": "top_n", "field": by, "limit": 1, "filter": {by: {"is_null": false}}}))
            .await?;
        if top["top"][0]["value"] != json!(1) {
            return Err(unseen("the most frequent key does not occur exactly once"));
        }
        Ok((
            "profiled the table: rows and nulls of every field agree".to_owned(),
            json!([total, self.table.columns.len()]),
        ))
    }

    async fn export(&self, first: u64) -> Seen {
        let given = self.rows(first, 3);
        let keys = self.oracle.insert(self.table, &given).await?;
        let input = json!({"format": "jsonl", "filter": {self.key(): {"in": keys}}, "sort": [self.key()]});
        let answer = self.call(input).await?;
        let lines: Vec<Map<String, Value>> = answer["content"]
            .as_str()
            .unwrap_or_default()
            .lines()
            .filter_map(|l| serde_json::from_str(l).ok())
            .collect();
        if lines.len() != given.len() || answer["rows"] != json!(given.len()) {
            return Err(unseen(format!("{} rows should be exported and {} were", given.len(), lines.len())));
        }
        for (line, row) in lines.iter().zip(&given) {
            for (name, value) in row {
                let column = self.table.column(name)?;
                let masked = Masking::Personal.hides(column.sensitivity);
                let exported = line.get(name).unwrap_or(&Value::Null);
                if masked == same(column.field.kind, value, exported) {
                    let what = if masked { "not masked" } else { "another value" };
                    return Err(unseen(format!("{name} was exported with {what}")));
                }
            }
        }
        Ok((format!("exported {} rows, personal fields masked", lines.len()), json!(given)))
    }

    async fn import(&self, first: u64) -> Seen {
        let given = self.rows(first, 3);
        let text: String = given.iter().map(|r| format!("{}\n", Value::Object(r.clone()))).collect();
        let before = self.visible("true").await?;
        let dry = self.call(json!({"format": "jsonl", "content": text, "dry_run": true})).await?;
        if self.visible("true").await? != before || dry["imported"] != json!(3) {
            return Err(unseen("a dry run changed the table or did not count 3 rows"));
        }
        self.call(json!({"format": "jsonl", "content": text})).await?;
        let statement = format!(
            "SELECT jsonb_agg(to_jsonb(t) ORDER BY {0}) FROM (SELECT * FROM {1} ORDER BY {2} DESC, {0} DESC LIMIT 3) t",
            self.table.key().ident,
            self.table.qualified,
            self.table
                .with_role(Role::CreatedAt)
                .map_or(self.table.key().ident.as_str(), |c| c.ident.as_str()),
        );
        let stored = self.oracle.value(&statement).await?;
        let stored: Vec<Map<String, Value>> =
            stored.as_array().into_iter().flatten().filter_map(|v| v.as_object().cloned()).collect();
        if stored.len() != 3 {
            return Err(unseen("3 rows were imported and are not in the table"));
        }
        for (row, stored) in given.iter().zip(&stored) {
            self.expect_same(row, stored, "import")?;
        }
        Ok(("imported 3 rows, after a dry run that changed nothing".to_owned(), json!(given)))
    }

    async fn validate(&self, first: u64) -> Seen {
        self.seed(first, 1).await?;
        let good = generate::row(self.table, first + 5);
        let mut bad = generate::row(self.table, first + 6);
        let typed = |c: &&Column| c.role == Role::Data && c.field.kind != FieldType::Json;
        // A model without a typed field still knows which fields it has.
        let (field, wrong) = match self.table.columns.iter().find(typed) {
            Some(column) if column.field.kind == FieldType::Object => (column.name(), json!(1)),
            Some(column) => (column.name(), json!({"not": "this"})),
            None => ("no_such_field", json!(1)),
        };
        bad.insert(field.to_owned(), wrong);
        let answer = self.call(json!({"operation": "rows", "rows": [good, bad]})).await?;
        let problem = &answer["problems"][0];
        if answer["valid"] != json!(false)
            || answer["invalid_rows"] != json!(1)
            || problem["row"] != json!(2)
            || problem["field"] != json!(field)
        {
            return Err(unseen(format!("one wrong {field} in the second row should be told: {answer}")));
        }
        let quality = self.call(json!({"operation": "quality"})).await?;
        let total = self.visible("true").await?;
        if quality["rows"] != total {
            return Err(unseen(format!(
                "the quality report counts {} rows and the table has {total}",
                quality["rows"]
            )));
        }
        Ok((
            format!("told a wrong {field} from a good row, and reported on {total} rows"),
            json!([field, total]),
        ))
    }

    async fn transform(&self, first: u64) -> Seen {
        let keys = self.seed(first, 2).await?;
        let key = self.key();
        let steps = json!([{"keep": [key]}, {"compute": {"_twice": format!("concat({key}, '|', {key})")}}, {"rename": {key: "_key"}}]);
        let answer = self.call(json!({"filter": {key: {"in": keys}}, "sort": [key], "steps": steps})).await?;
        let statement = format!(
            "SELECT jsonb_agg(jsonb_build_object('_key', {0}, '_twice', {0}::text || '|' || {0}::text) ORDER BY {0}) FROM {1} WHERE to_jsonb({0}) IN ({2})",
            self.table.key().ident,
            self.table.qualified,
            keys.iter()
                .map(|k| format!("{}::jsonb", crate::names::literal(&k.to_string())))
                .collect::<Vec<_>>()
                .join(", "),
        );
        let expected = self.oracle.value(&statement).await?;
        if answer["rows"] != expected {
            return Err(unseen(format!("the rows should be {expected} and are {}", answer["rows"])));
        }
        Ok(("kept, computed and renamed fields of 2 rows as SQL does".to_owned(), json!(keys.len())))
    }

    async fn aggregate(&self, first: u64) -> Seen {
        self.seed(first, 4).await?;
        let fit = |c: &&Column| {
            matches!(c.field.kind, FieldType::Boolean | FieldType::Text | FieldType::Integer)
                && !Masking::Secrets.hides(c.sensitivity)
        };
        let data = self.table.shown().filter(|c| c.role == Role::Data).find(fit);
        let group = data.unwrap_or_else(|| self.table.key());
        // There is no max() of a UUID.
        let most = if self.table.key().field.kind == FieldType::Uuid { "count" } else { "max" };
        let measures =
            json!([{"function": "count", "as": "n"}, {"function": most, "field": self.key(), "as": "most"}]);
        let answer = self.call(json!({"group_by": [group.name()], "measures": measures})).await?;
        let live = self.table.with_role(Role::DeletedAt);
        let live = live.map_or_else(|| "true".to_owned(), |c| format!("{} IS NULL", c.ident));
        let statement = format!(
            "SELECT jsonb_agg(to_jsonb(g) ORDER BY g.k) FROM (SELECT {} AS k, count(*) AS n, {most}({}) AS most FROM {} WHERE {live} GROUP BY 1) g",
            group.ident,
            self.table.key().ident,
            self.table.qualified
        );
        let expected = self.oracle.value(&statement).await?;
        let groups = answer["groups"].as_array().into_iter().flatten();
        let found: Vec<Value> =
            groups.map(|g| json!({"k": g[group.name()], "n": g["n"], "most": g["most"]})).collect();
        if json!(found) != expected {
            let name = group.name();
            return Err(unseen(format!("the groups by {name} should be {expected} and are {found:?}")));
        }
        let detail = format!("grouped by {}: {} groups agree", group.name(), found.len());
        Ok((detail, json!([group.name(), found.len()])))
    }

    async fn cache(&self, first: u64) -> Seen {
        let keys = self.seed(first, 1).await?;
        let get = json!({"operation": "get", "id": keys[0]});
        let source = |answer: &Value| answer["source"].as_str().unwrap_or_default().to_owned();
        let (cold, warm) = (self.call(get.clone()).await?, self.call(get.clone()).await?);
        if (source(&cold).as_str(), source(&warm).as_str()) != ("database", "cache")
            || cold["row"] != warm["row"]
        {
            return Err(unseen(format!(
                "the first answer came from {:?}, the second from {:?}",
                source(&cold),
                source(&warm)
            )));
        }
        let prefix =
            format!("{}:dataflow:{}:{}:", self.oracle.prefix, self.table.schema, self.table.model.name);
        let entry = self.oracle.keys(&prefix).await?.into_iter().find(|k| k.contains(":row:"));
        let text = match &entry {
            Some(key) => self.oracle.cached(key).await?.unwrap_or_default(),
            None => return Err(unseen("Redis has no entry of the row")),
        };
        let cached: Value = serde_json::from_str(&text).unwrap_or_default();
        if cached[self.key()] != keys[0] {
            return Err(unseen("the entry in Redis is another row"));
        }
        // Changed behind its back, the entry must still answer; forgotten, the change must be seen.
        let change = self.change(first + 1);
        let Some((name, value)) = change.iter().next() else {
            return Ok(("read through Redis and kept".to_owned(), json!(keys.len())));
        };
        let column = self.table.column(name)?;
        let statement = format!(
            "UPDATE {} SET {} = {}::{} WHERE to_jsonb({}) = $1",
            self.table.qualified,
            column.ident,
            crate::names::literal(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            column.sql_type,
            self.table.key().ident
        );
        self.oracle.execute(&statement, &keys[0]).await?;
        let stale = self.call(get.clone()).await?;
        self.call(json!({"operation": "invalidate", "id": keys[0]})).await?;
        let fresh = self.call(get).await?;
        let seen =
            Masking::Secrets.hides(column.sensitivity) || same(column.field.kind, value, &fresh["row"][name]);
        if stale["row"] != warm["row"] || source(&fresh) != "database" || !seen {
            return Err(unseen("a forgotten entry was not read from the database again"));
        }
        Ok(("read through Redis, kept, forgot and read again".to_owned(), json!([change])))
    }
}
