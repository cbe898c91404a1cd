//! Measures: a function over the rows of a group, perhaps over some of them only.

use std::borrow::Cow;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value};

use super::float;
use crate::codes;
use crate::filter::{self, Filter};
use crate::input::{known, number_in, text_in};
use crate::sensitivity::Masking;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::value::Bound;

/// The functions of a measure.
pub(in crate::nodes) const FUNCTIONS: [&str; 14] = [
    "count",
    "count_distinct",
    "approx_distinct",
    "sum",
    "avg",
    "min",
    "max",
    "median",
    "percentile",
    "percentile_disc",
    "mode",
    "stddev",
    "variance",
    "any",
];
/// Those that the analytics node computes: they need nothing but a field.
pub(in crate::nodes) const SIMPLE: [&str; 9] =
    ["count", "count_distinct", "sum", "avg", "min", "max", "median", "stddev", "variance"];

/// One measure as it is asked for, checked.
pub(in crate::nodes) struct Measure<'a> {
    /// Its function, one of [`FUNCTIONS`].
    pub(in crate::nodes) function: &'static str,
    /// What it is computed over; `None` counts rows.
    pub(in crate::nodes) column: Option<&'a Column>,
    /// The type of its values.
    pub(in crate::nodes) kind: FieldType,
    distinct: bool,
    percentile: f64,
    filter: Value,
    masking: Masking,
}

fn bad(message: String) -> Error {
    Error::new(&codes::BAD_PARAMETER, message).at("measures")
}

impl<'a> Measure<'a> {
    /// A function over all values of a field. Sums of integers and averages of exact numbers are exact, and so are texts in the answer.
    ///
    /// # Errors
    /// `HM-D025` for a function that is not defined for the field, or a field whose values are masked and would be shown.
    pub(in crate::nodes) fn new(
        table: &'a Table,
        function: &str,
        field: Option<&str>,
        masking: Masking,
    ) -> Result<Self> {
        let column = field.map(|f| table.column(f)).transpose()?;
        let function = *FUNCTIONS.iter().find(|f| **f == function).ok_or_else(|| {
            bad(format!("unknown function {function:?}")).next(format!("use {}", FUNCTIONS.join(", ")))
        })?;
        if column.is_none() && function != "count" {
            return Err(Error::new(&codes::MISSING_VALUE, format!("{function} needs a field")).at("measure"));
        }
        let kind = match column {
            None => FieldType::Integer,
            Some(column) => kind(function, column)?,
        };
        // Of a single row, a sum or a mean is the value itself; what is counted is not told.
        let shows = !matches!(function, "count" | "count_distinct" | "approx_distinct");
        if let Some(column) = column.filter(|c| shows && masking.hides(c.sensitivity)) {
            let message = format!("{function} of {} would show what is masked", column.name());
            return Err(bad(message).next("ask with include_pii: true if you may"));
        }
        Ok(Self { function, column, kind, distinct: false, percentile: 0.5, filter: Value::Null, masking })
    }

