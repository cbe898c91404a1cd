use hallmark_evidence::Verdict;
use serde_json::{Value, json};

use crate::sample::{Sample, spoil};

/// What our schema uses of JSON Schema, and nothing else: a word that is not known here fails the test.
fn check(schema: &Value, root: &Value, value: &Value, at: &str) {
    for (word, wanted) in schema.as_object().unwrap() {
        match word.as_str() {
            "$ref" => {
                let target = root.pointer(wanted.as_str().unwrap().trim_start_matches('#')).unwrap();
                check(target, root, value, at);
            }
            "type" => assert!(is(wanted.as_str().unwrap(), value), "{at} is no {wanted}: {value}"),
            "const" => assert_eq!(value, wanted, "{at}"),
            "enum" => assert!(wanted.as_array().unwrap().contains(value), "{at}: {value}"),
            "minimum" => assert!(value.as_f64() >= wanted.as_f64(), "{at}: {value}"),
            "maximum" => assert!(value.as_f64() <= wanted.as_f64(), "{at}: {value}"),
            "items" => value.as_array().unwrap().iter().for_each(|v| {
                check(wanted, root, v, &format!("{at}[]"));
            }),
            "anyOf" => {
                let chosen =
                    wanted.as_array().unwrap().iter().find(|s| (s["type"] == "null") == value.is_null());
                check(chosen.unwrap(), root, value, at);
            }
            "properties" => members(schema, root, value, at),
            "pattern" => assert!(
                hallmark_core::digest::from_hex(value.as_str().unwrap()).is_some_and(|b| b.len() == 32),
                "{at}"
            ),
            "required"
            | "additionalProperties"
            | "description"
            | "format"
            | "title"
            | "$schema"
            | "$defs" => {}
            other => assert!(other.is_empty(), "{other} is not checked"),
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// Every member is described, and every described one is there.
fn members(schema: &Value, root: &Value, value: &Value, at: &str) {
    let described = schema["properties"].as_object().unwrap();
    for (name, member) in value.as_object().unwrap() {
        let place = format!("{at}.{name}");
        check(described.get(name).unwrap_or(&json!({"const": "not in the schema"})), root, member, &place);
    }
    for name in schema["required"].as_array().unwrap() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at}.{name} is missing");
    }
}

#[test]
fn certificates_are_as_their_schema_says() {
    let schema: Value = serde_json::from_str(hallmark_certify::SCHEMA).unwrap();
    for sample in
        [Sample::new(|_| ()), Sample::new(|s| spoil(s, "redis.usable", Verdict::NotMeasured, "none"))]
    {
        check(&schema, &schema, &sample.certificate.to_json().unwrap(), "$");
    }
    let names =
        ["certification_date", "production_readiness_score", "certification_level", "deployment_approved"];
    let more = ["requirements_compliance", "next_review_date", "operational_approval"];
    for name in names.iter().chain(&more) {
        assert!(schema["required"].as_array().unwrap().contains(&json!(name)), "{name}");
    }
}
