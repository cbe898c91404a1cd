//! Columns that come, go or change.

use super::{Differ, Pair, Phase};
use crate::codes;
use crate::names;
use crate::schema::migrate::check::Check;
use crate::schema::migrate::plan::{Action, Class, Step};
use crate::schema::migrate::render::{self, ident, qualified};
use crate::schema::migrate::shape::ColumnShape;
use crate::schema::migrate::types;

/// Functions that give another value at each call: as a default of a new column they make PostgreSQL write every row anew.
const VOLATILE: [&str; 5] = ["gen_random_uuid", "random(", "nextval(", "clock_timestamp", "uuid_generate"];

/// The name of the check that stands for `NOT NULL` until the rows were looked at.
pub(super) fn not_null_name(table: &str, column: &str) -> String {
    names::joined(&[table, column, "hallmark_not_null"])
}

impl<'a> Differ<'a> {
    pub(super) fn columns(&mut self, pair: Pair<'a>) {
        let (mut come, mut go) = (Vec::new(), Vec::new());
        for column in &pair.new.columns {
            match pair.old.column(&column.name) {
                None => {
                    self.add_column(pair, column);
                    come.push(column);
                }
                Some(old) => self.alter_column(pair, old, column),
            }
        }
        for column in pair.old.columns.iter().filter(|c| pair.new.column(&c.name).is_none()) {
            self.drop_column(pair, column);
            go.push(column);
        }
        for old in &go {
            for new in come.iter().filter(|c| c.kind == old.kind) {
                self.planned.questions.push(format!(
                    "{0}: is {1} the former {2}? Then say so (Field(renamed_from=\"{2}\") in {1}, or --rename {0}.{2}={1}); as it is, {2} is dropped with its values",
                    pair.name, new.name, old.name
                ));
            }
        }
    }

    fn add_column(&mut self, pair: Pair<'a>, column: &ColumnShape) {
        let name = &column.name;
        let summary = format!("add column {name} to {}", pair.name);
        let add = |c: &ColumnShape| {
            render::alter(self.schema(), pair.name, &format!("ADD COLUMN {}", render::column(c)))
        };
        let volatile = column.default.as_ref().is_some_and(|d| VOLATILE.iter().any(|v| d.contains(v)));
        let step = Step::brief(pair.name, name, summary);
        if !pair.filled {
            let step = step.sql([add(column)]).why("the table is empty");
            return self.step(Phase::Columns, step);
        }
        if column.identity.is_some() || column.generated || volatile && !column.not_null {
            let step = step.action(Action::Long { sql: vec![add(column)] }).class(Class::Slow).blocking();
            let step = step
                .lock("ACCESS EXCLUSIVE while all rows are written")
                .why("each row gets a value of its own, so every row is written anew");
            return self.step(Phase::Columns, step);
        }
        if volatile {
            let bare = ColumnShape { default: None, not_null: false, ..column.clone() };
            let default = column.default.clone().unwrap_or_default();
            let set = render::alter(
                self.schema(),
                pair.name,
                &format!("ALTER COLUMN {} SET DEFAULT {default}", ident(name)),
            );
            let step = step.sql([add(&bare), set]);
            let step = self.not_null_actions(pair, name, Some(default), step);
            return self.step(Phase::Columns, step.why("rows get their value a few pages at a time"));
        }
        if column.not_null && column.default.is_none() {
            let keyed = pair.new.key().is_some_and(|(_, k)| k.columns.contains(name));
            if keyed && self.rekeyed.contains(pair.name) {
                // What is in the way is said of the key.
                return;
            }
            let Some(value) = self.backfill(pair.name, column) else {
                return self.needs_value(
                    pair.name,
                    name,
                    "has rows, and the new column takes no nulls and has no default",
                );
            };
            // A constant default costs nothing: PostgreSQL keeps it once for all rows that were there.
            let filled = ColumnShape { default: Some(value), ..column.clone() };
            let drop = render::alter(
                self.schema(),
                pair.name,
                &format!("ALTER COLUMN {} DROP DEFAULT", ident(name)),
            );
            let step = step
                .sql([add(&filled), drop])
                .why("the rows that are there share one value, which is kept once");
            return self.step(Phase::Columns, step);
        }
        let step = step.sql([add(column)]).why("no row is written anew");
        self.step(Phase::Columns, step);
    }

    fn backfill(&self, table: &str, column: &ColumnShape) -> Option<String> {
        let text = self.facts.backfill.get(&(table.to_owned(), column.name.clone()))?;
        Some(render::value(text, &column.kind))
    }

