//! `check`, `rule`, `explain`.

use crate::support::{Folder, all, code, json, out, run};

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
        assert!(out(&page).starts_with("# "), "{topic}: {}", out(&page));
    }
    let missing = run(&folder, &["explain", "HM-S05"]);
    assert_eq!(code(&missing), 2);
    assert!(all(&missing).contains("hallmark explain HM-S0"), "{}", all(&missing));
    // A line that begins with a space goes on with the row above it.
    for line in out(&run(&folder, &["rule"])).lines().skip(1).filter(|l| !l.starts_with(' ')) {
        let name = line.split_whitespace().next().unwrap();
        assert!(out(&run(&folder, &["rule", name])).contains("## Why"), "{name}");
    }
}

#[test]
fn ascii_output_is_ascii_byte_for_byte() {
    let found = run(&Folder::example("catalog-before"), &["--ascii", "check"]);
    assert!(found.stdout.is_ascii() && found.stderr.is_ascii());
}
