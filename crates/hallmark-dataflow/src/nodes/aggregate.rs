//! Grouping with measures, conditions on groups, date buckets and subtotals.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};

use super::{Kind, filter, include_pii, masking};
use crate::engine::Engine;
use crate::input::Ask;
use crate::sql::Sql;
use crate::table::{Column, Table};
use crate::value::{self, Bound};
use crate::{codes, limits, names};

/// The functions of a measure.
pub(super) const FUNCTIONS: [&str; 6] = ["count", "count_distinct", "sum", "avg", "min", "max"];
/// The steps of a date bucket.
pub(super) const BUCKETS: [&str; 8] = ["minute", "hour", "day", "week", "month", "quarter", "year", "second"];

/// The kind `Aggregate`.
pub(super) struct Aggregate;

impl Kind for Aggregate {
    fn name(&self) -> &'static str {
        "Aggregate"
    }

    fn summary(&self) -> &'static str {
        "Groups rows of {} and computes counts, sums, averages and extremes"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["aggregate"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            Param::array("group_by")
                .describe("Fields, or {\"field\": name, \"bucket\": \"month\"} for times")
                .max_length(limits::SORT_FIELDS_MAX),
            Param::array("measures")
                .describe("[{\"function\": \"sum\", \"field\": name, \"as\": alias}]; a count by default")
                .max_length(limits::MEASURES_MAX),
            Param::object("having").describe("Conditions on measures: {\"alias\": {\"gte\": 10}}"),
            Param::any("sort").describe("Group names and measure aliases, `-` in front for descending"),
            Param::integer("limit").describe("Groups to return").range(1.0, 10_000.0),
            Param::boolean("rollup").describe("Add subtotals and the total, told by `_level`").default(false),
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
        _: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(run(engine, context, Ask(input)))
    }
}

/// One measure: its alias, its SQL and the type of its values.
pub(super) struct Measure {
    pub(super) alias: String,
    pub(super) expression: String,
    pub(super) kind: FieldType,
}

impl Measure {
    /// A function over a field. Sums of integers and averages of exact numbers are exact, and so are texts in the answer.
    pub(super) fn new(table: &Table, function: &str, field: Option<&str>, alias: &str) -> Result<Self> {
        let column = field.map(|f| table.column(f)).transpose()?;
        let need = || {
            let message = format!("{function} needs a field");
            column.ok_or_else(|| Error::new(&codes::MISSING_VALUE, message).at("measure"))
        };
        let number = |c: &Column| match c.field.kind {
            FieldType::Integer | FieldType::Float | FieldType::Decimal => Ok(()),
            other => Err(Error::new(
                &codes::BAD_PARAMETER,
                format!("{function} of {} ({}) is not defined", c.name(), other.name()),
            )),
        };
        let (expression, kind) = match function {
            "count" => (
                column.map_or_else(|| "count(*)".to_owned(), |c| format!("count({})", c.ident)),
                FieldType::Integer,
            ),
            "count_distinct" => (format!("count(DISTINCT {})", need()?.ident), FieldType::Integer),
            "sum" | "avg" => {
                let column = need()?;
                number(column)?;
                match column.field.kind {
                    FieldType::Float => (format!("{function}({})", column.ident), FieldType::Float),
                    _ => (format!("{function}({})", column.ident), FieldType::Decimal),
                }
            }
            "min" | "max" => {
                let column = need()?;
                if column.field.kind.is_json()
                    || matches!(
                        column.field.kind,
                        FieldType::Boolean | FieldType::FloatArray | FieldType::Bytes | FieldType::Uuid
                    )
                {
                    return Err(Error::new(
                        &codes::BAD_PARAMETER,
                        format!("{function} of {} is not defined", column.name()),
                    ));
                }
                (format!("{function}({})", column.ident), column.field.kind)
            }
            other => {
                return Err(Error::new(&codes::BAD_PARAMETER, format!("unknown function {other:?}"))
                    .next(format!("use {}", FUNCTIONS.join(", "))));
            }
        };
        let expression = match kind {
            FieldType::Decimal | FieldType::Date | FieldType::Time => format!("({expression})::text"),
            _ => expression,
        };
        Ok(Self { alias: alias.to_owned(), expression, kind })
    }

    /// The expression to compare or sort by, without the cast to text.
    pub(super) fn raw(&self) -> &str {
        self.expression.strip_suffix("::text").unwrap_or(&self.expression)
    }
}