    fn needs_value(&mut self, table: &str, column: &str, why: &str) {
        self.block(
            &codes::NEEDS_VALUE,
            (table, column),
            format!("{table} {why}: {column}"),
            format!("give the rows a value: --backfill {table}.{column}=VALUE, or the field a default"),
        );
    }

    fn drop_column(&mut self, pair: Pair<'a>, column: &ColumnShape) {
        let name = &column.name;
        let drop = render::alter(self.schema(), pair.name, &format!("DROP COLUMN {}", ident(name)));
        let step = Step::brief(pair.name, name, format!("drop column {name} of {}", pair.name))
            .sql([drop])
            .class(Class::Destructive)
            .why("the model has it no more; its values are lost");
        self.step(Phase::DropColumn, step);
    }

    fn alter_column(&mut self, pair: Pair<'a>, old: &'a ColumnShape, new: &'a ColumnShape) {
        if old.generated && !new.generated {
            let change = format!("ALTER COLUMN {} DROP EXPRESSION", ident(&new.name));
            let sql = render::alter(self.schema(), pair.name, &change);
            let summary = format!("{} of {} is no longer computed", new.name, pair.name);
            self.step(Phase::Columns, Step::brief(pair.name, &new.name, summary).sql([sql]));
        } else if new.generated && (!old.generated || old.default != new.default) {
            self.drop_column(pair, old);
            // What is dropped last cannot be added before: this pair is one step.
            if let Some((_, mut step)) = self.steps.pop() {
                let add =
                    render::alter(self.schema(), pair.name, &format!("ADD COLUMN {}", render::column(new)));
                step.summary = format!("compute column {} of {}", new.name, pair.name);
                if let Some(Action::Brief { sql }) = step.actions.first_mut() {
                    sql.push(add);
                }
                self.step(Phase::Columns, step.blocking());
            }
            return;
        }
        if self.retyped.contains(&(pair.name, new.name.as_str())) {
            self.retype(pair, old, new);
        } else if (&old.default, &old.identity) != (&new.default, &new.identity) && !old.generated {
            let (mut sql, before, after) = self.default_changes(pair, old, new);
            let changes: Vec<String> = before.into_iter().chain(default(new)).collect();
            if !changes.is_empty() {
                sql.push(render::alter(self.schema(), pair.name, &changes.join(", ")));
            }
            sql.extend(after);
            let summary = match (&new.default, &new.identity) {
                (_, Some(_)) => format!("number {} of {} by itself", new.name, pair.name),
                (Some(default), _) => format!("default of {} of {} is {default}", new.name, pair.name),
                _ => format!("{} of {} has no default", new.name, pair.name),
            };
            self.step(Phase::Columns, Step::brief(pair.name, &new.name, summary).sql(sql));
        }
        match (old.not_null, new.not_null) {
            (false, true) => self.set_not_null(pair, new),
            (true, false) => {
                let change = format!("ALTER COLUMN {} DROP NOT NULL", ident(&new.name));
                let sql = render::alter(self.schema(), pair.name, &change);
                let summary = format!("{} of {} may be null", new.name, pair.name);
                // After the key: a column of a key is never null.
                self.step(Phase::AddConstraint, Step::brief(pair.name, &new.name, summary).sql([sql]));
            }
            _ => {}
        }
    }

    /// What has to be done before a column changes, what belongs into its `ALTER TABLE`, and what follows it.
    fn default_changes(
        &self,
        pair: Pair<'a>,
        old: &ColumnShape,
        new: &ColumnShape,
    ) -> (Vec<String>, Option<String>, Vec<String>) {
        let name = ident(&new.name);
        let mut first = Vec::new();
        if old.identity.is_some() && old.identity != new.identity {
            // Within the same statement its sequence would follow to the new type, which may be none that a sequence can have.
            let drop = format!("ALTER COLUMN {name} DROP IDENTITY IF EXISTS");
            first.push(render::alter(self.schema(), pair.name, &drop));
        }
        let before = old.default.is_some().then(|| format!("ALTER COLUMN {name} DROP DEFAULT"));
        let mut after = Vec::new();
        if let Some(identity) = new.identity.as_ref().filter(|_| old.identity != new.identity) {
            if !old.not_null {
                after.push(render::alter(
                    self.schema(),
                    pair.name,
                    &format!("ALTER COLUMN {name} SET NOT NULL"),
                ));
            }
            let add = format!("ALTER COLUMN {name} ADD GENERATED {identity} AS IDENTITY");
            after.push(render::alter(self.schema(), pair.name, &add));
            let table = qualified(self.schema(), pair.name);
            // Numbers go on after the largest that is there.
            after.push(format!(
                "SELECT setval(pg_get_serial_sequence({}, {}), (SELECT coalesce(max({name}), 0) + 1 FROM {table}), false)",
                names::literal(&table),
                names::literal(&new.name)
            ));
        }
        (first, before, after)
    }

