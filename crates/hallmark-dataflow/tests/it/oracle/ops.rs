//! Random operations. They are made before anything runs, so that one can be left out and the others stay what they are.

use hallmark_dataflow::FieldType;
use serde_json::{Map, Value, json};

use super::conditions::{Filter, random};
use super::model::Shape;
use super::values::Val;
use crate::dice::Dice;

/// The fields that a caller gives.
pub(super) type Row = Vec<(String, Val)>;

/// One operation.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) tenant: &'static str,
    pub(super) act: Act,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Create {
        row: Row,
    },
    Update {
        key: Row,
        row: Row,
        expected: Option<i64>,
        inside: bool,
    },
    Delete {
        key: Row,
    },
    Upsert {
        row: Row,
        match_on: Vec<String>,
        named: bool,
    },
    BulkCreate {
        rows: Vec<Row>,
    },
    BulkUpdate {
        filter: Filter,
        row: Row,
    },
    BulkUpdateRows {
        rows: Vec<(Row, Row)>,
    },
    BulkUpsert {
        rows: Vec<Row>,
        match_on: Vec<String>,
        skip: bool,
    },
    BulkDelete {
        filter: Filter,
    },
    Read {
        key: Row,
        deleted: bool,
        fields: Vec<String>,
    },
    Query {
        node: &'static str,
        filter: Option<Filter>,
        sort: Vec<(String, bool)>,
        limit: u64,
        deleted: bool,
        fields: Vec<String>,
    },
    Count {
        node: &'static str,
        filter: Option<Filter>,
        deleted: bool,
    },
    Facets {
        field: String,
        filter: Option<Filter>,
        limit: u64,
    },
    Aggregate(Box<Groups>),
}

