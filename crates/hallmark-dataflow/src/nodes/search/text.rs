//! Full text: how a query is read, in which language, how matches are ranked and shown.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_workflow::Param;
use serde_json::{Map, Value};
use tokio_postgres::Row;

use super::Call;
use crate::codes;
use crate::schema::{search_text, search_vector, searched};
use crate::sql::{Sql, failure};
use crate::table::{Column, Table};
use crate::value::{self, Bound};

/// The parameters of the full text.
pub(super) fn params(table: &Table) -> Vec<Param> {
    let names: Vec<&str> = searched(table).map(Column::name).collect();
    let over = format!("Full text over {}: words, \"phrases\", or, -not", names.join(", "));
    vec![
        Param::string("query").describe(over).max_length(4_096),
        Param::string("match")
            .describe("How the query is read: as on the web, all words, one phrase, or words that begin so")
            .choices(["web", "words", "phrase", "prefix"])
            .default("web"),
        Param::string("language")
            .describe(format!(
                "The language of the words, a text search configuration of the server; {} is indexed",
                table.options.search_language
            ))
            .max_length(63),
        Param::string("ranking")
            .describe("What counts: how often the words occur, or how close together")
            .choices(["frequency", "proximity"])
            .default("frequency"),
        Param::boolean("highlight").describe("Show where the words occur, as `_highlight`").default(false),
        Param::array("marks")
            .describe("What stands before and after a word in `_highlight`; the text around is not escaped")
            .max_length(2)
            .default(Value::from(vec!["<mark>", "</mark>"])),
    ]
}

/// Marks that no text of people has; they are exchanged for those of the call outside of PostgreSQL's option list.
const MARKS: [char; 2] = ['\u{E000}', '\u{E001}'];
/// How the pieces of a text are cut out.
const PIECES: &str = "MaxFragments=2, MaxWords=18, MinWords=6, ShortWord=0, FragmentDelimiter=\" … \"";

/// A full text query that was read.
pub(super) struct Query {
    text: String,
    function: &'static str,
    rank: &'static str,
    /// Another language than the indexed one.
    language: Option<String>,
}

impl Call<'_> {
    /// The query, if there is one.
    pub(super) async fn query(&self) -> Result<Option<Query>> {
        let language = self.language().await?;
        let Some(query) = self.ask.text("query") else { return Ok(None) };
        if searched(&self.engine.table).next().is_none() {
            let message = format!(
                "{} declares no search_fields, so it has no full-text search",
                self.engine.table.model.name
            );
            return Err(Error::new(&codes::BAD_PARAMETER, message)
                .at("query")
                .next("filter with contains instead"));
        }
        value::encode(FieldType::Text, &Value::from(query))?;
        let (text, function) = match self.ask.text("match").unwrap_or("web") {
            "words" => (query.to_owned(), "plainto_tsquery"),
            "phrase" => (query.to_owned(), "phraseto_tsquery"),
            "prefix" => (prefixes(query), "to_tsquery"),
            _ => (query.to_owned(), "websearch_to_tsquery"),
        };
        let rank = if self.ask.text("ranking") == Some("proximity") { "ts_rank_cd" } else { "ts_rank" };
        Ok(Some(Query { text, function, rank, language }))
    }

    /// The language, checked against those of the server; `None` for the indexed one.
    async fn language(&self) -> Result<Option<String>> {
        let Some(asked) = self.ask.text("language") else { return Ok(None) };
        if asked == self.engine.table.options.search_language {
            return Ok(None);
        }
        let sql = Sql::new(
            "SELECT cfgname::text FROM pg_catalog.pg_ts_config WHERE cfgnamespace = 'pg_catalog'::regnamespace ORDER BY 1",
        );
        let mut known = Vec::new();
        for row in self.engine.read(&sql).await? {
            known.push(row.try_get::<_, String>(0).map_err(failure)?);
        }
        if known.iter().any(|k| k == asked) {
            return Ok(Some(asked.to_owned()));
        }
        Err(Error::new(&codes::UNKNOWN_LANGUAGE, format!("the server has no language {asked:?}"))
            .at("language")
            .next(format!("use one of {}", known.join(", "))))
    }

    /// The marks around a word.
    pub(super) fn marks(&self) -> Result<[&str; 2]> {
        let items = self.ask.array("marks")?;
        match items.as_slice() {
            [Value::String(before), Value::String(after)] if before.len() <= 64 && after.len() <= 64 => {
                Ok([before, after])
            }
            _ => {
                Err(Error::new(&codes::BAD_PARAMETER, "marks are two texts of at most 64 bytes").at("marks"))
            }
        }
    }

    /// The texts that are shown with marks: those of the search.
    pub(super) fn highlighted(&self) -> Vec<&Column> {
        searched(&self.engine.table).filter(|c| c.field.kind == FieldType::Text).collect()
    }
}

