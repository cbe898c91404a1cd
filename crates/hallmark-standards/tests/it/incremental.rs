//! A scan that remembers gives what a scan that knows nothing gives, whatever was edited in between.

use std::sync::Arc;

use hallmark_diagnostics::{Finding, Problem};
use hallmark_standards::{
    Edition, Folder, Report, ScanOptions, StandardsConfig, Survey, Workspace as Standards, scan, scan_cached,
    scan_surveyed,
};

use crate::workspace::Workspace;

/// Files and the texts that each of them takes on in turn; `None` is no file.
const FILES: &[(&str, &[Option<&str>])] = &[
    (
        "app/base.py",
        &[
            Some("from kailash.nodes.base import Node\n\nclass Base(Node):\n    pass\n"),
            Some("class Base:\n    pass\n"),
            Some("from kailash.nodes.base import Node\n\n\nclass Base(Node):\n    x = 1\n"),
            Some("class Base(:\n"),
            None,
        ],
    ),
    (
        "app/__init__.py",
        &[Some("from app.base import Base as Root\n"), Some("from app.base import *\n"), Some("")],
    ),
    (
        "app/nodes.py",
        &[
            Some(
                "from app import Root\n\nclass PriceNode(Root):\n    def run(self, **kwargs):\n        return {}\n",
            ),
            Some(
                "from app import Root\n\nclass PriceNode(Root):\n    def execute(self):\n        return {}\n",
            ),
        ],
    ),
    (
        "app/late.py",
        &[
            None,
            Some("from app.nodes import PriceNode\n\nclass Derived(PriceNode):\n    pass\n"),
            Some("from app.nodes import PriceNode\nfrom registry import register\n\nregister(PriceNode)\n"),
        ],
    ),
    (
        "tests/integration/helpers.py",
        &[
            Some("from unittest.mock import patch as swap\n"),
            Some("def swap(name):\n    return name\n"),
            None,
        ],
    ),
    (
        "tests/integration/test_a.py",
        &[Some(
            "from helpers import swap\n\ndef test_a():\n    with swap('app.nodes.PriceNode'):\n        assert 1\n",
        )],
    ),
    (
        "app/flows.py",
        &[Some(
            "from kailash.workflow.builder import WorkflowBuilder\nimport unheard\n\nflow = WorkflowBuilder()\nflow.add_node(\"PriceNode\", \"a\")\nflow.add_node(\"Alias\", \"b\")\n",
        )],
    ),
    (
        "app/plugins.py",
        &[
            None,
            Some(
                "from kailash.nodes.base import NodeRegistry\n\nNodeRegistry.register(X, alias=\"Alias\")\n",
            ),
            Some("from kailash.nodes.base import NodeRegistry\n\nNodeRegistry.register(X, alias=name())\n"),
        ],
    ),
    (
        "tests/conftest.py",
        &[
            None,
            Some("def pytest_configure(config):\n    config.addinivalue_line(\"markers\", \"chaos\")\n"),
            Some("def pytest_configure(config):\n    config.addinivalue_line(\"markers\", \"other\")\n"),
        ],
    ),
    (
        "tests/unit/test_marked.py",
        &[Some("import pytest\n\n@pytest.mark.chaos\ndef test_a():\n    assert int(\"1\")\n")],
    ),
    ("redis.py", &[None, Some("class Redis:\n    pass\n"), None]),
    ("tests/integration/test_b.py", &[Some("import fakeredis\nimport redis\n"), Some("\u{0}"), None]),
];

/// Files that are no Python and say something about it all the same.
const AROUND: &[(&str, &[Option<&str>])] = &[
    (
        "pytest.ini",
        &[
            None,
            Some("[pytest]\naddopts = --strict-markers\n"),
            Some("[pytest]\nmarkers =\n    chaos: breaks things\n"),
        ],
    ),
    ("requirements.txt", &[None, Some("unheard\n"), Some("requests\n")]),
    ("native/unheard.so", &[None, Some("")]),
];

/// A sequence of numbers that looks random and is the same in every run.
fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

fn what(report: &Report) -> (&[Finding], &[Problem], Option<f64>, usize) {
    (&report.findings, &report.problems, report.score, report.suppressed)
}

#[test]
fn a_cached_scan_is_never_stale() {
    let workspace = Workspace::new();
    let cache = workspace.path().join(".hallmark/cache/standards");
    let options = ScanOptions { root: workspace.path().to_path_buf(), ..ScanOptions::default() };
    let mut resident = Standards::new(options.clone());
    let mut next = numbers(1);
    let mut judged = 0;
    for (file, texts) in FILES {
        workspace.put(file, texts[0]);
    }
    // So many that an edit is little: what is new is kept beside the cache then.
    for n in 0..64 {
        workspace.write(&format!("filler/f{n}.py"), format!("from .. import a{n}\n"));
    }
    let news = workspace.path().join(".hallmark/cache/standards.news");
    let mut beside = 0;
    for step in 0..300 {
        for _ in 0..=next(2) {
            let (file, texts) = FILES[next(FILES.len())];
            workspace.put(file, texts[next(texts.len())]);
        }
        if next(4) == 0 {
            let (file, texts) = AROUND[next(AROUND.len())];
            workspace.put(file, texts[next(texts.len())]);
        }
        let expected = scan(&options);
        let survey = Survey::remembered(&options.root, &cache);
        let cached = scan_surveyed(&options, Some(&cache), Some(survey));
        resident.refresh();
        judged += resident.judged();
        beside += usize::from(news.is_file());
        assert_eq!(what(&cached), what(&expected), "step {step}");
        assert_eq!(what(&resident.report()), what(&expected), "step {step}");
    }
    assert!(judged < 300 * (FILES.len() + 64), "everything was judged every time");
    assert!((1..300).contains(&beside), "{beside} times of 300 news were kept beside the cache");
}

