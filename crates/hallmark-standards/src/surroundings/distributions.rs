//! Modules that are known without looking at a project: those of Python itself, and those of well-known distributions.

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

static STANDARD: LazyLock<FxHashSet<&str>> = LazyLock::new(|| {
    let text = include_str!("../../resources/python/stdlib.txt");
    text.lines().filter_map(|line| line.split(' ').next()).filter(|name| *name != "#").collect()
});

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut known = Known::default();
    for line in include_str!("../../resources/python/distributions.txt").lines() {
        if let Some(modules) = line.strip_prefix("= ") {
            known.modules.extend(modules.split(' '));
        } else if let Some((name, modules)) = line.split_once(": ").filter(|_| !line.starts_with('#')) {
            for module in modules.split(' ') {
                known.modules.insert(module);
                known.distributions.entry(module).or_default().push(name);
            }
        }
    }
    known
});

#[derive(Default)]
struct Known {
    modules: FxHashSet<&'static str>,
    distributions: FxHashMap<&'static str, Vec<&'static str>>,
}

/// Whether a module at the top is one of Python's standard library, of whatever version.
pub(crate) fn is_standard(module: &str) -> bool {
    STANDARD.contains(module) || module.starts_with('_')
}

/// [`is_standard`], where the project has a module of this name, too: one with an underscore before it is its own.
pub(crate) fn is_pythons(module: &str) -> bool {
    STANDARD.contains(module)
}

/// Whether a module at the top is one of a well-known distribution.
pub(crate) fn is_well_known(module: &str) -> bool {
    KNOWN.modules.contains(module)
}

/// The well-known distributions that have this module under another name than their own.
pub(crate) fn of(module: &str) -> impl Iterator<Item = &'static str> {
    KNOWN.distributions.get(module).into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_apart() {
        assert!(is_standard("asyncio") && is_standard("distutils") && !is_standard("yaml"));
        assert!(is_well_known("yaml") && is_well_known("numpy") && !is_well_known("windows_patch"));
        assert!(is_pythons("fcntl") && is_standard("_own") && !is_pythons("_own"));
        assert_eq!(of("yaml").collect::<Vec<_>>(), ["pyyaml"]);
    }
}
