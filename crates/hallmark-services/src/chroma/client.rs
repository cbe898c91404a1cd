//! The handle on ChromaDB. Vectors are always the caller's: the server is never asked to embed.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallmark_core::{Error, Result};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ChromaConfig, Record};
use crate::{ServiceKind, codes, http, limits, url};

/// A handle on one database. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Chroma {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    http: reqwest::Client,
    config: ChromaConfig,
}

/// The identifier that the server gave a collection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct CollectionId(String);

impl std::fmt::Display for CollectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A collection as the server lists it.
#[derive(Clone, Debug, Deserialize)]
pub struct Collection {
    /// Its identifier.
    pub id: CollectionId,
    /// Its name.
    pub name: String,
    /// The length of its vectors; none while it is empty.
    pub dimension: Option<u32>,
    /// What its maker noted.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// Records to write; the lists run in step. `documents` and `metadatas` may be empty.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// An identifier for each record.
    pub ids: Vec<String>,
    /// A vector for each record, all of one length.
    pub embeddings: Vec<Vec<f32>>,
    /// A text for each record.
    pub documents: Vec<String>,
    /// Scalars to filter by for each record.
    pub metadatas: Vec<Map<String, Value>>,
}

/// A record near the vector that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    /// The record's identifier.
    pub id: String,
    /// The distance in the collection's own measure; smaller is nearer.
    pub distance: f64,
    /// The record's text.
    pub document: Option<String>,
    /// The record's scalars.
    pub metadata: Map<String, Value>,
}

#[derive(Deserialize)]
struct QueryAnswer {
    ids: Vec<Vec<String>>,
    distances: Option<Columns<f64>>,
    documents: Option<Columns<String>>,
    metadatas: Option<Columns<Map<String, Value>>>,
}

#[derive(Deserialize)]
struct GetAnswer {
    ids: Vec<String>,
    embeddings: Option<Vec<Vec<f32>>>,
    documents: Option<Vec<Option<String>>>,
    metadatas: Option<Vec<Option<Map<String, Value>>>>,
}

/// For each vector asked about, one value for each neighbour.
type Columns<T> = Vec<Vec<Option<T>>>;

impl std::fmt::Debug for Chroma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chroma").field("configured", &self.inner.is_some()).finish_non_exhaustive()
    }
}

impl Chroma {
    /// A handle on this database. Nothing is contacted yet.
    ///
    /// # Errors
    /// `HM-C099` if no HTTP client can be made.
    pub fn new(config: &ChromaConfig) -> Result<Self> {
        let http = http::client(http::Timeouts::total(limits::CHROMA_TIMEOUT))?;
        Ok(Self { inner: Some(Arc::new(Inner { http, config: config.clone() })) })
    }

    pub(crate) fn unconfigured() -> Self {
        Self { inner: None }
    }

    pub(super) fn config(&self) -> Option<&ChromaConfig> {
        self.inner.as_ref().map(|inner| &inner.config)
    }

    /// The collection of this name, made if need be. `metadata` is kept with a new one; `{"hnsw:space": "cosine"}` in it
    /// chooses the measure.
    ///
    /// # Errors
    /// `HM-S015` if the name is refused (3 to 512 characters); those of every request below.
    pub async fn get_or_create_collection(
        &self,
        name: &str,
        metadata: Map<String, Value>,
    ) -> Result<CollectionId> {
        let mut body = json!({"name": name, "get_or_create": true});
        // The server refuses an empty metadata object.
        if !metadata.is_empty() {
            body["metadata"] = Value::Object(metadata);
        }
        let collection: Collection =
            http::json(self.send(Method::POST, "/collections", Some(body)).await?).await?;
        Ok(collection.id)
    }

    /// The collection of this name.
    ///
    /// # Errors
    /// `HM-S016` if there is none; those of every request.
    pub async fn collection(&self, name: &str) -> Result<Collection> {
        http::json(self.send(Method::GET, &format!("/collections/{}", segment(name)), None).await?).await
    }