#[test]
fn a_cached_scan_of_some_paths_leaves_nothing_stale() {
    const PATHS: &[&[&str]] = &[
        &[],
        &["app"],
        &["app/late.py"],
        &["app/base.py"],
        &["redis.py"],
        &["tests"],
        &["tests/unit"],
        &["filler"],
        &["tests/integration", "app/nodes.py"],
    ];
    let workspace = Workspace::new();
    let cache = workspace.path().join(".hallmark/cache/standards");
    let all = ScanOptions { root: workspace.path().to_path_buf(), ..ScanOptions::default() };
    let mut next = numbers(3);
    for (file, texts) in FILES {
        workspace.put(file, texts[0]);
    }
    for n in 0..64 {
        workspace.write(&format!("filler/f{n}.py"), format!("from .. import a{n}\n"));
    }
    for step in 0..300 {
        if next(3) > 0 {
            let (file, texts) = FILES[next(FILES.len())];
            workspace.put(file, texts[next(texts.len())]);
        }
        if next(6) == 0 {
            let (file, texts) = AROUND[next(AROUND.len())];
            workspace.put(file, texts[next(texts.len())]);
        }
        let paths = PATHS[next(PATHS.len())];
        let there = paths.iter().map(Into::into).filter(|path| workspace.path().join(path).exists());
        let options = ScanOptions { paths: there.collect(), ..all.clone() };
        let survey = Survey::remembered(&options.root, &cache);
        let cached = scan_surveyed(&options, Some(&cache), Some(survey));
        assert_eq!(what(&cached), what(&scan(&options)), "step {step}, {paths:?}");
    }
}

#[test]
fn a_scan_of_some_paths_does_not_hide_what_the_others_rest_on() {
    let workspace = Workspace::new();
    let cache = workspace.path().join(".hallmark/cache/standards");
    let all = ScanOptions { root: workspace.path().to_path_buf(), ..ScanOptions::default() };
    let only = |path: &str| ScanOptions { paths: vec![path.into()], ..all.clone() };
    workspace.write("shop/__init__.py", "");
    workspace.write("shop/one.py", "from shop.base import Mid\n\nprint(Mid)\n");
    workspace.write("shop/base.py", "class Mid:\n    pass\n");
    workspace.write("other.py", "x = 1\n");
    let unresolved = |report: &Report| report.findings.iter().any(|f| f.rule == "unresolved-import");
    assert!(!unresolved(&scan_cached(&all, &cache)));
    workspace.put("shop/base.py", None);
    let _ = scan_cached(&only("other.py"), &cache);
    assert!(unresolved(&scan_cached(&all, &cache)));
    workspace.write("shop/base.py", "class Mid:\n    pass\n");
    let _ = scan_cached(&only("shop/base.py"), &cache);
    assert!(!unresolved(&scan_cached(&all, &cache)));
}

#[test]
fn what_rests_on_a_mended_file_is_judged_again() {
    let workspace = Workspace::new();
    let cache = workspace.path().join(".hallmark/cache/standards");
    let options = ScanOptions { root: workspace.path().to_path_buf(), ..ScanOptions::default() };
    for (file, texts) in FILES {
        workspace.put(file, texts[0]);
    }
    let _ = scan_cached(&options, &cache);
    let mut mending = Standards::with_cache(options.clone(), &cache);
    mending.refresh();
    let mended = "class Base:\n    pass\n";
    mending.overlay("app/base.py", Some(Arc::from(mended)));
    for other in mending.refresh_file("app/base.py") {
        mending.forget_file(&other);
    }
    workspace.write("app/base.py", mended);
    mending.overlay("app/base.py", None);
    mending.refresh();
    mending.store(&cache).unwrap();
    assert_eq!(what(&mending.report()), what(&scan(&options)));
    assert_eq!(what(&scan_cached(&options, &cache)), what(&scan(&options)));
}

