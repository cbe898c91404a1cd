//! Every rule has its page, its Markdown test and its place in the sorted list.

use std::path::Path;

use hallmark_standards::{Family, rules};

#[test]
fn every_rule_has_a_page_with_all_headings_and_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for rule in rules::all() {
        let page = rule.page();
        for heading in ["What it does", "Why", "Example", "Use instead", "Gold standard", "How to mend"] {
            assert!(page.contains(&format!("\n## {heading}\n")), "{}: no heading {heading}", rule.name);
        }
        assert!(rule.summary().len() > 20, "{}: {:?}", rule.name, rule.summary());
        let source = format!("src/rules/{}/{}.rs", rule.family.name(), rule.name.replace('-', "_"));
        assert!(folder.join(&source).is_file(), "{}: expected at {source}", rule.name);
        let test = folder.join(format!("resources/mdtest/{}.md", rule.name));
        let text = std::fs::read_to_string(&test).unwrap();
        assert!(text.contains(&format!("[{}]", rule.name)), "{}: its test never expects it", rule.name);
        assert!(text.contains("\n## clean"), "{}: its test has no clean twin", rule.name);
        assert!(!rule.why.is_empty() && !rule.action.is_empty(), "{}", rule.name);
    }
}

#[test]
fn rules_are_sorted_and_tests_belong_to_rules() {
    let names: Vec<(&str, &str)> = rules::all().iter().map(|r| (r.family.name(), r.name)).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("resources/mdtest");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().replace(".md", "");
        assert!(rules::find(&name).is_some(), "{name}.md tests no rule");
    }
}

#[test]
fn the_catalogue_is_wide_enough() {
    let count = |family| rules::all().iter().filter(|r| r.family == family).count();
    for family in [Family::Imports, Family::Registration, Family::Parameters, Family::Workflow] {
        assert!(count(family) >= 2, "{}", family.name());
    }
    assert!(count(Family::Mocking) >= 5);
    let weights: f64 = Family::ALL.iter().map(|f| f.weight()).sum();
    assert!((weights - 1.0).abs() < 1e-9);
}

#[test]
fn what_can_never_be_suppressed_is_what_the_documentation_says() {
    let page = include_str!("../../../../docs/suppressions.md");
    let part = page.split("## What can never be suppressed").nth(1).unwrap().split("\n## ").next().unwrap();
    for rule in rules::all() {
        let said = part.contains(&format!("`{}`", rule.name));
        assert_eq!(said, !rule.suppressible, "{}", rule.name);
    }
}
