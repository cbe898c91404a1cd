//! The monitors on real servers of the test's own: what is killed, suspended or stopped is noticed in time.

use std::time::{Duration, Instant};

use hallmark_services::ServiceKind;
use hallmark_services::monitor::{Entry, Health, Snapshot};
use hallmark_services::stack::{CauseKind, Process, Why};
use rustix::process::{Pid, Signal, kill_process};

use crate::stack::Own;

/// The time in which a fault must be noticed here, where other tests may keep every core busy; docs/health.md has what was
/// measured.
const NOTICED: Duration = Duration::from_secs(3);

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

async fn snapshot(own: &Own, service: ServiceKind) -> Snapshot {
    let all = own.stack.health().await.unwrap().expect("a supervisor with monitors");
    all.into_iter().find(|snapshot| snapshot.service == service).unwrap()
}

/// Waits until the service is in this state; the time that it took.
pub(crate) async fn until(own: &Own, service: ServiceKind, health: Health, patience: Duration) -> Duration {
    let start = Instant::now();
    loop {
        let seen = snapshot(own, service).await;
        if seen.health == health {
            return start.elapsed();
        }
        assert!(start.elapsed() < patience, "not {health} after {patience:?}: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the service is anything but healthy; the time that it took.
async fn until_noticed(own: &Own, service: ServiceKind) -> Duration {
    let start = Instant::now();
    while snapshot(own, service).await.health == Health::Healthy {
        assert!(start.elapsed() < NOTICED, "{service} is still called healthy");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    start.elapsed()
}

async fn why(own: &Own, service: ServiceKind) -> Why {
    own.stack.why(service).await.unwrap()
}

/// The states that the history holds after this moment.
async fn path(own: &Own, service: ServiceKind, after: &str) -> Vec<Health> {
    let timeline = why(own, service).await.timeline;
    let changes = timeline.iter().filter(|entry| entry.at() >= after);
    changes.filter_map(|entry| if let Entry::Change { to, .. } = entry { Some(*to) } else { None }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_that_is_suspended_or_killed_is_noticed_and_comes_back() {
    let own = Own::new(&ServiceKind::ALL);
    own.up().await;
    let long = Duration::from_secs(120);
    for service in ServiceKind::ALL {
        until(&own, service, Health::Healthy, long).await;
    }
    for process in [Process::Postgres, Process::Neo4j, Process::Chroma, Process::Redis, Process::OpenAiChat] {
        let service = process.service();
        let pid = own.pid(process).await;
        let began = hallmark_core::clock::now();
        signal(pid, Signal::STOP);
        let noticed = until_noticed(&own, service).await;
        let down = until(&own, service, Health::Down, Duration::from_secs(5)).await;
        let seen = snapshot(&own, service).await;
        let cause = seen.cause.unwrap();
        assert_eq!(cause.kind, CauseKind::Suspended, "{cause:?}");
        assert_eq!(cause.mend, Some(format!("kill -CONT {pid}")));
        signal(pid, Signal::CONT);
        let back = until(&own, service, Health::Healthy, long).await;
        assert_eq!(own.pid(process).await, pid, "{process} outlives being suspended");
        println!(
            "{process} suspended: noticed after {noticed:?}, down after {down:?} more, back after {back:?}"
        );
        let path = path(&own, service, &began).await;
        let by_degrees = path.windows(2).any(|pair| pair == [Health::Down, Health::Degraded]);
        assert!(by_degrees && path.contains(&Health::Healthy), "{path:?}");

        signal(pid, Signal::KILL);
        let noticed = until_noticed(&own, service).await;
        own.restarted(process, pid).await;
        let back = until(&own, service, Health::Healthy, long).await;
        println!("{process} killed: noticed after {noticed:?}, back after {back:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_tells_the_cause_with_a_supervisor_and_without() {
    let own = Own::new(&[ServiceKind::Redis, ServiceKind::Postgres]);
    let before = why(&own, ServiceKind::Redis).await;
    assert_eq!(before.cause.unwrap().kind, CauseKind::NotStarted);
    own.up().await;
    for service in [ServiceKind::Redis, ServiceKind::Postgres] {
        until(&own, service, Health::Healthy, Duration::from_secs(60)).await;
    }
    let start = Instant::now();
    let mut well = why(&own, ServiceKind::Redis).await;
    // A machine that is busy for a moment makes a service that is slow for a moment.
    while well.health != Health::Healthy && start.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        well = why(&own, ServiceKind::Redis).await;
    }
    assert_eq!((well.health, well.cause), (Health::Healthy, None));
    assert!(
        well.logs.iter().any(|log| !log.lines.is_empty()) && well.probe.is_some(),
        "the evidence is shown all the same"
    );

    let pid = own.pid(Process::Redis).await;
    signal(pid, Signal::KILL);
    until_noticed(&own, ServiceKind::Redis).await;
    own.restarted(Process::Redis, pid).await;
    let told = why(&own, ServiceKind::Redis).await;
    let changes: Vec<_> = told.timeline.iter().filter(|e| matches!(e, Entry::Change { .. })).collect();
    assert!(changes.len() >= 2, "{told:#?}");
    assert!(format!("{changes:?}").contains("Killed"), "{changes:#?}");

    // What was stopped on purpose is not down.
    until(&own, ServiceKind::Redis, Health::Healthy, Duration::from_secs(60)).await;
    own.stack.stop(ServiceKind::Redis).await.unwrap();
    until(&own, ServiceKind::Redis, Health::NotMeasured, Duration::from_secs(5)).await;
    let stopped = why(&own, ServiceKind::Redis).await;
    assert_eq!(stopped.cause.unwrap().kind, CauseKind::Stopped);
    let last = stopped.timeline.iter().rfind(|entry| matches!(entry, Entry::Change { .. })).unwrap();
    let at_once = matches!(last, Entry::Change { from: Health::Healthy, to: Health::NotMeasured, .. });
    assert!(at_once, "an end on purpose is never taken for a death: {last:?}");

    // The history outlives the supervisor, and the answer needs none.
    signal(own.status().await.supervisor.identity.unwrap().pid, Signal::KILL);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let postgres = own.stack.why(ServiceKind::Postgres).await.unwrap();
    assert!(postgres.monitor.is_none() && !postgres.timeline.is_empty(), "{postgres:#?}");
    assert_eq!((postgres.health, postgres.cause), (Health::Healthy, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_run_is_watched_from_outside() {
    let server = crate::support::OwnRedis::start();
    let root = std::env::temp_dir().join(format!("hallmark-watch-{}", uuid::Uuid::new_v4().simple()));
    let own = Own::external(root, server.endpoints());
    let mut watched = own.stack.watch().await.unwrap();
    let mut wait = async |health: Health, patience: Duration| {
        let start = Instant::now();
        loop {
            let all = watched.look().await.unwrap();
            let redis = all.iter().find(|snapshot| snapshot.service == ServiceKind::Redis).unwrap();
            if redis.health == health {
                return (start.elapsed(), redis.clone());
            }
            assert!(start.elapsed() < patience, "not {health}: {redis:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    wait(Health::Healthy, Duration::from_secs(10)).await;
    server.signal(Signal::STOP);
    let (noticed, _) = wait(Health::Degraded, NOTICED).await;
    let (_, seen) = wait(Health::Down, Duration::from_secs(10)).await;
    println!("a hung server that others run: noticed after {noticed:?}");
    assert_eq!(seen.cause.unwrap().kind, CauseKind::Hung);
    server.signal(Signal::CONT);
    wait(Health::Healthy, Duration::from_secs(20)).await;
    let _port = server.end();
    wait(Health::Degraded, NOTICED).await;
    let (_, seen) = wait(Health::Down, Duration::from_secs(10)).await;
    let cause = seen.cause.unwrap();
    assert_eq!(cause.kind, CauseKind::Unreachable, "{cause:?}");
}
