//! ChromaDB with a cache of hot vectors behind it: a real search for nearest neighbours among the records that this process holds.
//!
//! A collection that a process has asked [`limits::VECTORS_HOT`] times is hot, and held whole if it is small enough: a search among a part of
//! it would miss neighbours without saying so. While ChromaDB does not answer, the neighbours are found among the records
//! held, by the collection's own measure and exactly, where the server's index is approximate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::{Chroma, Collection, CollectionId, Neighbour, pulse};
use crate::monitor::pulse::Line as _;
use crate::resilience::{Answer, Line, Repeat, Source, Stand, is_outage};
use crate::{codes, limits};

/// Collections by name in ChromaDB, and the vectors of them that this process holds.
#[derive(Debug)]
pub struct Vectors {
    shelf: Arc<Held>,
    /// Collections that are being fetched; what is under way ends with the value.
    fetching: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
struct Held {
    chroma: Chroma,
    line: Line,
    held: Mutex<BTreeMap<String, Whole>>,
    /// How often this process asked each collection that is not held.
    asked: Mutex<BTreeMap<String, u32>>,
}

/// A collection that is held whole.
#[derive(Clone, Debug)]
struct Whole {
    id: CollectionId,
    measure: Measure,
    records: Arc<Vec<Record>>,
    /// When ChromaDB was asked for them.
    at: Instant,
    bytes: u64,
}

/// A record with its vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The record's identifier.
    pub id: String,
    /// The vector.
    pub vector: Vec<f32>,
    /// The record's text.
    pub document: Option<String>,
    /// The record's scalars.
    pub metadata: Map<String, Value>,
}

/// How a collection measures distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The square of the Euclidean distance, ChromaDB's default.
    SquaredL2,
    /// One less the cosine.
    Cosine,
    /// One less the inner product.
    InnerProduct,
}

impl Measure {
    /// The measure that a collection's metadata names.
    #[must_use]
    pub fn of(collection: &Collection) -> Self {
        let named = collection.metadata.as_ref().and_then(|m| m.get("hnsw:space")).and_then(Value::as_str);
        match named {
            Some("cosine") => Self::Cosine,
            Some("ip") => Self::InnerProduct,
            _ => Self::SquaredL2,
        }
    }

    /// The distance between two vectors of one length.
    #[must_use]
    pub fn distance(self, a: &[f32], b: &[f32]) -> f64 {
        let pairs = || a.iter().zip(b).map(|(x, y)| (f64::from(*x), f64::from(*y)));
        let dot = || pairs().map(|(x, y)| x * y).sum::<f64>();
        match self {
            Self::SquaredL2 => pairs().map(|(x, y)| (x - y) * (x - y)).sum(),
            Self::InnerProduct => 1.0 - dot(),
            Self::Cosine => {
                let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
                1.0 - dot() / (norm(a) * norm(b)).max(f64::MIN_POSITIVE)
            }
        }
    }
}

/// The `k` records nearest to the vector, nearest first, of those whose scalars the filter lets through; `None` if the filter is one that
/// is not understood here.
#[must_use]
pub fn nearest(
    records: &[Record],
    measure: Measure,
    vector: &[f32],
    k: usize,
    filter: Option<&Value>,
) -> Option<Vec<Neighbour>> {
    let mut found = Vec::new();
    for record in records {
        if filter.map_or(Some(true), |filter| passes(filter, &record.metadata))? {
            found.push((measure.distance(vector, &record.vector), record));
        }
    }
    found.sort_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| x.id.cmp(&y.id)));
    let neighbour = |(distance, record): (f64, &Record)| Neighbour {
        id: record.id.clone(),
        distance,
        document: record.document.clone(),
        metadata: record.metadata.clone(),
    };
    Some(found.into_iter().take(k).map(neighbour).collect())
}

/// Whether the scalars fulfil the filter; `None` for an operator that is not known here.
fn passes(filter: &Value, scalars: &Map<String, Value>) -> Option<bool> {
    let mut all = true;
    for (name, wanted) in filter.as_object()? {
        let own = scalars.get(name);
        all &= match (name.as_str(), wanted) {
            ("$and", Value::Array(parts)) => {
                parts.iter().map(|part| passes(part, scalars)).collect::<Option<Vec<_>>>()?.iter().all(|p| *p)
            }
            ("$or", Value::Array(parts)) => {
                parts.iter().map(|part| passes(part, scalars)).collect::<Option<Vec<_>>>()?.iter().any(|p| *p)
            }
            (name, _) if name.starts_with('$') => return None,
            (_, Value::Object(operators)) => {
                let mut holds = true;
                for (operator, value) in operators {
                    holds &= compared(operator, own, value)?;
                }
                holds
            }
            (_, value) => own == Some(value),
        };
    }
    Some(all)
}

