//! Models of the tables that a database has: its catalogue is read, nothing else.

use hallmark_core::Result;
use hallmark_python::models::{Check, Field, FieldType, ForeignKey, Index, ModelDecl, OnDelete};
use serde_json::Value;
use tokio_postgres::GenericClient;

use super::catalog_rows::{self as rows, ColumnRow, ConstraintRow, IndexRow};
use super::class_name;
use super::types::{self, Default};
use crate::codes;
use crate::key::can_be_key;
use crate::schema::Note;
use crate::schema::migrate::serves;
use crate::table::sql_type;

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The models, in the order of their tables' names.
    pub models: Vec<ModelDecl>,
    /// What the database has and the models do not say, or say otherwise.
    pub notes: Vec<Note>,
}

/// Reads the tables of a schema.
///
/// # Errors
/// The services' codes if the database cannot be asked.
pub async fn import(client: &impl GenericClient, schema: &str) -> Result<Imported> {
    let (columns, constraints, indexes) = (
        rows::columns(client, schema).await?,
        rows::constraints(client, schema).await?,
        rows::indexes(client, schema).await?,
    );
    let mut imported = Imported::default();
    for column in &columns {
        imported.column(schema, column);
    }
    // Conditions of one field come first: they say what kind of JSON a column holds.
    for constraint in constraints.iter().filter(|c| c.kind == "c") {
        imported.constraint(constraint);
    }
    // Then the keys: no model has a table without one, and what refers to such a table is left out with it.
    for constraint in constraints.iter().filter(|c| c.kind == "p") {
        imported.constraint(constraint);
    }
    imported.leave_out(&columns);
    imported.given_keys(&columns);
    for constraint in constraints.iter().filter(|c| !matches!(c.kind.as_str(), "c" | "p")) {
        imported.constraint(constraint);
    }
    for index in &indexes {
        imported.index(index);
    }
    imported.models.retain(|m| !m.fields.is_empty());
    for model in &mut imported.models {
        // A table is taken as it is: without this its model would ask for both.
        if ["created_at", "updated_at"].iter().any(|n| model.get(n).is_none()) {
            model.options.insert("timestamps".to_owned(), false.into());
        }
    }
    Ok(imported)
}

/// Whether nodes work on a column of this type as it is; on another a start refuses all of them.
fn is_worked_on(field: &Field, schema: &str, kind: &str) -> bool {
    sql_type(field, schema).is_ok_and(|wanted| wanted == kind || serves(kind, &wanted))
}

/// Whether rows need a time in this column that nodes never give.
fn is_unstamped(row: &ColumnRow, model: &ModelDecl) -> bool {
    let is_time = model.get(&row.name).is_some_and(|f| f.kind == FieldType::Timestamp && !f.primary_key);
    is_time
        && ["created_at", "updated_at"].contains(&row.name.as_str())
        && row.not_null
        && row.default.is_none()
}

impl Imported {
    fn note(&mut self, table: &str, subject: &str, message: impl Into<String>) {
        self.notes.push(Note {
            code: codes::NOT_TAKEN.id,
            model: class_name(table),
            subject: subject.to_owned(),
            message: message.into(),
        });
    }

    fn model(&mut self, table: &str) -> Option<&mut ModelDecl> {
        self.models.iter_mut().find(|m| m.table.as_deref() == Some(table))
    }

    /// Takes away the tables that nodes cannot work on, with the reason: one of them would keep all others from starting.
    fn leave_out(&mut self, columns: &[ColumnRow]) {
        let all = std::mem::take(&mut self.models);
        for model in all {
            let table = model.table.clone().unwrap_or_default();
            let key = model.key();
            let kinds = key.iter().filter_map(|name| model.get(name)).map(|field| field.kind);
            let needed = |c: &&ColumnRow| {
                let made = c.default.is_some() || c.identity || c.generated;
                c.table == table && c.not_null && !made && model.get(&c.name).is_none()
            };
            let why = if key.is_empty() {
                "it has no primary key that a model can have, by which a row is named".to_owned()
            } else if let Some(kind) = kinds.into_iter().find(|kind| !can_be_key(*kind)) {
                format!("its primary key is {}, which no model's can be", kind.name())
            } else if let Some(column) = columns.iter().find(needed) {
                let name = &column.name;
                format!("its column {name} was left out and takes no nulls, so that no row could be made")
            } else if let Some(column) = columns.iter().find(|c| c.table == table && is_unstamped(c, &model))
            {
                format!(
                    "nodes leave {0} to the database, which has no default for it (ALTER TABLE {table} ALTER {0} SET DEFAULT now())",
                    column.name
                )
            } else {
                self.models.push(model);
                continue;
            };
            self.note(&table, &table, format!("the table is left out: {why}"));
        }
    }

