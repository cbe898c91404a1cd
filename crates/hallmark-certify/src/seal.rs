//! What the certificate itself rests on: the evidence log, and a signature that an altered report does not carry.

use std::time::Instant;

use hallmark_core::{Error, Result, canonical, fs};
use hallmark_evidence::{Evidence, Keys, Log, Verdict};
use serde_json::{Value, json};

use crate::certificate::{Certificate, Draft};
use crate::codes;
use crate::scratch::Scratch;
use crate::section::{Control, Kind, Section};
use crate::verify::verify_value;

/// Measures the log and plants alterations in a signed draft and in a copy of a log.
pub(crate) fn seal(draft: &Draft, keys: &Keys, log: &Log, scratch: &Scratch) -> Section {
    Section {
        id: "seal".to_owned(),
        title: "Seal".to_owned(),
        kind: Kind::Seal,
        weight: 0.0,
        evidence: vec![chain(log)],
        controls: vec![altered_report(draft, keys), altered_log(scratch)],
        hard_failures: Vec::new(),
    }
}

fn chain(log: &Log) -> Evidence {
    let started = Instant::now();
    let evidence = Evidence::new(
        "REQ-CERT-001",
        "seal.log",
        "every line of the evidence log holds and follows the one before it",
    )
    .threshold("no line altered, removed or moved")
    .reproduce("hallmark verify-certificate .hallmark/certificates/latest/certificate.json");
    match Log::verify(log.path()) {
        Ok(found) => {
            let evidence = evidence
                .took(started.elapsed())
                .measured(json!({"entries": found.entries, "head": found.head.hash}), found.holds());
            match found.defect {
                None => evidence,
                Some(defect) => {
                    evidence.because(format!("{}:{}: {}", log.path().display(), defect.line, defect.what))
                }
            }
        }
        Err(error) => evidence.because(error.to_string()),
    }
}

fn altered_report(draft: &Draft, keys: &Keys) -> Control {
    let started = Instant::now();
    let outcome = signed(draft, keys).map_or_else(|e| (false, e.to_string()), |document| alter(&document));
    Control::new(
        "seal.altered_report",
        "a signed draft of this certificate with another score, verdict, digest or a field more",
        started,
        outcome,
    )
}

fn signed(draft: &Draft, keys: &Keys) -> Result<Value> {
    let mut certificate = Certificate::new(draft.clone())?;
    certificate.sign(keys)?;
    certificate.to_json()
}

/// The draft holds as it is, and with each alteration its signature does not.
fn alter(document: &Value) -> (bool, String) {
    let signature_is = |document: &Value, wanted: Verdict| {
        let found = verify_value(document, None, jiff::Timestamp::now());
        found.is_ok_and(|v| v.checks.iter().any(|c| c.name == "signature" && c.verdict == wanted))
    };
    let mut alterations: Vec<(&str, Value)> = Vec::new();
    for (pointer, value) in [
        ("/production_readiness_score", json!(0.9999)),
        ("/deployment_approved", json!(document["deployment_approved"] != json!(true))),
        ("/sections/0/evidence/0/reason", json!("altered")),
        ("/digests/tree/digest", json!("0".repeat(64))),
    ] {
        let mut altered = document.clone();
        if let Some(place) = altered.pointer_mut(pointer) {
            *place = value;
            alterations.push((pointer, altered));
        }
    }
    let mut more = document.clone();
    more["approved_by"] = json!("nobody");
    alterations.push(("/approved_by", more));
    let missed: Vec<&str> = alterations
        .iter()
        .filter(|(_, altered)| !signature_is(altered, Verdict::Failed))
        .map(|(p, _)| *p)
        .collect();
    let caught = missed.is_empty() && alterations.len() >= 4 && signature_is(document, Verdict::Proven);
    let observed =
        format!("{} alterations: signature refused; unaltered: signature holds", alterations.len());
    if caught { (true, observed) } else { (false, format!("not noticed: {}", missed.join(", "))) }
}

fn altered_log(scratch: &Scratch) -> Control {
    let started = Instant::now();
    let outcome = plant_log(scratch).unwrap_or_else(|e| (false, e.to_string()));
    Control::new(
        "seal.altered_log",
        "a scratch log of three entries with one verdict changed, one line removed, two lines swapped",
        started,
        outcome,
    )
}

fn plant_log(scratch: &Scratch) -> Result<(bool, String)> {
    let path = scratch.path().join("planted-evidence.jsonl");
    let mut log = Log::open(&path)?;
    for n in 0..3 {
        log.append("evidence", json!({"n": n, "verdict": "failed"}))?;
    }
    let text = fs::read_text(&path)?;
    let lines: Vec<&str> = text.lines().collect();
    let [first, second, third] = lines[..] else {
        return Err(Error::new(&codes::SCRATCH, "a scratch log did not keep its entries"));
    };
    let better =
        second.replace(&canonical::to_string(&json!("failed")), &canonical::to_string(&json!("proven")));
    let mut found = Vec::new();
    for (altered, line) in [
        ([first, &better, third].join("\n"), 2),
        ([first, third].join("\n"), 2),
        ([second, first, third].join("\n"), 1),
    ] {
        fs::write_atomic(&path, (altered + "\n").as_bytes(), fs::Mode::Default)?;
        let defect = Log::verify(&path)?.defect;
        found.push(defect.is_some_and(|d| d.line == line));
    }
    let caught = found.iter().all(|f| *f);
    Ok((caught, format!("{} of 3 alterations found in their line", found.iter().filter(|f| **f).count())))
}
