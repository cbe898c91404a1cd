//! Guards and fallbacks on real servers that the tests start, stop and let go on.

use std::time::{Duration, Instant};

use hallmark_services::resilience::{BreakerState, FallbacksConfig, Guarded, Source, Stand};
use hallmark_services::{Handles, ServiceKind, codes};
use rustix::process::Signal;

use crate::support::OwnRedis;

/// Circuits that open and close quickly, so that a test need not wait.
fn brisk() -> FallbacksConfig {
    let text = "[fallbacks.redis]\ntimeout-ms = 200\ncool-down-ms = 300\nttl-s = 30\n";
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
