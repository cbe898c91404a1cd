//! `check`, `rule`, `explain`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use crate::support::{Folder, all, code, command, json, out, run};

#[test]
fn the_example_is_clean_and_its_twin_is_not() {
    let clean = run(&Folder::example("catalog"), &["check"]);
    assert_eq!(code(&clean), 0, "{}", all(&clean));
    assert!(out(&clean).contains("0 violations in 0 files"), "{}", out(&clean));

    let twin = Folder::example("catalog-before");
    let found = run(&twin, &["check", "--format", "json"]);
    assert_eq!(code(&found), 3, "a file that does not parse outranks findings: {}", all(&found));
    let report = json(&found);
    assert_eq!(report["schema"], "hallmark.check/1");
    assert_eq!(report["exit_classes"], serde_json::json!([1, 3]));
    let families: std::collections::BTreeSet<&str> =
        report["findings"].as_array().unwrap().iter().map(|f| f["family"].as_str().unwrap()).collect();
    assert!(families.len() >= 5, "every family has planted violations, found: {families:?}");
    assert!(!report["problems"].as_array().unwrap().is_empty());
}

#[test]
fn every_planted_violation_is_found_where_it_was_planted() {
    let twin = Folder::example("catalog-before");
    let report = json(&run(&twin, &["check", "--format", "json"]));
    let places: std::collections::BTreeSet<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| format!("{}:{}", f["path"].as_str().unwrap(), f["line"]))
        .collect();
    assert!(places.len() >= 30, "{} places: {places:?}", places.len());
}

#[test]
fn pages_are_printed_offline() {
    let folder = Folder::new();
    for topic in ["score", "exit-codes", "HM-S059", "hm-w010"] {
        let page = run(&folder, &["explain", topic]);
        assert_eq!(code(&page), 0, "{topic}");
        let text = out(&page);
        assert!(text.lines().nth(1).is_some_and(|l| l.starts_with(['=', '═'])), "{topic}: {text}");
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{topic}: {text}");
    }
    let missing = run(&folder, &["explain", "HM-S05"]);
    assert_eq!(code(&missing), 2);
    assert!(all(&missing).contains("hallmark explain HM-S0"), "{}", all(&missing));
    // A line that begins with a space goes on with the row above it.
    let rules = json(&run(&folder, &["rule", "--format", "json"]));
    for name in rules["rules"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()) {
        let page = out(&run(&folder, &["rule", name]));
        // Code is shown as it is.
        let wide = page.lines().find(|l| !l.starts_with("    ") && l.chars().count() > 80);
        assert!(page.contains("\nWhy\n") && wide.is_none(), "{name}: {page}");
    }
}

#[test]
fn ascii_output_is_ascii_byte_for_byte() {
    let found = run(&Folder::example("catalog-before"), &["--ascii", "check", "--show-info"]);
    assert!(found.stdout.is_ascii() && found.stderr.is_ascii());
}

#[test]
fn every_format_is_ascii_when_asked_and_says_the_same() {
    let folder = Folder::example("catalog-before");
    folder.write("größe.py", "from . import größe  # é\n".as_bytes());
    for format in
        ["full", "concise", "grouped", "json", "json-lines", "sarif", "junit", "github", "gitlab", "html"]
    {
        let found = run(&folder, &["--ascii", "check", "--format", format]);
        assert!(found.stdout.is_ascii(), "{format}");
        assert!(!found.stdout.is_empty(), "{format}");
    }
    let found = json(&run(&folder, &["--ascii", "check", "--format", "json"]));
    assert!(found["findings"].as_array().unwrap().iter().any(|f| f["path"] == "größe.py"), "{found}");
}

#[test]
fn settings_are_shown_with_their_places() {
    let folder = Folder::new();
    folder.write("hallmark.toml", b"[standards]\nedition = \"2025\"\n");
    folder.write("sub/hallmark.toml", b"extend = \"../hallmark.toml\"\n[standards]\npreview = true\n");
    let shown = json(&run(&folder, &["config", "--format", "json"]));
    let edition =
        shown["settings"].as_array().unwrap().iter().find(|s| s["key"] == "standards.edition").unwrap();
    assert_eq!((&edition["value"], &edition["from"]["line"]), (&"2025".into(), &2.into()), "{edition}");
    assert_eq!(shown["folders"], serde_json::json!(["sub"]));
    let page = out(&run(&folder, &["config", "standards.edition"]));
    assert!(page.contains("hallmark.toml:2:1") && page.contains("without it: \"2026\""), "{page}");
    let slip = run(&folder, &["config", "standards.editon"]);
    assert!(all(&slip).contains("hallmark config standards.edition") && code(&slip) == 2, "{}", all(&slip));
    folder.write("sub/hallmark.toml", b"root = false\n[standards]\nprevew = true\n");
    let refused = run(&folder, &["check"]);
    assert!(
        all(&refused).contains("sub/hallmark.toml:3:1") && all(&refused).contains("preview"),
        "{}",
        all(&refused)
    );
}

