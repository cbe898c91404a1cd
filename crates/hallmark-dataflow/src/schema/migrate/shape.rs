//! What a schema's tables are like, in the words of PostgreSQL itself.
//!
//! Wanted and found tables are both read from the catalogue by the same statements, so that a default, a check or a predicate
//! is compared in the one form that the server gives it. Texts of others are never parsed.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_core::Result;
use serde::{Deserialize, Serialize};
use tokio_postgres::GenericClient;

use crate::names;
use crate::nodes::import::{IMPORTS, REFUSALS};
use crate::schema::triggers;
use crate::sql::failure;

/// The table that migrations are recorded in; it is none of the models'.
pub(crate) const HISTORY: &str = "hallmark_migrations";
/// The tables beside the models' that are Hallmark's own.
pub(crate) const OWN: [&str; 4] = [HISTORY, IMPORTS, REFUSALS, triggers::AUDIT];

/// The tables of a schema by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// The tables.
    pub(crate) tables: BTreeMap<String, TableShape>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableShape {
    /// Its columns as they lie in it.
    pub(crate) columns: Vec<ColumnShape>,
    /// Keys, checks, foreign keys by name.
    pub(crate) constraints: BTreeMap<String, ConstraintShape>,
    /// Indexes by name, without those of constraints.
    pub(crate) indexes: BTreeMap<String, IndexShape>,
    /// Hallmark's own triggers by name; those of others are not looked at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) triggers: BTreeMap<String, TriggerShape>,
}

/// One of Hallmark's own triggers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TriggerShape {
    /// Its text, which names tables and functions alone.
    pub(crate) definition: String,
    /// The function that it calls.
    pub(crate) function: String,
    /// The function's text, `{schema}` for the schema.
    pub(crate) body: String,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ColumnShape {
    /// The name.
    pub(crate) name: String,
    /// The type as PostgreSQL writes it.
    pub(crate) kind: String,
    /// The collation, quoted, if it is not the type's own.
    pub(crate) collation: Option<String>,
    /// Whether nulls are refused.
    pub(crate) not_null: bool,
    /// The default's expression.
    pub(crate) default: Option<String>,
    /// `ALWAYS` or `BY DEFAULT` for an identity column.
    pub(crate) identity: Option<String>,
    /// Whether `default` is what the column is computed from.
    pub(crate) generated: bool,
}

/// What a constraint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConstraintKind {
    /// The primary key.
    Key,
    /// A unique constraint.
    Unique,
    /// A foreign key.
    Reference,
    /// A check.
    Check,
    /// An exclusion constraint.
    Exclusion,
}

/// One constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConstraintShape {
    /// What it is.
    pub(crate) kind: ConstraintKind,
    /// The constrained columns.
    pub(crate) columns: Vec<String>,
    /// Its text, without `NOT VALID`.
    pub(crate) definition: String,
    /// Whether the rows that were there were looked at.
    pub(crate) validated: bool,
    /// The table and columns that a foreign key refers to.
    pub(crate) target: Option<(String, Vec<String>)>,
    /// The text of its index from `USING` on.
    pub(crate) index: Option<String>,
}

/// One index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexShape {
    /// Its text from `USING` on.
    pub(crate) definition: String,
    /// Whether it is unique.
    pub(crate) unique: bool,
    /// Whether it is complete; one that was cut off while it was built is not.
    pub(crate) valid: bool,
    /// The columns that it orders by, without those in expressions and those that it only carries.
    pub(crate) columns: Vec<String>,
    /// Whether it is over expressions.
    pub(crate) expressions: bool,
    /// The predicate of a partial index.
    pub(crate) predicate: Option<String>,
}

impl TableShape {
    /// The column of this name.
    #[must_use]
    pub(crate) fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The primary key.
    #[must_use]
    pub(crate) fn key(&self) -> Option<(&String, &ConstraintShape)> {
        self.constraints.iter().find(|(_, c)| c.kind == ConstraintKind::Key)
    }
}

impl Shape {
    /// The tables of these names only.
    #[must_use]
    pub(crate) fn only(&self, names: &BTreeSet<String>) -> Self {
        let tables = self.tables.iter().filter(|(name, _)| names.contains(*name));
        Self { tables: tables.map(|(name, table)| (name.clone(), table.clone())).collect() }
    }

