//! Suppression comments: where they are, what they name, and the edits that write and remove them.

use hallmark_diagnostics::Edit;
use hallmark_fix::suppress::accept;
use hallmark_python::facts::Suppression;

/// A suppression comment of a text.
pub(crate) struct Comment<'t> {
    /// What the scanner read.
    pub(crate) fact: Suppression,
    /// Its text, from the `#` on.
    pub(crate) text: &'t str,
}

/// The suppression comments of a text, as the scanner reads them.
pub(crate) fn comments(text: &str) -> Vec<Comment<'_>> {
    if !text.contains("hallmark:") {
        return Vec::new();
    }
    let module = hallmark_python::read("buffer.py", "buffer", text);
    let with_text = |fact: Suppression| {
        let text = text.get(fact.span.start as usize..fact.span.end as usize)?;
        Some(Comment { fact, text })
    };
    module.suppressions.into_iter().filter_map(with_text).collect()
}

impl Comment<'_> {
    /// Whether a byte of the text is in the comment.
    pub(crate) fn holds(&self, at: usize) -> bool {
        (self.fact.span.start as usize..=self.fact.span.end as usize).contains(&at)
    }

    /// The rule whose name is at this byte of the text.
    pub(crate) fn rule_at(&self, at: usize) -> Option<&str> {
        let list = self.text.find('[')? + 1;
        let end = list + self.text.get(list..)?.find(']')?;
        let mut from = self.fact.span.start as usize + list;
        for part in self.text.get(list..end)?.split(',') {
            if (from..=from + part.len()).contains(&at) {
                let name = part.trim();
                return self.fact.directive.rules.iter().map(String::as_str).find(|rule| *rule == name);
            }
            from += part.len() + 1;
        }
        None
    }

    /// The edit that lets a rule speak again: it goes from the list, and the comment goes with the last one. `None` as a rule
    /// means all of them.
    pub(crate) fn without(&self, rule: Option<&str>) -> Option<Edit> {
        let keeps = |name: &&String| rule.is_some_and(|gone| *name != gone);
        let left: Vec<&str> = self.fact.directive.rules.iter().filter(keeps).map(String::as_str).collect();
        if left.is_empty() {
            let all = self.fact.removal;
            return edit(all.start as usize, all.end as usize, String::new());
        }
        let list = self.text.find('[')? + 1;
        let close = list + self.text.get(list..)?.find(']')?;
        let start = self.fact.span.start as usize;
        edit(start + list, start + close, left.join(", "))
    }
}

/// The edit that suppresses a rule at this byte; `None` where no comment can do that. Without a reason the scanner goes on to ask
/// for one.
pub(crate) fn suppress(text: &str, at: usize, rule: &str, reason: &str) -> Option<Edit> {
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let own = || accept(text, at, &[rule], &reason);
    // A line holds one comment of ours. A reason of its own needs a line of its own.
    if reason.is_empty() {
        joined(text, at, rule).or_else(own)
    } else {
        own().or_else(|| joined(text, at, rule))
    }
}

/// The edit that adds the rule to a comment of ours that speaks of this byte already.
fn joined(text: &str, at: usize, rule: &str) -> Option<Edit> {
    let all = comments(text);
    let covers = |c: &&Comment<'_>| {
        let covers = c.fact.covers;
        !c.fact.directive.is_file_wide && (covers.start as usize..covers.end as usize).contains(&at)
    };
    let own = all.iter().find(covers)?;
    let close = own.fact.span.start as usize + own.text.find(']')?;
    edit(close, close, format!(", {rule}"))
}

fn edit(start: usize, end: usize, content: String) -> Option<Edit> {
    Some(Edit { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()?, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(text: &str, edit: Option<Edit>) -> String {
        hallmark_fix::edit::apply(text, &[edit.unwrap()])
    }

    #[test]
    fn a_comment_is_written_where_the_scanner_reads_it() {
        let text = "from x import *\r\ny = 1\r\n";
        assert_eq!(
            apply(text, suppress(text, 7, "star-import", "the  module is\nours")),
            "from x import *  # hallmark: allow[star-import] the module is ours\r\ny = 1\r\n"
        );
        let own = "from x import *  # hallmark: allow[a-rule] why\n";
        assert_eq!(
            apply(own, suppress(own, 0, "star-import", "")),
            "from x import *  # hallmark: allow[a-rule, star-import] why\n"
        );
        let string = "x = '''\nfrom x import *\n'''\n";
        assert!(suppress(string, 10, "star-import", "why").is_none(), "inside a string");
    }

    #[test]
    fn a_comment_of_another_tool_stays() {
        let text = "from x import *  # noqa\n";
        let after = apply(text, suppress(text, 0, "star-import", "ours"));
        assert_eq!(after, "from x import *  # noqa  # hallmark: allow[star-import] ours\n");
        assert_eq!(apply(&after, comments(&after)[0].without(None)), text);
    }

    #[test]
    fn a_reason_of_its_own_gets_a_line_of_its_own() {
        let text = "if x:\r\n    from x import *  # hallmark: allow[a-rule] why\r\n";
        let after = apply(text, suppress(text, 11, "star-import", "ours"));
        let wanted = "if x:\r\n    # hallmark: allow[star-import] ours\r\n    from x import *  # hallmark: allow[a-rule] why\r\n";
        assert_eq!(after, wanted);
        assert_eq!(apply(&after, comments(&after)[0].without(None)), text);
    }

    #[test]
    fn a_statement_of_more_lines_is_covered() {
        let text = "x = call(\n    \"\"\"a\n    b\"\"\",\n)\n";
        for at in [0, 4, text.find('"').unwrap()] {
            let after = apply(text, suppress(text, at, "some-rule", "why"));
            assert_eq!(comments(&after).len(), 1, "{after}");
        }
    }

    #[test]
    fn rules_are_let_speak_again() {
        let text = "import a  # hallmark: allow[one, two] why\n    # hallmark: allow[three] why\nb = 1\n";
        let all = comments(text);
        let at = |name: &str| text.find(name).unwrap() + 1;
        assert!(all[0].holds(at("two")) && !all[0].holds(at("three")));
        assert_eq!(all[0].rule_at(at("two")), Some("two"));
        assert_eq!(all[0].rule_at(at("why")), None);
        let one = apply(text, all[0].without(Some("one")));
        assert!(one.starts_with("import a  # hallmark: allow[two] why\n"), "{one}");
        let none = apply(text, all[0].without(None));
        assert!(none.starts_with("import a\n    # hallmark"), "{none}");
        let alone = apply(text, all[1].without(Some("three")));
        assert!(alone.ends_with("why\nb = 1\n"), "{alone}");
    }
}