/// One aggregation.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// Fields, some with the step of a bucket.
    pub(super) by: Vec<(String, Option<&'static str>)>,
    /// Function, field, name.
    pub(super) measures: Vec<(&'static str, Option<String>, String)>,
    pub(super) filter: Option<Filter>,
    /// Measure, operator, value.
    pub(super) having: Option<(usize, &'static str, Val)>,
    /// Positions among the measures, and whether the largest comes first.
    pub(super) sort: Vec<(usize, bool)>,
    pub(super) rollup: bool,
    pub(super) limit: usize,
}

/// As JSON.
pub(super) fn object(row: &Row) -> Value {
    row.iter().map(|(n, v)| (n.clone(), v.json.clone())).collect::<Map<_, _>>().into()
}

/// The operations of a case: rows first, so that there is something to find.
pub(super) fn all(dice: &mut Dice, shape: &Shape, count: u64) -> Vec<Op> {
    let mut ops = Vec::new();
    for n in 0..count {
        let tenant = if shape.tenant { dice.of(&["", "one"]) } else { "" };
        let act = if n < 4 {
            let rows = (0..3 + dice.below(6)).map(|_| row(dice, shape, true, 0)).collect();
            if dice.chance(60) {
                Act::BulkCreate { rows }
            } else {
                Act::Create { row: row(dice, shape, true, 3) }
            }
        } else {
            act(dice, shape)
        };
        ops.push(Op { tenant, act });
    }
    ops
}

fn act(dice: &mut Dice, shape: &Shape) -> Act {
    // A bulk change needs a filter that says something of the rows; every row has a key.
    let filter = |dice: &mut Dice| {
        let Filter { json, sql } = random(dice, shape, 2);
        let any = json!({ &shape.keys()[0].name: {"is_null": false} });
        Filter { json: json!({"and": [json, any]}), sql }
    };
    match dice.below(26) {
        0..=2 => Act::Create { row: row(dice, shape, true, 6) },
        3 | 4 => Act::Update {
            key: key(dice, shape),
            row: row(dice, shape, false, 6),
            expected: (shape.versioned && dice.chance(40)).then(|| i64::try_from(1 + dice.below(2)).unwrap()),
            inside: dice.chance(40),
        },
        5 => Act::Delete { key: key(dice, shape) },
        6 | 7 => {
            let (match_on, named) = match_on(dice, shape);
            Act::Upsert { row: upserted(dice, shape, &match_on), match_on, named }
        }
        8 => Act::BulkCreate { rows: (0..dice.below(4)).map(|_| row(dice, shape, true, 1)).collect() },
        9 => Act::BulkUpdate { filter: filter(dice), row: row(dice, shape, false, 3) },
        10 => Act::BulkUpdateRows {
            rows: (0..1 + dice.below(3)).map(|_| (key(dice, shape), row(dice, shape, false, 2))).collect(),
        },
        11 | 12 => {
            let (match_on, _) = match_on(dice, shape);
            let rows = (0..1 + dice.below(4)).map(|_| upserted(dice, shape, &match_on)).collect();
            Act::BulkUpsert { rows, match_on, skip: dice.chance(40) }
        }
        13 => Act::BulkDelete { filter: filter(dice) },
        14 | 15 => Act::Read { key: key(dice, shape), deleted: dice.chance(30), fields: fields(dice, shape) },
        16..=19 => query(dice, shape),
        20 => Act::Count {
            node: dice.of(&["CRUD", "Search"]),
            filter: maybe(dice, shape),
            deleted: dice.chance(30),
        },
        21 => Act::Facets {
            field: dice.of(&shape.cols).name,
            filter: maybe(dice, shape),
            limit: 1 + dice.below(6),
        },
        _ => Act::Aggregate(Box::new(groups(dice, shape))),
    }
}

fn maybe(dice: &mut Dice, shape: &Shape) -> Option<Filter> {
    dice.chance(70).then(|| random(dice, shape, 2))
}

fn fields(dice: &mut Dice, shape: &Shape) -> Vec<String> {
    let names: Vec<String> = shape.cols.iter().map(|c| c.name.clone()).collect();
    if dice.chance(60) { Vec::new() } else { dice.some(&names, 3) }
}

fn query(dice: &mut Dice, shape: &Shape) -> Act {
    let ordered: Vec<String> = shape.cols.iter().filter(|c| c.ordered()).map(|c| c.name.clone()).collect();
    let sort = dice.some(&ordered, 3).into_iter().map(|n| (n, dice.chance(50))).collect();
    Act::Query {
        node: dice.of(&["CRUD", "Search"]),
        filter: maybe(dice, shape),
        sort,
        limit: 1 + dice.below(6),
        deleted: dice.chance(30),
        fields: fields(dice, shape),
    }
}

/// The values of a key.
fn key(dice: &mut Dice, shape: &Shape) -> Row {
    shape.keys().into_iter().map(|c| (c.name.clone(), dice.of(&c.pool))).collect()
}

/// A row to create (`whole`) or to change with; so many in a hundred values are ones that cannot be kept.
fn row(dice: &mut Dice, shape: &Shape, whole: bool, bad: u64) -> Row {
    let mut row = Row::new();
    if whole {
        let given = !shape.made || dice.chance(30);
        row.extend(key(dice, shape).into_iter().filter(|_| given));
    }
    for col in shape.data() {
        let must = whole && col.required();
        if dice.chance(if must { 1 + bad } else { 30 }) && (!must || dice.chance(bad)) {
            continue;
        }
        let mut value = if dice.chance(12) && (col.nullable || dice.chance(bad)) {
            Val::null()
        } else {
            dice.of(&col.pool)
        };
        if value.is_null() && !col.nullable {
            value.bad = true;
        }
        if value.bad && !dice.chance(bad) {
            match col.pool.iter().filter(|v| !v.bad).cloned().collect::<Vec<_>>() {
                good if good.is_empty() => continue,
                good => value = dice.of(&good),
            }
        }
        row.push((col.name.clone(), value));
    }
    row
}

/// What an upsert matches by, and whether the call names it.
fn match_on(dice: &mut Dice, shape: &Shape) -> (Vec<String>, bool) {
    let sets = shape.uniques();
    if dice.chance(50) { (sets[0].clone(), dice.chance(50)) } else { (dice.of(&sets), true) }
}

/// A row for an upsert. Where the key is made, the row names another unique value, by which the oracle finds what was made.
fn upserted(dice: &mut Dice, shape: &Shape, match_on: &[String]) -> Row {
    let mut row = row(dice, shape, true, 2);
    let has = |row: &Row, name: &str| row.iter().any(|(n, v)| n == name && !v.is_null());
    let by_key = match_on.iter().all(|n| shape.col(n).key);
    if shape.made && (by_key || !match_on.iter().all(|n| has(&row, n))) && !has(&row, &shape.keys()[0].name) {
        row.extend(key(dice, shape));
    }
    row
}

const BUCKETS: [&str; 8] = ["minute", "hour", "day", "week", "month", "quarter", "year", "second"];

fn groups(dice: &mut Dice, shape: &Shape) -> Groups {
    let names: Vec<String> = shape.cols.iter().map(|c| c.name.clone()).collect();
    let by: Vec<(String, Option<&'static str>)> = dice
        .some(&names, 3)
        .into_iter()
        .map(|n| {
            let time = matches!(shape.col(&n).kind, FieldType::Timestamp | FieldType::Date);
            let step = (time && dice.chance(60)).then(|| dice.of(&BUCKETS));
            (n, step)
        })
        .collect();
    let mut measures = Vec::new();
    for n in 0..dice.below(5) {
        let col = dice.of(&shape.cols);
        let mut functions = vec!["count", "count_distinct"];
        if matches!(col.kind, FieldType::Integer | FieldType::Decimal | FieldType::Float) && !col.wild {
            functions.extend(["sum", "avg"]);
        }
        if col.ordered() && !matches!(col.kind, FieldType::Boolean | FieldType::Bytes | FieldType::Uuid) {
            functions.extend(["min", "max"]);
        }
        let function = dice.of(&functions);
        let field = (function != "count" || dice.chance(50)).then_some(col.name);
        measures.push((function, field, format!("m{n}")));
    }
    if measures.is_empty() {
        // The name that a count has by itself, if no group has it.
        let name = if by.iter().any(|(n, _)| n == "count") { "m0" } else { "count" };
        measures.push(("count", None, name.to_owned()));
    }
    let counts: Vec<usize> = (0..measures.len()).filter(|i| measures[*i].0.starts_with("count")).collect();
    let having = (!counts.is_empty() && dice.chance(30)).then(|| {
        let operator = dice.of(&["eq", "ne", "lt", "lte", "gt", "gte"]);
        (dice.of(&counts), operator, Val::int(i64::try_from(dice.below(4)).unwrap()))
    });
    let positions: Vec<usize> = (0..measures.len()).collect();
    let sort = dice.some(&positions, 2).into_iter().map(|i| (i, dice.chance(50))).collect();
    let rollup = dice.chance(30);
    Groups {
        by,
        measures,
        filter: maybe(dice, shape),
        having,
        sort,
        rollup,
        limit: if rollup || dice.chance(60) { 10_000 } else { 1 + usize::try_from(dice.below(5)).unwrap() },
    }
}
