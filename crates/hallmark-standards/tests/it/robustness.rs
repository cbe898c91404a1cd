//! Whatever a folder holds, a scan ends with a report.

use hallmark_core::ExitClass;
use hallmark_diagnostics::{Overview, Results, Severity, render};
use hallmark_standards::{Profile, Report, ScanOptions};

use crate::workspace::Workspace;

fn codes(report: &Report) -> Vec<(&str, &str, Option<u32>)> {
    report.problems.iter().map(|p| (p.code, p.path.as_str(), p.line)).collect()
}

#[test]
fn a_syntax_error_is_a_problem_and_the_rest_is_judged() {
    let workspace = Workspace::new();
    workspace.write(
        "tests/integration/test_a.py",
        "from unittest.mock import Mock\ndef broken(:\n    pass\n\ndef test():\n    Mock()\n",
    );
    let report = workspace.scan(ScanOptions::default());
    assert_eq!(codes(&report), [("HM-P001", "tests/integration/test_a.py", Some(2))]);
    let rules: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
    assert_eq!(rules, ["mock-library-import", "test-without-assertion", "mock-object"]);
    assert_eq!(report.exit_classes(), [ExitClass::Findings, ExitClass::Unreadable]);
    assert_eq!((report.unparsed_files, report.score), (1, Some(0.0)));
}

#[test]
fn an_unparsable_file_never_scores_as_compliant() {
    let workspace = Workspace::new();
    workspace.write("a.py", "import os\n");
    workspace.write("b.py", "def broken(\n");
    let report = workspace.scan(ScanOptions::default());
    assert_eq!(report.count(Severity::Error), 0);
    assert!(report.score.unwrap() < 0.5, "{:?}", report.score);
}

#[test]
fn bytes_that_are_no_text_are_a_problem() {
    let workspace = Workspace::new();
    workspace.write("latin.py", b"x = 1\nname = '\xe9'\n");
    workspace.write("cookie.py", b"# -*- coding: latin-1 -*-\nname = '\xe9'\n");
    workspace.write("mark.py", b"\xef\xbb\xbffrom . import x\n");
    let report = workspace.scan(ScanOptions::default());
    assert_eq!(codes(&report), [("HM-P002", "latin.py", Some(2))]);
    assert_eq!(report.findings[0].path.as_ref(), "mark.py");
    assert_eq!((report.findings[0].start.line, report.findings[0].start.column), (1, 1));
}

#[test]
fn a_huge_file_is_refused_and_said() {
    let workspace = Workspace::new();
    workspace.write("huge.py", vec![b'#'; 50 * 1024 * 1024]);
    workspace.write("small.py", "from . import x\n");
    let report = workspace.scan(ScanOptions::default());
    assert_eq!(codes(&report), [("HM-G002", "huge.py", None)]);
    assert_eq!(report.findings.len(), 1);
}

