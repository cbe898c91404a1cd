//! Renames: only those that somebody said, never a guess.

use std::collections::BTreeMap;

use hallmark_core::{Error, Result};
use hallmark_python::models::Field;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::GenericClient;

use super::render::{self, ident};
use super::shape::{ConstraintKind, Shape};
use crate::codes;
use crate::sql::failure;
use crate::table::Table;

/// What has a new name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renames {
    /// New name of a table to its old one.
    pub(crate) tables: BTreeMap<String, String>,
    /// Table (by its new name), new name of a column, old name.
    pub(crate) columns: Vec<(String, String, String)>,
}

impl Renames {
    /// Those that models declare (`renamed_from`).
    ///
    /// # Errors
    /// `HM-D085` if a field is said to have had two names, or the one that it has.
    pub(super) fn declared<'a>(tables: impl IntoIterator<Item = &'a Table>) -> Result<Self> {
        let mut all = Self::default();
        for table in tables {
            match table.model.options.get("renamed_from") {
                Some(Value::String(old)) => {
                    all.tables.insert(table.name.clone(), old.clone());
                }
                Some(Value::Object(columns)) => {
                    let pairs = columns.iter().filter_map(|(new, old)| Some((new, old.as_str()?)));
                    all.columns
                        .extend(pairs.map(|(new, old)| (table.name.clone(), new.clone(), old.to_owned())));
                }
                _ => {}
            }
            for field in &table.model.fields {
                all.declare(table, field)?;
            }
        }
        Ok(all)
    }

    /// Adds what a field says of itself.
    fn declare(&mut self, table: &Table, field: &Field) -> Result<()> {
        let Some(old) = &field.renamed_from else { return Ok(()) };
        let refused = |why: String| {
            let place = match &table.model.source {
                Some(source) if field.line > 0 => {
                    format!("{}:{}:{}", source.path, field.line, field.column)
                }
                _ => format!("{}.{}", table.model.name, field.name),
            };
            Err(Error::new(&codes::BAD_RENAME, format!("{} of {} {why}", field.name, table.model.name))
                .at(place)
                .next("give renamed_from the one name that the column had before"))
        };
        if *old == field.name || old.is_empty() {
            return refused(format!("is said to be renamed from {old:?}, which is no other name"));
        }
        let said = self.columns.iter().find(|(t, new, _)| *t == table.name && *new == field.name);
        match said {
            Some((.., other)) if other != old => {
                refused(format!("is said to be renamed from {old} and from {other}"))
            }
            Some(_) => Ok(()),
            None => {
                self.columns.push((table.name.clone(), field.name.clone(), old.clone()));
                Ok(())
            }
        }
    }

    /// Adds one that was given as `old=new` for a table or `table.old=new` for a column.
    ///
    /// # Errors
    /// `HM-D085` for another form.
    pub(crate) fn add(&mut self, text: &str) -> Result<()> {
        let bad = || {
            Error::new(&codes::BAD_RENAME, format!("{text:?} is no rename"))
                .next("write OLD_TABLE=NEW_TABLE or TABLE.OLD_COLUMN=NEW_COLUMN")
        };
        let (from, to) =
            text.split_once('=').filter(|(f, t)| !f.is_empty() && !t.is_empty()).ok_or_else(bad)?;
        match from.split_once('.') {
            Some((table, old)) if !table.is_empty() && !old.is_empty() => {
                self.columns.retain(|(t, new, _)| !(t == table && new == to));
                self.columns.push((table.to_owned(), to.to_owned(), old.to_owned()));
            }
            Some(_) => return Err(bad()),
            None => {
                self.tables.insert(to.to_owned(), from.to_owned());
            }
        }
        Ok(())
    }

    /// Those that still have to be made; a declaration stays in the model after its rename was made.
    ///
    /// # Errors
    /// `HM-D085` if the model still has what is said to have another name now, or two things are said to have had one name. Once a
    /// rename was made, it says nothing any more, and its old name is free.
    pub(super) fn pending(&self, from: &Shape, to: &Shape) -> Result<Self> {
        let mut pending = Self::default();
        let both = |place: &str, old: &str, new: &str| {
            Err(Error::new(
                &codes::BAD_RENAME,
                format!("{new} is said to be renamed from {old}, and the models have both"),
            )
            .at(place.to_owned())
            .next("remove one of the two, or the renamed_from"))
        };
        let twice = |place: &str, old: &str, [one, other]: [&str; 2]| {
            let message = format!("{one} and {other} are both said to be renamed from {old}");
            Err(Error::new(&codes::BAD_RENAME, message)
                .at(place.to_owned())
                .next("leave the renamed_from of the one that has its values"))
        };
        for (new, old) in &self.tables {
            let is_open = from.tables.contains_key(old) && !from.tables.contains_key(new);
            if !is_open || !to.tables.contains_key(new) {
                continue;
            }
            if to.tables.contains_key(old) {
                return both(new, old, new);
            }
            if let Some((other, _)) = pending.tables.iter().find(|(_, former)| *former == old) {
                return twice(new, old, [other.as_str(), new.as_str()]);
            }
            pending.tables.insert(new.clone(), old.clone());
        }
        for (table, new, old) in &self.columns {
            let Some(wanted) = to.tables.get(table) else { continue };
            let before = pending.tables.get(table).unwrap_or(table);
            let Some(found) = from.tables.get(before) else { continue };
            let is_open = found.column(old).is_some() && found.column(new).is_none();
            if !is_open || wanted.column(new).is_none() {
                continue;
            }
            if wanted.column(old).is_some() {
                return both(table, old, new);
            }
            if let Some((_, other, _)) = pending.columns.iter().find(|(t, _, o)| t == table && o == old) {
                return twice(table, old, [other.as_str(), new.as_str()]);
            }
            pending.columns.push((table.clone(), new.clone(), old.clone()));
        }
        Ok(pending)
    }

    /// These and those, each once: of a migration that was killed, and of the one that goes on with it.
    pub(super) fn and(mut self, more: &Self) -> Self {
        self.tables.extend(more.tables.clone());
        for column in &more.columns {
            if !self.columns.contains(column) {
                self.columns.push(column.clone());
            }
        }
        self
    }

    /// What takes these back.
    pub(super) fn reversed(&self) -> Self {
        let old_table = |new: &String| self.tables.get(new).cloned().unwrap_or_else(|| new.clone());
        Self {
            tables: self.tables.iter().map(|(new, old)| (old.clone(), new.clone())).collect(),
            columns: self
                .columns
                .iter()
                .map(|(t, new, old)| (old_table(t), old.clone(), new.clone()))
                .collect(),
        }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.columns.is_empty()
    }

    /// The statements, those of tables first.
    pub(super) fn statements(&self, schema: &str) -> Vec<(String, String, String)> {
        let tables = self.tables.iter().map(|(new, old)| {
            let sql = render::alter(schema, old, &format!("RENAME TO {}", ident(new)));
            (new.clone(), format!("rename table {old} to {new}"), sql)
        });
        let columns = self.columns.iter().map(|(table, new, old)| {
            let sql =
                render::alter(schema, table, &format!("RENAME COLUMN {} TO {}", ident(old), ident(new)));
            (table.clone(), format!("rename column {old} of {table} to {new}"), sql)
        });
        tables.chain(columns).collect()
    }

    /// What the shape is once these are made. They are made on empty copies, in a schema that goes with the transaction: the
    /// names are in defaults, checks and predicates, which only the server can read.
    pub(super) async fn applied(
        &self,
        client: &impl GenericClient,
        shape: &Shape,
        home: &str,
    ) -> Result<Shape> {
        let schema = format!("hallmark_plan_{}", hallmark_core::random::token(12)?);
        let mut copies = shape.clone();
        let mut foreign = Vec::new();
        for (name, table) in &mut copies.tables {
            table.constraints.retain(|constraint, c| {
                let known = c.kind != ConstraintKind::Reference
                    || c.target.as_ref().is_none_or(|(t, _)| shape.tables.contains_key(t));
                if !known {
                    foreign.push((name.clone(), constraint.clone(), c.clone()));
                }
                known
            });
        }
        let mut statements = vec![
            format!("CREATE SCHEMA {}", ident(&schema)),
            // Types that are the models' own are there.
            format!("SET LOCAL search_path = {}, {}", ident(&schema), ident(home)),
        ];
        statements.extend(render::create(&schema, &copies));
        statements.extend(self.statements(&schema).into_iter().map(|(.., sql)| sql));
        for statement in statements {
            client.batch_execute(&statement).await.map_err(failure)?;
        }
        let mut renamed = Shape::read_beside(client, &schema, Some(home)).await?;
        for (name, table) in &mut renamed.tables {
            let old = self.tables.get(name).unwrap_or(name);
            let Some(before) = shape.tables.get(old) else { continue };
            for (constraint, c) in &mut table.constraints {
                c.validated = before.constraints.get(constraint).is_none_or(|b| b.validated);
            }
            for (index, i) in &mut table.indexes {
                i.valid = before.indexes.get(index).is_none_or(|b| b.valid);
            }
            for (_, constraint, c) in foreign.iter().filter(|(t, ..)| t == old) {
                table.constraints.insert(constraint.clone(), c.clone());
            }
        }
        Ok(renamed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_is_taken_back_by_its_reverse() {
        let mut renames = Renames::default();
        renames.add("parts=pieces").unwrap();
        renames.add("pieces.name=title").unwrap();
        let back = renames.reversed();
        assert_eq!(back.tables["parts"], "pieces");
        assert_eq!(back.columns, [("parts".to_owned(), "name".to_owned(), "title".to_owned())]);
        for bad in ["", "a", "=b", "a=", ".a=b", "t.=b"] {
            assert_eq!(renames.add(bad).unwrap_err().code().id, "HM-D085", "{bad}");
        }
    }
}
