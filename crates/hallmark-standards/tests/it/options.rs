//! What a configuration decides: which rules run where, and how much they weigh.

use hallmark_diagnostics::Severity;
use hallmark_standards::{Folder, Level, Report, RuleConfig, ScanOptions, StandardsConfig};

use crate::workspace::Workspace;

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn rules(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|f| f.rule).collect()
}

fn sample() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("a.py", "from . import x\nfrom os import *\neval(x)\n");
    workspace
}

#[test]
fn the_closer_name_counts() {
    let workspace = sample();
    let scan = |select: &[&str], ignore: &[&str]| {
        let options = ScanOptions { select: list(select), ignore: list(ignore), ..ScanOptions::default() };
        options.validate().unwrap();
        rules(&workspace.scan(options)).join(" ")
    };
    assert_eq!(scan(&[], &[]), "relative-import star-import eval-exec");
    assert_eq!(scan(&["imports"], &[]), "relative-import star-import");
    assert_eq!(scan(&["ALL"], &["imports"]), "eval-exec");
    assert_eq!(scan(&["star-import", "security"], &["imports"]), "star-import eval-exec");
    assert_eq!(scan(&["imports"], &["star-import"]), "relative-import");
    assert_eq!(scan(&["star-import"], &["star-import"]), "");
}

#[test]
fn a_severity_can_be_set_and_a_rule_turned_off() {
    let workspace = sample();
    let set = |severity| RuleConfig { severity: Some(severity), weight: None };
    let options = ScanOptions {
        rules: [
            ("relative-import".to_owned(), set(Level::Warning)),
            ("star-import".to_owned(), set(Level::Off)),
        ]
        .into(),
        ..ScanOptions::default()
    };
    let report = workspace.scan(options);
    let found: Vec<_> = report.findings.iter().map(|f| (f.rule, f.severity)).collect();
    assert_eq!(found, [("relative-import", Severity::Warning), ("eval-exec", Severity::Error)]);
}

#[test]
fn a_place_that_weighs_less_still_does() {
    let workspace = Workspace::new();
    workspace.write("tests/unit/test_a.py", "from unittest.mock import Mock\nMock()\n");
    let set = RuleConfig { severity: Some(Level::Warning), weight: None };
    let options = ScanOptions { rules: [("mock-object".to_owned(), set)].into(), ..ScanOptions::default() };
    assert_eq!(workspace.scan(options).count(Severity::Info), 2);
}

#[test]
fn a_file_loses_the_largest_weight_of_its_errors() {
    let workspace = sample();
    let weigh = |weight| RuleConfig { severity: None, weight: Some(weight) };
    let score = |star: f64| {
        let rules = [("relative-import".to_owned(), weigh(0.2)), ("star-import".to_owned(), weigh(star))];
        let report = workspace.scan(ScanOptions { rules: rules.into(), ..ScanOptions::default() });
        let imports = &report.families[0];
        (imports.score, imports.compliant_files, imports.applicable_files)
    };
    assert_eq!(score(0.1), (Some(0.8), 0, 1));
    assert_eq!(score(0.5), (Some(0.5), 0, 1));
    let bad =
        ScanOptions { rules: [("star-import".to_owned(), weigh(2.0))].into(), ..ScanOptions::default() };
    assert_eq!(bad.validate().unwrap_err().code().id, "HM-G010");
}

#[test]
fn globs_leave_rules_out_in_some_files() {
    let workspace = sample();
    workspace.write("legacy/b.py", "from . import x\neval(x)\n");
    let options = ScanOptions {
        per_file_ignores: [("legacy/**".to_owned(), list(&["imports"]))].into(),
        ..ScanOptions::default()
    };
    let report = workspace.scan(options);
    let legacy: Vec<&str> =
        report.findings.iter().filter(|f| *f.path == *"legacy/b.py").map(|f| f.rule).collect();
    assert_eq!((legacy, report.findings.len()), (vec!["eval-exec"], 4));
}

#[test]
fn the_closest_configuration_counts_alone() {
    let workspace = Workspace::new();
    for path in [
        "a.py",
        "services/a.py",
        "services/billing/a.py",
        "services/billing/generated/a.py",
        "servicesx/a.py",
    ] {
        workspace.write(path, "from . import x\nfrom os import *\neval(x)\n");
    }
    let below = |path: &str, standards| Folder { path: path.to_owned(), standards };
    let options = ScanOptions {
        ignore: list(&["star-import"]),
        folders: vec![
            below("services", StandardsConfig { ignore: list(&["security"]), ..StandardsConfig::default() }),
            below(
                "services/billing",
                StandardsConfig {
                    select: list(&["eval-exec"]),
                    exclude: list(&["generated/**"]),
                    ..StandardsConfig::default()
                },
            ),
        ],
        ..ScanOptions::default()
    };
    let report = workspace.scan(options);
    let of = |path: &str| {
        report.findings.iter().filter(|f| *f.path == *path).map(|f| f.rule).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of("a.py"), "relative-import eval-exec");
    assert_eq!(of("servicesx/a.py"), "relative-import eval-exec");
    assert_eq!(of("services/a.py"), "relative-import star-import");
    assert_eq!(of("services/billing/a.py"), "eval-exec");
    assert_eq!(report.files, 4);
}

#[test]
fn a_slip_of_the_keys_is_understood() {
    let options = ScanOptions { ignore: list(&["star-imports"]), ..ScanOptions::default() };
    let refused = options.validate().unwrap_err();
    assert!(refused.next_step().unwrap().contains("did you mean star-import?"), "{refused:?}");
}

#[test]
fn configurations_below_the_root_are_found() {
    let workspace = Workspace::new();
    workspace.write("hallmark.toml", "[standards]\nignore = [\"star-import\"]\n");
    workspace.write("a/hallmark.toml", "extend = \"../hallmark.toml\"\n[standards]\npreview = true\n");
    workspace.write("b/c/pyproject.toml", "[tool.hallmark.standards]\nprofile = \"strict\"\n");
    workspace.write("d/pyproject.toml", "[tool.black]\n");
    workspace.write("e/hallmark.toml", "[services]\n");
    workspace.write("node_modules/f/hallmark.toml", "[standards]\nnonsense = 1\n");
    let found = hallmark_standards::nested(workspace.path()).unwrap();
    let paths: Vec<&str> = found.iter().map(|f| &*f.path).collect();
    assert_eq!(paths, ["a", "b/c"]);
    assert!(found[0].standards.preview);
    assert_eq!(found[0].standards.ignore, ["star-import"]);
    workspace.write("g/hallmark.toml", "[standards]\nnonsense = 1\n");
    let error = hallmark_standards::nested(workspace.path()).unwrap_err();
    assert!(error.place().unwrap().ends_with("g/hallmark.toml:2:1"), "{error:?}");
}
