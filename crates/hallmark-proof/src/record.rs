//! What a run of pytest wrote down by itself: which tests there were, and how each ended.

use std::collections::BTreeMap;
use std::path::Path;

use hallmark_core::fs;

use crate::events::Event;
use crate::ledger::Inner;

/// The variable that names the file into which the plugin writes where nobody listens to it.
pub const RECORD_VARIABLE: &str = "HALLMARK_PYTEST_RECORD";

/// One run of pytest, as the plugin wrote it down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The tests that pytest found, those among them that an option left out.
    pub collected: usize,
    /// Tests that an option left out.
    pub deselected: usize,
    /// Files and classes that could not be collected, with the reason.
    pub collection_errors: BTreeMap<String, String>,
    /// Files that skipped themselves as a whole, with the reason.
    pub collection_skips: BTreeMap<String, String>,
    /// How each test ended that did: `passed`, `failed`, `error`, `skipped`, `xfailed`, `xpassed`. What went wrong in a tear-down is not
    /// lost to the pass of the body.
    pub outcomes: BTreeMap<String, &'static str>,
    /// Why tests did not pass, by test.
    pub reasons: BTreeMap<String, String>,
    /// Whether pytest came to its end.
    pub finished: bool,
}

impl Record {
    /// The record in this file; an empty one if the plugin wrote none. A line that is cut off is left out.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = fs::read_text(path).unwrap_or_default();
        let mut inner = Inner::default();
        for event in text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
            inner.hear(&mut 0, event);
        }
        let mut record = Self {
            collected: inner.tests.len() + inner.deselected.len(),
            deselected: inner.deselected.len(),
            collection_errors: inner.collection_errors,
            collection_skips: inner.collection_skips,
            finished: inner.finished.is_some(),
            ..Self::default()
        };
        for test in inner.tests {
            let Some(outcome) = test.outcome else { continue };
            if !test.reason.is_empty() {
                record.reasons.insert(test.id.clone(), test.reason);
            }
            record.outcomes.insert(test.id, outcome);
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_tear_down_is_no_pass_and_a_line_that_is_cut_off_is_left_out() {
        let report = |id: &str, when: &str, outcome: &str| {
            format!(
                "{{\"event\":\"report\",\"id\":\"{id}\",\"when\":\"{when}\",\"outcome\":\"{outcome}\",\"reason\":\"{when}\"}}\n"
            )
        };
        let item = |id: &str| format!("{{\"id\":\"{id}\"}}");
        let text = [
            "{\"event\":\"collection_error\",\"id\":\"tests/b.py\",\"reason\":\"SyntaxError\"}\n".to_owned(),
            "{\"event\":\"collection_skip\",\"id\":\"tests/c.py\",\"reason\":\"no server\"}\n".to_owned(),
            "{\"event\":\"deselected\",\"ids\":[\"z\"]}\n".to_owned(),
            format!(
                "{{\"event\":\"collected\",\"items\":[{}]}}\n",
                ["a", "b", "c", "d", "e"].map(item).join(",")
            ),
            report("a", "call", "passed"),
            report("b", "setup", "skipped"),
            report("c", "call", "passed") + &report("c", "teardown", "failed"),
            report("d", "call", "failed") + &report("d", "teardown", "skipped"),
            "{\"event\":\"finished\",\"status\":1}\n{\"event\":\"te".to_owned(),
        ];
        let path = std::env::temp_dir().join(format!("hallmark-record-{}", std::process::id()));
        fs::write_unsynced(&path, text.concat().as_bytes()).unwrap();
        let record = Record::read(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!((record.collected, record.deselected, record.finished), (6, 1, true));
        let ended: Vec<_> = record.outcomes.iter().map(|(id, outcome)| (id.as_str(), *outcome)).collect();
        assert_eq!(ended, [("a", "passed"), ("b", "skipped"), ("c", "error"), ("d", "failed")]);
        assert_eq!(record.reasons["d"], "call");
        assert!(record.collection_errors.contains_key("tests/b.py") && record.collection_skips.len() == 1);
        assert_eq!(Record::read(&path), Record::default());
    }
}
