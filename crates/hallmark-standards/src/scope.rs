//! The parts of a project that have a configuration of their own, each with the rules that run there.

use globset::{Glob, GlobSet, GlobSetBuilder};
use hallmark_diagnostics::Severity;

use crate::context::Raw;
use crate::engine::Plan;
use crate::rule::Rule;
use crate::tier::Overrides;
use crate::{ScanOptions, rules, selection};

/// What counts for one part of a project.
pub(crate) struct Scope {
    /// The folder, relative to the root; empty for the root.
    folder: String,
    /// The options, with paths relative to the root.
    pub(crate) options: ScanOptions,
    /// The rules that run.
    pub(crate) plan: Plan,
    /// The tiers given to paths.
    pub(crate) overrides: Overrides,
    /// Globs, and for each the rules and families that are left out.
    ignores: (GlobSet, Vec<Vec<String>>),
}

impl Scope {
    fn new(folder: String, options: ScanOptions) -> Self {
        let mut builder = GlobSetBuilder::new();
        let mut names = Vec::new();
        for (glob, ignored) in &options.per_file_ignores {
            // What is no glob was refused by `validate`.
            if let Ok(glob) = Glob::new(glob) {
                builder.add(glob);
                names.push(ignored.clone());
            }
        }
        Self {
            plan: Plan::new(&rules::selected(&options)),
            overrides: Overrides::new(&options),
            ignores: (builder.build().unwrap_or_default(), names),
            folder,
            options,
        }
    }

    /// Whether a rule runs in this file.
    pub(crate) fn runs(&self, plan: &Plan, path: &str, rule: &Rule) -> bool {
        plan.runs(rule) && !self.left_out(path).iter().any(|list| selection::names(list, rule))
    }

    /// The rules and families that are left out in this file.
    fn left_out(&self, path: &str) -> Vec<&Vec<String>> {
        let (globs, names) = &self.ignores;
        globs.matches(path).into_iter().map(|at| &names[at]).collect()
    }

    /// Takes away what is left out in this file, and weighs the rest as the configuration says.
    pub(crate) fn weigh(&self, path: &str, found: &mut Vec<Raw>) {
        let left_out = self.left_out(path);
        if !left_out.is_empty() {
            found.retain(|raw| !left_out.iter().any(|list| selection::names(list, raw.rule)));
        }
        if self.options.rules.is_empty() {
            return;
        }
        for raw in found {
            raw.severity = self.severity(raw.rule, raw.severity);
        }
    }

    /// The severity of a finding: what the configuration says of its rule, or less where the check says that it weighs less.
    fn severity(&self, rule: &Rule, found: Severity) -> Severity {
        match self.options.rules.get(rule.name).and_then(|r| r.severity?.severity()) {
            Some(said) if found < rule.severity => said.min(found),
            Some(said) => said,
            None => found,
        }
    }

    /// What a file with an error of this rule loses in the rule's family.
    pub(crate) fn weight(&self, rule: &str) -> f64 {
        self.options.rules.get(rule).and_then(|r| r.weight).unwrap_or(1.0)
    }
}

/// The parts of a project, the innermost folders first.
pub(crate) struct Scopes(Vec<Scope>);

impl Scopes {
    pub(crate) fn new(options: &ScanOptions) -> Self {
        let mut scopes: Vec<Scope> =
            options.parts().into_iter().map(|(folder, options)| Scope::new(folder, options)).collect();
        scopes.sort_by(|a, b| (b.folder.len(), &a.folder).cmp(&(a.folder.len(), &b.folder)));
        Self(scopes)
    }

    /// The part that a file belongs to: the closest folder above it with a configuration of its own, else the root.
    pub(crate) fn of(&self, path: &str) -> &Scope {
        let below = |folder: &str| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let at = self.0.iter().position(|scope| below(&scope.folder));
        // The root, whose folder is empty, is the last and holds every file.
        &self.0[at.unwrap_or(self.0.len() - 1)]
    }
}
