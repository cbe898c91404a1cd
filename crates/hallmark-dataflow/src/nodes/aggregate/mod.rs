//! Grouping with measures, conditions on groups, date buckets, subtotals and window functions.

mod approx;
mod columns;
pub(super) mod float;
mod group;
mod measure;
mod window;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};

use super::{Kind, fields, filter, include_pii, masking, outward, params};
use crate::engine::Engine;
use crate::input::Ask;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::{codes, limits, value};
use columns::Columns;
pub(super) use group::{BUCKETS, Grouping, Key, step, time_zone};
pub(super) use measure::{Measure, SIMPLE, shown};
use window::Around;

/// The kind `Aggregate`.
pub(super) struct Aggregate;

impl Kind for Aggregate {
    fn name(&self) -> &'static str {
        "Aggregate"
    }

    fn summary(&self) -> &'static str {
        "Groups rows of {} and computes measures, subtotals and windows over them"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["aggregate", "window"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            Param::array("group_by")
                .describe("Fields, or {\"field\": name, \"bucket\": \"month\", \"as\": alias} for times")
                .max_length(limits::SORT_FIELDS_MAX),
            Param::array("measures")
                .describe(format!(
                    "[{{\"function\": \"sum\", \"field\": name, \"as\": alias, \"distinct\": true, \"p\": 0.95, \"filter\": {{..}}}}]; a count by \
                     default. Functions: {}",
                    measure::FUNCTIONS.join(", ")
                ))
                .max_length(limits::MEASURES_MAX),
            Param::object("having")
                .describe("Conditions on measures and windows: {\"alias\": {\"gte\": 10}}"),
            Param::array("windows")
                .describe(format!(
                    "[{{\"function\": \"rank\", \"of\": column, \"partition_by\": [..], \"order_by\": [\"-total\"], \"offset\": 1, \"rows\": 7, \
                     \"as\": alias}}] over the groups, or over rows (window). Functions: {}",
                    window::FUNCTIONS.join(", ")
                ))
                .max_length(limits::WINDOWS_MAX),
            Param::any("sort").describe("Columns of the result, `-` in front for descending"),
            #[expect(clippy::cast_precision_loss, reason = "a bound of a few thousand")]
            Param::integer("limit").describe("Groups or rows to return").range(1.0, limits::GROUPS_MAX as f64),
            Param::boolean("rollup")
                .describe("Add subtotals from the last group to the first and the total, told by `_level` and `_over`")
                .default(false),
            Param::boolean("cube").describe("Add the subtotals over every choice of groups").default(false),
            Param::array("grouping_sets")
                .describe("The lists of groups to group by: [[\"a\", \"b\"], [\"a\"], []]")
                .max_length(1 << limits::CUBE_FIELDS_MAX),
            params::time_zone(),
            filter(),
            fields(),
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
            if operation == "window" { call.window().await } else { call.aggregate().await }
        })
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
}

/// A measure with its name in the answer.
type Aliased<'a> = (Measure<'a>, String);

