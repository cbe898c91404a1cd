//! Which products to offer: neighbours by vector, ranked with the graph and the price.
//!
//! A product's rank is `0.5 · vector + 0.3 · graph + 0.2 · price`, each part from 0 to 1 and shown:
//! - vector: the cosine of the product to the request, divided by 0.75 (what the nearest products of a catalogue reach);
//! - graph: 1 in the same category, 0.8 in a category that complements it, 0.3 in the same department, else 0;
//! - price: with a budget 1 up to it and down to 0 at twice of it; without one, the nearness to the median price of the category.
//!
//! Below 0.6 a product is not recommended; the answer says how many stayed below. One of several products with the same words in
//! their names is kept. Answers are cached in Redis under the canonical request and the data's version.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hallmark_core::{Result, canonical, digest};
use hallmark_services::chroma::Neighbour;
use hallmark_services::resilience::answer::millis;
use hallmark_services::resilience::{Source, ledger};
use redis::AsyncCommands as _;
use serde_json::{Value, json};

use crate::classify::describe;
use crate::limits;
use crate::load::members;
use crate::request::Request;
use crate::store::{Store, meta, round, similarity};
use crate::text;

/// The share of the vector's part.
pub(crate) const VECTOR_WEIGHT: f64 = 0.5;
/// The share of the graph's part.
pub(crate) const GRAPH_WEIGHT: f64 = 0.3;
/// The share of the price's part.
pub(crate) const PRICE_WEIGHT: f64 = 0.2;
/// The lowest rank of a recommendation.
pub(crate) const THRESHOLD: f64 = 0.6;
/// The cosine that counts as one.
const FULL_SIMILARITY: f64 = 0.75;

const RELATIONS: &str = "
MATCH (base:HallmarkCategory {space: $space, id: $category})
UNWIND $ids AS id
MATCH (p:HallmarkProduct {space: $space, id: id})-[:IN_CATEGORY]->(c:HallmarkCategory)
RETURN p.id AS id, CASE
  WHEN c.id = base.id THEN 'same category'
  WHEN EXISTS { (base)-[:COMPLEMENTS]->(c) } THEN 'complement'
  WHEN c.department = base.department THEN 'same department'
  ELSE 'none' END AS relation";

/// A product with its parts.
struct Candidate {
    sku: String,
    name: String,
    category: String,
    brand: String,
    price: f64,
    vector: f64,
    graph: f64,
    relation: String,
    price_fit: f64,
}

impl Candidate {
    fn rank(&self) -> f64 {
        VECTOR_WEIGHT * self.vector + GRAPH_WEIGHT * self.graph + PRICE_WEIGHT * self.price_fit
    }

    fn json(&self, category: &str) -> Value {
        let part = |value: f64, weight: f64| json!({"value": round(value), "weight": weight, "share": round(value * weight)});
        let mut graph = part(self.graph, GRAPH_WEIGHT);
        graph["relation"] = json!(self.relation);
        json!({
            "sku": self.sku, "name": self.name, "category": category, "brand": self.brand, "price": self.price,
            "score": round(self.rank()),
            "parts": {"vector": part(self.vector, VECTOR_WEIGHT), "graph": graph, "price": part(self.price_fit, PRICE_WEIGHT)},
        })
    }
}

impl Store {
    /// The recommendations for a request, from the cache if it holds them.
    pub(crate) async fn recommend(&self, request: &Request, handed: Option<&Value>) -> Result<Value> {
        request.product()?;
        let category = handed.map(|c| c["category"]["id"].clone());
        let canonical_request = json!({
            "name": request.name, "description": request.description, "hint": request.hint, "budget": request.budget,
            "limit": request.limit, "category": category,
        });
        let hash = digest::sha256(canonical::to_string(&canonical_request).as_bytes());
        let key = format!("{}{}:{hash}", self.cache_prefix(), self.version()?);
        match self.cached(&key).await {
            Ok(Some((mut answer, Source::Primary, left))) => {
                answer["cached"] = json!(true);
                answer["cache"] = json!({"state": "hit", "ttl_s": left.map(|left| left.as_secs())});
                return Ok(answer);
            }
            Ok(Some((mut answer, source, _))) => {
                answer["cached"] = json!(true);
                answer["cache"] = json!({"state": "local", "age_ms": source.age().map(millis)});
                return Ok(answer);
            }
            Ok(None) => {}
            Err(error) => return self.uncached(request, handed, &error).await,
        }
        let (answer, made_of) = ledger::apart(self.rank_products(request, handed)).await;
        let mut answer = answer?;
        answer["cached"] = json!(false);
        if !made_of.is_primary() {
            // Read from the cache later, it would look like the services' own.
            answer["cache"] = json!({"state": "not kept", "reason": "a fallback had a part in it"});
            return Ok(answer);
        }
        let ttl = Duration::from_secs(limits::CACHE_TTL_S);
        answer["cache"] = match self.guarded.redis().set(&key, &answer.to_string(), ttl).await {
            Ok(()) => json!({"state": "miss", "ttl_s": limits::CACHE_TTL_S}),
            Err(error) => unavailable(&error),
        };
        Ok(answer)
    }