    /// A model makes a UUID that is the whole key; where the database does not, it has to be given.
    fn given_keys(&mut self, columns: &[ColumnRow]) {
        for model in &mut self.models {
            let keys = model.key();
            let [key] = keys.as_slice() else { continue };
            let own = |c: &&ColumnRow| model.table.as_deref() == Some(&c.table) && c.name == *key;
            let is_made = columns.iter().find(own).is_some_and(|c| c.default.is_some());
            if let Some(field) = model.fields.iter_mut().find(|f| f.name == *key)
                && field.kind == FieldType::Uuid
                && !is_made
            {
                field.auto_increment = Some(false);
            }
        }
    }

    fn column(&mut self, schema: &str, row: &ColumnRow) {
        if self.model(&row.table).is_none() {
            self.models.push(ModelDecl::new(class_name(&row.table)).table(row.table.clone()));
        }
        let typed = types::of_sql(&row.kind);
        let mut field = match &typed {
            Some(typed) => {
                let mut field = Field::new(row.name.clone(), typed.kind);
                typed.refine(&mut field);
                if !is_worked_on(&field, schema, &row.kind) {
                    let message = format!("nodes do not work on {}: the column is left out", row.kind);
                    return self.note(&row.table, &row.name, message);
                }
                if let Some(becomes) = typed.becomes {
                    let message = format!("the column is {}; a model's is {becomes}", row.kind);
                    self.note(&row.table, &row.name, message);
                }
                field
            }
            None if !row.labels.is_empty() => {
                let (own, name) = &row.typed;
                if name.contains('.') || own.contains('.') {
                    let message =
                        format!("no field names the enumeration {}: the column is left out", row.kind);
                    return self.note(&row.table, &row.name, message);
                }
                let choices: Vec<Value> = row.labels.iter().map(|l| Value::from(l.as_str())).collect();
                let enum_type = if own == schema { name.clone() } else { format!("{own}.{name}") };
                let field = Field::new(row.name.clone(), FieldType::Text);
                Field { enum_type: Some(enum_type), ..field.choices(choices) }
            }
            None => {
                let message = format!("no field holds {}: the column is left out", row.kind);
                return self.note(&row.table, &row.name, message);
            }
        };
        field.nullable = !row.not_null;
        if row.generated {
            return self.note(&row.table, &row.name, "a generated column is left out: the database makes it");
        }
        if let Some(collation) = &row.collation {
            self.note(
                &row.table,
                &row.name,
                format!("COLLATE {collation} is left out: no model declares one"),
            );
        }
        if row.identity {
            field.auto_increment = Some(true);
        } else if let Some(text) = &row.default {
            match types::default(text, field.kind) {
                Default::Is(default) => field.default = Some(default),
                Default::Counts => field.auto_increment = Some(true),
                Default::Other => {
                    let message = format!("the default `{text}` is none that a field has");
                    self.note(&row.table, &row.name, message);
                }
            }
        }
        if let Some(model) = self.model(&row.table) {
            model.fields.push(field);
        }
    }

