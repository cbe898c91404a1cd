//! Records as vectors with a text: one request writes both parts and the register. ChromaDB promises no transaction, so
//! half a request that was not acknowledged is no violation.

use std::collections::BTreeMap;
use std::time::Duration;

use hallmark_core::Result;
use hallmark_services::Handles;
use hallmark_services::chroma::{CollectionId, Records};
use serde_json::Map;
use tokio::sync::OnceCell;

use super::records::Store;
use crate::ledger::{PARTS, Stored};
use hallmark_core::random::mixed;

const COLLECTION: &str = "chaos";
const REGISTER: &str = "register";

/// Records that one request asks for.
const BATCH: u64 = 500;

/// The length of the vectors.
const DIMENSIONS: u64 = 8;

/// A collection.
#[derive(Default)]
pub(super) struct Vectors {
    collection: OnceCell<CollectionId>,
}

impl Vectors {
    async fn id(&self, handles: &Handles) -> Result<&CollectionId> {
        self.collection
            .get_or_try_init(|| handles.chroma.get_or_create_collection(COLLECTION, Map::new()))
            .await
    }
}

fn name(number: u64, part: u8) -> String {
    format!("{number}-{part}")
}

fn vector(number: u64, part: u8) -> Vec<f32> {
    let component = |place: u64| {
        let bits = mixed(number.wrapping_mul(31) ^ u64::from(part) << 40 ^ place << 50) >> 48;
        f32::from(u16::try_from(bits).unwrap_or_default()) / 65_536.0
    };
    (0..DIMENSIONS).map(component).collect()
}

impl Store for Vectors {
    const WHOLE: bool = false;
    const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(150));

    async fn prepare(&self, handles: &Handles) -> Result<()> {
        self.id(handles).await.map(drop)
    }

    async fn write(&self, handles: &Handles, number: u64, parts: [String; PARTS as usize]) -> Result<()> {
        let id = self.id(handles).await?;
        let ids = (0..PARTS).map(|part| name(number, part)).chain([REGISTER.to_owned()]).collect();
        let embeddings = (0..=PARTS).map(|part| vector(number, part)).collect();
        let documents = parts.into_iter().chain([number.to_string()]).collect();
        handles.chroma.upsert(id, Records { ids, embeddings, documents, metadatas: Vec::new() }).await
    }

    async fn record(&self, handles: &Handles, number: u64) -> Result<BTreeMap<u8, String>> {
        let ids: Vec<String> = (0..PARTS).map(|part| name(number, part)).collect();
        let mut found = handles.chroma.documents(self.id(handles).await?, &ids).await?;
        Ok((0..PARTS).zip(&ids).filter_map(|(part, id)| Some((part, found.remove(id)?))).collect())
    }

    async fn register(&self, handles: &Handles) -> Result<Option<u64>> {
        let mut found = handles.chroma.documents(self.id(handles).await?, &[REGISTER.to_owned()]).await?;
        Ok(found.remove(REGISTER).and_then(|text| text.parse().ok()))
    }

    async fn all(&self, handles: &Handles, begun: u64) -> Result<Stored> {
        let id = self.id(handles).await?;
        let mut stored = Stored::new();
        for first in (1..=begun).step_by(usize::try_from(BATCH).unwrap_or(1)) {
            let numbers = first..=begun.min(first + BATCH - 1);
            let places: Vec<(u64, u8)> = numbers.flat_map(|n| (0..PARTS).map(move |p| (n, p))).collect();
            let ids: Vec<String> = places.iter().map(|(number, part)| name(*number, *part)).collect();
            let mut found = handles.chroma.documents(id, &ids).await?;
            for ((number, part), id) in places.into_iter().zip(&ids) {
                if let Some(text) = found.remove(id) {
                    stored.entry(number).or_default().insert(part, text);
                }
            }
        }
        Ok(stored)
    }
}