#[test]
fn a_baseline_hides_what_is_known_and_only_shrinks() {
    let folder = Folder::new();
    folder.write("a.py", b"from os import *\nfrom . import x\n");
    let missing = run(&folder, &["check", "--baseline"]);
    assert!(all(&missing).contains("HM-G022") && code(&missing) == 2, "{}", all(&missing));
    assert_eq!(code(&run(&folder, &["baseline", "create", "--reason", "before the release"])), 0);
    assert!(all(&run(&folder, &["baseline", "create"])).contains("HM-G021"));
    let hidden = run(&folder, &["check", "--baseline"]);
    assert_eq!(code(&hidden), 0, "{}", all(&hidden));
    assert!(out(&hidden).contains("0 violations in 0 files, 2 known"), "{}", out(&hidden));

    // A line further down is the same finding; a new one is not known; one that is gone is stale.
    folder.write("a.py", b"import re\n\nfrom . import x\nfrom . import y\n");
    let report = run(&folder, &["check", "--baseline", "--format", "json"]);
    let report = (code(&report), json(&report));
    assert_eq!(report.0, 1);
    assert_eq!(report.1["findings"].as_array().unwrap().len(), 1, "{}", report.1);
    assert_eq!((&report.1["findings"][0]["line"], &report.1["baseline"]["known"]), (&4.into(), &1.into()));
    assert_eq!(report.1["baseline"]["stale"][0]["rule"], "star-import");
    assert_eq!(report.1["accepted"][0]["by"], "baseline");
    let other = json(&run(&folder, &["check", "--baseline", "--select", "eval-exec", "--format", "json"]));
    assert_eq!(other["baseline"]["stale"], serde_json::json!([]), "a rule that did not run cannot tell");

    let why = out(&run(&folder, &["baseline", "why", "a.py:3"]));
    assert!(why.contains("relative-import (line 3)") && why.contains("before the release"), "{why}");
    let update = out(&run(&folder, &["baseline", "update"]));
    assert!(update.contains("1 removed, 1 known, 1 new and not added"), "{update}");
    assert_eq!(code(&run(&folder, &["baseline", "update", "--grow"])), 2, "growing needs a reason");
    let grown = out(&run(&folder, &["baseline", "update", "--grow", "--reason", "vendored"]));
    assert!(grown.contains("0 removed, 1 added, 2 known"), "{grown}");
    folder.write("hallmark.toml", b"[standards]\nbaseline = \"hallmark-baseline.json\"\n");
    assert_eq!(code(&run(&folder, &["check"])), 0);
    assert_eq!(code(&run(&folder, &["check", "--no-baseline"])), 1);
    folder.write("hallmark-baseline.json", b"{\"schema\": \"hallmark.baseline/1\", \"findings\": [{]}");
    let damaged = run(&folder, &["check"]);
    assert!(all(&damaged).contains("hallmark-baseline.json:1:") && code(&damaged) == 2, "{}", all(&damaged));
}

