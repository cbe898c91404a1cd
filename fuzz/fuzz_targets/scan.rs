//! Any bytes as one file of a project that has others: parser, facts, rules, places and fixes must end, and must not panic.
//!
//! `cargo fuzz run -s none scan -- -timeout=10 -max_total_time=3600` from the repository's root, with Python files as seeds in
//! `fuzz/corpus/scan`.

#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use hallmark_standards::{Edition, Profile, ScanOptions, Workspace};
use libfuzzer_sys::fuzz_target;

/// Files that the fuzzed one can reach: a package, a node base, a double, a fixture.
const OTHERS: &[(&str, &str)] = &[
    ("app/__init__.py", "from app.base import *\n"),
    (
        "app/base.py",
        "from kailash.nodes.base import Node\n\nclass Base(Node):\n    def get_parameters(self):\n        return {}\n",
    ),
    ("tests/conftest.py", "import pytest\nfrom unittest.mock import MagicMock\n\n@pytest.fixture\ndef db():\n    return MagicMock()\n"),
];

thread_local! {
    static WORKSPACE: RefCell<Workspace> = RefCell::new(open());
}

fn open() -> Workspace {
    let root = std::env::temp_dir().join("hallmark-fuzz-nothing-is-here");
    let options = ScanOptions {
        root,
        edition: Edition::E2026,
        profile: Profile::Strict,
        preview: true,
        governed: true,
        ..ScanOptions::default()
    };
    let mut workspace = Workspace::new(options);
    for (path, text) in OTHERS {
        workspace.overlay(path, Some(Arc::from(*text)));
    }
    for path in PATHS {
        workspace.overlay(path, Some(Arc::from("")));
    }
    workspace.refresh();
    workspace
}

const PATHS: &[&str] = &["app/fuzzed.py", "tests/integration/test_fuzzed.py"];

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    WORKSPACE.with_borrow_mut(|workspace| {
        for path in PATHS {
            workspace.overlay(path, Some(Arc::from(&*text)));
            workspace.refresh_file(path);
            let report = workspace.file(path).unwrap_or_default();
            // A panic of a rule is caught by the scan and told as HM-G004: here it is a failure.
            assert!(report.problems.iter().all(|p| p.code != "HM-G004"), "{:?}", report.problems);
            for finding in &report.findings {
                assert!(finding.start <= finding.end, "{finding:?}");
                for edit in finding.fix.iter().flat_map(|fix| &fix.edits) {
                    let range = edit.start as usize..edit.end as usize;
                    assert!(text.get(range).is_some(), "{finding:?}");
                }
            }
        }
    });
});
