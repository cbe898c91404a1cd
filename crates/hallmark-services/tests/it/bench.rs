//! The targets are measured on real servers, the data come once and go, and a slow server misses its target.

use std::time::Duration;

use hallmark_services::bench::{self, Options, Report, SCHEMA, Verdict};
use hallmark_services::{Endpoints, Handles, Redis, ServiceKind};

use crate::support::{OwnRedis, closed_port, endpoints};

fn options(services: &[ServiceKind], leave_nothing: bool) -> Options {
    Options {
        services: services.to_vec(),
        leave_nothing: if leave_nothing { services.to_vec() } else { Vec::new() },
        users: vec![3],
        products: 5_000,
        duration: Duration::from_millis(300),
        project: uuid::Uuid::new_v4().simple().to_string(),
    }
}

async fn measured(endpoints: &Endpoints, options: &Options) -> Report {
    bench::run(endpoints, options, &|_| {}).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_come_once_are_measured_and_go() {
    let services = [ServiceKind::Postgres, ServiceKind::Redis];
    let (endpoints, mut options) = (endpoints(), options(&services, false));
    let first = measured(&endpoints, &options).await;
    assert!(first.data.len() == 2 && first.data.iter().all(|data| data.loaded), "{first:#?}");
    let again = measured(&endpoints, &options).await;
    assert!(again.data.iter().all(|data| !data.loaded), "{again:#?}");
    assert_eq!(again.schema, SCHEMA);
    for (id, users) in [("postgres.join", 1), ("postgres.commit", 3), ("postgres.rate", 32), ("redis.hit", 1)]
    {
        let figure = again.figures.iter().find(|f| f.id == id && f.users == users);
        let figure = figure.unwrap_or_else(|| panic!("{id} by {users} is missing: {again:#?}"));
        assert!(figure.errors == 0 && figure.samples > 0 && figure.p50_ms > 0.0, "{figure:#?}");
        assert!(
            figure.p50_ms <= figure.p95_ms
                && figure.p95_ms <= figure.p99_ms
                && figure.p99_ms <= figure.max_ms
        );
    }
    let held = again.figures.iter().filter(|figure| figure.is_held()).count();
    assert_eq!(again.evidence().len(), held);

    // What was loaded once and then changed by others is made anew.
    let schema = format!("hallmark_bench_{}", options.project);
    let handles = Handles::connect(&endpoints).unwrap();
    let client = handles.postgres.client().await.unwrap();
    client.batch_execute(&format!("UPDATE {schema}.loaded SET fingerprint = 'older'")).await.unwrap();
    options.services = vec![ServiceKind::Postgres];
    options.leave_nothing = options.services.clone();
    let anew = measured(&endpoints, &options).await;
    assert!(anew.data[0].loaded, "{anew:#?}");
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = $1";
    assert_eq!(
        client.query_one(left, &[&schema]).await.unwrap().get::<_, i64>(0),
        0,
        "on a server of others"
    );
    bench::purge(&endpoints, &services, &options.project).await.unwrap();
    let mut redis = handles.redis.connection().await.unwrap();
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{schema}*")).query_async(&mut redis).await.unwrap();
    assert_eq!(keys, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_and_vectors_are_searched_in_what_was_loaded() {
    let services = [ServiceKind::Neo4j, ServiceKind::Chroma];
    let seen = measured(&endpoints(), &options(&services, true)).await;
    assert!(seen.not_measured.is_empty(), "{seen:#?}");
    for figure in &seen.figures {
        assert!(figure.errors == 0 && figure.samples > 0, "{figure:#?}");
    }
}

/// The control: a server that is kept busy must not pass.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_misses_its_target() {
    let own = OwnRedis::start();
    let redis = Redis::new(own.endpoints().redis.as_ref().unwrap()).unwrap();
    let mut connection = redis.connection().await.unwrap();
    // 20 ms at a time in which Redis answers nobody.
    let busy = "local t = redis.call('TIME') local b = t[1] * 1000000 + t[2] repeat t = redis.call('TIME') \
                until t[1] * 1000000 + t[2] - b > 20000 return 1";
    let disturb = tokio::spawn(async move {
        loop {
            let _: Result<i64, _> = redis::cmd("EVAL").arg(busy).arg(0).query_async(&mut connection).await;
        }
    });
    let seen = measured(&own.endpoints(), &options(&[ServiceKind::Redis], false)).await;
    disturb.abort();
    let hit = seen.figures.iter().find(|f| f.id == "redis.hit" && f.users == 1).unwrap();
    assert_eq!(hit.verdict, Verdict::Missed, "{hit:#?}");
    assert!(hit.reason.as_ref().is_some_and(|reason| reason.contains("p95")), "{hit:#?}");
    let proof = seen.evidence().into_iter().find(|e| e.check == "bench.redis.hit.1_users").unwrap();
    assert_eq!(proof.verdict, hallmark_evidence::Verdict::Failed);
}

#[tokio::test]
async fn without_a_server_nothing_is_claimed() {
    let url = format!("redis://127.0.0.1:{}/0", closed_port());
    let redis = hallmark_services::RedisConfig::from_url(&url).unwrap();
    let gone = Endpoints { redis: Some(redis), ..Endpoints::default() };
    let seen = measured(&gone, &options(&[ServiceKind::Redis, ServiceKind::Neo4j], false)).await;
    let codes: Vec<_> = seen.not_measured.iter().map(|absent| (absent.service, absent.code)).collect();
    assert_eq!(codes, [(ServiceKind::Neo4j, None), (ServiceKind::Redis, Some("HM-S003"))]);
    assert!(seen.figures.is_empty() && seen.evidence().is_empty());
}