#[cfg(unix)]
#[test]
fn a_loop_of_folders_ends() {
    let workspace = Workspace::new();
    workspace.write("pkg/a.py", "from . import x\n");
    std::os::unix::fs::symlink(workspace.path(), workspace.path().join("pkg/loop")).unwrap();
    std::os::unix::fs::symlink(workspace.path().join("gone"), workspace.path().join("dangling")).unwrap();
    let report = workspace.scan(ScanOptions::default());
    let found: Vec<(&str, &str)> = report.problems.iter().map(|p| (p.code, p.path.as_str())).collect();
    assert!(found.contains(&("HM-G003", "pkg/loop")), "{found:?}");
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn deep_nesting_ends_in_a_problem() {
    let workspace = Workspace::new();
    let depth = 20_000;
    workspace.write("brackets.py", format!("x = {}{}\n", "(".repeat(depth), ")".repeat(depth)));
    workspace.write("lists.py", format!("x = {}{}\n", "[".repeat(depth), "]".repeat(depth)));
    workspace.write("sum.py", format!("x = {}1\n", "1 + ".repeat(depth)));
    workspace.write("not.py", format!("x = {}1\n", "not ".repeat(depth)));
    workspace.write("chain.py", format!("x = a{}\n", ".b()".repeat(depth)));
    workspace.write("lambda.py", format!("x = {}1\n", "lambda: ".repeat(depth)));
    let report = workspace.scan(ScanOptions::default());
    let deep: Vec<&str> =
        report.problems.iter().filter(|p| p.code == "HM-P003").map(|p| p.path.as_str()).collect();
    assert_eq!(deep, ["chain.py", "lambda.py", "lists.py", "not.py", "sum.py"]);
}

#[test]
fn ignored_files_and_the_state_folder_are_left_out() {
    let workspace = Workspace::new();
    workspace.write(".gitignore", "generated/\n");
    workspace.write("generated/a.py", "from . import x\n");
    workspace.write(".hallmark/a.py", "from . import x\n");
    workspace.write("legacy/a.py", "from . import x\n");
    workspace.write("app/a.py", "from . import x\n");
    let report =
        workspace.scan(ScanOptions { exclude: vec!["legacy/**".to_owned()], ..ScanOptions::default() });
    let paths: Vec<&str> = report.findings.iter().map(|f| &*f.path).collect();
    assert_eq!((paths, report.files), (vec!["app/a.py"], 1));
}

#[test]
fn the_profile_decides_what_a_double_in_a_unit_test_is() {
    let workspace = Workspace::new();
    workspace.write("tests/unit/test_a.py", "from unittest.mock import Mock\nx = Mock()\n");
    let tiered = workspace.scan(ScanOptions::default());
    let strict = workspace.scan(ScanOptions { profile: Profile::Strict, ..ScanOptions::default() });
    assert_eq!((tiered.count(Severity::Info), tiered.count(Severity::Error)), (2, 0));
    assert_eq!((strict.count(Severity::Info), strict.count(Severity::Error)), (0, 2));
    assert_eq!((tiered.score, strict.score), (Some(1.0), Some(0.5769)));
}

#[test]
fn markers_tell_the_tier_where_the_path_does_not() {
    let workspace = Workspace::new();
    let text = "import pytest\nfrom unittest.mock import Mock\npytestmark = pytest.mark.unit\n\n\
                @pytest.mark.integration\ndef test_a():\n    Mock()\n\ndef test_b():\n    Mock()\n";
    workspace.write("tests/test_a.py", text);
    let report =
        workspace.scan(ScanOptions { select: vec!["mock-object".to_owned()], ..ScanOptions::default() });
    let tiers: Vec<(&str, Severity)> = report.findings.iter().map(|f| (f.tier, f.severity)).collect();
    assert_eq!(tiers, [("integration", Severity::Error), ("unit", Severity::Info)]);
}

#[test]
fn a_reason_suppresses_and_is_counted() {
    let workspace = Workspace::new();
    workspace.write(
        "a.py",
        "from . import x  # hallmark: allow[relative-import] vendored file, kept as it came\n",
    );
    let report = workspace.scan(ScanOptions::default());
    assert_eq!((report.findings.len(), report.suppressed), (0, 1));
}

#[test]
fn what_is_accepted_keeps_its_reason_and_changes_no_other_fingerprint() {
    let workspace = Workspace::new();
    workspace.write("a.py", "from . import x\nfrom . import x\n");
    let before = workspace.scan(ScanOptions::default());
    workspace.write(
        "a.py",
        "# hallmark: allow[relative-import] vendored; owner=team-a; until=2030-01-01\nfrom . import x\nfrom . import x\n",
    );
    let after = workspace.scan(ScanOptions::default());
    assert_eq!(after.findings[0].fingerprint, before.findings[1].fingerprint);
    let accepted = &after.accepted[0];
    assert_eq!(accepted.finding.fingerprint, before.findings[0].fingerprint);
    assert_eq!((accepted.reason.as_str(), accepted.owner.as_str()), ("vendored", "team-a"));
    let cache = workspace.path().join("cache");
    let options = || ScanOptions { root: workspace.path().to_path_buf(), ..ScanOptions::default() };
    assert_eq!(hallmark_standards::scan_cached(&options(), &cache).suppressed, 1);
    let cached = hallmark_standards::scan_cached(&options(), &cache);
    assert_eq!((cached.accepted, cached.suppressed), (after.accepted.clone(), 1));
}

#[test]
fn the_fix_of_an_unused_suppression_takes_its_blanks_and_leaves_other_comments() {
    let workspace = Workspace::new();
    let text = "import os  # hallmark: allow[star-import] x\r\n# hallmark: allow[star-import] x\r\n\r\nimport re  # noqa  # hallmark: allow[star-import] x  # type: ignore\r\n";
    workspace.write("a.py", text);
    let report = workspace.scan(ScanOptions::default());
    let edits: Vec<_> = report.findings.iter().flat_map(|f| f.fix.clone().unwrap().edits).collect();
    let mut fixed = text.to_owned();
    for edit in edits.iter().rev() {
        fixed.replace_range(edit.start as usize..edit.end as usize, &edit.content);
    }
    assert_eq!(fixed, "import os\r\n\r\nimport re  # noqa  # type: ignore\r\n");
}

#[test]
fn fingerprints_survive_a_move_and_tell_twins_apart() {
    let workspace = Workspace::new();
    workspace.write("a.py", "from . import x\nfrom . import x\n");
    let before = workspace.scan(ScanOptions::default());
    workspace.write("a.py", "import os\n\n\nfrom . import x\nfrom . import x\n");
    let after = workspace.scan(ScanOptions::default());
    let prints = |r: &Report| r.findings.iter().map(|f| f.fingerprint.clone()).collect::<Vec<_>>();
    assert_eq!(prints(&before), prints(&after));
    assert_ne!(prints(&before)[0], prints(&before)[1]);
}

#[test]
fn unknown_names_are_refused() {
    let options = ScanOptions { select: vec!["no-such-rule".to_owned()], ..ScanOptions::default() };
    assert_eq!(options.validate().unwrap_err().code().id, "HM-G010");
    assert!(ScanOptions::default().validate().is_ok());
}

#[test]
fn every_format_holds_the_finding() {
    let workspace = Workspace::new();
    workspace.write("tests/e2e/test_a.py", "from unittest.mock import Mock\nMock()  # \u{1f600} \u{e9}\n");
    let report = workspace.scan(ScanOptions::default());
    let (findings, problems) = (report.findings.as_slice(), report.problems.as_slice());
    let style = render::Style::default();
    let full = render::full(findings, problems, style);
    assert!(
        full.is_ascii() && full.contains("= why: ") && full.contains("= docs: hallmark rule mock-object"),
        "{full}"
    );
    assert!(full.lines().all(|l| l.chars().count() <= 80), "{full}");
    let concise = render::concise(findings, problems, style);
    assert!(concise.contains("tests/e2e/test_a.py:2:1: error[mock-object] "), "{concise}");
    let json: serde_json::Value = serde_json::from_str(&render::json(&report)).unwrap();
    assert_eq!(
        (&json["schema"], &json["findings"][0]["edition"]),
        (&"hallmark.check/1".into(), &"2026".into())
    );
    assert_eq!(json["findings"][0]["sdk_version"], "2.65");
    let rules: Vec<_> = hallmark_standards::rules::all().iter().map(|r| r.info()).collect();
    let sarif: serde_json::Value = serde_json::from_str(&render::sarif(&Results {
        findings,
        problems,
        rules: &rules,
        version: "0",
        ..Results::default()
    }))
    .unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);
    assert!(render::junit(findings, problems).contains("<failure type=\"mock-object\""));
    assert!(render::github(findings, problems).contains("::error file=tests/e2e/test_a.py,line=2,col=1"));
}

