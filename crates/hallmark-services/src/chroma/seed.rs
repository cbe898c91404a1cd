//! Seed files of ChromaDB: one record a line.

use hallmark_core::Result;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Records;
use crate::stack::seed::Source;
use crate::{Handles, codes};

/// The collection of the notes.
const NOTES: &str = "hallmark_seed";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    /// The vector; without one the document is embedded by the model API.
    #[serde(default)]
    embedding: Option<Vec<f32>>,
    #[serde(default)]
    document: String,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// Writes the records into the collection that the file is named after, and notes the file.
pub(crate) async fn load(handles: &Handles, source: &Source) -> Result<Option<u64>> {
    let chroma = &handles.chroma;
    let notes = chroma.get_or_create_collection(NOTES, Map::new()).await?;
    // The note says what was loaded in its identifier, so that asking for it needs no vector.
    let noted = chroma.document_of(&notes, &source.file).await?;
    if source.is_there(noted.as_deref())? {
        return Ok(None);
    }
    let mut lines = Vec::new();
    for (number, text) in source.text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let line: Line = serde_json::from_str(text).map_err(|e| source.wrong(number + 1, &e.to_string()))?;
        if line.embedding.is_none() && line.document.is_empty() {
            return Err(source.wrong(number + 1, "a record needs an embedding or a document"));
        }
        lines.push(line);
    }
    let texts: Vec<String> =
        lines.iter().filter(|line| line.embedding.is_none()).map(|line| line.document.clone()).collect();
    let mut embedded =
        if texts.is_empty() { Vec::new() } else { handles.openai.embed(&texts).await? }.into_iter();
    let mut records = Records::default();
    for line in lines {
        let vector = match line.embedding {
            Some(vector) => vector,
            None => embedded.next().ok_or_else(|| {
                hallmark_core::Error::new(&codes::ANSWER_INVALID, "the model API gave too few vectors")
            })?,
        };
        records.ids.push(line.id);
        records.embeddings.push(vector);
        records.documents.push(line.document);
        records.metadatas.push(line.metadata);
    }
    let count = u64::try_from(records.ids.len()).unwrap_or(u64::MAX);
    let collection = chroma.get_or_create_collection(&source.stem, Map::new()).await?;
    chroma.upsert(&collection, records).await?;
    let note = Records {
        ids: vec![source.file.clone()],
        embeddings: vec![vec![1.0]],
        documents: vec![source.digest.clone()],
        metadatas: Vec::new(),
    };
    chroma.upsert(&notes, note).await?;
    Ok(Some(count))
}
