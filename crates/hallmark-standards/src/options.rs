//! What a scan is asked to do, and the `[standards]` section of `hallmark.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hallmark_core::{Error, Result};
use hallmark_diagnostics::Severity;
use serde::{Deserialize, Serialize};

use crate::selection::Selector;
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

/// How much the findings of a rule weigh, as a configuration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As a violation.
    Error,
    /// As a warning.
    Warning,
    /// As a note.
    Info,
    /// Not at all: the rule does not run.
    Off,
}

impl Level {
    /// The severity, or `None` if the rule is off.
    #[must_use]
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Off => None,
        }
    }
}

/// What a configuration says of one rule: the section `[standards.rules.NAME]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleConfig {
    /// How much its findings weigh, in place of the rule's own severity; a check that weighs a place less still does.
    pub severity: Option<Level>,
    /// What a file with an error of this rule loses in the rule's family, from 0 to 1; 1 without it.
    pub weight: Option<f64>,
}

/// Modules that are known to patch the SDK for one operating system.
const PLATFORM_SHIMS: &[&str] = &["windows_patch", "windows_sdk_compatibility"];

/// The `[standards]` section of `hallmark.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct StandardsConfig {
    /// `"2025"` or `"2026"`.
    pub edition: Edition,
    /// `"tiered"` or `"strict"`.
    pub profile: Profile,
    /// Whether rules run that have still to prove themselves.
    pub preview: bool,
    /// Whether every node must derive from a governed base class.
    pub governed: bool,
    /// Rules and families to apply; empty means all.
    pub select: Vec<String>,
    /// Rules and families to leave out; a rule that `select` names itself stays.
    pub ignore: Vec<String>,
    /// Globs of files to leave out, relative to the folder of the configuration.
    pub exclude: Vec<String>,
    /// Modules that patch the SDK for one operating system.
    pub platform_shims: Vec<String>,
    /// The baseline file that applies without being asked for; only the project's own configuration names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<PathBuf>,
    /// Glob to tier: `unit`, `integration`, `end-to-end` or `other`.
    pub tiers: BTreeMap<String, String>,
    /// Glob to the rules and families that are left out in the files it fits.
    pub per_file_ignores: BTreeMap<String, Vec<String>>,
    /// What is said of single rules, by their names.
    pub rules: BTreeMap<String, RuleConfig>,
}

impl Default for StandardsConfig {
    fn default() -> Self {
        Self {
            edition: Edition::default(),
            profile: Profile::default(),
            preview: false,
            governed: false,
            select: Vec::new(),
            ignore: Vec::new(),
            exclude: Vec::new(),
            platform_shims: PLATFORM_SHIMS.iter().map(|name| (*name).to_owned()).collect(),
            baseline: None,
            tiers: BTreeMap::new(),
            per_file_ignores: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }
}

impl StandardsConfig {
    /// The section with globs that are relative to `folder` made relative to the folder above it all.
    fn below(mut self, folder: &str) -> Self {
        let lift = |glob: &String| format!("{}/{glob}", globset::escape(folder));
        self.exclude = self.exclude.iter().map(lift).collect();
        self.tiers = self.tiers.iter().map(|(glob, tier)| (lift(glob), tier.clone())).collect();
        self.per_file_ignores =
            self.per_file_ignores.iter().map(|(glob, names)| (lift(glob), names.clone())).collect();
        self
    }

    /// Refuses names of rules, families and tiers that do not exist, globs that are none, and weights out of their range. A
    /// scan leaves such entries out, so a command asks this first.
    ///
    /// # Errors
    /// `HM-G010` names the entry and what it could be.
    pub fn validate(&self) -> Result<()> {
        let lists = [("select", &self.select), ("ignore", &self.ignore)];
        let ignored = self.per_file_ignores.values().map(|names| ("per-file-ignores", names));
        for (key, names) in lists.into_iter().chain(ignored) {
            for name in names {
                if Selector::parse(name).is_none() {
                    return Err(unknown_name(name).at(format!("standards.{key}")));
                }
            }
        }
        for (name, rule) in &self.rules {
            if rules::find(name).is_none() {
                return Err(unknown_name(name).at(format!("standards.rules.{name}")));
            }
            if rule.weight.is_some_and(|weight| !(0.0..=1.0).contains(&weight)) {
                let text = "a weight is a number from 0 to 1";
                return Err(
                    Error::new(&codes::UNKNOWN_NAME, text).at(format!("standards.rules.{name}.weight"))
                );
            }
        }
        for (glob, tier) in &self.tiers {
            if Tier::parse(tier).is_none() {
                let text = format!("{tier:?} is no tier: unit, integration, end-to-end, other or production");
                return Err(Error::new(&codes::UNKNOWN_NAME, text).at(format!("standards.tiers.{glob:?}")));
            }
        }
        for glob in self.exclude.iter().chain(self.tiers.keys()).chain(self.per_file_ignores.keys()) {
            if let Err(error) = globset::Glob::new(glob) {
                return Err(Error::new(&codes::UNKNOWN_NAME, format!("{glob:?} is no glob")).because(&error));
            }
        }
        Ok(())
    }
}

/// The error about a name that no rule and no family has.
fn unknown_name(name: &str) -> Error {
    let error = Error::new(&codes::UNKNOWN_NAME, format!("there is no rule {name:?}"));
    match hallmark_core::nearest(name, rules::all().iter().map(|r| r.name)) {
        Some(near) => error.next(format!("did you mean {near}? `hallmark rule` lists every rule")),
        None => error.next("hallmark rule lists every rule"),
    }
}

/// A folder below the root with a configuration of its own.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The folder, relative to the root, with forward slashes.
    pub path: String,
    /// Its section.
    pub standards: StandardsConfig,
}