    /// Writes the records, replacing those of the same identifiers. Larger lists go in several requests of
    /// [`limits::CHROMA_BATCH`]: a failure then leaves the earlier ones written.
    ///
    /// # Errors
    /// `HM-S023` if the lists do not run in step; `HM-S015` if the server refuses them (a vector of another length).
    pub async fn upsert(&self, id: &CollectionId, records: Records) -> Result<()> {
        let count = records.ids.len();
        let in_step = records.embeddings.len() == count
            && (records.documents.is_empty() || records.documents.len() == count)
            && (records.metadatas.is_empty() || records.metadatas.len() == count);
        if !in_step {
            return Err(Error::new(
                &codes::PARAMETER,
                "the lists of identifiers, vectors, texts and metadata differ in length",
            ));
        }
        for start in (0..count).step_by(limits::CHROMA_BATCH) {
            let part = start..count.min(start + limits::CHROMA_BATCH);
            let mut body =
                json!({"ids": records.ids[part.clone()], "embeddings": records.embeddings[part.clone()]});
            if !records.documents.is_empty() {
                body["documents"] = json!(records.documents[part.clone()]);
            }
            if !records.metadatas.is_empty() {
                // The server refuses an empty metadata object, but takes none at all.
                let metadatas = records.metadatas[part].iter().map(|m| (!m.is_empty()).then_some(m));
                body["metadatas"] = json!(metadatas.collect::<Vec<_>>());
            }
            self.send(Method::POST, &format!("/collections/{id}/upsert"), Some(body)).await?;
        }
        Ok(())
    }

    /// The `k` records nearest to the vector, nearest first, of those that the filter lets through.
    ///
    /// # Errors
    /// `HM-S015` if the server refuses the vector or the filter; `HM-S016` if the collection is gone.
    pub async fn query(
        &self,
        id: &CollectionId,
        embedding: &[f32],
        k: usize,
        filter: Option<Value>,
    ) -> Result<Vec<Neighbour>> {
        let mut body = json!({
            "query_embeddings": [embedding], "n_results": k, "include": ["distances", "documents", "metadatas"],
        });
        if let Some(filter) = filter {
            body["where"] = filter;
        }
        let response = self.send(Method::POST, &format!("/collections/{id}/query"), Some(body)).await?;
        let answer: QueryAnswer = http::json(response).await?;
        let first = |index: usize, answer: &QueryAnswer| Neighbour {
            id: answer.ids[0][index].clone(),
            distance: column(answer.distances.as_ref(), index).unwrap_or(f64::INFINITY),
            document: column(answer.documents.as_ref(), index),
            metadata: column(answer.metadatas.as_ref(), index).unwrap_or_default(),
        };
        let found = answer.ids.first().map_or(0, Vec::len);
        Ok((0..found).map(|index| first(index, &answer)).collect())
    }

    /// The records of a collection with their vectors, at most `limit`.
    ///
    /// # Errors
    /// `HM-S016` if the collection is gone; `HM-S010` if one comes without a vector; those of every request.
    pub async fn records(&self, id: &CollectionId, limit: usize) -> Result<Vec<Record>> {
        let body = json!({"limit": limit, "include": ["embeddings", "documents", "metadatas"]});
        let response = self.send(Method::POST, &format!("/collections/{id}/get"), Some(body)).await?;
        let answer: GetAnswer = http::json(response).await?;
        let vectors = answer.embeddings.unwrap_or_default();
        if vectors.len() != answer.ids.len() {
            let sentence = format!("{} records came with {} vectors", answer.ids.len(), vectors.len());
            return Err(Error::new(&codes::ANSWER_INVALID, sentence));
        }
        let mut documents = answer.documents.unwrap_or_default();
        let mut metadatas = answer.metadatas.unwrap_or_default();
        documents.resize(vectors.len(), None);
        metadatas.resize(vectors.len(), None);
        let rows = answer.ids.into_iter().zip(vectors).zip(documents).zip(metadatas);
        Ok(rows
            .map(|(((id, vector), document), metadata)| Record {
                id,
                vector,
                document,
                metadata: metadata.unwrap_or_default(),
            })
            .collect())
    }

    /// How many records the collection holds.
    ///
    /// # Errors
    /// `HM-S016` if the collection is gone; those of every request.
    pub async fn count(&self, id: &CollectionId) -> Result<u64> {
        http::json(self.send(Method::GET, &format!("/collections/{id}/count"), None).await?).await
    }

