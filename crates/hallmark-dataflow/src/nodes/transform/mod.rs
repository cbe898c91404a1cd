//! Rows reshaped by steps: given rows or those of a query. Nothing is written.

mod cast;
mod enrich;
mod mask;
mod step;

use std::collections::BTreeSet;

use hallmark_core::{Error, Result, Secret};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};

use super::expression::{Logic, Typed};
use super::{Kind, filter, include_pii, masking, params};
use crate::engine::Engine;
use crate::input::Ask;
use crate::sql::Sql;
use crate::table::{Column, Table, select_list};
use crate::{limits, page};
use step::Step;

/// The kind `Transform`.
pub(super) struct Transform;

impl Kind for Transform {
    fn name(&self) -> &'static str {
        "Transform"
    }

    fn summary(&self) -> &'static str {
        "Renames, casts, masks, computes and joins fields of rows of {}, given or queried; writes nothing"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["transform"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            params::rows("The rows; without them those of the filter are read"),
            Param::array("steps")
                .required()
                .describe(
                    "In order: {\"rename\": {\"old\": \"new\"}}, {\"keep\": [..]}, {\"drop\": [..]}, {\"default\": {field: value}}, \
                     {\"cast\": {field: \"integer|float|decimal|text|boolean|timestamp|date\"}}, \
                     {\"mask\": {field: \"hash|redact|partial\" or {\"kind\": \"partial\", \"start\": 2, \"end\": 2} or \
                     {\"kind\": \"generalise\", \"band\": 10 | \"to\": \"year\" | \"keep\": 3}}}, \
                     {\"map\": {field: {\"values\": {\"a\": \"b\"}, \"else\": null}}}, {\"compute\": {field: \"expression\"}}, \
                     {\"where\": \"expression\"}, {\"enrich\": {\"model\": \"Customer\", \"by\": \"customer_id\", \"fields\": [..], \
                     \"as\": name | \"prefix\": text, \"missing\": \"null|drop|refuse\"}}",
                )
                .max_length(limits::STEPS_MAX),
            Param::string("mask_key").describe("The key of the mask hash: without it nobody can try values out").secret().max_length(1_024),
            filter(),
            params::sort(""),
            params::page_limit("The most rows to read; where steps that come first are asked of the database before"),
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
        _: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move { Call { engine, context, ask: Ask(input) }.transform().await })
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
}

/// A row with its place among those that were given or read.
type Numbered = (usize, Map<String, Value>);

impl Call<'_> {
    async fn transform(&self) -> Result<Value> {
        let given = self.ask.objects("steps", limits::STEPS_MAX)?;
        let steps = given
            .into_iter()
            .enumerate()
            .map(|(n, s)| Step::read(s).map_err(|e| placed(&e, &format!("steps[{n}]"))))
            .collect::<Result<Vec<_>>>()?;
        let key = self.ask.text("mask_key").map(|k| Secret::new(k.to_owned()));
        let (rows, done) = if self.ask.get("rows").is_some() {
            (self.ask.objects("rows", limits::ROWS_GIVEN_MAX)?.into_iter().cloned().collect(), 0)
        } else {
            self.query(&steps).await?
        };
        let read = rows.len();
        let decimals = self.engine.table.columns.iter().filter(|c| c.field.kind == FieldType::Decimal);
        let mut decimals: BTreeSet<String> = decimals.map(|c| c.name().to_owned()).collect();
        let mut rows: Vec<Numbered> = rows.into_iter().enumerate().collect();
        for (n, step) in steps.iter().enumerate().skip(done) {
            if let Step::Enrich(enrich) = step {
                self.enrich(enrich, &mut rows).await.map_err(|e| placed(&e, &format!("steps[{n}]")))?;
                enrich.note(&self.engine.shared.tables, &mut decimals);
                continue;
            }
            let mut kept = Vec::with_capacity(rows.len());
            for (i, mut row) in rows {
                let place = |e| placed(&e, &format!("rows[{i}], steps[{n}]"));
                if step.apply(&mut row, &decimals, key.as_ref()).map_err(place)? {
                    kept.push((i, row));
                }
            }
            rows = kept;
            step.note(&mut decimals);
        }
        let out: Vec<Value> = rows.into_iter().map(|(_, row)| Value::Object(row)).collect();
        Ok(json!({
            "operation": "transform", "read": read, "in_database": done, "count": out.len(), "rows": out,
        }))
    }

    /// The rows of the filter, and how many of the first steps they are already through.
    async fn query(&self, steps: &[Step]) -> Result<(Vec<Map<String, Value>>, usize)> {
        let table = &self.engine.table;
        let columns: Vec<&Column> = table.shown().collect();
        let mut sql = Sql::new(format!("SELECT {}", select_list(&columns)));
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        // A condition is asked of the database if it means the same there; else it is asked of the rows that were read.
        let typed = Typed { table, masking: masking(self.ask.0), logic: Logic::Row };
        let mut done = 0;
        for step in steps {
            let Step::Where(condition) = step else { break };
            let mut with = sql.clone();
            with.push(" AND ");
            if typed.push_condition(&mut with, condition).is_err() {
                break;
            }
            sql = with;
            done += 1;
        }
        page::push_order(&mut sql, &page::order(table, self.ask.get("sort"), masking(self.ask.0))?);
        sql.push(&format!(" LIMIT {}", self.ask.limit()?));
        let rows = self.engine.read(&sql).await?;
        let read = rows.iter().map(|row| {
            let mut object = Engine::object(&columns, row)?;
            masking(self.ask.0).apply(table, &mut object);
            Ok(object)
        });
        Ok((read.collect::<Result<_>>()?, done))
    }
}

/// The same error at a place that is outside of the one that it names.
fn placed(error: &Error, place: &str) -> Error {
    let inner = error.place().map(|p| format!(", {p}")).unwrap_or_default();
    let outer = Error::new(error.code(), error.message().to_owned()).at(format!("{place}{inner}"));
    match error.next_step() {
        Some(step) => outer.next(step),
        None => outer,
    }
}