    fn retype(&mut self, pair: Pair<'a>, old: &ColumnShape, new: &ColumnShape) {
        let name = ident(&new.name);
        let change = types::retype(&new.name, &old.kind, &new.kind);
        let (mut sql, before, after) = self.default_changes(pair, old, new);
        let mut changes: Vec<String> = before.into_iter().collect();
        let collation = match (&new.collation, &old.collation) {
            (Some(collation), _) => format!(" COLLATE {collation}"),
            (None, Some(_)) => " COLLATE \"default\"".to_owned(),
            _ => String::new(),
        };
        changes.push(format!("ALTER COLUMN {name} TYPE {}{collation} USING {}", new.kind, change.using));
        changes.extend(default(new));
        sql.push(render::alter(self.schema(), pair.name, &changes.join(", ")));
        sql.extend(after);
        let summary = format!("type of {} of {}: {} to {}", new.name, pair.name, old.kind, new.kind);
        let step = Step::brief(pair.name, &new.name, summary).class(change.class).why(&change.why);
        let step = if change.rewrites && pair.filled {
            step.action(Action::Long { sql }).blocking().lock("ACCESS EXCLUSIVE while all rows are written")
        } else {
            step.sql(sql)
        };
        self.step(Phase::Columns, step);
        if pair.filled && change.class == Class::Destructive {
            self.check(Check::values(&self.rows(pair.name), &new.name, &change.back, (&old.kind, &new.kind)));
        }
    }

    fn set_not_null(&mut self, pair: Pair<'a>, new: &ColumnShape) {
        let name = &new.name;
        let summary = format!("{name} of {} may not be null", pair.name);
        if !pair.filled {
            let sql = render::alter(
                self.schema(),
                pair.name,
                &format!("ALTER COLUMN {} SET NOT NULL", ident(name)),
            );
            let step = Step::brief(pair.name, name, summary).sql([sql]).why("the table is empty");
            return self.step(Phase::Columns, step);
        }
        // Where the model has a default, that is what a missing value means.
        let value = self.backfill(pair.name, new).or_else(|| new.default.clone());
        let step = Step::brief(pair.name, name, summary);
        let step = match &value {
            Some(value) => step.why(&format!(
                "nulls become {value}, a few pages at a time; the rows are looked at while others write"
            )),
            None => step.why("the rows are looked at while others write"),
        };
        if value.is_none() && !self.retyped.contains(&(pair.name, name.as_str())) {
            self.check(Check::nulls(&self.rows(pair.name), name));
        }
        let step = self.not_null_actions(pair, name, value, step);
        self.step(Phase::Columns, step);
    }

    /// `SET NOT NULL` would look at all rows under the strongest lock; a check that was validated before spares it that.
    fn not_null_actions(&self, pair: Pair<'a>, column: &str, value: Option<String>, step: Step) -> Step {
        let check = not_null_name(pair.name, column);
        let there = pair.old.constraints.get(&check);
        let alter = |change: &str| render::alter(self.schema(), pair.name, change);
        let (table, name) = (pair.name.to_owned(), column.to_owned());
        let fill = value.map(|value| Action::Backfill { table, column: name, value });
        let mut step =
            step.lock("SHARE UPDATE EXCLUSIVE while rows are looked at; ACCESS EXCLUSIVE for moments");
        if there.is_none() {
            // Rows are filled before: with the check in place, a change of any other column of a row without value would fail.
            step.actions.extend(fill.clone());
            let add =
                format!("ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID", ident(&check), ident(column));
            step = step.sql([alter(&add)]);
        }
        if !there.is_some_and(|c| c.validated) {
            // Those that came between.
            step.actions.extend(fill);
            step = step.long(alter(&format!("VALIDATE CONSTRAINT {}", ident(&check))));
        }
        let set = alter(&format!("ALTER COLUMN {} SET NOT NULL", ident(column)));
        let drop = render::drop_constraint(self.schema(), pair.name, &check);
        step.sql([set, drop.clone()]).cleanup(drop)
    }
}

/// The default to set, unless it is an identity.
fn default(column: &ColumnShape) -> Option<String> {
    let default = column.default.as_ref().filter(|_| column.identity.is_none() && !column.generated)?;
    Some(format!("ALTER COLUMN {} SET DEFAULT {default}", ident(&column.name)))
}
