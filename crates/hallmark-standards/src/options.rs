//! What a scan is asked to do, and the `[standards]` section of `hallmark.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hallmark_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::tier::Tier;
use crate::{codes, rules};

/// The edition of the gold standards; where editions disagree a rule asks which one is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Edition {
    /// The guides of 2025 (SDK 0.9).
    #[serde(rename = "2025")]
    E2025,
    /// The guides of 2026 (SDK 2.65).
    #[default]
    #[serde(rename = "2026")]
    E2026,
}

impl Edition {
    /// The year, as written on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::E2025 => "2025",
            Self::E2026 => "2026",
        }
    }

    /// The version of the SDK that the edition was written for; its names are the ones that rules know.
    #[must_use]
    pub const fn sdk_version(self) -> &'static str {
        match self {
            Self::E2025 => "0.9",
            Self::E2026 => "2.65",
        }
    }
}

/// How test doubles are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Doubles are fine in unit tests (reported as info) and errors in every other tier.
    #[default]
    Tiered,
    /// Doubles are errors in every tier.
    Strict,
}

impl Profile {
    /// The word, as written on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tiered => "tiered",
            Self::Strict => "strict",
        }
    }
}

/// What to scan and how.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// The folder that paths in the report are relative to and that imports are resolved in.
    pub root: PathBuf,
    /// What to report on, files or folders under `root`; empty means all of it. Imports always see the whole root.
    pub paths: Vec<PathBuf>,
    /// The edition.
    pub edition: Edition,
    /// The profile.
    pub profile: Profile,
    /// The rules to apply; empty means all.
    pub select: Vec<String>,
    /// Rules to leave out, applied after `select`.
    pub ignore: Vec<String>,
    /// Globs of files to leave out, relative to `root`.
    pub exclude: Vec<String>,
    /// Globs of test files with the tier they belong to, before Hallmark's own reading of their paths.
    pub tiers: BTreeMap<String, String>,
}

impl ScanOptions {
    /// The options that a configuration section asks for, for this root.
    #[must_use]
    pub fn new(root: PathBuf, config: &StandardsConfig) -> Self {
        Self {
            root,
            paths: Vec::new(),
            edition: config.edition,
            profile: config.profile,
            select: config.select.clone(),
            ignore: config.ignore.clone(),
            exclude: config.exclude.clone(),
            tiers: config.tiers.clone(),
        }
    }

    /// Refuses names of rules and tiers that do not exist and globs that are none. A scan leaves such entries out, so a
    /// command asks this first.
    ///
    /// # Errors
    /// `HM-G010` names the entry and what it could be.
    pub fn validate(&self) -> Result<()> {
        for name in self.select.iter().chain(&self.ignore) {
            if rules::find(name).is_none() {
                return Err(Error::new(&codes::UNKNOWN_NAME, format!("there is no rule {name:?}"))
                    .next("hallmark rule lists every rule"));
            }
        }
        for (glob, tier) in &self.tiers {
            if Tier::parse(tier).is_none() {
                let text = format!("{tier:?} is no tier: unit, integration, end-to-end, other or production");
                return Err(Error::new(&codes::UNKNOWN_NAME, text).at(format!("standards.tiers.{glob:?}")));
            }
        }
        for glob in self.exclude.iter().chain(self.tiers.keys()) {
            if let Err(error) = globset::Glob::new(glob) {
                return Err(Error::new(&codes::UNKNOWN_NAME, format!("{glob:?} is no glob")).because(&error));
            }
        }
        Ok(())
    }
}

/// The `[standards]` section of `hallmark.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StandardsConfig {
    /// `"2025"` or `"2026"`.
    pub edition: Edition,
    /// `"tiered"` or `"strict"`.
    pub profile: Profile,
    /// Rules to apply; empty means all.
    pub select: Vec<String>,
    /// Rules to leave out.
    pub ignore: Vec<String>,
    /// Globs of files to leave out.
    pub exclude: Vec<String>,
    /// Glob to tier: `unit`, `integration`, `end-to-end` or `other`.
    pub tiers: BTreeMap<String, String>,
}
