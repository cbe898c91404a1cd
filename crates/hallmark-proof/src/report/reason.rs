//! Which skips are for lack of a service, by what they say.

use hallmark_services::ServiceKind;
use serde::Serialize;

/// What a skipped test said that it lacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// The service, if it is one of the five.
    pub service: Option<ServiceKind>,
    /// The word by which it was known.
    pub word: &'static str,
}

/// Names of services, longer ones before those they contain.
const SERVICES: &[(&str, Option<ServiceKind>)] = &[
    // An extension of PostgreSQL's that its server may lack.
    ("pgvector", None),
    ("postgres", Some(ServiceKind::Postgres)),
    ("pghost", Some(ServiceKind::Postgres)),
    ("psql", Some(ServiceKind::Postgres)),
    ("redis", Some(ServiceKind::Redis)),
    ("neo4j", Some(ServiceKind::Neo4j)),
    ("bolt://", Some(ServiceKind::Neo4j)),
    ("chroma", Some(ServiceKind::Chroma)),
    ("openai", Some(ServiceKind::OpenAi)),
    ("mysql", None),
    ("mariadb", None),
    ("mongo", None),
    ("kafka", None),
    ("rabbitmq", None),
    ("elasticsearch", None),
    ("opensearch", None),
    ("cassandra", None),
    ("memcached", None),
    ("minio", None),
    ("localstack", None),
    ("docker", None),
    ("container", None),
    ("ollama", None),
    ("anthropic", None),
    ("database_url", Some(ServiceKind::Postgres)),
    ("database", None),
    ("api key", None),
    ("api_key", None),
    ("server", None),
    ("service", None),
    ("broker", None),
];

/// How it is said that something is not there.
const LACKS: &[&str] = &[
    "not available",
    "unavailable",
    "not running",
    "isn't running",
    "is down",
    "not reachable",
    "unreachable",
    "not accessible",
    "cannot connect",
    "can't connect",
    "could not connect",
    "couldn't connect",
    "failed to connect",
    "connection refused",
    "connection failed",
    "connect call failed",
    "not connected",
    "not set",
    "not configured",
    "not provided",
    "not present",
    "not found",
    "not up",
    "not ready",
    "missing",
    "requires",
    "require ",
    "required",
    "needs",
    "need ",
    "no ",
    "without",
    "set ",
    "unset",
    "timed out",
    "timeout",
];

/// What is about a library and not about a server.
const LIBRARIES: &[&str] =
    &["not installed", "no module named", "could not import", "import error", "importerror", "package"];

/// What this reason of a skip says that the test lacked, if it is a service.
#[must_use]
pub fn lack(reason: &str) -> Option<Lack> {
    let reason = reason.to_ascii_lowercase();
    if LIBRARIES.iter().any(|words| reason.contains(words))
        || !LACKS.iter().any(|words| reason.contains(words))
    {
        return None;
    }
    let (word, service) = SERVICES.iter().find(|(word, _)| reason.contains(word))?;
    Some(Lack { service: *service, word })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_service_is_told_from_other_reasons() {
        let of = |reason| lack(reason).map(|l| l.service);
        assert_eq!(of("Skipped: PostgreSQL not available"), Some(Some(ServiceKind::Postgres)));
        assert_eq!(of("Skipped: requires a running Redis"), Some(Some(ServiceKind::Redis)));
        assert_eq!(of("OPENAI_API_KEY not set"), Some(Some(ServiceKind::OpenAi)));
        assert_eq!(of("Docker is not running"), Some(None));
        assert_eq!(of("pgvector extension not available on PostgreSQL"), Some(None));
        assert_eq!(of("could not import 'asyncpg': No module named 'asyncpg'"), None);
        assert_eq!(of("needs Python 3.13"), None);
        assert_eq!(of("flaky on Redis 6"), None);
    }
}
