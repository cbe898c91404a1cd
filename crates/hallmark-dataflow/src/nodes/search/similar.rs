//! Texts that look alike, by the trigrams that they share. PostgreSQL's extension `pg_trgm` compares them.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;

use super::{Call, members};
use crate::input::masking;
use crate::input::{number_in, text_in};
use crate::sql::{Sql, failure};
use crate::value::{self, Bound};
use crate::{codes, names};

/// A likeness that is asked for.
pub(super) struct Similar {
    ident: String,
    text: String,
    at_least: f64,
    word: bool,
    /// The quoted schema of the extension.
    schema: String,
    /// What the server's own operator asks for; it serves only what asks for no less.
    threshold: f64,
}

/// How alike texts are when nothing else is said.
const AT_LEAST: f64 = 0.3;

impl Call<'_> {
    /// The likeness, if one is asked for.
    pub(super) async fn similar(&self) -> Result<Option<Similar>> {
        let known = ["field", "text", "at_least", "mode"];
        let Some(given) = members(&self.ask, "similar", &known)? else { return Ok(None) };
        let need = |name: &str| {
            text_in(given, "similar", name)?.ok_or_else(|| {
                Error::new(&codes::MISSING_VALUE, format!("similar needs {name}")).at("similar")
            })
        };
        let column = self.engine.table.column(need("field")?)?;
        if column.field.kind != FieldType::Text || masking(self.ask.0).hides(column.sensitivity) {
            let message = format!("{} is no text that can be compared", column.name());
            return Err(Error::new(&codes::BAD_PARAMETER, message).at("similar"));
        }
        let text = need("text")?;
        value::encode(FieldType::Text, &text.into())?;
        let word = match text_in(given, "similar", "mode")?.unwrap_or("whole") {
            "whole" => false,
            "word" => true,
            other => {
                let message = format!("unknown mode {other:?} of similar");
                return Err(Error::new(&codes::BAD_PARAMETER, message)
                    .at("similar")
                    .next("use whole or word"));
            }
        };
        let at_least = number_in(given, "similar", "at_least", (0.0, 1.0))?;
        let declared = self.engine.table.options.similarity_threshold;
        let at_least = at_least.or(declared).unwrap_or(AT_LEAST);
        let (schema, threshold) = self.trigrams(word).await?;
        Ok(Some(Similar {
            ident: column.text().into_owned(),
            text: text.to_owned(),
            at_least,
            word,
            schema,
            threshold,
        }))
    }

    /// Where the extension is, and how alike its operator wants texts to be.
    async fn trigrams(&self, word: bool) -> Result<(String, f64)> {
        let (setting, default) =
            if word { ("word_similarity_threshold", 0.6) } else { ("similarity_threshold", 0.3) };
        let sql = Sql::new(format!(
            "SELECT (SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
               WHERE e.extname = 'pg_trgm'),
             EXISTS (SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'pg_trgm'),
             current_setting('pg_trgm.{setting}', true)"
        ));
        let rows = self.engine.read(&sql).await?;
        let row = rows.first().ok_or_else(|| missing(false))?;
        let schema: Option<String> = row.try_get(0).map_err(failure)?;
        let available: bool = row.try_get(1).map_err(failure)?;
        let set: Option<String> = row.try_get(2).map_err(failure)?;
        let threshold = set.and_then(|t| t.parse().ok()).unwrap_or(default);
        Ok((names::quote(&schema.ok_or_else(|| missing(available))?)?, threshold))
    }
}

fn missing(available: bool) -> Error {
    let error = Error::new(&codes::NO_TRIGRAMS, "the database does not have the extension pg_trgm");
    if available {
        error.next(
            "declare an index of the field with gin_trgm_ops and run hallmark models migrate, or let an administrator run CREATE EXTENSION pg_trgm",
        )
    } else {
        error.next("install PostgreSQL's contrib package on the server, then CREATE EXTENSION pg_trgm")
    }
}

impl Similar {
    fn push_measure(&self, sql: &mut Sql) {
        let function = if self.word { "word_similarity" } else { "similarity" };
        sql.push(&self.schema).push(".").push(function).push("(");
        sql.bind(Bound::Text(self.text.clone()), None).push(", ").push(&self.ident).push(")");
    }

    /// Appends `, likeness AS _similarity`.
    pub(super) fn push_column(&self, sql: &mut Sql) {
        sql.push(", ");
        self.push_measure(sql);
        sql.push("::double precision AS _similarity");
    }

    /// Appends the condition that a row is alike enough.
    pub(super) fn push_condition(&self, sql: &mut Sql) {
        if self.at_least >= self.threshold {
            // Adds nothing to the other condition, but an index can serve it.
            sql.bind(Bound::Text(self.text.clone()), None);
            let operator = if self.word { "<%" } else { "%" };
            sql.push(&format!(" OPERATOR({}.{operator}) {} AND ", self.schema, self.ident));
        }
        self.push_measure(sql);
        sql.push(" >= ").bind(Bound::Float(self.at_least), Some("real"));
    }
}