    fn constraint(&mut self, row: &ConstraintRow) {
        let Some(model) = self.model(&row.table) else { return };
        let missing = row.columns.iter().find(|c| model.get(c).is_none()).cloned();
        if let Some(missing) = missing {
            let message = format!("it needs the column {missing}, which was left out");
            return self.note(&row.table, &row.name, message);
        }
        if row.kind == "p" && row.beyond.iter().any(|b| b.starts_with("DEFERRABLE")) {
            return self.note(&row.table, &row.name, "no upsert works on a primary key that is DEFERRABLE");
        }
        for beyond in &row.beyond {
            let columns = row.columns.join(", ");
            let message = format!("{beyond} of ({columns}) is left out: no model declares it");
            self.note(&row.table, &row.name, message);
        }
        let Some(model) = self.model(&row.table) else { return };
        match row.kind.as_str() {
            "p" => {
                model.set_key(&row.columns);
                model.fields.iter_mut().for_each(|f| f.nullable &= !f.primary_key);
                // An integer that is the whole key counts by itself unless the model says that it does not.
                if let [one] = row.columns.as_slice()
                    && let Some(field) = model.fields.iter_mut().find(|f| f.name == *one)
                    && field.kind == FieldType::Integer
                {
                    field.auto_increment.get_or_insert(false);
                }
            }
            "u" => model.indexes.push(Index {
                name: Some(row.name.clone()),
                fields: row.columns.clone(),
                unique: true,
                ..Index::default()
            }),
            "c" => {
                let condition = row.condition.clone().unwrap_or_default();
                if !types::take_check(&mut model.fields, &condition) {
                    model.checks.push(Check { name: Some(row.name.clone()), condition });
                }
            }
            "f" => self.reference(row),
            _ => {
                self.note(
                    &row.table,
                    &row.name,
                    "an exclusion constraint is left out: no model declares one",
                );
            }
        }
    }

    fn reference(&mut self, row: &ConstraintRow) {
        let target = row.target.clone().unwrap_or_default();
        if !row.near {
            let message = format!("it refers to {target} in another schema and is left out");
            return self.note(&row.table, &row.name, message);
        }
        let Some(there) = self.model(&target) else {
            let message = format!("it refers to {target}, which was left out, and is left out with it");
            return self.note(&row.table, &row.name, message);
        };
        if let Some(missing) = row.target_columns.iter().find(|c| there.get(c).is_none()) {
            let message =
                format!("it refers to {target}.{missing}, which was left out, and is left out with it");
            return self.note(&row.table, &row.name, message);
        }
        let on_delete = match row.on_delete.as_str() {
            "c" => Some(OnDelete::Cascade),
            "r" => Some(OnDelete::Restrict),
            "n" => Some(OnDelete::SetNull),
            "d" => Some(OnDelete::SetDefault),
            _ => None,
        };
        let Some(model) = self.model(&row.table) else { return };
        match (row.columns.as_slice(), row.target_columns.as_slice()) {
            ([from], [to]) => {
                if let Some(field) = model.fields.iter_mut().find(|f| f.name == *from) {
                    field.foreign_key = Some(format!("{target}.{to}"));
                    field.on_delete = on_delete;
                }
            }
            _ => model.foreign_keys.push(ForeignKey {
                name: Some(row.name.clone()),
                fields: row.columns.clone(),
                target,
                columns: row.target_columns.clone(),
                on_delete,
            }),
        }
    }

    fn index(&mut self, row: &IndexRow) {
        if self.model(&row.table).is_none() {
            return;
        }
        if row.expressions {
            return self.note(
                &row.table,
                &row.name,
                "an index over expressions is left out: no model declares one",
            );
        }
        if row.ordered {
            self.note(&row.table, &row.name, "the order of its columns (DESC, NULLS FIRST) is left out");
        }
        if row.nulls_alike {
            let message = format!(
                "NULLS NOT DISTINCT of ({}) is left out: no model declares it",
                row.columns.join(", ")
            );
            self.note(&row.table, &row.name, message);
        }
        let Some(model) = self.model(&row.table) else { return };
        if row.columns.iter().chain(&row.include).any(|c| model.get(c).is_none()) {
            return self.note(&row.table, &row.name, "it needs a column that was left out");
        }
        model.indexes.push(Index {
            name: Some(row.name.clone()),
            fields: row.columns.clone(),
            unique: row.unique,
            method: (row.method != "btree").then(|| row.method.clone()),
            operator_class: row.class.clone(),
            condition: row.condition.clone(),
            include: row.include.clone(),
            unread: Vec::new(),
        });
    }
}
