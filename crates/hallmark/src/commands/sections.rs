//! Every section of the configuration, read into its owner's type: whether it is right is known to its owner alone.

use hallmark_certify::CertifyConfig;
use hallmark_core::Result;
use hallmark_core::config::Config;
use hallmark_services::section::ServicesSection;
use hallmark_services::{FallbacksConfig, StackConfig};
use hallmark_standards::StandardsConfig;

use crate::models::DataFlowConfig;

type Read = fn(&Config, &str) -> Result<()>;

/// The sections with what reads them.
pub(super) const OWNERS: &[(&str, Read)] = &[
    ("standards", |config, name| config.section::<StandardsConfig>(name).map(drop)),
    ("stack", |config, name| config.section::<StackConfig>(name).map(drop)),
    ("fallbacks", |config, name| config.section::<FallbacksConfig>(name).map(drop)),
    ("services", |config, name| config.section::<ServicesSection>(name).map(drop)),
    ("dataflow", |config, name| config.section::<DataFlowConfig>(name).map(drop)),
    ("certify", |config, name| config.section::<CertifyConfig>(name).map(drop)),
];

/// Reads all of them, as the commands do that use them.
///
/// # Errors
/// `HM-C002` with its place for the first that holds an unknown name or a value that is not taken.
pub(super) fn check(config: &Config) -> Result<()> {
    OWNERS.iter().try_for_each(|(name, read)| read(config, name))
}
