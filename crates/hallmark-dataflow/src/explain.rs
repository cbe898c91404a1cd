//! What a node asks of PostgreSQL, how PostgreSQL goes about it, and which index would help.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallmark_core::{Error, Result};
use hallmark_workflow::{Context, Group, Input, Registry};
use serde::Serialize;
use serde_json::{Value, json};

use crate::slow::Slow;
use crate::sql::failure;
use crate::stage::STAGE;
use crate::table::{Role, Table};
use crate::trace::{self, Explained, Mode, Trace};
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
        let reads_only = spec.only_reads(&input);
        if !reads_only && !matches!(kind.as_str(), "CRUD" | "Export") {
            let message =
                format!("{name} does more than ask PostgreSQL, and cannot be shown without being done");
            return Err(Error::new(&codes::NOT_EXPLAINED, message)
                .next(format!("explain another node of {model}, for example {model}CRUDNode")));
        }
        let reads = |operation: &str| kind == "CRUD" && matches!(operation, "read" | "list");
        let operation = input.get("operation").and_then(Value::as_str).unwrap_or("read");
        let executed = reads_only || reads(operation);
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
        let advice = self.advice(&statements).await?;
        Ok(Explanation { node: name.to_owned(), executed, statements, advice })
    }
}

impl DataFlow {
    /// Explains a statement of the log of slow ones, whose values nobody knows: with the plan that PostgreSQL has for all of them.
    /// Nothing is carried out.
    ///
    /// # Errors
    /// `HM-D081` if it has no plan, such as `COPY` and `COMMIT`, or was too long to be kept whole; the services' codes.
    pub async fn explain_slow(&self, slow: &Slow) -> Result<(Explained, Vec<Advice>)> {
        let refused = |why: &str| {
            Error::new(&codes::NOT_EXPLAINED, why.to_owned())
                .next("explain the node with an input: hallmark node explain")
        };
        if slow.is_cut() {
            return Err(refused("the statement is too long to be kept whole"));
        }
        let verb = slow.sql.split_whitespace().next().unwrap_or_default();
        if !["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].contains(&verb) {
            return Err(refused(&format!("{verb} has no plan")));
        }
        if slow.sql.contains(STAGE) {
            return Err(refused("the statement is about a table that lives as long as one call"));
        }
        let mut client = self.shared().handles.postgres.client().await?;
        let explained = trace::generic(&mut client, &slow.sql, &slow.parameters).await?;
        drop(client);
        let advice = self.advice(std::slice::from_ref(&explained)).await?;
        Ok((explained, advice))
    }

    /// The indexes that these statements missed.
    async fn advice(&self, statements: &[Explained]) -> Result<Vec<Advice>> {
        // What was only planned tells how many rows are expected, and not how many are looked through.
        let planned = statements.iter().any(|s| s.plan[0]["Execution Time"].is_null());
        let sizes = if planned { self.sizes().await? } else { BTreeMap::new() };
        let mut found: Vec<Advice> = Vec::new();
        for statement in statements {
            walk(&statement.plan, &mut |node| {
                let Some(advice) = missed(self.tables(), &sizes, node) else { return };
                if !found.iter().any(|known| known.model == advice.model && known.fields == advice.fields) {
                    found.push(advice);
                }
            });
        }
        Ok(found)
    }

    /// How many rows each table has, as far as PostgreSQL's statistics know.
    async fn sizes(&self) -> Result<BTreeMap<String, f64>> {
        let text = "SELECT relname::text, reltuples::float8 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND reltuples >= 0";
        let client = self.shared().handles.postgres.client().await?;
        let rows = client.query(text, &[&self.schema()]).await.map_err(failure)?;
        rows.iter()
            .map(|row| Ok((row.try_get(0).map_err(failure)?, row.try_get(1).map_err(failure)?)))
            .collect()
    }
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

/// What a scan says that looked through many rows for few: one of the whole table, or one of an index that answers only a part of the
/// question, or none of it and is read for its order.
fn missed(tables: &[Arc<Table>], sizes: &BTreeMap<String, f64>, node: &Value) -> Option<Advice> {
    let index = match node["Node Type"].as_str()? {
        "Seq Scan" | "Parallel Seq Scan" => None,
        "Index Scan" | "Index Only Scan" => Some(node["Index Cond"].as_str().unwrap_or_default()),
        "Bitmap Heap Scan" => Some(node["Recheck Cond"].as_str().unwrap_or_default()),
        _ => return None,
    };
    let table = tables.iter().find(|table| node["Relation Name"].as_str() == Some(&table.name))?;
    let number = |name: &str| node[name].as_f64();
    let carried_out = number("Actual Rows").is_some();
    let (removed, kept) = if carried_out {
        let loops = number("Actual Loops").unwrap_or(1.0);
        (number("Rows Removed by Filter")? * loops, number("Actual Rows").unwrap_or_default() * loops)
    } else if index.is_none() {
        let (all, kept) = (sizes.get(&table.name)?, number("Plan Rows")?);
        ((all - kept).max(0.0), kept)
    } else {
        // How many rows an index leads to, no plan says.
        return None;
    };
    if removed < limits::ADVICE_ROWS_MIN || kept * limits::ADVICE_KEPT_ONE_IN > removed {
        return None;
    }
    let fields = |condition: &str| -> BTreeSet<String> {
        let asked = table.columns.iter().filter(|c| !matches!(c.role, Role::Tenant | Role::DeletedAt));
        asked
            .map(|column| column.name())
            .filter(|name| mentions(condition, name))
            .map(str::to_owned)
            .collect()
    };
    let mut wanted = fields(node["Filter"].as_str()?);
    if wanted.is_empty() {
        return None;
    }
    wanted.extend(fields(index.unwrap_or_default()));
    let fields: Vec<String> = wanted.into_iter().collect();
    let declare = match fields.as_slice() {
        [one] => format!("declare Field(index=True) for {one}"),
        several => format!("declare {{\"fields\": {several:?}}} in __indexes__"),
    };
    let all = removed + kept;
    let read = match (index, carried_out) {
        (Some(_), _) => format!("an index led to {all:.0} rows, for {kept:.0} of them"),
        (None, true) => format!("the whole table was read, {all:.0} rows, for {kept:.0} of them"),
        (None, false) => {
            format!("the whole table would be read, about {all:.0} rows, for about {kept:.0} of them")
        }
    };
    let text = format!("{read}: {declare}, if the question is asked often");
    Some(Advice { model: table.model.name.clone(), fields, text })
}

/// Whether a condition names a column, in quotes or not.
fn mentions(filter: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    filter
        .match_indices(name)
        .any(|(at, _)| !filter[..at].ends_with(is_part) && !filter[at + name.len()..].starts_with(is_part))
}
