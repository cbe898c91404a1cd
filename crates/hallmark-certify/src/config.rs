//! The section `[certify]` of `hallmark.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::limits::TESTS_TIMEOUT_S;

/// What a project says about its certification.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CertifyConfig {
    /// How its tests are run.
    pub tests: TestsConfig,
    /// What the project claims for itself, by section: `baseline`, `gold_standards`, `infrastructure`, `framework`; 0 to 1 of
    /// each section's weight is 1. Shown beside what is proven, never added.
    pub claims: BTreeMap<String, f64>,
    /// Checks that are left out by name.
    pub exempt: Vec<Exemption>,
}

/// The section `[certify.tests]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TestsConfig {
    /// The interpreter; without one: `.venv/bin/python` of the project, the environment made from `requirements`, or `python3`.
    pub python: Option<String>,
    /// Requirements (`pytest>=8`, or `-r tests/requirements.txt`) for an environment made under `.hallmark/`.
    pub requirements: Vec<String>,
    /// The folders or files handed to pytest; empty: what its own configuration says.
    pub paths: Vec<String>,
    /// More arguments for pytest.
    pub arguments: Vec<String>,
    /// More variables for the tests: names to values, in which `{postgres.host}` and its like stand for an address of the stack.
    pub environment: BTreeMap<String, String>,
    /// The longest a run may take, in seconds.
    pub timeout_s: u64,
}

impl Default for TestsConfig {
    fn default() -> Self {
        Self {
            python: None,
            requirements: Vec::new(),
            paths: Vec::new(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            timeout_s: TESTS_TIMEOUT_S,
        }
    }
}

/// A check that is left out: by whom, why, and until when. It never counts as proven.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exemption {
    /// The name of the check.
    pub check: String,
    /// Why it is left out.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds.
    pub expires: String,
}
