//! Filters, full text, likeness of texts, nearness of meanings; with ranking, keyset pages and facets.

mod collection;
mod facets;
mod index;
mod matches;
mod near;
mod pages;
mod similar;
mod text;

use hallmark_core::Result;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value};

use super::{Kind, fields, filter, include_pii, params};
use crate::engine::Engine;
use crate::input::Ask;
use crate::table::Table;
use crate::{limits, total};

/// The kind `Search`.
pub(super) struct Search;

impl Kind for Search {
    fn name(&self) -> &'static str {
        "Search"
    }

    fn summary(&self) -> &'static str {
        "Finds rows of {} by filter, full text, likeness and meaning, with ranking, pages and facets"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["search", "facets", "count", "index", "reindex"]
    }

    fn writing_operations(&self) -> &'static [&'static str] {
        &["index", "reindex"]
    }

    fn params(&self, table: &Table) -> Vec<Param> {
        let mut params = text::params(table);
        params.extend([
            Param::object("similar").describe(
                "Texts that look alike, by trigrams: {\"field\": name, \"text\": \"cordles dril\", \"at_least\": 0.3, \"mode\": \"whole|word\"}",
            ),
            Param::object("near").describe(
                "Meanings that are close: {\"text\": \"something to drill with\"} or {\"vector\": [..]}, with \"field\" for a field of vectors, \
                 \"through\": \"chroma|pgvector|exact\", \"at_most\": distance",
            ),
            filter(),
            params::sort("; the best match first with query, similar or near"),
            params::page_limit("Rows of a page, values of a facet, or rows to index"),
            params::cursor(),
            total::param(),
            fields(),
            Param::array("facet_fields")
                .describe(
                    "What is counted (facets): a field, for its most frequent values; {\"field\": name, \"ranges\": [{\"from\": 0, \"to\": 10, \
                     \"as\": name}]}; {\"field\": name, \"bucket\": \"month\", \"limit\": steps}; \"as\" names a facet",
                )
                .max_length(8),
            params::time_zone(),
            Param::array("vectors")
                .describe("Vectors made elsewhere: [{\"id\": key, \"vector\": [..]}] (index)")
                .max_length(limits::INDEX_ROWS_MAX),
            Param::string("vector_field")
                .describe("Index the vectors of this field instead of the meaning of texts (index, reindex)"),
            Param::boolean("include_deleted").describe("Find soft-deleted rows too").default(false),
            include_pii(),
        ]);
        params
    }

    fn read_only(&self) -> bool {
        true
    }

    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        context: &'a Context,
        operation: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let call = Call { engine, context, ask: Ask(input) };
            match operation {
                "facets" => call.facets().await,
                "count" => call.count().await,
                "index" => call.index(false).await,
                "reindex" => call.index(true).await,
                _ => call.search().await,
            }
        })
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
}

/// The members of an object parameter: those known and no other.
fn members<'a>(ask: &Ask<'a>, name: &str, known: &[&str]) -> Result<Option<&'a Map<String, Value>>> {
    if ask.get(name).is_none() {
        return Ok(None);
    }
    let given = ask.object(name)?;
    crate::input::known(given, name, known)?;
    Ok(Some(given))
}