#[test]
fn progress_says_what_moved() {
    let folder = Folder::new();
    let none = run(&folder, &["progress"]);
    assert!(all(&none).contains("hallmark check") && code(&none) == 2, "{}", all(&none));
    folder.write("a.py", b"from os import *\nfrom . import x\n");
    run(&folder, &["check"]);
    run(&folder, &["check"]);
    folder.write("a.py", b"from . import x\nfrom . import y\n");
    run(&folder, &["check", "a.py"]);
    run(&folder, &["check", "--select", "imports"]);
    run(&folder, &["check", "--no-history"]);
    let one = json(&run(&folder, &["progress", "--format", "json"]));
    assert_eq!(
        one["entries"].as_array().unwrap().len(),
        1,
        "only whole checks that change something count: {one}"
    );
    run(&folder, &["check"]);
    let two = json(&run(&folder, &["progress", "--format", "json"]));
    let moved: Vec<_> =
        two["moved"]["rules"].as_array().unwrap().iter().map(|m| m["rule"].as_str().unwrap()).collect();
    assert_eq!(moved, ["relative-import", "star-import"], "{two}");
    let text = out(&run(&folder, &["--ascii", "progress"]));
    assert!(text.is_ascii() && text.contains("  + relative-import") && text.contains("1 -> 2"), "{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    assert_eq!(code(&run(&folder, &["progress", "--since", "1"])), 0);
    assert_eq!(code(&run(&folder, &["progress", "--since", "2099-01-01"])), 0);
    assert_eq!(code(&run(&folder, &["progress", "--since", "nonsense"])), 2);
}

#[test]
fn suppressions_are_written_for_what_is_found_and_can_be_undone() {
    let folder = Folder::new();
    let text =
        "from os import *\r\nx = eval(\r\n    input(),\r\n)\r\nPASSWORD = 'kestrel-77-live'  # old\r\n";
    folder.write("a.py", text.as_bytes());
    for bad in [
        vec!["check", "--add-suppression", " "],
        vec!["check", "--add-suppression", "a # b"],
        vec!["check", "--add-suppression", "a", "--until", "2020-01-01"],
        vec!["check", "--owner", "me"],
    ] {
        assert_eq!(code(&run(&folder, &bad)), 2, "{bad:?}");
    }
    let written = run(
        &folder,
        &["check", "--add-suppression", "before 2.0", "--owner", "team-a", "--until", "2999-12-31"],
    );
    assert_eq!(code(&written), 0, "{}", all(&written));
    assert!(out(&written).contains("3 findings accepted in 1 file, 0 left"), "{}", all(&written));
    let after = std::fs::read_to_string(folder.path().join("a.py")).unwrap();
    let comment =
        |rule: &str| format!("# hallmark: allow[{rule}] before 2.0; owner=team-a; until=2999-12-31");
    assert!(after.starts_with(&format!("from os import *  {}\r\n", comment("star-import"))), "{after}");
    assert_eq!(after.matches("\r\n").count(), after.matches('\n').count());
    let report = json(&run(&folder, &["check", "--format", "json"]));
    assert_eq!(
        (&report["suppressed"], report["findings"].as_array().unwrap().len()),
        (&3.into(), 0),
        "{report}"
    );
    assert_eq!(report["accepted"][0]["owner"], "team-a");
    assert_eq!(code(&run(&folder, &["undo"])), 0);
    assert_eq!(std::fs::read_to_string(folder.path().join("a.py")).unwrap(), text);
}

#[test]
fn an_editor_s_text_is_judged_as_a_file_of_the_project() {
    let folder = Folder::new();
    folder.write("app/__init__.py", b"");
    folder.write("app/a.py", b"import os\n");
    let piped = |name: &str, text: &[u8]| {
        let mut child = command(&folder)
            .args(["check", "--format", "json", "--stdin-filename", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text).unwrap();
        child.wait_with_output().unwrap()
    };
    for name in ["app/a.py", "app/new.py"] {
        let found = piped(name, b"from os import *\n");
        assert_eq!(code(&found), 1, "{}", all(&found));
        let report = json(&found);
        assert_eq!((&report["findings"][0]["path"], &report["files"]), (&name.into(), &1.into()), "{report}");
    }
    assert_eq!(code(&piped("/elsewhere/a.py", b"")), 3);
}

#[test]
fn statistics_count_by_rule() {
    let folder = Folder::example("catalog-before");
    let text = run(&folder, &["check", "--statistics"]);
    assert!(out(&text).starts_with("ERRORS  WARNINGS"), "{}", out(&text));
    assert!(out(&text).lines().all(|l| l.chars().count() <= 80), "{}", out(&text));
    let counted = json(&run(&folder, &["check", "--statistics", "--format", "json"]));
    let report = json(&run(&folder, &["check", "--format", "json"]));
    let sum = |name: &str| {
        counted["rules"].as_array().unwrap().iter().map(|r| r[name].as_u64().unwrap()).sum::<u64>()
    };
    let all = u64::try_from(report["findings"].as_array().unwrap().len()).unwrap();
    assert_eq!(sum("errors") + sum("warnings") + sum("infos"), all);
}

#[test]
fn a_watched_project_is_scanned_again_and_ctrl_c_ends_well() {
    let folder = Folder::new();
    folder.write("a.py", b"from os import *\n");
    let mut child = command(&folder)
        .args(["check", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut until = |wanted: &str| {
        let found = lines.by_ref().take(400).find(|l| l.contains(wanted));
        assert!(found.is_some(), "{wanted} was not said");
    };
    until("1 violation in 1 file");
    folder.write("b.py", b"from os import *\n");
    until("2 violations in 2 files");
    std::fs::remove_file(folder.path().join("a.py")).unwrap();
    until("1 violation in 1 file");
    folder.write("hallmark.toml", b"[standards]\nignore = [\"star-import\"]\n");
    until("0 violations in 0 files");
    let stopped =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
