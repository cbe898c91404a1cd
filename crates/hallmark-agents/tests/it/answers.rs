//! The requirements' requests, and what the agents say when they do not know.

use hallmark_agents::codes;
use hallmark_services::{Endpoints, Handles};
use serde_json::{Value, json};

use hallmark_agents::Data;

use crate::support::{PREFIX, attempt, call, endpoints, names, registry, whole};

#[tokio::test(flavor = "multi_thread")]
async fn a_safety_hammer_among_tools_is_a_hammer() {
    let registry = whole().await;
    let input = json!({"product_name": "Safety Hammer", "category": "Tools"});
    let by_workflow = call(&registry, "product_classification", input).await;
    let answer = call(
        &registry,
        "ProductClassificationNode",
        json!({"product": "Safety Hammer", "category": "Tools"}),
    )
    .await;
    assert_eq!(answer, by_workflow, "another name of the parameter gives another answer");
    assert_eq!(answer["category"]["id"], "hammers", "{answer:#}");
    assert!(answer["confidence"].as_f64().unwrap() > 0.8);
    assert_eq!(answer["codes"]["unspsc"], Value::Null);
    assert_eq!(answer["codes"]["etim_note"], "no code table");
    assert!(answer["alternatives"].as_array().unwrap().len() >= 3);
    assert!(answer["evidence"]["hint"]["effect"].as_str().unwrap().contains("department"));
}

