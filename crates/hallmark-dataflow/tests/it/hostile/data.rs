//! What is taken is kept as it was given, and found by what it is: in rows, filters, keys, caches and files.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::guard::Guard;
use super::{values, wrong};
use crate::support::{World, parse, with};

/// A field of every type, one that may be personal and secrets among them.
pub(super) const EVERYTHING: &str = "
from enum import Enum

class Colour(Enum):
    RED = 'red'
    BLUE = 'blue'

@db.model
class Thing:
    label: str
    note: Optional[str] = None
    short: Optional[str] = Field(default=None, max_length=40)
    whole: Optional[int] = None
    real: Optional[float] = None
    exact: Optional[Decimal] = None
    price: Optional[Decimal] = Field(default=None, max_digits=8, decimal_places=2)
    yes: Optional[bool] = None
    at: Optional[datetime] = None
    day: Optional[date] = None
    clock: Optional[time] = None
    uid: Optional[UUID] = None
    raw: Optional[bytes] = None
    tags: Optional[list] = None
    detail: Optional[dict] = None
    vector: Optional[List[float]] = None
    colour: Colour = Colour.RED
    email: Optional[str] = None
    phone: Optional[int] = None
    api_key: Optional[str] = None
    birth_date: Optional[date] = None
    __dataflow__ = {
        'soft_delete': True, 'versioned': True, 'audit_log': True, 'search_fields': ['label', 'note'], 'timestamps': False,
        'cache_ttl': 60,
    }
";

const KEYED: &str = "
@db.model
class Code:
    code: str = Field(primary_key=True)
    note: str
    __dataflow__ = {'timestamps': False, 'cache_ttl': 60}
";

/// The hostile texts that are not huge.
fn texts(guard: &Guard<'_>, table: &str) -> Vec<String> {
    let all = values::all(&guard.other, table);
    let mut texts: Vec<String> = all.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
    texts.retain(|text| text.len() < 10_000);
    texts.sort();
    texts.dedup();
    texts
}

/// The text of a column of one row, as plain SQL has it.
async fn kept(world: &World, column: &str, id: &Value) -> Option<String> {
    let text = format!("SELECT {column} FROM {}.things WHERE id = $1", world.dataflow.schema());
    world.sql.query_one(&text, &[&id.as_i64()]).await.unwrap().get(0)
}

/// A text that holds a NUL is the only one that PostgreSQL cannot keep.
fn is_refused(text: &str) -> bool {
    text.contains('\0')
}

