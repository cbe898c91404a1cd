//! Every declared parameter of every operation of every kind, on models that no page was written for.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use hallmark_dataflow::{FieldType, ModelDecl, Table};
use hallmark_workflow::Group;
use serde_json::{Map, Value, json};

use super::data::EVERYTHING;
use super::guard::Rows;
use super::{Siege, Tally, held, number, spots, values_each};
use crate::dice::Dice;
use crate::mdtest::Called;
use crate::support::{World, models, parse, with};

/// A field of one of these types, if there is one; else any.
fn field(table: &Table, kinds: &[FieldType]) -> String {
    let fits = table.shown().find(|c| kinds.contains(&c.field.kind));
    fits.or_else(|| table.shown().next()).map(|c| c.name().to_owned()).unwrap_or_default()
}

/// A filter that names many fields and lets all rows pass.
fn filter(world: &World, table: &Table) -> Value {
    let row = world.row(&table.model.name, 77);
    let json = |kind: FieldType| matches!(kind, FieldType::Object | FieldType::Array | FieldType::Json);
    let plain = table.shown().filter(|c| !json(c.field.kind) && c.field.kind != FieldType::FloatArray);
    let terms = plain.filter_map(|c| Some((c.name().to_owned(), json!({"ne": row.get(c.name())?}))));
    Value::Object(terms.take(10).collect())
}

/// An input that an operation takes and that gives it much to do.
fn base(world: &World, table: &Table, kind: &str, operation: &str) -> Value {
    let row = |n: u64| Value::Object(world.row(&table.model.name, n));
    let number = [FieldType::Float, FieldType::Decimal, FieldType::Integer];
    let (text, amount, time) =
        (field(table, &[FieldType::Text]), field(table, &number), field(table, &[FieldType::Timestamp]));
    let filter = filter(world, table);
    let (fields, sort) = (json!([text, amount]), json!([format!("-{amount}"), text]));
    let given = match (kind, operation) {
        ("CRUD", "create" | "upsert") => json!({"data": row(9)}),
        ("CRUD", "update") => json!({"id": 1, "data": {&*text: "changed"}}),
        ("CRUD", "bulk_create" | "bulk_upsert") => json!({"rows": [row(9), row(10)]}),
        ("CRUD", "bulk_update") => json!({"filter": filter, "data": {&*text: "changed"}}),
        ("CRUD", "bulk_delete" | "bulk_restore") => json!({"filter": filter}),
        ("CRUD", "list") => json!({"filter": filter, "sort": sort, "fields": fields, "limit": 2}),
        ("CRUD", "count") => json!({"filter": filter}),
        ("CRUD", "purge") => json!({}),
        ("CRUD", _) => json!({"id": 1}),
        ("Search", "search") => json!({"query": "größe", "filter": filter, "sort": sort, "fields": fields}),
        ("Search", "facets") => json!({"facet_fields": [text], "filter": filter}),
        ("Search", "count") => json!({"filter": filter}),
        ("Search", _) => json!({"filter": filter, "limit": 1}),
        ("Aggregate", "window") => json!({
            "windows": [{"function": "rank", "partition_by": [text], "sort": [format!("-{amount}")], "as": "place"}], "fields": fields,
        }),
        ("Aggregate", _) => json!({
            "group_by": [text], "measures": [{"function": "max", "field": amount, "as": "most"}], "having": {"most": {"gte": 0}},
            "sort": ["-most"], "filter": filter,
        }),
        ("Analytics", "time_series" | "compare") => json!({
            "field": time, "bucket": "month", "from": "2026-01-01T00:00:00Z", "to": "2026-06-01T00:00:00Z", "time_zone": "Europe/Berlin",
        }),
        ("Analytics", "cohorts") => json!({"field": time, "entity": text, "bucket": "month"}),
        ("Analytics", "top_n") => json!({"field": text, "filter": filter}),
        ("Analytics", "distribution") => json!({"field": amount, "bins": 3}),
        ("Export", _) => json!({"path": "out.csv", "fields": fields, "sort": sort, "filter": filter}),
        ("Import", _) => json!({
            "format": "csv", "content": format!("{text},{amount}\nx,1\n"), "mapping": {&*text: text}, "dry_run": true,
        }),
        ("Validate", "rows") => json!({"rows": [row(9), {}], "conditions": {"c": format!("{amount} >= 0")}}),
        ("Validate", _) => json!({"conditions": {"c": format!("{amount} >= 0")}, "filter": filter}),
        ("Transform", _) => json!({
            "rows": [row(9)], "steps": [{"where": format!("{amount} >= 0")}, {"keep": fields}, {"rename": {&*text: "other"}}],
        }),
        ("Cache", "put") => json!({"id": 1, "data": {&*text: "kept"}, "tags": ["t"]}),
        ("Cache", "invalidate") => json!({"tags": ["t"]}),
        ("Cache", "get") => json!({"id": 1, "tags": ["t"]}),
        _ => json!({}),
    };
    let mut input: Map<String, Value> = given.as_object().unwrap().clone();
    input.insert("operation".to_owned(), json!(operation));
    Value::Object(input)
}

/// Every operation of every node of these models, with hostile values in every parameter.
async fn besieged(declared: Vec<ModelDecl>, seed: u64, each: usize) -> Tally {
    let out = Arc::new(Mutex::new((0, Vec::new())));
    let tally = Arc::clone(&out);
    with(declared, |world| async move {
        let table = Arc::clone(&world.dataflow.tables()[0]);
        let rows = json!((0..5).map(|n| world.row(&table.model.name, n)).collect::<Vec<_>>());
        let fill = json!({"operation": "bulk_create", "rows": rows});
        world.call(&format!("{}CRUDNode", table.model.name), fill).await.unwrap();
        let rows = Rows::keep(&world).await;
        let mut siege = Siege::new(&world, Dice::new(seed), each).await;
        let specs = world.registry.specs().cloned().collect::<Vec<_>>();
        for spec in specs {
            let Group::Generated { kind, .. } = &spec.group else { continue };
            let operations = &spec.params.iter().find(|p| p.name == "operation").unwrap().choices;
            for operation in operations.iter().filter_map(Value::as_str) {
                let input = base(&world, &table, kind, operation);
                let called = Called { line: 0, node: spec.name.clone(), tenant: None, input };
                let place = format!("{} {operation}", spec.name);
                for spot in spots::all(&called.input, &spec) {
                    siege.attack(&called, &spot, &place).await;
                }
                siege.look(&place).await;
                rows.restore(&world).await;
            }
        }
        *tally.lock().unwrap() = siege.end().await;
    })
    .await;
    let mut out = out.lock().unwrap();
    std::mem::take(&mut *out)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_values_in_every_declared_parameter_are_values() {
    let (seed, each) = (number("HALLMARK_HOSTILE_SEED", 1), values_each(1));
    let mut dice = Dice::new(seed);
    // Alone, each without the tables that it refers to.
    let mut alone: Vec<ModelDecl> = models();
    alone.iter_mut().flat_map(|m| &mut m.fields).for_each(|f| f.foreign_key = None);
    while alone.len() as u64 > number("HALLMARK_HOSTILE_MODELS", 2) {
        alone.remove(usize::try_from(dice.below(alone.len() as u64)).unwrap());
    }
    alone.extend(parse(EVERYTHING));
    let runs = alone.into_iter().zip(0..).map(|(model, n)| besieged(vec![model], seed * 1_000 + n, each));
    let tallies: Vec<Tally> = futures_util::stream::iter(runs).buffer_unordered(3).collect().await;
    held(tallies, 1_500);
}
