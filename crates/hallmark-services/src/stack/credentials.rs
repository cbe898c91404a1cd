//! The passwords and keys that the stack made: one file of mode 0600 for each.

use std::path::{Path, PathBuf};

use hallmark_core::{Result, Secret, fs, platform, random};

use super::home::Home;
use crate::ServiceKind;

/// The services that have one.
const HOLDERS: [ServiceKind; 4] =
    [ServiceKind::Postgres, ServiceKind::Neo4j, ServiceKind::Redis, ServiceKind::OpenAi];

/// The generated passwords and keys of a project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) postgres: Secret,
    pub(crate) neo4j: Secret,
    pub(crate) redis: Secret,
    pub(crate) openai: Secret,
    /// The role with which replicas of PostgreSQL come to the primary.
    pub(crate) replication: Secret,
}

/// The file of [`Credentials::replication`].
const REPLICATION: &str = "postgres-replication";

impl Credentials {
    /// What was made before; a missing one is empty.
    pub(crate) fn load(home: &Home) -> Result<Self> {
        Self::each(|name| {
            let path = home.secrets().join(name);
            if path.is_file() { Ok(Secret::new(fs::read_text(&path)?.trim())) } else { Ok(Secret::default()) }
        })
    }

    /// What was made before, and a fresh one for each that is missing.
    pub(crate) fn load_or_create(home: &Home) -> Result<Self> {
        for name in HOLDERS.iter().map(|service| service.name()).chain([REPLICATION]) {
            let path = home.secrets().join(name);
            if !path.is_file() {
                fs::write_atomic(&path, random::secret()?.expose().as_bytes(), fs::Mode::Private)?;
            }
        }
        Self::load(home)
    }

    fn each(mut read: impl FnMut(&str) -> Result<Secret>) -> Result<Self> {
        Ok(Self {
            postgres: read(ServiceKind::Postgres.name())?,
            neo4j: read(ServiceKind::Neo4j.name())?,
            redis: read(ServiceKind::Redis.name())?,
            openai: read(ServiceKind::OpenAi.name())?,
            replication: read(REPLICATION)?,
        })
    }

    /// The text with every one of these secrets replaced by the mask.
    pub(crate) fn mask(&self, text: &str) -> String {
        [&self.postgres, &self.neo4j, &self.redis, &self.openai, &self.replication]
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose(), hallmark_core::secret::MASK))
    }
}

/// The file that keeps the service's password or key; none if it has none.
pub(crate) fn file(home: &Home, service: ServiceKind) -> Option<PathBuf> {
    HOLDERS.contains(&service).then(|| home.secrets().join(service.name()))
}

/// The file, if it is there and holds nothing: what was in it is lost, and the server still asks for it.
pub(crate) fn emptied(home: &Home, service: ServiceKind) -> Option<PathBuf> {
    let holds_nothing = |path: &PathBuf| {
        path.is_file() && std::fs::read_to_string(path).is_ok_and(|text| text.trim().is_empty())
    };
    file(home, service).filter(holds_nothing)
}

/// What to do where the file does not hold what the server asks for.
pub(crate) fn way_out(service: ServiceKind, file: &Path) -> String {
    let back = format!("put the right one back into {}", file.display());
    match service {
        // Their data know the password.
        ServiceKind::Postgres | ServiceKind::Neo4j => format!(
            "{back}; if it is lost for good: hallmark reset {service} --no-safety, then: hallmark restore --only {service}"
        ),
        _ => format!("{back}, or: hallmark down, remove that file, hallmark up"),
    }
}

/// The files in the secrets' folder that others than their owner may read, sorted, with their modes.
pub(crate) fn readable_by_others(home: &Home) -> Vec<(PathBuf, u32)> {
    let files = std::fs::read_dir(home.secrets()).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut open: Vec<(PathBuf, u32)> = files
        .filter(|path| path.is_file())
        .filter_map(|path| mode(&path).map(|mode| (path, mode)))
        .filter(|(_, mode)| mode & 0o077 != 0)
        .collect();
    open.sort();
    open
}

fn mode(path: &Path) -> Option<u32> {
    platform::mode(&std::fs::metadata(path).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_private_and_masked() {
        let root = std::env::temp_dir().join(format!("hallmark-secrets-{}", random::token(8).unwrap()));
        let home = Home::new(root.clone());
        home.create(&root).unwrap();
        let made = Credentials::load_or_create(&home).unwrap();
        let again = Credentials::load_or_create(&home).unwrap();
        assert!(
            made.postgres.matches(again.postgres.expose()) && !made.postgres.matches(made.redis.expose())
        );
        assert!(readable_by_others(&home).is_empty());
        assert!(ServiceKind::ALL.iter().all(|service| emptied(&home, *service).is_none()));
        fs::write_atomic(&home.secrets().join("neo4j"), b"\n", fs::Mode::Private).unwrap();
        assert_eq!(emptied(&home, ServiceKind::Neo4j), Some(home.secrets().join("neo4j")));
        let way = way_out(ServiceKind::Neo4j, &home.secrets().join("neo4j"));
        assert!(way.contains("secrets/neo4j") && way.contains("hallmark reset neo4j"), "{way}");
        assert_eq!(file(&home, ServiceKind::Chroma), None);
        let line = format!("AUTH {}", made.redis.expose());
        assert_eq!(made.mask(&line), "AUTH ********");
        platform::set_mode(&home.secrets().join("redis"), 0o644).unwrap();
        assert_eq!(readable_by_others(&home).len(), 1);
        std::fs::remove_dir_all(root).unwrap();
    }
}
