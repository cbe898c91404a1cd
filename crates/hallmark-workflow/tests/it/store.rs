//! Runs as they are kept in PostgreSQL.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hallmark_core::canonical;
use hallmark_workflow::{Caller, RunStore, Status, WorkflowBuilder};
use serde_json::json;

use crate::nodes::COUNTED;
use crate::{Scratch, build, code, postgres};

fn ada() -> Caller {
    Caller::new("ada")
}

#[tokio::test]
async fn what_is_read_is_what_was_written() {
    let scratch = Scratch::open().await;
    let value = json!({
        "large": 9_007_199_254_740_993_u64, "max": u64::MAX, "min": i64::MIN,
        "floats": [0.1, 1e-7, 5e-324, 1.797_693_134_862_315_7e308, 2.225_073_858_507_201_4e-308, -0.0, 1e21, 333_333_333.333_333_3],
        "sum": 0.1 + 0.2, "whole": 3.0,
        "text": "\u{0}\u{1f600} e\u{301} \u{2028} \" \\ \u{7f}", "\u{fb33}": 1, "\u{1f600}": 2, "nothing": null, "empty": [{}, [], ""],
    });
    let caller = ada().tenant("north").session("s-1");
    let run = scratch.runtime().call("EchoNode", json!({"value": value}), &caller).await.unwrap();
    let kept = scratch.store.get(&run.run_id).await.unwrap();
    assert_eq!(canonical::to_string(&kept.result), canonical::to_string(&run.result));
    assert_eq!(canonical::to_string(&kept.to_json()), canonical::to_string(&run.to_json()));
    assert_eq!(kept.tenant.as_deref(), Some("north"));
    // And the same bytes are in the table.
    let client = scratch.postgres.client().await.unwrap();
    let row = client.query_one(&format!("SELECT result FROM {}.run", scratch.schema), &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), canonical::to_string(&run.result));
    drop(client);
    scratch.remove().await;
}

#[tokio::test]
async fn random_doubles_survive() {
    let scratch = Scratch::open().await;
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let doubles: Vec<f64> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from_bits(state)
    })
    .filter(|double| double.is_finite())
    .take(20_000)
    .collect();
    let run = scratch.runtime().call("EchoNode", json!({"value": doubles}), &ada()).await.unwrap();
    let kept = scratch.store.get(&run.run_id).await.unwrap();
    let back: Vec<f64> =
        kept.result["value"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(back == doubles);
    scratch.remove().await;
}

#[tokio::test]
async fn a_failure_is_kept_with_what_succeeded_before() {
    let scratch = Scratch::open().await;
    let workflow = build(
        WorkflowBuilder::new()
            .name("breaks")
            .add_node("EchoNode", "first", json!({"value": 1}))
            .add_node("FailNode", "second", json!({"why": "as asked"}))
            .add_node("EchoNode", "third", json!({}))
            .add_connection("first", "value", "second", "value")
            .add_connection("second", "$", "third", "value"),
    )
    .unwrap();
    let run = scratch.runtime().attempt(&workflow, json!({}), &ada()).await.unwrap();
    let kept = scratch.store.get(&run.run_id).await.unwrap();
    assert_eq!(kept, run);
    let states: Vec<Status> = kept.nodes.iter().map(|n| n.status).collect();
    assert_eq!(states, [Status::Succeeded, Status::Failed, Status::Cancelled]);
    assert_eq!(kept.results.keys().collect::<Vec<_>>(), ["first"]);
    assert!(kept.result.is_null());
    assert_eq!(kept.nodes[1].error.as_ref().unwrap()["detail"], "as asked");
    scratch.remove().await;
}

