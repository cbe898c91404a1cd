//! Which rules run: names of rules, names of families, and `ALL`, in lists of what to select and what to ignore.

use crate::options::Level;
use crate::rule::{Family, Rule, Status};
use crate::{ScanOptions, rules};

/// What one entry of a list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    /// Every rule.
    All,
    /// The rules of a family.
    Family(Family),
    /// One rule.
    Rule(&'static str),
}

impl Selector {
    /// Reads an entry; `None` if nothing has this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("all") {
            return Some(Self::All);
        }
        let rule = || rules::find(name).map(|rule| Self::Rule(rule.name));
        Family::parse(name).map(Self::Family).or_else(rule)
    }

    /// Whether the entry means this rule.
    pub(crate) fn fits(self, rule: &Rule) -> bool {
        match self {
            Self::All => true,
            Self::Family(family) => rule.family == family,
            Self::Rule(name) => rule.name == name,
        }
    }

    /// How closely the entry names a rule: of two entries the closer one counts.
    fn closeness(self) -> u8 {
        match self {
            Self::All => 1,
            Self::Family(_) => 2,
            Self::Rule(_) => 3,
        }
    }
}

/// Whether an entry of the list means the rule.
pub(crate) fn names(list: &[String], rule: &Rule) -> bool {
    closest(list, rule) > 0
}

/// How closely a list names a rule; 0 if it does not.
fn closest(list: &[String], rule: &Rule) -> u8 {
    let entries = list.iter().filter_map(|name| Selector::parse(name)).filter(|entry| entry.fits(rule));
    entries.map(Selector::closeness).max().unwrap_or(0)
}

/// Whether these options ask for a rule.
///
/// `ignore` wins over `select` unless `select` names the rule more closely: `select = ["mock-object"]` stands against
/// `ignore = ["mocking"]`. A preview rule runs if preview rules do or `select` names it itself.
pub(crate) fn asks_for(options: &ScanOptions, rule: &Rule) -> bool {
    let chosen = if options.select.is_empty() { 1 } else { closest(&options.select, rule) };
    let refused = closest(&options.ignore, rule);
    let off = options.rules.get(rule.name).is_some_and(|r| r.severity == Some(Level::Off));
    let settled = rule.status == Status::Stable || options.preview || chosen == 3;
    chosen > refused && !off && settled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_rule_runs_when_asked_for() {
        let rule = Rule { name: "star-import", family: Family::Imports, ..Rule::PREVIEW };
        let asks = |select: &[&str], preview| {
            let select = select.iter().map(|s| (*s).to_owned()).collect();
            asks_for(&ScanOptions { select, preview, ..ScanOptions::default() }, &rule)
        };
        assert!(!asks(&[], false) && !asks(&["imports"], false) && !asks(&["ALL"], false));
        assert!(asks(&[], true) && asks(&["imports"], true) && asks(&["star-import"], false));
    }
}
