//! The compose file and the Kubernetes manifests, held against the published schemas of both.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hallmark_services::stack::containers::{WITH_IMAGES, compose, kubernetes};
use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

fn to_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Hash(members) => {
            let all = members.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), to_json(value)));
            Value::Object(all.collect::<Map<_, _>>())
        }
        Yaml::Array(items) => items.iter().map(to_json).collect(),
        Yaml::String(text) => json!(text),
        Yaml::Integer(number) => json!(number),
        Yaml::Boolean(truth) => json!(truth),
        Yaml::Real(text) => json!(text.parse::<f64>().unwrap()),
        _ => Value::Null,
    }
}

fn documents(text: &str) -> Vec<Value> {
    YamlLoader::load_from_str(text).unwrap().iter().map(to_json).filter(|v| !v.is_null()).collect()
}

fn schema(text: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

fn compose_schema() -> jsonschema::Validator {
    schema(include_str!("resources/compose-spec.schema.json"))
}

fn errors(schema: &jsonschema::Validator, value: &Value) -> Vec<String> {
    schema.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn the_compose_file_follows_the_specification() {
    let schema = compose_schema();
    let file = documents(&compose("my catalog", &WITH_IMAGES)).remove(0);
    assert!(errors(&schema, &file).is_empty(), "{:#?}", errors(&schema, &file));
    let services = file["services"].as_object().unwrap();
    assert_eq!(services.len(), 4);
    for (name, service) in services {
        let image = service["image"].as_str().unwrap();
        let tag = image.split_once(':').unwrap().1;
        assert!(
            tag.split('.').count() >= 2 && tag.starts_with(|c: char| c.is_ascii_digit()),
            "{image} is not pinned"
        );
        assert!(service["healthcheck"]["test"].as_array().unwrap().len() > 1, "{name}");
        for volume in service["volumes"].as_array().unwrap() {
            let volume = volume.as_str().unwrap().split(':').next().unwrap();
            assert!(file["volumes"].as_object().unwrap().contains_key(volume), "{name}: {volume}");
        }
        for port in service["ports"].as_array().unwrap() {
            let port = port.as_str().unwrap();
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
            // The API's own ports (hallmark serve).
            assert!(
                !port.starts_with("127.0.0.1:8000:") && !port.starts_with("127.0.0.1:8001:"),
                "{name}: {port}"
            );
        }
    }
    let environment = &services["postgres"]["environment"];
    assert_eq!(
        (&environment["POSTGRES_DB"], &environment["POSTGRES_USER"]),
        (&json!("kailash_production"), &json!("kailash_app"))
    );
}

#[test]
fn no_secret_stands_in_either() {
    let text = compose("p", &WITH_IMAGES);
    for line in text.lines().filter(|line| line.contains("PASSWORD:") || line.contains("AUTH:")) {
        assert!(line.contains("${") && line.contains(":?"), "{line}");
    }
    for manifest in documents(&kubernetes("p", &WITH_IMAGES)) {
        let containers = manifest.pointer("/spec/template/spec/containers").cloned().unwrap_or_default();
        for variable in
            containers.as_array().into_iter().flatten().flat_map(|c| c["env"].as_array().unwrap().clone())
        {
            let name = variable["name"].as_str().unwrap();
            if name.contains("PASSWORD") || name.contains("AUTH") {
                assert_eq!(variable["valueFrom"]["secretKeyRef"]["name"], "hallmark-secrets", "{variable}");
            }
        }
    }
}

#[test]
fn the_requirements_own_file_is_refused() {
    // NEO4J_PLUGINS as a list: an environment takes texts, numbers and nothing else.
    let file = json!({"services": {"neo4j": {"image": "neo4j:5.12-community", "environment": {"NEO4J_PLUGINS": ["apoc"]}}}});
    assert!(!errors(&compose_schema(), &file).is_empty());
    let misspelt = json!({"services": {"redis": {"image": "redis:7.2.7", "helthcheck": {}}}});
    assert!(!errors(&compose_schema(), &misspelt).is_empty());
}

#[test]
fn the_manifests_follow_the_api() {
    let schema = schema(include_str!("resources/kubernetes-1.37.0.schema.json"));
    let all = documents(&kubernetes("My Catalog", &WITH_IMAGES));
    assert_eq!(all.len(), 8);
    for manifest in &all {
        assert!(errors(&schema, manifest).is_empty(), "{manifest:#}\n{:#?}", errors(&schema, manifest));
    }
    for set in all.iter().filter(|manifest| manifest["kind"] == "StatefulSet") {
        let container = &set["spec"]["template"]["spec"]["containers"][0];
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            assert!(container[probe].is_object(), "{probe} of {}", set["metadata"]["name"]);
        }
        let labels = &set["spec"]["template"]["metadata"]["labels"];
        assert_eq!(&set["spec"]["selector"]["matchLabels"], labels);
        let service = all
            .iter()
            .find(|m| m["kind"] == "Service" && m["metadata"]["name"] == set["spec"]["serviceName"]);
        assert_eq!(&service.unwrap()["spec"]["selector"], labels);
        assert_eq!(
            container["volumeMounts"][0]["name"],
            set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
        );
    }
    let mut wrong = all[1].clone();
    wrong["spec"]["replica"] = json!(1);
    assert!(!errors(&schema, &wrong).is_empty(), "an unknown name is noticed");
    let mut wrong = all[1].clone();
    wrong["spec"]["replicas"] = json!("one");
    assert!(!errors(&schema, &wrong).is_empty(), "a wrong type is noticed");
}