#[test]
fn a_secret_is_found_and_never_shown() {
    let workspace = Workspace::new();
    workspace.write(
        "app/a.py",
        "PASSWORD = 'kestrel7-live'\nURL = 'postgresql://catalog:kestrel8@db.internal/x'\n",
    );
    let report = workspace.scan(ScanOptions::default());
    assert_eq!(report.findings.len(), 2);
    let rules: Vec<_> = hallmark_standards::rules::all().iter().map(|r| r.info()).collect();
    let (findings, problems) = (report.findings.as_slice(), report.problems.as_slice());
    let outputs = [
        render::full(findings, problems, render::Style::default()),
        render::concise(findings, problems, render::Style::default()),
        render::json(&report),
        render::sarif(&Results { findings, problems, rules: &rules, version: "0", ..Results::default() }),
        render::junit(findings, problems),
        render::github(findings, problems),
        render::gitlab(findings, problems),
        render::grouped(findings, problems, render::Style::default()),
        render::json_lines(findings, problems, &report),
        render::html(
            &Results { findings, problems, rules: &rules, ..Results::default() },
            &Overview::default(),
        ),
    ];
    for output in outputs {
        assert!(!output.contains("kestrel"), "{output}");
    }
}

#[test]
fn only_what_was_asked_for_is_reported_and_a_missing_path_is_said() {
    let workspace = Workspace::new();
    workspace.write("app/a.py", "from . import x\n");
    workspace.write("app/b.py", "from . import x\n");
    workspace.write("lib/c.py", "from . import x\n");
    let scan = |paths: &[&str]| {
        let paths = paths.iter().map(std::path::PathBuf::from).collect();
        let report = workspace.scan(ScanOptions { paths, ..ScanOptions::default() });
        (report.files, report.findings.len(), report.problems.len())
    };
    assert_eq!(scan(&[]), (3, 3, 0));
    assert_eq!(scan(&["./app"]), (2, 2, 0));
    assert_eq!(scan(&["app/b.py", "lib"]), (2, 2, 0));
    assert_eq!(scan(&["gone.py"]), (0, 0, 1));
    assert_eq!(scan(&["/elsewhere"]), (0, 0, 1));
}

