//! What the catalogue of a PostgreSQL says of a schema, as rows.

use hallmark_core::Result;
use tokio_postgres::GenericClient;

use crate::sql::failure;

/// A column.
pub(super) struct ColumnRow {
    pub(super) table: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    pub(super) identity: bool,
    pub(super) generated: bool,
    /// Its collation, if it is not that of its type.
    pub(super) collation: Option<String>,
    /// Schema and name of its type.
    pub(super) typed: (String, String),
    /// The labels, if its type is an enumeration.
    pub(super) labels: Vec<String>,
}

/// A constraint.
pub(super) struct ConstraintRow {
    pub(super) table: String,
    pub(super) name: String,
    /// `p`, `u`, `f`, `c` or `x`.
    pub(super) kind: String,
    pub(super) columns: Vec<String>,
    pub(super) target: Option<String>,
    /// Whether the target is in the same schema.
    pub(super) near: bool,
    pub(super) target_columns: Vec<String>,
    pub(super) on_delete: String,
    pub(super) condition: Option<String>,
    /// What it says beyond what a model declares, as SQL has it.
    pub(super) beyond: Vec<String>,
}

/// An index that is no constraint's.
pub(super) struct IndexRow {
    pub(super) table: String,
    pub(super) name: String,
    pub(super) unique: bool,
    pub(super) method: String,
    pub(super) columns: Vec<String>,
    pub(super) include: Vec<String>,
    pub(super) condition: Option<String>,
    pub(super) expressions: bool,
    pub(super) class: Option<String>,
    /// Whether a column is in another order than ascending with nulls last.
    pub(super) ordered: bool,
    /// Whether rows without a value count as alike.
    pub(super) nulls_alike: bool,
}

// Before version 15 an index does not say how it takes nulls: as JSON what is missing can be asked for.

/// The records of migrations are no model: all three leave them out.
const COLUMNS: &str = "
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), a.attidentity <> '', a.attgenerated <> '',
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = a.atttypid ORDER BY e.enumsortorder),
       tn.nspname::text, t.typname::text,
       CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 THEN a.attcollation::regcollation::text END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname = $1 AND c.relname NOT IN ('hallmark_migrations', 'hallmark_imports', 'hallmark_import_refusals', 'hallmark_audit') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname, a.attnum";

const CONSTRAINTS: &str = "
SELECT c.relname::text, k.conname::text, k.contype::text,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(n, i)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.i),
       f.relname::text, f.relnamespace IS NOT DISTINCT FROM c.relnamespace,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(n, i)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.i),
       k.confdeltype::text, pg_get_expr(k.conbin, k.conrelid),
       array_remove(ARRAY[
           CASE k.confupdtype WHEN 'c' THEN 'ON UPDATE CASCADE' WHEN 'n' THEN 'ON UPDATE SET NULL'
               WHEN 'd' THEN 'ON UPDATE SET DEFAULT' WHEN 'r' THEN 'ON UPDATE RESTRICT' END,
           CASE WHEN k.confmatchtype = 'f' THEN 'MATCH FULL' END,
           CASE WHEN k.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN 'DEFERRABLE' END,
           CASE WHEN (to_jsonb(x) ->> 'indnullsnotdistinct')::boolean THEN 'NULLS NOT DISTINCT' END,
           CASE WHEN x.indnatts > x.indnkeyatts THEN 'INCLUDE' END], NULL)::text[]
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class f ON f.oid = k.confrelid AND k.contype = 'f'
LEFT JOIN pg_index x ON x.indexrelid = k.conindid AND k.contype IN ('p', 'u')
WHERE n.nspname = $1 AND c.relname NOT IN ('hallmark_migrations', 'hallmark_imports', 'hallmark_import_refusals', 'hallmark_audit') AND NOT c.relispartition ORDER BY c.relname, k.contype DESC, k.conname";

const INDEXES: &str = "
SELECT c.relname::text, i.relname::text, x.indisunique, m.amname::text,
       ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS u(n, i)
             JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.n WHERE u.i <= x.indnkeyatts ORDER BY u.i),
       ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS u(n, i)
             JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.n WHERE u.i > x.indnkeyatts ORDER BY u.i),
       pg_get_expr(x.indpred, x.indrelid), x.indexprs IS NOT NULL,
       (SELECT o.opcname::text FROM unnest(x.indclass::oid[]) WITH ORDINALITY AS u(n, i)
        JOIN pg_opclass o ON o.oid = u.n WHERE NOT o.opcdefault ORDER BY u.i LIMIT 1),
       0 <> ANY (x.indoption::int2[]), coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false)
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_am m ON m.oid = i.relam JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname NOT IN ('hallmark_migrations', 'hallmark_imports', 'hallmark_import_refusals', 'hallmark_audit') AND NOT c.relispartition
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.relname, i.relname";

pub(super) async fn columns(client: &impl GenericClient, schema: &str) -> Result<Vec<ColumnRow>> {
    let rows = client.query(COLUMNS, &[&schema]).await.map_err(failure)?;
    let read = |r: &tokio_postgres::Row| {
        Ok(ColumnRow {
            table: r.try_get(0)?,
            name: r.try_get(1)?,
            kind: r.try_get(2)?,
            not_null: r.try_get(3)?,
            default: r.try_get(4)?,
            identity: r.try_get(5)?,
            generated: r.try_get(6)?,
            labels: r.try_get(7)?,
            typed: (r.try_get(8)?, r.try_get(9)?),
            collation: r.try_get(10)?,
        })
    };
    rows.iter().map(read).collect::<std::result::Result<_, _>>().map_err(failure)
}

pub(super) async fn constraints(client: &impl GenericClient, schema: &str) -> Result<Vec<ConstraintRow>> {
    let rows = client.query(CONSTRAINTS, &[&schema]).await.map_err(failure)?;
    let read = |r: &tokio_postgres::Row| {
        Ok(ConstraintRow {
            table: r.try_get(0)?,
            name: r.try_get(1)?,
            kind: r.try_get(2)?,
            columns: r.try_get(3)?,
            target: r.try_get(4)?,
            near: r.try_get(5)?,
            target_columns: r.try_get(6)?,
            on_delete: r.try_get(7)?,
            condition: r.try_get(8)?,
            beyond: r.try_get(9)?,
        })
    };
    rows.iter().map(read).collect::<std::result::Result<_, _>>().map_err(failure)
}

pub(super) async fn indexes(client: &impl GenericClient, schema: &str) -> Result<Vec<IndexRow>> {
    let rows = client.query(INDEXES, &[&schema]).await.map_err(failure)?;
    let read = |r: &tokio_postgres::Row| {
        Ok(IndexRow {
            table: r.try_get(0)?,
            name: r.try_get(1)?,
            unique: r.try_get(2)?,
            method: r.try_get(3)?,
            columns: r.try_get(4)?,
            include: r.try_get(5)?,
            condition: r.try_get(6)?,
            expressions: r.try_get(7)?,
            class: r.try_get(8)?,
            ordered: r.try_get(9)?,
            nulls_alike: r.try_get(10)?,
        })
    };
    rows.iter().map(read).collect::<std::result::Result<_, _>>().map_err(failure)
}
