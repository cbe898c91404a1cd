//! The services for other machines: a compose file and Kubernetes manifests, for images that are pinned.
//!
//! The text is put together from files in `assets/containers` and holds no secret: those come from the environment of
//! compose, and from a Secret of Kubernetes. The model API has no image.

use std::fmt::Write as _;

use super::ports::{PortName, Ports};
use crate::ServiceKind;

/// The services that have images, in the order in which they are written.
pub const WITH_IMAGES: [ServiceKind; 4] =
    [ServiceKind::Postgres, ServiceKind::Neo4j, ServiceKind::Chroma, ServiceKind::Redis];

/// The secrets that the compose file wants of its environment, one for each service that has one.
#[must_use]
pub const fn variable(service: ServiceKind) -> Option<&'static str> {
    match service {
        ServiceKind::Postgres => Some("POSTGRES_PASSWORD"),
        ServiceKind::Neo4j => Some("NEO4J_PASSWORD"),
        ServiceKind::Redis => Some("REDIS_PASSWORD"),
        ServiceKind::Chroma | ServiceKind::OpenAi => None,
    }
}

/// The key of the Secret `hallmark-secrets` that the manifests want, and what it holds.
#[must_use]
pub const fn secret_key(service: ServiceKind) -> Option<(&'static str, &'static str)> {
    match service {
        ServiceKind::Postgres => Some(("postgres-password", "the password")),
        ServiceKind::Neo4j => Some(("neo4j-auth", "neo4j/ and the password")),
        ServiceKind::Redis => Some(("redis-password", "the password")),
        ServiceKind::Chroma | ServiceKind::OpenAi => None,
    }
}

const fn compose_part(service: ServiceKind) -> &'static str {
    match service {
        ServiceKind::Postgres => include_str!("../../assets/containers/compose/postgres.yaml"),
        ServiceKind::Neo4j => include_str!("../../assets/containers/compose/neo4j.yaml"),
        ServiceKind::Chroma => include_str!("../../assets/containers/compose/chromadb.yaml"),
        ServiceKind::Redis => include_str!("../../assets/containers/compose/redis.yaml"),
        ServiceKind::OpenAi => "",
    }
}

const fn kubernetes_part(service: ServiceKind) -> &'static str {
    match service {
        ServiceKind::Postgres => include_str!("../../assets/containers/kubernetes/postgres.yaml"),
        ServiceKind::Neo4j => include_str!("../../assets/containers/kubernetes/neo4j.yaml"),
        ServiceKind::Chroma => include_str!("../../assets/containers/kubernetes/chromadb.yaml"),
        ServiceKind::Redis => include_str!("../../assets/containers/kubernetes/redis.yaml"),
        ServiceKind::OpenAi => "",
    }
}

/// The ports of a service: what stands for each in its part of the compose file, and where people look for it.
const fn published(service: ServiceKind) -> &'static [(PortName, &'static str, u16)] {
    match service {
        ServiceKind::Postgres => &[(PortName::Postgres, "@postgres@", 5432)],
        ServiceKind::Neo4j => {
            &[(PortName::Neo4jBolt, "@neo4j-bolt@", 7687), (PortName::Neo4jHttp, "@neo4j-http@", 7474)]
        }
        // Its own is 8000, which is that of `hallmark serve`.
        ServiceKind::Chroma => &[(PortName::Chroma, "@chromadb@", 8002)],
        ServiceKind::Redis => &[(PortName::Redis, "@redis@", 6379)],
        ServiceKind::OpenAi => &[],
    }
}

/// The project's name as compose and Kubernetes take it: small letters, digits and hyphens, at most 40 of them.
fn name(project: &str) -> String {
    let small = project.to_ascii_lowercase();
    let signs = small.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let joined: String = signs.take(40).collect();
    let trimmed = joined.trim_matches('-');
    if trimmed.is_empty() { "hallmark".to_owned() } else { trimmed.to_owned() }
}

/// What the compose files of two places differ in.
pub(super) struct Composition<'a> {
    /// The first line, behind the sign of a comment.
    pub(super) heading: &'a str,
    /// The name of the project, as compose takes it.
    pub(super) name: String,
    /// The database and the user of PostgreSQL that its first start makes.
    pub(super) database: &'a str,
    pub(super) user: &'a str,
    /// Where the services are published on loopback; those that are missing where people look for them.
    pub(super) ports: &'a Ports,
}

impl Composition<'_> {
    /// The compose file of those of the services that have images.
    pub(super) fn text(&self, services: &[ServiceKind]) -> String {
        let mut text = format!("# {}\nname: {}\nservices:\n", self.heading, self.name);
        let mut volumes = String::from("volumes:\n");
        for service in WITH_IMAGES.into_iter().filter(|service| services.contains(service)) {
            let mut part =
                compose_part(service).replace("@database@", self.database).replace("@user@", self.user);
            for (name, sign, usual) in published(service) {
                part = part.replace(sign, &self.ports.get(name).unwrap_or(usual).to_string());
            }
            text += &part;
            let _ = writeln!(volumes, "  {service}: {{}}");
            if service == ServiceKind::Neo4j {
                volumes += "  neo4j-plugins: {}\n";
            }
        }
        text + &volumes
    }
}

/// The compose file of these services for a project of this name: at their usual ports, with the database of the requirements.
#[must_use]
pub fn compose(project: &str, services: &[ServiceKind]) -> String {
    let heading =
        "Written by `hallmark compose`; the model API has no image. Start: docker compose up --detach --wait";
    let (database, user) = ("kailash_production", "kailash_app");
    Composition { heading, name: name(project), database, user, ports: &Ports::new() }.text(services)
}

/// The Kubernetes manifests of these services: a Service and a `StatefulSet` with a volume for each.
#[must_use]
pub fn kubernetes(project: &str, services: &[ServiceKind]) -> String {
    let mut text = String::from(
        "# Written by `hallmark kubernetes`; the model API has no image. The Secret hallmark-secrets must hold:\n",
    );
    for service in WITH_IMAGES.into_iter().filter(|service| services.contains(service)) {
        if let Some((key, what)) = secret_key(service) {
            let _ = writeln!(text, "#   {key}: {what}");
        }
    }
    for service in WITH_IMAGES.into_iter().filter(|service| services.contains(service)) {
        text += kubernetes_part(service);
    }
    text.replace("@NAME@", &name(project))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_both_take() {
        assert_eq!(name("My Catalog_2"), "my-catalog-2");
        assert_eq!(name("Ü!"), "hallmark");
        assert_eq!(name(&"a".repeat(99)).len(), 40);
        assert_eq!(name("2026"), "2026");
    }

    #[test]
    fn only_what_is_asked_for_is_written() {
        let text = compose("p", &[ServiceKind::Redis, ServiceKind::OpenAi]);
        assert!(
            !text.contains('@')
                && text.contains("127.0.0.1:6379:6379")
                && text.contains("redis:7")
                && !text.contains("postgres")
                && text.ends_with("  redis: {}\n")
        );
        let text = kubernetes("p", &[ServiceKind::Neo4j]);
        assert!(text.contains("neo4j-auth") && !text.contains("redis") && !text.contains("@NAME@"));
    }
}
