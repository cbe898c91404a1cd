use hallmark_certify::verify::{Verification, verify_value};
use hallmark_certify::{codes, verify_certificate};
use hallmark_evidence::{Keys, Verdict};
use serde_json::{Value, json};

use crate::sample::{Sample, spoil};
use crate::{Scratch, write};

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn verdict(verification: &Verification, name: &str) -> Verdict {
    verification.checks.iter().find(|c| c.name == name).unwrap().verdict
}

#[test]
fn an_untouched_certificate_holds_with_and_without_its_project() {
    let sample = Sample::new(|_| ());
    let text = serde_json::to_string_pretty(&sample.certificate.to_json().unwrap()).unwrap();
    let elsewhere = Scratch::new();
    write(elsewhere.path(), "certificate.json", &text);
    let path = elsewhere.path().join("certificate.json");
    let with = verify_certificate(&path, Some(&sample.project)).unwrap();
    assert!(with.approves() && with.checks.iter().all(|c| c.verdict == Verdict::Proven), "{:?}", with.checks);
    let without = verify_certificate(&path, None).unwrap();
    assert!(without.holds());
    assert_eq!(verdict(&without, "tree"), Verdict::NotMeasured);
}

/// Every leaf of the document, as a pointer.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(k, v)| {
            leaves(v, &format!("{at}/{}", k.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, v)| leaves(v, &format!("{at}/{n}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

#[test]
fn every_changed_field_is_found() {
    let sample = Sample::new(|s| spoil(s, "redis.usable", Verdict::Failed, "down"));
    let document = sample.certificate.to_json().unwrap();
    let mut pointers = Vec::new();
    leaves(&document, "", &mut pointers);
    assert!(pointers.len() > 150, "{}", pointers.len());
    for pointer in pointers {
        let mut changed = document.clone();
        let leaf = changed.pointer_mut(&pointer).unwrap();
        *leaf = match &*leaf {
            Value::Bool(b) => json!(!b),
            Value::Number(n) => json!(n.as_f64().unwrap() + 1.0),
            Value::String(s) => json!(format!("{s}x")),
            _ => json!("x"),
        };
        // A change that makes it no certificate at all is found too.
        if let Ok(verification) = verify_value(&changed, Some(&sample.project), now()) {
            assert!(!verification.holds(), "{pointer}");
        }
    }
    let mut more = document;
    more["approved_by"] = json!("nobody");
    assert!(!verify_value(&more, None, now()).unwrap().holds());
}

#[test]
fn a_better_score_signed_anew_contradicts_its_evidence() {
    let sample = Sample::new(|s| spoil(s, "tests.executed", Verdict::Failed, "all skipped"));
    let mut forged = sample.certificate.clone();
    forged.production_readiness_score = 0.99;
    forged.deployment_approved = true;
    forged.sign(&Keys::open(&sample.project.state_path()).unwrap()).unwrap();
    let verification = verify_value(&forged.to_json().unwrap(), Some(&sample.project), now()).unwrap();
    assert_eq!(verdict(&verification, "signature"), Verdict::Proven);
    assert_eq!(verdict(&verification, "conclusions"), Verdict::Failed);
    assert!(verification.into_result().unwrap_err().is(&codes::CERTIFICATE_INVALID));
}

#[test]
fn evidence_made_up_by_who_holds_the_key_is_not_in_the_log() {
    let mut made_up = Sample::new(|s| spoil(s, "redis.usable", Verdict::Failed, "down"));
    let honest = Sample::new(|_| ());
    made_up.certificate.sections = honest.certificate.sections.clone();
    made_up.certificate.requirements_compliance = honest.certificate.requirements_compliance.clone();
    made_up.certificate.production_readiness_score = honest.certificate.production_readiness_score;
    made_up.certificate.certification_level = honest.certificate.certification_level;
    made_up.certificate.deployment_approved = true;
    made_up.certificate.digests.evidence = honest.certificate.digests.evidence.clone();
    made_up.certificate.sign(&Keys::open(&made_up.project.state_path()).unwrap()).unwrap();
    let verification =
        verify_value(&made_up.certificate.to_json().unwrap(), Some(&made_up.project), now()).unwrap();
    assert_eq!(verdict(&verification, "conclusions"), Verdict::Proven);
    assert_eq!(verdict(&verification, "log"), Verdict::Failed);
}

#[test]
fn a_changed_tree_an_altered_log_a_strange_key_and_age_are_found() {
    let sample = Sample::new(|_| ());
    let document = sample.certificate.to_json().unwrap();
    write(sample.scratch.path(), "src/app.py", "VALUE = 2\n");
    let verification = verify_value(&document, Some(&sample.project), now()).unwrap();
    assert_eq!(verdict(&verification, "tree"), Verdict::Failed);
    write(sample.scratch.path(), "src/app.py", "VALUE = 1\n");

    let log = sample.project.state_path().join("evidence.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    write(&sample.project.state_path(), "evidence.jsonl", &text.replacen("proven", "failed", 1));
    assert_eq!(
        verdict(&verify_value(&document, Some(&sample.project), now()).unwrap(), "log"),
        Verdict::Failed
    );
    write(&sample.project.state_path(), "evidence.jsonl", &text);

    let late = now() + jiff::SignedDuration::from_hours(24 * 91);
    assert_eq!(verdict(&verify_value(&document, None, late).unwrap(), "expiry"), Verdict::Failed);
    let early = now() - jiff::SignedDuration::from_hours(1);
    assert_eq!(verdict(&verify_value(&document, None, early).unwrap(), "expiry"), Verdict::Failed);

    let stranger = Scratch::new();
    let mut strange = sample.certificate.clone();
    strange.sign(&Keys::open(stranger.path()).unwrap()).unwrap();
    let verification = verify_value(&strange.to_json().unwrap(), Some(&sample.project), now()).unwrap();
    assert_eq!(
        (verdict(&verification, "signature"), verdict(&verification, "key")),
        (Verdict::Proven, Verdict::Failed)
    );
}

#[test]
fn what_is_no_certificate_is_said_to_be_none() {
    let scratch = Scratch::new();
    for (text, code) in [
        ("{}", &codes::NOT_A_CERTIFICATE),
        ("{\"schema_version\": 99}", &codes::NOT_A_CERTIFICATE),
        ("[1", &hallmark_core::codes::JSON_INPUT),
    ] {
        write(scratch.path(), "c.json", text);
        assert!(verify_certificate(&scratch.path().join("c.json"), None).unwrap_err().is(code), "{text}");
    }
    let missing = verify_certificate(&scratch.path().join("none.json"), None).unwrap_err();
    assert!(missing.is(&hallmark_core::codes::READ_FAILED));
}
