//! The addresses of the services, whoever provides them.

use hallmark_core::secret::mask_url;
use hallmark_core::{Result, Secret};

use super::config::Provider;
use super::credentials::Credentials;
use super::ports::{PortName, Ports};
use super::state::StackState;
use super::{Stack, ports};
use crate::{ChromaConfig, Endpoints, Neo4jConfig, OpenAiConfig, PostgresConfig, RedisConfig, ServiceKind};

const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// The given addresses without those that lead to our own ports: `eval $(hallmark env)` must not make a native service
/// external.
pub(super) fn without_own(given: Endpoints, own: &[u16]) -> Endpoints {
    let foreign = |host: &str, port: u16| !(LOOPBACK.contains(&host) && own.contains(&port));
    Endpoints {
        postgres: given.postgres.filter(|c| foreign(&c.host, c.port)),
        neo4j: given.neo4j.filter(|c| foreign(&c.host, c.port)),
        chroma: given.chroma.filter(|c| foreign(&c.host, c.port)),
        redis: given.redis.filter(|c| foreign(&c.host, c.port)),
        openai: given
            .openai
            .filter(|c| !own.iter().any(|port| c.base_url.contains(&format!("127.0.0.1:{port}/")))),
    }
}

impl Stack {
    /// The addresses of all services that are provided: those of the stack's own, and the given ones. A service whose
    /// native server was never started, or could not be installed, has none.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken, `HM-C012` if a secret cannot be read.
    pub fn endpoints(&self) -> Result<Endpoints> {
        let state = StackState::load(&self.project)?;
        let credentials = match &state {
            Some(state) => Credentials::load(&state.home(&self.project))?,
            None => Credentials::default(),
        };
        let (ports, refused) = state.map(|state| (state.ports, state.refused)).unwrap_or_default();
        let mut all = Endpoints::default();
        for service in ServiceKind::ALL {
            match self.provider(service) {
                Provider::External => copy(service, &self.given, &mut all),
                Provider::Native | Provider::Docker if refused.contains_key(&service) => {}
                Provider::Native | Provider::Docker => own(service, &ports, &credentials, &mut all)?,
                Provider::Auto | Provider::Off => {}
            }
        }
        if let Some(postgres) = &mut all.postgres {
            let places = self.replicas().iter().filter_map(|(_, name)| ports.get(name));
            postgres.replicas.extend(places.map(|port| ("127.0.0.1".to_owned(), *port)));
        }
        Ok(all)
    }

    /// The address of one service for people, without its secrets; none if it has none yet.
    ///
    /// # Errors
    /// Those of [`Stack::endpoints`].
    pub fn address(&self, service: ServiceKind) -> Result<Option<String>> {
        Ok(shown(service, &self.endpoints()?))
    }
}

fn copy(service: ServiceKind, from: &Endpoints, to: &mut Endpoints) {
    match service {
        ServiceKind::Postgres => to.postgres.clone_from(&from.postgres),
        ServiceKind::Neo4j => to.neo4j.clone_from(&from.neo4j),
        ServiceKind::Chroma => to.chroma.clone_from(&from.chroma),
        ServiceKind::Redis => to.redis.clone_from(&from.redis),
        ServiceKind::OpenAi => to.openai.clone_from(&from.openai),
    }
}

pub(super) fn own(
    service: ServiceKind,
    ports: &Ports,
    credentials: &Credentials,
    to: &mut Endpoints,
) -> Result<()> {
    if PortName::of(service).iter().any(|name| !ports.contains_key(name)) {
        return Ok(());
    }
    let port = |name| ports::get(ports, name);
    match service {
        ServiceKind::Postgres => {
            let mut config = PostgresConfig::from_url(&format!(
                "postgres://postgres@127.0.0.1:{}/postgres",
                port(PortName::Postgres)?
            ))?;
            config.password = credentials.postgres.clone();
            to.postgres = Some(config);
        }
        ServiceKind::Neo4j => {
            let url = format!("bolt://127.0.0.1:{}", port(PortName::Neo4jBolt)?);
            to.neo4j = Some(Neo4jConfig::new(&url, Some("neo4j"), Some(credentials.neo4j.clone()))?);
        }
        ServiceKind::Chroma => {
            to.chroma =
                Some(ChromaConfig::from_url(&format!("http://127.0.0.1:{}", port(PortName::Chroma)?))?);
        }
        ServiceKind::Redis => {
            let mut config =
                RedisConfig::from_url(&format!("redis://127.0.0.1:{}/0", port(PortName::Redis)?))?;
            config.password = credentials.redis.clone();
            to.redis = Some(config);
        }
        ServiceKind::OpenAi => {
            let base = |port: u16| format!("http://127.0.0.1:{port}/v1");
            let key = Secret::new(credentials.openai.expose());
            let mut config = OpenAiConfig::new(&base(port(PortName::OpenAiChat)?), key)?;
            config.embeddings_base_url = Some(base(port(PortName::OpenAiEmbeddings)?));
            to.openai = Some(config);
        }
    }
    Ok(())
}

/// The address of a service for people, without its secrets.
pub(super) fn shown(service: ServiceKind, endpoints: &Endpoints) -> Option<String> {
    match service {
        ServiceKind::Postgres => endpoints.postgres.as_ref().map(|c| mask_url(c.url().expose())),
        ServiceKind::Neo4j => endpoints.neo4j.as_ref().map(|c| c.url.clone()),
        ServiceKind::Chroma => endpoints.chroma.as_ref().map(|c| mask_url(&c.url)),
        ServiceKind::Redis => endpoints.redis.as_ref().map(|c| mask_url(c.url().expose())),
        ServiceKind::OpenAi => endpoints.openai.as_ref().map(|c| mask_url(&c.base_url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_address_is_not_taken_for_a_given_one() {
        let redis = |port: u16| Endpoints {
            redis: Some(RedisConfig::from_url(&format!("redis://127.0.0.1:{port}/0")).unwrap()),
            ..Endpoints::default()
        };
        assert!(without_own(redis(54_600), &[54_600]).redis.is_none());
        assert!(without_own(redis(54_601), &[54_600]).redis.is_some());
    }

    #[test]
    fn addresses_are_shown_without_secrets() {
        let ports = Ports::from([(PortName::Postgres, 54_600), (PortName::Redis, 54_601)]);
        let secret = Secret::new("geheim");
        let credentials = Credentials { postgres: secret.clone(), redis: secret, ..Credentials::default() };
        let mut all = Endpoints::default();
        for service in ServiceKind::ALL {
            own(service, &ports, &credentials, &mut all).unwrap();
        }
        assert!(all.neo4j.is_none());
        for service in [ServiceKind::Postgres, ServiceKind::Redis] {
            assert!(!shown(service, &all).unwrap().contains("geheim"));
        }
    }
}