/// The start of the step that a time falls in, in UTC.
pub(super) fn bucket(column: &Column, step: &str) -> Result<String> {
    if !BUCKETS.contains(&step) {
        return Err(Error::new(&codes::BAD_PARAMETER, format!("unknown bucket {step:?}"))
            .next(format!("use {}", BUCKETS.join(", "))));
    }
    match column.field.kind {
        FieldType::Timestamp => Ok(format!("date_trunc('{step}', {}, 'UTC')", column.ident)),
        FieldType::Date => {
            Ok(format!("date_trunc('{step}', {}::timestamp) AT TIME ZONE 'UTC'", column.ident))
        }
        other => Err(Error::new(
            &codes::BAD_PARAMETER,
            format!("{} is {} and has no time buckets", column.name(), other.name()),
        )),
    }
}

struct GroupKey {
    alias: String,
    expression: String,
    kind: FieldType,
}

fn group(table: &Table, given: &Value, ask: &Ask<'_>) -> Result<GroupKey> {
    let malformed = || {
        Error::new(&codes::BAD_PARAMETER, "group_by takes field names or {\"field\": …, \"bucket\": …}")
            .at("group_by")
    };
    let (name, step) = match given {
        Value::String(name) => (name.as_str(), None),
        Value::Object(members) => {
            let text = |k: &str| members.get(k).and_then(Value::as_str);
            (text("field").ok_or_else(malformed)?, text("bucket"))
        }
        _ => return Err(malformed()),
    };
    let column = table.column(name)?;
    if masking(ask.0).hides(column.sensitivity) {
        return Err(Error::new(&codes::BAD_PARAMETER, format!("{name} is secret; it is not grouped by"))
            .at("group_by"));
    }
    match step {
        Some(step) => Ok(GroupKey {
            alias: format!("{name}_{step}"),
            expression: bucket(column, step)?,
            kind: FieldType::Timestamp,
        }),
        None => {
            Ok(GroupKey { alias: name.to_owned(), expression: column.ident.clone(), kind: column.field.kind })
        }
    }
}

fn measures(table: &Table, ask: &Ask<'_>) -> Result<Vec<Measure>> {
    if ask.get("measures").is_none() {
        return Ok(vec![Measure::new(table, "count", None, "count")?]);
    }
    let mut measures: Vec<Measure> = Vec::new();
    for given in ask.objects("measures", limits::MEASURES_MAX)? {
        let text = |k: &str| given.get(k).and_then(Value::as_str);
        let function = text("function").unwrap_or("count");
        let field = text("field");
        let alias = text("as").map_or_else(
            || field.map_or_else(|| function.to_owned(), |f| format!("{function}_{f}")),
            str::to_owned,
        );
        names::quote(&alias)?;
        if measures.iter().any(|m| m.alias == alias) {
            return Err(Error::new(&codes::BAD_PARAMETER, format!("two measures are called {alias:?}"))
                .at("measures"));
        }
        measures.push(Measure::new(table, function, field, &alias)?);
    }
    Ok(measures)
}