#[tokio::test]
async fn secrets_are_nowhere_in_the_tables() {
    let scratch = Scratch::open().await;
    let runtime = scratch.runtime();
    let secret = "hunter2-hunter2";
    let workflow = build(
        WorkflowBuilder::new()
            .add_node("LoginNode", "login", json!({"user": "ada@example.org", "password": secret}))
            .add_node("LeakNode", "use", json!({}))
            .add_connection("login", "token", "use", "token"),
    )
    .unwrap();
    let run =
        runtime.execute(&workflow, json!({"login": {"password": "other-secret-77"}}), &ada()).await.unwrap();
    assert_eq!(run.results["login"]["token"], "********", "what feeds a secret is one");
    assert_eq!(run.result["leak"]["********"][0]["deep"], "<********>");
    assert_eq!(run.inputs, json!({"login": {"password": "********"}}));
    assert!(!scratch.dump().await.contains("token-of-15"));
    let run = runtime.call("LeakNode", json!({"token": secret}), &ada()).await.unwrap();
    assert!(!run.to_json().to_string().contains(secret));
    let error = runtime.call("LeakNode", json!({"token": secret, "fail": true}), &ada()).await.unwrap_err();
    assert!(!format!("{error:?}").contains(secret), "{error:?}");
    assert!(error.message().contains("the token ********"));
    let input = json!({"user": "ada@example.org", "password": secret});
    runtime.call("LoginNode", input, &ada()).await.unwrap();
    let error = runtime
        .call("LoginNode", json!({"user": "ada@example.org", "password": [secret]}), &ada())
        .await
        .unwrap_err();
    assert!(!format!("{error:?}").contains(secret));
    let input = json!({"user": "ada@example.org", "password": secret.repeat(10)});
    let error = runtime.call("LoginNode", input, &ada()).await.unwrap_err();
    assert_eq!(code(&error), "HM-W014");
    assert!(!format!("{error:?}").contains(secret));
    let dump = scratch.dump().await;
    assert!(dump.contains("LoginNode") && dump.contains("********"));
    for hidden in [secret, "other-secret-77", "ada@example.org"] {
        assert!(!dump.contains(hidden), "{hidden} is in {dump}");
    }
    scratch.remove().await;
}

#[tokio::test]
async fn what_feeds_a_secret_is_masked_however_short_it_is() {
    let scratch = Scratch::open().await;
    let workflow = build(
        WorkflowBuilder::new()
            .add_input(hallmark_workflow::Param::string("pin").required())
            .add_node("EchoNode", "gives", json!({}))
            .add_node("LoginNode", "takes", json!({"user": "u"}))
            .add_connection("input", "pin", "gives", "value")
            .add_connection("gives", "value", "takes", "password"),
    )
    .unwrap();
    let run = scratch.runtime().execute(&workflow, json!({"pin": "p#1"}), &ada()).await.unwrap();
    assert_eq!(run.results["gives"]["value"], "********");
    let direct = build(
        WorkflowBuilder::new()
            .add_input(hallmark_workflow::Param::string("pin").required())
            .add_node("LoginNode", "takes", json!({"user": "u"}))
            .add_connection("input", "pin", "takes", "password"),
    )
    .unwrap();
    let run = scratch.runtime().execute(&direct, json!({"pin": "p#1"}), &ada()).await.unwrap();
    assert_eq!(run.inputs["pin"], "********", "an input that feeds a secret is one");
    scratch.remove().await;
}

#[tokio::test]
async fn a_nested_workflow_keeps_its_secrets_too() {
    let scratch = Scratch::open().await;
    let secret = "nested-secret-42";
    let inner = build(WorkflowBuilder::new().add_node("LeakNode", "use", json!({"token": secret}))).unwrap();
    let mut registry = hallmark_workflow::Registry::with_builtins().unwrap();
    registry.register_all(crate::nodes::all()).unwrap();
    registry.register_workflow("leaky", "Repeats its secret", inner).unwrap();
    let outer = WorkflowBuilder::new().add_node("leaky", "n", json!({})).build(&registry).unwrap();
    let runtime = hallmark_workflow::LocalRuntime::new(registry.into(), scratch.store.clone());
    let run = runtime.execute(&outer, json!({}), &ada()).await.unwrap();
    assert!(!run.to_json().to_string().contains(secret));
    assert!(!scratch.dump().await.contains(secret));
    assert!(!format!("{outer:?} {:?}", outer.definition()).contains(secret));
    scratch.remove().await;
}

