//! What speaks against a test: named like rules, with what, why and what to do.

use serde::Serialize;

use super::Source;
use super::files::SkippedFile;
use super::judge::{Double, Reach, TestRow};
use super::reason::Lack;

/// Something that speaks against a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, in kebab-case; stable.
    pub rule: &'static str,
    /// The code whose page explains it.
    pub code: &'static str,
    /// The test, or the file that skipped itself, as pytest writes it.
    pub test: String,
    /// Its file, relative to the project.
    pub path: String,
    /// Its first line.
    pub line: u32,
    /// Its tier.
    pub tier: &'static str,
    /// What was seen, a sentence.
    pub message: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub next: &'static str,
}

struct Rule {
    name: &'static str,
    why: &'static str,
    next: &'static str,
}

const UNREACHED: Rule = Rule {
    name: "no-service-reached",
    why: "a test of this tier is there to show that the code works with the real service; this one would pass without any",
    next: "let it ask the service whose address its environment names, or move it to the unit tests",
};

const NOT_ASKED: Rule = Rule {
    name: "nothing-asked",
    why: "an open connection shows that something listens; only an answered request shows that the code works with it",
    next: "let the test ask something and check the answer",
};

const UNREADABLE: Rule = Rule {
    name: "stream-unreadable",
    why: "what is encrypted, or is not the service's protocol, cannot be counted: only the client's word would stand for it",
    next: "connect to the address in the environment without encryption, which it does not need on loopback (sslmode=disable)",
};

const OWN_SERVER: Rule = Rule {
    name: "own-server-reached",
    why: "a server that the tests open themselves is a double, however real its socket",
    next: "let it ask the service of the stack",
};

const AROUND: Rule = Rule {
    name: "relay-bypassed",
    why: "what goes straight to the server cannot be tied to a test: only the client's word would stand for it",
    next: "take the address from the environment (hallmark env names the variables; --env and [certify.tests.environment] add others)",
};

const DOUBLED: Rule = Rule {
    name: "double-at-run-time",
    why: "the policy allows doubles in unit tests only: what was replaced was not tested",
    next: "remove the double and use the service of the stack, or move the test to the unit tests",
};

const SKIPPED: Rule = Rule {
    name: "skipped-with-service-up",
    why: "it says that it lacks a service which was there: what it would show is shown by nothing",
    next: "let its condition read the address from the environment; hallmark env names the variables",
};

/// Doubles that a finding names.
const NAMED_MAX: usize = 4;

pub(super) fn of(tests: &[TestRow], files: &[SkippedFile], source: &Source<'_>) -> Vec<Finding> {
    let files = files.iter().filter_map(|file| of_file(file, source));
    tests.iter().flat_map(|test| of_test(test, source)).chain(files).collect()
}

/// A file that skipped itself as a whole, though what it lacked was there.
fn of_file(file: &SkippedFile, source: &Source<'_>) -> Option<Finding> {
    Some(Finding {
        rule: SKIPPED.name,
        code: crate::codes::NO_PROOF.id,
        test: file.id.clone(),
        path: file.path.clone(),
        line: 1,
        tier: file.tier,
        message: format!("the whole file {}", needless(file.lack.as_ref(), &file.reason, source)?),
        why: SKIPPED.why,
        next: SKIPPED.next,
    })
}

/// That something skipped for lack of a service that was there; nothing if it was not, or if the reason is another.
fn needless(lack: Option<&Lack>, reason: &str, source: &Source<'_>) -> Option<String> {
    let service = lack?.service?;
    let was_there = source.targets.iter().any(|(kind, ..)| *kind == service);
    let said = reason.trim_start_matches("Skipped: ");
    was_there.then(|| format!("skipped though {} was there: {said}", service.title()))
}

fn of_test(test: &TestRow, source: &Source<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |rule: &Rule, message: String| {
        found.push(Finding {
            rule: rule.name,
            code: crate::codes::NO_PROOF.id,
            test: test.id.clone(),
            path: test.path.clone(),
            line: test.line,
            tier: test.tier,
            message,
            why: rule.why,
            next: rule.next,
        });
    };
    if let Some(said) = needless(test.lack.as_ref(), &test.reason, source) {
        add(&SKIPPED, format!("it {said}"));
    }
    if !matches!(test.tier, "integration" | "end-to-end") || test.outcome != "passed" {
        return found;
    }
    match test.reach {
        _ if test.reach >= Reach::Fixtures => {}
        _ if !test.around.is_empty() => {
            add(&AROUND, format!("it connected to {} itself, past the relay", list(&test.around)));
        }
        _ if !test.own_servers.is_empty() => {
            add(
                &OWN_SERVER,
                format!("the only server it reached is the tests' own, at {}", list(&test.own_servers)),
            );
        }
        Reach::Opened if test.uses.values().any(|u| u.unreadable_bytes > 0) => {
            add(&UNREADABLE, "it was answered in a stream that cannot be read".to_owned());
        }
        Reach::Opened => {
            let services: Vec<&str> = test.uses.keys().map(|kind| kind.title()).collect();
            add(
                &NOT_ASKED,
                format!("it opened a connection to {} and asked nothing on it", services.join(", ")),
            );
        }
        _ if !test.elsewhere.is_empty() => {
            add(
                &UNREACHED,
                format!("it passed and reached no service of the stack, but {}", list(&test.elsewhere)),
            );
        }
        _ => add(&UNREACHED, "it passed and reached no server".to_owned()),
    }
    if !test.doubles.is_empty() {
        add(&DOUBLED, format!("it met {}", doubles(&test.doubles)));
    }
    found
}

fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    let (shown, rest) = names.split_at(names.len().min(NAMED_MAX));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{more}", shown.join(", "))
}

fn doubles(doubles: &[Double]) -> String {
    let say = |double: &Double| {
        let what = match double.kind.as_str() {
            "mock" => format!("a {}", double.name),
            "patch" | "monkeypatch" => format!("a patched {}", double.name),
            "sqlite-memory" => "a SQLite database in memory".to_owned(),
            "sys-modules" => format!("a replaced module {}", double.name),
            _ => double.name.clone(),
        };
        if double.phase == "body" { what } else { format!("{what} ({})", double.phase) }
    };
    list(&doubles.iter().map(say).collect::<Vec<_>>())
}
