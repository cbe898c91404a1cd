//! The other witness: plain SQL and plain Redis commands that share nothing with the nodes but the connection pool.

use deadpool_postgres::Object;
use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_services::redis::error as redis_error;
use redis::AsyncCommands as _;
use serde_json::{Map, Value};

use crate::dataflow::DataFlow;
use crate::names;
use crate::sql::failure;
use crate::table::{Role, TENANT_COLUMN, Table};

/// A connection to each service.
pub(super) struct Oracle {
    client: Object,
    redis: redis::aio::ConnectionManager,
    pub(super) prefix: String,
}

impl Oracle {
    pub(super) async fn open(dataflow: &DataFlow) -> Result<Self> {
        let shared = dataflow.shared();
        Ok(Self {
            client: shared.handles.postgres.client().await?,
            redis: shared.handles.redis.connection().await?,
            prefix: shared.prefix.clone(),
        })
    }

    /// Inserts rows as JSON, without the nodes; gives their keys as texts.
    pub(super) async fn insert(&self, table: &Table, rows: &[Map<String, Value>]) -> Result<Vec<Value>> {
        let mut keys = Vec::new();
        for row in rows {
            let columns: Vec<String> = row.keys().map(|k| names::quote(k)).collect::<Result<_>>()?;
            let list = columns.join(", ");
            let statement = format!(
                "INSERT INTO {0} ({list}) SELECT {list} FROM jsonb_populate_record(NULL::{0}, $1) RETURNING {1}",
                table.qualified,
                key_json(table, "")
            );
            let json = Value::Object(row.clone());
            let found = self.client.query_one(&statement, &[&json]).await.map_err(failure)?;
            keys.push(found.try_get(0).map_err(failure)?);
        }
        Ok(keys)
    }

    /// The key as PostgreSQL itself writes it in JSON, from the form in which a node gave it.
    pub(super) async fn key_of(&self, table: &Table, key: &Value) -> Result<Value> {
        let given = match table.single_key() {
            Some(column) => Value::Object([(column.name().to_owned(), key.clone())].into_iter().collect()),
            None => key.clone(),
        };
        let statement = format!(
            "SELECT {1} FROM jsonb_populate_record(NULL::{0}, $1) t",
            table.qualified,
            key_json(table, "t.")
        );
        let found = self.client.query_one(&statement, &[&given]).await.map_err(failure)?;
        found.try_get(0).map_err(failure)
    }

    /// The row with this key as PostgreSQL itself writes it in JSON.
    pub(super) async fn row(&self, table: &Table, key: &Value) -> Result<Option<Map<String, Value>>> {
        let statement =
            format!("SELECT to_jsonb(t) FROM {} t WHERE {} = $1", table.qualified, key_json(table, "t."));
        let found = self.client.query_opt(&statement, &[key]).await.map_err(failure)?;
        let json: Option<Value> = found.map(|r| r.try_get(0)).transpose().map_err(failure)?;
        Ok(json.and_then(|v| v.as_object().cloned()))
    }

    /// One JSON value of a statement written here.
    pub(super) async fn value(&self, statement: &str) -> Result<Value> {
        let found = self.client.query_one(statement, &[]).await.map_err(failure)?;
        let value: Option<Value> = found.try_get(0).map_err(failure)?;
        Ok(value.unwrap_or_default())
    }

    /// Changes one row behind the back of the nodes.
    pub(super) async fn execute(&self, statement: &str, key: &Value) -> Result<u64> {
        self.client.execute(statement, &[key]).await.map_err(failure)
    }

    pub(super) async fn drop_schema(&self, schema: &str) -> Result<()> {
        let statement = format!("DROP SCHEMA IF EXISTS {} CASCADE", names::quote(schema)?);
        self.client.batch_execute(&statement).await.map_err(failure)
    }

    /// The keys that begin with a prefix.
    pub(super) async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let mut redis = self.redis.clone();
        let (mut keys, mut cursor) = (Vec::new(), 0_u64);
        loop {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(1_000);
            let (next, mut found): (u64, Vec<String>) =
                command.query_async(&mut redis).await.map_err(|e| redis_error(&e))?;
            keys.append(&mut found);
            cursor = next;
            if cursor == 0 {
                return Ok(keys);
            }
        }
    }

    /// The text of a Redis key.
    pub(super) async fn cached(&self, key: &str) -> Result<Option<String>> {
        self.redis.clone().get(key).await.map_err(|e| redis_error(&e))
    }

    pub(super) async fn drop_keys(&self, prefix: &str) -> Result<()> {
        for chunk in self.keys(prefix).await?.chunks(500) {
            self.redis.clone().unlink::<_, i64>(chunk).await.map_err(|e| redis_error(&e))?;
        }
        Ok(())
    }
}

/// The key of a row as an SQL expression that gives JSON: the value, or an object of the values.
pub(super) fn key_json(table: &Table, prefix: &str) -> String {
    match table.single_key() {
        Some(key) => format!("to_jsonb({prefix}{})", key.ident),
        None => {
            let parts: Vec<String> = table
                .keys()
                .iter()
                .map(|c| format!("{}, to_jsonb({prefix}{})", names::literal(c.name()), c.ident))
                .collect();
            format!("jsonb_build_object({})", parts.join(", "))
        }
    }
}

/// Whether a row has this key, which may be written in another form.
pub(super) fn has_key(table: &Table, row: &Map<String, Value>, key: &Value) -> bool {
    table.keys().iter().all(|c| {
        let wanted = if table.single_key().is_some() { key } else { &key[c.name()] };
        same(c.field.kind, row.get(c.name()).unwrap_or(&Value::Null), wanted)
    })
}

/// The fields of `given` whose value in PostgreSQL's JSON differs; empty if all are as given.
pub(super) fn differences(
    table: &Table,
    given: &Map<String, Value>,
    stored: &Map<String, Value>,
) -> Result<Vec<String>> {
    let mut different = Vec::new();
    for (name, value) in given {
        let column = table.column(name)?;
        if column.role == Role::Tenant || name == TENANT_COLUMN {
            continue;
        }
        if !same(column.field.kind, value, stored.get(name).unwrap_or(&Value::Null)) {
            different.push(name.clone());
        }
    }
    Ok(different)
}

/// Whether two JSON forms mean the same value of a field.
pub(super) fn same(kind: FieldType, a: &Value, b: &Value) -> bool {
    let plain = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    match kind {
        _ if a.is_null() || b.is_null() => a.is_null() && b.is_null(),
        FieldType::Timestamp => {
            let instant = |v: &Value| crate::value::timestamp(&plain(v)).ok();
            instant(a).is_some() && instant(a) == instant(b)
        }
        FieldType::Bytes | FieldType::Time => plain(a).eq_ignore_ascii_case(&plain(b)),
        FieldType::Float | FieldType::Decimal | FieldType::Integer => {
            let (a, b) = (plain(a), plain(b));
            a == b
                || a.parse::<f64>()
                    .ok()
                    .zip(b.parse::<f64>().ok())
                    .is_some_and(|(x, y)| x.total_cmp(&y).is_eq())
        }
        FieldType::FloatArray => {
            let numbers = |v: &Value| v.as_array().map(|a| a.iter().map(Value::as_f64).collect::<Vec<_>>());
            numbers(a).is_some() && numbers(a) == numbers(b)
        }
        _ => a == b,
    }
}

/// The error of an effect that was not seen.
pub(super) fn unseen(message: impl Into<String>) -> Error {
    Error::new(&crate::codes::EFFECT_NOT_SEEN, message)
}
