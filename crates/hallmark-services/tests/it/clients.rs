//! The clients on real services: what they carry, and what their failures are called.

use hallmark_core::Secret;
use hallmark_services::chroma::Records;
use hallmark_services::openai::ChatMessage;
use hallmark_services::{Endpoints, Handles, Neo4j, OpenAi, Postgres, ServiceKind, codes, postgres};
use redis::AsyncTypedCommands as _;
use serde_json::{Map, Value, json};

use crate::support::{OwnRedis, endpoints};

fn unique(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::new_v4().simple())
}

fn params(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn a_missing_service_says_so() {
    let handles = Handles::connect(&Endpoints::default()).unwrap();
    assert!(handles.postgres.client().await.err().unwrap().is(&codes::NOT_CONFIGURED));
    assert!(handles.neo4j.query("RETURN 1", Map::new()).await.unwrap_err().is(&codes::NOT_CONFIGURED));
    assert!(handles.chroma.list_collections().await.unwrap_err().is(&codes::NOT_CONFIGURED));
    assert!(handles.redis.connection().await.err().unwrap().is(&codes::NOT_CONFIGURED));
    assert!(handles.openai.embed(&["x".to_owned()]).await.unwrap_err().is(&codes::NOT_CONFIGURED));
}

#[tokio::test]
async fn the_environment_names_what_it_was_read_from() {
    let all = endpoints();
    let variables = all.to_env();
    for kind in ServiceKind::ALL {
        let written = variables.iter().find(|v| v.name == kind.variable()).unwrap();
        let given = std::env::var(kind.variable()).unwrap();
        assert_eq!(written.value.expose().trim_end_matches('/'), given.trim_end_matches('/'));
    }
    assert!(variables.iter().any(|v| v.name == "DATABASE_URL" && v.sensitive));
    assert!(!format!("{all:?}").contains(all.postgres.as_ref().unwrap().password.expose()));
}

#[tokio::test]
async fn postgres_codes_tell_failures_apart() {
    let config = endpoints().postgres.unwrap();
    let client = Postgres::new(&config).unwrap().client().await.unwrap();
    let table = unique("t");
    let make = format!("CREATE TEMPORARY TABLE {table} (id int PRIMARY KEY); INSERT INTO {table} VALUES (1)");
    client.batch_execute(&make).await.unwrap();
    let twice =
        client.execute(&format!("INSERT INTO {table} VALUES (1)"), &[]).await.map_err(postgres::error);
    let error = twice.unwrap_err();
    assert!(error.is(&codes::CONSTRAINT), "{error:?}");
    assert_eq!(error.place(), Some(format!("{table}_pkey").as_str()));
    let syntax = client.batch_execute("SELEC 1").await.map_err(postgres::error).unwrap_err();
    assert!(syntax.is(&codes::STATEMENT), "{syntax:?}");

    let hasty = postgres::PostgresConfig { statement_timeout_ms: 50, ..config };
    let client = Postgres::new(&hasty).unwrap().client().await.unwrap();
    let slow = client.batch_execute("SELECT pg_sleep(5)").await.map_err(postgres::error).unwrap_err();
    assert!(slow.is(&codes::STATEMENT_TIMEOUT), "{slow:?}");
}

#[tokio::test]
async fn an_exhausted_pool_is_an_error_not_a_hang() {
    let config = postgres::PostgresConfig { pool_size: 1, ..endpoints().postgres.unwrap() };
    let pool = Postgres::new(&config).unwrap();
    let held = pool.client().await.unwrap();
    let error = pool.client().await.err().unwrap();
    assert!(error.is(&codes::POOL_EXHAUSTED), "{error:?}");
    drop(held);
    drop(pool.client().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_of_neo4j_is_an_error_not_a_hang() {
    let wait = std::time::Duration::from_millis(300);
    let config =
        hallmark_services::Neo4jConfig { pool_size: 1, pool_wait: wait, ..endpoints().neo4j.unwrap() };
    let neo4j = Neo4j::new(&config).unwrap();
    let long = "UNWIND range(1, 100000000) AS n RETURN max(n % 7) AS m";
    let busy = tokio::spawn({
        let neo4j = neo4j.clone();
        async move { neo4j.query(long, serde_json::Map::new()).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let error = neo4j.query("RETURN 1 AS one", serde_json::Map::new()).await.unwrap_err();
    assert!(error.is(&codes::POOL_EXHAUSTED) && error.message().contains("all 1 connections"), "{error:?}");
    busy.await.unwrap().unwrap();
    assert_eq!(neo4j.query("RETURN 1 AS one", serde_json::Map::new()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_without_tls_is_not_reached_in_the_open_when_tls_is_asked_for() {
    let config = postgres::PostgresConfig { require_tls: true, ..endpoints().postgres.unwrap() };
    let error = Postgres::new(&config).unwrap().client().await.err().unwrap();
    assert!(error.is(&codes::TLS_FAILED), "{error:?}");
    let astray = postgres::PostgresConfig { root_certificate: Some("/nowhere.pem".to_owned()), ..config };
    assert!(Postgres::new(&astray).unwrap_err().is(&codes::TLS_FAILED));
}

#[tokio::test]
async fn neo4j_values_become_json() {
    let neo4j = Neo4j::new(endpoints().neo4j.as_ref().unwrap()).unwrap();
    let echo = json!({"text": "ü", "list": [1, [2.5, null]], "map": {"deep": {"er": true}}});
    let rows = neo4j.query("RETURN $value AS value", params(json!({"value": echo}))).await.unwrap();
    assert_eq!(rows[0]["value"], echo);

    let run = unique("");
    let cypher = "CREATE p = (a:HallmarkTest {run: $run, n: 1})-[r:LEADS {weight: 0.5}]->(b:HallmarkTest {run: $run, n: 2}) \
        RETURN p, a, r, date('2026-11-24') AS date, datetime('2026-11-24T10:00:00Z') AS time, \
        localdatetime('2026-11-24T10:00:00.5') AS local, point({x: 1, y: 2}) AS point";
    let rows = neo4j.query(cypher, params(json!({"run": run}))).await.unwrap();
    let row = &rows[0];
    assert_eq!(row["a"]["labels"], json!(["HallmarkTest"]));
    assert_eq!(row["a"]["properties"]["n"], json!(1));
    assert_eq!(row["r"]["type"], json!("LEADS"));
    assert_eq!(row["r"]["start"], row["a"]["id"]);
    assert_eq!(row["p"]["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(row["p"]["relationships"][0]["start"], row["a"]["id"]);
    assert_eq!(row["p"]["relationships"][0]["properties"]["weight"], json!(0.5));
    assert_eq!(row["date"], json!("2026-11-24"));
    assert_eq!(row["time"], json!("2026-11-24T10:00:00+00:00"));
    assert_eq!(row["local"], json!("2026-11-24T10:00:00.500"));
    assert_eq!(row["point"]["x"], json!(1.0));

    // The same path read against its direction: start and end stay the relationship's own.
    let back = "MATCH p = (b:HallmarkTest {run: $run, n: 2})<-[:LEADS]-(a) RETURN p";
    let rows = neo4j.query(back, params(json!({"run": run}))).await.unwrap();
    assert_eq!(rows[0]["p"]["nodes"][0]["properties"]["n"], json!(2));
    assert_eq!(rows[0]["p"]["relationships"][0]["start"], row["a"]["id"]);

    neo4j
        .query("MATCH (n:HallmarkTest {run: $run}) DETACH DELETE n", params(json!({"run": run})))
        .await
        .unwrap();
    let error = neo4j.query("RETRUN 1", Map::new()).await.unwrap_err();
    assert!(error.is(&codes::CYPHER) && error.causes()[0].contains("SyntaxError"), "{error:?}");
}

#[tokio::test]
async fn chroma_keeps_finds_and_forgets() {
    let handles = Handles::connect(&endpoints()).unwrap();
    let (chroma, name) = (handles.chroma, unique("hallmark_test_"));
    let space = params(json!({"hnsw:space": "cosine"}));
    let id = chroma.get_or_create_collection(&name, space.clone()).await.unwrap();
    assert_eq!(chroma.get_or_create_collection(&name, space).await.unwrap(), id);
    let records = Records {
        ids: vec!["a".into(), "b".into(), "c".into()],
        embeddings: vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![0.7, 0.7]],
        documents: vec!["one".into(), "two".into(), "three".into()],
        metadatas: vec![params(json!({"kind": "x"})), params(json!({"kind": "y"})), Map::new()],
    };
    chroma.upsert(&id, records.clone()).await.unwrap();
    chroma.upsert(&id, records).await.unwrap();
    assert_eq!(chroma.count(&id).await.unwrap(), 3);
    let near = chroma.query(&id, &[1.0, 0.1], 2, None).await.unwrap();
    assert_eq!(near.iter().map(|n| n.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(near[0].document.as_deref(), Some("one"));
    let only = chroma.query(&id, &[1.0, 0.1], 3, Some(json!({"kind": "y"}))).await.unwrap();
    assert_eq!(only.iter().map(|n| n.id.as_str()).collect::<Vec<_>>(), ["b"]);
    let error = chroma.query(&id, &[1.0], 1, None).await.unwrap_err();
    assert!(error.is(&codes::CHROMA_REQUEST), "{error:?}");
    chroma.delete_ids(&id, &["a".to_owned()]).await.unwrap();
    assert_eq!(chroma.count(&id).await.unwrap(), 2);
    let crooked = Records { ids: vec!["d".into()], ..Records::default() };
    assert!(chroma.upsert(&id, crooked).await.unwrap_err().is(&codes::PARAMETER));
    chroma.delete_collection(&name).await.unwrap();
    assert!(chroma.count(&id).await.unwrap_err().is(&codes::CHROMA_NOT_FOUND));
}

#[tokio::test]
async fn redis_answers_on_one_connection() {
    let handles = Handles::connect(&endpoints()).unwrap();
    let mut connection = handles.redis.connection().await.unwrap();
    let key = unique("hallmark:test:");
    connection.set_ex(&key, "value", 30).await.unwrap();
    assert_eq!(connection.get(&key).await.unwrap().as_deref(), Some("value"));
    let error = connection.incr(&key, 1).await.map_err(|e| hallmark_services::redis::error(&e)).unwrap_err();
    assert!(error.is(&codes::REDIS_COMMAND), "{error:?}");
    connection.del(&key).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_redis_is_reached_again() {
    let mut own = OwnRedis::start();
    let redis = hallmark_services::Redis::new(own.endpoints().redis.as_ref().unwrap()).unwrap();
    let mut connection = redis.connection().await.unwrap();
    connection.set("before", "1").await.unwrap();
    own.restart();
    let mut answered = false;
    for _ in 0..20 {
        // The command that meets the broken connection fails; it is not sent twice.
        let outcome = connection.ping().await.map_err(|e| hallmark_services::redis::error(&e));
        answered = outcome.is_ok();
        if let Err(error) = outcome {
            assert!(error.is(&codes::CONNECTION_LOST) || error.is(&codes::UNREACHABLE), "{error:?}");
        } else {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(answered, "the restarted server was not reached");
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced() {
    let pool = Postgres::new(&endpoints().postgres.unwrap()).unwrap();
    let client = pool.client().await.unwrap();
    let ended = client.batch_execute("SELECT pg_terminate_backend(pg_backend_pid())").await;
    assert!(postgres::error(ended.unwrap_err()).is(&codes::CONNECTION_LOST));
    drop(client);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    pool.client().await.unwrap().batch_execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn the_model_api_answers_and_its_refusals_keep_their_status() {
    let config = endpoints().openai.unwrap();
    let openai = OpenAi::new(&config).unwrap();
    let answer = openai.chat(&[ChatMessage::user("Say hello.")], 4).await.unwrap();
    assert!((1..=4).contains(&answer.completion_tokens) && answer.prompt_tokens > 0, "{answer:?}");
    let texts: Vec<String> = (0..70).map(|n| format!("product number {n}")).collect();
    let vectors = openai.embed(&texts).await.unwrap();
    assert!(vectors.len() == 70 && vectors.iter().all(|v| v.len() == 384));

    let stranger = hallmark_services::OpenAiConfig { api_key: Secret::new("wrong"), ..config.clone() };
    let refused = OpenAi::new(&stranger).unwrap().embed(&["x".to_owned()]).await.unwrap_err();
    assert!(refused.is(&codes::AUTHENTICATION), "{refused:?}");
    let astray =
        hallmark_services::OpenAiConfig { base_url: format!("{}/nowhere", config.base_url), ..config };
    let missing = OpenAi::new(&astray).unwrap().chat(&[ChatMessage::user("x")], 1).await.unwrap_err();
    assert!(missing.is(&codes::API_NOT_FOUND), "{missing:?}");
}