async fn run(engine: &Engine, context: &Context, ask: Ask<'_>) -> Result<Value> {
    let table = &engine.table;
    let given: &[Value] = if ask.get("group_by").is_some() { ask.array("group_by")? } else { &[] };
    let groups = given.iter().map(|g| group(table, g, &ask)).collect::<Result<Vec<_>>>()?;
    let measures = measures(table, &ask)?;
    let limit = ask.count("limit", 1_000, limits::GROUPS_MAX)?;
    let rollup = ask.truth("rollup") && !groups.is_empty();

    // Each output has a name that no field has: ORDER BY would take an output column before the table's.
    let mut parts: Vec<String> =
        groups.iter().map(|g| format!("{} AS _group", shown(&g.expression, g.kind))).collect();
    parts.extend(measures.iter().map(|m| format!("{} AS _measure", m.expression)));
    let expressions: Vec<&str> = groups.iter().map(|g| g.expression.as_str()).collect();
    if rollup {
        parts.push(format!("grouping({})::bigint AS _grouping", expressions.join(", ")));
    }
    let mut sql = Sql::new(format!("SELECT {}", parts.join(", ")));
    engine.push_from(&mut sql, context, ask.filter(), false)?;
    if !groups.is_empty() {
        let list = expressions.join(", ");
        sql.push(&if rollup { format!(" GROUP BY ROLLUP ({list})") } else { format!(" GROUP BY {list}") });
    }
    push_having(&mut sql, &measures, &ask)?;
    push_sort(&mut sql, &groups, &measures, &ask)?;
    sql.push(&format!(" LIMIT {}", limit + 1));

    let rows = engine.read(&sql).await?;
    let limited = rows.len() as u64 > limit;
    let mut out = Vec::new();
    for row in rows.iter().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
        let mut object = Map::new();
        for (i, group) in groups.iter().enumerate() {
            object.insert(group.alias.clone(), value::decode(row, i, group.kind)?);
        }
        for (i, measure) in measures.iter().enumerate() {
            object.insert(measure.alias.clone(), value::decode(row, groups.len() + i, measure.kind)?);
        }
        if rollup {
            // The bits of grouping() tell which fields a subtotal runs over; their number is the level, 0 for a group.
            let bits =
                value::decode(row, groups.len() + measures.len(), FieldType::Integer)?.as_u64().unwrap_or(0);
            object.insert("_level".to_owned(), json!(bits.count_ones()));
        }
        out.push(Value::Object(object));
    }
    Ok(json!({"operation": "aggregate", "groups": out, "limited": limited}))
}

fn shown(expression: &str, kind: FieldType) -> String {
    match kind {
        FieldType::Decimal | FieldType::Date | FieldType::Time => format!("{expression}::text"),
        _ => expression.to_owned(),
    }
}

fn push_having(sql: &mut Sql, measures: &[Measure], ask: &Ask<'_>) -> Result<()> {
    if ask.get("having").is_none() {
        return Ok(());
    }
    let mut joint = " HAVING ";
    for (alias, conditions) in ask.object("having")? {
        let unknown = || {
            Error::new(&codes::BAD_PARAMETER, format!("having names {alias:?}, which is no measure"))
                .at("having")
        };
        let measure = measures.iter().find(|m| &m.alias == alias).ok_or_else(unknown)?;
        let plain = Map::from_iter([("eq".to_owned(), conditions.clone())]);
        for (operator, operand) in conditions.as_object().unwrap_or(&plain) {
            let symbol = match operator.strip_prefix('$').unwrap_or(operator) {
                "eq" => " = ",
                "ne" => " <> ",
                "lt" => " < ",
                "lte" => " <= ",
                "gt" => " > ",
                "gte" => " >= ",
                other => {
                    return Err(Error::new(
                        &codes::BAD_FILTER,
                        format!("unknown operator {other:?} in having"),
                    ));
                }
            };
            let bound = value::encode(measure.kind, operand)?;
            let cast = match measure.kind {
                FieldType::Decimal => Some("numeric"),
                FieldType::Date => Some("date"),
                FieldType::Time => Some("time"),
                _ => None,
            };
            if matches!(bound, Bound::Null(_)) {
                return Err(Error::new(&codes::BAD_FILTER, "having cannot compare with null"));
            }
            sql.push(joint).push(measure.raw()).push(symbol).bind(bound, cast);
            joint = " AND ";
        }
    }
    Ok(())
}

fn push_sort(sql: &mut Sql, groups: &[GroupKey], measures: &[Measure], ask: &Ask<'_>) -> Result<()> {
    let mut parts: Vec<String> = Vec::new();
    let given: Vec<&str> = match ask.get("sort") {
        Some(Value::String(one)) => one.split(',').map(str::trim).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for text in given {
        let (name, direction) = text.strip_prefix('-').map_or((text, "ASC"), |n| (n, "DESC"));
        let group = groups.iter().find(|g| g.alias == name).map(|g| g.expression.clone());
        let expression =
            group.or_else(|| measures.iter().find(|m| m.alias == name).map(|m| m.raw().to_owned()));
        let unknown =
            || Error::new(&codes::BAD_SORT, format!("{name:?} is no group and no measure")).at("sort");
        parts.push(format!("{} {direction} NULLS LAST", expression.ok_or_else(unknown)?));
    }
    parts.extend(groups.iter().map(|g| format!("{} ASC NULLS LAST", g.expression)));
    if !parts.is_empty() {
        sql.push(" ORDER BY ").push(&parts.join(", "));
    }
    Ok(())
}