#[tokio::test]
async fn logs_show_masked_inputs() {
    let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let writer = Log(log.clone());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let input = json!({"user": "ada@example.org", "password": "hunter2-hunter2"});
    crate::unkept().call("LoginNode", input, &ada()).await.unwrap();
    let text = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    assert!(text.contains("LoginNode") && text.contains("********"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("example.org"), "{text}");
}

#[derive(Clone)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_idempotency_key_gives_the_first_run() {
    let scratch = Scratch::open().await;
    let runtime = scratch.runtime();
    let workflow = build(WorkflowBuilder::new().add_node("CountNode", "c", json!({}))).unwrap();
    let before = COUNTED.load(Ordering::SeqCst);
    let keyed = ada().idempotency_key("k-1");
    let input = |n: i64| json!({"c": {"value": n}});
    let runs =
        futures_util::future::join_all((0..8).map(|_| runtime.execute(&workflow, input(1), &keyed))).await;
    let runs: Vec<_> = runs.into_iter().map(Result::unwrap).collect();
    assert!(runs.iter().all(|run| run.run_id == runs[0].run_id && run.result == runs[0].result));
    assert_eq!(COUNTED.load(Ordering::SeqCst), before + 1);
    assert_eq!(code(&runtime.execute(&workflow, input(2), &keyed).await.unwrap_err()), "HM-W042");
    // Another caller, another tenant, no key: runs of their own.
    for caller in [Caller::new("bob").idempotency_key("k-1"), keyed.clone().tenant("north"), ada(), ada()] {
        let run = runtime.execute(&workflow, input(1), &caller).await.unwrap();
        assert_ne!(run.run_id, runs[0].run_id);
    }
    assert_eq!(COUNTED.load(Ordering::SeqCst), before + 5);
    // A first run that failed is not made again.
    let failing = ada().idempotency_key("k-2");
    assert_eq!(code(&runtime.call("FailNode", json!({}), &failing).await.unwrap_err()), "HM-W040");
    let again = runtime.call("FailNode", json!({}), &failing).await.unwrap_err();
    assert_eq!(code(&again), "HM-W043");
    assert!(again.causes()[0].contains("HM-W040"), "{again:?}");
    for key in [String::new(), "x".repeat(256), "a\u{0}".to_owned()] {
        assert_eq!(
            code(&runtime.execute(&workflow, input(1), &ada().idempotency_key(key)).await.unwrap_err()),
            "HM-W014"
        );
    }
    scratch.remove().await;
}

