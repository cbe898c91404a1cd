//! What a server acknowledged is there after its end, and a server that loses some of it is found out.

use hallmark_services::stack::{Ending, Silent};
use hallmark_services::{Endpoints, Handles, Outcome, ServiceKind};

use crate::stack::Own;
use crate::support::OwnRedis;

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_a_stop_and_a_kill() {
    let services = [ServiceKind::Postgres, ServiceKind::Redis, ServiceKind::Chroma];
    let own = Own::new(&services);
    own.up().await;
    for service in services {
        for ending in [Ending::Restart, Ending::Crash] {
            let before = own.status().await;
            let pid = |status: &hallmark_services::stack::StackStatus| {
                let of = status.services.iter().find(|s| s.service == service);
                of.and_then(|s| s.processes[0].identity.as_ref().map(|identity| identity.pid))
            };
            let trial = own.stack.survives(service, ending, &Silent).await;
            assert_eq!(trial.outcome, Outcome::Held, "{service} {ending:?}: {trial:#?}");
            assert_ne!(pid(&before), pid(&own.status().await), "it was ended: {trial:#?}");
        }
    }
    let missing = own.stack.survives(ServiceKind::OpenAi, Ending::Restart, &Silent).await;
    assert_eq!(missing.outcome, Outcome::NotMade, "{missing:#?}");
}

/// The control: a PostgreSQL that acknowledges before it writes loses what it acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_loses_acknowledged_writes_is_found_out() {
    let own = Own::new(&[ServiceKind::Postgres]);
    own.up().await;
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let client = handles.postgres.client().await.unwrap();
    for setting in ["synchronous_commit = off", "wal_writer_delay = '10s'"] {
        client.batch_execute(&format!("ALTER SYSTEM SET {setting}")).await.unwrap();
    }
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let trial = own.stack.survives(ServiceKind::Postgres, Ending::Crash, &Silent).await;
    assert_eq!((trial.outcome, trial.code), (Outcome::Refuted, Some("HM-S027")), "{trial:#?}");
    assert!(trial.detail.contains("acknowledged writes are lost"), "{trial:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_others_is_not_ended() {
    let server = OwnRedis::start();
    let root = std::env::temp_dir().join(format!("hallmark-survive-{}", uuid::Uuid::new_v4().simple()));
    let given = Endpoints { redis: server.endpoints().redis, ..Endpoints::default() };
    let own = Own::external(root, given);
    let trial = own.stack.survives(ServiceKind::Redis, Ending::Crash, &Silent).await;
    assert_eq!((trial.outcome, trial.code), (Outcome::NotMade, Some("HM-S069")), "{trial:#?}");
    assert!(trial.detail.contains("not measured"), "{trial:#?}");
    let redis = hallmark_services::Redis::new(server.endpoints().redis.as_ref().unwrap()).unwrap();
    let mut connection = redis.connection().await.unwrap();
    let pong: String = redis::cmd("PING").query_async(&mut connection).await.unwrap();
    assert_eq!(pong, "PONG");
}