    /// Without its cache the engine is slower, not wrong: the answer is computed and says so.
    async fn uncached(
        &self,
        request: &Request,
        handed: Option<&Value>,
        error: &hallmark_core::Error,
    ) -> Result<Value> {
        tracing::warn!(code = error.code().id, "recommendations are not cached: {error}");
        let mut answer = self.rank_products(request, handed).await?;
        answer["cached"] = json!(false);
        answer["cache"] = unavailable(error);
        Ok(answer)
    }

    async fn cached(&self, key: &str) -> Result<Option<(Value, Source, Option<Duration>)>> {
        let answer = self.guarded.redis().get(key).await?;
        let source = answer.source().clone();
        // What is not JSON was not written by this code: it is a miss, and is written over.
        let Some(entry) = answer.into_value() else { return Ok(None) };
        let value = serde_json::from_str(&entry.text).ok();
        Ok(value.filter(Value::is_object).map(|value| (value, source, entry.left)))
    }

    /// Deletes the cached recommendations of every version but `keep`; tells how many.
    pub(crate) async fn forget(&self, keep: Option<&str>) -> Result<usize> {
        let failed = |e: redis::RedisError| hallmark_services::redis::error(&e);
        let mut redis = self.handles.redis.connection().await?;
        let prefix = self.cache_prefix();
        let kept = keep.map(|v| format!("{prefix}{v}:"));
        let (mut cursor, mut gone) = (0_u64, 0_usize);
        loop {
            let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(format!("{prefix}*"))
                .arg("COUNT")
                .arg(limits::CACHE_SCAN_BATCH)
                .query_async(&mut redis)
                .await
                .map_err(failed)?;
            let old: Vec<&String> =
                keys.iter().filter(|k| kept.as_ref().is_none_or(|kept| !k.starts_with(kept))).collect();
            if !old.is_empty() {
                gone += redis.del::<_, usize>(&old).await.map_err(failed)?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(gone);
            }
        }
    }

    async fn rank_products(&self, request: &Request, handed: Option<&Value>) -> Result<Value> {
        let name = request.product()?;
        let (category, vector, reason) = match handed {
            Some(c) => {
                let vector = self.product_vector(name, &request.description).await?;
                let id = c["category"]["id"].as_str().and_then(|id| self.data.category(id));
                (id, vector, c["reason"].as_str().unwrap_or("the product was not classified").to_owned())
            }
            None => {
                let result = self.classify(request).await?;
                let decision = result.decide().map(|s| &self.data.categories[s.index]);
                let reason = decision.as_ref().err().cloned().unwrap_or_default();
                (decision.ok(), result.vector, reason)
            }
        };
        let base = json!({
            "product": {"name": name, "description": request.description}, "budget": request.budget, "limit": request.limit,
            "weights": {"vector": VECTOR_WEIGHT, "graph": GRAPH_WEIGHT, "price": PRICE_WEIGHT}, "threshold": THRESHOLD,
            "data_version": self.version()?,
        });
        let Some(category) = category else {
            return Ok(joined(
                base,
                json!({
                    "known": false, "reason": reason, "next": "give a description, or add the category to categories.toml",
                    "category": null, "recommendations": [], "below_threshold": 0, "considered": 0,
                }),
            ));
        };
        let mut candidates = self.candidates(&vector, category).await?;
        candidates.retain(|c| text::fold(&c.name) != text::fold(name));
        self.weigh(&mut candidates, category, request.budget).await?;
        candidates.sort_by(|a, b| b.rank().total_cmp(&a.rank()).then_with(|| a.sku.cmp(&b.sku)));
        let mut seen = BTreeSet::new();
        candidates.retain(|c| seen.insert(text::fingerprint(&c.name)));
        let considered = candidates.len();
        let good: Vec<&Candidate> = candidates.iter().filter(|c| c.rank() >= THRESHOLD).collect();
        let shown = good.iter().take(request.limit).map(|c| {
            c.json(
                self.data
                    .category(&c.category)
                    .map_or(c.category.as_str(), |category| category.name.as_str()),
            )
        });
        let reason = good.is_empty().then(|| format!("no product reaches a score of {THRESHOLD}"));
        Ok(joined(
            base,
            json!({
                "known": true, "reason": reason, "next": null, "category": describe(category),
                "recommendations": shown.collect::<Vec<_>>(), "below_threshold": considered - good.len(), "considered": considered,
            }),
        ))
    }

