//! The oracle's own tables: the same rows, kept by plain SQL.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::model::Shape;
use super::ops::Row;
use super::values::{Val, ident, quoted, selected};

/// Why plain SQL refused a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The values are taken.
    Taken,
    /// Something else.
    Other(String),
}

/// One row as texts, in the order of the shape's columns.
pub(super) type Texts = Vec<Option<String>>;

/// A schema of the oracle's own beside that of the nodes.
pub(super) struct Shadow<'a> {
    pub(super) client: &'a Client,
    pub(super) shape: &'a Shape,
    pub(super) name: String,
    /// The nodes' own table.
    pub(super) theirs: String,
}

impl<'a> Shadow<'a> {
    pub(super) async fn create(client: &'a Client, shape: &'a Shape, theirs: &str) -> Self {
        let schema = format!("{theirs}_plain");
        let mut lines =
            vec!["tenant text NOT NULL".to_owned(), "deleted bool NOT NULL DEFAULT false".to_owned()];
        for col in &shape.cols {
            let mut line = format!("{} {}", column(&col.name), col.sql_type());
            if let Some(default) = &col.default {
                line += &format!(" DEFAULT {}", default.sql);
            } else if col.name == "row_version" {
                line += " DEFAULT 1";
            }
            lines.push(if col.nullable { line } else { line + " NOT NULL" });
        }
        for (n, set) in shape.uniques().iter().enumerate() {
            let names: Vec<String> = set.iter().map(|c| column(c)).collect();
            // A key is unique across tenants, everything else within one.
            let tenant = if n == 0 { "" } else { "tenant, " };
            lines.push(format!("UNIQUE ({tenant}{})", names.join(", ")));
        }
        let name = format!("{}.rows", ident(&schema));
        let statement =
            format!("CREATE SCHEMA {}; CREATE TABLE {name} ({})", ident(&schema), lines.join(", "));
        client.batch_execute(&statement).await.unwrap_or_else(|e| panic!("{e:?}\n{statement}"));
        Self { client, shape, name, theirs: format!("{}.things", ident(theirs)) }
    }

    pub(super) async fn drop(&self) {
        let schema = self.name.trim_end_matches(".rows");
        self.client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }

    pub(super) async fn begin(&self) {
        self.client.batch_execute("BEGIN").await.unwrap();
    }

    pub(super) async fn end(&self, keep: bool) {
        self.client.batch_execute(if keep { "COMMIT" } else { "ROLLBACK" }).await.unwrap();
    }

    /// Runs a statement; gives the number of rows.
    pub(super) async fn run(&self, statement: &str) -> Result<u64, Refused> {
        let refused = |e: tokio_postgres::Error| match e.code() {
            Some(code) if *code == SqlState::UNIQUE_VIOLATION => Refused::Taken,
            _ => Refused::Other(format!("{e:?}\n{statement}")),
        };
        let messages = self.client.simple_query(statement).await.map_err(refused)?;
        let count = |m: &SimpleQueryMessage| match m {
            SimpleQueryMessage::CommandComplete(n) => Some(*n),
            _ => None,
        };
        Ok(messages.iter().find_map(count).unwrap_or(0))
    }

    /// The rows of a statement as texts.
    pub(super) async fn texts(&self, statement: &str) -> Vec<Texts> {
        let messages =
            self.client.simple_query(statement).await.unwrap_or_else(|e| panic!("{e:?}\n{statement}"));
        let row = |m: &SimpleQueryMessage| match m {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
            }
            _ => None,
        };
        messages.iter().filter_map(row).collect()
    }

    /// Rows of the shape's columns, of what is behind `FROM`.
    pub(super) async fn rows(&self, from: &str) -> Vec<Texts> {
        let list: Vec<String> =
            self.shape.cols.iter().map(|c| selected(c.kind, &format!("r.{}", column(&c.name)))).collect();
        self.texts(&format!("SELECT {} FROM {} AS r {from}", list.join(", "), self.name)).await
    }

    /// Everything that is in the nodes' table and everything that is in this one, in the same form.
    pub(super) async fn both(&self) -> (Vec<Texts>, Vec<Texts>) {
        let mut all = Vec::new();
        for (table, mine) in [(&self.theirs, false), (&self.name, true)] {
            let named = |c: &str| if mine { column(c) } else { ident(c) };
            let mut list: Vec<String> =
                self.shape.cols.iter().map(|c| selected(c.kind, &named(&c.name))).collect();
            if self.shape.tenant {
                list.push(if mine { "tenant" } else { "tenant_id" }.to_owned());
            }
            if self.shape.soft {
                list.push(if mine { "deleted" } else { "deleted_at IS NOT NULL" }.to_owned());
            }
            let keys: Vec<String> = self.shape.keys().iter().map(|c| named(&c.name)).collect();
            all.push(
                self.texts(&format!("SELECT {} FROM {table} ORDER BY {}", list.join(", "), keys.join(", ")))
                    .await,
            );
        }
        let mine = all.pop().unwrap();
        (all.pop().unwrap(), mine)
    }

    /// The condition that a row is one of this tenant, and not deleted unless asked for.
    pub(super) fn scope(&self, tenant: &str, deleted: bool) -> String {
        let alive = if deleted { "" } else { " AND NOT deleted" };
        format!("tenant = {}{alive}", quoted(tenant))
    }

    pub(super) async fn insert(&self, tenant: &str, row: &Row) -> Result<(), Refused> {
        let names: String = row.iter().map(|(n, _)| format!(", {}", column(n))).collect();
        let values: String = row.iter().map(|(_, v)| format!(", {}", v.sql)).collect();
        let statement =
            format!("INSERT INTO {} (tenant{names}) VALUES ({}{values})", self.name, quoted(tenant));
        self.run(&statement).await.map(|_| ())
    }

    /// Inserts a row unless its values are taken; gives whether it did.
    pub(super) async fn insert_or_skip(&self, tenant: &str, row: &Row) -> Result<bool, Refused> {
        self.run("SAVEPOINT one").await?;
        match self.insert(tenant, row).await {
            Ok(()) => Ok(true),
            Err(Refused::Taken) => self.run("ROLLBACK TO SAVEPOINT one").await.map(|_| false),
            Err(other) => Err(other),
        }
    }

    /// Changes rows; counts the change.
    pub(super) async fn update(&self, row: &Row, condition: &str, more: &[&str]) -> Result<u64, Refused> {
        let mut sets: Vec<String> = row.iter().map(|(n, v)| format!("{} = {}", column(n), v.sql)).collect();
        if self.shape.versioned {
            sets.push(format!("{0} = {0} + 1", column("row_version")));
        }
        sets.extend(more.iter().map(ToString::to_string));
        if sets.is_empty() {
            sets.push("deleted = deleted".to_owned());
        }
        self.run(&format!("UPDATE {} SET {} WHERE {condition}", self.name, sets.join(", "))).await
    }

    pub(super) async fn remove(&self, condition: &str) -> Result<u64, Refused> {
        if self.shape.soft {
            return self.update(&Row::new(), condition, &["deleted = true"]).await;
        }
        self.run(&format!("DELETE FROM {} WHERE {condition}", self.name)).await
    }
}

/// The name of a column here: none that the nodes' statements have.
pub(super) fn column(name: &str) -> String {
    ident(&format!("x {name}"))
}

/// The condition that a row has these values.
pub(super) fn same(row: &[(String, Val)]) -> String {
    let parts: Vec<String> = row.iter().map(|(n, v)| format!("{} = {}", column(n), v.sql)).collect();
    parts.join(" AND ")
}
