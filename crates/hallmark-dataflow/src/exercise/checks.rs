//! One check for each kind: what the node claims against what the oracle sees.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use hallmark_workflow::{Context, Registry};
use serde_json::{Map, Value, json};

use super::oracle::{Oracle, differences, has_key, key_json, same, unseen};
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

    /// The first column of the key.
    fn key(&self) -> &Column {
        self.table.keys()[0]
    }

    /// The names of the key's columns, to sort by.
    fn sorted(&self, sign: &str) -> Vec<String> {
        self.table.keys().iter().map(|c| format!("{sign}{}", c.name())).collect()
    }

    /// The rows with these keys.
    fn with_keys(&self, keys: &[Value]) -> Value {
        match self.table.single_key() {
            Some(key) => json!({key.name(): {"in": keys}}),
            None => json!({"or": keys}),
        }
    }

    /// The same keys in the order that PostgreSQL gives them.
    async fn in_order(&self, keys: &[Value], direction: &str) -> Result<Vec<Value>> {
        let order: Vec<String> =
            self.table.keys().iter().map(|c| format!("{} {direction}", c.ident)).collect();
        let statement = format!(
            "SELECT jsonb_agg({} ORDER BY {}) FROM {} WHERE {} IN ({})",
            key_json(self.table, ""),
            order.join(", "),
            self.table.qualified,
            key_json(self.table, ""),
            literals(keys),
        );
        Ok(self.oracle.value(&statement).await?.as_array().cloned().unwrap_or_default())
    }

    /// The rows' keys, where each is the expected one.
    fn are(&self, rows: &[&Value], expected: &[Value]) -> bool {
        rows.len() == expected.len()
            && rows
                .iter()
                .zip(expected)
                .all(|(row, key)| row.as_object().is_some_and(|row| has_key(self.table, row, key)))
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
        let row = answer["row"].as_object().ok_or_else(|| unseen("create gave no row"))?;
        let id = self.oracle.key_of(self.table, &self.table.key_in(row)).await?;
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
        let filter = self.with_keys(wanted);
        let sort = json!(self.sorted("-"));
        let answer = self.call(json!({"filter": filter, "sort": sort, "limit": 2})).await?;
        let cursor = answer["next_cursor"].clone();
        let more = self.call(json!({"filter": filter, "sort": sort, "limit": 2, "cursor": cursor})).await?;
        let found: Vec<&Value> =
            answer["rows"].as_array().into_iter().chain(more["rows"].as_array()).flatten().collect();
        let expected = self.in_order(wanted, "DESC").await?;
        if !self.are(&found, &expected) {
            return Err(unseen(format!("two pages should hold {expected:?} and hold {found:?}")));
        }
        let Some(field) = crate::schema::searched(self.table).map(Column::name).next() else {
            return Ok(("found 3 rows by filter over two pages".to_owned(), json!(wanted.len())));
        };
        let number = format!("{:04}", first + 2);
        let ranked = self.call(json!({"query": number, "filter": filter})).await?;
        let hits: Vec<&Value> = ranked["rows"].as_array().into_iter().flatten().collect();
        if !self.are(&hits, &keys[2..3]) {
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

    /// The condition that a row was not deleted.
    fn live(&self) -> String {
        let deleted = self.table.with_role(Role::DeletedAt);
        deleted.map_or_else(|| "true".to_owned(), |c| format!("{} IS NULL", c.ident))
    }

    /// `count(*)` of the rows that a caller sees.
    async fn visible(&self, condition: &str) -> Result<Value> {
        let live = self.live();
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
        let by = self.key().name();
        let top = self
            .call(json!({"operation": "top_n", "field": by, "limit": 1, "filter": {by: {"is_null": false}}}))
            .await?;
        let live = self.live();
        let most = self
            .oracle
            .value(&format!(
                "SELECT to_jsonb(max(n)) FROM (SELECT count(*) AS n FROM {} WHERE {live} GROUP BY {}) g",
                self.table.qualified,
                self.key().ident
            ))
            .await?;
        if top["top"][0]["value"] != most {
            return Err(unseen(format!("the most frequent {by} should occur {most} times")));
        }
        Ok((
            "profiled the table: rows and nulls of every field agree".to_owned(),
            json!([total, self.table.columns.len()]),
        ))
    }

    async fn export(&self, first: u64) -> Seen {
        let given = self.rows(first, 3);
        let keys = self.oracle.insert(self.table, &given).await?;
        let input = json!({"format": "jsonl", "filter": self.with_keys(&keys), "sort": self.sorted("")});
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
        for (key, row) in keys.iter().zip(&given) {
            let line = lines.iter().find(|l| has_key(self.table, l, key));
            let line = line.ok_or_else(|| unseen(format!("the row {key} was not exported")))?;
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
        // The key says which row is which, or, where the database makes it, the order in which they were put in.
        let newest =
            self.table.with_role(Role::CreatedAt).map_or(String::new(), |c| format!("{} DESC, ", c.ident));
        let keys: Vec<String> = self.table.keys().iter().map(|c| format!("{} DESC", c.ident)).collect();
        let statement = format!(
            "SELECT jsonb_agg(to_jsonb(t)) FROM (SELECT * FROM {} ORDER BY {newest}{} LIMIT 3) t",
            self.table.qualified,
            keys.join(", "),
        );
        let stored = self.oracle.value(&statement).await?;
        let mut stored: Vec<Map<String, Value>> =
            stored.as_array().into_iter().flatten().filter_map(|v| v.as_object().cloned()).collect();
        stored.reverse();
        if stored.len() != 3 {
            return Err(unseen("3 rows were imported and are not in the table"));
        }
        let counted = self.table.keys().iter().any(|c| c.identity);
        for (i, row) in given.iter().enumerate() {
            let key = self.table.key_in(row);
            let mut found = stored.iter();
            let found = if counted { found.nth(i) } else { found.find(|s| has_key(self.table, s, &key)) };
            let found =
                found.ok_or_else(|| unseen(format!("the row {key} was imported and is not there")))?;
            self.expect_same(row, found, "import")?;
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
        // Texts of these types are the same in an expression and in SQL; a row of another key is told by a constant.
        let plain =
            |c: &&&Column| matches!(c.field.kind, FieldType::Integer | FieldType::Text | FieldType::Uuid);
        let columns = self.table.keys();
        let plain = columns.iter().find(plain).copied();
        let kept: Vec<&str> = plain.map(Column::name).into_iter().collect();
        let twice = plain.map_or("'x|x'".to_owned(), |c| format!("concat({0}, '|', {0})", c.name()));
        let mut steps = vec![json!({"compute": {"_twice": twice}})];
        let keep: Vec<&str> = kept.iter().copied().chain(["_twice"]).collect();
        steps.push(json!({"keep": keep}));
        steps.extend(kept.iter().map(|k| json!({"rename": {*k: "_key"}})));
        let filter = self.with_keys(&keys);
        let answer = self.call(json!({"filter": filter, "sort": self.sorted(""), "steps": steps})).await?;
        let object = plain.map_or("jsonb_build_object('_twice', 'x|x')".to_owned(), |c| {
            format!("jsonb_build_object('_key', {0}, '_twice', {0}::text || '|' || {0}::text)", c.ident)
        });
        let statement = format!(
            "SELECT jsonb_agg({object} ORDER BY {}) FROM {} WHERE {} IN ({})",
            self.table.key_idents(""),
            self.table.qualified,
            key_json(self.table, ""),
            literals(&keys),
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
                && !Masking::Personal.hides(c.sensitivity)
        };
        let data = self.table.shown().filter(|c| c.role == Role::Data).find(fit);
        let group = data.unwrap_or_else(|| self.key());
        // There is no max() of a UUID, and other types are written in several ways.
        let ordered = matches!(self.key().field.kind, FieldType::Integer | FieldType::Text);
        let (most, key) = (if ordered { "max" } else { "count" }, self.key().name());
        let measures =
            json!([{"function": "count", "as": "n"}, {"function": most, "field": key, "as": "most"}]);
        let answer = self.call(json!({"group_by": [group.name()], "measures": measures})).await?;
        let live = self.live();
        let statement = format!(
            "SELECT jsonb_agg(to_jsonb(g) ORDER BY g.k) FROM (SELECT {} AS k, count(*) AS n, {most}({}) AS most FROM {} WHERE {live} GROUP BY 1) g",
            group.ident,
            self.key().ident,
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
        // Before the row stands who made it and when.
        let kept = hallmark_services::redis::lease::parts(&text).map_or("", |(_, _, row)| row);
        let cached: Value = serde_json::from_str(kept).unwrap_or_default();
        if !cached.as_object().is_some_and(|row| has_key(self.table, row, &keys[0])) {
            return Err(unseen("the entry in Redis is another row"));
        }
        // Changed behind its back, the entry must still answer; forgotten, the change must be seen.
        let change = self.change(first + 1);
        let Some((name, value)) = change.iter().next() else {
            return Ok(("read through Redis and kept".to_owned(), json!(keys.len())));
        };
        let column = self.table.column(name)?;
        let statement = format!(
            "UPDATE {} SET {} = {}::{} WHERE {} = $1",
            self.table.qualified,
            column.ident,
            crate::names::literal(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            column.sql_type,
            key_json(self.table, "")
        );
        self.oracle.execute(&statement, &keys[0]).await?;
        let stale = self.call(get.clone()).await?;
        self.call(json!({"operation": "invalidate", "id": keys[0]})).await?;
        let fresh = self.call(get).await?;
        let seen =
            Masking::Secrets.hides(column.sensitivity) || same(column.field.kind, value, &fresh["row"][name]);
        // A model that is told of changes may have forgotten by itself.
        let kept = self.table.options.cache_notify || stale["row"] == warm["row"];
        if !kept || source(&fresh) != "database" || !seen {
            return Err(unseen("a forgotten entry was not read from the database again"));
        }
        Ok(("read through Redis, kept, forgot and read again".to_owned(), json!([change])))
    }
}

/// Keys as a list of JSON literals.
fn literals(keys: &[Value]) -> String {
    let texts: Vec<String> =
        keys.iter().map(|k| format!("{}::jsonb", crate::names::literal(&k.to_string()))).collect();
    texts.join(", ")
}