    /// The names of the tables.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.tables.keys().cloned().collect()
    }

    /// The same for shapes that differ in nothing but the order of columns.
    pub(crate) fn digest(&self) -> String {
        let mut sorted = self.clone();
        sorted.tables.values_mut().for_each(|t| t.columns.sort());
        let text = serde_json::to_vec(&sorted).unwrap_or_default();
        hallmark_core::digest::sha256(&text)
    }

    /// Reads the tables of a schema. The search path of the transaction is set to it, so that texts name its tables alone; call
    /// it in a transaction that ends soon.
    pub(crate) async fn read(client: &impl GenericClient, schema: &str) -> Result<Self> {
        Self::read_beside(client, schema, None).await
    }

    /// As [`Shape::read`], of tables whose types may be in the schema `home`, so that texts name these alone too.
    pub(crate) async fn read_beside(
        client: &impl GenericClient,
        schema: &str,
        home: Option<&str>,
    ) -> Result<Self> {
        let mut path = format!("SET LOCAL search_path = {}", names::quote(schema)?);
        if let Some(home) = home {
            path.push_str(", ");
            path.push_str(&names::quote(home)?);
        }
        client.batch_execute(&path).await.map_err(failure)?;
        let mut shape = Self::default();
        shape.read_columns(client, schema).await?;
        shape.read_constraints(client, schema).await?;
        shape.read_indexes(client, schema).await?;
        shape.read_triggers(client, schema).await?;
        client.batch_execute("SET LOCAL search_path TO DEFAULT").await.map_err(failure)?;
        Ok(shape)
    }

    async fn read_columns(&mut self, client: &impl GenericClient, schema: &str) -> Result<()> {
        let text = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 THEN a.attcollation::regcollation::text END,
                a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
                CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END, a.attgenerated <> ''
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_type t ON t.oid = a.atttypid
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL ($2)
            ORDER BY c.relname, a.attnum";
        for row in client.query(text, &[&schema, &OWN.as_slice()]).await.map_err(failure)? {
            let table = self.tables.entry(row.get(0)).or_default();
            // A table may have no column at all.
            let Some(name) = row.get::<_, Option<String>>(1) else { continue };
            table.columns.push(ColumnShape {
                name,
                kind: row.get(2),
                collation: row.get(3),
                not_null: row.get(4),
                default: row.get(5),
                identity: row.get(6),
                generated: row.get(7),
            });
        }
        Ok(())
    }

    async fn read_constraints(&mut self, client: &impl GenericClient, schema: &str) -> Result<()> {
        let text = format!(
            "SELECT c.relname::text, k.conname::text, k.contype::text, pg_get_constraintdef(k.oid, true), k.convalidated,
                {}, f.relname::text, {}, {}
            FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_class f ON f.oid = k.confrelid LEFT JOIN pg_class i ON i.oid = k.conindid AND k.contype <> 'f'
            LEFT JOIN pg_index x ON x.indexrelid = i.oid
            WHERE n.nspname = $1 AND k.contype IN ('p', 'u', 'f', 'c', 'x')",
            columns_of("k.conkey", "k.conrelid"),
            columns_of("k.confkey", "k.confrelid"),
            index_text("i", "c"),
        );
        for row in client.query(&text, &[&schema]).await.map_err(failure)? {
            let Some(table) = self.tables.get_mut(row.get::<_, &str>(0)) else { continue };
            let kind = match row.get::<_, &str>(2) {
                "p" => ConstraintKind::Key,
                "u" => ConstraintKind::Unique,
                "f" => ConstraintKind::Reference,
                "c" => ConstraintKind::Check,
                _ => ConstraintKind::Exclusion,
            };
            let definition: String = row.get(3);
            let target = row.get::<_, Option<String>>(6).map(|t| (t, row.get(7)));
            table.constraints.insert(
                row.get(1),
                ConstraintShape {
                    kind,
                    columns: row.get(5),
                    definition: definition.trim_end_matches(" NOT VALID").to_owned(),
                    validated: row.get(4),
                    target,
                    index: row.get(8),
                },
            );
        }
        Ok(())
    }

    async fn read_triggers(&mut self, client: &impl GenericClient, schema: &str) -> Result<()> {
        let text = "SELECT c.relname::text, t.tgname::text, pg_get_triggerdef(t.oid, true), p.proname::text, p.prosrc
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE n.nspname = $1 AND NOT t.tgisinternal AND starts_with(t.tgname, $2)";
        let quoted = names::quote(schema)?;
        for row in client.query(text, &[&schema, &triggers::PREFIX]).await.map_err(failure)? {
            let Some(table) = self.tables.get_mut(row.get::<_, &str>(0)) else { continue };
            let body = row.get::<_, String>(4).replace(&quoted, triggers::SCHEMA);
            let shape = TriggerShape { definition: row.get(2), function: row.get(3), body };
            table.triggers.insert(row.get(1), shape);
        }
        Ok(())
    }

    async fn read_indexes(&mut self, client: &impl GenericClient, schema: &str) -> Result<()> {
        let text = format!(
            "SELECT c.relname::text, i.relname::text, {}, x.indisunique, x.indisvalid AND x.indisready, {},
                x.indexprs IS NOT NULL, pg_get_expr(x.indpred, x.indrelid, true)
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND NOT EXISTS (
                SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))",
            index_text("i", "c"),
            columns_of("(x.indkey::int2[])[0:x.indnkeyatts - 1]", "x.indrelid"),
        );
        for row in client.query(&text, &[&schema]).await.map_err(failure)? {
            let Some(table) = self.tables.get_mut(row.get::<_, &str>(0)) else { continue };
            table.indexes.insert(
                row.get(1),
                IndexShape {
                    definition: row.get(2),
                    unique: row.get(3),
                    valid: row.get(4),
                    columns: row.get(5),
                    expressions: row.get(6),
                    predicate: row.get(7),
                },
            );
        }
        Ok(())
    }
}

/// The names of these attribute numbers, in order.
fn columns_of(numbers: &str, table: &str) -> String {
    format!(
        "ARRAY(SELECT a.attname::text FROM unnest({numbers}) WITH ORDINALITY u(n, o) JOIN pg_attribute a ON a.attrelid = {table} AND a.attnum = u.n ORDER BY u.o)"
    )
}

/// The text of an index without its beginning, which says its name and its table's.
fn index_text(index: &str, table: &str) -> String {
    format!(
        "substr(pg_get_indexdef({index}.oid, 0, true), 1 + length(format('CREATE %sINDEX %I ON %s%I ', CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END, coalesce({index}.relname, ''), CASE WHEN {table}.relkind = 'p' THEN 'ONLY ' ELSE '' END, {table}.relname)))"
    )
}