#[tokio::test]
async fn a_pool_of_one_connection_is_enough() {
    let scratch = Scratch::open().await;
    let url = std::env::var("HALLMARK_POSTGRES_URL").unwrap();
    let mut config = hallmark_services::PostgresConfig::from_url(&url).unwrap();
    config.pool_size = 1;
    let narrow = hallmark_services::Postgres::new(&config).unwrap();
    let store = RunStore::open_in(&narrow, &scratch.schema).await.unwrap();
    let runtime = hallmark_workflow::LocalRuntime::new(crate::registry(), store);
    let caller = ada();
    let calls = (0..16).map(|n| runtime.call("EchoNode", json!({"value": n}), &caller));
    let began = std::time::Instant::now();
    assert!(futures_util::future::join_all(calls).await.into_iter().all(|run| run.is_ok()));
    assert!(began.elapsed() < Duration::from_secs(3));
    scratch.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_runs_at_once_are_all_kept() {
    let scratch = Scratch::open().await;
    let runtime = scratch.runtime();
    let calls = (0..64).map(|n| {
        let runtime = runtime.clone();
        tokio::spawn(async move {
            let caller = ada().session("crowd");
            let run = runtime.call("SleepNode", json!({"ms": 20, "value": n}), &caller).await.unwrap();
            assert_eq!(run.result["value"], n);
            run
        })
    });
    let runs = futures_util::future::join_all(calls).await;
    let listed = scratch.store.list(1_000, Some("crowd")).await.unwrap();
    assert_eq!(listed.len(), 64);
    assert!(listed.windows(2).all(|pair| pair[0].run_id > pair[1].run_id), "newest first");
    assert!(listed.iter().all(|run| run.status == Status::Succeeded && run.duration_ms >= 20.0));
    for run in runs {
        let run = run.unwrap();
        assert_eq!(scratch.store.get(&run.run_id).await.unwrap(), run);
    }
    assert_eq!(scratch.store.list(3, None).await.unwrap().len(), 3);
    scratch.remove().await;
}

#[tokio::test]
async fn a_run_goes_on_when_its_caller_hangs_up_and_ends_when_it_is_cancelled() {
    let scratch = Scratch::open().await;
    let runtime = scratch.runtime();
    let caller = ada();
    let hung_up = runtime.call("SleepNode", json!({"ms": 150}), &caller);
    assert!(tokio::time::timeout(Duration::from_millis(60), hung_up).await.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(scratch.store.list(1, None).await.unwrap()[0].status, Status::Succeeded);

    let long = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.call("SleepNode", json!({"ms": 20_000}), &ada()).await }
    });
    let run_id = loop {
        let newest = scratch.store.list(1, None).await.unwrap().remove(0);
        if newest.status == Status::Running && runtime.cancel(&newest.run_id) {
            break newest.run_id;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(code(&long.await.unwrap().unwrap_err()), "HM-W035");
    let kept = scratch.store.get(&run_id).await.unwrap();
    assert_eq!((kept.status, kept.nodes[0].status), (Status::Cancelled, Status::Cancelled));
    assert!(!runtime.cancel(&run_id));

    let _more = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.call("SleepNode", json!({"ms": 20_000}), &ada()).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    runtime.shutdown().await;
    assert_eq!(scratch.store.list(1, None).await.unwrap()[0].status, Status::Cancelled);
    scratch.remove().await;
}

#[tokio::test]
async fn without_postgresql_a_run_is_refused_not_lost() {
    let handles = hallmark_services::Handles::connect(&hallmark_services::Endpoints::default()).unwrap();
    assert_eq!(code(&RunStore::open(&handles.postgres).await.unwrap_err()), "HM-W041");
    let runtime = hallmark_workflow::LocalRuntime::new(crate::registry(), RunStore::lazy(&handles.postgres));
    let before = COUNTED.load(Ordering::SeqCst);
    let error = runtime.call("CountNode", json!({}), &ada()).await.unwrap_err();
    assert_eq!(code(&error), "HM-W041");
    let _ = before;
    assert_eq!(code(&RunStore::none().get("x").await.unwrap_err()), "HM-W040");
    let id = "01930000-0000-7000-8000-000000000000";
    assert_eq!(code(&RunStore::none().get(id).await.unwrap_err()), "HM-W041");
    assert_eq!(code(&RunStore::none().list(1, None).await.unwrap_err()), "HM-W041");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_open_new_tables_at_once_and_newer_ones_are_refused() {
    let schema = format!("test_{}", hallmark_core::random::token(12).unwrap());
    let opened = (0..8).map(|_| {
        let schema = schema.clone();
        tokio::spawn(async move { RunStore::open_in(&postgres(), &schema).await })
    });
    for store in futures_util::future::join_all(opened).await {
        assert!(store.unwrap().unwrap().list(1, None).await.unwrap().is_empty());
    }
    let postgres = postgres();
    let client = postgres.client().await.unwrap();
    client
        .batch_execute(&format!("INSERT INTO {schema}.workflow_migration (version) VALUES (99)"))
        .await
        .unwrap();
    assert_eq!(code(&RunStore::open_in(&postgres, &schema).await.unwrap_err()), "HM-W045");
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    for wrong in ["", "a; drop", "A", "1a", "a\"b"] {
        assert_eq!(code(&RunStore::open_in(&postgres, wrong).await.unwrap_err()), "HM-W024");
    }
}
