//! Migrations on real tables with rows.

mod killed;
mod kinds;
mod locks;
mod random;
mod start;
mod together;

use hallmark_core::Result;
use hallmark_dataflow::ModelDecl;
use hallmark_dataflow::migrate::{Class, MigrateOptions, Migrated, Plan};
use serde_json::Value;

use crate::support::{World, parse, witness};

/// A schema of its own for one test, which goes with it.
pub(crate) struct Place {
    pub(crate) schema: String,
    pub(crate) sql: tokio_postgres::Client,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let schema = format!("it_migrate_{}", hallmark_core::random::token(10).unwrap());
        Self { schema, sql: witness().await }
    }

    pub(crate) async fn world(&self, models: Vec<ModelDecl>) -> World {
        World::named(models, &self.schema, witness().await)
    }

    /// Runs statements; `{}` stands for the schema.
    pub(crate) async fn run(&self, statements: &[&str]) {
        for statement in statements {
            let statement = statement.replace("{}", &self.schema);
            self.sql.batch_execute(&statement).await.unwrap_or_else(|e| panic!("{statement}: {e:?}"));
        }
    }

    /// One value of a statement as JSON.
    pub(crate) async fn ask(&self, statement: &str) -> Value {
        let statement = statement.replace("{}", &self.schema);
        let row = self.sql.query_one(&format!("SELECT to_jsonb(({statement}))"), &[]).await.unwrap();
        row.get::<_, Option<Value>>(0).unwrap_or_default()
    }

    /// Everything that the catalogue says of the tables, read by statements that the product does not have.
    pub(crate) async fn fingerprint(&self) -> Vec<String> {
        let columns = "SELECT format('column %s.%s %s null:%s default:%s identity:%s', table_name, column_name, coalesce(domain_name, udt_name), is_nullable, coalesce(column_default, '-'), coalesce(identity_generation, '-'))
                || format(' %s %s %s', character_maximum_length, CASE WHEN udt_name = 'numeric' THEN numeric_precision END, CASE WHEN udt_name = 'numeric' THEN numeric_scale END)
            FROM information_schema.columns WHERE table_schema = $1 AND table_name <> 'hallmark_migrations'";
        let constraints = "SELECT format('constraint %s %s %s valid:%s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid), c.convalidated)
            FROM pg_constraint c WHERE c.connamespace = to_regnamespace($1) AND c.conrelid <> coalesce(to_regclass(format('%I.hallmark_migrations', $1::text)), 0)";
        let indexes = "SELECT format('index %s valid:%s', pg_get_indexdef(x.indexrelid), x.indisvalid)
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            WHERE i.relnamespace = to_regnamespace($1) AND x.indrelid <> coalesce(to_regclass(format('%I.hallmark_migrations', $1::text)), 0)";
        let mut all = Vec::new();
        for text in [columns, constraints, indexes] {
            for row in self.sql.query(text, &[&self.schema]).await.unwrap() {
                all.push(row.get::<_, String>(0).replace(&self.schema, "S"));
            }
        }
        all.sort();
        all
    }

    /// The values of these columns, by key.
    pub(crate) async fn values(&self, table: &str, columns: &[String]) -> Value {
        let listed: Vec<String> = columns.iter().map(|c| format!("'{c}', \"{c}\"")).collect();
        self.ask(&format!(
            "SELECT jsonb_agg(jsonb_build_object({}) ORDER BY id) FROM {{}}.{table}",
            listed.join(", ")
        ))
        .await
    }

    pub(crate) async fn drop(self) {
        self.sql.batch_execute(&format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.schema)).await.unwrap();
    }
}

/// What a fresh creation of these models gives.
pub(crate) async fn fresh(models: &[ModelDecl]) -> Vec<String> {
    let place = Place::new().await;
    place.world(models.to_vec()).await.dataflow.start().await.unwrap();
    let fingerprint = place.fingerprint().await;
    place.drop().await;
    fingerprint
}

/// Everything is allowed.
pub(crate) fn bold() -> MigrateOptions {
    MigrateOptions { allow_destructive: true, allow_blocking: true, ..MigrateOptions::default() }
}

pub(crate) async fn migrate(world: &World, options: &MigrateOptions) -> Result<Migrated> {
    world.dataflow.migrate(options, &|_| {}).await
}

/// The same lines, or the test says which differ.
pub(crate) fn same(found: &[String], wanted: &[String], what: &str) {
    let missing: Vec<&String> = wanted.iter().filter(|l| !found.contains(l)).collect();
    let more: Vec<&String> = found.iter().filter(|l| !wanted.contains(l)).collect();
    assert!(missing.is_empty() && more.is_empty(), "{what}\nmissing: {missing:#?}\nmore: {more:#?}");
}

/// The classes of a plan's steps, most harmful last.
pub(crate) fn worst(plan: &Plan) -> Class {
    plan.steps.iter().map(|s| s.class).max().unwrap_or_default()
}

/// The columns of a table that both models have with the same type.
pub(crate) fn kept(one: &[ModelDecl], two: &[ModelDecl], model: &str) -> Vec<String> {
    let find = |models: &[ModelDecl]| models.iter().find(|m| m.name == model).cloned();
    let (Some(one), Some(two)) = (find(one), find(two)) else { return Vec::new() };
    if [&one, &two].iter().any(|m| m.fields.iter().any(|f| f.primary_key)) {
        return Vec::new();
    }
    one.fields
        .iter()
        .filter(|f| {
            two.get(&f.name)
                .is_some_and(|g| g.kind == f.kind && g.nullable == f.nullable && g.max_digits == f.max_digits)
        })
        .map(|f| f.name.clone())
        .chain(["id".to_owned()])
        .collect()
}

pub(crate) fn models(text: &str) -> Vec<ModelDecl> {
    if text.is_empty() { Vec::new() } else { parse(text) }
}
