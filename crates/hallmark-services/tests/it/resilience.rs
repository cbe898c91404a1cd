//! Guards and fallbacks on real servers that the tests start, stop and let go on.

use std::time::{Duration, Instant};

use hallmark_services::chroma::Records;
use hallmark_services::resilience::{Answer, BreakerState, FallbacksConfig, Guarded, Source, Stand};
use hallmark_services::stack::Process;
use hallmark_services::{Handles, ServiceKind, codes};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};

use crate::stack::Own;
use crate::support::OwnRedis;

/// Circuits that open and close quickly, so that a test need not wait.
fn brisk() -> FallbacksConfig {
    let text = "[fallbacks.redis]\ntimeout-ms = 200\ncool-down-ms = 300\nttl-s = 30\n\
        [fallbacks.neo4j]\ntimeout-ms = 500\ncool-down-ms = 300\n\
        [fallbacks.chromadb]\ntimeout-ms = 500\ncool-down-ms = 300\n\
        [fallbacks.openai]\ntimeout-ms = 2000\ncool-down-ms = 300\n";
    hallmark_core::config::Config::parse("hallmark.toml".into(), text.to_owned())
        .unwrap()
        .section("fallbacks")
        .unwrap()
}

async fn text(guarded: &Guarded, key: &str) -> (Option<String>, Source) {
    let answer = guarded.redis().get(key).await.unwrap();
    let source = answer.source().clone();
    (answer.into_value().map(|entry| entry.text), source)
}

