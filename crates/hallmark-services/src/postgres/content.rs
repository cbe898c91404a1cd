//! What a database holds: rows and digests of every table, and a digest of everything that is defined in it.

use hallmark_core::Result;
use tokio_postgres::Client;

use super::error;
use crate::stack::backup::{Content, Part};

/// Settings under which a value's text is the same on every server.
const PLAIN: &str = "SET TIME ZONE 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; \
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET search_path = pg_catalog; \
    SET statement_timeout = 0; SET lock_timeout = 0";

/// The schemas that are the user's.
const OURS: &str = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
    AND n.nspname NOT LIKE 'hallmark\\_canary\\_%'";

/// What belongs to an extension comes with it.
const OF_EXTENSION: &str = "EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')";

/// Makes texts of values the same everywhere, for this connection.
pub(super) async fn plain(client: &Client) -> Result<()> {
    client.batch_execute(PLAIN).await.map_err(error)
}

/// Everything in the connection's database, under names that begin with `database`. Inside a transaction of one
/// snapshot it is of that snapshot.
pub(super) async fn content(client: &Client, database: &str) -> Result<Content> {
    let mut content = Content::new();
    let tables = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND {OURS} AND NOT {OF_EXTENSION} ORDER BY 1"
    );
    for row in client.query(&tables, &[]).await.map_err(error)? {
        let table: String = row.get(0);
        let digest = format!(
            "SELECT count(*), encode(sha256(convert_to(concat_ws(' ', count(*), sum(a), sum(b)), 'UTF8')), 'hex') FROM \
             (SELECT ('x' || encode(substr(h, 1, 8), 'hex'))::bit(64)::bigint AS a, \
             ('x' || encode(substr(h, 9, 8), 'hex'))::bit(64)::bigint AS b FROM \
             (SELECT sha256(convert_to((hallmark_row.*)::text, 'UTF8')) AS h FROM {table} AS hallmark_row) AS s) AS s"
        );
        let row = client.query_one(&digest, &[]).await.map_err(error)?;
        content.insert(format!("{database}: {table}"), part(row.get(0), row.get(1)));
    }
    for (name, query) in [("definitions", definitions()), ("large objects", LARGE_OBJECTS.to_owned())] {
        let row = client.query_one(&query, &[]).await.map_err(error)?;
        let part = part(row.get(0), row.get(1));
        if part.count > 0 {
            content.insert(format!("{database}: {name}"), part);
        }
    }
    for row in client.query(&sequences(), &[]).await.map_err(error)? {
        let part = Part { count: u64::try_from(row.get::<_, i64>(1)).unwrap_or(0), digest: None };
        content.insert(format!("{database}: {SEQUENCE}{}", row.get::<_, String>(0)), part);
    }
    Ok(content)
}

/// How a sequence's name begins in a content.
const SEQUENCE: &str = "sequence ";

/// Sequences know no transactions: a dump may hold a later value than the reading before it. What is later does no harm.
pub(super) fn forgive_sequences(expected: &Content, found: &mut Content) {
    for (name, part) in found.iter_mut().filter(|(name, _)| name.contains(SEQUENCE)) {
        if let Some(before) = expected.get(name).filter(|before| before.count <= part.count) {
            *part = before.clone();
        }
    }
}

fn part(count: i64, digest: Option<String>) -> Part {
    Part { count: u64::try_from(count).unwrap_or(0), digest }
}

const LARGE_OBJECTS: &str = "SELECT count(*), NULL::text FROM pg_largeobject_metadata";

/// Only ascending ones that never wrap: of the others no value is later than another.
fn sequences() -> String {
    format!(
        "SELECT format('%I.%I', s.schemaname, s.sequencename), coalesce(s.last_value, 0) FROM pg_sequences s \
         JOIN pg_namespace n ON n.nspname = s.schemaname \
         WHERE {OURS} AND s.increment_by > 0 AND NOT s.cycle AND coalesce(s.last_value, 0) >= 0"
    )
}

/// Columns, constraints, indexes, triggers, views, functions: each in the words of the server.
fn definitions() -> String {
    let joined = "JOIN pg_namespace n ON n.oid = c.relnamespace";
    let of_user = format!("{OURS} AND NOT {OF_EXTENSION}");
    let relation = "format('%I.%I', n.nspname, c.relname)";
    format!(
        "SELECT count(*), encode(sha256(convert_to(coalesce(string_agg(text, E'\\n' ORDER BY text COLLATE \"C\"), ''), \
         'UTF8')), 'hex') FROM (\
         SELECT concat_ws(' ', 'column', {relation}, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), \
           a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) AS text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
           {joined} LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
           WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r','p','v','m','f') AND {of_user} \
         UNION ALL SELECT concat_ws(' ', 'relation', c.relkind::text, {relation}, c.relrowsecurity) FROM pg_class c {joined} \
           WHERE c.relkind IN ('r','p','v','m','f','S') AND {of_user} \
         UNION ALL SELECT concat_ws(' ', 'constraint', {relation}, k.conname, pg_get_constraintdef(k.oid)) \
           FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid {joined} WHERE {of_user} \
         UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid)) FROM pg_index i \
           JOIN pg_class c ON c.oid = i.indrelid {joined} WHERE {of_user} \
         UNION ALL SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(g.oid)) FROM pg_trigger g \
           JOIN pg_class c ON c.oid = g.tgrelid {joined} WHERE NOT g.tgisinternal AND {of_user} \
         UNION ALL SELECT concat_ws(' ', 'view', {relation}, pg_get_viewdef(c.oid)) FROM pg_class c {joined} \
           WHERE c.relkind IN ('v','m') AND {of_user} \
         UNION ALL SELECT concat_ws(' ', 'function', pg_get_functiondef(c.oid)) FROM pg_proc c \
           JOIN pg_namespace n ON n.oid = c.pronamespace WHERE c.prokind IN ('f','p') AND {of_user} \
         UNION ALL SELECT concat_ws(' ', 'extension', e.extname) FROM pg_extension e) AS all_of_them"
    )
}
