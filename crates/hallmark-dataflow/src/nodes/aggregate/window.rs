//! Window functions: what a row is among others, computed over the columns of a result.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value};

use super::columns::{Columns, Named};
use crate::input::{Ask, known, names_in, number_in, text_in};
use crate::{codes, limits};

/// The functions.
pub(super) const FUNCTIONS: [&str; 17] = [
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "ntile",
    "lag",
    "lead",
    "first",
    "last",
    "total",
    "share",
    "running_sum",
    "running_avg",
    "running_min",
    "running_max",
    "moving_sum",
    "moving_avg",
];

/// What is common to the windows of one result.
pub(super) struct Around<'a> {
    /// The columns that windows can be over.
    pub(super) columns: &'a Columns,
    /// What makes an order of rows whole, so that rows with the same values have one order too.
    pub(super) ties: &'a [String],
    /// A column that rows of another kind differ in: subtotals are not mixed with groups.
    pub(super) apart: Option<&'a str>,
    /// The columns that windows must not be over.
    pub(super) masked: &'a [&'a str],
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(&codes::BAD_WINDOW, message).at("windows")
}

/// The windows of a call: their expressions, and the columns that they become, `_w0 …`.
pub(super) fn read(ask: &Ask<'_>, around: &Around<'_>) -> Result<(Vec<String>, Columns)> {
    let (mut expressions, mut windows) = (Vec::new(), Columns::default());
    if ask.get("windows").is_none() {
        return Ok((expressions, windows));
    }
    for (i, given) in ask.objects("windows", limits::WINDOWS_MAX)?.into_iter().enumerate() {
        let (expression, alias, kind) = one(given, around)?;
        if around.columns.find(&alias).is_some() {
            return Err(
                bad(format!("{alias:?} is already a column")).next("give the window another name with as")
            );
        }
        expressions.push(format!("{expression} AS _w{i}"));
        windows.add(&alias, format!("_w{i}"), kind, "windows")?;
    }
    Ok((expressions, windows))
}

fn one(given: &Map<String, Value>, around: &Around<'_>) -> Result<(String, String, FieldType)> {
    let what = "windows";
    known(given, what, &["function", "of", "partition_by", "order_by", "offset", "rows", "as"])?;
    let asked = text_in(given, what, "function")?.ok_or_else(|| bad("a window needs a function"))?;
    let function = *FUNCTIONS.iter().find(|f| **f == asked).ok_or_else(|| {
        bad(format!("unknown window function {asked:?}")).next(format!("use {}", FUNCTIONS.join(", ")))
    })?;
    let of = text_in(given, what, "of")?.map(|name| column(name, around)).transpose()?;
    let (call, kind) = call(function, of, given)?;
    let over = over(function, given, around)?;
    let expression = match function {
        // Of whole and exact numbers the division is exact, and only its result is a double.
        "share" => {
            let ident = of.map_or("", |o| o.ident.as_str());
            format!("({ident} / nullif(sum({ident}) OVER ({over}), 0))::double precision")
        }
        _ => format!("{call} OVER ({over})"),
    };
    let alias = text_in(given, what, "as")?.map_or_else(
        || of.map_or_else(|| function.to_owned(), |o| format!("{function}_{}", o.alias)),
        str::to_owned,
    );
    Ok((expression, alias, kind))
}

fn column<'a>(name: &str, around: &Around<'a>) -> Result<&'a Named> {
    if around.masked.contains(&name) {
        let message = format!("{name} holds personal or secret values");
        return Err(Error::new(&codes::BAD_PARAMETER, message)
            .at("windows")
            .next("ask with include_pii: true if you may"));
    }
    around.columns.find(name).ok_or_else(|| bad(format!("{name:?} is no column of the result")))
}

