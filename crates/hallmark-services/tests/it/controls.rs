//! Negative controls: what must not pass does not, and fails at the step and with the code that tell why.

use std::time::{Duration, Instant};

use hallmark_core::Secret;
use hallmark_services::{Endpoints, ProbeOptions, ServiceKind, State, probe, probe_with};
use rustix::process::Signal;

use crate::support::{OwnRedis, assert_down_at, closed_port, endpoints};

#[tokio::test]
async fn without_an_address_nothing_is_measured() {
    for kind in ServiceKind::ALL {
        let report = probe(kind, &Endpoints::default()).await;
        assert_eq!(report.state, State::NotMeasured);
        assert!(report.next.as_ref().is_some_and(|n| n.contains("hallmark up")), "{report:#?}");
    }
}

#[tokio::test]
async fn a_closed_port_fails_at_tcp() {
    let port = closed_port();
    let mut all = endpoints();
    all.postgres.as_mut().unwrap().port = port;
    all.redis.as_mut().unwrap().port = port;
    all.neo4j.as_mut().unwrap().port = port;
    all.chroma.as_mut().unwrap().port = port;
    all.openai.as_mut().unwrap().base_url = format!("http://127.0.0.1:{port}/v1");
    for kind in ServiceKind::ALL {
        assert_down_at(&probe(kind, &all).await, "tcp", "HM-S003");
    }
}

#[tokio::test]
async fn a_wrong_password_fails_at_authentication() {
    let mut all = endpoints();
    all.postgres.as_mut().unwrap().password = Secret::new("wrong");
    all.redis.as_mut().unwrap().password = Secret::new("wrong");
    all.neo4j.as_mut().unwrap().password = Secret::new("wrong");
    all.openai.as_mut().unwrap().api_key = Secret::new("wrong");
    for kind in [ServiceKind::Postgres, ServiceKind::Redis, ServiceKind::Neo4j, ServiceKind::OpenAi] {
        assert_down_at(&probe(kind, &all).await, "authentication", "HM-S005");
    }
}

#[tokio::test]
async fn another_kind_of_server_fails_at_the_handshake() {
    let real = endpoints();
    let postgres = real.postgres.as_ref().unwrap().port;
    let (neo4j, chroma) = (real.neo4j.as_ref().unwrap().port, real.chroma.as_ref().unwrap().port);
    let mut crossed = real.clone();
    crossed.redis.as_mut().unwrap().port = postgres;
    // Redis would wait for the end of a line that PostgreSQL's protocol never sends: see the next test.
    crossed.postgres.as_mut().unwrap().port = chroma;
    crossed.neo4j.as_mut().unwrap().port = chroma;
    let at_bolt = crossed.chroma.as_mut().unwrap();
    (at_bolt.port, at_bolt.url) = (neo4j, format!("http://127.0.0.1:{neo4j}"));
    crossed.openai.as_mut().unwrap().base_url = format!("http://127.0.0.1:{chroma}/v1");
    crossed.openai.as_mut().unwrap().embeddings_base_url = None;
    for kind in ServiceKind::ALL {
        let report = probe(kind, &crossed).await;
        assert_eq!(
            (report.state, report.steps.last().map(|s| s.name)),
            (State::Down, Some("handshake")),
            "{report:#?}"
        );
    }
    for kind in [ServiceKind::Postgres, ServiceKind::Redis, ServiceKind::Neo4j] {
        assert_down_at(&probe(kind, &crossed).await, "handshake", "HM-S006");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_down_and_both_causes_are_named() {
    let mut crossed = endpoints();
    crossed.postgres.as_mut().unwrap().port = crossed.redis.as_ref().unwrap().port;
    let report = probe(ServiceKind::Postgres, &crossed).await;
    assert_down_at(&report, "handshake", "HM-S004");
    assert!(report.next.as_ref().is_some_and(|n| n.contains("another program")), "{report:#?}");
}

#[tokio::test]
async fn a_stopped_process_is_down_in_time() {
    let own = OwnRedis::start();
    own.signal(Signal::STOP);
    let start = Instant::now();
    let report = probe(ServiceKind::Redis, &own.endpoints()).await;
    own.signal(Signal::CONT);
    assert!(start.elapsed() < Duration::from_secs(10), "{report:#?}");
    assert_down_at(&report, "handshake", "HM-S004");
}

#[tokio::test]
async fn a_probe_cut_off_names_the_step_that_ran() {
    let own = OwnRedis::start();
    own.signal(Signal::STOP);
    let options = ProbeOptions { timeout: Duration::from_millis(200), ..ProbeOptions::default() };
    let report = probe_with(ServiceKind::Redis, &own.endpoints(), &options).await;
    own.signal(Signal::CONT);
    assert_down_at(&report, "handshake", "HM-S004");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_meanwhile_is_not_stable() {
    let mut own = OwnRedis::start();
    let options = ProbeOptions { spread: Duration::from_secs(3), ..ProbeOptions::default() };
    let endpoints = own.endpoints();
    let probing = tokio::spawn(async move { probe_with(ServiceKind::Redis, &endpoints, &options).await });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    own.restart();
    assert_down_at(&probing.await.unwrap(), "stable", "HM-S026");
}

#[tokio::test]
async fn a_server_that_asks_for_no_password_is_never_green() {
    let own = OwnRedis::start();
    let redis = hallmark_services::Redis::new(own.endpoints().redis.as_ref().unwrap()).unwrap();
    let mut connection = redis.connection().await.unwrap();
    let _: () =
        redis::cmd("CONFIG").arg(&["SET", "requirepass", ""]).query_async(&mut connection).await.unwrap();
    let mut open = own.endpoints();
    open.redis.as_mut().unwrap().password = Secret::default();
    let options = ProbeOptions { verify_authentication: true, ..ProbeOptions::default() };
    let report = probe_with(ServiceKind::Redis, &open, &options).await;
    assert_eq!(report.state, State::Degraded, "{report:#?}");
    let step = report.steps.iter().find(|s| !s.ok).unwrap();
    assert_eq!((step.name, step.code), ("refuses_wrong_password", Some("HM-S028")));
}
