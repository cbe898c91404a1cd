//! What the database already has.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_core::Result;
use tokio_postgres::GenericClient;

use crate::sql::failure;

/// Tables, indexes and constraints of a schema, and the extensions of the database.
#[derive(Debug, Default)]
pub(super) struct Existing {
    /// Table to column to type.
    pub(super) columns: BTreeMap<String, BTreeMap<String, String>>,
    /// Index name to table.
    pub(super) indexes: BTreeMap<String, String>,
    /// Constraint names.
    pub(super) constraints: BTreeSet<String>,
    /// Installed extensions with the quoted schema that their operator classes are in.
    pub(super) extensions: BTreeMap<String, String>,
}

impl Existing {
    /// Reads the catalogue.
    pub(super) async fn read(client: &impl GenericClient, schema: &str) -> Result<Self> {
        let mut existing = Self::default();
        let columns = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')";
        for row in client.query(columns, &[&schema]).await.map_err(failure)? {
            let table: String = row.get(0);
            existing.columns.entry(table).or_default().insert(row.get(1), row.get(2));
        }
        let indexes = "SELECT indexname::text, tablename::text FROM pg_indexes WHERE schemaname = $1";
        for row in client.query(indexes, &[&schema]).await.map_err(failure)? {
            existing.indexes.insert(row.get(0), row.get(1));
        }
        let constraints = "SELECT k.conname::text FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE n.nspname = $1";
        for row in client.query(constraints, &[&schema]).await.map_err(failure)? {
            existing.constraints.insert(row.get(0));
        }
        existing.read_extensions(client).await?;
        Ok(existing)
    }

    /// Reads the installed extensions again.
    pub(super) async fn read_extensions(&mut self, client: &impl GenericClient) -> Result<()> {
        let extensions = "SELECT e.extname::text, quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace";
        for row in client.query(extensions, &[]).await.map_err(failure)? {
            self.extensions.insert(row.get(0), row.get(1));
        }
        Ok(())
    }
}
