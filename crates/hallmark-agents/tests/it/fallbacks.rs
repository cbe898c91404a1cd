//! Agents whose model API refuses every connection, on the other real services.

use std::sync::Arc;

use hallmark_agents::{Data, codes, nodes};
use hallmark_services::resilience::{FallbacksConfig, Guarded, Ledger};
use hallmark_services::{Handles, OpenAiConfig};
use hallmark_workflow::Registry;
use serde_json::{Value, json};

use crate::support::{PREFIX, attempt, endpoints, whole};

/// The agents' nodes with a model API at a closed port.
fn without_a_model(fallbacks: bool) -> Registry {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap();
    let mut endpoints = endpoints();
    let real = endpoints.openai.take().unwrap();
    let url = format!("http://{closed}/v1");
    let gone = OpenAiConfig { base_url: url.clone(), embeddings_base_url: Some(url), ..real };
    endpoints.openai = Some(gone);
    let handles = Handles::connect(&endpoints).unwrap();
    let config = FallbacksConfig { enabled: Some(fallbacks), ..FallbacksConfig::default() };
    let guarded = Guarded::new(&handles, &config).unwrap();
    let mut registry = Registry::with_builtins().unwrap();
    registry.register_all(nodes(&handles, &guarded, &Data::load(None).unwrap(), PREFIX).unwrap()).unwrap();
    registry
}

async fn classified(registry: &Registry, name: &str) -> (Value, Option<Value>) {
    let ledger = Ledger::default();
    let call = attempt(registry, "ProductClassificationNode", json!({"product_name": name}));
    let answer = ledger.clone().scope(call).await.unwrap();
    (answer, ledger.to_json())
}

#[tokio::test]
async fn the_words_alone_classify_and_say_so_while_the_model_is_away() {
    let registry: Arc<Registry> = whole().await;
    let name = "Claw Hammer 16 oz Fiberglass Handle";
    let (fresh, none) = classified(&registry, name).await;
    assert_eq!(none, None, "the services themselves answer");
    let away = without_a_model(true);
    let (answer, source) = classified(&away, name).await;
    assert_eq!(answer["category"], fresh["category"]);
    assert!(answer["method"].as_str().unwrap().starts_with("words alone"), "{answer}");
    assert_eq!(answer["evidence"]["nearest_example"], Value::Null);
    let source = source.unwrap();
    assert_eq!((&source[0]["service"], &source[0]["name"]), (&json!("openai"), &json!("local-model")));
    let (nothing, _) = classified(&away, "A novel by Tolstoy").await;
    assert_eq!(nothing["known"], false, "{nothing}");
    let safety = attempt(&away, "SafetyAnalysisNode", json!({"product_name": name})).await.unwrap();
    assert_eq!(safety["known"], true, "the graph is there: {safety}");
    // Neighbours need a vector: without one there is no recommendation, and no made-up one.
    let error = attempt(&away, "RecommendationEngineNode", json!({"product_name": name})).await.unwrap_err();
    assert!(error.is(&codes::EMBEDDINGS_UNAVAILABLE), "{error:?}");
    let strict = without_a_model(false);
    let error =
        attempt(&strict, "ProductClassificationNode", json!({"product_name": name})).await.unwrap_err();
    assert!(error.is(&codes::EMBEDDINGS_UNAVAILABLE), "{error:?}");
}
