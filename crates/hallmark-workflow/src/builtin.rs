//! Built-in nodes: they route and shape values between other nodes, and touch nothing outside.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hallmark_core::{Error, Result, canonical};
use serde_json::{Map, Value, json};

use crate::govern::echo;
use crate::{Context, Group, Input, Node, NodeSpec, Param, Path, codes, limits};

/// Every built-in node, sorted by name.
#[must_use]
pub fn nodes() -> Vec<Arc<dyn Node>> {
    [condition(), filter(), map(), merge(), switch(), template()]
        .map(|node| Arc::new(node) as Arc<dyn Node>)
        .into()
}

/// A node whose work is a pure function of its input.
struct Pure {
    spec: NodeSpec,
    work: fn(&Input) -> Result<Value>,
}

impl Node for Pure {
    fn spec(&self) -> &NodeSpec {
        &self.spec
    }

    fn run<'a>(&'a self, _context: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move { (self.work)(&input) })
    }
}

fn spec(name: &str, summary: &str) -> NodeSpec {
    NodeSpec::new(name, summary).group(Group::Builtin).read_only()
}

const OPERATORS: [&str; 10] = ["==", "!=", "<", "<=", ">", ">=", "contains", "in", "exists", "truthy"];

fn operator() -> Param {
    Param::string("operator").default("truthy").choices(OPERATORS).describe("How the value is compared")
}

fn path() -> Param {
    Param::string("path")
        .default("$")
        .max_length(500)
        .describe("Where in the value: `$`, `items.0.name` or a JSON pointer")
}

fn condition() -> Pure {
    let spec =
        spec("ConditionNode", "Passes the value on as `then` or as `else`; the branch not taken is skipped")
            .branching()
            .param(Param::any("value").required().describe("What is judged and passed on"))
            .param(path())
            .param(operator())
            .param(Param::any("operand").describe("What it is compared with"));
    Pure {
        spec,
        work: |input| {
            Ok(if holds(input, value(input))? {
                json!({"then": value(input)})
            } else {
                json!({"else": value(input)})
            })
        },
    }
}

fn filter() -> Pure {
    let spec = spec("FilterNode", "Keeps the items of a list that satisfy a condition")
        .param(Param::array("items").required().describe("The list"))
        .param(path())
        .param(operator())
        .param(Param::any("operand").describe("What each is compared with"));
    let work = |input: &Input| {
        let mut kept = Vec::new();
        for item in input.get("items").and_then(Value::as_array).into_iter().flatten() {
            if holds(input, item)? {
                kept.push(item.clone());
            }
        }
        Ok(json!({"count": kept.len(), "items": kept}))
    };
    Pure { spec, work }
}

fn map() -> Pure {
    let spec = spec(
        "MapNode",
        "Makes an object of values picked by their paths; of a list, one object for each item",
    )
    .param(Param::any("value").required().describe("What is picked from"))
    .param(
        Param::object("paths").required().max_length(200).describe("Name in the result to path in the value"),
    )
    .param(Param::boolean("each").default(false).describe("Pick from every item of the list, into `items`"))
    .param(Param::boolean("lenient").default(false).describe("Write null where a path leads nowhere"));
    let work = |input: &Input| {
        let mut picks = Vec::new();
        for (name, path) in input.get("paths").and_then(Value::as_object).into_iter().flatten() {
            let text = path.as_str().ok_or_else(|| {
                Error::new(&codes::WRONG_TYPE, format!("the path of {} is not a string", echo(name)))
                    .at("MapNode.paths")
            })?;
            picks.push((name, Path::parse(text)?));
        }
        let lenient = input.get("lenient") == Some(&Value::Bool(true));
        if input.get("each") != Some(&Value::Bool(true)) {
            return pick(&picks, value(input), lenient);
        }
        let items = value(input).as_array().ok_or_else(|| {
            Error::new(&codes::WRONG_TYPE, "with `each`, the value must be a list").at("MapNode.value")
        })?;
        let items = items.iter().map(|item| pick(&picks, item, lenient)).collect::<Result<Vec<_>>>()?;
        Ok(json!({"count": items.len(), "items": items}))
    };
    Pure { spec, work }
}

