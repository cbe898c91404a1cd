//! Which tier a place in a file belongs to: from the configuration, then the path, then the markers.

use globset::{Glob, GlobSet, GlobSetBuilder};
use hallmark_python::Module;
use hallmark_python::facts::{Decorator, ScopeId, ScopeKind};
use serde::{Deserialize, Serialize};

use crate::ScanOptions;
use crate::scope::Scopes;

/// The tier of a test, or production code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// Not a test.
    Production,
    /// Tier 1.
    Unit,
    /// Tier 2.
    Integration,
    /// Tier 3.
    EndToEnd,
    /// A test whose tier neither its path nor a marker names.
    Other,
}

impl Tier {
    /// The word used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Unit => "unit",
            Self::Integration => "integration",
            Self::EndToEnd => "end-to-end",
            Self::Other => "other",
        }
    }

    /// The tier of this name, as written in the configuration.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Production, Self::Unit, Self::Integration, Self::EndToEnd, Self::Other]
            .into_iter()
            .find(|tier| tier.name() == name)
    }

    /// Whether this is a test.
    #[must_use]
    pub const fn is_test(self) -> bool {
        !matches!(self, Self::Production)
    }
}

/// The tiers that the configuration gives to paths.
pub(crate) struct Overrides {
    globs: GlobSet,
    tiers: Vec<Tier>,
}

impl Overrides {
    /// Reads `tiers`; entries that are no glob or no tier are left out ([`ScanOptions::validate`] refuses them first).
    pub(crate) fn new(options: &ScanOptions) -> Self {
        let mut builder = GlobSetBuilder::new();
        let mut tiers = Vec::new();
        for (glob, tier) in &options.tiers {
            if let (Ok(glob), Some(tier)) = (Glob::new(glob), Tier::parse(tier)) {
                builder.add(glob);
                tiers.push(tier);
            }
        }
        Self { globs: builder.build().unwrap_or_default(), tiers }
    }

    /// The tier of a file by configuration or path; `Other` if it is a test of unknown tier.
    pub(crate) fn of_file(&self, path: &str) -> Tier {
        if let Some(index) = self.globs.matches(path).last() {
            return self.tiers[*index];
        }
        of_path(path)
    }
}

/// The tiers of a project's tests, as the scan sees them: for those who know a test by its file and its markers only.
pub struct Tiers(Scopes);

impl Tiers {
    /// The tiers under this configuration.
    #[must_use]
    pub fn new(options: &ScanOptions) -> Self {
        Self(Scopes::new(options))
    }

    /// The tier of a test in the file of this path, relative to the project, that bears these markers (`integration`): the
    /// configuration decides first, then the path, then the markers. What pytest runs is never production.
    #[must_use]
    pub fn of_test<'a>(&self, path: &str, markers: impl IntoIterator<Item = &'a str>) -> Tier {
        match self.0.of(path).overrides.of_file(path) {
            Tier::Production | Tier::Other => markers.into_iter().find_map(of_word).unwrap_or(Tier::Other),
            tier => tier,
        }
    }
}

/// The tier that a path says; the innermost folder that names one wins.
fn of_path(path: &str) -> Tier {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let in_tests = folders.split('/').any(|s| matches!(s, "tests" | "test"));
    let named = file == "conftest.py"
        || file.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"));
    if !in_tests && !named {
        return Tier::Production;
    }
    folders.split('/').rev().find_map(of_word).unwrap_or(Tier::Other)
}

/// Whether a path, by itself, is that of a test or of what helps tests.
pub(crate) fn is_test_path(path: &str) -> bool {
    of_path(path).is_test()
}

/// The tier that a folder name or a marker names.
fn of_word(word: &str) -> Option<Tier> {
    let word = word.to_ascii_lowercase().replace('-', "_");
    let has = |names: &[&str]| {
        names.iter().any(|n| {
            word == *n
                || word.strip_prefix(n).is_some_and(|rest| rest.starts_with('_'))
                || word.strip_suffix(n).is_some_and(|rest| rest.ends_with('_'))
        })
    };
    if has(&["unit", "units", "tier1", "tier_1"]) {
        Some(Tier::Unit)
    } else if has(&["e2e", "end_to_end", "endtoend", "tier3", "tier_3"]) {
        Some(Tier::EndToEnd)
    } else if has(&["integration", "integrations", "tier2", "tier_2"]) {
        Some(Tier::Integration)
    } else {
        None
    }
}

/// The tier of a place in a file whose path says `file`: markers decide where the path does not.
pub(crate) fn of_place(file: Tier, module: &Module, scope: ScopeId) -> Tier {
    if file != Tier::Other {
        return file;
    }
    let marked = module.walk(scope).find_map(|kind| match kind {
        ScopeKind::Function(index) => {
            module.functions.get(index as usize).and_then(|f| of_marks(&f.decorators))
        }
        ScopeKind::Class(index) => module.classes.get(index as usize).and_then(|c| of_marks(&c.decorators)),
        ScopeKind::Module | ScopeKind::Block => None,
    });
    marked.or_else(|| module.marks.iter().find_map(|m| of_mark(m))).unwrap_or(Tier::Other)
}

/// The tier that one of these decorators marks.
pub(crate) fn of_marks(decorators: &[Decorator]) -> Option<Tier> {
    decorators.iter().filter_map(|d| d.path.as_deref()).find_map(of_mark)
}

fn of_mark(path: &str) -> Option<Tier> {
    let mark = path.strip_prefix("pytest.mark.")?;
    of_word(mark.strip_suffix("()").unwrap_or(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_tiers() {
        assert_eq!(of_path("src/pkg/integration/client.py"), Tier::Production);
        assert_eq!(of_path("tests/integration/test_x.py"), Tier::Integration);
        assert_eq!(of_path("tests/tier2_integration/conftest.py"), Tier::Integration);
        assert_eq!(of_path("tests/unit/integration_helpers/test_x.py"), Tier::Integration);
        assert_eq!(of_path("tests/e2e/test_x.py"), Tier::EndToEnd);
        assert_eq!(of_path("test_root.py"), Tier::Other);
        assert_eq!(of_path("tests/utils/helpers.py"), Tier::Other);
    }

    #[test]
    fn markers_decide_where_the_path_does_not() {
        let tiers = Tiers::new(&ScanOptions::new("/".into(), &crate::StandardsConfig::default()));
        assert_eq!(tiers.of_test("tests/test_x.py", ["slow", "integration"]), Tier::Integration);
        assert_eq!(tiers.of_test("tests/unit/test_x.py", ["integration"]), Tier::Unit);
        assert_eq!(tiers.of_test("checks.py", []), Tier::Other);
    }
}
