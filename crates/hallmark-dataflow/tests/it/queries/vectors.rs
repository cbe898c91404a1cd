//! Nearness: rows kept in a collection of a real ChromaDB, embedded by a real model API, beside PostgreSQL's own arithmetic.

#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use hallmark_services::{Endpoints, Guarded, Handles};
use hallmark_workflow::{Workflow, WorkflowBuilder};
use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::own_postgres::{self, OwnPostgres, Plan, Scratch};
use crate::support::{World, code, error, handles, parse, with, witness};

const TOOLS: &str = "
@db.model
class Tool:
    name: str
    email: Optional[str] = None
    api_key: Optional[str] = None
    price: int = 0
    shape: Optional[List[float]] = None
    __dataflow__ = {'search_fields': ['name', 'email', 'api_key'], 'soft_delete': True, 'multi_tenant': True}
";

/// Runs a test, and removes the collections that it made.
async fn collected<F: Future<Output = ()>>(test: impl FnOnce(std::sync::Arc<World>) -> F) {
    with(parse(TOOLS), |world| async move {
        let prefix = format!("test:{}", world.dataflow.schema());
        let result = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(test(world))).await;
        let chroma = handles().chroma;
        for found in chroma.list_collections().await.unwrap() {
            if found.metadata.as_ref().is_some_and(|m| m.get("hallmark") == Some(&json!(prefix))) {
                chroma.delete_collection(&found.name).await.unwrap();
            }
        }
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    })
    .await;
}

