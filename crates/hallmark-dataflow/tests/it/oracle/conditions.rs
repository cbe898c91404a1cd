//! Random filters: as a node takes them, and as a condition of plain SQL that is written another way.

use hallmark_dataflow::FieldType;
use serde_json::{Map, Value, json};

use super::model::{Col, Shape};
use super::shadow::column;
use super::values::{Val, quoted};
use crate::dice::Dice;

/// A filter.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) json: Value,
    /// True for exactly the rows that satisfy it, else false; never null.
    pub(super) sql: String,
}

/// A filter of at most this depth.
pub(super) fn random(dice: &mut Dice, shape: &Shape, depth: u64) -> Filter {
    let (mut members, mut conditions) = (Map::new(), Vec::new());
    for _ in 0..1 + dice.below(2) {
        let (name, value, sql) = match dice.below(if depth == 0 { 6 } else { 10 }) {
            0..=5 => {
                let col = dice.of(&shape.cols);
                let (value, sql) = field(dice, &col);
                (col.name, value, sql)
            }
            6 => {
                let inner = random(dice, shape, depth - 1);
                (word(dice, "not"), inner.json, format!("NOT {}", inner.sql))
            }
            n => {
                let (name, joint, empty) =
                    if n == 7 { ("and", "AND", "true") } else { ("or", "OR", "false") };
                let parts: Vec<Filter> = (0..dice.below(4)).map(|_| random(dice, shape, depth - 1)).collect();
                let texts: Vec<&str> = parts.iter().map(|p| p.sql.as_str()).collect();
                let sql = if texts.is_empty() { empty.to_owned() } else { texts.join(&format!(" {joint} ")) };
                let list: Value = parts.iter().map(|p| p.json.clone()).collect();
                (word(dice, name), list, format!("({sql})"))
            }
        };
        if !members.contains_key(&name) {
            members.insert(name, value);
            conditions.push(sql);
        }
    }
    Filter { json: Value::Object(members), sql: format!("({})", conditions.join(" AND ")) }
}

/// An operator may have a dollar before it.
fn word(dice: &mut Dice, name: &str) -> String {
    if dice.chance(20) { format!("${name}") } else { name.to_owned() }
}

fn field(dice: &mut Dice, col: &Col) -> (Value, String) {
    let c = column(&col.name);
    let value = dice.of(&col.pool);
    match dice.below(12) {
        0 => return (Value::Null, format!("{c} IS NULL")),
        // A bare object could be taken for operators.
        1 if !col.kind.is_json() => return (value.json, is_true(&format!("{c} = {}", value.sql))),
        _ => {}
    }
    let (mut members, mut conditions) = (Map::new(), Vec::new());
    for _ in 0..1 + dice.below(2) {
        let (name, operand, sql) = comparison(dice, col, &c);
        let name = word(dice, name);
        if !members.contains_key(&name) {
            members.insert(name, operand);
            conditions.push(sql);
        }
    }
    (Value::Object(members), format!("({})", conditions.join(" AND ")))
}

fn is_true(condition: &str) -> String {
    format!("(({condition}) IS TRUE)")
}

fn comparison(dice: &mut Dice, col: &Col, c: &str) -> (&'static str, Value, String) {
    let value = dice.of(&col.pool);
    match dice.below(10) {
        0 => ("eq", value.json, is_true(&format!("{c} = {}", value.sql))),
        1 => ("ne", value.json, format!("NOT {}", is_true(&format!("{c} = {}", value.sql)))),
        2 => {
            let is = dice.chance(50);
            ("is_null", json!(is), if is { format!("{c} IS NULL") } else { format!("{c} IS NOT NULL") })
        }
        3 => ("eq", Value::Null, format!("{c} IS NULL")),
        4 => ("ne", Value::Null, format!("{c} IS NOT NULL")),
        n @ (5 | 6) => {
            let among: Vec<Val> = dice.some(&col.pool, 3);
            let any: Vec<String> = among.iter().map(|v| format!("{c} = {}", v.sql)).collect();
            let any = if any.is_empty() { "false".to_owned() } else { is_true(&any.join(" OR ")) };
            let list: Value = among.into_iter().map(|v| v.json).collect();
            if n == 5 { ("in", list, any) } else { ("not_in", list, format!("NOT {any}")) }
        }
        7 if col.kind == FieldType::Text => text(dice, &value, c),
        7 if col.kind.is_json() => ("contains", value.json, is_true(&format!("{} <@ {c}", value.sql))),
        _ if col.kind.is_json() => ("eq", value.json, is_true(&format!("{c} = {}", value.sql))),
        _ => {
            let (name, negated) = dice.of(&[("lt", ">="), ("lte", ">"), ("gt", "<="), ("gte", "<")]);
            (name, value.json, is_true(&format!("NOT ({c} {negated} {})", value.sql)))
        }
    }
}

/// Parts of texts; case counts at either end, and not inside.
fn text(dice: &mut Dice, value: &Val, c: &str) -> (&'static str, Value, String) {
    let whole: Vec<char> = value.json.as_str().unwrap().chars().collect();
    let length = usize::try_from(dice.below(3)).unwrap().min(whole.len());
    let part: String = whole[whole.len() - length..].iter().collect();
    let sql = quoted(&part);
    let (name, condition) = match dice.below(3) {
        0 => ("starts_with", format!("left({c}, {length}) = {sql}")),
        1 if length == 0 => ("ends_with", format!("{c} IS NOT NULL")),
        1 => ("ends_with", format!("right({c}, {length}) = {sql}")),
        _ => {
            let pattern = part.replace('!', "!!").replace('%', "!%").replace('_', "!_");
            ("contains", format!("{c} ILIKE {} ESCAPE '!'", quoted(&format!("%{pattern}%"))))
        }
    };
    (name, json!(part), is_true(&condition))
}