#[test]
fn the_order_does_not_depend_on_threads() {
    let workspace = Workspace::new();
    for index in 0..40 {
        workspace.write(&format!("pkg_{index}/a.py"), "from . import x\nfrom .. import y\n");
    }
    let listing = || {
        let report = workspace.scan(ScanOptions::default());
        report.findings.iter().map(|f| (f.path.clone(), f.start)).collect::<Vec<_>>()
    };
    let first = listing();
    let mut sorted = first.clone();
    sorted.sort();
    assert_eq!(first, sorted);
    assert_eq!(first, listing());
}

#[test]
fn a_root_that_is_a_package_has_no_name() {
    let workspace = Workspace::new();
    workspace.write("__init__.py", "from .config import AppConfig\nfrom . import config\n");
    workspace.write("config.py", "class AppConfig:\n    pass\n");
    workspace.write("late/__init__.py", "from ..config import AppConfig\nfrom .deep import x\n");
    workspace.write("late/deep.py", "x = 1\n");
    let report = workspace.scan(ScanOptions::default());
    let rules: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
    assert_eq!(rules, ["relative-import"; 4]);
    let texts: Vec<(&str, &str)> = report.findings.iter().map(|f| (&*f.message, &*f.action)).collect();
    // What the root is called is not told by what lies in it.
    assert_eq!(texts[0], ("relative import (.) of config", "write the module's full path"));
    assert_eq!(texts[2], ("relative import (..) of config", "write the module's full path"));
    assert_eq!(texts[3], ("relative import (.) of late.deep", "write `from late.deep import ...`"));
}

#[test]
#[cfg(unix)]
fn a_dead_link_elsewhere_is_not_the_business_of_who_asks_for_a_file() {
    let workspace = Workspace::new();
    workspace.write("a/clean.py", "x = 1\n");
    std::os::unix::fs::symlink("nowhere", workspace.path().join("dead.py")).unwrap();
    std::os::unix::fs::symlink("nowhere", workspace.path().join("a/dead.py")).unwrap();
    std::os::unix::fs::symlink("..", workspace.path().join("a/loop")).unwrap();
    let of = |paths: &[&str]| {
        let paths = paths.iter().map(Into::into).collect();
        workspace.scan(ScanOptions { paths, ..ScanOptions::default() })
    };
    assert_eq!((codes(&of(&["a/clean.py"])), of(&["a/clean.py"]).exit_classes()), (Vec::new(), Vec::new()));
    let below = [("HM-G001", "a/dead.py", None), ("HM-G003", "a/loop", None)];
    assert_eq!(codes(&of(&["a"])), below);
    assert_eq!(of(&[]).problems.len(), 3);
}

#[test]
fn what_is_asked_for_by_name_is_scanned_or_told() {
    let workspace = Workspace::new();
    let text = "from . import x\n";
    workspace.write("script", format!("#!/usr/bin/env python3\n{text}"));
    workspace.write("w.pyw", text);
    workspace.write("a.py", text);
    workspace.write("stub.pyi", text);
    workspace.write("notes.txt", "#!/bin/sh\n");
    let paths = ["script", "w.pyw", "script", "stub.pyi", "notes.txt"].map(Into::into).to_vec();
    let report = workspace.scan(ScanOptions { paths, ..ScanOptions::default() });
    let found: Vec<&str> = report.findings.iter().map(|f| &*f.path).collect();
    assert_eq!((found, report.files), (vec!["script", "w.pyw"], 2));
    assert_eq!(codes(&report), [("HM-G001", "notes.txt", None), ("HM-G001", "stub.pyi", None)]);
    // A walk passes them over.
    assert_eq!(workspace.scan(ScanOptions::default()).files, 1);
}