fn names(answer: &Value) -> Vec<&str> {
    answer["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn meanings_are_indexed_and_found_under_the_same_filter() {
    collected(|world| async move {
        let call = |input: Value| {
            let world = &world;
            async move { world.tenant("north", "ToolSearchNode", input).await }
        };
        let near = json!({"text": "a machine that makes holes in walls"});
        assert_eq!(code(call(json!({"near": near})).await), "HM-D134");
        let rows = json!([
            {"name": "electric drill", "price": 90, "email": "a@example.com", "api_key": "k"}, {"name": "rubber duck", "price": 3},
            {"name": "hammer drill for concrete", "price": 150}, {"name": "garden hose", "price": 20}, {"name": "vanilla ice cream", "price": 4},
        ]);
        let made = world.tenant("north", "ToolCRUDNode", json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        assert_eq!(made["created"], 5, "{made}");
        world.tenant("south", "ToolCRUDNode", json!({"operation": "create", "data": {"name": "drill of another tenant"}})).await.unwrap();
        world.tenant("south", "ToolSearchNode", json!({"operation": "index"})).await.unwrap();
        let first = call(json!({"operation": "index", "limit": 3})).await.unwrap();
        assert_eq!((&first["read"], &first["indexed"]), (&json!(3), &json!(3)), "{first}");
        let rest = call(json!({"operation": "index", "limit": 3, "cursor": first["next_cursor"]})).await.unwrap();
        assert_eq!((&rest["indexed"], &rest["next_cursor"]), (&json!(2), &Value::Null));
        let again = call(json!({"operation": "index"})).await.unwrap();
        assert_eq!((&again["indexed"], &again["unchanged"], &again["kept"]), (&json!(0), &json!(5), &json!(5)));

        let found = call(json!({"near": near, "limit": 2})).await.unwrap();
        let mut both = names(&found);
        both.sort_unstable();
        assert_eq!(both, ["electric drill", "hammer drill for concrete"]);
        let distances: Vec<f64> =
            found["rows"].as_array().unwrap().iter().map(|r| r["_distance"].as_f64().unwrap()).collect();
        assert!(distances[0] <= distances[1] && distances[1] < 1.0, "{distances:?}");
        let cheap = call(json!({"near": near, "filter": {"price": {"lt": 100}}, "limit": 1})).await.unwrap();
        assert_eq!(names(&cheap), ["electric drill"], "the filter holds for what comes back");
        let all = call(json!({"near": near})).await.unwrap();
        assert_eq!(all["count"], 5, "none of another tenant");
        let paged = call(json!({"near": near, "limit": 2, "cursor": found["next_cursor"]})).await.unwrap();
        assert_eq!(names(&paged), names(&all)[2..4], "the next page goes on");

        // What has changed is embedded anew, what was deleted is not found, personal texts are sent nowhere.
        let id = found["rows"][0]["id"].clone();
        world.tenant("north", "ToolCRUDNode", json!({"operation": "update", "id": id, "data": {"name": "chocolate cake"}})).await.unwrap();
        let changed = call(json!({"operation": "index"})).await.unwrap();
        assert_eq!(changed["indexed"], 1);
        let sweet = call(json!({"near": {"text": "dessert"}, "limit": 2})).await.unwrap();
        assert!(names(&sweet).contains(&"chocolate cake"), "{sweet}");
        world.tenant("north", "ToolCRUDNode", json!({"operation": "delete", "id": id})).await.unwrap();
        assert_eq!(call(json!({"near": near})).await.unwrap()["count"], 4);
        let chroma = handles().chroma;
        let collection = chroma.collection(first["collection"].as_str().unwrap()).await.unwrap();
        for record in chroma.records(&collection.id, 100).await.unwrap() {
            let text = record.document.unwrap();
            assert!(!text.contains('@') && !text.ends_with(". k"), "{text}");
        }
        // Built anew, nothing is left of what is gone.
        let anew = call(json!({"operation": "reindex"})).await.unwrap();
        assert_eq!((&anew["indexed"], &anew["kept"]), (&json!(4), &json!(4)));
    })
    .await;
}

#[tokio::test]
async fn given_vectors_agree_with_plain_arithmetic() {
    collected(|world| async move {
        let statement = format!(
            "INSERT INTO {}.tools (name, price, tenant_id, shape) SELECT 'tool ' || i, i, '',
             CASE WHEN i % 7 > 0 THEN ARRAY[sin(i), cos(i * 3), sin(i * i), 1.0 / i] END FROM generate_series(1, 120) AS i",
            world.dataflow.schema()
        );
        world.sql.batch_execute(&statement).await.unwrap();
        let mut cursor = Value::Null;
        loop {
            let page = world.call("ToolSearchNode", json!({"operation": "index", "vector_field": "shape", "limit": 50, "cursor": cursor})).await.unwrap();
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                assert_eq!(page["kept"], world.ask("SELECT count(shape) FROM {}.tools").await);
                break;
            }
        }
        let distance = "1 - (0.5 * shape[1] + 0.1 * shape[2] - 0.3 * shape[3] + 0.2 * shape[4])
          / (sqrt(0.25 + 0.01 + 0.09 + 0.04) * sqrt(shape[1]^2 + shape[2]^2 + shape[3]^2 + shape[4]^2))";
        for (filter, condition) in [(json!({}), "true"), (json!({"price": {"gte": 100}}), "price >= 100")] {
            let expected = world
                .ask(&format!(
                    "SELECT jsonb_agg(name) FROM (SELECT name FROM {{}}.tools WHERE shape IS NOT NULL AND {condition} ORDER BY {distance} LIMIT 10) AS f"
                ))
                .await;
            for through in ["exact", "chroma"] {
                let near = json!({"vector": [0.5, 0.1, -0.3, 0.2], "field": "shape", "through": through});
                let answer = world.call("ToolSearchNode", json!({"near": near, "limit": 10, "filter": filter})).await.unwrap();
                assert_eq!(json!(names(&answer)), expected, "{through} {filter}");
            }
        }
        let near = json!({"vector": [0.5, 0.1, -0.3, 0.2], "field": "shape", "through": "exact", "at_most": 0.5});
        let counted = world.call("ToolSearchNode", json!({"operation": "count", "near": near})).await.unwrap();
        assert_eq!(counted["count"], world.ask(&format!("SELECT count(*) FROM {{}}.tools WHERE {distance} <= 0.5")).await);
        // Vectors made elsewhere, for rows of the caller's.
        let given = json!([{"id": 7, "vector": [0.5, 0.1, -0.3, 0.2]}]);
        let kept = world.call("ToolSearchNode", json!({"operation": "index", "vector_field": "shape", "vectors": given})).await.unwrap();
        assert_eq!(kept["indexed"], 1);
        let near = json!({"vector": [0.5, 0.1, -0.3, 0.2], "field": "shape"});
        let nearest = world.call("ToolSearchNode", json!({"near": near, "limit": 1})).await.unwrap();
        assert_eq!(nearest["rows"][0]["name"], "tool 7");
        let unknown = json!([{"id": 9_999, "vector": [1, 2, 3, 4]}]);
        assert_eq!(code(world.call("ToolSearchNode", json!({"operation": "index", "vectors": unknown})).await), "HM-D026");
    })
    .await;
}

#[tokio::test]
async fn a_vector_of_another_length_is_the_callers_mistake() {
    collected(|world| async move {
        world.call("ToolCRUDNode", json!({"operation": "create", "data": {"name": "saw"}})).await.unwrap();
        let given = |numbers: Value| json!({"operation": "index", "vectors": [{"id": 1, "vector": numbers}]});
        world.call("ToolSearchNode", given(json!([1, 2]))).await.unwrap();
        let asked = error(world.call("ToolSearchNode", json!({"near": {"vector": [1, 2, 3]}})).await);
        assert_eq!((asked.code().id, asked.place()), ("HM-D133", Some("near")), "{asked:?}");
        let written = error(world.call("ToolSearchNode", given(json!([1, 2, 3]))).await);
        assert_eq!((written.code().id, written.place()), ("HM-D133", Some("vectors")), "{written:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_vector_and_no_way_is_refused() {
    collected(|world| async move {
        let cases = [
            (json!({"vector": []}), "HM-D133"),
            (json!({"vector": [0, 0]}), "HM-D133"),
            (json!({"vector": [1, "x"]}), "HM-D133"),
            (json!({"vector": [1e300]}), "HM-D133"),
            (json!({"vector": "'; --"}), "HM-D133"),
            (json!({"vector": [1], "text": "x"}), "HM-D025"),
            (json!({"text": " "}), "HM-D025"),
            (json!({"vector": [1], "field": "name"}), "HM-D025"),
            (json!({"vector": [1], "field": "shape\" --"}), "HM-D010"),
            (json!({"vector": [1], "through": "exact"}), "HM-D018"),
            (json!({"vector": [1], "through": "x'; --"}), "HM-D025"),
            (json!({"vector": [1], "field": "shape"}), "HM-D134"),
        ];
        for (near, expected) in cases {
            assert_eq!(code(world.call("ToolSearchNode", json!({"near": near})).await), expected, "{near}");
        }
        let has = world.ask("SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'vector')").await;
        let near = json!({"vector": [1.0, 2.0], "field": "shape", "through": "pgvector"});
        let answer = world.call("ToolSearchNode", json!({"near": near})).await;
        if has == json!(true) {
            assert_eq!(answer.unwrap()["count"], 0);
        } else {
            let refused = error(answer);
            assert!(
                refused.code().id == "HM-D132" && refused.next_step().unwrap().contains("exact"),
                "{refused}"
            );
        }
    })
    .await;
}

/// Runs a test in a database of its own that has pgvector in a schema of its own: on the server of the environment where that can have
/// it, else on one of the test's own that brings it.
async fn with_pgvector<F: Future<Output = ()>>(test: impl FnOnce(std::sync::Arc<World>) -> F) {
    let mut given = Endpoints::from_env().unwrap();
    let offered = "SELECT FROM pg_available_extensions WHERE name = 'vector'";
    let has_it = !witness().await.query(offered, &[]).await.unwrap().is_empty();
    let root = Scratch::new("vector");
    // Declared behind its folder, and so ended before that goes.
    let own = if has_it {
        None
    } else {
        let Some(programs) = own_postgres::with_pgvector(&root.0) else {
            println!(
                "NOT CHECKED: neither the server nor the tests' Python offers the extension vector (pgvector)"
            );
            return;
        };
        let plan = Plan { programs, root: &root.0, data: root.0.join("data"), initdb: &[], settings: "" };
        Some(OwnPostgres::start(&plan))
    };
    let config = own.as_ref().map_or_else(|| given.postgres.take().unwrap(), OwnPostgres::config);
    let (admin, connection) = tokio_postgres::connect(config.url().expose(), NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    let token = hallmark_core::random::token(10).unwrap();
    let database = format!("it_vector_{token}");
    admin.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
    let config = config.with_database(&database);
    let (client, connection) = tokio_postgres::connect(config.url().expose(), NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    client
        .batch_execute("CREATE SCHEMA \"of others\"; CREATE EXTENSION vector SCHEMA \"of others\"")
        .await
        .unwrap();
    given.postgres = Some(config);
    let handles = Handles::connect(&given).unwrap();
    let guarded = Guarded::bare(&handles);
    let world = std::sync::Arc::new(World::guarded(parse(TOOLS), "rows", client, (handles, guarded), 0));
    world.dataflow.apply_schema().await.unwrap();
    let result = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(test(world))).await;
    admin.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await.unwrap();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

#[tokio::test]
async fn pgvector_finds_what_plain_arithmetic_finds() {
    with_pgvector(|world| async move {
        let statement = "INSERT INTO rows.tools (name, price, tenant_id, shape) SELECT 'tool ' || i, i, '',
             CASE WHEN i % 7 > 0 THEN ARRAY[sin(i), cos(i * 3), sin(i * i), 1.0 / i] END FROM generate_series(1, 120) AS i;
             INSERT INTO rows.tools (name, tenant_id, shape) VALUES ('short', '', '{1, 2}'), ('none', '', '{}'), ('zeros', '', '{0, 0, 0, 0}'),
             ('nan', '', '{NaN, 0, 0, 1}'), ('tool tiny', '', '{1e-200, 1, 0, 1}'), ('tool faint', '', '{1e-200, 1e-15, 0, 0}'), ('great', '', '{1e300, 0, 0, 1}'), ('endless', '', '{Infinity, 0, 0, 1}'), ('hole', '', '{NULL, 0, 0, 1}'),
             ('of another', 'other', '{0.5, 0.1, -0.3, 0.2}')";
        world.sql.batch_execute(statement).await.unwrap();
        let ask = |through: &str, more: Value| {
            let near = json!({"vector": [0.5, 0.1, -0.3, 0.2], "field": "shape", "through": through});
            let mut input = json!({"near": near});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            if let Some(at_most) = input.as_object_mut().unwrap().remove("at_most") {
                input["near"]["at_most"] = at_most;
            }
            let world = &world;
            async move { world.call("ToolSearchNode", input).await.unwrap() }
        };
        for more in [
            json!({"limit": 10}),
            json!({"limit": 10, "filter": {"price": {"gte": 100}}}),
            json!({"limit": 500, "at_most": 0.7, "filter": {"name": {"starts_with": "tool"}}}),
        ] {
            let (extension, exact) = (ask("pgvector", more.clone()).await, ask("exact", more.clone()).await);
            assert!(names(&extension).len() > 5, "{more}: {extension}");
            assert_eq!(names(&extension), names(&exact), "{more}");
            for (a, b) in extension["rows"].as_array().unwrap().iter().zip(exact["rows"].as_array().unwrap()) {
                let difference = a["_distance"].as_f64().unwrap() - b["_distance"].as_f64().unwrap();
                assert!(difference.abs() < 1e-5, "{a} {b}");
            }
        }
        // Page by page, each once; what has no distance is not found, and hurts nobody.
        let (mut found, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let page = ask("pgvector", json!({"limit": 25, "cursor": cursor})).await;
            found.extend(names(&page).into_iter().map(str::to_owned));
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        let all = world.ask("SELECT count(*) FROM rows.tools WHERE shape IS NOT NULL AND name LIKE 'tool %'").await;
        assert_eq!(json!(found.len()), all, "{found:?}");
        let once: std::collections::BTreeSet<&String> = found.iter().collect();
        assert_eq!(once.len(), found.len());
        let counted = ask("pgvector", json!({"operation": "count"})).await;
        assert_eq!(counted["count"], all);
        assert_eq!(ask("exact", json!({"operation": "count"})).await["count"], all, "both ways leave out the same");
        let long = json!({"vector": vec![1; 16_001], "field": "shape", "through": "pgvector"});
        assert_eq!(code(world.call("ToolSearchNode", json!({"near": long})).await), "HM-D133");
        let long = json!({"vector": vec![1; 16_000], "field": "shape", "through": "pgvector"});
        assert_eq!(world.call("ToolSearchNode", json!({"near": long})).await.unwrap()["count"], 0);
    })
    .await;
}

/// Who may only read may search, and not index: not by the step's configuration, not by the input, not by another step.
#[tokio::test]
async fn indexing_is_no_reading() {
    with(parse(TOOLS), |world| async move {
        let spec = world.registry.get("ToolSearchNode").unwrap().spec();
        let reads = |input: Value| spec.only_reads(input.as_object().unwrap());
        assert!(spec.read_only && reads(json!({})) && reads(json!({"operation": "facets"})));
        assert!(!reads(json!({"operation": "index"})) && !reads(json!({"operation": "reindex"})));
        let built = |config: Value| {
            let builder = WorkflowBuilder::new().add_node("ToolSearchNode", "find", config);
            builder.build(&world.registry).unwrap()
        };
        assert!(built(json!({"limit": 3})).is_read_only());
        assert!(!built(json!({"operation": "index"})).is_read_only());
        // Without declared inputs each node can be given its own.
        let open = built(json!({"limit": 3}));
        assert!(open.only_reads(&json!({"find": {"limit": 4}})));
        assert!(!open.only_reads(&json!({"find": {"operation": "reindex"}})));
        let single = Workflow::single(world.registry.get("ToolSearchNode").unwrap().clone());
        assert!(
            single.only_reads(&json!({"query": "x"})) && !single.only_reads(&json!({"operation": "index"}))
        );
        let refused = world
            .dataflow
            .explain(
                &world.registry,
                "ToolSearchNode",
                &world.context,
                json!({"operation": "index"}).as_object().cloned().unwrap(),
            )
            .await;
        assert_eq!(refused.unwrap_err().code().id, "HM-D081", "it would be done, not explained");
    })
    .await;
}
