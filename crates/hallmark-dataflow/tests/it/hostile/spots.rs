//! Every place of an input where a caller's value stands.

use hallmark_dataflow::Table;
use hallmark_workflow::{NodeSpec, Sensitivity};
use serde_json::Value;

/// A place of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// A value, by its path.
    Value(Vec<String>),
    /// The name of a member, by the path to its object and the name.
    Name(Vec<String>, String),
}

/// All places of an input, and those of declared parameters that it does not give.
pub(super) fn all(input: &Value, spec: &NodeSpec) -> Vec<Spot> {
    let mut spots = Vec::new();
    walk(input, &mut Vec::new(), &mut spots);
    let given = input.as_object();
    let absent = spec.params.iter().filter(|p| given.is_none_or(|g| !g.contains_key(&p.name)));
    spots.extend(absent.map(|p| Spot::Value(vec![p.name.clone()])));
    spots
}

fn walk(value: &Value, path: &mut Vec<String>, spots: &mut Vec<Spot>) {
    // A long list is like its first items.
    const ITEMS: usize = 4;
    let mut step = |name: String, inner: &Value, spots: &mut Vec<Spot>| {
        path.push(name);
        spots.push(Spot::Value(path.clone()));
        walk(inner, path, spots);
        path.pop();
    };
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().take(ITEMS).enumerate() {
                step(at.to_string(), item, spots);
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                step(name.clone(), item, spots);
            }
            let names = members.keys().map(|name| Spot::Name(path.clone(), name.clone()));
            spots.extend(names);
        }
        _ => {}
    }
}

fn at<'a>(input: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(input, |value, step| match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        Value::Object(members) => members.get_mut(step),
        _ => None,
    })
}

impl Spot {
    /// The input with a hostile value in this place; `None` if such a value cannot stand there.
    pub(super) fn with(&self, input: &Value, hostile: &Value) -> Option<Value> {
        let mut changed = input.clone();
        match self {
            Self::Value(path) => {
                let (last, before) = path.split_last()?;
                match at(&mut changed, before)? {
                    Value::Array(items) => *items.get_mut(last.parse::<usize>().ok()?)? = hostile.clone(),
                    Value::Object(members) => drop(members.insert(last.clone(), hostile.clone())),
                    _ => return None,
                }
            }
            Self::Name(path, name) => {
                let members = at(&mut changed, path)?.as_object_mut()?;
                let value = members.remove(name)?;
                members.insert(hostile.as_str()?.to_owned(), value);
            }
        }
        Some(changed)
    }

    /// Whether what stands here may be personal, so that no error may repeat it.
    pub(super) fn is_personal(&self, spec: &NodeSpec, table: &Table) -> bool {
        let Self::Value(path) = self else { return false };
        let param = path.first().and_then(|name| spec.params.iter().find(|p| p.name == *name));
        let of_column = |name: &String| {
            table.columns.iter().any(|c| c.name() == name && c.sensitivity != Sensitivity::Plain)
        };
        param.is_some_and(|p| p.sensitivity != Sensitivity::Plain) || path.iter().any(of_column)
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(path) => write!(f, "{}", path.join(".")),
            Self::Name(path, name) => write!(f, "the name {}.{name}", path.join(".")),
        }
    }
}