fn compared(operator: &str, own: Option<&Value>, value: &Value) -> Option<bool> {
    let number = |value: &Value| value.as_f64();
    let both = || Some((number(own?)?, number(value)?));
    Some(match operator {
        "$eq" => own == Some(value),
        "$ne" => own != Some(value),
        "$in" => own.is_some_and(|own| value.as_array().is_some_and(|all| all.contains(own))),
        "$nin" => !own.is_some_and(|own| value.as_array().is_some_and(|all| all.contains(own))),
        "$gt" => both().is_some_and(|(a, b)| a > b),
        "$gte" => both().is_some_and(|(a, b)| a >= b),
        "$lt" => both().is_some_and(|(a, b)| a < b),
        "$lte" => both().is_some_and(|(a, b)| a <= b),
        _ => return None,
    })
}

impl Vectors {
    /// Nothing is contacted yet.
    #[must_use]
    pub(crate) fn new(chroma: Chroma, line: Line) -> Self {
        let shelf = Held { chroma, line, held: Mutex::default(), asked: Mutex::default() };
        Self { shelf: Arc::new(shelf), fetching: Mutex::default() }
    }

    /// The guarded way to ChromaDB.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.shelf.line
    }

    /// The `k` records of a collection that are nearest to the vector. While ChromaDB does not answer, the nearest of those
    /// that this process holds, with the age of what it holds.
    ///
    /// # Errors
    /// Those of [`Chroma::query`], if ChromaDB cannot answer and nothing of the collection is held.
    pub async fn query(
        &self,
        name: &str,
        vector: &[f32],
        k: usize,
        filter: Option<Value>,
    ) -> Result<Answer<Vec<Neighbour>>> {
        let shelf = &self.shelf;
        let work = || async {
            let collection = shelf.chroma.collection(name).await?;
            let found = shelf.chroma.query(&collection.id, vector, k, filter.clone()).await?;
            Ok((collection, found))
        };
        match shelf.line.call_watched(Repeat::Idempotent, work, || shelf.beats()).await {
            Ok((collection, found)) => {
                self.hold(name, collection);
                shelf.line.note(&Source::Primary);
                Ok(Answer::new(found, Source::Primary))
            }
            Err(failure) if is_outage(&failure) && shelf.line.policy().fallback => {
                shelf.among_held(name, vector, k, filter.as_ref()).ok_or_else(|| {
                    failure.because_text(format!("nothing that fits is held of the collection {name}"))
                })
            }
            Err(failure) => {
                if failure.is(&codes::CHROMA_NOT_FOUND) {
                    self.forget(name);
                }
                Err(failure)
            }
        }
    }

    /// Forgets what is held of a collection: somebody changed it.
    pub fn forget(&self, name: &str) {
        self.shelf.held().remove(name);
    }

    /// Whether the collection is held.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.shelf.held().contains_key(name)
    }

    /// The vector of the record whose text is this one, and how long ago it was fetched; none if the collection is not held.
    #[must_use]
    pub fn vector_of(&self, name: &str, text: &str) -> Option<(Vec<f32>, Duration)> {
        let held = self.shelf.held().get(name).cloned()?;
        let record = held.records.iter().find(|record| record.document.as_deref() == Some(text))?;
        Some((record.vector.clone(), held.at.elapsed()))
    }

    /// Fetches the collection beside the call, if it is hot and not held or held for long.
    fn hold(&self, name: &str, collection: Collection) {
        if !self.shelf.wants(name, &collection) {
            return;
        }
        let (shelf, name) = (Arc::clone(&self.shelf), name.to_owned());
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        while fetching.try_join_next().is_some() {}
        if fetching.len() < limits::VECTORS_FETCHING {
            fetching.spawn(async move { shelf.fetch(&name, &collection).await });
        }
    }
}

impl Held {
    fn among_held(
        &self,
        name: &str,
        vector: &[f32],
        k: usize,
        filter: Option<&Value>,
    ) -> Option<Answer<Vec<Neighbour>>> {
        let held = self.held().get(name).cloned()?;
        let age = held.at.elapsed();
        if age > self.line.policy().ttl || held.records.first().is_none_or(|r| r.vector.len() != vector.len())
        {
            return None;
        }
        let found = nearest(&held.records, held.measure, vector, k, filter)?;
        let source = Source::Fallback { stand: Stand::VectorCache, age: Some(age) };
        self.line.note(&source);
        Some(Answer::new(found, source))
    }

    /// Whether the collection should be fetched: what is held is another one or old, and it is asked often.
    fn wants(&self, name: &str, collection: &Collection) -> bool {
        let policy = self.line.policy();
        if !policy.fallback || policy.memory_bytes == 0 {
            return false;
        }
        let fresh = |held: &Whole| held.id == collection.id && held.at.elapsed() < refresh(policy.ttl);
        !self.held().get(name).is_some_and(fresh) && self.is_hot(name)
    }

