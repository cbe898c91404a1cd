//! Rows of others, deleted and expired ones, in every kind of node; and what is put on record of changes.

use std::sync::Arc;

use hallmark_dataflow::migrate::MigrateOptions;
use hallmark_workflow::{Caller, Context};
use serde_json::{Value, json};

use crate::support::{World, code, parse, with, witness};

const NOTES: &str = r#"
@db.model
class Note:
    code: str = Field(unique=True)
    body: str
    amount: int = 0
    owner: str
    email: Optional[str] = None
    api_key: Optional[str] = None
    __dataflow__ = {
        "multi_tenant": True, "soft_delete": True, "versioned": True, "ttl": 3600, "row_rules": {"owner": "caller"},
        "audit_log": True, "search_fields": ["body"], "cache_invalidation": "notify",
    }
"#;

/// The rows that nobody of tenant `t` called `ann` may see, and why.
const HIDDEN: [&str; 4] = ["tenant", "owner", "deleted", "expired"];

fn ann() -> Context {
    Context::new(&Caller::new("ann").tenant("t"))
}

async fn call(world: &World, kind: &str, input: Value) -> hallmark_core::Result<Value> {
    let input = input.as_object().cloned().unwrap();
    world.registry.call(&format!("Note{kind}Node"), &ann(), input).await
}

/// One row that ann sees, by her own call, and one of each that she does not; the keys of those.
async fn seed(world: &World) -> (i64, Vec<i64>) {
    let data = json!({"code": "mine", "body": "mine to see", "amount": 1});
    let made = call(world, "CRUD", json!({"operation": "create", "data": data})).await.unwrap();
    assert_eq!(made["row"]["owner"], json!("ann"), "whose row it is comes from who asks");
    let schema = world.dataflow.schema();
    let mut hidden = Vec::new();
    for why in HIDDEN {
        let row = world
            .sql
            .query_one(
                &format!(
                    "INSERT INTO {schema}.notes (code, body, amount, owner, tenant_id, deleted_at, created_at)
                     VALUES ($1, $1 || ' to see', 98765432, CASE $1 WHEN 'hidden-owner' THEN 'bob' ELSE 'ann' END,
                        CASE $1 WHEN 'hidden-tenant' THEN 'u' ELSE 't' END, CASE $1 WHEN 'hidden-deleted' THEN now() END,
                        CASE $1 WHEN 'hidden-expired' THEN now() - interval '2 hours' ELSE now() END)
                     RETURNING id"
                ),
                &[&format!("hidden-{why}")],
            )
            .await
            .unwrap();
        hidden.push(row.get(0));
    }
    (made["row"]["id"].as_i64().unwrap(), hidden)
}

