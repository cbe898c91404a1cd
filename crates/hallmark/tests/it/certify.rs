//! From claim to certificate: the example is certified, its twin is refused, a changed certificate does not hold.

use serde_json::Value;

use crate::support::{Folder, all, code, run};

fn certificate(folder: &Folder) -> Value {
    let path = folder.path().join(".hallmark/certificates/latest/certificate.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_example_is_certified_and_the_certificate_can_be_verified() {
    let folder = Folder::example("catalog");
    let certified = run(&folder, &["certify", "--yes"]);
    assert_eq!(code(&certified), 0, "{}", all(&certified));
    let document = certificate(&folder);
    for field in [
        "certification_date",
        "production_readiness_score",
        "certification_level",
        "deployment_approved",
        "requirements_compliance",
        "next_review_date",
        "operational_approval",
    ] {
        assert!(!document[field].is_null(), "{field}");
    }
    assert!(
        ["good", "excellent"].contains(&document["certification_level"].as_str().unwrap()),
        "{}",
        all(&certified)
    );
    let report =
        std::fs::read_to_string(folder.path().join(".hallmark/certificates/latest/report.html")).unwrap();
    assert!(
        !report.contains("src=\"http") && !report.contains("href=\"http"),
        "the report needs no outside asset"
    );

    let file = ".hallmark/certificates/latest/certificate.json";
    assert_eq!(code(&run(&folder, &["verify-certificate", file])), 0);
    let mut altered = document;
    altered["production_readiness_score"] = 1.0.into();
    folder.write("altered.json", altered.to_string().as_bytes());
    let refused = run(&folder, &["verify-certificate", "altered.json"]);
    assert_eq!(code(&refused), 1, "{}", all(&refused));
}

#[test]
fn the_twin_is_refused_with_reasons() {
    let folder = Folder::example("catalog-before");
    let refused = run(&folder, &["certify", "--yes"]);
    assert_eq!(code(&refused), 1, "{}", all(&refused));
    let document = certificate(&folder);
    assert_eq!(document["deployment_approved"], false);
    let reasons = document["refusals"].to_string();
    assert!(reasons.contains("parse") && document["refusals"].as_array().unwrap().len() > 1, "{reasons}");
}
