//! What ChromaDB holds, counted and digested.

use hallmark_core::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::send;
use super::health::PREFIX;
use super::{Chroma, ChromaConfig};
use crate::stack::backup::limits as bounds;
use crate::stack::backup::{Content, Part, Sum};
use crate::{http, limits};

/// The databases of the tenant.
async fn databases(config: &ChromaConfig) -> Result<Vec<String>> {
    let client = http::client(http::Timeouts::total(limits::CHROMA_TIMEOUT))?;
    let url = format!("{}/api/v2/tenants/{}/databases?limit={}", config.url, config.tenant, bounds::PAGE);
    let found: Vec<Value> = http::json(send(&client, Method::GET, &url, None).await?).await?;
    Ok(found.iter().filter_map(|database| database["name"].as_str()).map(ToOwned::to_owned).collect())
}

/// Every collection but those of probes, of every database: its handle, its description, its name for people.
async fn collections(config: &ChromaConfig) -> Result<Vec<(Chroma, Value, String)>> {
    let mut all = Vec::new();
    for database in databases(config).await? {
        let chroma = Chroma::new(&ChromaConfig { database: database.clone(), ..config.clone() })?;
        let mut offset = 0;
        loop {
            let path = format!("/collections?limit={}&offset={offset}", bounds::PAGE);
            let page: Vec<Value> = http::json(chroma.send(Method::GET, &path, None).await?).await?;
            offset += page.len();
            let last = page.len() < bounds::PAGE;
            for collection in page {
                let name = collection["name"].as_str().unwrap_or_default().to_owned();
                if !name.starts_with(PREFIX) {
                    all.push((chroma.clone(), collection, format!("{database}/{name}")));
                }
            }
            if last {
                break;
            }
        }
    }
    Ok(all)
}

/// Records of each collection.
pub(crate) async fn counts(config: &ChromaConfig) -> Result<Content> {
    let mut content = Content::new();
    for (chroma, collection, name) in collections(config).await? {
        let path = format!("/collections/{}/count", collection["id"].as_str().unwrap_or_default());
        let count: u64 = http::json(chroma.send(Method::GET, &path, None).await?).await?;
        content.insert(name, Part { count, digest: None });
    }
    Ok(content)
}

/// The same with a digest of identifiers, vectors, texts and metadata, and of what the collection says of itself.
pub(crate) async fn content(config: &ChromaConfig) -> Result<Content> {
    let mut content = Content::new();
    for (chroma, collection, name) in collections(config).await? {
        let path = format!("/collections/{}/get", collection["id"].as_str().unwrap_or_default());
        let mut sum = Sum::default();
        let own = json!([collection["name"], collection["metadata"], collection["configuration_json"]]);
        sum.add(own.to_string().as_bytes());
        let mut count = 0_usize;
        loop {
            let body = json!({
                "limit": bounds::PAGE, "offset": count, "include": ["embeddings", "documents", "metadatas", "uris"],
            });
            let page: Value = http::json(chroma.send(Method::POST, &path, Some(body)).await?).await?;
            let ids = page["ids"].as_array().cloned().unwrap_or_default();
            for (index, id) in ids.iter().enumerate() {
                let of = |column: &str| page[column].get(index).cloned().unwrap_or_default();
                let record = json!([id, of("embeddings"), of("documents"), of("metadatas"), of("uris")]);
                sum.add(record.to_string().as_bytes());
            }
            count += ids.len();
            if ids.len() < bounds::PAGE {
                break;
            }
        }
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        content.insert(name, Part { count, digest: Some(sum.hex()) });
    }
    Ok(content)
}

/// The version that the server tells.
pub(crate) async fn version(config: &ChromaConfig) -> Result<String> {
    let client = http::client(http::Timeouts::total(limits::CHROMA_TIMEOUT))?;
    let url = format!("{}/api/v2/version", config.url);
    http::json(send(&client, Method::GET, &url, None).await?).await
}
