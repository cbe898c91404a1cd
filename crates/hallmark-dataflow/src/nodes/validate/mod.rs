//! Rows checked before they are written, and rows that are there checked for quality.

mod conditions;
mod quality;
mod recordset;
mod rows;
mod rules;

use hallmark_core::{Error, Result};
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::Value;

use super::{Kind, filter, include_pii, params};
use crate::codes;
use crate::engine::Engine;
use crate::input::Ask;
use crate::schema::{composite_reference, reference_owner, reference_target};
use crate::sql::Sql;
use crate::table::{Column, Table};

/// The kind `Validate`.
pub(super) struct Validate;

impl Kind for Validate {
    fn name(&self) -> &'static str {
        "Validate"
    }

    fn summary(&self) -> &'static str {
        "Checks rows of {} before they are written, and the quality of those that are there"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["rows", "quality"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            params::rows("The rows to check (rows)"),
            Param::object("rules").describe(
                "More rules: {field: {\"min\": 0, \"max\": 9, \"min_length\": 1, \"max_length\": 9, \"choices\": [..], \"pattern\": \"^[A-Z]\", \
                 \"required\": true}}",
            ),
            Param::object("conditions").describe(
                "Rules over several fields, beside declared ones: {\"in order\": \"end_date >= start_date\"}; null breaks none",
            ),
            Param::object("references")
                .describe("Fields that refer to other models, beside declared ones: {\"customer_id\": \"Customer\", \"maker,number\": \"Part\"}"),
            Param::boolean("check_unique")
                .describe("Ask whether values that are to be unique are taken, or occur more than once")
                .default(true),
            Param::integer("samples")
                .describe("Keys to show of rows that break a rule (quality)")
                .range(0.0, 50.0)
                .default(5),
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
        operation: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let call = Call { engine, context, ask: Ask(input) };
            if operation == "quality" { call.quality().await } else { call.rows().await }
        })
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
}

/// Fields that refer to a row of another model, and its columns in the same order. Where one of them is null, nothing is
/// referred to.
struct Reference<'a> {
    columns: Vec<&'a Column>,
    target: Engine,
    keys: Vec<Column>,
}

impl Reference<'_> {
    /// The names of the fields, as one.
    fn fields(&self) -> String {
        self.columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(",")
    }

    /// The names of what they refer to, as one.
    fn keys(&self) -> String {
        self.keys.iter().map(Column::name).collect::<Vec<_>>().join(",")
    }

    /// Appends that the row referred to has the values of `here`, a table or its alias, under the name `there`.
    fn push_same(&self, sql: &mut Sql, here: &str, there: &str) {
        for (n, (column, key)) in self.columns.iter().zip(&self.keys).enumerate() {
            sql.push(if n > 0 { " AND " } else { "" });
            sql.push(&format!("{there}.{} = {here}.{}", key.ident, column.ident));
        }
    }
}

impl Call<'_> {
    fn table(&self) -> &Table {
        &self.engine.table
    }

    /// The fields that refer to another model: declared ones and those of the call.
    fn references(&self) -> Result<Vec<Reference<'_>>> {
        let tables = &self.engine.shared.tables;
        let mut found = Vec::new();
        for column in self.table().shown() {
            let declared = column.field.foreign_key.as_deref();
            if let Some((table, key)) = declared.and_then(|t| reference_target(t, tables)) {
                found.extend(self.reference(vec![column], table, &[key]));
            }
        }
        for key in &self.table().model.foreign_keys {
            if let Some((columns, table, keys)) = composite_reference(self.table(), key, tables) {
                found.extend(self.reference(columns, table, &keys));
            }
        }
        for (field, target) in self.ask.get("references").and_then(Value::as_object).into_iter().flatten() {
            found.extend(self.asked_reference(field, target)?);
        }
        Ok(found)
    }

    fn reference<'c>(
        &self,
        columns: Vec<&'c Column>,
        table: &Table,
        keys: &[&Column],
    ) -> Option<Reference<'c>> {
        let target = self.engine.beside(table)?;
        Some(Reference { columns, target, keys: keys.iter().map(|key| (*key).clone()).collect() })
    }

    /// `"customer_id": "Customer"`, and `"maker,number": "Part"` for a key of several columns.
    fn asked_reference(&self, fields: &str, target: &Value) -> Result<Option<Reference<'_>>> {
        let refused = |message: String| Error::new(&codes::BAD_PARAMETER, message).at("references");
        let columns = fields.split(',').map(|f| self.table().column(f.trim())).collect::<Result<Vec<_>>>()?;
        let tables = &self.engine.shared.tables;
        let name = target.as_str().unwrap_or_default();
        let found = if columns.len() == 1 {
            reference_target(name, tables).map(|(table, key)| (table, vec![key]))
        } else {
            reference_owner(name, tables).map(|table| (&**table, table.keys()))
        };
        let (table, keys) = found.ok_or_else(|| refused(format!("{target} is no loaded model")))?;
        if columns.len() != keys.len() {
            let message = format!(
                "the key of {} is {}, not {} fields",
                table.model.name,
                table.key_label(),
                columns.len()
            );
            return Err(refused(message));
        }
        for (column, key) in columns.iter().zip(&keys) {
            if column.field.kind != key.field.kind {
                let (field, model) = (column.name(), &table.model.name);
                return Err(refused(format!("{field} and {model}.{} have different types", key.name())));
            }
        }
        Ok(self.reference(columns, table, &keys))
    }
}
