//! Putting rows into the collection: what is new or has changed is embedded, a page of rows at a time.

use hallmark_core::{Error, Result};
use hallmark_services::chroma::Records;
use serde_json::{Map, Value, json};

use super::collection::Kept;
use super::near::of_length;
use super::{Call, members};
use crate::engine::Engine;
use crate::filter::Filter;
use crate::input::masking;
use crate::sql::Sql;
use crate::table::{Column, select_list};
use crate::{codes, limits, page};

/// Rows whose vectors are to be kept: keys, texts, and vectors where they are there already.
#[derive(Default)]
struct Batch {
    keys: Vec<Value>,
    texts: Vec<String>,
    vectors: Vec<Vec<f32>>,
}

impl Call<'_> {
    /// The operations `index` and `reindex`.
    pub(super) async fn index(&self, anew: bool) -> Result<Value> {
        let kept = match self.ask.text("vector_field") {
            Some(name) => Kept::Field(self.vector_field(name, "vector_field")?),
            None => Kept::Meaning,
        };
        if matches!(kept, Kept::Meaning) && self.meant().is_empty() && self.ask.get("vectors").is_none() {
            let message = format!("{} has no search_fields with a meaning", self.engine.table.model.name);
            return Err(Error::new(&codes::BAD_PARAMETER, message)
                .next("declare search_fields, or give vectors or vector_field"));
        }
        let name = self.collection(kept);
        let chroma = &self.engine.shared.handles.chroma;
        if anew && self.ask.text("cursor").is_none() {
            match chroma.delete_collection(&name).await {
                Ok(()) => {}
                Err(error) if error.is(&hallmark_services::codes::CHROMA_NOT_FOUND) => {}
                Err(error) => return Err(error),
            }
        }
        let id = chroma.get_or_create_collection(&name, self.about()).await?;
        let (read, next, batch, passed) = self.page_to_index(kept).await?;
        let known = if matches!(kept, Kept::Meaning) && self.ask.get("vectors").is_none() {
            chroma.documents(&id, &self.record_ids(&batch.keys)?).await?
        } else {
            std::collections::BTreeMap::new()
        };
        let batch = self.changed(batch, &known)?;
        let count = batch.keys.len();
        let vectors = self.vectors_of(&batch).await?;
        let records = Records {
            ids: self.record_ids(&batch.keys)?,
            embeddings: vectors,
            metadatas: batch.keys.iter().map(Self::record).collect(),
            documents: batch.texts,
        };
        if count > 0 {
            let length = records.embeddings.first().map_or(0, Vec::len);
            chroma.upsert(&id, records).await.map_err(|e| of_length(e, length, "vectors"))?;
        }
        self.engine.shared.guarded.vectors().forget(&name);
        let operation = if anew { "reindex" } else { "index" };
        Ok(json!({
            "operation": operation, "collection": name, "read": read, "indexed": count, "passed_over": passed,
            "unchanged": read - passed - count, "kept": chroma.count(&id).await?, "next_cursor": next,
        }))
    }

    fn record_ids(&self, keys: &[Value]) -> Result<Vec<String>> {
        keys.iter().map(|k| self.engine.table.key_text(k)).collect()
    }

    /// The next rows: how many there were, where to go on, and those that have something to keep.
    async fn page_to_index(&self, kept: Kept<'_>) -> Result<(usize, Value, Batch, usize)> {
        if self.ask.get("vectors").is_some() {
            let batch = self.given(kept).await?;
            return Ok((batch.keys.len(), Value::Null, batch, 0));
        }
        let table = &self.engine.table;
        let limit = self.ask.count("limit", limits::INDEX_PAGE_DEFAULT, limits::PAGE_ROWS_MAX)?;
        let keys = page::keys(table, None, masking(self.ask.0))?;
        let columns = self.columns_to_index(kept);
        let mut sql = Sql::new(format!("SELECT {}", select_list(&columns)));
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        if let Some(cursor) = self.ask.text("cursor") {
            sql.push(" AND ");
            page::push_after(&mut sql, &keys, cursor)?;
        }
        page::push_order(&mut sql, &keys);
        sql.push(&format!(" LIMIT {}", limit + 1));
        let found = self.engine.read(&sql).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut batch, mut passed, mut next) = (Batch::default(), 0, Value::Null);
        for (i, row) in found.iter().take(wanted).enumerate() {
            let object = Engine::object(&columns, row)?;
            if i + 1 == wanted && found.len() > wanted {
                let values: Vec<Value> =
                    keys.iter().map(|k| object.get(&k.name).cloned().unwrap_or_default()).collect();
                next = Value::from(page::cursor(&keys, &values));
            }
            passed += usize::from(!self.take(&mut batch, kept, &object, None)?);
        }
        Ok((found.len().min(wanted), next, batch, passed))
    }

    fn columns_to_index<'a>(&'a self, kept: Kept<'a>) -> Vec<&'a Column> {
        let mut columns: Vec<&Column> = self.engine.table.keys();
        let more = match kept {
            Kept::Meaning => self.meant(),
            Kept::Field(column) => vec![column],
        };
        for column in more {
            if !columns.iter().any(|c| c.name() == column.name()) {
                columns.push(column);
            }
        }
        columns
    }

    /// Takes a row into the batch; false if it has nothing to keep.
    fn take(
        &self,
        batch: &mut Batch,
        kept: Kept<'_>,
        row: &Map<String, Value>,
        given: Option<Vec<f32>>,
    ) -> Result<bool> {
        let text = self.meaning(row).unwrap_or_default();
        let vector = match (given, kept) {
            (Some(vector), _) => vector,
            (None, Kept::Meaning) if text.is_empty() => return Ok(false),
            (None, Kept::Meaning) => Vec::new(),
            (None, Kept::Field(column)) => match row.get(column.name()) {
                None | Some(Value::Null) => return Ok(false),
                Some(found) => vector(found, column.name())?,
            },
        };
        batch.keys.push(self.engine.table.key_in(row));
        batch.texts.push(text);
        batch.vectors.push(vector);
        Ok(true)
    }

    /// The rows that vectors were given for; each must be one that the caller sees.
    async fn given(&self, kept: Kept<'_>) -> Result<Batch> {
        let table = &self.engine.table;
        let mut batch = Batch::default();
        let columns = self.columns_to_index(kept);
        let given = self.ask.objects("vectors", limits::INDEX_ROWS_MAX)?;
        let mut sql = Sql::new(format!("SELECT {}", select_list(&columns)));
        self.engine.push_from(&mut sql, self.context, Filter::EMPTY, false)?;
        let mut wanted = std::collections::BTreeMap::new();
        sql.push(" AND (false");
        for item in given {
            crate::input::known(item, "vectors", &["id", "vector"])?;
            let key = item.get("id").unwrap_or(&Value::Null);
            sql.push(" OR (");
            table.push_key(&mut sql, key)?;
            sql.push(")");
            let vector = vector(item.get("vector").unwrap_or(&Value::Null), "vectors")?;
            if wanted.insert(table.key_text(key)?, vector).is_some() {
                return Err(Error::new(&codes::BAD_PARAMETER, "vectors name a row twice").at("vectors"));
            }
        }
        sql.push(")");
        for row in self.engine.read(&sql).await? {
            let object = Engine::object(&columns, &row)?;
            let vector = wanted.remove(&table.key_text(&table.key_in(&object))?);
            self.take(&mut batch, kept, &object, vector)?;
        }
        match wanted.keys().next() {
            None => Ok(batch),
            Some(_) => Err(Error::new(
                &codes::NOT_FOUND,
                format!("{} of the vectors belong to no row of {}", wanted.len(), table.model.name),
            )
            .at("vectors")),
        }
    }

    /// What is not in the collection as it is.
    fn changed(&self, batch: Batch, known: &std::collections::BTreeMap<String, String>) -> Result<Batch> {
        if known.is_empty() {
            return Ok(batch);
        }
        let ids = self.record_ids(&batch.keys)?;
        let mut left = Batch::default();
        let rows = batch.keys.into_iter().zip(batch.texts).zip(batch.vectors);
        for (id, ((key, text), vector)) in ids.into_iter().zip(rows) {
            if known.get(&id) != Some(&text) {
                left.keys.push(key);
                left.texts.push(text);
                left.vectors.push(vector);
            }
        }
        Ok(left)
    }

    /// The vectors of a batch; texts without one are embedded. A write is never made of what a fallback remembers.
    async fn vectors_of(&self, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        let missing: Vec<String> = (batch.texts.iter().zip(&batch.vectors))
            .filter(|(_, v)| v.is_empty())
            .map(|(t, _)| t.clone())
            .collect();
        if missing.is_empty() {
            return Ok(batch.vectors.clone());
        }
        let mut made = self.engine.shared.handles.openai.embed(&missing).await?.into_iter();
        let next = |v: &Vec<f32>| if v.is_empty() { made.next().unwrap_or_default() } else { v.clone() };
        Ok(batch.vectors.iter().map(next).collect())
    }
}