/// Asks until the service itself answers again.
async fn recovered(guarded: &Guarded, key: &str) -> Option<String> {
    let start = Instant::now();
    loop {
        if let Ok(answer) = guarded.redis().get(key).await
            && answer.source().is_primary()
        {
            return answer.into_value().map(|entry| entry.text);
        }
        assert!(start.elapsed() < Duration::from_secs(20), "the circuit does not close again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_suspended_redis_is_answered_for_with_a_label_and_an_age_and_comes_back() {
    let own = OwnRedis::start();
    let guarded = Guarded::new(&Handles::connect(&own.endpoints()).unwrap(), &brisk()).unwrap();
    let minute = Duration::from_secs(60);
    guarded.redis().set("a", "old", minute).await.unwrap();
    assert_eq!(text(&guarded, "a").await, (Some("old".to_owned()), Source::Primary));
    assert_eq!(text(&guarded, "absent").await, (None, Source::Primary));
    own.signal(Signal::STOP);
    let stopped = Instant::now();
    // Sixty callers at once: each is answered, none waits longer than the first failures take, and nobody piles up.
    let callers: Vec<_> = (0..60)
        .map(|_| {
            let guarded = guarded.clone();
            tokio::spawn(async move { text(&guarded, "a").await })
        })
        .collect();
    for caller in callers {
        let (value, source) = caller.await.unwrap();
        assert_eq!(value.as_deref(), Some("old"));
        let Source::Fallback { stand: Stand::LocalCache, age: Some(age) } = source else {
            panic!("served as {source}")
        };
        assert!(age <= stopped.elapsed() + Duration::from_secs(5), "{age:?}");
    }
    assert_eq!(guarded.redis().line().state(), BreakerState::Open);
    let begin = Instant::now();
    for _ in 0..20 {
        assert!(text(&guarded, "a").await.1.is_fallback());
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "an open circuit answers at once");
    // What this process never saw is an error, and a write is never answered by a fallback.
    let unseen = guarded.redis().get("unseen").await.unwrap_err();
    assert!(unseen.is(&codes::CIRCUIT_OPEN) || unseen.is(&codes::TIMED_OUT), "{unseen:?}");
    assert!(guarded.redis().set("a", "newer", minute).await.is_err());
    assert!(guarded.redis().get("a").await.unwrap().proof().is_err(), "a fallback is no proof");
    own.signal(Signal::CONT);
    // The write did not arrive (or nobody knows): the old entry in Redis is not served as fresh.
    assert_eq!(recovered(&guarded, "a").await, None);
    guarded.redis().set("a", "new", minute).await.unwrap();
    assert_eq!(text(&guarded, "a").await, (Some("new".to_owned()), Source::Primary));
    assert_eq!(guarded.redis().line().state(), BreakerState::Closed);
    let count = guarded.tally().all().remove(&ServiceKind::Redis).unwrap();
    assert!(count.fallbacks() >= 80 && count.opened >= 1 && !count.stands_in(), "{count:?}");
}

#[tokio::test]
async fn a_killed_redis_is_noticed_at_once_and_what_was_forgotten_stays_forgotten() {
    let mut own = OwnRedis::start();
    let guarded = Guarded::new(&Handles::connect(&own.endpoints()).unwrap(), &brisk()).unwrap();
    guarded.redis().set("kept", "1", Duration::from_secs(60)).await.unwrap();
    guarded.redis().set("forgotten", "1", Duration::from_secs(60)).await.unwrap();
    guarded.redis().set("short", "1", Duration::from_millis(400)).await.unwrap();
    own.signal(Signal::KILL);
    assert!(guarded.redis().unlink(&["forgotten".to_owned()]).await.is_err());
    assert_eq!(text(&guarded, "kept").await.0.as_deref(), Some("1"));
    assert!(guarded.redis().get("forgotten").await.is_err(), "neither here nor there");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(guarded.redis().get("short").await.is_err(), "it lives no longer than it would have in Redis");
    own.restart();
    assert_eq!(recovered(&guarded, "forgotten").await, None);
    assert_eq!(
        recovered(&guarded, "kept").await,
        None,
        "this Redis keeps nothing on disk: the truth is that it is gone"
    );
}

#[tokio::test]
async fn who_measures_is_answered_by_the_service_or_not_at_all() {
    let own = OwnRedis::start();
    let guarded = Guarded::bare(&Handles::connect(&own.endpoints()).unwrap());
    guarded.redis().set("a", "1", Duration::from_secs(60)).await.unwrap();
    assert!(guarded.redis().get("a").await.unwrap().proof().is_ok());
    own.signal(Signal::KILL);
    let error = guarded.redis().get("a").await.unwrap_err();
    assert!(!error.is(&codes::CIRCUIT_OPEN), "{error:?}");
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

fn stand<T>(answer: &Answer<T>) -> Option<Stand> {
    match answer.source() {
        Source::Fallback { stand, age: Some(_) } => Some(*stand),
        _ => None,
    }
}

/// Asks until the service itself answers again.
async fn again<T, F: Future<Output = hallmark_core::Result<Answer<T>>>>(ask: impl Fn() -> F) -> T {
    let begin = Instant::now();
    loop {
        let answer = ask().await;
        if answer.as_ref().is_ok_and(|answer| answer.source().is_primary()) {
            return answer.unwrap().into_value();
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "the service does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sixty points on a circle; every third is red.
fn points() -> Records {
    let angle = |n: u32| f64::from(n) * std::f64::consts::TAU / 60.0;
    #[expect(clippy::cast_possible_truncation, reason = "vectors are single")]
    let vector = |n: u32| vec![angle(n).cos() as f32, angle(n).sin() as f32, (f64::from(n) / 60.0) as f32];
    let colour = |n: u32| json!({ "colour": if n.is_multiple_of(3) { "red" } else { "blue" } });
    Records {
        ids: (0..60).map(|n| format!("p{n}")).collect(),
        embeddings: (0..60).map(vector).collect(),
        documents: (0..60).map(|n| format!("point {n}")).collect(),
        metadatas: (0..60).map(|n| colour(n).as_object().cloned().unwrap()).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_vectors_are_searched_while_chromadb_is_away() {
    let own = Own::new(&[ServiceKind::Chroma]);
    own.up().await;
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let metadata = json!({ "hnsw:space": "cosine" }).as_object().cloned().unwrap();
    let id = handles.chroma.get_or_create_collection("hot-points", metadata).await.unwrap();
    handles.chroma.upsert(&id, points()).await.unwrap();
    let guarded = Guarded::new(&handles, &brisk()).unwrap();
    let vectors = guarded.vectors();
    let (fresh, red) = ([0.3_f32, 0.9, 0.2], json!({ "colour": "red" }));
    let mut plain = Vec::new();
    for _ in 0..4 {
        plain = vectors.query("hot-points", &fresh, 5, None).await.unwrap().proof().unwrap().into_value();
    }
    let begin = Instant::now();
    while !vectors.holds("hot-points") {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "a collection that was asked four times is not held"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let filtered = vectors.query("hot-points", &fresh, 5, Some(red.clone())).await.unwrap().into_value();
    let pid = own.pid(Process::Chroma).await;
    signal(pid, Signal::STOP);
    // Not what was answered before: a vector that nobody asked about, searched for among the records held.
    let other = [-0.7_f32, 0.1, 0.6];
    for (vector, filter, expected) in [(&fresh, None, &plain), (&fresh, Some(red.clone()), &filtered)] {
        let answer = vectors.query("hot-points", vector, 5, filter).await.unwrap();
        assert_eq!(stand(&answer), Some(Stand::VectorCache));
        let found = answer.into_value();
        assert_eq!(found.len(), expected.len());
        for (own, server) in found.iter().zip(expected) {
            assert_eq!(
                (&own.id, &own.document, &own.metadata),
                (&server.id, &server.document, &server.metadata)
            );
            assert!((own.distance - server.distance).abs() < 1e-5, "{own:?} {server:?}");
        }
    }
    let unasked = vectors.query("hot-points", &other, 7, None).await.unwrap();
    assert_eq!(stand(&unasked), Some(Stand::VectorCache));
    assert!(vectors.query("cold-points", &other, 7, None).await.is_err(), "nothing is held of it");
    let unknown = Some(json!({ "$not": { "colour": "red" } }));
    assert!(
        vectors.query("hot-points", &other, 7, unknown).await.is_err(),
        "a filter that is not known here"
    );
    signal(pid, Signal::CONT);
    let server = again(|| vectors.query("hot-points", &other, 7, None)).await;
    let ids =
        |all: &[hallmark_services::chroma::Neighbour]| all.iter().map(|n| n.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(unasked.value()), ids(&server), "the search here finds what the server finds");
    // Killed and started again by the supervisor.
    signal(pid, Signal::KILL);
    assert_eq!(stand(&vectors.query("hot-points", &other, 7, None).await.unwrap()), Some(Stand::VectorCache));
    own.restarted(Process::Chroma, pid).await;
    assert_eq!(ids(&again(|| vectors.query("hot-points", &other, 7, None)).await), ids(&server));
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_were_asked_before_are_answered_while_neo4j_and_the_model_are_away() {
    let own = Own::new(&[ServiceKind::Neo4j, ServiceKind::OpenAi]);
    own.up().await;
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let params = |value: Value| value.as_object().cloned().unwrap();
    let make = "CREATE (:Part {id: 1})-[:NEEDS]->(:Part {id: 2})-[:NEEDS]->(:Part {id: 3})";
    handles.neo4j.query(make, Map::new()).await.unwrap();
    let guarded = Guarded::new(&handles, &brisk()).unwrap();
    let (graph, models) = (guarded.graph(), guarded.models());
    let path = "MATCH (:Part {id: $id})-[:NEEDS*]->(p) RETURN p.id AS id ORDER BY id";
    let asked = graph.read(path, &params(json!({ "id": 1 }))).await.unwrap().proof().unwrap().into_value();
    assert_eq!(asked.len(), 2);
    let (common, fresh) = (vec!["cordless drill".to_owned()], vec!["a text that is new".to_owned()]);
    let known = |_: &str| None;
    let vector = models.embed(&common, known).await.unwrap().proof().unwrap().into_value();
    let pids = [own.pid(Process::Neo4j).await, own.pid(Process::OpenAiEmbeddings).await];
    pids.iter().for_each(|pid| signal(*pid, Signal::STOP));
    let stale = graph.read(path, &params(json!({ "id": 1 }))).await.unwrap();
    assert_eq!((stand(&stale), stale.value()), (Some(Stand::Subgraph), &asked));
    assert!(stale.proof().is_err());
    let unasked = graph.read(path, &params(json!({ "id": 2 }))).await;
    assert!(unasked.is_err(), "another parameter is another question");
    let stale = models.embed(&common, known).await.unwrap();
    assert_eq!((stand(&stale), stale.value()), (Some(Stand::Precomputed), &vector));
    assert!(models.embed(&fresh, known).await.is_err());
    let elsewhere = models.embed(&fresh, |_| Some((vec![1.0], Duration::from_secs(9)))).await.unwrap();
    assert_eq!(elsewhere.source().age(), Some(Duration::from_secs(9)));
    pids.iter().for_each(|pid| signal(*pid, Signal::CONT));
    // A question that is large is no outage: the server lives, and its answer is waited for.
    let large = "UNWIND range(1, 4000) AS a UNWIND range(1, 4000) AS b WITH a * b AS c WHERE c % 7 = 0 RETURN count(c) AS n";
    let two = params(json!({ "id": 2 }));
    again(|| graph.read(path, &two)).await;
    let begin = Instant::now();
    let counted = graph.read(large, &Map::new()).await.unwrap();
    assert!(counted.source().is_primary(), "after {:?}", begin.elapsed());
    println!("the large question took {:?} under a limit of 500 ms", begin.elapsed());
    again(|| models.embed(&fresh, known)).await;
}
