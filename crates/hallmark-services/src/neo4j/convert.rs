//! JSON to Bolt and back.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use hallmark_core::{Error, Result, digest};
use neo4rs::{BoltFloat, BoltInteger, BoltList, BoltMap, BoltNode, BoltNull, BoltPath, BoltType};
use serde_json::{Map, Number, Value, json};

use crate::{codes, limits};

/// The Bolt value of a JSON value.
///
/// # Errors
/// `HM-S023` for an integer beyond 64 bits signed, or nesting beyond [`limits::PARAMETER_DEPTH`].
pub(crate) fn to_bolt(value: &Value) -> Result<BoltType> {
    bolt(value, limits::PARAMETER_DEPTH)
}

fn bolt(value: &Value, depth: usize) -> Result<BoltType> {
    if depth == 0 {
        let sentence = format!("the parameter is nested deeper than {} levels", limits::PARAMETER_DEPTH);
        return Err(Error::new(&codes::PARAMETER, sentence));
    }
    Ok(match value {
        Value::Null => BoltType::Null(BoltNull),
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => bolt_number(number)?,
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => {
            let mut list = BoltList::with_capacity(items.len());
            for item in items {
                list.push(bolt(item, depth - 1)?);
            }
            BoltType::List(list)
        }
        Value::Object(members) => {
            let mut map = BoltMap::with_capacity(members.len());
            for (name, member) in members {
                map.put(name.as_str().into(), bolt(member, depth - 1)?);
            }
            BoltType::Map(map)
        }
    })
}

fn bolt_number(number: &Number) -> Result<BoltType> {
    if let Some(integer) = number.as_i64() {
        return Ok(BoltType::Integer(BoltInteger::new(integer)));
    }
    match number.as_f64() {
        Some(double) if !number.is_u64() => Ok(BoltType::Float(BoltFloat::new(double))),
        _ => Err(Error::new(&codes::PARAMETER, format!("{number} does not fit Neo4j's 64-bit integers"))
            .next("send it as a text")),
    }
}

/// The JSON value of a Bolt value. Numbers that JSON lacks (NaN, infinities) become their names, bytes hexadecimal text.
pub(crate) fn to_json(value: &BoltType) -> Value {
    match value {
        BoltType::Null(_) => Value::Null,
        BoltType::Boolean(b) => Value::Bool(b.value),
        BoltType::Integer(i) => json!(i.value),
        BoltType::Float(f) => float(f.value),
        BoltType::String(s) => json!(s.value),
        BoltType::List(l) => list(l),
        BoltType::Map(m) => map(m),
        BoltType::Node(n) => node(n),
        BoltType::Relation(r) => json!({
            "id": r.id.value, "type": r.typ.value, "start": r.start_node_id.value, "end": r.end_node_id.value,
            "properties": map(&r.properties),
        }),
        BoltType::UnboundedRelation(r) => {
            json!({"id": r.id.value, "type": r.typ.value, "properties": map(&r.properties)})
        }
        BoltType::Path(p) => path(p),
        BoltType::Point2D(p) => json!({"srid": p.sr_id.value, "x": float(p.x.value), "y": float(p.y.value)}),
        BoltType::Point3D(p) => {
            json!({"srid": p.sr_id.value, "x": float(p.x.value), "y": float(p.y.value), "z": float(p.z.value)})
        }
        BoltType::Bytes(b) => json!(digest::to_hex(&b.value)),
        temporal => time(temporal),
    }
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| json!(value.to_string()), Value::Number)
}

fn list(list: &BoltList) -> Value {
    Value::Array(list.value.iter().map(to_json).collect())
}

fn map(map: &BoltMap) -> Value {
    Value::Object(map.value.iter().map(|(k, v)| (k.value.clone(), to_json(v))).collect::<Map<_, _>>())
}

fn node(node: &BoltNode) -> Value {
    json!({"id": node.id.value, "labels": list(&node.labels), "properties": map(&node.properties)})
}

/// Bolt sends a path as its distinct nodes and relationships, and pairs of indices that walk them: a relationship's
/// index (from 1, negative against its direction), then the index of the node that it leads to.
fn path(path: &BoltPath) -> Value {
    let (nodes, relationships) = (path.nodes(), path.rels());
    let at = |i: i64| usize::try_from(i).ok().and_then(|i| nodes.get(i));
    let mut walked: Vec<Value> = nodes.first().map(node).into_iter().collect();
    let mut steps = Vec::new();
    let mut from = nodes.first();
    for pair in path.indices().chunks_exact(2) {
        let (turn, to) = (pair[0].value, at(pair[1].value));
        let Some(relationship) = usize::try_from(turn.unsigned_abs())
            .ok()
            .and_then(|i| i.checked_sub(1))
            .and_then(|i| relationships.get(i))
        else {
            break;
        };
        let (start, end) = if turn > 0 { (from, to) } else { (to, from) };
        steps.push(json!({
            "id": relationship.id.value, "type": relationship.typ.value, "properties": map(&relationship.properties),
            "start": start.map(|n| n.id.value), "end": end.map(|n| n.id.value),
        }));
        walked.extend(to.map(node));
        from = to;
    }
    json!({"nodes": walked, "relationships": steps})
}

fn time(value: &BoltType) -> Value {
    let text = match value {
        BoltType::Date(d) => NaiveDate::try_from(d).map(|d| d.to_string()).ok(),
        BoltType::Time(t) => {
            let (time, offset) = <(NaiveTime, FixedOffset)>::from(t);
            Some(format!("{time}{offset}"))
        }
        BoltType::LocalTime(t) => Some(NaiveTime::from(t).to_string()),
        BoltType::DateTime(t) => DateTime::<FixedOffset>::try_from(t).map(|t| t.to_rfc3339()).ok(),
        BoltType::DateTimeZoneId(t) => {
            DateTime::<FixedOffset>::try_from(t).map(|d| format!("{}[{}]", d.to_rfc3339(), t.tz_id())).ok()
        }
        BoltType::LocalDateTime(t) => {
            NaiveDateTime::try_from(t).map(|t| t.format("%Y-%m-%dT%H:%M:%S%.f").to_string()).ok()
        }
        // The driver counts months and days in as seconds; ask with toString() to keep them apart.
        BoltType::Duration(d) => Some(format!("PT{}S", std::time::Duration::from(d.clone()).as_secs_f64())),
        _ => None,
    };
    text.map_or(Value::Null, Value::String)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_survives_the_round_trip() {
        let value = json!({"a": [1, -2.5, null, true, "ü"], "b": {"c": {}, "d": []}, "e": i64::MIN});
        assert_eq!(to_json(&to_bolt(&value).unwrap()), value);
    }

    #[test]
    fn what_bolt_cannot_hold_is_refused() {
        assert!(to_bolt(&json!(u64::MAX)).unwrap_err().is(&codes::PARAMETER));
        let deep = (0..limits::PARAMETER_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        assert!(to_bolt(&deep).unwrap_err().is(&codes::PARAMETER));
    }

    #[test]
    fn numbers_that_json_lacks_keep_their_names() {
        assert_eq!(to_json(&BoltType::Float(BoltFloat::new(f64::NAN))), json!("NaN"));
        assert_eq!(to_json(&BoltType::Float(BoltFloat::new(f64::NEG_INFINITY))), json!("-inf"));
    }
}