    /// The text of the record of this identifier; none if there is no such record.
    pub(super) async fn document_of(&self, id: &CollectionId, record: &str) -> Result<Option<String>> {
        let body = json!({"ids": [record], "include": ["documents"]});
        let response = self.send(Method::POST, &format!("/collections/{id}/get"), Some(body)).await?;
        let answer: Value = http::json(response).await?;
        Ok(answer["documents"][0].as_str().map(ToOwned::to_owned))
    }

    /// The texts of the records of these identifiers, at most [`limits::CHROMA_BATCH`]; what is not there, or has no text,
    /// is left out.
    ///
    /// # Errors
    /// `HM-S023` if more are asked for; `HM-S010` if the answer is not understood; `HM-S016` if the collection is gone.
    pub async fn documents(&self, id: &CollectionId, ids: &[String]) -> Result<BTreeMap<String, String>> {
        if ids.len() > limits::CHROMA_BATCH {
            let sentence = format!("more than {} records at once", limits::CHROMA_BATCH);
            return Err(Error::new(&codes::PARAMETER, sentence));
        }
        if ids.is_empty() {
            return Ok(BTreeMap::new()); // an empty list would be read as "no condition"
        }
        let body = json!({"ids": ids, "include": ["documents"]});
        let response = self.send(Method::POST, &format!("/collections/{id}/get"), Some(body)).await?;
        let answer: GetAnswer = http::json(response).await?;
        Ok(answer
            .ids
            .into_iter()
            .zip(answer.documents.unwrap_or_default())
            .filter_map(|(id, text)| Some((id, text?)))
            .collect())
    }

    /// Deletes the records of these identifiers; unknown ones are no error.
    ///
    /// # Errors
    /// `HM-S016` if the collection is gone; those of every request.
    pub async fn delete_ids(&self, id: &CollectionId, ids: &[String]) -> Result<()> {
        if ids.is_empty() {
            return Ok(()); // an empty list would be read as "no condition"
        }
        let body = json!({"ids": ids});
        self.send(Method::POST, &format!("/collections/{id}/delete"), Some(body)).await.map(drop)
    }

    /// Deletes the collection of this name with all its records.
    ///
    /// # Errors
    /// `HM-S016` if there is none; those of every request.
    pub async fn delete_collection(&self, name: &str) -> Result<()> {
        self.send(Method::DELETE, &format!("/collections/{}", segment(name)), None).await.map(drop)
    }

    /// The database's collections, at most [`limits::CHROMA_COLLECTIONS`].
    ///
    /// # Errors
    /// Those of every request.
    pub async fn list_collections(&self) -> Result<Vec<Collection>> {
        let path = format!("/collections?limit={}", limits::CHROMA_COLLECTIONS);
        http::json(self.send(Method::GET, &path, None).await?).await
    }

    /// One request in the database. A status beyond 299 becomes a coded error, which keeps the server's words.
    pub(super) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Response> {
        let inner = self.inner.as_ref().ok_or_else(|| url::not_configured(ServiceKind::Chroma))?;
        let config = &inner.config;
        let base = format!(
            "{}/api/v2/tenants/{}/databases/{}",
            config.url,
            segment(&config.tenant),
            segment(&config.database)
        );
        send(&inner.http, method, &format!("{base}{path}"), body).await
    }
}

fn column<T: Clone>(columns: Option<&Columns<T>>, index: usize) -> Option<T> {
    columns?.first()?.get(index)?.clone()
}

/// One segment of a path, so that a name with a slash or a question mark stays a name.
fn segment(name: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    name.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

pub(super) async fn send(
    client: &reqwest::Client,
    method: Method,
    url: &str,
    body: Option<Value>,
) -> Result<Response> {
    let mut request = client.request(method, url);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.map_err(|e| http::error(&e))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let bytes = http::body(response, limits::HTTP_BODY_BYTES).await?;
    let code = match status {
        StatusCode::NOT_FOUND => &codes::CHROMA_NOT_FOUND,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => &codes::AUTHENTICATION,
        StatusCode::SERVICE_UNAVAILABLE => &codes::STARTING,
        status if status.is_client_error() => &codes::CHROMA_REQUEST,
        _ => &codes::CONNECTION_LOST,
    };
    Err(Error::new(code, format!("ChromaDB answered {status}: {}", http::excerpt(&bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("a/b?c d"), "a%2Fb%3Fc%20d");
        assert_eq!(segment("plain_name-1.0"), "plain_name-1.0");
    }
}
