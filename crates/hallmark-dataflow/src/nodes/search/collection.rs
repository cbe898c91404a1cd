//! The collection that keeps a model's vectors in ChromaDB: its name, and what a record says of its row.

use hallmark_core::{Result, digest};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value, json};

use super::Call;
use crate::engine::Engine;
use crate::nodes::outward;
use crate::schema::searched;
use crate::table::{Column, Role};

/// What the vectors of a collection stand for.
#[derive(Clone, Copy)]
pub(super) enum Kept<'a> {
    /// The meaning of a row's texts, as the embedding model has it.
    Meaning,
    /// The values of a field of vectors.
    Field(&'a Column),
}

impl Call<'_> {
    /// The collection's name. Vectors of another embedding model or field are in another one: they cannot be compared. So are
    /// those of another tenant: one that begins anew takes nothing from the others.
    pub(super) fn collection(&self, kept: Kept<'_>) -> String {
        let shared = &self.engine.shared;
        let of = match kept {
            // Without a model API the vectors are those that callers give.
            Kept::Meaning => shared.handles.openai.models().map_or("", |(_, model)| model).to_owned(),
            Kept::Field(column) => format!("field {}", column.ident),
        };
        let table = &self.engine.table;
        let tenant = table.with_role(Role::Tenant).map(|_| Engine::tenant(self.context));
        let whole = json!([shared.prefix, table.qualified, of, tenant]).to_string();
        let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let readable: String = table.name.chars().filter(plain).take(30).collect();
        format!("rows-{readable}-{}", &digest::sha256(whole.as_bytes())[..16])
    }

    /// What is written beside a new collection.
    pub(super) fn about(&self) -> Map<String, Value> {
        let table = &self.engine.table;
        Map::from_iter([
            ("hnsw:space".to_owned(), json!("cosine")),
            ("hallmark".to_owned(), json!(self.engine.shared.prefix)),
            ("table".to_owned(), json!(table.qualified)),
        ])
    }

    /// What is written beside a vector: the row's key.
    pub(super) fn record(key: &Value) -> Map<String, Value> {
        Map::from_iter([("key".to_owned(), Value::from(key.to_string()))])
    }

    /// The texts that a row's meaning is taken from. They are sent to the model API, so secrets never are among them, and
    /// personal data only if the caller says so.
    pub(super) fn meant(&self) -> Vec<&Column> {
        searched(&self.engine.table)
            .filter(|c| c.field.kind == FieldType::Text && !outward(self.ask.0).hides(c.sensitivity))
            .collect()
    }

    /// The text whose meaning is kept; `None` for a row that says nothing.
    pub(super) fn meaning(&self, row: &Map<String, Value>) -> Option<String> {
        let texts: Vec<&str> = self
            .meant()
            .iter()
            .filter_map(|c| row.get(c.name()).and_then(Value::as_str))
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .collect();
        (!texts.is_empty()).then(|| texts.join(". "))
    }

    /// The field of vectors of this name.
    pub(super) fn vector_field(&self, name: &str, parameter: &str) -> Result<&Column> {
        let column = self.engine.table.column(name)?;
        if column.field.kind == FieldType::FloatArray {
            return Ok(column);
        }
        let message = format!("{name} is {} and holds no vectors", column.field.kind.name());
        Err(hallmark_core::Error::new(&crate::codes::BAD_PARAMETER, message).at(parameter.to_owned()))
    }
}
