//! The rows that match all that is asked for, with what they are ranked by.

use hallmark_core::Result;
use hallmark_python::models::FieldType;

use super::Call;
use super::near::Near;
use super::similar::Similar;
use super::text::Query;
use crate::page::SortKey;
use crate::sql::Sql;

/// What was asked for beside the filter.
pub(super) struct Matches {
    pub(super) query: Option<Query>,
    pub(super) similar: Option<Similar>,
    pub(super) near: Option<Near>,
}

impl Matches {
    /// What rows are ranked by, the most telling first; each is a column of the matches.
    pub(super) fn ranks(&self) -> Vec<SortKey> {
        let rank = |there: bool, name: &str, descending: bool| {
            let (name, kind) = (name.to_owned(), FieldType::Float);
            there.then(|| SortKey {
                expression: name.clone(),
                name,
                kind,
                cast: None,
                nullable: true,
                descending,
            })
        };
        let near = rank(self.near.is_some(), "_distance", false);
        let similar = rank(self.similar.is_some(), "_similarity", true);
        near.into_iter().chain(similar).chain(rank(self.query.is_some(), "_rank", true)).collect()
    }
}

impl Call<'_> {
    /// What is asked for; a collection of vectors is asked for `wanted` rows.
    pub(super) async fn matches(&self, wanted: usize) -> Result<Matches> {
        Ok(Matches {
            query: self.query().await?,
            similar: self.similar().await?,
            near: self.near(wanted).await?,
        })
    }

    /// Appends a subquery `found` of the rows that match, with what they are ranked by; what is around it sorts and pages.
    pub(super) fn push_matches(&self, sql: &mut Sql, columns: &str, matches: &Matches) -> Result<()> {
        let table = &self.engine.table;
        let keys = table.keys();
        sql.push("(SELECT ").push(columns);
        if let Some(query) = &matches.query {
            query.push_rank(sql, table);
        }
        if let Some(similar) = &matches.similar {
            similar.push_column(sql);
        }
        if matches.near.is_some() {
            sql.push(", _near._distance");
        }
        sql.push(" FROM ").push(&table.qualified);
        if let Some(query) = &matches.query {
            query.push_query(sql, table);
        }
        if let Some(near) = &matches.near {
            near.push_from(sql, &keys);
        }
        sql.push(" WHERE ");
        if let Some(query) = &matches.query {
            query.push_condition(sql, table);
            sql.push(" AND ");
        }
        if let Some(near) = &matches.near {
            near.push_condition(sql, &table.qualified, &keys);
            sql.push(" AND ");
        }
        if let Some(similar) = &matches.similar {
            similar.push_condition(sql);
            sql.push(" AND ");
        }
        self.engine.push_scope(sql, self.context, self.ask.truth("include_deleted"));
        sql.push(" AND ");
        crate::filter::push(sql, table, self.ask.filter())?;
        sql.push(") AS found");
        Ok(())
    }
}
