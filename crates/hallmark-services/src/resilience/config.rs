//! The section `[fallbacks]` of `hallmark.toml`: circuit breakers, bulkheads, timeouts and what stands in for a service.

use std::time::Duration;

use hallmark_core::{Error, Result};
use serde::Deserialize;

use super::{BreakerPolicy, RetryPolicy};
use crate::{ServiceKind, codes, limits};

/// `[fallbacks]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct FallbacksConfig {
    /// Whether anything stands in for a service that does not answer; `true` unless said otherwise. Breakers and bulkheads
    /// work either way.
    pub enabled: Option<bool>,
    /// How far behind the primary a replica may be that answers a read while the primary works, in milliseconds; 1000 by
    /// default, and 0 keeps every read on the primary.
    pub replica_lag_ms: Option<u64>,
    /// `[fallbacks.postgres]`.
    pub postgres: ServiceFallback,
    /// `[fallbacks.neo4j]`.
    pub neo4j: ServiceFallback,
    /// `[fallbacks.chromadb]`.
    pub chromadb: ServiceFallback,
    /// `[fallbacks.redis]`.
    pub redis: ServiceFallback,
    /// `[fallbacks.openai]`.
    pub openai: ServiceFallback,
}

/// `[fallbacks.<service>]`. What is not given has the default of its service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServiceFallback {
    /// Whether something stands in for this service.
    pub enabled: Option<bool>,
    /// How long one request may take, in milliseconds. A service other than Redis is then asked whether it lives, and a
    /// request to one that does goes on.
    pub timeout_ms: Option<u64>,
    /// Requests that may be under way at the same time.
    pub concurrency: Option<usize>,
    /// Failures in a row that open the circuit.
    pub failures: Option<u32>,
    /// How long the circuit stays open at first, in milliseconds; it doubles with each trial that fails.
    pub cool_down_ms: Option<u64>,
    /// Repeats of a read that failed quickly.
    pub retries: Option<usize>,
    /// How old an answer may be that stands in, in seconds.
    pub ttl_s: Option<u64>,
    /// Memory for answers that may stand in, in MiB.
    pub memory_mb: Option<u64>,
}

/// How one service is guarded, and what may stand in for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether something stands in.
    pub fallback: bool,
    /// How long one request may take.
    pub timeout: Duration,
    /// Requests at the same time.
    pub concurrency: usize,
    /// When the circuit opens.
    pub breaker: BreakerPolicy,
    /// What is repeated.
    pub retry: RetryPolicy,
    /// How old an answer may be that stands in.
    pub ttl: Duration,
    /// Bytes for answers that may stand in.
    pub memory_bytes: u64,
}

impl FallbacksConfig {
    /// The policy of a service.
    ///
    /// # Errors
    /// `HM-S002` if a number is out of its bounds.
    pub fn policy(&self, service: ServiceKind) -> Result<Policy> {
        let own = self.of(service);
        let base = Policy::of(service);
        let ms = |given: Option<u64>, default: Duration| given.map_or(default, Duration::from_millis);
        let policy = Policy {
            fallback: self.enabled.unwrap_or(true) && own.enabled.unwrap_or(true),
            timeout: ms(own.timeout_ms, base.timeout),
            concurrency: own.concurrency.unwrap_or(base.concurrency),
            breaker: BreakerPolicy {
                failures: own.failures.unwrap_or(base.breaker.failures),
                cool_down: ms(own.cool_down_ms, base.breaker.cool_down),
                ..base.breaker
            },
            retry: RetryPolicy { retries: own.retries.unwrap_or(base.retry.retries), ..base.retry },
            ttl: own.ttl_s.map_or(base.ttl, Duration::from_secs),
            memory_bytes: own.memory_mb.map_or(base.memory_bytes, |mb| mb.saturating_mul(1024 * 1024)),
        };
        let bounds = [
            (policy.timeout.is_zero(), "timeout-ms must be at least 1"),
            (
                policy.concurrency == 0 || policy.concurrency > limits::CONCURRENCY_MAX,
                "concurrency must be from 1 to 4096",
            ),
            (policy.breaker.failures == 0, "failures must be at least 1"),
            (policy.breaker.cool_down.is_zero(), "cool-down-ms must be at least 1"),
            (policy.retry.retries > limits::RETRIES_MAX, "retries must be from 0 to 5"),
            (policy.ttl > limits::FALLBACK_TTL_MAX, "ttl-s must be at most one day, 86400"),
            (policy.memory_bytes > limits::FALLBACK_MEMORY_MAX, "memory-mb must be at most 4096"),
        ];
        match bounds.into_iter().find(|(broken, _)| *broken) {
            None => Ok(policy),
            Some((_, rule)) => Err(Error::new(&codes::ENDPOINT_INVALID, rule)
                .at(format!("[fallbacks.{service}]"))
                .next("correct it in hallmark.toml, then: hallmark status")),
        }
    }

