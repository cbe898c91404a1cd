//! Records whose write was acknowledged before the server ended.

use std::collections::BTreeSet;

use hallmark_core::Result;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Chroma, Records};
use crate::{codes, http};

const NAME: &str = "hallmark_survival";

pub(crate) async fn begin(chroma: &Chroma) -> Result<()> {
    end(chroma).await?;
    chroma.get_or_create_collection(NAME, Map::new()).await.map(drop)
}

pub(crate) async fn write(chroma: &Chroma, word: &str, number: u64) -> Result<()> {
    let id = chroma.collection(NAME).await?.id;
    let records = Records {
        ids: vec![number.to_string()],
        embeddings: vec![vec![1.0, 0.0, 0.0]],
        documents: vec![word.to_owned()],
        metadatas: Vec::new(),
    };
    chroma.upsert(&id, records).await
}

pub(crate) async fn kept(chroma: &Chroma, word: &str) -> Result<BTreeSet<u64>> {
    let id = chroma.collection(NAME).await?.id;
    let body = json!({"include": ["documents"]});
    let response = chroma.send(Method::POST, &format!("/collections/{id}/get"), Some(body)).await?;
    let answer: Value = http::json(response).await?;
    let texts = answer["documents"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = answer["ids"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = ids.iter().zip(texts).filter(|(_, text)| text.as_str() == Some(word));
    Ok(own.filter_map(|(id, _)| id.as_str()?.parse().ok()).collect())
}

pub(crate) async fn end(chroma: &Chroma) -> Result<()> {
    match chroma.delete_collection(NAME).await {
        Err(error) if !error.is(&codes::CHROMA_NOT_FOUND) => Err(error),
        _ => Ok(()),
    }
}