    /// Products near the request, and beside them those of complementary categories.
    async fn candidates(&self, vector: &[f32], category: &crate::Category) -> Result<Vec<Candidate>> {
        let complements = json!({"category": {"$in": category.complements}});
        let beside = async {
            if category.complements.is_empty() {
                return Ok(Vec::new());
            }
            self.near("products", vector, limits::COMPLEMENT_NEIGHBOURS, Some(complements)).await
        };
        let (near, beside) =
            futures_util::try_join!(self.near("products", vector, limits::PRODUCT_NEIGHBOURS, None), beside)?;
        let all: BTreeMap<String, Neighbour> =
            near.into_iter().chain(beside).map(|n| (n.id.clone(), n)).collect();
        Ok(all
            .into_values()
            .map(|n| Candidate {
                name: meta(&n, "name").to_owned(),
                category: meta(&n, "category").to_owned(),
                brand: meta(&n, "brand").to_owned(),
                price: n.metadata.get("price").and_then(Value::as_f64).unwrap_or_default(),
                vector: (similarity(&n) / FULL_SIMILARITY).clamp(0.0, 1.0),
                graph: 0.0,
                relation: "none".to_owned(),
                price_fit: 0.0,
                sku: n.id,
            })
            .collect())
    }

    /// Fills in what the graph and the price say.
    async fn weigh(
        &self,
        all: &mut [Candidate],
        category: &crate::Category,
        budget: Option<f64>,
    ) -> Result<()> {
        let ids: Vec<&str> = all.iter().map(|c| c.sku.as_str()).collect();
        let params = json!({"space": self.space(&self.version()?), "category": category.id, "ids": ids});
        let rows = self.ask(RELATIONS, members(params)).await?;
        let of = |row: &serde_json::Map<String, Value>, name: &str| {
            row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let relations: BTreeMap<String, String> =
            rows.iter().map(|r| (of(r, "id"), of(r, "relation"))).collect();
        let mut prices: Vec<f64> =
            self.data.products.iter().filter(|p| p.category == category.id).map(|p| p.price).collect();
        prices.sort_by(f64::total_cmp);
        let median = prices.get(prices.len() / 2).copied();
        for candidate in all {
            candidate.relation = relations.get(&candidate.sku).cloned().unwrap_or_else(|| "none".to_owned());
            candidate.graph = match candidate.relation.as_str() {
                "same category" => 1.0,
                "complement" => 0.8,
                "same department" => 0.3,
                _ => 0.0,
            };
            candidate.price_fit = price_fit(candidate.price, budget, median);
        }
        Ok(())
    }
}

fn unavailable(error: &hallmark_core::Error) -> Value {
    json!({"state": "unavailable", "code": error.code().id, "reason": error.to_string()})
}

fn joined(base: Value, more: Value) -> Value {
    let mut all = members(base);
    all.extend(members(more));
    Value::Object(all)
}

/// How well a price fits, from 0 to 1.
fn price_fit(price: f64, budget: Option<f64>, median: Option<f64>) -> f64 {
    match (budget, median) {
        (Some(budget), _) => (2.0 - price / budget).clamp(0.0, 1.0),
        (None, Some(median)) => (-(price / median).ln().abs()).exp(),
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_fit_a_budget_or_the_median() {
        assert_eq!(price_fit(50.0, Some(100.0), None), 1.0);
        assert_eq!(price_fit(150.0, Some(100.0), None), 0.5);
        assert_eq!(price_fit(500.0, Some(100.0), Some(1.0)), 0.0);
        assert!((price_fit(20.0, None, Some(10.0)) - 0.5).abs() < 1e-9);
        assert!((price_fit(5.0, None, Some(10.0)) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn the_weights_are_the_whole() {
        assert!((VECTOR_WEIGHT + GRAPH_WEIGHT + PRICE_WEIGHT - 1.0).abs() < 1e-12);
    }
}