/// All that the hidden rows hold; the expired one may be purged by whoever makes room.
async fn hidden_rows(world: &World) -> Value {
    let kept = "SELECT jsonb_agg(to_jsonb(n) ORDER BY id) FROM {}.notes n
                WHERE code LIKE 'hidden%' AND (code <> 'hidden-expired' OR amount <> 98765432)";
    world.ask(kept).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kind_of_node_shows_what_the_caller_may_not_see() {
    with(parse(NOTES), |world| async move {
        let (mine, hidden) = seed(&world).await;
        let all = json!({"id": {"is_null": false}});
        let reads = [
            ("CRUD", json!({"operation": "list", "filter": all})),
            ("CRUD", json!({"operation": "count"})),
            ("Search", json!({"operation": "search", "query": "see"})),
            ("Search", json!({"operation": "search", "filter": {"body": {"contains": "see"}}})),
            ("Search", json!({"operation": "facets", "facet_fields": ["code", "amount"]})),
            ("Search", json!({"operation": "count", "query": "see"})),
            ("Aggregate", json!({"group_by": ["code"], "measures": [{"function": "sum", "field": "amount", "as": "s"}]})),
            ("Analytics", json!({"operation": "profile"})),
            ("Analytics", json!({"operation": "top_n", "field": "code", "limit": 10})),
            ("Export", json!({"format": "jsonl"})),
            ("Export", json!({"format": "csv", "filter": all})),
            ("Validate", json!({"operation": "quality"})),
            ("Transform", json!({"steps": [{"keep": ["code", "amount"]}]})),
        ];
        for (kind, input) in reads {
            let text = call(&world, kind, input.clone()).await.unwrap().to_string();
            assert!(!text.contains("hidden") && !text.contains("98765432"), "{kind} {input}: {text}");
            assert!(text.contains('1') || text.contains("mine"), "{kind} {input} shows the own row: {text}");
        }
        let counts = [
            call(&world, "CRUD", json!({"operation": "count"})).await.unwrap()["count"].clone(),
            call(&world, "Search", json!({"operation": "count", "query": "see"})).await.unwrap()["count"].clone(),
            call(&world, "Analytics", json!({"operation": "profile"})).await.unwrap()["rows"].clone(),
            call(&world, "Validate", json!({"operation": "quality"})).await.unwrap()["rows"].clone(),
            call(&world, "Export", json!({"format": "jsonl"})).await.unwrap()["rows"].clone(),
        ];
        assert!(counts.iter().all(|n| *n == json!(1)), "{counts:?}");
        for id in &hidden {
            for (kind, operation) in [("CRUD", "read"), ("Cache", "get"), ("Cache", "get")] {
                let answer = call(&world, kind, json!({"operation": operation, "id": id})).await.unwrap();
                assert_eq!((&answer["found"], &answer["row"]), (&json!(false), &Value::Null), "{kind} {id}");
            }
        }
        assert_eq!(call(&world, "Cache", json!({"id": mine})).await.unwrap()["row"]["body"], json!("mine to see"));
        // What the cache holds for ann is not bob's, nor another tenant's.
        for other in [Caller::new("bob").tenant("t"), Caller::new("ann").tenant("u")] {
            let input = json!({"id": mine}).as_object().cloned().unwrap();
            let answer = world.registry.call("NoteCacheNode", &Context::new(&other), input).await.unwrap();
            assert_eq!(answer["found"], json!(false), "{other:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_kind_of_node_changes_what_the_caller_may_not_see() {
    with(parse(NOTES), |world| async move {
        let (mine, hidden) = seed(&world).await;
        let before = hidden_rows(&world).await;
        let all = json!({"id": {"is_null": false}});
        for id in &hidden {
            let data = json!({"amount": 7});
            for (kind, operation) in [("CRUD", "update"), ("CRUD", "delete"), ("Cache", "put")] {
                let answer =
                    call(&world, kind, json!({"operation": operation, "id": id, "data": data})).await.unwrap();
                assert_eq!(answer["found"], json!(false), "{kind} {operation} {id}");
            }
        }
        let bulk = json!({"operation": "bulk_update", "filter": all, "data": {"amount": 7}});
        assert_eq!(call(&world, "CRUD", bulk).await.unwrap()["updated"], json!(1));
        let rows: Vec<Value> = hidden.iter().map(|id| json!({"id": id, "amount": 7})).collect();
        let each = call(&world, "CRUD", json!({"operation": "bulk_update", "rows": rows})).await.unwrap();
        assert_eq!((&each["updated"], &each["missing"]), (&json!(0), &json!(hidden)));
        // Of a row that another owns not even its key can be taken.
        for (i, id) in hidden.iter().take(2).enumerate() {
            let data = json!({"id": id, "code": format!("new-{i}"), "body": "taken over"});
            let upsert = call(&world, "CRUD", json!({"operation": "upsert", "data": data})).await;
            assert_eq!(code(upsert), "HM-D020");
            let line = format!("{data}\n");
            let input = json!({"format": "jsonl", "content": line, "on_conflict": "update"});
            let _ = call(&world, "Import", input).await;
        }
        assert_eq!(hidden_rows(&world).await, before, "nothing of others was changed");
        // Nor can a row be given to another, or taken from one.
        let given = json!({"operation": "update", "id": mine, "data": {"owner": "bob"}});
        assert_eq!(code(call(&world, "CRUD", given).await), "HM-D019");
        let made = json!({"operation": "create", "data": {"code": "x", "body": "b", "owner": "bob"}});
        assert_eq!(code(call(&world, "CRUD", made).await), "HM-D019");
        let deleted = json!({"operation": "bulk_delete", "filter": all});
        assert_eq!(call(&world, "CRUD", deleted).await.unwrap()["deleted"], json!(1));
        assert_eq!(hidden_rows(&world).await, before);
        let content = "code,body\nin-1,from a file\nin-2,from a file\n";
        let imported = call(&world, "Import", json!({"format": "csv", "content": content})).await.unwrap();
        assert_eq!(imported["imported"], json!(2));
        let whose = "SELECT jsonb_agg(DISTINCT jsonb_build_array(owner, tenant_id)) FROM {}.notes WHERE code LIKE 'in-%'";
        assert_eq!(world.ask(whose).await, json!([["ann", "t"]]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_time_is_over_give_up_what_they_hold_and_are_purged() {
    with(parse(NOTES), |world| async move {
        let (_, hidden) = seed(&world).await;
        let schema = world.dataflow.schema();
        // Its code is free: the expired row is removed, and a new one made.
        let data = json!({"code": "hidden-expired", "body": "new"});
        let made = call(&world, "CRUD", json!({"operation": "create", "data": data})).await.unwrap();
        assert_ne!(made["row"]["id"], json!(hidden[3]));
        // An upsert makes an expired row anew, with nothing of what it had.
        let old = format!(
            "INSERT INTO {schema}.notes (code, body, amount, email, owner, tenant_id, created_at)
             VALUES ('again', 'old', 9, 'old@example.com', 'ann', 't', now() - interval '2 hours')"
        );
        world.sql.batch_execute(&old).await.unwrap();
        let data = json!({"code": "again", "body": "anew"});
        let input = json!({"operation": "upsert", "data": data, "match_on": ["code"], "include_pii": true});
        let row = call(&world, "CRUD", input).await.unwrap()["row"].clone();
        assert_eq!((&row["body"], &row["amount"], &row["email"]), (&json!("anew"), &json!(0), &Value::Null));
        // What is cached ends with the row.
        let soon = format!(
            "INSERT INTO {schema}.notes (code, body, owner, tenant_id, created_at)
             VALUES ('soon', 'b', 'ann', 't', now() - interval '3598 seconds') RETURNING id"
        );
        let soon: i64 = world.sql.query_one(&soon, &[]).await.unwrap().get(0);
        assert_eq!(call(&world, "Cache", json!({"id": soon})).await.unwrap()["found"], json!(true));
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
        assert_eq!(call(&world, "Cache", json!({"id": soon})).await.unwrap()["found"], json!(false));
        assert_eq!(call(&world, "CRUD", json!({"operation": "purge"})).await.unwrap()["purged"], json!(1));
        let others = format!(
            "INSERT INTO {schema}.notes (code, body, owner, tenant_id, created_at)
             SELECT 'o' || n, 'b', 'bob', 'u', now() - interval '2 hours' FROM generate_series(1, 50) n"
        );
        world.sql.batch_execute(&others).await.unwrap();
        assert_eq!(call(&world, "CRUD", json!({"operation": "purge"})).await.unwrap()["purged"], json!(0));
        assert_eq!(world.dataflow.purge(None).await.unwrap(), [("Note".to_owned(), 50)]);
        assert_eq!(world.dataflow.purge(Some("Nope")).await.unwrap_err().code().id, "HM-D010");
    })
    .await;
}

async fn history(world: &World, id: Option<i64>) -> Vec<Value> {
    let answer = call(world, "CRUD", json!({"operation": "history", "id": id})).await.unwrap();
    answer["changes"].as_array().cloned().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_leaves_one_audit_row_for_each_changed_row() {
    with(parse(NOTES), |world: Arc<World>| async move {
        let data = json!({"code": "a", "body": "first", "email": "ann@example.com", "api_key": "k-123"});
        let made = call(&world, "CRUD", json!({"operation": "create", "data": data})).await.unwrap();
        let id = made["row"]["id"].as_i64().unwrap();
        let writes = [
            ("CRUD", json!({"operation": "update", "id": id, "data": {"body": "second", "email": "b@example.com"}})),
            ("CRUD", json!({"operation": "bulk_update", "filter": {"id": id}, "data": {"amount": 3}})),
            ("CRUD", json!({"operation": "bulk_update", "rows": [{"id": id, "amount": 4}]})),
            ("Cache", json!({"operation": "put", "id": id, "data": {"amount": 5}})),
            ("CRUD", json!({"operation": "upsert", "match_on": ["code"], "data": {"code": "a", "body": "third"}})),
            ("Import", json!({"format": "csv", "content": "code,body\na,fourth\n", "on_conflict": "update", "match_on": ["code"]})),
            ("CRUD", json!({"operation": "delete", "id": id})),
        ];
        for (n, (kind, input)) in writes.into_iter().enumerate() {
            call(&world, kind, input.clone()).await.unwrap();
            let changes = history(&world, Some(id)).await;
            assert_eq!(changes.len(), n + 2, "one for {kind} {input}: {changes:?}");
            let last = &changes[0];
            assert_eq!((&last["operation"], &last["caller"]), (&json!("update"), &json!("ann")), "{kind} {input}");
            assert!(last["run"].is_string() && last["after"]["row_version"].is_number(), "{last}");
        }
        let changes = history(&world, Some(id)).await;
        let (first, second) = (&changes[changes.len() - 1], &changes[changes.len() - 2]);
        assert_eq!((&first["operation"], &first["before"]), (&json!("insert"), &Value::Null));
        assert_eq!((&first["after"]["email"], &first["after"]["api_key"]), (&json!("********"), &json!("********")));
        assert_eq!((&second["before"]["body"], &second["after"]["body"]), (&json!("first"), &json!("second")));
        assert_eq!((&second["before"]["email"], &second["after"]["email"]), (&json!("********"), &json!("********")));
        assert!(second["after"].get("amount").is_none(), "what did not change is not on record: {second}");
        // Many at once, each once; and writers that know nothing of nodes.
        let rows: Vec<Value> = (0..200).map(|n| json!({"code": format!("m{n}"), "body": "many"})).collect();
        call(&world, "CRUD", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        let content: String = (0..300).map(|n| format!("c{n},copied\n")).collect();
        let input = json!({"format": "csv", "content": format!("code,body\n{content}")});
        call(&world, "Import", input).await.unwrap();
        let schema = world.dataflow.schema();
        let kept = "SELECT count(*) FROM {}.hallmark_audit WHERE operation = 'insert'";
        assert_eq!(world.ask(kept).await, json!(501));
        world.sql.batch_execute(&format!("UPDATE {schema}.notes SET amount = 9 WHERE code = 'm1'")).await.unwrap();
        let plain = "SELECT jsonb_build_array(caller, database_user IS NOT NULL, after -> 'amount')
                     FROM {}.hallmark_audit ORDER BY id DESC LIMIT 1";
        assert_eq!(world.ask(plain).await, json!([null, true, 9]));
        // A change that is taken back leaves nothing, and nothing that is on record is changed.
        let undone = format!("BEGIN; UPDATE {schema}.notes SET amount = 10; ROLLBACK");
        let before = world.ask("SELECT count(*) FROM {}.hallmark_audit").await;
        world.sql.batch_execute(&undone).await.unwrap();
        for statement in ["UPDATE {}.hallmark_audit SET caller = 'x'", "DELETE FROM {}.hallmark_audit", "TRUNCATE {}.hallmark_audit"] {
            let refused = world.sql.batch_execute(&statement.replace("{}", schema)).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{statement}");
        }
        assert_eq!(world.ask("SELECT count(*) FROM {}.hallmark_audit").await, before);
        // Pages, and nobody else's.
        let page = call(&world, "CRUD", json!({"operation": "history", "limit": 2})).await.unwrap();
        let next = json!({"operation": "history", "limit": 2, "cursor": page["next_cursor"]});
        let next = call(&world, "CRUD", next).await.unwrap();
        assert!(next["changes"][0]["change"] != page["changes"][1]["change"] && next["count"] == json!(2));
        let bob = Context::new(&Caller::new("bob").tenant("t"));
        let input = json!({"operation": "history"}).as_object().cloned().unwrap();
        assert_eq!(world.registry.call("NoteCRUDNode", &bob, input).await.unwrap()["count"], json!(0));
    })
    .await;
}

#[tokio::test]
async fn what_was_not_declared_is_refused() {
    let plain = "@db.model\nclass Plain:\n    name: str\n";
    with(parse(plain), |world| async move {
        assert_eq!(code(world.call("PlainCRUDNode", json!({"operation": "history"})).await), "HM-D150");
        assert_eq!(code(world.call("PlainCRUDNode", json!({"operation": "purge"})).await), "HM-D151");
        assert_eq!(world.ask("SELECT to_regclass('{}.hallmark_audit') IS NULL").await, json!(true));
    })
    .await;
    for wrong in [
        r#"{"row_rules": {"name": "everybody"}}"#,
        r#"{"row_rules": {"nobody": "caller"}}"#,
        r#"{"ttl": 0}"#,
        r#"{"ttl_field": "name"}"#,
        r#"{"cache_invalidation": "sometimes"}"#,
    ] {
        let model = parse(&format!("{plain}    __dataflow__ = {wrong}\n")).remove(0);
        let refused = hallmark_dataflow::Table::resolve(&model, "s").unwrap_err();
        assert_eq!(refused.code().id, "HM-D004", "{wrong}");
    }
}

#[tokio::test]
async fn rows_are_counted_only_if_asked_for() {
    let plain = "@db.model\nclass Plain:\n    name: str\n";
    with(parse(plain), |world| async move {
        let rows: Vec<Value> = (0..500).map(|n| json!({"name": format!("n{}", n % 5)})).collect();
        world.call("PlainCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        world.sql.batch_execute(&format!("ANALYZE {}.plains", world.dataflow.schema())).await.unwrap();
        for (node, operation) in [("PlainCRUDNode", "list"), ("PlainSearchNode", "search")] {
            let call = async |count: &str, filter: Value| {
                let input = json!({"operation": operation, "limit": 5, "count": count, "filter": filter});
                world.call(node, input).await.unwrap()
            };
            let none = call("none", json!({})).await;
            assert!(none.get("total").is_none() && none["count"] == json!(5), "{none}");
            let exact = call("exact", json!({"name": "n1"})).await;
            assert_eq!((&exact["total"], &exact["total_is"]), (&json!(100), &json!("exact")));
            let all = call("estimated", json!({})).await;
            assert_eq!((&all["total"], &all["total_is"]), (&json!(500), &json!("estimated")));
            let some = call("estimated", json!({"name": "n1"})).await["total"].as_i64().unwrap();
            assert!((50..=200).contains(&some), "{some}");
        }
        let count = json!({"operation": "count", "count": "estimated"});
        assert_eq!(world.call("PlainCRUDNode", count).await.unwrap()["count"], json!(500));
    })
    .await;
}

#[tokio::test]
async fn audit_is_migrated_to_and_taken_back() {
    let plain = "@db.model\nclass Plain:\n    name: str\n";
    with(parse(plain), |world| async move {
        let audited = parse(&format!("{plain}    __dataflow__ = {{\"audit_log\": True}}\n"));
        let later = World::named(audited, world.dataflow.schema(), witness().await);
        let options = MigrateOptions::default();
        let plan = later.dataflow.plan(&options).await.unwrap();
        let summaries: Vec<&str> = plan.steps.iter().map(|step| step.summary.as_str()).collect();
        assert_eq!(summaries, ["add triggers to plains for audit rows"]);
        later.dataflow.migrate(&options, &|_| {}).await.unwrap();
        assert!(later.dataflow.plan(&options).await.unwrap().is_empty());
        let create = json!({"operation": "create", "data": {"name": "a"}});
        later.call("PlainCRUDNode", create.clone()).await.unwrap();
        let history = json!({"operation": "history"});
        assert_eq!(later.call("PlainCRUDNode", history.clone()).await.unwrap()["count"], json!(1));
        later.dataflow.migrate_down(1, &options, &|_| {}).await.unwrap();
        let triggers =
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = '{}.plains'::regclass AND NOT tgisinternal";
        assert_eq!(world.ask(triggers).await, json!(0));
        world.call("PlainCRUDNode", create).await.unwrap();
        assert_eq!(
            later.call("PlainCRUDNode", history).await.unwrap()["count"],
            json!(1),
            "what was on record stays"
        );
    })
    .await;
}