/// A vector of finite numbers, not all of them zero.
///
/// # Errors
/// `HM-D133`.
pub(super) fn vector(given: &Value, place: &str) -> Result<Vec<f32>> {
    let bad = |why: &str| Err(Error::new(&codes::BAD_VECTOR, format!("a vector {why}")).at(place.to_owned()));
    let Value::Array(items) = given else { return bad("is a list of numbers") };
    if items.is_empty() || items.len() > limits::VECTOR_NUMBERS_MAX {
        return bad(&format!("has 1 to {} numbers", limits::VECTOR_NUMBERS_MAX));
    }
    #[expect(clippy::cast_possible_truncation, reason = "vectors are kept as single-precision numbers")]
    let read: Option<Vec<f32>> =
        items.iter().map(|v| v.as_f64().map(|n| n as f32).filter(|n| n.is_finite())).collect();
    match read {
        None => bad("has something that is no finite number"),
        Some(numbers) if numbers.iter().all(|n| *n == 0.0) => bad("of zeros has no direction"),
        Some(numbers) => Ok(numbers),
    }
}

/// The vector, or the text that it is to be made of.
pub(super) enum Aim {
    /// A vector.
    Vector(Vec<f32>),
    /// A text.
    Text(String),
}

impl Call<'_> {
    /// What the `near` parameter aims at.
    pub(super) fn aim(&self, known: &[&str]) -> Result<Option<(Aim, &Map<String, Value>)>> {
        let Some(given) = members(&self.ask, "near", known)? else { return Ok(None) };
        let aim = match (given.get("text"), given.get("vector")) {
            (Some(Value::String(text)), None) if !text.trim().is_empty() && text.len() <= 16_384 => {
                Aim::Text(text.clone())
            }
            (None, Some(numbers)) => Aim::Vector(vector(numbers, "near")?),
            _ => {
                let message = "near takes either a text of at most 16384 bytes or a vector";
                return Err(Error::new(&codes::BAD_PARAMETER, message).at("near"));
            }
        };
        Ok(Some((aim, given)))
    }
}
