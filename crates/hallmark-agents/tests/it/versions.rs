//! Loading: repeatable, versioned, harmless to others, and with hostile texts in the data.

use hallmark_agents::{Data, codes, load, remove};
use hallmark_core::fs;
use serde_json::json;

use crate::support::{attempt, call, handles, names, registry, small};

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_catalogue_replaces_the_old_version_and_its_cached_answers() {
    let (handles, folder) = (handles(), small("reload"));
    let prefix = "it-agents-reload";
    remove(&handles, prefix).await.unwrap();
    let first = Data::load(Some(&folder)).unwrap();
    let registry_one = registry(&handles, &first, prefix);
    let input = json!({"product_name": "Claw Hammer", "budget": 30});
    let error = attempt(&registry_one, "recommendation_engine", input.clone()).await.unwrap_err();
    assert!(error.is(&codes::NOT_LOADED), "{error:?}");

    let report = load(&handles, &first, prefix).await.unwrap();
    assert!(!report.unchanged && report.embedded == 20, "{report:?}");
    let again = load(&handles, &first, prefix).await.unwrap();
    assert!(again.unchanged && again.embedded == 0 && again.removed.is_empty(), "{again:?}");

    let miss = call(&registry_one, "recommendation_engine", input.clone()).await;
    assert_eq!((&miss["cached"], &miss["cache"]["state"]), (&json!(false), &json!("miss")));
    let hit = call(&registry_one, "recommendation_engine", input.clone()).await;
    assert_eq!((&hit["cached"], &hit["cache"]["state"]), (&json!(true), &json!("hit")));
    assert!((1..=300).contains(&hit["cache"]["ttl_s"].as_i64().unwrap()));
    assert_eq!(hit["recommendations"], miss["recommendations"]);
    assert!(names(&hit, "recommendations", "sku").contains(&"H-1".to_owned()));

    // The catalogue changes: a product less and another one.
    let text = fs::read_text(&folder.join("products.csv")).unwrap();
    let text = text.replace("H-1,Framing Hammer", "H-9,Drilling Hammer");
    fs::write_atomic(&folder.join("products.csv"), text.as_bytes(), fs::Mode::Default).unwrap();
    let second = Data::load(Some(&folder)).unwrap();
    let report = load(&handles, &second, prefix).await.unwrap();
    assert!(!report.unchanged);
    let removed = report.removed.join("\n");
    assert!(
        removed.contains("collection") && removed.contains("graph") && removed.contains("1 cached"),
        "{removed}"
    );
    let fresh = call(&registry(&handles, &second, prefix), "recommendation_engine", input.clone()).await;
    assert_eq!(fresh["cached"], false);
    let skus = names(&fresh, "recommendations", "sku");
    assert!(skus.contains(&"H-9".to_owned()) && !skus.contains(&"H-1".to_owned()), "{skus:?}");
    // Who still holds the old data is told, and gets no mixture.
    let error = attempt(&registry_one, "recommendation_engine", input).await.unwrap_err();
    assert!(error.is(&codes::NOT_LOADED), "{error:?}");

    assert!(!remove(&handles, prefix).await.unwrap().is_empty());
    assert!(remove(&handles, prefix).await.unwrap().is_empty());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_do_not_touch_each_other_even_if_one_prefix_begins_the_other() {
    let (handles, folder) = (handles(), small("pair"));
    let data = Data::load(Some(&folder)).unwrap();
    for prefix in ["it-agents-pair", "it-agents-pair-two"] {
        load(&handles, &data, prefix).await.unwrap();
    }
    let removed = remove(&handles, "it-agents-pair").await.unwrap().join("\n");
    assert!(!removed.contains("pair-two"), "{removed}");
    let other = registry(&handles, &data, "it-agents-pair-two");
    let answer = call(&other, "safety_analysis", json!({"product_name": "Claw Hammer 20 oz"})).await;
    assert_eq!(names(&answer, "standards", "id"), ["osha-1910-133"]);
    remove(&handles, "it-agents-pair-two").await.unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_are_data() {
    let (handles, folder) = (handles(), small("hostile"));
    let data = Data::load(Some(&folder)).unwrap();
    let prefix = "it-agents-hostile";
    load(&handles, &data, prefix).await.unwrap();
    let registry = registry(&handles, &data, prefix);
    let name = "Claw Hammer'}) DETACH DELETE n // \" \u{0} $space {\"$ne\": 1} \u{202e}";
    for workflow in ["safety_analysis", "recommendation_engine"] {
        let answer =
            call(&registry, workflow, json!({"product_name": name, "context": "shop'}) //", "limit": 10}))
                .await;
        assert_eq!(answer["category"]["id"], "hammers", "{answer:#}");
    }
    let answer =
        call(&registry, "recommendation_engine", json!({"product_name": "Dead blow hammer", "budget": 30}))
            .await;
    assert!(names(&answer, "recommendations", "sku").contains(&"H-3".to_owned()), "{answer:#}");
    // A category without hazards is not called safe.
    let answer = call(&registry, "safety_analysis", json!({"product_name": "Step Ladder"})).await;
    assert_eq!(
        (&answer["known"], &answer["category"]["id"]),
        (&json!(false), &json!("ladders")),
        "{answer:#}"
    );
    remove(&handles, prefix).await.unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_loads_at_once_end_in_one_whole_version() {
    let (handles, folder) = (handles(), small("twice"));
    let data = Data::load(Some(&folder)).unwrap();
    let prefix = "it-agents-twice";
    let (one, two) = tokio::join!(load(&handles, &data, prefix), load(&handles, &data, prefix));
    assert_eq!(one.unwrap().version, two.unwrap().version);
    assert!(load(&handles, &data, prefix).await.unwrap().unchanged);
    remove(&handles, prefix).await.unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