fn pick(picks: &[(&String, Path)], from: &Value, lenient: bool) -> Result<Value> {
    let mut members = Map::new();
    for (name, path) in picks {
        let found = match path.get(from) {
            Some(found) => found.clone(),
            None if lenient => Value::Null,
            None => {
                return Err(Error::new(
                    &codes::PATH_NOT_FOUND,
                    format!("the value has no {}", echo(path.as_str())),
                )
                .at("MapNode.paths")
                .next("set lenient to write null instead"));
            }
        };
        members.insert((*name).clone(), found);
    }
    Ok(Value::Object(members))
}

fn merge() -> Pure {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let spec = spec("MergeNode", "Joins what arrives, in the order a to h; branches not taken are left out")
        .params(names.map(|name| Param::any(name).describe("One of the values")))
        .param(
            Param::string("mode").default("first").choices(["first", "object", "list", "concat"]).describe(
                "The first value; members of all objects, later ones on top; all values; items of all lists",
            ),
        );
    let work = |input: &Input| {
        let given = ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().filter_map(|name| input.get(name));
        let wrong = |what: &str| {
            Error::new(&codes::WRONG_TYPE, format!("this mode joins {what} only")).at("MergeNode")
        };
        let merged = match input.get("mode").and_then(Value::as_str) {
            Some("object") => {
                let mut members = Map::new();
                for value in given {
                    let value = value.as_object().ok_or_else(|| wrong("objects"))?;
                    members.extend(value.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                Value::Object(members)
            }
            Some("list") => given.cloned().collect(),
            Some("concat") => {
                let mut items = Vec::new();
                for value in given {
                    items.extend_from_slice(value.as_array().ok_or_else(|| wrong("lists"))?);
                }
                Value::Array(items)
            }
            _ => given.into_iter().next().cloned().unwrap_or_default(),
        };
        Ok(json!({"value": merged}))
    };
    Pure { spec, work }
}

fn switch() -> Pure {
    let spec =
        spec("SwitchNode", "Passes the value on under the name of its case; the other branches are skipped")
            .branching()
            .param(Param::any("value").required().describe("What is judged and passed on"))
            .param(path())
            .param(
                Param::object("cases")
                    .required()
                    .max_length(200)
                    .describe("Branch name to the value, or list of values, it takes"),
            );
    let work = |input: &Input| {
        let judged = Path::parse(text(input, "path"))?.get(value(input)).cloned().unwrap_or_default();
        let takes = |case: &Value| {
            same(case, &judged) || case.as_array().is_some_and(|all| all.iter().any(|v| same(v, &judged)))
        };
        let cases = input.get("cases").and_then(Value::as_object);
        let branch = cases
            .and_then(|cases| cases.iter().find(|(_, case)| takes(case)))
            .map_or("default", |(name, _)| name);
        Ok(json!({branch: value(input)}))
    };
    Pure { spec, work }
}

fn template() -> Pure {
    let spec = spec(
        "TemplateNode",
        "Fills the places `{{ path }}` of a text with values; nothing is escaped or evaluated",
    )
    .param(Param::string("template").required().max_length(100_000).describe("The text with its places"))
    .param(Param::object("values").required().describe("What the paths lead into"));
    let work = |input: &Input| {
        let values = input.get("values").unwrap_or(&Value::Null);
        let wrong = |why: String| Error::new(&codes::BAD_TEMPLATE, why).at("TemplateNode.template");
        let mut rest = text(input, "template");
        let mut filled = String::with_capacity(rest.len());
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let (place, after) =
                after.split_once("}}").ok_or_else(|| wrong("a `{{` is not closed".to_owned()))?;
            let path = Path::parse(place.trim())?;
            let found = path.get(values);
            match found.ok_or_else(|| wrong(format!("no value was given for {}", echo(path.as_str()))))? {
                Value::String(text) => filled.push_str(text),
                other => filled.push_str(&canonical::to_string(other)),
            }
            if filled.len() > limits::RESULT_MAX_BYTES {
                return Err(wrong(format!("the text grows beyond {} bytes", limits::RESULT_MAX_BYTES)));
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(json!({"text": filled}))
    };
    Pure { spec, work }
}

fn value(input: &Input) -> &Value {
    input.get("value").unwrap_or(&Value::Null)
}

fn text<'a>(input: &'a Input, name: &str) -> &'a str {
    input.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the place in `value` that `path` names satisfies `operator` and `operand`. What is not there satisfies `!=` only.
fn holds(input: &Input, value: &Value) -> Result<bool> {
    let found = Path::parse(text(input, "path"))?.get(value);
    let operand = input.get("operand").unwrap_or(&Value::Null);
    let operator = text(input, "operator");
    let Some(found) = found else { return Ok(operator == "!=") };
    Ok(match operator {
        "==" => same(found, operand),
        "!=" => !same(found, operand),
        "<" => compare(found, operand)?.is_lt(),
        "<=" => compare(found, operand)?.is_le(),
        ">" => compare(found, operand)?.is_gt(),
        ">=" => compare(found, operand)?.is_ge(),
        "contains" => contains(found, operand),
        "in" => contains(operand, found),
        "exists" => true,
        _ => truthy(found),
    })
}

/// Equality by value: 1 and 1.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) if a.is_f64() || b.is_f64() => x.total_cmp(&y).is_eq(),
        _ => a == b,
    }
}