    /// A measure with all that a call can say of it.
    ///
    /// # Errors
    /// As [`Measure::new`]; `HM-D025` for members that do not fit the function.
    pub(in crate::nodes) fn read(
        table: &'a Table,
        given: &Map<String, Value>,
        masking: Masking,
    ) -> Result<(Self, String)> {
        let what = "measures";
        known(given, what, &["function", "field", "as", "distinct", "p", "filter"])?;
        let function = text_in(given, what, "function")?.unwrap_or("count");
        let field = text_in(given, what, "field")?;
        let mut measure = Self::new(table, function, field, masking)?;
        measure.distinct = match given.get("distinct") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(truth)) if matches!(function, "sum" | "avg" | "count") && field.is_some() => {
                *truth
            }
            Some(_) => {
                return Err(bad(format!(
                    "distinct is true or false, of count, sum or avg of a field, not of {function}"
                )));
            }
        };
        let p = number_in(given, what, "p", (0.0, 1.0))?;
        match (function.starts_with("percentile"), p) {
            (true, Some(p)) => measure.percentile = p,
            (false, None) => {}
            (true, None) => {
                return Err(
                    Error::new(&codes::MISSING_VALUE, format!("{function} needs p from 0 to 1")).at(what)
                );
            }
            (false, Some(_)) => return Err(bad(format!("{function} takes no p"))),
        }
        measure.filter = given.get("filter").cloned().unwrap_or_default();
        let alias = text_in(given, what, "as")?.map_or_else(
            || field.map_or_else(|| function.to_owned(), |f| format!("{function}_{f}")),
            str::to_owned,
        );
        Ok((measure, alias))
    }

    /// The rows that it is computed over, among those of the group.
    pub(super) fn filter(&self) -> Filter<'_> {
        Filter { given: &self.filter, masking: self.masking }
    }

    /// Whether it is an estimate, computed apart.
    pub(super) fn is_approximate(&self) -> bool {
        self.function == "approx_distinct"
    }

    /// Appends the expression, in the type of its values and not as the driver reads them; `more` is a further condition on rows.
    pub(in crate::nodes) fn push(
        &self,
        sql: &mut Sql,
        table: &Table,
        more: Option<&dyn Fn(&mut Sql)>,
    ) -> Result<()> {
        let ident = self.column.map_or(Cow::Borrowed("*"), Column::text);
        let exact = |c: &Column| c.field.kind != FieldType::Float;
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        let rows = |sql: &mut Sql| self.push_rows(sql, table, more);
        let of_doubles = match self.function {
            "avg" => Some("avg"),
            "stddev" => Some("stddev_samp"),
            "variance" => Some("var_samp"),
            _ => None,
        };
        if let Some(function) = of_doubles.filter(|_| !self.column.is_some_and(exact)) {
            return float::push(sql, (function, distinct), &ident, &rows);
        }
        match self.function {
            "count_distinct" => sql.push(&format!("count(DISTINCT {ident})")),
            "median" | "percentile" => {
                sql.push("percentile_cont(").bind(Bound::Float(self.percentile), None);
                sql.push(&format!(") WITHIN GROUP (ORDER BY {ident}::double precision)"))
            }
            "percentile_disc" => {
                sql.push("percentile_disc(").bind(Bound::Float(self.percentile), None);
                sql.push(&format!(") WITHIN GROUP (ORDER BY {ident})"))
            }
            "mode" => sql.push(&format!("mode() WITHIN GROUP (ORDER BY {ident})")),
            // Of exact numbers the sums behind it are exact, and only the root is a double.
            "stddev" | "variance" => {
                sql.push(&format!("{}({ident}::numeric)", of_doubles.unwrap_or_default()))
            }
            "any" => sql.push(&format!("bool_or({ident})")),
            function => sql.push(&format!("{function}({distinct}{ident})")),
        };
        rows(sql)?;
        // Doubles whatever they were computed from.
        if matches!(self.function, "stddev" | "variance") {
            sql.push("::double precision");
        }
        Ok(())
    }

    /// Appends the `FILTER` of its rows, if it is not over all of the group.
    fn push_rows(&self, sql: &mut Sql, table: &Table, more: Option<&dyn Fn(&mut Sql)>) -> Result<()> {
        let filtered = self.filter.as_object().map_or(!self.filter.is_null(), |f| !f.is_empty());
        if filtered || more.is_some() {
            sql.push(" FILTER (WHERE ");
            filter::push(sql, table, self.filter())?;
            if let Some(more) = more {
                sql.push(" AND ");
                more(sql);
            }
            sql.push(")");
        }
        Ok(())
    }
}

/// The type of what a function gives for a field.
fn kind(function: &str, column: &Column) -> Result<FieldType> {
    let kind = column.field.kind;
    let number = matches!(kind, FieldType::Integer | FieldType::Float | FieldType::Decimal);
    let listed = kind.is_json() || matches!(kind, FieldType::FloatArray | FieldType::Bytes);
    // There is no min() of truths and UUIDs.
    let ordered = !listed && !matches!(kind, FieldType::Boolean | FieldType::Uuid);
    let (defined, result) = match function {
        "count" | "count_distinct" => (true, FieldType::Integer),
        "approx_distinct" => (!kind.is_json(), FieldType::Integer),
        "sum" | "avg" => (number, if kind == FieldType::Float { kind } else { FieldType::Decimal }),
        "median" | "percentile" | "stddev" | "variance" => (number, FieldType::Float),
        "any" => (kind == FieldType::Boolean, kind),
        "mode" => (!listed, kind),
        _ => (ordered, kind),
    };
    if defined {
        Ok(result)
    } else {
        Err(bad(format!("{function} of {} ({}) is not defined", column.name(), kind.name())))
    }
}

/// An expression as the driver reads it.
pub(in crate::nodes) fn shown(expression: &str, kind: FieldType) -> String {
    match kind {
        FieldType::Decimal | FieldType::Date | FieldType::Time => format!("{expression}::text"),
        _ => expression.to_owned(),
    }
}
