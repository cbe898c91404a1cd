//! What no call may change: the catalogue, a table that belongs to somebody else, keys of others in Redis, files outside the folder.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{World, handles};

/// Watches over a world.
pub(super) struct Guard<'a> {
    world: &'a World,
    /// A schema of somebody else's.
    pub(super) other: String,
    before: Option<String>,
}

/// Columns, constraints, indexes, triggers, functions and types of both schemas, what the canary holds, and the roles. The record of
/// imports is made by the first import that needs it.
const CATALOGUE: &str = "SELECT md5(string_agg(x, E'\\n' ORDER BY x)) FROM (
    SELECT concat_ws(' ', 'column', c.oid::regclass, c.relkind, c.relacl::text, a.attname, a.atttypid::regtype, a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid)) x
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
      WHERE c.relnamespace = ANY ($1::text[]::regnamespace[]) AND c.relname NOT LIKE 'hallmark_import%'
    UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
      WHERE connamespace = ANY ($1::text[]::regnamespace[]) AND conrelid::regclass::text NOT LIKE '%hallmark_import%'
    UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t
      JOIN pg_class c ON c.oid = tgrelid WHERE c.relnamespace = ANY ($1::text[]::regnamespace[]) AND NOT tgisinternal
    UNION ALL SELECT concat_ws(' ', 'function', oid::regprocedure, prosrc) FROM pg_proc
      WHERE pronamespace = ANY ($1::text[]::regnamespace[])
    UNION ALL SELECT concat_ws(' ', 'role', rolname, rolsuper, rolcanlogin) FROM pg_roles WHERE rolname !~ '^(hallmark|it_|test)'
    UNION ALL SELECT concat_ws(' ', 'canary', id, kept) FROM {canary}
  ) all_of_it";

impl<'a> Guard<'a> {
    /// Makes the canaries.
    pub(super) async fn new(world: &'a World) -> Self {
        let other = format!("{}_canary", world.dataflow.schema());
        let text = format!(
            "CREATE SCHEMA \"{other}\"; CREATE TABLE \"{other}\".canary (id int PRIMARY KEY, kept text);
             INSERT INTO \"{other}\".canary VALUES (1, 'kept'), (2, 'too')"
        );
        world.sql.batch_execute(&text).await.unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc", world.folder.join("link")).unwrap();
        let mut guard = Self { world, other, before: None };
        let mut redis = handles().redis.connection().await.unwrap();
        redis::cmd("SET").arg(guard.key()).arg("kept").query_async::<()>(&mut redis).await.unwrap();
        guard.before = Some(guard.catalogue().await.unwrap());
        guard
    }

    fn key(&self) -> String {
        format!("other:{}", self.other)
    }

    async fn catalogue(&self) -> Result<String, String> {
        let text = CATALOGUE.replace("{canary}", &format!("\"{}\".canary", self.other));
        let schemas = vec![format!("\"{}\"", self.world.dataflow.schema()), format!("\"{}\"", self.other)];
        let row = self
            .world
            .sql
            .query_one(&text, &[&schemas])
            .await
            .map_err(|e| format!("the catalogue: {e:?}"))?;
        Ok(row.get(0))
    }

    /// What was changed, if anything was.
    pub(super) async fn changed(&self) -> Option<String> {
        match self.catalogue().await {
            Err(why) => return Some(why),
            Ok(now) if self.before.as_ref() != Some(&now) => {
                return Some("the catalogue or the canary is another".to_owned());
            }
            Ok(_) => {}
        }
        let mut redis = handles().redis.connection().await.unwrap();
        let kept: Option<String> = redis::cmd("GET").arg(self.key()).query_async(&mut redis).await.unwrap();
        if kept.as_deref() != Some("kept") {
            return Some(format!("a key of somebody else's in Redis is {kept:?}"));
        }
        let escaped = format!("escaped-{}", self.other);
        let above = [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/etc")];
        let found = above.iter().map(|folder| folder.join(&escaped)).find(|path| path.exists());
        found.map(|path| format!("{} was made outside of the folder", path.display()))
    }

    /// Removes the canaries.
    pub(super) async fn end(self) {
        let text = format!("DROP SCHEMA \"{}\" CASCADE", self.other);
        self.world.sql.batch_execute(&text).await.unwrap();
        let mut redis = handles().redis.connection().await.unwrap();
        redis::cmd("DEL").arg(self.key()).query_async::<()>(&mut redis).await.unwrap();
    }
}

/// The rows of all tables as they were, to be brought back when calls have changed them.
pub(super) struct Rows {
    tables: Vec<(String, String)>,
}

impl Rows {
    /// Copies all rows into temporary tables of the witness.
    pub(super) async fn keep(world: &World) -> Self {
        let text = "SELECT coalesce(jsonb_agg(jsonb_build_array(c.relname,
              (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''))), '[]')
            FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = '\"{}\"'::regnamespace AND c.relname NOT LIKE 'hallmark_import%'";
        let found = world.ask(text).await;
        let name = |v: &Value| v.as_str().unwrap().to_owned();
        let tables: Vec<(String, String)> =
            found.as_array().unwrap().iter().map(|t| (name(&t[0]), name(&t[1]))).collect();
        for (table, columns) in &tables {
            let schema = world.dataflow.schema();
            let text = format!(
                "CREATE TEMPORARY TABLE \"kept {table}\" AS SELECT {columns} FROM \"{schema}\".\"{table}\""
            );
            world.sql.batch_execute(&text).await.unwrap();
        }
        Self { tables }
    }

    /// Brings them back, past triggers and foreign keys.
    pub(super) async fn restore(&self, world: &World) {
        let schema = world.dataflow.schema();
        let mut text = "BEGIN; SET LOCAL session_replication_role = replica;".to_owned();
        for (table, _) in &self.tables {
            text.push_str(&format!("DELETE FROM \"{schema}\".\"{table}\";"));
        }
        for (table, columns) in &self.tables {
            text.push_str(&format!(
                "INSERT INTO \"{schema}\".\"{table}\" ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM \"kept {table}\";"
            ));
        }
        text.push_str("COMMIT");
        world.sql.batch_execute(&text).await.unwrap();
    }
}