#[tokio::test(flavor = "multi_thread")]
async fn industrial_safety_goggles_protect_eyes_under_their_standards() {
    let registry = whole().await;
    let answer =
        call(&registry, "safety_analysis", json!({"product_name": "Industrial Safety Goggles"})).await;
    assert_eq!(answer["category"]["id"], "eye-protection", "{answer:#}");
    let required = names(&answer, "required_equipment", "id");
    assert!(required.contains(&"safety-glasses".to_owned()) && required.contains(&"goggles".to_owned()));
    let standards = names(&answer, "standards", "name");
    assert!(
        standards.contains(&"OSHA 29 CFR 1910.133".to_owned())
            && standards.contains(&"ANSI/ISEA Z87.1".to_owned())
    );
    assert!(
        !standards.iter().any(|s| s.contains("1926")),
        "construction rules without a construction site: {standards:?}"
    );
    for standard in answer["standards"].as_array().unwrap() {
        let path = &standard["paths"][0];
        assert_eq!(
            path["nodes"].as_array().unwrap().len(),
            path["relationships"].as_array().unwrap().len() + 1
        );
        assert!(standard["source"].as_str().unwrap().len() > 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_construction_site_adds_its_hazards_and_its_part_of_the_rules() {
    let registry = whole().await;
    let input = json!({"product_name": "Personal Protective Equipment", "context": "on a construction site"});
    let answer = call(&registry, "safety_analysis", input).await;
    assert_eq!(
        (&answer["category"]["id"], &answer["context"]["id"]),
        (&json!("ppe-kits"), &json!("construction-site"))
    );
    let required = names(&answer, "required_equipment", "id");
    for item in ["hard-hat", "hi-vis", "toe-footwear", "harness"] {
        assert!(required.contains(&item.to_owned()), "{item} in {required:?}");
    }
    let standards = names(&answer, "standards", "id");
    assert!(
        standards.contains(&"osha-1926-100".to_owned()) && !standards.contains(&"osha-1910-135".to_owned())
    );
    let from_site = answer["hazards"].as_array().unwrap().iter().any(|h| h["from"][0]["kind"] == "Context");
    assert!(from_site);
    // An unknown place is named as such; its hazards are not guessed.
    let input = json!({"product_name": "Industrial Safety Goggles", "environment": "underwater volcano"});
    let answer = call(&registry, "SafetyAnalysisNode", input).await;
    assert_eq!((&answer["known"], &answer["context"]["known"]), (&json!(true), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_category_has_hazards_and_each_required_item_a_rule() {
    let registry = whole().await;
    for category in Data::load(None).unwrap().categories() {
        let handed = json!({"known": true, "category": {"id": category.id, "name": category.name}});
        let answer =
            call(&registry, "SafetyAnalysisNode", json!({"classification": handed, "context": "warehouse"}))
                .await;
        assert_eq!(answer["known"], true, "{}", category.id);
        for item in answer["required_equipment"].as_array().unwrap() {
            let rules =
                item["reasons"].as_array().unwrap().iter().flat_map(|r| r["required_by"].as_array().unwrap());
            assert!(rules.count() > 0, "{item:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_said() {
    let registry = whole().await;
    for name in ["Birthday Cake Chocolate", "Mortgage Insurance Policy", "asdf qwer zxcv"] {
        let answer =
            call(&registry, "safety_analysis", json!({"product_name": name, "context": "construction site"}))
                .await;
        assert_eq!(answer["known"], false, "{answer:#}");
        assert!(
            answer["reason"].as_str().unwrap().contains("no known category") && answer["next"].is_string()
        );
        assert_eq!(answer["standards"], json!([]));
        let answer = call(&registry, "recommendation_engine", json!({"product_name": name})).await;
        assert_eq!((&answer["known"], &answer["recommendations"]), (&json!(false), &json!([])));
    }
    let error =
        attempt(&registry, "product_classification", json!({"product_name": "  --  "})).await.unwrap_err();
    assert!(error.is(&codes::NO_PRODUCT), "{error:?}");
    let handed = json!({"known": true, "category": {"id": "unicorns"}});
    let error =
        attempt(&registry, "SafetyAnalysisNode", json!({"classification": handed})).await.unwrap_err();
    assert!(error.is(&codes::BAD_CLASSIFICATION), "{error:?}");
    for (bad, place) in [
        (json!({"limit": 11}), "limit"),
        (json!({"budget": -1}), "budget"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let mut input = json!({"product_name": "Hammer"});
        input.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        let error = attempt(&registry, "recommendation_engine", input).await.unwrap_err();
        assert!(format!("{error:?}").contains(place), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recommendations_show_each_share_and_stay_within_bounds() {
    let registry = whole().await;
    let input = json!({"product_name": "Industrial Safety Goggles", "budget": 40, "limit": 10});
    let answer = call(&registry, "recommendation_engine", input).await;
    let all = answer["recommendations"].as_array().unwrap();
    assert!((3..=10).contains(&all.len()), "{answer:#}");
    for item in all {
        let parts = ["vector", "graph", "price"].map(|p| item["parts"][p]["share"].as_f64().unwrap());
        assert!((parts.iter().sum::<f64>() - item["score"].as_f64().unwrap()).abs() < 0.001);
        assert!(item["score"].as_f64().unwrap() >= 0.6);
    }
    let relations: Vec<&str> =
        all.iter().map(|i| i["parts"]["graph"]["relation"].as_str().unwrap()).collect();
    assert!(relations.contains(&"same category"), "{relations:?}");
    let mut skus = names(&answer, "recommendations", "sku");
    skus.sort();
    skus.dedup();
    assert_eq!(skus.len(), all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_pass_on_what_they_found() {
    let registry = whole().await;
    let input =
        json!({"task": "Angle grinder for cutting steel", "context": "construction site", "budget": 150});
    let answer = call(&registry, "AgentCoordinationNode", input).await;
    let steps = answer["steps"].as_array().unwrap();
    assert_eq!(names(&answer, "steps", "agent"), ["classifier", "safety", "recommender"]);
    assert_eq!((&steps[0]["received"], &steps[1]["received"]), (&json!([]), &json!(["classification"])));
    let category = &answer["combined"]["category"]["id"];
    assert_eq!(category, "grinders-sanders");
    assert!(steps.iter().all(|s| s["result"]["category"]["id"] == *category && s["duration_ms"].is_u64()));
    let equipment = answer["combined"]["required_equipment"].to_string();
    assert!(equipment.contains("Hard hat") && equipment.contains("Safety glasses"), "{equipment}");
    let one =
        call(&registry, "AgentCoordinationNode", json!({"task": "Angle grinder", "agents": ["safety"]}))
            .await;
    assert_eq!(one["steps"][0]["received"], json!([]));
    let error = attempt(&registry, "AgentCoordinationNode", json!({"task": "x1", "agents": ["oracle"]}))
        .await
        .unwrap_err();
    assert!(error.is(&codes::BAD_AGENTS));
}

/// A missing service is a coded error with the service's own code as its cause, never an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_service_is_an_error() {
    whole().await;
    let closed = |change: &dyn Fn(&mut Endpoints)| {
        let mut all = endpoints();
        change(&mut all);
        registry(&Handles::connect(&all).unwrap(), &Data::load(None).unwrap(), PREFIX)
    };
    let dead = "http://127.0.0.1:9";
    let input = json!({"product_name": "Safety Hammer"});
    let without = closed(&|e| e.openai.as_mut().unwrap().embeddings_base_url = Some(format!("{dead}/v1")));
    for name in ["product_classification", "safety_analysis", "recommendation_engine"] {
        // Another budget than any other test's: a cached answer would be a true one, but not the subject here.
        let input = if name == "recommendation_engine" {
            json!({"product_name": "Safety Hammer", "budget": 7.77})
        } else {
            input.clone()
        };
        let error = attempt(&without, name, input).await.unwrap_err();
        assert!(
            error.is(&codes::EMBEDDINGS_UNAVAILABLE) && error.causes()[0].contains("HM-S003"),
            "{error:?}"
        );
    }
    let without = closed(&|e| e.openai = None);
    let error = attempt(&without, "ProductClassificationNode", input.clone()).await.unwrap_err();
    assert!(error.is(&codes::EMBEDDINGS_UNAVAILABLE) && error.causes()[0].contains("HM-S001"), "{error:?}");
    let without = closed(&|e| e.chroma.as_mut().unwrap().url = dead.to_owned());
    let error = attempt(&without, "ProductClassificationNode", input.clone()).await.unwrap_err();
    assert!(error.is(&codes::VECTORS_UNAVAILABLE), "{error:?}");
    let without = closed(&|e| e.neo4j = None);
    let error = attempt(&without, "safety_analysis", input.clone()).await.unwrap_err();
    assert!(error.is(&codes::GRAPH_UNAVAILABLE), "{error:?}");
    let error = attempt(&without, "AgentCoordinationNode", input.clone()).await.unwrap_err();
    assert!(error.is(&codes::AGENT_FAILED) && error.place() == Some("agents.safety"), "{error:?}");
    // The cache only makes it faster: without it the answer is computed, and says that it was not cached.
    let without = closed(&|e| e.redis = None);
    let answer = call(&without, "recommendation_engine", input).await;
    assert_eq!((&answer["cached"], &answer["cache"]["state"]), (&json!(false), &json!("unavailable")));
    assert_eq!(answer["cache"]["code"], "HM-S001");
}