/// Counts the rows that a filter finds.
async fn count(world: &World, filter: Value) -> u64 {
    let input = json!({"operation": "count", "filter": filter});
    world.call("ThingSearchNode", input).await.unwrap()["count"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_texts_are_kept_and_found_as_they_are() {
    with(parse(EVERYTHING), |world| async move {
        let guard = Guard::new(&world).await;
        // Rows that patterns, folding and trimming would take for others.
        let decoys = json!([{"label": "x"}, {"label": "abc"}, {"label": "%%%"}, {"label": "id"}, {"label": "name"}]);
        world.call("ThingCRUDNode", json!({"operation": "bulk_create", "rows": decoys})).await.unwrap();
        for text in texts(&guard, "things") {
            let data = json!({"label": text, "note": text, "email": text, "api_key": text, "tags": [text], "detail": {&*text: text}});
            let made = world.call("ThingCRUDNode", json!({"operation": "create", "data": data})).await;
            if is_refused(&text) {
                assert_eq!(made.unwrap_err().code().id, "HM-D013", "{text:?}");
                continue;
            }
            let id = made.unwrap_or_else(|e| panic!("{text:?}: {e:?}"))["row"]["id"].clone();
            for column in ["label", "note", "email", "api_key", "tags->>0", "(SELECT key FROM jsonb_each(detail))"] {
                assert_eq!(kept(&world, column, &id).await.as_ref(), Some(&text), "{column}");
            }
            let read = world.call("ThingCRUDNode", json!({"operation": "read", "id": id})).await.unwrap();
            assert_eq!((&read["row"]["label"], &read["row"]["detail"][&text]), (&json!(text), &json!(text)));
            assert_eq!(count(&world, json!({"note": text})).await, 1, "{text:?}");
            assert_eq!(count(&world, json!({"note": {"in": [text, "another"]}})).await, 1, "{text:?}");
            assert_eq!(count(&world, json!({"tags": {"contains": [text]}})).await, 1, "{text:?}");
            for operator in ["contains", "starts_with", "ends_with"] {
                let found = json!({"and": [{"note": {operator: text}}, {"label": {operator: text}}, {"id": id}]});
                assert_eq!(count(&world, found).await, 1, "{operator} {text:?}");
                let decoy = count(&world, json!({"label": {operator: text}, "note": null})).await;
                let condition = match operator {
                    "contains" => "position(lower($1) in lower(label)) > 0",
                    "starts_with" => "starts_with(label, $1)",
                    _ => "right(label, length($1)) = $1",
                };
                let schema = world.dataflow.schema();
                let plain = format!("SELECT count(*) FROM {schema}.things WHERE note IS NULL AND deleted_at IS NULL AND {condition}");
                let plain: i64 = world.sql.query_one(&plain, &[&text]).await.unwrap().get(0);
                assert_eq!(decoy, u64::try_from(plain).unwrap(), "{operator} {text:?}");
            }
            let gone = json!({"operation": "delete", "id": id});
            world.call("ThingCRUDNode", gone).await.unwrap();
            assert_eq!(count(&world, json!({})).await, 5, "{text:?}");
        }
        assert_eq!(guard.changed().await, None);
        guard.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_values_of_every_type_are_kept_or_refused() {
    with(parse(EVERYTHING), |world| async move {
        let guard = Guard::new(&world).await;
        let mut found = Vec::new();
        let columns: Vec<_> =
            world.dataflow.tables()[0].columns.iter().map(|c| (c.name().to_owned(), c.sensitivity)).collect();
        for value in values::all(&guard.other, "things") {
            if value.to_string().len() > 100_000 {
                continue;
            }
            for (column, _) in
                columns.iter().filter(|(name, _)| !["id", "row_version", "deleted_at"].contains(&&**name))
            {
                let mut data = json!({"label": "x"});
                data[column] = value.clone();
                let begin = std::time::Instant::now();
                let made = world.call("ThingCRUDNode", json!({"operation": "create", "data": data})).await;
                // `data` is personal as a whole.
                if let Some(why) = wrong(&made, begin.elapsed(), &values::marks(&value)) {
                    found.push(format!("{column} = {value}: {why}"));
                }
                if let Ok(made) = made
                    && column == "detail"
                {
                    let text = format!("SELECT detail FROM {}.things WHERE id = $1", world.dataflow.schema());
                    let row = world.sql.query_one(&text, &[&made["row"]["id"].as_i64()]).await.unwrap();
                    let kept: Option<Value> = row.get(0);
                    assert_eq!(kept.unwrap_or_default().as_object(), value.as_object());
                }
            }
        }
        assert_eq!(guard.changed().await, None);
        assert!(found.is_empty(), "{}", found.join("\n"));
        guard.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_keys_name_one_row() {
    with(parse(KEYED), |world| async move {
        let guard = Guard::new(&world).await;
        let texts: Vec<String> = texts(&guard, "codes").into_iter().filter(|t| !is_refused(t) && t.len() < 2_000).collect();
        let rows: Vec<Value> = texts.iter().map(|t| json!({"code": t, "note": t})).collect();
        world.call("CodeCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        let mut left = texts.len();
        for text in &texts {
            let read = world.call("CodeCRUDNode", json!({"operation": "read", "id": text})).await.unwrap();
            assert_eq!(read["row"]["note"], json!(text));
            for source in ["database", "cache"] {
                let input = json!({"operation": "get", "id": text, "tags": [text.chars().take(20).collect::<String>() + "t"]});
                let got = world.call("CodeCacheNode", input).await.unwrap_or_else(|e| panic!("{text:?}: {e:?}"));
                assert_eq!((&got["row"]["note"], &got["source"]), (&json!(text), &json!(source)), "{text:?}");
            }
            let delete = json!({"operation": "delete", "id": text});
            world.call("CodeCRUDNode", delete).await.unwrap();
            left -= 1;
            let there = world.ask("SELECT count(*) FROM {}.codes").await;
            assert_eq!(there, json!(left), "{text:?} is one row");
        }
        assert_eq!(guard.changed().await, None);
        guard.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_texts_come_back_from_files() {
    let formats = ["csv", "jsonl", "parquet", "arrow", "xlsx"];
    let told = Arc::new(Mutex::new(Vec::new()));
    let out = Arc::clone(&told);
    with(parse(KEYED), |world| async move {
        let guard = Guard::new(&world).await;
        let texts: Vec<String> = texts(&guard, "codes").into_iter().filter(|t| !is_refused(t) && t.len() < 2_000).collect();
        let rows: Vec<Value> = texts.iter().map(|t| json!({"code": t, "note": t})).collect();
        world.call("CodeCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        let all = "SELECT jsonb_agg(jsonb_build_array(code, note) ORDER BY code) FROM {}.codes";
        let before = world.ask(all).await;
        for format in formats {
            let path = format!("codes.{format}");
            let written = json!({"format": format, "path": path, "include_pii": true});
            let written = world.call("CodeExportNode", written).await;
            if let Err(error) = &written {
                out.lock().unwrap().push(format!("{format}: {error:?}"));
                continue;
            }
            world.sql.batch_execute(&format!("DELETE FROM {}.codes", world.dataflow.schema())).await.unwrap();
            let read = world.call("CodeImportNode", json!({"format": format, "path": path})).await;
            match read {
                Ok(_) => {
                    let after = world.ask(all).await;
                    let lost = before.as_array().unwrap().iter().filter(|row| !after.as_array().is_some_and(|a| a.contains(row)));
                    let lost: Vec<&Value> = lost.collect();
                    if !lost.is_empty() {
                        out.lock().unwrap().push(format!("{format} loses {lost:?}"));
                    }
                }
                Err(error) => out.lock().unwrap().push(format!("{format}: {error:?}")),
            }
            let again = "DELETE FROM {0}.codes; INSERT INTO {0}.codes (code, note) SELECT v->>0, v->>1 FROM jsonb_array_elements($q$";
            let again = again.replace("{0}", world.dataflow.schema()) + &before.to_string() + "$q$::jsonb) v";
            world.sql.batch_execute(&again).await.unwrap();
        }
        assert_eq!(guard.changed().await, None);
        guard.end().await;
    })
    .await;
    let told = told.lock().unwrap();
    assert!(told.is_empty(), "{}", told.join("\n"));
}
