//! The names of cache entries: of one row for one owner, of those who fill them, of what they share.

use hallmark_core::digest;
use hallmark_python::models::FieldType;
use hallmark_services::redis::lease::Place;
use hallmark_workflow::Context;
use serde_json::{Map, Value};

use crate::table::Table;
use crate::value::Bound;

/// The names of one model's entries.
pub(crate) struct Names<'a> {
    table: &'a Table,
    base: String,
}

impl<'a> Names<'a> {
    /// The names below a project's prefix.
    pub(crate) fn new(prefix: &str, table: &'a Table) -> Self {
        Self { table, base: format!("{prefix}:dataflow:{}:{}", table.schema, table.model.name) }
    }

    /// What every entry of the model bears.
    pub(crate) fn mark(&self) -> String {
        format!("{}:mark", self.base)
    }

    /// Where rows of these owners are. The owners are digested: they may hold any character, and none is another.
    fn owners(&self, owners: &[String]) -> String {
        let text = Value::from(owners.to_vec()).to_string();
        format!("{}:{}", self.base, &digest::sha256(text.as_bytes())[..32])
    }

    /// Where the rows are that this caller sees.
    pub(crate) fn of(&self, context: &Context) -> String {
        let text = |bound: Bound| if let Bound::Text(text) = bound { text } else { String::new() };
        let owners: Vec<String> =
            self.table.owned(context).into_iter().map(|(_, bound)| text(bound)).collect();
        self.owners(&owners)
    }

    /// The entry of a row below `of`; a key that is none names no row, so its entry is never written.
    pub(crate) fn row(&self, of: &str, id: &Value) -> Place {
        let id = self.table.key_text(id).unwrap_or_else(|_| id.to_string());
        let entry = format!("{of}:row:{id}");
        Place { lease: format!("{entry}:filling"), entry, mark: self.mark() }
    }

    /// The entry of a row of these owners.
    pub(crate) fn place(&self, owners: &[String], id: &Value) -> Option<Place> {
        self.table.key_text(id).ok()?;
        Some(self.row(&self.owners(owners), id))
    }

    /// The key in a notice as callers name it; `None` if the database may write it in another way than callers.
    pub(crate) fn id(&self, key: &[Value]) -> Option<Value> {
        let columns = self.table.keys();
        let exact = |kind| {
            use FieldType::{Boolean, Integer, Text, Timestamp, Uuid};
            matches!(kind, Boolean | Integer | Text | Timestamp | Uuid)
        };
        if key.len() != columns.len() || !columns.iter().all(|c| exact(c.field.kind)) {
            return None;
        }
        let values: Map<String, Value> =
            columns.iter().zip(key).map(|(c, v)| (c.name().to_owned(), v.clone())).collect();
        Some(self.table.key_in(&values))
    }
}