#[test]
fn a_file_that_is_typed_in_gives_what_a_scan_of_its_text_gives() {
    let (workspace, twin) = (Workspace::new(), Workspace::new());
    let options = ScanOptions { root: workspace.path().to_path_buf(), ..ScanOptions::default() };
    for (file, texts) in FILES {
        workspace.put(file, texts[0]);
        twin.put(file, texts[0]);
    }
    let mut resident = Standards::new(options);
    resident.refresh();
    let mut next = numbers(2);
    for step in 0..200 {
        let (file, texts) = FILES[next(FILES.len())];
        let text = texts[next(texts.len())];
        // What is typed is not on the disk; what is closed without saving is as it was there.
        twin.put(file, text.or(texts[0]));
        resident.overlay(file, text.map(Arc::from));
        for other in resident.refresh_file(file) {
            resident.judge_file(&other);
        }
        let (typed, written) = (resident.report(), twin.scan(ScanOptions::default()));
        assert_eq!(what(&typed), what(&written), "step {step}, {file}");
    }
}

#[test]
fn damage_to_what_is_kept_beside_a_cache_costs_time_only() {
    let workspace = Workspace::new();
    let cache = workspace.path().join(".hallmark/cache/standards");
    let options = ScanOptions { root: workspace.path().to_path_buf(), ..ScanOptions::default() };
    workspace.write("base.py", "class Base:\n    pass\n");
    let user = |f: &str| format!("from base import Base\n\nclass PriceNode(Base):\n    pass\n\n{f}\n");
    workspace.write("user.py", user("def f(a):\n    return eval(a)"));
    for n in 0..64 {
        workspace.write(&format!("filler/f{n}.py"), format!("from .. import a{n}\n"));
    }
    let _ = scan_cached(&options, &cache);
    workspace.write("user.py", user("def f(a, b):\n    return a"));
    let expected = scan(&options);
    let (main, news) = (std::fs::read(&cache).unwrap(), ".hallmark/cache/standards.news");
    assert_eq!(what(&scan_cached(&options, &cache)), what(&expected));
    let beside = std::fs::read(workspace.path().join(news)).unwrap();
    for at in (0..beside.len()).step_by(11) {
        let mut flipped = beside.clone();
        flipped[at] ^= 0x55;
        workspace.write(".hallmark/cache/standards", &main);
        workspace.write(news, &flipped);
        assert_eq!(what(&scan_cached(&options, &cache)), what(&expected), "byte {at}");
    }
    // News of another cache file than the one they lie beside.
    workspace.write("base.py", "from kailash.nodes.base import Node as Base\n");
    std::fs::remove_file(&cache).unwrap();
    let expected = scan_cached(&options, &cache);
    workspace.write(news, &beside);
    assert_eq!(what(&scan_cached(&options, &cache)), what(&expected));
    // Outsides that cannot be read are noticed when somebody asks for them.
    let whole = std::fs::read(&cache).unwrap();
    for at in (0..whole.len()).step_by(101) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x55;
        workspace.write(".hallmark/cache/standards", &flipped);
        workspace
            .write("user.py", format!("from base import Base\n\nclass PriceNode(Base):\n    n = {at}\n"));
        assert_eq!(what(&scan_cached(&options, &cache)), what(&scan(&options)), "byte {at}");
    }
}

#[test]
fn a_damaged_or_foreign_cache_is_as_good_as_none() {
    let workspace = Workspace::new();
    let cache = workspace.path().join(".hallmark/cache/standards");
    workspace.write("a.py", "from .. import x\n");
    let options = ScanOptions { root: workspace.path().to_path_buf(), ..ScanOptions::default() };
    let expected = scan_cached(&options, &cache);
    assert_eq!(expected.findings.len(), 1);
    let bytes = std::fs::read(&cache).unwrap();
    for damaged in [&bytes[..bytes.len() / 2], &bytes[..10], b"", &[b'x'; 100]] {
        workspace.write(".hallmark/cache/standards", damaged);
        assert_eq!(what(&scan_cached(&options, &cache)), what(&expected));
    }
    let mut flipped = bytes.clone();
    for at in (0..bytes.len()).step_by(7) {
        flipped[at] ^= 0x55;
        workspace.write(".hallmark/cache/standards", &flipped);
        assert_eq!(what(&scan_cached(&options, &cache)), what(&expected), "byte {at}");
        flipped[at] ^= 0x55;
    }
    let other = ScanOptions { ignore: vec!["relative-import".to_owned()], ..options };
    assert_eq!(scan_cached(&other, &cache).findings.len(), 0);
}

#[test]
fn what_is_remembered_of_a_folder_has_the_edition_of_the_folder() {
    let workspace = Workspace::new();
    let cache = workspace.path().join(".hallmark/cache/standards");
    workspace.write("a.py", "from .. import x\n");
    workspace.write("old/b.py", "from .. import x\n");
    let standards = StandardsConfig { edition: Edition::E2025, ..StandardsConfig::default() };
    let options = ScanOptions {
        root: workspace.path().to_path_buf(),
        folders: vec![Folder { path: "old".to_owned(), standards }],
        ..ScanOptions::default()
    };
    let expected = scan_cached(&options, &cache);
    let editions: Vec<&str> = expected.findings.iter().map(|finding| finding.edition).collect();
    assert_eq!(editions, ["2026", "2025"]);
    assert_eq!(what(&scan_cached(&options, &cache)), what(&expected));
}