    /// How far behind a replica may be; `None` if every read goes to the primary while that works.
    #[must_use]
    pub fn replica_lag(&self) -> Option<Duration> {
        let bound = self.replica_lag_ms.map_or(limits::REPLICA_LAG, Duration::from_millis);
        (!bound.is_zero()).then_some(bound)
    }

    const fn of(&self, service: ServiceKind) -> &ServiceFallback {
        match service {
            ServiceKind::Postgres => &self.postgres,
            ServiceKind::Neo4j => &self.neo4j,
            ServiceKind::Chroma => &self.chromadb,
            ServiceKind::Redis => &self.redis,
            ServiceKind::OpenAi => &self.openai,
        }
    }
}

impl Policy {
    /// The default of a service: generous where a healthy server may be slow, strict where waiting helps nobody.
    #[must_use]
    pub const fn of(service: ServiceKind) -> Self {
        let (timeout_ms, concurrency, ttl_s, memory_mb) = match service {
            ServiceKind::Postgres => (1_000, 64, 0, 0),
            ServiceKind::Neo4j => (2_000, 32, 3_600, 16),
            ServiceKind::Chroma => (2_000, 32, 3_600, 32),
            ServiceKind::Redis => (500, 256, 300, 16),
            ServiceKind::OpenAi => (5_000, 16, 86_400, 16),
        };
        Self {
            fallback: true,
            timeout: Duration::from_millis(timeout_ms),
            concurrency,
            breaker: BreakerPolicy {
                failures: 3,
                cool_down: Duration::from_millis(1_000),
                cool_down_max: Duration::from_secs(15),
            },
            retry: RetryPolicy {
                retries: 2,
                pause: Duration::from_millis(25),
                pause_max: Duration::from_millis(200),
            },
            ttl: Duration::from_secs(ttl_s),
            memory_bytes: memory_mb * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> FallbacksConfig {
        let config = hallmark_core::config::Config::parse("hallmark.toml".into(), text.to_owned()).unwrap();
        config.section("fallbacks").unwrap()
    }

    #[test]
    fn what_is_given_replaces_the_default_and_the_rest_stays() {
        let config =
            section("[fallbacks]\nreplica-lag-ms = 0\n[fallbacks.redis]\nttl-s = 5\nenabled = false\n");
        let redis = config.policy(ServiceKind::Redis).unwrap();
        assert_eq!((redis.ttl, redis.fallback), (Duration::from_secs(5), false));
        assert_eq!(redis.timeout, Policy::of(ServiceKind::Redis).timeout);
        assert!(config.policy(ServiceKind::Chroma).unwrap().fallback);
        assert_eq!(config.replica_lag(), None);
        assert_eq!(FallbacksConfig::default().replica_lag(), Some(limits::REPLICA_LAG));
    }

    #[test]
    fn numbers_without_sense_are_refused_by_name() {
        for (word, number) in [("concurrency", 0), ("failures", 0), ("retries", 99)] {
            // As a program gives it; in a file the least of each is held to before.
            let text = serde_json::json!({ "neo4j": { word: number } });
            let config: FallbacksConfig = serde_json::from_value(text).unwrap();
            let error = config.policy(ServiceKind::Neo4j).unwrap_err();
            assert!(error.is(&codes::ENDPOINT_INVALID) && error.message().contains(word), "{error:?}");
        }
    }
}
