//! Who gave an answer, and how old it may be.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ServiceKind;

/// What answers in a service's place when the service cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stand {
    /// PostgreSQL: a streaming replica while the primary does not answer.
    Replica,
    /// Redis: entries that this process saw lately.
    LocalCache,
    /// ChromaDB: neighbours among vectors that this process was given before.
    VectorCache,
    /// Neo4j: answers to questions that this process has asked before.
    Subgraph,
    /// The model API: an answer that it gave to the same question before.
    Precomputed,
    /// The model API: a small model in this process.
    LocalModel,
}

impl Stand {
    /// The name in headers, fields and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replica => "replica",
            Self::LocalCache => "local-cache",
            Self::VectorCache => "vector-cache",
            Self::Subgraph => "subgraph-cache",
            Self::Precomputed => "precomputed",
            Self::LocalModel => "local-model",
        }
    }
}

/// Who gave an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The service itself.
    Primary,
    /// A replica in good order, while the primary works too: as of `lag` ago, which was measured and is within its bound.
    Replica {
        /// The replica, `host:port`.
        name: String,
        /// How far behind the primary it may be.
        lag: Duration,
    },
    /// Not the service, because that does not answer.
    Fallback {
        /// What answered instead.
        stand: Stand,
        /// How old the answer may be at most; `None` if nobody knows.
        age: Option<Duration>,
    },
}

impl Source {
    /// Whether the service itself answered: the only source of proof.
    #[must_use]
    pub const fn is_primary(&self) -> bool {
        matches!(self, Self::Primary)
    }

    /// Whether something answered because the service does not.
    #[must_use]
    pub const fn is_fallback(&self) -> bool {
        matches!(self, Self::Fallback { .. })
    }

    /// The label of metrics: `primary`, `replica` or `fallback`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Replica { .. } => "replica",
            Self::Fallback { .. } => "fallback",
        }
    }

    /// How old the answer may be; zero for the service's own, `None` if nobody knows.
    #[must_use]
    pub const fn age(&self) -> Option<Duration> {
        match self {
            Self::Primary => Some(Duration::ZERO),
            Self::Replica { lag, .. } => Some(*lag),
            Self::Fallback { age, .. } => *age,
        }
    }

    /// The name of what answered: the replica's address, or what stood in.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Primary => "primary",
            Self::Replica { name, .. } => name,
            Self::Fallback { stand, .. } => stand.name(),
        }
    }

    /// The shape that every channel sends: `{"service", "from", "name", "age_ms"}`; `age_ms` is `null` if nobody knows.
    #[must_use]
    pub fn to_json(&self, service: ServiceKind) -> Value {
        json!({ "service": service.name(), "from": self.kind(), "name": self.name(), "age_ms": self.age().map(millis) })
    }
}

/// Whole milliseconds, rounded up: an age is never shown as less than it is.
#[must_use]
pub fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let age = self.age().map_or_else(|| "of unknown age".to_owned(), |a| format!("{} ms old", millis(a)));
        match self {
            Self::Primary => f.write_str("the service itself"),
            Self::Replica { name, .. } => write!(f, "the replica {name}, {age}"),
            Self::Fallback { stand, .. } => write!(f, "the fallback {}, {age}", stand.name()),
        }
    }
}

/// A value with its source. Its fields are private: a value without its source is had only by saying so.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "who answered is part of the answer"]
pub struct Answer<T> {
    value: T,
    source: Source,
}

/// A value that the service itself gave. Only [`Answer::proof`] makes one, and only of [`Source::Primary`]: what asks for a
/// proof cannot be handed the answer of a fallback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof<T>(T);

impl<T> Proof<T> {
    /// The value.
    pub fn into_value(self) -> T {
        self.0
    }
}

impl<T> Answer<T> {
    pub(crate) const fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    /// Who answered.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The value, whoever gave it.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The value, whoever gave it. The ledger of the call keeps the source.
    pub fn into_value(self) -> T {
        self.value
    }

    /// The value as a proof.
    ///
    /// # Errors
    /// The source, if the service itself did not answer: then nothing was measured.
    pub fn proof(self) -> Result<Proof<T>, Source> {
        if self.source.is_primary() { Ok(Proof(self.value)) } else { Err(self.source) }
    }

    /// The same source with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: change(self.value), source: self.source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_service_itself_proves() {
        let fallback = Source::Fallback { stand: Stand::LocalCache, age: Some(Duration::from_millis(7)) };
        let replica = Source::Replica { name: "127.0.0.1:1".to_owned(), lag: Duration::ZERO };
        assert_eq!(Answer::new(1, Source::Primary).proof().map(Proof::into_value), Ok(1));
        assert_eq!(Answer::new(1, fallback.clone()).proof().unwrap_err(), fallback);
        assert_eq!(Answer::new(1, replica.clone()).map(|n| n + 1).proof().unwrap_err(), replica);
    }

    #[test]
    fn an_age_is_never_shown_as_less_than_it_is() {
        let source = Source::Fallback { stand: Stand::Subgraph, age: Some(Duration::from_micros(1_001)) };
        assert_eq!(source.to_json(ServiceKind::Neo4j)["age_ms"], 2);
        let unknown = Source::Fallback { stand: Stand::Replica, age: None };
        assert_eq!(unknown.to_json(ServiceKind::Postgres)["age_ms"], Value::Null);
        assert!(unknown.to_string().contains("unknown age"));
    }
}