    /// Counts a question to a collection that is not held; whether it is asked often enough to be.
    fn is_hot(&self, name: &str) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= limits::VECTORS_COUNTED && !asked.contains_key(name) {
            asked.clear();
        }
        let count = asked.entry(name.to_owned()).or_default();
        *count += 1;
        // Counted from the beginning, so that one that is too large is looked at seldom.
        let hot = *count >= limits::VECTORS_HOT;
        if hot {
            *count = 0;
        }
        hot
    }

    async fn beats(&self) -> bool {
        let Some(config) = self.chroma.config() else { return false };
        let Ok(mut line) = pulse::Line::open(config).await else { return false };
        line.ask().await.is_ok()
    }

    async fn fetch(&self, name: &str, collection: &Collection) {
        let asked = Instant::now();
        match self.line.call(Repeat::Never, || self.records(&collection.id)).await {
            Ok(records) => self.keep(name, collection, records, asked),
            Err(error) => tracing::debug!(%error, name, "the collection is not held"),
        }
    }

    async fn records(&self, id: &CollectionId) -> Result<Vec<Record>> {
        let count = self.chroma.count(id).await?;
        if count > limits::VECTORS_HELD as u64 {
            let sentence = format!("it has {count} records; {} are held", limits::VECTORS_HELD);
            return Err(Error::new(&codes::ANSWER_TOO_LARGE, sentence));
        }
        self.chroma.records(id, limits::VECTORS_HELD).await
    }

    fn keep(&self, name: &str, collection: &Collection, records: Vec<Record>, at: Instant) {
        let bytes = records.iter().map(weight).sum::<u64>();
        let measure = Measure::of(collection);
        let held = Whole { id: collection.id.clone(), measure, records: Arc::new(records), at, bytes };
        let bound = self.line.policy().memory_bytes;
        let mut all = self.held();
        all.remove(name);
        if bytes > bound {
            return;
        }
        // What was fetched longest ago makes room.
        while all.values().map(|held| held.bytes).sum::<u64>() + bytes > bound {
            let oldest = all.iter().min_by_key(|(_, held)| held.at).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { break };
            all.remove(&oldest);
        }
        all.insert(name.to_owned(), held);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Whole>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When what is held is fetched anew: often enough to be young when it is needed, and seldom enough to cost little.
fn refresh(ttl: Duration) -> Duration {
    (ttl / 2).min(limits::VECTORS_REFRESH)
}

fn weight(record: &Record) -> u64 {
    let text = record.document.as_ref().map_or(0, String::len) + record.id.len() + record.vector.len() * 4;
    let scalars: u64 = record.metadata.iter().map(|(k, v)| k.len() as u64 + crate::neo4j::weight(v)).sum();
    text as u64 + scalars + 128
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(id: &str, vector: [f32; 2], metadata: &Value) -> Record {
        let metadata = metadata.as_object().cloned().unwrap();
        Record { id: id.to_owned(), vector: vector.to_vec(), document: None, metadata }
    }

    fn records() -> Vec<Record> {
        vec![
            record("east", [2.0, 0.0], &json!({"kind": "a", "price": 5})),
            record("north", [0.0, 1.0], &json!({"kind": "b", "price": 50})),
            record("between", [1.0, 1.0], &json!({"kind": "b"})),
        ]
    }

    fn ids(found: Option<Vec<Neighbour>>) -> Vec<String> {
        found.unwrap().into_iter().map(|n| n.id).collect()
    }

    #[test]
    fn neighbours_are_ordered_by_the_collections_own_measure() {
        let all = records();
        let of = |measure| ids(nearest(&all, measure, &[1.0, 0.1], 3, None));
        assert_eq!(of(Measure::Cosine), ["east", "between", "north"]);
        assert_eq!(of(Measure::SquaredL2), ["between", "east", "north"]);
        assert_eq!(of(Measure::InnerProduct), ["east", "between", "north"]);
        assert!((Measure::Cosine.distance(&[1.0, 0.0], &[0.0, 3.0]) - 1.0).abs() < 1e-12);
        assert!((Measure::SquaredL2.distance(&[1.0, 0.0], &[0.0, 3.0]) - 10.0).abs() < 1e-12);
    }

    #[test]
    fn filters_mean_what_they_mean_to_the_server_and_unknown_ones_are_refused() {
        let all = records();
        let with = |filter: Value| nearest(&all, Measure::Cosine, &[1.0, 0.0], 9, Some(&filter));
        assert_eq!(ids(with(json!({"kind": "b"}))), ["between", "north"]);
        assert_eq!(ids(with(json!({"kind": {"$in": ["a", "c"]}}))), ["east"]);
        assert_eq!(ids(with(json!({"price": {"$gte": 5, "$lt": 50}}))), ["east"]);
        assert_eq!(ids(with(json!({"$or": [{"kind": "a"}, {"price": {"$gt": 49}}]}))), ["east", "north"]);
        assert!(with(json!({"kind": {"$regex": "a"}})).is_none());
        assert!(with(json!({"$not": {"kind": "a"}})).is_none());
    }
}
