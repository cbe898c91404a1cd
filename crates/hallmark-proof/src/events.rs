//! What the plugin in pytest tells, one JSON object a line.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One message.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A process of the test run introduces itself.
    Hello {
        pid: u32,
        #[serde(default)]
        worker: String,
        #[serde(default)]
        root: String,
    },
    /// Tests that will run.
    Collected { items: Vec<Item> },
    /// Tests that an option left out.
    Deselected { ids: Vec<String> },
    /// A file or class that could not be collected.
    CollectionError {
        id: String,
        #[serde(default)]
        reason: String,
    },
    /// A file that skipped itself as a whole.
    CollectionSkip {
        id: String,
        #[serde(default)]
        reason: String,
    },
    /// A phase ends and another begins; what was noted belongs to the one that ends.
    Phase {
        id: Option<String>,
        phase: Phase,
        of: Option<String>,
        was: Phase,
        #[serde(default)]
        notes: BTreeMap<String, u64>,
    },
    /// How a phase of a test ended.
    Report {
        id: String,
        when: String,
        outcome: String,
        #[serde(default)]
        expected: bool,
        #[serde(default)]
        ms: f64,
        #[serde(default)]
        reason: String,
    },
    /// pytest came to its end.
    Finished { status: i32 },
}

/// A test as pytest found it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) marks: Vec<String>,
}

/// Where a process of the test run stands.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Between tests.
    #[default]
    Idle,
    /// Files are imported.
    Collect,
    /// Fixtures of this test alone are made.
    Setup,
    /// Fixtures are made that other tests use too.
    Shared,
    /// The test itself.
    Call,
    /// Between the test and its tear-down.
    After,
    /// Fixtures are taken down.
    Teardown,
}

impl Phase {
    /// The word in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Collect => "collect",
            Self::Setup | Self::After | Self::Teardown => "fixtures",
            Self::Shared => "shared fixtures",
            Self::Call => "body",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_and_an_unknown_member_is_left_out() {
        let line = r#"{"event":"phase","id":null,"phase":"idle","of":"a::b[\u00e9]","was":"teardown","notes":{"bind x":1},"later":1}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        let Event::Phase { id, of, was, notes, .. } = event else { panic!("{event:?}") };
        assert_eq!((id, of.as_deref(), was, notes["bind x"]), (None, Some("a::b[é]"), Phase::Teardown, 1));
        assert!(serde_json::from_str::<Event>("{\"event\":\"later\"}").is_err());
    }
}
