//! Which findings a comment accepts, and which comments accept nothing.

use hallmark_python::facts::Suppression;
use hallmark_python::suppression::is_day;

use crate::context::{File, Raw};
use crate::rule::Rule;

/// What became of one suppression comment in this scan.
#[derive(Clone, Debug, Default)]
pub struct Effect {
    /// The rules it names that ran and found nothing where it speaks.
    pub unused: Vec<String>,
    /// The rules it names that no comment can suppress.
    pub forbidden: Vec<&'static str>,
}

/// Marks what the file's comments accept, and says what became of each comment.
///
/// `runs` says whether a rule runs in this file: what did not run cannot tell that a comment is of no use.
pub(crate) fn apply(file: &File<'_>, runs: impl Fn(&Rule) -> bool, found: &mut [Raw]) -> Vec<Effect> {
    let suppressions = &file.module.suppressions;
    let today = file.options.today.as_deref();
    let mut used: Vec<Vec<bool>> =
        suppressions.iter().map(|s| vec![false; s.directive.rules.len()]).collect();
    for raw in found.iter_mut().filter(|raw| raw.rule.suppressible) {
        for (place, suppression) in suppressions.iter().enumerate() {
            let covers = suppression.covers;
            if !(covers.start..covers.end).contains(&raw.span.start) || !holds(suppression, today) {
                continue;
            }
            let Some(at) = suppression.directive.rules.iter().position(|name| name == raw.rule.name) else {
                continue;
            };
            used[place][at] = true;
            raw.accepted.get_or_insert(place);
        }
    }
    // Where the text could not be read to its end, what is missing may be what a comment is for.
    let whole = file.module.errors.is_empty();
    suppressions
        .iter()
        .zip(used)
        .map(|(s, used)| effect(s, &used, |rule| whole && holds(s, today) && runs(rule)))
        .collect()
}

fn effect(suppression: &Suppression, used: &[bool], can_tell: impl Fn(&Rule) -> bool) -> Effect {
    let mut effect = Effect::default();
    for (name, used) in suppression.directive.rules.iter().zip(used) {
        let Some(rule) = crate::rules::find(name) else { continue };
        if !rule.suppressible {
            effect.forbidden.push(rule.name);
        } else if !used && can_tell(rule) {
            effect.unused.push(name.clone());
        }
    }
    effect
}

/// Whether a comment may accept anything: it has a reason, names its rules, and has not expired.
fn holds(suppression: &Suppression, today: Option<&str>) -> bool {
    let directive = &suppression.directive;
    !directive.reason.is_empty()
        && !directive.is_blanket
        && directive.misspelt.is_none()
        && !directive.lacks_day
        && (directive.until.is_empty() || is_day(&directive.until))
        && !has_expired(suppression, today)
}

/// Whether the last day of a comment is over. Without a date nothing expires.
pub(crate) fn has_expired(suppression: &Suppression, today: Option<&str>) -> bool {
    let until = suppression.directive.until.as_str();
    // Days written as YYYY-MM-DD sort by time.
    is_day(until) && today.is_some_and(|today| until < today)
}
