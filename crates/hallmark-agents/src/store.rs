//! What every agent holds, and the names under which its data lies in the services.

use std::sync::Arc;

use hallmark_core::{Code, Error, Result, digest};
use hallmark_services::chroma::Neighbour;
use hallmark_services::{Guarded, Handles};
use serde_json::{Map, Value};

use crate::data::Data;
use crate::text::Lexicon;
use crate::{codes, limits};

/// The services, the data and the names: shared by all agents of one project.
pub(crate) struct Store {
    pub(crate) handles: Handles,
    pub(crate) guarded: Guarded,
    pub(crate) data: Arc<Data>,
    pub(crate) prefix: String,
    pub(crate) lexicon: Lexicon,
}

/// The collections of one version.
pub(crate) const COLLECTIONS: [&str; 3] = ["references", "products", "categories"];

impl Store {
    /// A store under this prefix; nothing is contacted.
    pub(crate) fn new(handles: &Handles, guarded: &Guarded, data: &Data, prefix: &str) -> Result<Self> {
        check_prefix(prefix)?;
        let lexicon = Lexicon::new(data.references(), data.categories.len());
        Ok(Self {
            handles: handles.clone(),
            guarded: guarded.clone(),
            data: Arc::new(data.clone()),
            prefix: prefix.to_owned(),
            lexicon,
        })
    }

    /// The embedding model's name; vectors of another model cannot be compared.
    pub(crate) fn model(&self) -> Result<String> {
        self.handles.openai.models().map(|(_, model)| model.to_owned()).map_err(|e| embeddings(&e))
    }

    /// The version of what is stored: the data's digest and the embedding model.
    pub(crate) fn version(&self) -> Result<String> {
        let text = format!("{} {}", self.data.version(), self.model()?);
        Ok(digest::sha256(text.as_bytes())[..limits::VERSION_DIGITS].to_owned())
    }

    /// The name of a collection of this version.
    pub(crate) fn collection_name(&self, kind: &str, version: &str) -> String {
        format!("{}-{kind}-{version}", self.prefix)
    }

    /// The space of the graph: a property of every node, so that a project and a version are told apart without
    /// putting text of the caller into a statement.
    pub(crate) fn space(&self, version: &str) -> String {
        format!("{}@{version}", self.prefix)
    }

    /// What the keys of cached recommendations begin with; the version follows.
    pub(crate) fn cache_prefix(&self) -> String {
        format!("{}:agents:recommendation:", self.prefix)
    }

    /// Vectors of length one for the texts.
    pub(crate) async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        // The names of the catalogue and the examples were embedded when they were loaded: common questions are among them.
        let name = self.collection_name("references", &self.version()?);
        let known = |text: &str| self.guarded.vectors().vector_of(&name, text);
        let answer = self.guarded.models().embed(texts, known).await.map_err(|e| embeddings(&e))?;
        let vectors = answer.into_value();
        if vectors.len() != texts.len() {
            let sentence = format!("{} texts gave {} vectors", texts.len(), vectors.len());
            return Err(Error::new(&codes::EMBEDDINGS_INVALID, sentence));
        }
        vectors.into_iter().map(normalize).collect()
    }

    /// The `k` records of a collection that are nearest to the vector.
    pub(crate) async fn near(
        &self,
        kind: &str,
        vector: &[f32],
        k: usize,
        filter: Option<Value>,
    ) -> Result<Vec<Neighbour>> {
        let name = self.collection_name(kind, &self.version()?);
        match self.guarded.vectors().query(&name, vector, k, filter).await {
            Ok(answer) => Ok(answer.into_value()),
            Err(error) if error.is(&hallmark_services::codes::CHROMA_NOT_FOUND) => {
                Err(not_loaded(&format!("there is no collection {name}")))
            }
            Err(error) => Err(vectors(&error)),
        }
    }

    /// Asks the graph a question that only reads; every value of the caller is a bound parameter.
    pub(crate) async fn ask(
        &self,
        cypher: &str,
        params: Map<String, Value>,
    ) -> Result<Vec<Map<String, Value>>> {
        let answer = self.guarded.graph().read(cypher, &params).await.map_err(|e| graph(&e))?;
        Ok(answer.into_value())
    }

    /// Changes the graph, or asks what must be its own answer; every value of the caller is a bound parameter.
    pub(crate) async fn graph(
        &self,
        cypher: &str,
        params: Map<String, Value>,
    ) -> Result<Vec<Map<String, Value>>> {
        self.handles.neo4j.query(cypher, params).await.map_err(|e| graph(&e))
    }
}

/// Scales a vector to length one.
pub(crate) fn normalize(mut vector: Vec<f32>) -> Result<Vec<f32>> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_finite() || length <= f32::EPSILON {
        return Err(Error::new(&codes::EMBEDDINGS_INVALID, "a vector has no direction"));
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Ok(vector)
}

/// Four decimals: what is beyond them differs from machine to machine and tells nobody anything.
pub(crate) fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// The cosine behind a distance of a collection that measures by cosine.
pub(crate) fn similarity(neighbour: &Neighbour) -> f64 {
    1.0 - neighbour.distance
}

/// A scalar of a neighbour's metadata, as text.
pub(crate) fn meta<'a>(neighbour: &'a Neighbour, name: &str) -> &'a str {
    neighbour.metadata.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn not_loaded(reason: &str) -> Error {
    Error::new(&codes::NOT_LOADED, format!("the agents' data is not loaded: {reason}")).next("hallmark up")
}

fn wrap(code: &'static Code, sentence: &str, cause: &Error) -> Error {
    let error = Error::new(code, sentence).because_text(format!("[{}] {cause}", cause.code().id));
    cause.causes().iter().fold(error, |e, text| e.because_text(text.clone())).next("hallmark status")
}

pub(crate) fn embeddings(cause: &Error) -> Error {
    wrap(&codes::EMBEDDINGS_UNAVAILABLE, "the product could not be turned into a vector", cause)
}

pub(crate) fn vectors(cause: &Error) -> Error {
    wrap(&codes::VECTORS_UNAVAILABLE, "the vector store did not answer", cause)
}

pub(crate) fn graph(cause: &Error) -> Error {
    wrap(&codes::GRAPH_UNAVAILABLE, "the graph did not answer", cause)
}

fn check_prefix(prefix: &str) -> Result<()> {
    let good = (2..=limits::PREFIX_MAX_CHARS).contains(&prefix.len())
        && prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
        && prefix.starts_with(|c: char| c.is_ascii_lowercase());
    if good {
        return Ok(());
    }
    let sentence = format!(
        "a prefix is 2 to {} lower-case letters, digits, - and _, and begins with a letter",
        limits::PREFIX_MAX_CHARS
    );
    Err(Error::new(&codes::BAD_PREFIX, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_cannot_carry_anything_else() {
        assert!(check_prefix("catalog-1f").is_ok());
        for bad in ["", "a", "1a", "A", "a b", "a*", "a'--", "ä", &"a".repeat(65)] {
            assert!(check_prefix(bad).unwrap_err().is(&codes::BAD_PREFIX), "{bad}");
        }
    }

    #[test]
    fn a_vector_without_direction_is_refused() {
        assert!(normalize(vec![0.0, 0.0]).is_err() && normalize(vec![f32::NAN]).is_err());
        assert_eq!(normalize(vec![3.0, 4.0]).unwrap(), [0.6, 0.8]);
    }
}