impl Call<'_> {
    fn measures(&self) -> Result<Vec<Aliased<'_>>> {
        let table = &self.engine.table;
        if self.ask.get("measures").is_none() {
            return Ok(vec![(Measure::new(table, "count", None, outward(self.ask.0))?, "count".to_owned())]);
        }
        let given = self.ask.objects("measures", limits::MEASURES_MAX)?;
        if given.is_empty() {
            return Err(Error::new(&codes::MISSING_VALUE, "`measures` names none")
                .at("measures")
                .next("leave it out to count the rows"));
        }
        given.into_iter().map(|m| Measure::read(table, m, outward(self.ask.0))).collect()
    }

    fn having(&self) -> Result<Map<String, Value>> {
        if self.ask.get("having").is_none() { Ok(Map::new()) } else { self.ask.object("having").cloned() }
    }

    fn limit(&self) -> Result<usize> {
        let limit = self.ask.count("limit", 1_000, limits::GROUPS_MAX)?;
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    fn push_rows(&self, sql: &mut Sql) -> Result<()> {
        self.engine.push_scope(sql, self.context, false);
        sql.push(" AND ");
        crate::filter::push(sql, &self.engine.table, self.ask.filter())
    }

    async fn aggregate(&self) -> Result<Value> {
        let grouping = Grouping::read(&self.engine.table, &self.ask)?;
        let measures = self.measures()?;
        let mut columns = Columns::default();
        for (i, key) in grouping.keys.iter().enumerate() {
            columns.add(&key.alias, format!("g{i}"), key.kind, "group_by")?;
        }
        for (i, (measure, alias)) in measures.iter().enumerate() {
            columns.add(alias, format!("m{i}"), measure.kind, "measures")?;
        }
        let subtotals = grouping.has_subtotals();
        let ties: Vec<String> = (0..grouping.keys.len())
            .map(|i| format!("g{i} ASC NULLS LAST"))
            .chain(subtotals.then(|| "_grouping".to_owned()))
            .collect();
        let around =
            Around { columns: &columns, ties: &ties, apart: subtotals.then_some("_grouping"), masked: &[] };
        let inner = |sql: &mut Sql| {
            sql.push("(");
            self.push_measured(sql, &grouping, &measures)?;
            sql.push(") AS measured");
            Ok(())
        };
        let (all, rows) = self.result(&around, "_grouping", &inner).await?;
        let limit = self.limit()?;
        let mut groups = Vec::new();
        for row in rows.iter().take(limit) {
            let mut object = all.object(row)?;
            if subtotals {
                let bits = value::decode(row, all.0.len(), FieldType::Integer)?.as_u64().unwrap_or(0);
                object.insert("_level".to_owned(), json!(bits.count_ones()));
                object.insert("_over".to_owned(), json!(grouping.over(bits)));
            }
            groups.push(Value::Object(object));
        }
        Ok(json!({"operation": "aggregate", "groups": groups, "limited": rows.len() > limit}))
    }

    /// Windows over rows, without grouping them.
    async fn window(&self) -> Result<Value> {
        self.ask.need("windows")?;
        let table = &self.engine.table;
        let mut columns = Columns::default();
        for column in table.shown().filter(|c| !masking(self.ask.0).hides(c.sensitivity)) {
            columns.add(column.name(), column.text().into_owned(), column.field.kind, "fields")?;
        }
        let ties: Vec<String> = table.keys().iter().map(|k| format!("{} ASC NULLS LAST", k.ident)).collect();
        // Rows show personal data, as in a list; nothing is computed with it.
        let masked = table.shown().filter(|c| outward(self.ask.0).hides(c.sensitivity));
        let masked: Vec<&str> = masked.map(Column::name).collect();
        let around = Around { columns: &columns, ties: &ties, apart: None, masked: &masked };
        let inner = |sql: &mut Sql| {
            sql.push(&format!("(SELECT * FROM {} WHERE ", table.qualified));
            self.push_rows(sql)?;
            sql.push(") AS measured");
            Ok(())
        };
        let (all, found) = self.result(&around, "0::bigint", &inner).await?;
        let wanted: Vec<&Column> = self.engine.columns(self.ask.get("fields"))?;
        let limit = self.limit()?;
        let mut rows = Vec::new();
        for row in found.iter().take(limit) {
            let mut object = all.object(row)?;
            object.retain(|name, _| columns.find(name).is_none() || wanted.iter().any(|c| c.name() == name));
            rows.push(Value::Object(object));
        }
        Ok(json!({"operation": "window", "count": rows.len(), "rows": rows, "limited": found.len() > limit}))
    }

    /// The columns of `inner` and the windows over them, under the conditions and in the order of the call; `last` comes last.
    async fn result(
        &self,
        around: &Around<'_>,
        last: &str,
        inner: &(dyn Fn(&mut Sql) -> Result<()> + Sync),
    ) -> Result<(Columns, Vec<tokio_postgres::Row>)> {
        let (expressions, windows) = window::read(&self.ask, around)?;
        let having = self.having()?;
        let mut all = around.columns.clone();
        all.0.extend(windows.0.iter().cloned());
        if around.apart.is_some() {
            all.reserve(&["_level", "_over"])?;
        }
        let mut sql = Sql::new(format!("SELECT {}, {last} AS _last FROM (SELECT *", all.selected()));
        for expression in &expressions {
            sql.push(", ").push(expression);
        }
        sql.push(" FROM ");
        inner(&mut sql)?;
        sql.push(" WHERE true");
        // What is said of measures holds before windows look at the rows, what is said of windows after.
        let others = around.columns.push_conditions(&mut sql, &having)?;
        sql.push(") AS windowed WHERE true");
        let over: Map<String, Value> = having
            .iter()
            .filter(|(k, _)| others.contains(&k.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        if let Some(unknown) = windows.push_conditions(&mut sql, &over)?.first() {
            let message = format!("having names {unknown:?}, which is no measure and no window");
            return Err(Error::new(&codes::BAD_PARAMETER, message).at("having"));
        }
        let mut order = all.sorted(&self.ask)?;
        order.extend(around.ties.iter().cloned());
        if !order.is_empty() {
            sql.push(" ORDER BY ").push(&order.join(", "));
        }
        sql.push(&format!(" LIMIT {}", self.limit()? + 1));
        let rows = self.engine.read(&sql).await?;
        Ok((all, rows))
    }

    /// Appends the groups with their measures, as columns `g0 …`, `m0 …` and `_grouping`.
    fn push_measured(&self, sql: &mut Sql, grouping: &Grouping<'_>, measures: &[Aliased<'_>]) -> Result<()> {
        let approximate = || measures.iter().enumerate().filter(|(_, (m, _))| m.is_approximate());
        sql.push("SELECT grouped.*");
        for (i, _) in approximate() {
            sql.push(&format!(", coalesce(round(a{i}._n), 0)::bigint AS m{i}"));
        }
        sql.push(" FROM (SELECT ");
        let mut names = Vec::new();
        for (i, key) in grouping.keys.iter().enumerate() {
            let start = sql.text().len();
            key.push(sql);
            // The same text with the same parameters is the same expression.
            names.push(sql.text()[start..].to_owned());
            sql.push(&format!(" AS g{i}, "));
        }
        for (i, (measure, _)) in measures.iter().enumerate().filter(|(_, (m, _))| !m.is_approximate()) {
            measure.push(sql, &self.engine.table, None)?;
            sql.push(&format!(" AS m{i}, "));
        }
        sql.push(&format!(
            "{} AS _grouping FROM {} WHERE ",
            grouping.bits(&names),
            self.engine.table.qualified
        ));
        self.push_rows(sql)?;
        sql.push(&format!(" GROUP BY {}) AS grouped", grouping.sets(&names, None)));
        let key = |of: &str| {
            let parts: Vec<String> = (0..names.len()).map(|i| format!("{of}.g{i}, ")).collect();
            format!("jsonb_build_array({}{of}._grouping)", parts.concat())
        };
        for (i, (measure, _)) in approximate() {
            sql.push(" LEFT JOIN ");
            approx::push(sql, self.engine, grouping, measure, &|sql| self.push_rows(sql))?;
            sql.push(&format!(" AS a{i} ON {} = {}", key(&format!("a{i}")), key("grouped")));
        }
        Ok(())
    }
}