fn compare(a: &Value, b: &Value) -> Result<std::cmp::Ordering> {
    let integers = |v: &Value| v.as_i64().map(i128::from).or(v.as_u64().map(i128::from));
    match (a, b) {
        (Value::String(x), Value::String(y)) => Ok(x.cmp(y)),
        _ => {
            match (integers(a), integers(b), a.as_f64(), b.as_f64()) {
                (Some(x), Some(y), ..) => Ok(x.cmp(&y)),
                (.., Some(x), Some(y)) => Ok(x.total_cmp(&y)),
                _ => Err(Error::new(&codes::WRONG_TYPE, "only two numbers or two strings have an order")
                    .at("operand")),
            }
        }
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::String(whole), Value::String(part)) => whole.contains(part.as_str()),
        (Value::Array(items), _) => items.iter().any(|item| same(item, part)),
        (Value::Object(members), Value::String(name)) => members.contains_key(name),
        _ => false,
    }
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Caller, Registry};

    fn run(name: &str, input: Value) -> Result<Value> {
        let registry = Registry::with_builtins()?;
        let context = Context::new(&Caller::new("test"));
        let Value::Object(input) = input else { panic!("an object") };
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
            .block_on(registry.call(name, &context, input))
    }

    #[test]
    fn operators_compare_by_value_and_never_across_types() {
        let holds = |value: Value, operator: &str, operand: Value| {
            let taken =
                run("ConditionNode", json!({"value": value, "operator": operator, "operand": operand}));
            taken.map(|taken| taken.get("then").is_some()).map_err(|e| e.code().id)
        };
        let max = u64::MAX;
        for (value, operator, operand, expected) in [
            (json!(1), "==", json!(1.0), Ok(true)),
            (json!(max), "==", json!(max - 1), Ok(false)),
            (json!(max), ">", json!(-1), Ok(true)),
            (json!("a"), "<", json!("b"), Ok(true)),
            (json!(1), "<", json!("2"), Err("HM-W012")),
            (json!("1"), "==", json!(1), Ok(false)),
            (json!(2), "<=", json!(2), Ok(true)),
            (json!(2.5), ">=", json!(3), Ok(false)),
            (json!([1, 2]), "contains", json!(2.0), Ok(true)),
            (json!("abc"), "contains", json!("bc"), Ok(true)),
            (json!({"k": 1}), "contains", json!("k"), Ok(true)),
            (json!(3), "in", json!([1, 2]), Ok(false)),
            (json!(3), "!=", json!(4), Ok(true)),
            (json!(0), "exists", json!(null), Ok(true)),
            (json!(0), "truthy", json!(null), Ok(false)),
            (json!(""), "truthy", json!(null), Ok(false)),
            (json!([0]), "truthy", json!(null), Ok(true)),
        ] {
            assert_eq!(
                holds(value.clone(), operator, operand.clone()),
                expected,
                "{value} {operator} {operand}"
            );
        }
    }

    #[test]
    fn a_filter_keeps_what_holds_and_what_is_missing_never_does() {
        let items = json!([{"price": 5}, {"price": 15}, {}, {"price": 25}]);
        let kept =
            run("FilterNode", json!({"items": items, "path": "price", "operator": ">", "operand": 10}))
                .unwrap();
        assert_eq!(kept, json!({"count": 2, "items": [{"price": 15}, {"price": 25}]}));
    }

    #[test]
    fn a_map_picks_from_one_or_from_each() {
        let paths = json!({"n": "name", "first": "tags.0"});
        let one = run("MapNode", json!({"value": {"name": "a", "tags": ["x"]}, "paths": paths})).unwrap();
        assert_eq!(one, json!({"n": "a", "first": "x"}));
        let value = json!([{"name": "a", "tags": []}]);
        let each = json!({"value": value, "paths": paths, "each": true, "lenient": true});
        assert_eq!(run("MapNode", each).unwrap(), json!({"count": 1, "items": [{"n": "a", "first": null}]}));
        let strict = json!({"value": value, "paths": paths, "each": true});
        assert_eq!(run("MapNode", strict).unwrap_err().code().id, "HM-W034");
        assert_eq!(run("MapNode", json!({"value": 1, "paths": {"a": 1}})).unwrap_err().code().id, "HM-W012");
    }

    #[test]
    fn a_merge_joins_in_each_mode() {
        let merge = |mode: &str, a: Value, c: Value| run("MergeNode", json!({"mode": mode, "a": a, "c": c}));
        assert_eq!(merge("first", json!(1), json!(2)).unwrap()["value"], 1);
        assert_eq!(merge("list", json!(1), json!([2])).unwrap()["value"], json!([1, [2]]));
        assert_eq!(merge("concat", json!([1]), json!([2])).unwrap()["value"], json!([1, 2]));
        let joined = merge("object", json!({"x": 1, "y": 1}), json!({"y": 2})).unwrap();
        assert_eq!(joined["value"], json!({"x": 1, "y": 2}));
        assert_eq!(merge("object", json!(1), json!({})).unwrap_err().code().id, "HM-W012");
        assert_eq!(run("MergeNode", json!({})).unwrap(), json!({"value": null}));
    }

    #[test]
    fn a_switch_names_the_branch() {
        let cases = json!({"low": [1, 2], "high": 9});
        let switch =
            |n: i64| run("SwitchNode", json!({"value": {"n": n}, "path": "n", "cases": cases})).unwrap();
        assert_eq!(switch(2), json!({"low": {"n": 2}}));
        assert_eq!(switch(9), json!({"high": {"n": 9}}));
        assert_eq!(switch(5), json!({"default": {"n": 5}}));
    }

    #[test]
    fn a_template_fills_and_never_evaluates_what_it_filled_in() {
        let values = json!({"a": {"b": "{{ c }}"}, "n": 1.5, "c": "no"});
        let fill = |template: &str| run("TemplateNode", json!({"template": template, "values": values}));
        assert_eq!(fill("<{{a.b}}|{{ n }}>").unwrap()["text"], "<{{ c }}|1.5>");
        assert_eq!(fill("plain }}").unwrap()["text"], "plain }}");
        for wrong in ["{{ a", "{{ missing }}"] {
            assert_eq!(fill(wrong).unwrap_err().code().id, "HM-W026", "{wrong}");
        }
        assert_eq!(fill("{{ }}").unwrap_err().code().id, "HM-W024");
    }
}
