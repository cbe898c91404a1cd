//! Time series, distributions, the top values, cohorts, periods compared, and a profile of the table.

mod cohorts;
mod compare;
mod distribution;
pub(super) mod edge;
mod profile;
mod series;
mod top;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::Value;

use super::aggregate::{self, Key, Measure};
use super::{Kind, filter, include_pii, outward, params, refuse_masked};
use crate::engine::Engine;
use crate::input::Ask;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::value::Bound;
use crate::{codes, limits};
use edge::Edge;

/// The kind `Analytics`.
pub(super) struct Analytics;

impl Kind for Analytics {
    fn name(&self) -> &'static str {
        "Analytics"
    }

    fn summary(&self) -> &'static str {
        "Time series, distributions, top values, cohorts, periods compared and a profile of {}"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["profile", "time_series", "distribution", "top_n", "cohorts", "compare"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            Param::string("field").describe("The field to look at (its time for series, cohorts and periods)"),
            Param::string("bucket")
                .describe("The step of a series, of cohorts, or the period to compare")
                .choices(aggregate::BUCKETS)
                .default("day"),
            Param::string("function")
                .describe("What to compute per step, value or period")
                .choices(aggregate::SIMPLE)
                .default("count"),
            Param::string("measure")
                .describe("The field that the function is computed over; not needed for count"),
            params::time_zone(),
            Param::string("from").describe("The first instant, or the day that begins at midnight of the time zone (time_series, compare)").max_length(64),
            Param::string("to").describe("The instant after the last, or the day after it (time_series, compare)").max_length(64),
            Param::string("fill")
                .describe("What steps without rows are: left out, null, zero, or the step before (time_series)")
                .choices(["none", "null", "zero", "previous"])
                .default("none"),
            Param::any("bins")
                .describe("Bins of a numeric distribution: 1 to 200, or \"auto\" by the spread of the values")
                .default(10),
            Param::string("bin_rule")
                .describe("Bins of the same width, or with the same number of rows (distribution)")
                .choices(["equal_width", "equal_count"])
                .default("equal_width"),
            Param::array("edges")
                .describe("The edges of the bins, rising, instead of bins (distribution)")
                .max_length(201),
            Param::boolean("other").describe("Add what all other values come to (top_n)").default(false),
            Param::string("entity").describe("The field that says who came back (cohorts)"),
            Param::string("start_field")
                .describe("The time at which an entity joined its cohort; its first row by default (cohorts)"),
            Param::integer("periods").describe("The most periods of a cohort").range(1.0, 100.0).default(12),
            Param::string("against")
                .describe("What a period is compared with: the one before, or the same of the year before (compare)")
                .choices(["previous", "year"])
                .default("previous"),
            Param::string("by").describe("Compare for each value of this field (compare)"),
            Param::number("sample_percent")
                .describe("Look at about this share of the rows (profile)")
                .range(0.001, 100.0),
            Param::integer("common").describe("The most common values to show (profile)").range(0.0, 20.0).default(5),
            Param::integer("limit").describe("Values or steps to return").range(1.0, 2_000.0),
            filter(),
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
                "time_series" => call.time_series().await,
                "distribution" => call.distribution().await,
                "top_n" => call.top_n().await,
                "cohorts" => call.cohorts().await,
                "compare" => call.compare().await,
                _ => call.profile().await,
            }
        })
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
}

fn is_number(column: &Column) -> bool {
    matches!(column.field.kind, FieldType::Integer | FieldType::Float | FieldType::Decimal)
}

fn bad(message: impl Into<String>, place: &str) -> Error {
    Error::new(&codes::BAD_PARAMETER, message).at(place.to_owned())
}

impl Call<'_> {
    /// The field that a parameter names, whose values may be shown.
    fn named(&self, parameter: &str) -> Result<&Column> {
        let column = self.engine.table.column(self.ask.need(parameter)?.as_str().unwrap_or_default())?;
        refuse_masked(column, self.ask.0, parameter)?;
        Ok(column)
    }

    fn field(&self) -> Result<&Column> {
        self.named("field")
    }

    /// The field that a parameter names, which must hold instants or days.
    fn time(&self, parameter: &str) -> Result<&Column> {
        let column = self.named(parameter)?;
        if matches!(column.field.kind, FieldType::Timestamp | FieldType::Date) {
            return Ok(column);
        }
        Err(bad(format!("{} is {} and holds no times", column.name(), column.field.kind.name()), parameter))
    }

    fn measure(&self) -> Result<Measure<'_>> {
        let function = self.ask.text("function").unwrap_or("count");
        Measure::new(&self.engine.table, function, self.ask.text("measure"), outward(self.ask.0))
    }

    /// The step, and the time zone that it begins in.
    fn step(&self) -> Result<(&'static str, String)> {
        let step = aggregate::step(self.ask.text("bucket").unwrap_or("day"))?;
        Ok((step, aggregate::time_zone(self.ask.text("time_zone").unwrap_or("UTC"))?))
    }

    /// The ends `from` and `to` of the call.
    fn span(&self) -> Result<(Option<Edge>, Option<Edge>)> {
        Ok((Edge::read(&self.ask, "from")?, Edge::read(&self.ask, "to")?))
    }

    /// Appends ` FROM table WHERE` scope and filter.
    fn push_from(&self, sql: &mut Sql) -> Result<()> {
        self.engine.push_from(sql, self.context, self.ask.filter(), false)
    }

    /// Appends the instant at which a time of a row is: a day is taken as its midnight in the time zone.
    fn push_instant(sql: &mut Sql, column: &Column, zone: &str) {
        if column.field.kind == FieldType::Date {
            sql.push(&format!("({}::timestamp AT TIME ZONE ", column.ident));
            sql.bind(Bound::Text(zone.to_owned()), None).push(")");
        } else {
            sql.push(&column.ident);
        }
    }

    async fn one(&self, sql: &Sql) -> Result<tokio_postgres::Row> {
        let found = self.engine.read(sql).await?.into_iter().next();
        found.ok_or_else(|| Error::new(&hallmark_core::codes::INTERNAL, "an aggregate gave no row"))
    }
}

/// The most rows to give back, of those that a step can have.
fn most(ask: &Ask<'_>, default: u64) -> Result<usize> {
    let limit = ask.count("limit", default, limits::BUCKETS_MAX)?;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}
