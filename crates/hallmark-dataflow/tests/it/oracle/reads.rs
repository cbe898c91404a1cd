//! What reads rows: pages, counts, facets and groups against plain SQL.

use serde_json::{Value, json};

use super::Run;
use super::conditions::Filter;
use super::ops::{Groups, Row};
use super::shadow::{column, same};
use super::values::{of_json, of_text, selected};

type Held = Result<(), String>;

/// A query, without its node.
pub(super) struct Query<'a> {
    pub(super) filter: Option<&'a Filter>,
    pub(super) sort: &'a [(String, bool)],
    pub(super) limit: u64,
    pub(super) deleted: bool,
    pub(super) fields: &'a [String],
}

impl Run<'_> {
    async fn ask(&self, tenant: &str, node: &str, input: Value) -> Result<Value, String> {
        let shown = input.to_string();
        let answer = self.world.tenant(tenant, &format!("Thing{node}Node"), input).await;
        answer.map_err(|e| format!("{e} {:?} for {shown}", e.causes()))
    }

    fn condition(&self, tenant: &str, filter: Option<&Filter>, deleted: bool) -> String {
        let filter = filter.map_or("true", |f| f.sql.as_str());
        format!("{} AND {filter}", self.shadow.scope(tenant, deleted))
    }

    pub(super) async fn read(&self, tenant: &str, key: &Row, deleted: bool, fields: &[String]) -> Held {
        let mut input = json!({"operation": "read", "id": self.named(key), "include_deleted": deleted});
        if !fields.is_empty() {
            input["fields"] = fields.into();
        }
        let answer = self.ask(tenant, "CRUD", input).await?;
        let condition = format!("{} AND {}", self.shadow.scope(tenant, deleted), same(key));
        match self.shadow.rows(&format!("WHERE {condition}")).await.as_slice() {
            [] if answer["found"] == json!(false) && answer["row"].is_null() => Ok(()),
            [one] if answer["found"] == json!(true) => self.equal(&answer["row"], one, fields),
            rows => Err(format!("{rows:?} by plain SQL, {answer}")),
        }
    }

    /// The order that a node promises: the key breaks ties, in the direction of the last field; nulls come last.
    fn order(&self, sort: &[(String, bool)]) -> String {
        let last = sort.last().is_some_and(|(_, d)| *d);
        let mut parts = sort.to_vec();
        for key in self.shape.keys() {
            if !parts.iter().any(|(n, _)| *n == key.name) {
                parts.push((key.name.clone(), last));
            }
        }
        let text = |(n, d): &(String, bool)| {
            let n = column(n);
            format!("{n} IS NULL, {n} {}", if *d { "DESC" } else { "ASC" })
        };
        parts.iter().map(text).collect::<Vec<_>>().join(", ")
    }

    pub(super) async fn query(&self, tenant: &str, node: &str, query: &Query<'_>) -> Held {
        let condition = self.condition(tenant, query.filter, query.deleted);
        let wanted =
            self.shadow.rows(&format!("WHERE {condition} ORDER BY {}", self.order(query.sort))).await;
        let sort: Vec<String> =
            query.sort.iter().map(|(n, d)| format!("{}{n}", if *d { "-" } else { "" })).collect();
        let mut input = json!({
            "operation": if node == "CRUD" { "list" } else { "search" }, "sort": sort, "limit": query.limit,
            "include_deleted": query.deleted, "filter": query.filter.map(|f| &f.json),
        });
        if !query.fields.is_empty() {
            input["fields"] = query.fields.into();
        }
        let limit = usize::try_from(query.limit).unwrap();
        let mut at = 0;
        loop {
            let page = self.ask(tenant, node, input.clone()).await?;
            let rows = page["rows"].as_array().cloned().unwrap_or_default();
            let expected = &wanted[at.min(wanted.len())..wanted.len().min(at + limit)];
            if rows.len() != expected.len() || page["count"] != json!(expected.len()) {
                return Err(format!(
                    "{} rows from {at} on by plain SQL: {expected:?}, {page}",
                    expected.len()
                ));
            }
            for (row, expected) in rows.iter().zip(expected) {
                self.equal(row, expected, query.fields)?;
            }
            at += rows.len();
            if page["next_cursor"].is_null() != (at >= wanted.len()) {
                return Err(format!("after {at} of {} rows: {}", wanted.len(), page["next_cursor"]));
            }
            if at >= wanted.len() {
                break;
            }
            input["cursor"] = page["next_cursor"].clone();
        }
        if node != "CRUD" || wanted.is_empty() {
            return Ok(());
        }
        // The same by position.
        let offset = wanted.len() / 2;
        input.as_object_mut().unwrap().remove("cursor");
        input["offset"] = offset.into();
        let page = self.ask(tenant, node, input).await?;
        let first = &page["rows"][0];
        self.equal(first, &wanted[offset], query.fields).map_err(|e| format!("offset {offset}: {e}"))
    }

    pub(super) async fn count(
        &self,
        tenant: &str,
        node: &str,
        filter: Option<&Filter>,
        deleted: bool,
    ) -> Held {
        let input =
            json!({"operation": "count", "filter": filter.map(|f| &f.json), "include_deleted": deleted});
        let answer = self.ask(tenant, node, input).await?;
        let condition = self.condition(tenant, filter, deleted);
        let wanted = self.shadow.rows(&format!("WHERE {condition}")).await.len();
        if answer["count"] == json!(wanted) {
            Ok(())
        } else {
            Err(format!("{wanted} by plain SQL, {answer}"))
        }
    }

    pub(super) async fn facets(
        &self,
        tenant: &str,
        field: &str,
        filter: Option<&Filter>,
        limit: u64,
    ) -> Held {
        let input = json!({
            "operation": "facets", "facet_fields": [field], "filter": filter.map(|f| &f.json), "limit": limit,
        });
        let answer = self.ask(tenant, "Search", input).await?;
        let (col, c) = (self.shape.col(field), column(field));
        let statement = format!(
            "SELECT {}, count(*) FROM {} WHERE {} GROUP BY {c} ORDER BY count(*) DESC, {c}::text LIMIT {limit}",
            selected(col.kind, &c),
            self.shadow.name,
            self.condition(tenant, filter, false)
        );
        let wanted: Vec<(Option<String>, Option<String>)> = self
            .shadow
            .texts(&statement)
            .await
            .into_iter()
            .map(|r| (of_text(col.kind, r[0].as_deref()), r[1].clone()))
            .collect();
        let found: Vec<(Option<String>, Option<String>)> = answer["facets"][field]
            .as_array()
            .into_iter()
            .flatten()
            .map(|v| (of_json(col.kind, &v["value"]), v["count"].as_u64().map(|n| n.to_string())))
            .collect();
        if wanted == found { Ok(()) } else { Err(format!("{wanted:?} by plain SQL, {found:?}")) }
    }

    pub(super) async fn aggregate(&self, tenant: &str, groups: &Groups) -> Held {
        let answer = self.ask(tenant, "Aggregate", groups.input()).await?;
        let rollup = groups.rollup && !groups.by.is_empty();
        let levels = if rollup { groups.by.len() + 1 } else { 1 };
        let condition = self.condition(tenant, groups.filter.as_ref(), false);
        let (mut wanted, kinds) = (Vec::new(), groups.kinds(self.shape));
        for level in 0..levels {
            let statement = groups.statement(self.shape, &self.shadow.name, &condition, level);
            for texts in self.shadow.texts(&statement).await {
                let mut row: Vec<Option<String>> =
                    kinds.iter().zip(&texts).map(|(k, t)| of_text(*k, t.as_deref())).collect();
                if rollup {
                    row.push(Some(level.to_string()));
                }
                wanted.push(row);
            }
        }
        let mut names = groups.names();
        if rollup {
            names.push("_level".to_owned());
        }
        let read = |group: &Value| -> Vec<Option<String>> {
            let value = |(i, n): (usize, &String)| match kinds.get(i) {
                Some(kind) => of_json(*kind, &group[n]),
                None => Some(group[n].to_string()),
            };
            names.iter().enumerate().map(value).collect()
        };
        let mut found: Vec<Vec<Option<String>>> =
            answer["groups"].as_array().into_iter().flatten().map(read).collect();
        let limited = wanted.len() > groups.limit;
        wanted.truncate(groups.limit);
        if rollup {
            // A subtotal and a group of nulls have no order between them.
            wanted.sort();
            found.sort();
        }
        if wanted == found && answer["limited"] == json!(limited) {
            return Ok(());
        }
        Err(format!("{wanted:?}, limited {limited} by plain SQL, {answer}"))
    }
}