/// What to scan and how.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// The folder that paths in the report are relative to and that imports are resolved in.
    pub root: PathBuf,
    /// What to report on, files or folders under `root`; empty means all of it. Imports always see the whole root.
    pub paths: Vec<PathBuf>,
    /// The edition.
    pub edition: Edition,
    /// The profile.
    pub profile: Profile,
    /// Whether rules run that have still to prove themselves.
    pub preview: bool,
    /// Whether every node must derive from a governed base class.
    pub governed: bool,
    /// The rules and families to apply; empty means all.
    pub select: Vec<String>,
    /// Rules and families to leave out; a rule that `select` names itself stays.
    pub ignore: Vec<String>,
    /// Globs of files to leave out, relative to `root`.
    pub exclude: Vec<String>,
    /// Modules that patch the SDK for one operating system.
    pub platform_shims: Vec<String>,
    /// Globs of test files with the tier they belong to, before Hallmark's own reading of their paths.
    pub tiers: BTreeMap<String, String>,
    /// Globs, relative to `root`, to the rules and families that are left out in the files they fit.
    pub per_file_ignores: BTreeMap<String, Vec<String>>,
    /// What is said of single rules, by their names.
    pub rules: BTreeMap<String, RuleConfig>,
    /// Folders with a configuration of their own: the closest one above a file counts for it, alone.
    pub folders: Vec<Folder>,
    /// The day, as `YYYY-MM-DD`, on which suppressions are judged; without it none has expired.
    pub today: Option<String>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        let blank = Self {
            root: PathBuf::new(),
            paths: Vec::new(),
            edition: Edition::default(),
            profile: Profile::default(),
            preview: false,
            governed: false,
            select: Vec::new(),
            ignore: Vec::new(),
            exclude: Vec::new(),
            platform_shims: Vec::new(),
            tiers: BTreeMap::new(),
            per_file_ignores: BTreeMap::new(),
            rules: BTreeMap::new(),
            folders: Vec::new(),
            today: None,
        };
        blank.with(&StandardsConfig::default())
    }
}

impl ScanOptions {
    /// The options that a configuration section asks for, for this root.
    #[must_use]
    pub fn new(root: PathBuf, config: &StandardsConfig) -> Self {
        Self { root, ..Self::default() }.with(config)
    }

    /// These options with what a section says in the place of what they say.
    #[must_use]
    fn with(self, config: &StandardsConfig) -> Self {
        Self {
            edition: config.edition,
            profile: config.profile,
            preview: config.preview,
            governed: config.governed,
            select: config.select.clone(),
            ignore: config.ignore.clone(),
            exclude: config.exclude.clone(),
            platform_shims: config.platform_shims.clone(),
            tiers: config.tiers.clone(),
            per_file_ignores: config.per_file_ignores.clone(),
            rules: config.rules.clone(),
            ..self
        }
    }

    /// What the options of the root say, as a section.
    #[must_use]
    pub fn standards(&self) -> StandardsConfig {
        StandardsConfig {
            edition: self.edition,
            profile: self.profile,
            preview: self.preview,
            governed: self.governed,
            select: self.select.clone(),
            ignore: self.ignore.clone(),
            exclude: self.exclude.clone(),
            platform_shims: self.platform_shims.clone(),
            baseline: None,
            tiers: self.tiers.clone(),
            per_file_ignores: self.per_file_ignores.clone(),
            rules: self.rules.clone(),
        }
    }

    /// Changes what is asked for everywhere: in the root and in every folder with a configuration of its own.
    pub fn everywhere(&mut self, change: impl Fn(&mut StandardsConfig)) {
        let mut own = self.standards();
        change(&mut own);
        *self = std::mem::take(self).with(&own);
        for folder in &mut self.folders {
            change(&mut folder.standards);
        }
    }

    /// The options of each part of the project: the folder they hold for, and the options, without folders in them.
    pub(crate) fn parts(&self) -> Vec<(String, Self)> {
        let root = Self { folders: Vec::new(), ..self.clone() };
        let below = self.folders.iter().map(|folder| {
            let standards = folder.standards.clone().below(&folder.path);
            (folder.path.clone(), root.clone().with(&standards))
        });
        let below: Vec<_> = below.collect();
        std::iter::once((String::new(), root)).chain(below).collect()
    }

    /// Refuses what a scan would have to leave out: see [`StandardsConfig::validate`].
    ///
    /// # Errors
    /// `HM-G010` names the entry and what it could be.
    pub fn validate(&self) -> Result<()> {
        self.standards().validate()?;
        self.folders.iter().try_for_each(|folder| folder.standards.validate())
    }
}