impl Query {
    /// Appends the language as the server takes it.
    fn push_language(&self, sql: &mut Sql, table: &Table) {
        match &self.language {
            Some(language) => {
                sql.bind(Bound::Text(language.clone()), Some("regconfig"));
            }
            None => {
                sql.push(&format!("'{}'::regconfig", table.options.search_language));
            }
        }
    }

    fn push_vector(&self, sql: &mut Sql, table: &Table) {
        if self.language.is_none() {
            // Word for word the indexed expression, or the index would not serve it.
            sql.push(&search_vector(table));
            return;
        }
        sql.push("to_tsvector(");
        self.push_language(sql, table);
        sql.push(&format!(", {})", search_text(table)));
    }

    /// Appends `, rank AS _rank`.
    pub(super) fn push_rank(&self, sql: &mut Sql, table: &Table) {
        sql.push(", ").push(self.rank).push("(");
        self.push_vector(sql, table);
        sql.push(", _q)::double precision AS _rank");
    }

    /// Appends `, tsquery AS _query(_q)`, for a list of what is selected from.
    pub(super) fn push_query(&self, sql: &mut Sql, table: &Table) {
        sql.push(", ").push(self.function).push("(");
        self.push_language(sql, table);
        sql.push(", ").bind(Bound::Text(self.text.clone()), None);
        sql.push(") AS _query(_q)");
    }

    /// Appends the condition that a row matches.
    pub(super) fn push_condition(&self, sql: &mut Sql, table: &Table) {
        sql.push("_q @@ ");
        self.push_vector(sql, table);
    }

    /// Appends the select list of the texts with marks.
    pub(super) fn push_highlights(&self, sql: &mut Sql, table: &Table, columns: &[&Column]) {
        for column in columns {
            sql.push(", ts_headline(");
            self.push_language(sql, table);
            sql.push(&format!(", coalesce({}, ''), _q, ", column.text()));
            sql.push(&format!("'StartSel={}, StopSel={}, {PIECES}') AS _text", MARKS[0], MARKS[1]));
        }
    }
}

/// The texts with marks of a row, from column `at` on; those without a match are left out.
pub(super) fn highlights(
    row: &Row,
    at: usize,
    columns: &[&Column],
    [before, after]: [&str; 2],
) -> Result<Value> {
    let mut shown = Map::new();
    for (i, column) in columns.iter().enumerate() {
        let text: String = row.try_get(at + i).map_err(failure)?;
        if text.contains(MARKS[0]) {
            let marked = text.replace(MARKS[0], before).replace(MARKS[1], after);
            shown.insert(column.name().to_owned(), Value::from(marked));
        }
    }
    Ok(Value::Object(shown))
}

/// `cord dril` as `'cord':* & 'dril':*`: letters and digits only, so that nothing of it is syntax.
fn prefixes(query: &str) -> String {
    let words = query.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    words.map(|w| format!("'{w}':*")).collect::<Vec<_>>().join(" & ")
}

#[cfg(test)]
mod tests {
    use super::prefixes;

    #[test]
    fn the_beginnings_of_words_have_no_syntax() {
        assert_eq!(prefixes("cord dril"), "'cord':* & 'dril':*");
        assert_eq!(prefixes("a' & !b | (c):*A \\ ü-1"), "'a':* & 'b':* & 'c':* & 'A':* & 'ü':* & '1':*");
        assert_eq!(prefixes("' -- "), "");
    }
}
