//! Enumerations of the database: every kind of node works on them, imported or made.

use hallmark_dataflow::{ModelDecl, declare, migrate::MigrateOptions};
use serde_json::{Value, json};

use crate::support::{World, code, with, witness};

/// A table that is there, with enumerations beside it and elsewhere, and a key of such a type.
async fn imported(test: impl AsyncFnOnce(&World)) {
    let schema = format!("it_dataflow_{}", hallmark_core::random::token(10).unwrap());
    let sql = witness().await;
    let text = format!(
        "CREATE SCHEMA {schema}; CREATE SCHEMA {schema}_types;
        CREATE TYPE {schema}.\"Mood\" AS ENUM ('sad', 'ok', 'it''s happy');
        CREATE TYPE {schema}_types.level AS ENUM ('low', 'high');
        CREATE TABLE {schema}.persons (level {schema}_types.level, n bigint, name text NOT NULL, mood {schema}.\"Mood\" NOT NULL DEFAULT 'ok',
            before {schema}.\"Mood\", score numeric(6,2), at timestamptz, PRIMARY KEY (level, n));
        CREATE INDEX ON {schema}.persons (mood)"
    );
    sql.batch_execute(&text).await.unwrap();
    let found = declare::import(&sql, &schema).await.unwrap();
    // As a person has it: written as Python, and read.
    let python = declare::write_python(&found.models).unwrap();
    let (models, problems) = hallmark_python::models::read("m.py", &python);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(declare::read_toml("m.toml", &declare::write_toml(&found.models)).0[0].fields.len(), 7);
    let mood = models[0].get("mood").unwrap();
    assert_eq!((mood.enum_type.as_deref(), mood.choices.len()), (Some("Mood"), 3), "{python}");
    assert_eq!(models[0].get("level").unwrap().enum_type, Some(format!("{schema}_types.level")));
    let world = World::named(models, &schema, sql);
    let outcome = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(test(&world))).await;
    world
        .sql
        .batch_execute(&format!("DROP SCHEMA {schema} CASCADE; DROP SCHEMA {schema}_types CASCADE"))
        .await
        .unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn call(world: &World, kind: &str, input: Value) -> Value {
    let shown = input.to_string();
    world
        .call(&format!("Person{kind}Node"), input)
        .await
        .unwrap_or_else(|error| panic!("{kind} {shown}: {error}"))
}

fn people() -> Value {
    json!([
        {"level": "low", "n": 1, "name": "Ann", "mood": "sad", "score": "1.50", "at": "2026-01-05T10:00:00Z"},
        {"level": "low", "n": 2, "name": "Bob", "mood": "it's happy", "before": "sad", "score": "2.50", "at": "2026-01-06T10:00:00Z"},
        {"level": "high", "n": 1, "name": "Cid", "score": "9.99", "at": "2026-02-05T10:00:00Z"},
    ])
}

#[tokio::test]
async fn every_kind_works_on_imported_enumerations() {
    imported(async |world| {
        let model = world.dataflow.tables()[0].model.name.clone();
        assert_eq!(model, "Person");
        // CRUD.
        let made = call(world, "CRUD", json!({"operation": "bulk_create", "rows": people()})).await;
        assert_eq!(made["created"], 3, "{made}");
        let key = json!({"level": "low", "n": 2});
        let read = call(world, "CRUD", json!({"operation": "read", "id": key})).await;
        assert_eq!((&read["row"]["mood"], &read["row"]["level"], &read["row"]["before"]), (&json!("it's happy"), &json!("low"), &json!("sad")));
        let row = json!({"level": "high", "n": 2, "name": "Dot", "before": "ok"});
        let created = call(world, "CRUD", json!({"operation": "create", "data": row})).await;
        assert_eq!(created["row"]["mood"], "ok");
        let update = json!({"operation": "update", "id": {"level": "high", "n": 2}, "data": {"mood": "sad", "before": null}});
        assert_eq!(call(world, "CRUD", update).await["row"]["mood"], "sad");
        let upsert = json!({"operation": "upsert", "data": {"level": "high", "n": 2, "name": "Dot", "mood": "ok"}});
        assert_eq!(call(world, "CRUD", upsert).await["created"], false);
        let both = json!([{"level": "high", "n": 2, "name": "Dot", "mood": "sad"}, {"level": "high", "n": 3, "name": "Eve", "mood": "ok"}]);
        let upserted = call(world, "CRUD", json!({"operation": "bulk_upsert", "rows": both})).await;
        assert_eq!((&upserted["created"], &upserted["updated"]), (&json!(1), &json!(1)));
        let bulk = json!({"operation": "bulk_update", "filter": {"mood": {"in": ["sad"]}, "level": "high"}, "data": {"mood": "ok"}});
        assert_eq!(call(world, "CRUD", bulk).await["updated"], 1);
        let deleted = call(world, "CRUD", json!({"operation": "delete", "id": {"level": "high", "n": 3}})).await;
        assert_eq!(deleted["deleted"], true);
        let wrong = world.call("PersonCRUDNode", json!({"operation": "create", "data": {"level": "low", "n": 9, "name": "x", "mood": "mad"}}));
        assert_eq!(code(wrong.await), "HM-D014");
        let wrong = world.call("PersonCRUDNode", json!({"operation": "list", "filter": {"mood": "mad"}}));
        assert_eq!(code(wrong.await), "HM-D011");
        searches(world).await;
        sums(world).await;
        files(world).await;
        others(world).await;
    })
    .await;
}

async fn searches(world: &World) {
    let names = |answer: &Value| -> Vec<String> {
        answer["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    // In the order of the type, page by page.
    let mut found = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page =
            call(world, "Search", json!({"sort": ["-mood", "level"], "limit": 1, "cursor": cursor})).await;
        found.extend(names(&page));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(found, ["Bob", "Cid", "Dot", "Ann"]);
    for (filter, wanted) in [
        (json!({"mood": {"gt": "sad"}}), 3),
        (json!({"mood": {"contains": "HAPPY"}}), 1),
        (json!({"mood": {"starts_with": "it's"}}), 1),
        (json!({"mood": {"not_in": ["ok", "sad"]}}), 1),
        (json!({"before": {"ne": "sad"}}), 3),
        (json!({"before": null}), 3),
    ] {
        assert_eq!(
            call(world, "Search", json!({"operation": "count", "filter": filter})).await["count"],
            wanted,
            "{filter}"
        );
    }
    let facets =
        call(world, "Search", json!({"operation": "facets", "facet_fields": ["mood", "before"]})).await;
    assert_eq!(facets["facets"]["mood"][0], json!({"value": "ok", "count": 2}));
}

async fn sums(world: &World) {
    let input = json!({
        "group_by": ["mood"], "having": {"mood": {"ne": "sad"}, "top": {"gte": "high"}}, "sort": ["mood"],
        "measures": [{"function": "count", "as": "n"}, {"function": "max", "field": "level", "as": "top"},
                     {"function": "mode", "field": "level", "as": "usual"}, {"function": "count_distinct", "field": "level", "as": "kinds"},
                     {"function": "approx_distinct", "field": "before", "as": "about"}],
    });
    let groups = call(world, "Aggregate", input).await;
    let wanted = json!([
        {"mood": "it's happy", "n": 1, "top": "low", "usual": "low", "kinds": 1, "about": 1},
        {"mood": "ok", "n": 2, "top": "high", "usual": "high", "kinds": 1, "about": 0},
    ]);
    assert_eq!(groups["groups"], wanted);
    let windows = json!({"operation": "window", "windows": [
        {"function": "lag", "of": "mood", "order_by": ["level", "n"], "as": "last"},
        {"function": "rank", "partition_by": ["mood"], "order_by": ["n"], "as": "place"}]});
    let rows = call(world, "Aggregate", windows).await;
    assert!(
        rows["rows"].as_array().unwrap().iter().any(|r| r["name"] == "Ann" && r["mood"] == "sad"),
        "{rows}"
    );
    let top =
        call(world, "Analytics", json!({"operation": "top_n", "field": "mood", "other": true, "limit": 1}))
            .await;
    assert!(top.to_string().contains("\"ok\""), "{top}");
    let profile = call(world, "Analytics", json!({"operation": "profile"})).await;
    let mood = &profile["fields"]["mood"];
    assert_eq!(
        (&mood["min"], &mood["max"], &mood["distinct"], &mood["length"]["max"]),
        (&json!("sad"), &json!("it's happy"), &json!(3), &json!(10)),
        "{mood}"
    );
    assert_eq!(profile["fields"]["at"]["min"], "2026-01-05T10:00:00Z");
    let cohorts = json!({"operation": "cohorts", "field": "at", "entity": "mood", "bucket": "month"});
    assert!(!call(world, "Analytics", cohorts).await["cohorts"].as_array().unwrap().is_empty());
    let compare = json!({"operation": "compare", "field": "at", "from": "2026-02-01", "to": "2026-03-01", "by": "mood"});
    assert!(call(world, "Analytics", compare).await.to_string().contains("\"ok\""));
}

async fn files(world: &World) {
    for format in ["csv", "jsonl", "parquet", "arrow", "arrow-stream", "xlsx"] {
        let name = format!("people.{format}");
        let export = call(world, "Export", json!({"format": format, "path": name, "filter": {"mood": {"in": ["sad", "it's happy"]}}, "sort": ["mood"]})).await;
        assert_eq!(export["rows"], 2, "{format}");
        call(
            world,
            "CRUD",
            json!({"operation": "bulk_delete", "filter": {"mood": {"in": ["sad", "it's happy"]}}}),
        )
        .await;
        let import = call(world, "Import", json!({"format": format, "path": name})).await;
        assert_eq!(import["imported"], 2, "{format}: {import}");
        let again =
            call(world, "Import", json!({"format": format, "path": name, "on_conflict": "update"})).await;
        assert_eq!(again["updated"], 2, "{format}: {again}");
    }
    let bad = "level,n,name,mood\nlow,7,Zoe,mad\n";
    let refused = call(world, "Import", json!({"content": bad, "on_error": "skip"})).await;
    assert_eq!((&refused["imported"], &refused["errors"][0]["code"]), (&json!(0), &json!("HM-D014")));
}

async fn others(world: &World) {
    let rows = json!([{"level": "low", "n": 1, "name": "Ann"}, {"level": "low", "n": 5, "name": "Flo", "mood": "mad"}]);
    let checked = call(world, "Validate", json!({"operation": "rows", "rows": rows, "conditions": {"glad": "mood != 'sad' or upper(mood) == 'SAD'"}})).await;
    let codes: Vec<&str> =
        checked["problems"].as_array().unwrap().iter().map(|p| p["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["HM-D014"], "{checked}");
    let quality = json!({"operation": "quality", "rules": {"mood": {"pattern": "^[a-z]+$", "max_length": 3, "choices": ["sad", "ok"]}}, "conditions": {"glad": "mood != 'sad'"}});
    let report = call(world, "Validate", quality).await;
    let broken = |rule: &str| {
        report["rules"].as_array().unwrap().iter().find(|r| r["rule"] == rule).unwrap()["count"].clone()
    };
    assert_eq!(
        [broken("pattern"), broken("max_length"), broken("glad")],
        [json!(1), json!(1), json!(1)],
        "{report}"
    );
    let steps = json!([{"where": "mood == 'sad'"}, {"compute": {"loud": "upper(mood)"}}]);
    let transformed = call(world, "Transform", json!({"steps": steps})).await;
    assert_eq!(
        (&transformed["rows"][0]["loud"], &transformed["in_database"]),
        (&json!("SAD"), &json!(1)),
        "{transformed}"
    );
    let id = json!({"level": "low", "n": 1});
    for _ in 0..2 {
        assert_eq!(call(world, "Cache", json!({"operation": "get", "id": id})).await["row"]["mood"], "sad");
    }
    let put = call(world, "Cache", json!({"operation": "put", "id": id, "data": {"mood": "ok"}})).await;
    assert_eq!(put["row"]["mood"], "ok", "{put}");
    assert_eq!(call(world, "Cache", json!({"operation": "get", "id": id})).await["row"]["mood"], "ok");
}

#[tokio::test]
async fn what_was_imported_has_no_difference_to_its_model() {
    imported(async |world| {
        let plan = world.dataflow.plan(&MigrateOptions::default()).await.unwrap();
        let told: Vec<&str> = plan.steps.iter().map(|s| s.summary.as_str()).collect();
        assert_eq!(told, Vec::<&str>::new());
        let mut models: Vec<ModelDecl> = world.dataflow.models().cloned().collect();
        let mood = models[0].fields.iter_mut().find(|f| f.name == "mood").unwrap();
        mood.choices.push("mad".into());
        mood.choices.insert(0, "b\\ad".into());
        mood.choices.insert(2, "so'so".into());
        let more = World::named(models.clone(), world.dataflow.schema(), witness().await);
        let plan = more.dataflow.plan(&MigrateOptions::default()).await.unwrap();
        let told: Vec<&str> = plan.steps.iter().map(|s| s.summary.as_str()).collect();
        assert!(told.len() == 3 && told.iter().all(|text| text.starts_with("add the label")), "{told:?}");
        let untold = plan.notes.iter().all(|note| note.code != "HM-D115");
        assert!(untold);
        more.dataflow.migrate(&MigrateOptions::default(), &|_| {}).await.unwrap();
        assert!(more.dataflow.plan(&MigrateOptions::default()).await.unwrap().is_empty());
        let labels = "SELECT array_to_string(enum_range(NULL::{}.\"Mood\"), '|')";
        assert_eq!(more.ask(labels).await, "b\\ad|sad|so'so|ok|it's happy|mad");
        let row = json!({"level": "low", "n": 7, "name": "Fay", "mood": "so'so"});
        assert_eq!(
            call(&more, "CRUD", json!({"operation": "create", "data": row})).await["row"]["mood"],
            "so'so"
        );
        // The labels stay, and whoever knows them not goes on.
        let down = more.dataflow.migrate_down(1, &MigrateOptions::default(), &|_| {}).await.unwrap();
        assert_eq!((down.len(), down[0].steps), (1, 0));
        // PostgreSQL would refuse a default that it learns of in the same transaction.
        let mood = models[0].fields.iter_mut().find(|f| f.name == "mood").unwrap();
        mood.choices.push("new".into());
        mood.default = Some(hallmark_python::models::FieldDefault::Value("new".into()));
        let early = World::named(models, world.dataflow.schema(), witness().await);
        let refused = early.dataflow.plan(&MigrateOptions::default()).await.unwrap_err();
        assert_eq!((refused.code().id, refused.place()), ("HM-D115", Some("persons.mood")));
    })
    .await;
}

const MADE: &str = "
@db.model
class Task:
    name: str
    state: str = Field('open', choices=['open', 'done'], enum_type='task_state')
";

#[tokio::test]
async fn a_missing_enumeration_is_made() {
    let models = crate::support::parse(MADE);
    with(models, |world| async move {
        let row = call_task(&world, json!({"operation": "create", "data": {"name": "a"}})).await;
        assert_eq!(row["row"]["state"], "open");
        let kind = "SELECT format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = '{}.tasks'::regclass AND a.attname = 'state'";
        assert!(world.ask(kind).await.as_str().unwrap().ends_with("task_state"));
        // A field that becomes one, in a migration.
        let text = "@db.model\nclass Task:\n    name: str\n    state: str = Field('open', choices=['open', 'done'], enum_type='task_state')\n    size: str = Field('s', choices=['s', 'm'], enum_type='task_size')\n";
        let later = World::named(crate::support::parse(text), world.dataflow.schema(), witness().await);
        let plan = later.dataflow.plan(&MigrateOptions::default()).await.unwrap();
        let told: Vec<String> = plan.steps.iter().map(|s| s.summary.clone()).collect();
        assert!(told.len() == 2 && told[0].starts_with("create the enumeration"), "{told:?}");
        later.dataflow.migrate(&MigrateOptions::default(), &|_| {}).await.unwrap();
        assert!(later.dataflow.plan(&MigrateOptions::default()).await.unwrap().is_empty());
        let row = later.call("TaskCRUDNode", json!({"operation": "create", "data": {"name": "b", "size": "m"}})).await.unwrap();
        assert_eq!(row["row"]["size"], "m");
    })
    .await;
    let wrong = MADE.replace("choices=['open', 'done'], ", "");
    let refused = hallmark_dataflow::Table::resolve(&crate::support::parse(&wrong)[0], "s").unwrap_err();
    assert_eq!((refused.code().id, refused.place()), ("HM-D004", Some("m.py:5:12")));
}

async fn call_task(world: &World, input: Value) -> Value {
    world.call("TaskCRUDNode", input).await.unwrap()
}
