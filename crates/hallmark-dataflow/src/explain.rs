//! What a node asks of PostgreSQL, how PostgreSQL goes about it, and which index would help.

use std::collections::BTreeSet;

use hallmark_core::{Error, Result};
use hallmark_workflow::{Context, Group, Input, Registry};
use serde::Serialize;
use serde_json::{Value, json};

use crate::table::{Role, Table};
use crate::trace::{Explained, Mode, Trace};
use crate::{DataFlow, codes, limits};

/// The statements of one call of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The node.
    pub node: String,
    /// Whether the statements were carried out, so that their plans tell times and rows. What changes rows is only planned, and so is
    /// told as far as its first statement goes.
    pub executed: bool,
    /// The statements in order.
    pub statements: Vec<Explained>,
    /// What would make them cheaper.
    pub advice: Vec<Advice>,
}

/// An index that is missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The model.
    pub model: String,
    /// The fields that the rows were looked through for.
    pub fields: Vec<String>,
    /// What was seen, and what to declare.
    pub text: String,
}

impl Explanation {
    /// The explanation as `hallmark.explain/1`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let statements: Vec<Value> = self
            .statements
            .iter()
            .map(|s| json!({"sql": s.sql, "parameters": s.parameters, "plan": s.plan}))
            .collect();
        json!({
            "schema": "hallmark.explain/1", "node": self.node, "executed": self.executed, "statements": statements,
            "advice": self.advice,
        })
    }
}

impl DataFlow {
    /// Explains what a generated node does with this input. What only reads is carried out; what would change rows is not.
    ///
    /// # Errors
    /// `HM-W001` if there is no such node, `HM-D081` if it is not one of a model or asks PostgreSQL nothing that can be explained; what
    /// governance and the node refuse.
    pub async fn explain(
        &self,
        registry: &Registry,
        name: &str,
        context: &Context,
        input: Input,
    ) -> Result<Explanation> {
        let spec = registry.get(name)?.spec();
        let Group::Generated { model, kind } = &spec.group else {
            let message = format!("{name} is not the node of a model");
            return Err(Error::new(&codes::NOT_EXPLAINED, message).next("hallmark nodes"));
        };
        // What copies files or asks Redis does more than send statements: it would be done, not explained.
        if !spec.read_only && !matches!(kind.as_str(), "CRUD" | "Export") {
            let message =
                format!("{name} does more than ask PostgreSQL, and cannot be shown without being done");
            return Err(Error::new(&codes::NOT_EXPLAINED, message)
                .next(format!("explain another node of {model}, for example {model}CRUDNode")));
        }
        let reads = |operation: &str| kind == "CRUD" && matches!(operation, "read" | "list");
        let operation = input.get("operation").and_then(Value::as_str).unwrap_or("read");
        let executed = spec.read_only || reads(operation);
        let mode = if executed { Mode::Run } else { Mode::PlanOnly };
        let (output, statements) = Trace::of(mode, registry.call(name, context, input)).await;
        match output {
            Err(error) if executed || statements.is_empty() => return Err(error),
            _ if statements.is_empty() => {
                let message = format!("{name} asked PostgreSQL nothing that can be explained");
                return Err(Error::new(&codes::NOT_EXPLAINED, message).next("hallmark node run"));
            }
            _ => {}
        }
        let table = self.tables().iter().find(|table| table.model.name == *model);
        let advice = table.map(|table| advice(table, &statements)).unwrap_or_default();
        Ok(Explanation { node: name.to_owned(), executed, statements, advice })
    }
}

/// The indexes that these statements missed.
fn advice(table: &Table, statements: &[Explained]) -> Vec<Advice> {
    let mut found: Vec<Advice> = Vec::new();
    for statement in statements {
        walk(&statement.plan, &mut |node| {
            let Some(advice) = missed(table, node) else { return };
            if !found.iter().any(|known| known.fields == advice.fields) {
                found.push(advice);
            }
        });
    }
    found
}

/// Shows every node of a plan, from the top.
fn walk(plan: &Value, see: &mut impl FnMut(&Value)) {
    match plan {
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        Value::Object(members) => {
            if members.contains_key("Node Type") {
                see(plan);
            }
            for name in ["Plan", "Plans"] {
                members.get(name).into_iter().for_each(|inner| walk(inner, see));
            }
        }
        _ => {}
    }
}

/// What a scan of the whole table says: it looked through many rows for few.
fn missed(table: &Table, node: &Value) -> Option<Advice> {
    let whole = matches!(node["Node Type"].as_str(), Some("Seq Scan" | "Parallel Seq Scan"));
    if !whole || node["Relation Name"].as_str() != Some(&table.name) {
        return None;
    }
    let number = |name: &str| node[name].as_f64();
    let loops = number("Actual Loops").unwrap_or(1.0);
    let removed = number("Rows Removed by Filter")? * loops;
    let kept = number("Actual Rows").unwrap_or_default() * loops;
    if removed < limits::ADVICE_ROWS_MIN || kept * limits::ADVICE_KEPT_ONE_IN > removed {
        return None;
    }
    let filter = node["Filter"].as_str()?;
    let fields: BTreeSet<&str> = table
        .columns
        .iter()
        .filter(|column| !matches!(column.role, Role::Tenant | Role::DeletedAt))
        .map(|column| column.name())
        .filter(|name| mentions(filter, name))
        .collect();
    let fields: Vec<String> = fields.into_iter().map(str::to_owned).collect();
    let declare = match fields.as_slice() {
        [] => return None,
        [one] => format!("declare Field(index=True) for {one}"),
        several => format!("declare {{\"fields\": {several:?}}} in __indexes__"),
    };
    let text = format!(
        "the whole table was read, {} rows, for {kept:.0} of them: {declare}, if the question is asked often",
        removed + kept
    );
    Some(Advice { model: table.model.name.clone(), fields, text })
}

/// Whether a condition names a column, in quotes or not.
fn mentions(filter: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    filter
        .match_indices(name)
        .any(|(at, _)| !filter[..at].ends_with(is_part) && !filter[at + name.len()..].starts_with(is_part))
}
