//! The section `[stack]` of `hallmark.toml`: how services are provided. Their addresses, where given, are `[services]`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::backup::BackupConfig;
use super::ports::{PortName, Ports};
use super::seed::SeedConfig;
use crate::monitor::alerts::AlertsConfig;
use crate::{Endpoints, ServiceKind};

/// Who provides a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// `external` where an address is given, else `native`.
    #[default]
    Auto,
    /// A private process of this project.
    Native,
    /// A server at a given address. Hallmark never starts, stops, resets or fills it.
    External,
    /// A container, where an engine answers.
    Docker,
    /// Nobody: the project does not use it.
    Off,
}

impl Provider {
    /// The name that configuration and JSON use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::External => "external",
            Self::Docker => "docker",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When Redis brings its log to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Appendfsync {
    /// Before each answer: what was acknowledged survives the loss of power.
    Always,
    /// Once a second.
    #[default]
    Everysec,
    /// When the system sees fit.
    No,
}

impl Appendfsync {
    /// The word that Redis uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everysec => "everysec",
            Self::No => "no",
        }
    }
}

/// `[stack.redis]`: how the stack's own Redis runs.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RedisTuning {
    /// When it brings its log to the disk.
    pub appendfsync: Appendfsync,
}

/// The section `[stack]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StackConfig {
    /// The provider of every service that `providers` does not name.
    pub provider: Provider,
    /// `[stack.providers]`: the provider of single services, for example `redis = "off"`.
    pub providers: BTreeMap<ServiceKind, Provider>,
    /// `[stack.ports]`: ports that are chosen by hand, for example `postgres = 55432`.
    pub ports: Ports,
    /// `[stack.alerts]`: who is told when a service changes.
    pub alerts: AlertsConfig,
    /// The port of loopback on which the supervisor serves metrics and health: a free one that is kept, unless it is
    /// chosen here; 0 serves none.
    pub metrics_port: Option<u16>,
    /// Whether installing what is missing is agreed to without a question.
    pub assume_yes: bool,
    /// `[stack.postgres]`.
    pub postgres: PostgresStack,
    /// `[stack.backup]`.
    pub backup: BackupConfig,
    /// `[stack.seed]`.
    pub seed: SeedConfig,
    /// `[stack.redis]`.
    pub redis: RedisTuning,
    /// `[stack.environment.SERVICE]`: variables that the service's processes get besides their own.
    pub environment: BTreeMap<ServiceKind, BTreeMap<String, String>>,
}

/// `[stack.postgres]`: what the native provider makes of PostgreSQL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PostgresStack {
    /// Read replicas that stream from it; at most [`crate::limits::REPLICAS_MAX`].
    pub replicas: u8,
}

impl StackConfig {
    /// The provider of a service: what is chosen, and for `auto` what fits. The model API has no container of its own,
    /// so `docker` for all leaves it native.
    #[must_use]
    pub fn provider_of(&self, service: ServiceKind, given: &Endpoints) -> Provider {
        match self.providers.get(&service).copied().unwrap_or(self.provider) {
            Provider::Auto if given.has(service) => Provider::External,
            Provider::Auto => Provider::Native,
            Provider::Docker if service == ServiceKind::OpenAi && !self.providers.contains_key(&service) => {
                Provider::Native
            }
            chosen => chosen,
        }
    }

    /// The port that was chosen by hand.
    #[must_use]
    pub fn port(&self, name: PortName) -> Option<u16> {
        self.ports.get(&name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_section() {
        let text = "[stack]\nassume-yes = true\n[stack.providers]\nchromadb = \"off\"\nopenai = \"external\"\n[stack.ports]\nneo4j-bolt = 57687\n";
        let config = hallmark_core::config::Config::parse("hallmark.toml".into(), text.to_owned()).unwrap();
        let stack: StackConfig = config.section("stack").unwrap();
        assert!(stack.assume_yes);
        assert_eq!(stack.provider_of(ServiceKind::Chroma, &Endpoints::default()), Provider::Off);
        assert_eq!(stack.provider_of(ServiceKind::OpenAi, &Endpoints::default()), Provider::External);
        assert_eq!(stack.provider_of(ServiceKind::Redis, &Endpoints::default()), Provider::Native);
        assert_eq!(stack.port(PortName::Neo4jBolt), Some(57_687));
    }

    #[test]
    fn reads_how_servers_run() {
        let text =
            "[stack.redis]\nappendfsync = \"always\"\n[stack.environment.neo4j]\nMALLOC_ARENA_MAX = \"2\"\n";
        let config = hallmark_core::config::Config::parse("hallmark.toml".into(), text.to_owned()).unwrap();
        let stack: StackConfig = config.section("stack").unwrap();
        assert_eq!(stack.redis.appendfsync, Appendfsync::Always);
        assert_eq!(stack.environment[&ServiceKind::Neo4j]["MALLOC_ARENA_MAX"], "2");
        assert_eq!(StackConfig::default().redis.appendfsync, Appendfsync::Everysec);
    }

    #[test]
    fn docker_for_all_leaves_the_model_api_native() {
        let stack = StackConfig { provider: Provider::Docker, ..StackConfig::default() };
        assert_eq!(stack.provider_of(ServiceKind::OpenAi, &Endpoints::default()), Provider::Native);
        assert_eq!(stack.provider_of(ServiceKind::Redis, &Endpoints::default()), Provider::Docker);
    }
}
