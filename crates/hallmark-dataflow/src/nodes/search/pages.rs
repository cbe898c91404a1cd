//! A page of the rows that match.

use hallmark_core::Result;
use hallmark_python::models::FieldType;
use serde_json::{Map, Value};
use tokio_postgres::Row;

use super::matches::Matches;
use super::{Call, text};
use crate::engine::Engine;
use crate::input::masking;
use crate::page::{self, SortKey};
use crate::sql::Sql;
use crate::table::{Column, select_list};
use crate::{total, value};

/// How a page is read.
struct Page<'a> {
    keys: Vec<SortKey>,
    /// What rows are ranked by, whether they are sorted by it or not.
    ranks: Vec<SortKey>,
    columns: Vec<&'a Column>,
    /// How many of the columns were asked for; the others are for the cursor.
    asked: usize,
    limit: usize,
}

/// A condition that is true, and keeps PostgreSQL from starting workers: of words that its statistics do not know it expects one row in
/// two hundred to have them, and starting workers for so many takes fifty times as long as reading the few that there are.
const ALONE: &str = "(SELECT set_config('hallmark.workers', 'none', true)) IS NOT NULL";

impl Call<'_> {
    /// The operation `search`.
    pub(super) async fn search(&self) -> Result<Value> {
        let limit = usize::try_from(self.ask.limit()?).unwrap_or(usize::MAX);
        let marks = self.marks()?;
        let mut matches = self.matches(limit * 2).await?;
        let page = self.page(&matches, limit)?;
        let found = loop {
            let found = self.read_page(&page, &matches).await?;
            let enough = found.len() > limit;
            // Where other conditions left too few of the nearest, the farther ones may do.
            let more = match &mut matches.near {
                Some(near) if !enough => self.more(near).await?,
                _ => false,
            };
            if !more {
                break found;
            }
        };
        let (rows, next) = self.rows(&page, &matches, &found, marks)?;
        let mut answer = Map::new();
        let counted = |sql: &mut Sql| {
            sql.push(" FROM ");
            self.push_matches(sql, &self.engine.table.key_idents(""), &matches)
        };
        total::add(self.engine, self.ask.text("count"), &mut answer, counted).await?;
        if next.is_null() && matches.near.as_ref().is_some_and(super::near::Near::limited) {
            answer.insert("limited".to_owned(), true.into());
        }
        answer.insert("operation".to_owned(), "search".into());
        answer.insert("count".to_owned(), rows.len().into());
        answer.insert("rows".to_owned(), rows.into());
        answer.insert("next_cursor".to_owned(), next);
        Ok(Value::Object(answer))
    }

    fn page(&self, matches: &Matches, limit: usize) -> Result<Page<'_>> {
        let mut keys = page::keys(&self.engine.table, self.ask.get("sort"), masking(self.ask.0))?;
        let ranks = matches.ranks();
        if self.ask.get("sort").is_none() {
            keys.splice(0..0, ranks.iter().cloned());
        }
        let mut columns = self.engine.columns(self.ask.get("fields"))?;
        let asked = columns.len();
        for key in keys.iter().filter(|k| !ranks.iter().any(|r| r.name == k.name)) {
            if !columns.iter().any(|c| c.name() == key.name) {
                columns.push(self.engine.table.column(&key.name)?);
            }
        }
        Ok(Page { keys, ranks, columns, asked, limit })
    }

    async fn read_page(&self, page: &Page<'_>, matches: &Matches) -> Result<Vec<Row>> {
        let mut sql = Sql::new(format!("SELECT {}", select_list(&page.columns)));
        for rank in &page.ranks {
            sql.push(", ").push(&rank.expression);
        }
        let shown = self.shown();
        let table = &self.engine.table;
        if let Some(query) = matches.query.as_ref().filter(|_| !shown.is_empty()) {
            query.push_highlights(&mut sql, table, &shown);
        }
        let mut idents: Vec<&str> = page.columns.iter().map(|c| c.ident.as_str()).collect();
        idents.extend(
            shown.iter().map(|c| c.ident.as_str()).filter(|i| !page.columns.iter().any(|c| c.ident == *i)),
        );
        if matches.query.is_some() && !shown.is_empty() {
            idents.push("_q");
        }
        sql.push(" FROM ");
        self.push_matches(&mut sql, &idents.join(", "), matches)?;
        sql.push(" WHERE ").push(if matches.query.is_some() || matches.similar.is_some() {
            ALONE
        } else {
            "true"
        });
        if let Some(cursor) = self.ask.text("cursor") {
            sql.push(" AND ");
            page::push_after(&mut sql, &page.keys, cursor)?;
        }
        page::push_order(&mut sql, &page.keys);
        sql.push(&format!(" LIMIT {}", page.limit + 1));
        self.engine.read(&sql).await
    }

    /// The texts to show with marks, if that is asked for.
    fn shown(&self) -> Vec<&Column> {
        if self.ask.truth("highlight") && self.ask.text("query").is_some() {
            self.highlighted()
        } else {
            Vec::new()
        }
    }

    fn rows(
        &self,
        page: &Page<'_>,
        matches: &Matches,
        found: &[Row],
        marks: [&str; 2],
    ) -> Result<(Vec<Value>, Value)> {
        let (mut rows, mut next) = (Vec::new(), Value::Null);
        let (width, shown) = (page.columns.len(), self.shown());
        for (i, row) in found.iter().take(page.limit).enumerate() {
            let mut object = Engine::object(&page.columns, row)?;
            for (n, rank) in page.ranks.iter().enumerate() {
                object.insert(rank.name.clone(), value::decode(row, width + n, FieldType::Float)?);
            }
            if i + 1 == page.limit && found.len() > page.limit {
                next = Value::from(page::cursor(&page.keys, &values(&page.keys, &object)));
            }
            for column in &page.columns[page.asked..] {
                object.remove(column.name());
            }
            masking(self.ask.0).apply(&self.engine.table, &mut object);
            if matches.query.is_some() && self.ask.truth("highlight") {
                let marked = text::highlights(row, width + page.ranks.len(), &shown, marks)?;
                object.insert("_highlight".to_owned(), marked);
            }
            rows.push(Value::Object(object));
        }
        Ok((rows, next))
    }
}

fn values(keys: &[SortKey], object: &Map<String, Value>) -> Vec<Value> {
    keys.iter().map(|k| object.get(&k.name).cloned().unwrap_or_default()).collect()
}