/// The function with its arguments, and the type of what it gives.
fn call(function: &str, of: Option<&Named>, given: &Map<String, Value>) -> Result<(String, FieldType)> {
    let whole = |name: &str, default: f64| -> Result<u64> {
        let number = number_in(given, "windows", name, (1.0, limits::WINDOW_ROWS_MAX))?.unwrap_or(default);
        if number.fract() != 0.0 {
            return Err(bad(format!("{name} is a whole number")));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number within bounds"
        )]
        Ok(number as u64)
    };
    if !matches!(function, "lag" | "lead" | "ntile") && given.contains_key("offset") {
        return Err(bad(format!("{function} takes no offset")));
    }
    if matches!(function, "row_number" | "rank" | "dense_rank" | "percent_rank" | "ntile") {
        if of.is_some() {
            return Err(bad(format!("{function} is of no column; it needs order_by")));
        }
        return Ok(match function {
            "ntile" => (format!("ntile({}::integer)", whole("offset", 4.0)?), FieldType::Integer),
            "percent_rank" => ("percent_rank()".to_owned(), FieldType::Float),
            other => (format!("{other}()"), FieldType::Integer),
        });
    }
    let of = of.ok_or_else(|| bad(format!("{function} needs the column it is of")))?;
    let number = matches!(of.kind, FieldType::Integer | FieldType::Float | FieldType::Decimal);
    let summed = if of.kind == FieldType::Float { FieldType::Float } else { FieldType::Decimal };
    let ident = &of.ident;
    let defined = |defined: bool, call: String, kind| {
        let refused = || bad(format!("{function} of {} ({}) is not defined", of.alias, of.kind.name()));
        if defined { Ok((call, kind)) } else { Err(refused()) }
    };
    let ordered = number
        || matches!(of.kind, FieldType::Text | FieldType::Timestamp | FieldType::Date | FieldType::Time);
    match function {
        "lag" | "lead" => Ok((format!("{function}({ident}, {}::integer)", whole("offset", 1.0)?), of.kind)),
        "first" => Ok((format!("first_value({ident})"), of.kind)),
        "last" => Ok((format!("last_value({ident})"), of.kind)),
        "share" => defined(number, String::new(), FieldType::Float),
        "running_min" => defined(ordered, format!("min({ident})"), of.kind),
        "running_max" => defined(ordered, format!("max({ident})"), of.kind),
        "running_avg" | "moving_avg" => defined(number, format!("avg({ident})"), summed),
        _ => defined(number, format!("sum({ident})"), summed),
    }
}

/// What stands in the brackets behind `OVER`.
fn over(function: &str, given: &Map<String, Value>, around: &Around<'_>) -> Result<String> {
    let what = "windows";
    let mut parts: Vec<&str> = around.apart.into_iter().collect();
    for name in names_in(given, what, "partition_by")? {
        parts.push(&column(name, around)?.ident);
    }
    let order_by = names_in(given, what, "order_by")?;
    for name in order_by.iter().map(|name| name.strip_prefix('-').unwrap_or(name)) {
        column(name, around)?;
    }
    let order = around.columns.order(order_by.into_iter()).map_err(|e| bad(e.message().to_owned()))?;
    let whole = matches!(function, "total" | "share");
    if whole != order.is_empty() {
        let what = if whole { "is over all rows and takes no order_by" } else { "needs order_by" };
        return Err(bad(format!("{function} {what}")));
    }
    let mut text = String::new();
    if !parts.is_empty() {
        text.push_str(&format!("PARTITION BY {}", parts.join(", ")));
    }
    if order.is_empty() {
        return Ok(text);
    }
    // Rows that are equal have the same rank; every other function needs one order.
    let ranks = matches!(function, "rank" | "dense_rank" | "percent_rank");
    let ties = around.ties.iter().map(String::as_str).filter(|_| !ranks);
    let order: Vec<&str> = order.iter().map(String::as_str).chain(ties).collect();
    text.push_str(&format!(" ORDER BY {}", order.join(", ")));
    let rows = number_in(given, what, "rows", (1.0, limits::WINDOW_ROWS_MAX))?;
    match (function.starts_with("moving_"), rows) {
        (true, Some(rows)) if rows.fract() == 0.0 => {
            text.push_str(&format!(" ROWS BETWEEN {} PRECEDING AND CURRENT ROW", rows - 1.0));
        }
        (true, _) => return Err(bad(format!("{function} needs rows, a whole number"))),
        (false, Some(_)) => return Err(bad(format!("{function} takes no rows"))),
        (false, None) if function.starts_with("running_") => text.push_str(" ROWS UNBOUNDED PRECEDING"),
        (false, None) if matches!(function, "first" | "last") => {
            text.push_str(" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING");
        }
        (false, None) => {}
    }
    Ok(text)
}
