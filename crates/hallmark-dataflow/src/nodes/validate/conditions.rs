//! Rules over several fields: expressions of the call and of the model, and the model's own conditions in SQL.

use hallmark_core::{Error, Result};
use serde_json::Value;

use super::Call;
use crate::nodes::expression::{Expression, Logic, Typed};
use crate::sensitivity::Masking;
use crate::sql::Sql;
use crate::{codes, limits};

/// One rule over several fields.
pub(super) struct Condition {
    /// Its name.
    pub(super) name: String,
    /// Its text, for messages.
    pub(super) text: String,
    rule: Rule,
}

enum Rule {
    Expression(Expression),
    /// SQL of the model, the same that the table's constraint is made of.
    Declared,
}

impl Condition {
    /// Appends the condition that a row breaks it; null or false if it does not, or if it cannot be told.
    pub(super) fn push_broken(&self, sql: &mut Sql, call: &Call<'_>) -> Result<()> {
        sql.push("(");
        match &self.rule {
            Rule::Declared => drop(sql.push(&self.text)),
            Rule::Expression(expression) => {
                let masking = if call.ask.truth("include_pii") { Masking::None } else { Masking::Secrets };
                let typed = Typed { table: &call.engine.table, masking, logic: Logic::Rule };
                let start = |e: Error| {
                    Error::new(e.code(), format!("{}: {}", self.name, e.message())).at("conditions")
                };
                typed.push_condition(sql, expression).map_err(start)?;
            }
        }
        sql.push(") IS FALSE");
        Ok(())
    }
}

impl Call<'_> {
    /// The rules over several fields: those of the call, those that the model declares, and its checks.
    pub(super) fn conditions(&self) -> Result<Vec<Condition>> {
        let table = &self.engine.table;
        let expression = |name: &str, text: &str| -> Result<Condition> {
            let place = |e: Error| Error::new(e.code(), format!("{name}: {}", e.message())).at("conditions");
            let rule = Rule::Expression(Expression::parse(text).map_err(place)?);
            Ok(Condition { name: name.to_owned(), text: text.to_owned(), rule })
        };
        let mut conditions = Vec::new();
        for (name, text) in &table.options.conditions {
            conditions.push(expression(name, text)?);
        }
        for (i, check) in table.model.checks.iter().enumerate() {
            let name = check.name.clone().unwrap_or_else(|| format!("check_{}", i + 1));
            conditions.push(Condition { name, text: check.condition.clone(), rule: Rule::Declared });
        }
        if self.ask.get("conditions").is_some() {
            for (name, text) in self.ask.object("conditions")? {
                let Value::String(text) = text else {
                    return Err(Error::new(&codes::BAD_RULE, format!("the condition {name:?} is a text"))
                        .at("conditions"));
                };
                conditions.push(expression(name, text)?);
            }
        }
        if conditions.len() > limits::RULES_MAX {
            let message = format!("{} conditions; at most {} are taken", conditions.len(), limits::RULES_MAX);
            return Err(Error::new(&codes::BAD_RULE, message).at("conditions"));
        }
        Ok(conditions)
    }
}
