//! Filters, full text with ranking, keyset pages and facets.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};

use super::{Kind, fields, filter, include_pii, masking};
use crate::engine::Engine;
use crate::input::Ask;
use crate::page::{self, SortKey};
use crate::schema::search_vector;
use crate::sql::{Sql, failure};
use crate::table::{Column, Table};
use crate::value::{self, Bound};
use crate::{codes, limits};

/// The kind `Search`.
pub(super) struct Search;

impl Kind for Search {
    fn name(&self) -> &'static str {
        "Search"
    }

    fn summary(&self) -> &'static str {
        "Finds rows of {} by filter and full text, with ranking, pages and facets"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["search", "facets", "count"]
    }

    fn params(&self, table: &Table) -> Vec<Param> {
        vec![
            Param::string("query")
                .describe(format!(
                    "Full text over {}: words, \"phrases\", or, -not",
                    table.options.search_fields.join(", ")
                ))
                .max_length(4_096),
            filter(),
            Param::any("sort")
                .describe("Fields to sort by, `-` in front for descending; best match first with a query"),
            Param::integer("limit").describe("Rows of a page").range(1.0, 1_000.0),
            Param::string("cursor").describe("next_cursor of the page before"),
            fields(),
            Param::array("facet_fields")
                .describe("Fields whose most frequent values are counted (facets)")
                .max_length(8),
            Param::boolean("include_deleted").describe("Find soft-deleted rows too").default(false),
            include_pii(),
        ]
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

/// The rank column's name in sort keys and rows.
const RANK: &str = "_rank";

impl Call<'_> {
    fn query(&self) -> Result<Option<&str>> {
        let Some(query) = self.ask.text("query") else { return Ok(None) };
        if self.engine.table.options.search_fields.is_empty() {
            let message = format!(
                "{} declares no search_fields, so it has no full-text search",
                self.engine.table.model.name
            );
            return Err(Error::new(&codes::BAD_PARAMETER, message)
                .at("query")
                .next("filter with contains instead"));
        }
        value::encode(FieldType::Text, &Value::from(query))?;
        Ok(Some(query))
    }

    /// A subquery of the rows that match, with their rank; what is around it sorts and pages.
    fn push_matches(&self, sql: &mut Sql, columns: &str) -> Result<()> {
        let table = &self.engine.table;
        let query = self.query()?;
        sql.push("(SELECT ").push(columns);
        match query {
            Some(query) => {
                sql.push(&format!(", ts_rank({}, _q)::double precision AS _rank", search_vector(table)));
                sql.push(&format!(
                    " FROM {}, websearch_to_tsquery('{}'::regconfig, ",
                    table.qualified, table.options.search_language
                ));
                sql.bind(Bound::Text(query.to_owned()), None);
                sql.push(&format!(") AS _query(_q) WHERE _q @@ {} AND ", search_vector(table)));
            }
            None => {
                sql.push(&format!(" FROM {} WHERE ", table.qualified));
            }
        }
        self.engine.push_scope(sql, self.context, self.ask.truth("include_deleted"));
        sql.push(" AND ");
        crate::filter::push(sql, table, self.ask.filter())?;
        sql.push(") AS found");
        Ok(())
    }

    async fn search(&self) -> Result<Value> {
        let limit = self.ask.limit()?;
        let mut keys = page::keys(&self.engine.table, self.ask.get("sort"))?;
        let ranked = self.query()?.is_some();
        if ranked && self.ask.get("sort").is_none() {
            let rank = SortKey {
                name: RANK.to_owned(),
                expression: RANK.to_owned(),
                kind: FieldType::Float,
                descending: true,
            };
            keys.insert(0, rank);
        }
        let mut columns = self.engine.columns(self.ask.get("fields"))?;
        let asked = columns.len();
        for key in keys.iter().filter(|k| k.name != RANK) {
            if !columns.iter().any(|c| c.name() == key.name) {
                columns.push(self.engine.table.column(&key.name)?);
            }
        }
        let mut sql = Sql::new(format!(
            "SELECT {}{} FROM ",
            Engine::select_list(&columns),
            if ranked { ", _rank" } else { "" }
        ));
        let idents: Vec<&str> = columns.iter().map(|c| c.ident.as_str()).collect();
        self.push_matches(&mut sql, &idents.join(", "))?;
        if let Some(cursor) = self.ask.text("cursor") {
            sql.push(" WHERE ");
            page::push_after(&mut sql, &keys, cursor)?;
        }
        page::push_order(&mut sql, &keys);
        sql.push(&format!(" LIMIT {}", limit + 1));
        let found = self.engine.read(&sql).await?;
        let mut rows = Vec::new();
        let mut next = Value::Null;
        for (i, row) in found.iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).enumerate() {
            let mut object = Engine::object(&columns, row)?;
            if ranked {
                object.insert(RANK.to_owned(), value::decode(row, columns.len(), FieldType::Float)?);
            }
            if i as u64 + 1 == limit && found.len() as u64 > limit {
                next = Value::from(page::cursor(&keys, &values(&keys, &object)));
            }
            for column in &columns[asked..] {
                object.remove(column.name());
            }
            masking(self.ask.0).apply(&self.engine.table, &mut object);
            rows.push(Value::Object(object));
        }
        Ok(json!({"operation": "search", "count": rows.len(), "rows": rows, "next_cursor": next}))
    }

    async fn count(&self) -> Result<Value> {
        let mut sql = Sql::new("SELECT count(*) FROM ");
        self.push_matches(&mut sql, &self.engine.table.key_idents(""))?;
        let row = self.engine.read(&sql).await?.into_iter().next();
        let count: i64 = row.map(|r| r.try_get(0)).transpose().map_err(failure)?.unwrap_or(0);
        Ok(json!({"operation": "count", "count": count}))
    }

    async fn facets(&self) -> Result<Value> {
        let names = self.ask.array("facet_fields")?;
        let limit = self.ask.count("limit", 10, limits::FACET_VALUES_MAX)?;
        let mut facets = Map::new();
        for name in names {
            let column = self.engine.table.column(name.as_str().unwrap_or_default())?;
            if masking(self.ask.0).hides(column.sensitivity) {
                let message = format!("{} is secret; its values are not counted", column.name());
                return Err(Error::new(&codes::BAD_PARAMETER, message).at("facet_fields"));
            }
            let mut sql = Sql::new(format!("SELECT {}, count(*) AS _count FROM ", value::selected(column)));
            self.push_matches(&mut sql, &column.ident)?;
            sql.push(&format!(" GROUP BY {0} ORDER BY _count DESC, {0}::text LIMIT {limit}", column.ident));
            let rows = self.engine.read(&sql).await?;
            facets.insert(column.name().to_owned(), counted(column, &rows)?);
        }
        Ok(json!({"operation": "facets", "facets": facets}))
    }
}

fn values(keys: &[SortKey], object: &Map<String, Value>) -> Vec<Value> {
    keys.iter().map(|k| object.get(&k.name).cloned().unwrap_or_default()).collect()
}

fn counted(column: &Column, rows: &[tokio_postgres::Row]) -> Result<Value> {
    let mut values = Vec::new();
    for row in rows {
        let count: i64 = row.try_get(1).map_err(failure)?;
        values.push(json!({"value": value::decode(row, 0, column.field.kind)?, "count": count}));
    }
    Ok(Value::Array(values))
}
