use hallmark_certify::diff::diff;
use hallmark_certify::report::{self, text};
use hallmark_certify::section::{HardFailure, Section};
use hallmark_evidence::Verdict;

use crate::sample::{Sample, spoil};
use crate::write;

fn spoiled(sections: &mut [Section]) {
    spoil(sections, "redis.usable", Verdict::Failed, "connection refused at 127.0.0.1:6379");
    spoil(
        sections,
        "operations.completion",
        Verdict::NotMeasured,
        "no OpenAI-compatible service is configured",
    );
    spoil(
        sections,
        "platform.imports",
        Verdict::Exempted,
        "moved in the next release (core team, until 2027-01-31)",
    );
    sections[6].controls[0].caught = false;
    sections[4].hard_failures.push(HardFailure {
        requirement: "REQ-GS-003".into(),
        check: "gold.no_doubles".into(),
        what: "test doubles stand in for services in integration tests".into(),
        places: vec!["tests/integration/test_quotes.py:41".into()],
        count: 2,
    });
}

/// `HALLMARK_REPORT_OUT=<folder>` keeps the pages for a look in a browser.
fn keep(name: &str, html: &str) {
    if let Some(folder) = std::env::var_os("HALLMARK_REPORT_OUT") {
        write(std::path::Path::new(&folder), name, html);
    }
}

#[test]
fn the_page_needs_nothing_and_escapes_what_it_shows() {
    let refused = Sample::new(|s| spoiled(s));
    let html = report::html(&refused.certificate).unwrap();
    keep("refused.html", &html);
    for outside in ["http://", "https://", "<script", "<link", "src=", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("&lt;b&gt;replaces&lt;") && !html.contains("<b>replaces"));
    for shown in [
        "Refused",
        "instrument not proven",
        "missed",
        "not measured",
        "exempted",
        "test_quotes.py:41",
        "connection refused",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    let granted = Sample::new(|_| ());
    let html = report::html(&granted.certificate).unwrap();
    keep("granted.html", &html);
    assert!(html.contains("Granted") && !html.contains("Refused because"));
}

#[test]
fn the_terminal_gets_80_columns_and_ascii_when_it_asks() {
    let refused = Sample::new(|s| spoiled(s));
    for symbols in [text::Symbols::Unicode, text::Symbols::Ascii] {
        let text = text::verdict(&refused.certificate, symbols, None);
        assert!(text.lines().all(|l| l.chars().count() <= text::WIDTH), "{text}");
        assert!(text.contains("refused") && text.contains("next: hallmark check"), "{text}");
        assert_eq!(text.is_ascii(), symbols == text::Symbols::Ascii, "{text}");
    }
    let granted = text::verdict(&Sample::new(|_| ()).certificate, text::Symbols::Ascii, None);
    assert!(
        granted.contains("granted") && granted.contains("next: hallmark verify-certificate"),
        "{granted}"
    );
}

#[test]
fn a_difference_names_what_moved() {
    let before = Sample::new(|_| ()).certificate;
    let after = Sample::new(|s| spoiled(s)).certificate;
    let diff = diff(&before, &after);
    assert!(
        diff.checks.iter().any(
            |m| m.check == "redis.usable" && m.verdicts == [Some(Verdict::Proven), Some(Verdict::Failed)]
        )
    );
    let text = diff.text();
    assert!(text.contains("infrastructure") && text.contains("connection refused"), "{text}");
    assert!(super::report::diff(&before, &before).text().contains("nothing moved"));
}
