//! Bringing a version of the data into the services: written whole, then switched to, then the older ones removed.
//!
//! What each store allows: a Cypher statement is a transaction, so the graph's old version goes in the statement that
//! marks the new one as complete. ChromaDB has none: a version's collections are written in an order that ends with `categories`,
//! and readers start there. Readers name a version, so none sees two mixed. Loading the same version again writes nothing.

mod graph;

use std::time::Instant;

use hallmark_core::Result;
use hallmark_services::chroma::Records;
use hallmark_services::{Guarded, Handles};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::classify::DESCRIPTION_WEIGHT;
use crate::data::Data;
use crate::limits;
use crate::store::{COLLECTIONS, Store, normalize, vectors};

/// What [`load`] found and did.
#[derive(Clone, Debug, Serialize)]
pub struct LoadReport {
    /// The version that is now current.
    pub version: String,
    /// Whether everything was there already.
    pub unchanged: bool,
    /// Categories of the version.
    pub categories: usize,
    /// Reference texts of the version.
    pub references: usize,
    /// Products of the version.
    pub products: usize,
    /// Hazards of the version.
    pub hazards: usize,
    /// Kinds of protective equipment of the version.
    pub equipment: usize,
    /// Standards of the version.
    pub standards: usize,
    /// Texts that were sent to the embedding model.
    pub embedded: usize,
    /// What was removed because it belonged to another version: collections, graph spaces, cache keys.
    pub removed: Vec<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Loads the data under this prefix and removes what other versions left there. Safe to repeat and to run twice at once.
///
/// # Errors
/// `HM-A004` for a bad prefix; `HM-A010` to `HM-A013` if the embeddings service, ChromaDB or Neo4j cannot be used, `HM-S…` if
/// Redis cannot: the version that was current before is then still complete.
pub async fn load(handles: &Handles, data: &Data, prefix: &str) -> Result<LoadReport> {
    let begun = Instant::now();
    let store = Store::new(handles, &Guarded::bare(handles), data, prefix)?;
    let version = store.version()?;
    let mut embedded = store.load_vectors(&version).await?;
    let graph_new = store.load_graph(&version).await?;
    let removed = store.remove_versions(Some(&version)).await?;
    let unchanged = embedded == 0 && !graph_new && removed.is_empty();
    if unchanged {
        embedded = 0;
    }
    Ok(LoadReport {
        version,
        unchanged,
        categories: data.categories.len(),
        references: data.references().len(),
        products: data.products.len(),
        hazards: data.safety.hazards.len(),
        equipment: data.safety.equipment.len(),
        standards: data.safety.standards.len(),
        embedded,
        removed,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// Removes every version under this prefix from ChromaDB, Neo4j and Redis; tells what was removed.
///
/// # Errors
/// As [`load`].
pub async fn remove(handles: &Handles, prefix: &str) -> Result<Vec<String>> {
    Store::new(handles, &Guarded::bare(handles), &Data::load(None)?, prefix)?.remove_versions(None).await
}

impl Store {
    async fn count(&self, kind: &str, version: &str) -> Result<u64> {
        match self.handles.chroma.collection(&self.collection_name(kind, version)).await {
            Ok(found) => self.handles.chroma.count(&found.id).await.map_err(|e| vectors(&e)),
            Err(error) if error.is(&hallmark_services::codes::CHROMA_NOT_FOUND) => Ok(0),
            Err(error) => Err(vectors(&error)),
        }
    }

    /// Embeds and writes the vectors of a version unless all are there; tells how many texts were embedded.
    async fn load_vectors(&self, version: &str) -> Result<usize> {
        let data = &self.data;
        let references = data.references();
        let wanted = [references.len(), data.products.len(), data.categories.len()];
        let mut complete = true;
        for (kind, count) in COLLECTIONS.iter().zip(wanted) {
            complete &= self.count(kind, version).await? == u64::try_from(count).unwrap_or(u64::MAX);
        }
        if complete {
            return Ok(0);
        }
        let mut texts: Vec<String> = references.iter().map(|(_, text)| (*text).to_owned()).collect();
        texts.extend(data.products.iter().map(|p| format!("{}. {}", p.name, p.description)));
        texts.extend(data.categories.iter().map(|c| format!("{}. {}", c.name, c.description)));
        let embedded = self.embed(&texts).await?;
        let (reference_vectors, rest) = embedded.split_at(references.len());
        let (product_vectors, description_vectors) = rest.split_at(data.products.len());
        self.write(COLLECTIONS[0], version, self.reference_records(&references, reference_vectors)).await?;
        self.write(COLLECTIONS[1], version, self.product_records(product_vectors)).await?;
        let centroids = self.centroid_records(&references, reference_vectors, description_vectors)?;
        self.write(COLLECTIONS[2], version, centroids).await?;
        Ok(texts.len())
    }

    fn reference_records(&self, references: &[(usize, &str)], vectors: &[Vec<f32>]) -> Records {
        Records {
            ids: (0..references.len()).map(|i| format!("r{i}")).collect(),
            embeddings: vectors.to_vec(),
            documents: references.iter().map(|(_, text)| (*text).to_owned()).collect(),
            metadatas: references
                .iter()
                .map(|(i, _)| members(json!({"category": self.data.categories[*i].id})))
                .collect(),
        }
    }

    fn product_records(&self, vectors: &[Vec<f32>]) -> Records {
        let products = &self.data.products;
        let metadata = |p: &crate::Product| {
            members(json!({"name": p.name, "category": p.category, "brand": p.brand, "price": p.price}))
        };
        Records {
            ids: products.iter().map(|p| p.sku.clone()).collect(),
            embeddings: vectors.to_vec(),
            documents: products.iter().map(|p| p.description.clone()).collect(),
            metadatas: products.iter().map(metadata).collect(),
        }
    }

    fn centroid_records(
        &self,
        references: &[(usize, &str)],
        vectors: &[Vec<f32>],
        descriptions: &[Vec<f32>],
    ) -> Result<Records> {
        let mut sums: Vec<Vec<f32>> =
            descriptions.iter().map(|d| d.iter().map(|x| x * DESCRIPTION_WEIGHT).collect()).collect();
        for ((category, _), vector) in references.iter().zip(vectors) {
            sums[*category].iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
        }
        let categories = &self.data.categories;
        Ok(Records {
            ids: categories.iter().map(|c| c.id.clone()).collect(),
            embeddings: sums.into_iter().map(normalize).collect::<Result<_>>()?,
            documents: categories.iter().map(|c| c.description.clone()).collect(),
            metadatas: categories
                .iter()
                .map(|c| members(json!({"name": c.name, "department": c.department})))
                .collect(),
        })
    }

    async fn write(&self, kind: &str, version: &str, records: Records) -> Result<()> {
        let name = self.collection_name(kind, version);
        let metadata = members(json!({"hnsw:space": "cosine", "hallmark": self.prefix}));
        let id =
            self.handles.chroma.get_or_create_collection(&name, metadata).await.map_err(|e| vectors(&e))?;
        self.handles.chroma.upsert(&id, records).await.map_err(|e| vectors(&e))
    }

    /// Removes all versions but `keep` from the three stores.
    async fn remove_versions(&self, keep: Option<&str>) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        let kept: Vec<String> =
            keep.iter().flat_map(|v| COLLECTIONS.iter().map(|kind| self.collection_name(kind, v))).collect();
        for found in self.handles.chroma.list_collections().await.map_err(|e| vectors(&e))? {
            if self.is_own(&found.name) && !kept.contains(&found.name) {
                self.handles.chroma.delete_collection(&found.name).await.map_err(|e| vectors(&e))?;
                removed.push(format!("collection {}", found.name));
            }
        }
        removed.extend(self.remove_graphs(keep).await?);
        let keys = self.forget(keep).await?;
        if keys > 0 {
            removed.push(format!("{keys} cached recommendations"));
        }
        Ok(removed)
    }

    /// Whether a collection is one of this prefix: `a` must not take those of `a-products` for its own.
    fn is_own(&self, name: &str) -> bool {
        let version =
            |rest: &str| rest.len() == limits::VERSION_DIGITS && rest.bytes().all(|b| b.is_ascii_hexdigit());
        COLLECTIONS
            .iter()
            .any(|kind| name.strip_prefix(&format!("{}-{kind}-", self.prefix)).is_some_and(version))
    }
}

/// The members of a JSON object.
pub(crate) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
