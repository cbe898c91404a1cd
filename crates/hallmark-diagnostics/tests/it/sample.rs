//! Findings with everything that a format must survive: markup, quotes, control characters, other alphabets, fixes.

use hallmark_diagnostics::{
    Acceptance, Edit, Excerpt, FamilyLine, Finding, Fix, Overview, Position, Problem, RuleInfo, Severity,
    Suppressed,
};

pub(crate) fn finding(rule: &'static str, severity: Severity, path: &str, line: u32) -> Finding {
    let text = "    total = Σ(\"<script>alert('x')</script>\")  # é & more".to_owned();
    Finding {
        rule,
        severity,
        message: format!(
            "line {line}: `Mock()` replaces PostgreSQL & \"more\" <b>in</b> a test, \u{1b}[31mand goes on for longer than a line"
        ),
        why: "The test passes whatever PostgreSQL does, and nobody notices when the <server> does something else.",
        action: "use the running service; say “why” where that cannot be".into(),
        path: path.into(),
        start: Position { line, column: 5 },
        end: Position { line, column: 10 },
        tier: "integration",
        edition: "2026",
        sdk_version: "2.65",
        family: "mocking",
        requirement: "NO-MOCKING",
        fingerprint: format!("{line:016x}"),
        fix: None,
        excerpt: Excerpt { start: 4, end: 9, label: "replaces PostgreSQL".to_owned(), text },
    }
}

pub(crate) fn findings() -> Vec<Finding> {
    let mut fixed = finding("star-import", Severity::Warning, "app/größe & <maß>.py", 7);
    fixed.fix =
        Some(Box::new(Fix::safe("Name them", vec![Edit { start: 3, end: 4, content: "é".to_owned() }])));
    vec![
        finding("mock-object", Severity::Error, "tests/integration/test_a.py", 3),
        finding("mock-object", Severity::Error, "tests/integration/test_a.py", 120),
        fixed,
        finding("star-import", Severity::Info, "tests/unit/test_b.py", 1),
    ]
}

pub(crate) fn problems() -> Vec<Problem> {
    let message = "expected `:` <here>".to_owned();
    let path = "app/broken.py".to_owned();
    vec![
        Problem { path, line: Some(2), code: "HM-P001", message },
        Problem {
            path: "app/größe".to_owned(),
            line: None,
            code: "HM-G001",
            message: "could not be read".to_owned(),
        },
    ]
}

pub(crate) fn suppressed() -> Vec<Suppressed> {
    let accept = |line, by, reason: &str, owner: &str, until: &str| Suppressed {
        finding: finding("mock-object", Severity::Error, "tests/e2e/test_c.py", line),
        by,
        reason: reason.to_owned(),
        owner: owner.to_owned(),
        until: until.to_owned(),
    };
    vec![
        accept(4, Acceptance::InSource, "clock <skew> cannot be made", "team-a", "2027-01-31"),
        accept(9, Acceptance::Baseline, "", "", ""),
    ]
}

pub(crate) fn rules() -> Vec<RuleInfo> {
    let rule = |name, severity| {
        RuleInfo {
        name,
        family: "mocking",
        requirement: "NO-MOCKING",
        severity,
        why: "A stand-in proves nothing.",
        summary: "Finds `Mock()`".to_owned(),
        page: "# mock\n\n## What it does\n\nFinds `Mock(**kwargs)` <here>.\n\n- one\n- two\n\n```python\nx = Mock()\n```\n".to_owned(),
    }
    };
    vec![
        rule("mock-object", Severity::Error),
        rule("never-fired", Severity::Error),
        rule("star-import", Severity::Warning),
    ]
}

pub(crate) fn overview() -> Overview {
    let family = |name, score, errors| FamilyLine {
        name,
        requirement: "REQ-GS-001",
        weight: 0.3,
        score,
        errors,
        warnings: 1,
    };
    Overview {
        title: "catalog <1>".to_owned(),
        score: Some(0.8125),
        facts: vec![("Files", "1,204".to_owned()), ("Edition", "2026".to_owned())],
        families: vec![family("imports", Some(0.5), 3), family("channels", None, 0)],
    }
}
