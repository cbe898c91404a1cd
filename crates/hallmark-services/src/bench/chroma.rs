//! ChromaDB: a vector for each product, in collections of its own.
//!
//! The vectors are made, not embedded: 384 numbers around the middle of the product's category, as the embeddings of texts of one
//! category lie. To embed 100,000 texts would take a small model on two processors most of an hour.

use hallmark_core::Result;
use serde_json::{Map, Value, json};

use super::scene::{CATEGORIES, Scene, unexpected};
use super::target::{Bound, Capacity, Loaded, Subject, Target};
use crate::chroma::{CollectionId, Records};
use crate::verify::Fresh;
use crate::{ServiceKind, codes, limits};

/// Numbers of a vector, as all-MiniLM-L6-v2 gives them.
const DIMENSIONS: usize = 384;

/// Neighbours that are asked for.
const NEIGHBOURS: usize = 10;

/// How far a product lies from the middle of its category, beside the middle's own length.
const SPREAD: f32 = 0.7;

pub(super) static SUBJECT: Subject = Subject {
    service: ServiceKind::Chroma,
    load: |scene| Box::pin(load(scene)),
    purge: |scene| Box::pin(purge(scene)),
    targets: &[
        Target {
            id: "chromadb.search",
            what: "the ten vectors nearest to a fresh one",
            bounds: &[Bound::p95(50.0)],
            work: |scene, number| Box::pin(search(scene, number)),
        },
        Target {
            id: "chromadb.similarity",
            what: "the ten products most alike within one category",
            bounds: &[Bound::p95(100.0)],
            work: |scene, number| Box::pin(similarity(scene, number)),
        },
        Target {
            id: "chromadb.store",
            what: "one vector with text and metadata",
            bounds: &[Bound::mean(20.0), Bound::p95(50.0)],
            work: |scene, number| Box::pin(store(scene, number)),
        },
    ],
    capacity: Some(Capacity {
        id: "chromadb.rate",
        target: "chromadb.search",
        callers: 16,
        bound: Bound::rate(200.0),
    }),
};

fn cosine() -> Map<String, Value> {
    Map::from_iter([("hnsw:space".to_owned(), json!("cosine"))])
}

fn searched(scene: &Scene) -> String {
    format!("{}_{}", scene.name, scene.fingerprint)
}

fn written(scene: &Scene) -> String {
    format!("{}_written", scene.name)
}

/// A collection that holds all vectors is complete: they are written in order, and the last ones last.
async fn load(scene: &Scene) -> Result<Loaded> {
    let chroma = &scene.handles.chroma;
    let (name, items) = (searched(scene), u64::from(scene.products));
    let made = match chroma.collection(&name).await {
        Ok(found) if chroma.count(&found.id).await? == items => false,
        Ok(_) => true,
        Err(error) if error.is(&codes::CHROMA_NOT_FOUND) => true,
        Err(error) => return Err(error),
    };
    if made {
        purge(scene).await?;
        let id = chroma.get_or_create_collection(&name, cosine()).await?;
        fill(scene, &id).await?;
    }
    scene.searched.get_or_try_init(|| chroma.get_or_create_collection(&name, cosine())).await?;
    let name = written(scene);
    scene.written.get_or_try_init(|| chroma.get_or_create_collection(&name, cosine())).await?;
    Ok(Loaded { items, made })
}

async fn fill(scene: &Scene, id: &CollectionId) -> Result<()> {
    let batch = u32::try_from(limits::CHROMA_BATCH).unwrap_or(scene.products);
    let middles: Vec<Vec<f32>> = (0..CATEGORIES).map(middle).collect();
    for from in (0..scene.products).step_by(limits::CHROMA_BATCH) {
        let part = from..scene.products.min(from + batch);
        let records = Records {
            ids: part.clone().map(|n| format!("p{n}")).collect(),
            embeddings: part
                .clone()
                .map(|n| near(&middles[(n % CATEGORIES) as usize], u64::from(n)))
                .collect(),
            documents: part.clone().map(|n| format!("Product {n}")).collect(),
            metadatas: part.map(|n| metadata(n % CATEGORIES)).collect(),
        };
        scene.handles.chroma.upsert(id, records).await?;
    }
    Ok(())
}

fn metadata(category: u32) -> Map<String, Value> {
    Map::from_iter([("category".to_owned(), json!(category))])
}

/// The middle of a category.
fn middle(category: u32) -> Vec<f32> {
    let mut fresh = Fresh::seeded(0xCA7E_0000 + u64::from(category));
    (0..DIMENSIONS).map(|_| fresh.unit()).collect()
}

/// A vector of length 1 near the middle; four decimals each, which is what similar texts differ by.
fn near(middle: &[f32], number: u64) -> Vec<f32> {
    let mut fresh = Fresh::seeded(number);
    let vector: Vec<f32> = middle.iter().map(|m| m + SPREAD * fresh.unit()).collect();
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter().map(|v| (v / length * 10_000.0).round() / 10_000.0).collect()
}

async fn purge(scene: &Scene) -> Result<()> {
    let chroma = &scene.handles.chroma;
    for collection in chroma.list_collections().await? {
        if collection.name.starts_with(&format!("{}_", scene.name)) {
            chroma.delete_collection(&collection.name).await?;
        }
    }
    Ok(())
}

fn known(cell: &tokio::sync::OnceCell<CollectionId>) -> Result<&CollectionId> {
    cell.get().ok_or_else(|| unexpected("the collection was not loaded"))
}

/// A vector that is none of those stored, in the category of a product.
fn question(scene: &Scene, number: u64) -> (u32, Vec<f32>) {
    let category = u32::try_from(scene.product(number)).unwrap_or_default() % CATEGORIES;
    (category, near(&middle(category), number | 1 << 63))
}

async fn search(scene: &Scene, number: u64) -> Result<()> {
    let vector = question(scene, number).1;
    let found = scene.handles.chroma.query(known(&scene.searched)?, &vector, NEIGHBOURS, None).await?;
    if found.len() == NEIGHBOURS { Ok(()) } else { Err(unexpected("fewer neighbours than were asked for")) }
}

async fn similarity(scene: &Scene, number: u64) -> Result<()> {
    let (category, vector) = question(scene, number);
    let filter = Some(json!({"category": category}));
    let found = scene.handles.chroma.query(known(&scene.searched)?, &vector, NEIGHBOURS, filter).await?;
    let all_there = found.len() == NEIGHBOURS
        && found.iter().all(|n| n.metadata.get("category") == Some(&json!(category)));
    if all_there { Ok(()) } else { Err(unexpected("neighbours of another category, or too few")) }
}

async fn store(scene: &Scene, number: u64) -> Result<()> {
    let (category, vector) = question(scene, number);
    let records = Records {
        ids: vec![format!("w{}", scene.serial())],
        embeddings: vec![vector],
        documents: vec![format!("Product {number}")],
        metadatas: vec![metadata(category)],
    };
    scene.handles.chroma.upsert(known(&scene.written)?, records).await
}
