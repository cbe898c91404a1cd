//! Checks, unique constraints and foreign keys.

use std::collections::BTreeSet;

use super::columns::not_null_name;
use super::{Differ, Pair, Phase};
use crate::schema::migrate::check::Check;
use crate::schema::migrate::plan::{Class, Step};
use crate::schema::migrate::render::{self, ident};
use crate::schema::migrate::shape::{ConstraintKind, ConstraintShape};

impl<'a> Differ<'a> {
    pub(super) fn constraints(&mut self, pair: Pair<'a>) {
        // Names of what is there and stays, is renamed, or is used by another step.
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<(&String, &ConstraintShape)> = Vec::new();
        for (name, wanted) in &pair.new.constraints {
            match pair.old.constraints.get(name) {
                _ if wanted.kind == ConstraintKind::Key && self.rekeyed.contains(pair.name) => {}
                Some(there) if same(there, wanted) && !self.redone(pair.name, wanted) => {
                    taken.insert(name);
                    if !there.validated {
                        self.validate(pair.name, name, wanted);
                    }
                }
                _ => open.push((name, wanted)),
            }
        }
        for (name, wanted) in open {
            let twin = pair.old.constraints.iter().find(|(other, there)| {
                same(there, wanted)
                    && !taken.contains(other.as_str())
                    && !pair.new.constraints.contains_key(*other)
                    && !pair.old.constraints.contains_key(name)
                    && !self.redone(pair.name, wanted)
            });
            if let Some((other, there)) = twin {
                taken.insert(other);
                let change = format!("RENAME CONSTRAINT {} TO {}", ident(other), ident(name));
                let sql = render::alter(self.schema(), pair.name, &change);
                let summary = format!("rename constraint {other} to {name}");
                self.step(Phase::DropConstraint, Step::brief(pair.name, name, summary).sql([sql]));
                if !there.validated {
                    self.validate(pair.name, name, wanted);
                }
                continue;
            }
            self.add_constraint(pair, name, wanted);
        }
        for (name, there) in &pair.old.constraints {
            let key = there.kind == ConstraintKind::Key && self.rekeyed.contains(pair.name);
            let stays = key || self.stands_for_not_null(pair, name) || self.is_swapped(pair, name);
            if !taken.contains(name.as_str()) && !stays {
                let text = there.index.as_deref().unwrap_or_default();
                let (phase, word) = match there.kind {
                    ConstraintKind::Unique if self.outlasts(pair, name, text) => {
                        (Phase::DropUnique, "constraint")
                    }
                    ConstraintKind::Reference => (Phase::DropReference, "foreign key"),
                    ConstraintKind::Check => (Phase::DropConstraint, "check"),
                    _ => (Phase::DropConstraint, "constraint"),
                };
                self.drop_constraint(phase, pair.name, name, word);
            }
        }
    }

    /// A check of an unfinished `SET NOT NULL`, which that step will remove.
    fn stands_for_not_null(&self, pair: Pair<'a>, name: &str) -> bool {
        pair.new.columns.iter().any(|c| {
            c.not_null
                && name == not_null_name(pair.name, &c.name)
                && pair.old.column(&c.name).is_some_and(|old| !old.not_null)
        })
    }

    /// A foreign key that cannot stay while its columns change their type, or the key that it refers to changes.
    fn redone(&self, table: &str, constraint: &ConstraintShape) -> bool {
        let Some((target, columns)) = &constraint.target else { return false };
        self.rekeyed.contains(target.as_str())
            || constraint.columns.iter().any(|c| self.retyped.contains(&(table, c.as_str())))
            || columns.iter().any(|c| self.retyped.contains(&(target.as_str(), c.as_str())))
    }

    pub(super) fn drop_constraint(&mut self, phase: Phase, table: &str, name: &str, word: &str) {
        let sql = render::drop_constraint(self.schema(), table, name);
        let step = Step::brief(table, name, format!("drop {word} {name}")).sql([sql]);
        self.step(phase, step);
    }

    fn add_constraint(&mut self, pair: Pair<'a>, name: &str, wanted: &ConstraintShape) {
        match wanted.kind {
            ConstraintKind::Reference => self.add_reference(pair.name, name, wanted, pair.filled),
            ConstraintKind::Check => self.add_check(pair, name, wanted),
            ConstraintKind::Unique | ConstraintKind::Key if pair.filled => {
                self.add_unique(pair, name, wanted);
            }
            _ => {
                let sql = render::add_constraint(self.schema(), pair.name, name, &wanted.definition);
                let step = Step::brief(pair.name, name, format!("add constraint {name}"));
                let step = if pair.filled {
                    step.long(sql)
                        .class(Class::Slow)
                        .blocking()
                        .lock("ACCESS EXCLUSIVE while its index is built")
                        .why("PostgreSQL builds the index of an exclusion under the strongest lock")
                } else {
                    step.sql([sql]).why("the table is empty")
                };
                self.step(Phase::AddConstraint, step);
            }
        }
    }

    fn known(&self, pair: Pair<'a>, columns: &[String]) -> bool {
        columns
            .iter()
            .all(|c| pair.old.column(c).is_some() && !self.retyped.contains(&(pair.name, c.as_str())))
    }

    fn add_check(&mut self, pair: Pair<'a>, name: &str, wanted: &ConstraintShape) {
        let add = render::add_constraint(self.schema(), pair.name, name, &wanted.definition);
        let step = Step::brief(pair.name, name, format!("add check {name}"));
        if !pair.filled {
            return self.step(Phase::AddConstraint, step.sql([add]).why("the table is empty"));
        }
        let validate =
            render::alter(self.schema(), pair.name, &format!("VALIDATE CONSTRAINT {}", ident(name)));
        let step = step
            .sql([format!("{add} NOT VALID")])
            .long(validate)
            .lock("ACCESS EXCLUSIVE for a moment; SHARE UPDATE EXCLUSIVE while rows are looked at")
            .why("new rows are held to it at once, the others are looked at while others write")
            .cleanup(render::drop_constraint(self.schema(), pair.name, name));
        self.step(Phase::AddConstraint, step);
        if self.known(pair, &wanted.columns) {
            self.check(Check::broken(&self.rows(pair.name), name, &wanted.definition));
        }
    }

    fn validate(&mut self, table: &str, name: &str, wanted: &ConstraintShape) {
        let sql = render::alter(self.schema(), table, &format!("VALIDATE CONSTRAINT {}", ident(name)));
        let step = Step::brief(table, name, format!("look whether all rows keep {name}"))
            .long(sql)
            .lock("SHARE UPDATE EXCLUSIVE while rows are looked at")
            .why("others read and write meanwhile");
        let phase =
            if wanted.kind == ConstraintKind::Reference { Phase::AddReference } else { Phase::AddConstraint };
        self.step(phase, step);
    }

    pub(super) fn add_reference(&mut self, table: &str, name: &str, wanted: &ConstraintShape, filled: bool) {
        let add = render::add_constraint(self.schema(), table, name, &wanted.definition);
        let step = Step::brief(table, name, format!("add foreign key {name}"))
            .lock("SHARE ROW EXCLUSIVE on both tables, for a moment");
        if !filled {
            return self.step(Phase::AddReference, step.sql([add]).why("the table is empty"));
        }
        let validate = render::alter(self.schema(), table, &format!("VALIDATE CONSTRAINT {}", ident(name)));
        let step = step
            .sql([format!("{add} NOT VALID")])
            .long(validate)
            .lock("SHARE ROW EXCLUSIVE on both tables for a moment; SHARE UPDATE EXCLUSIVE while rows are looked at")
            .why("new rows are held to it at once, the others are looked at while others write")
            .cleanup(render::drop_constraint(self.schema(), table, name));
        self.step(Phase::AddReference, step);
        let Some((target, columns)) = &wanted.target else { return };
        let is_known = |table: &str, column: &String| {
            self.from.tables.get(table).is_some_and(|t| t.column(column).is_some())
                && !self.retyped.contains(&(table, column.as_str()))
        };
        let known =
            wanted.columns.iter().all(|c| is_known(table, c)) && columns.iter().all(|c| is_known(target, c));
        if known {
            self.check(Check::orphans(
                &self.rows(table),
                name,
                &wanted.columns,
                (&self.rows(target), columns),
            ));
        }
    }

    /// A unique constraint over an index that was built while others wrote.
    fn add_unique(&mut self, pair: Pair<'a>, name: &str, wanted: &ConstraintShape) {
        let tail = wanted.index.clone().unwrap_or_default();
        let create = format!(
            "CREATE UNIQUE INDEX CONCURRENTLY {} ON {} {tail}",
            ident(name),
            render::qualified(self.schema(), pair.name)
        );
        let word = if wanted.kind == ConstraintKind::Key { "PRIMARY KEY" } else { "UNIQUE" };
        let using = format!("ADD CONSTRAINT {0} {word} USING INDEX {0}", ident(name));
        let mut step = Step::brief(pair.name, name, format!("add unique constraint {name}"))
            .lock("SHARE UPDATE EXCLUSIVE while its index is built; ACCESS EXCLUSIVE for a moment")
            .why("others read and write meanwhile");
        match pair.old.indexes.get(name) {
            Some(there) if there.valid && there.unique && there.definition == tail => {}
            there => {
                if there.is_some() {
                    step = step.alone(render::drop_index(self.schema(), name));
                }
                step = step.alone(create).cleanup(render::drop_index(self.schema(), name));
            }
        }
        let step = step.sql([render::alter(self.schema(), pair.name, &using)]);
        self.step(Phase::AddConstraint, step);
        if self.known(pair, &wanted.columns) {
            self.check(Check::duplicates(&self.rows(pair.name), name, &wanted.columns, None));
        }
    }
}

fn same(there: &ConstraintShape, wanted: &ConstraintShape) -> bool {
    there.kind == wanted.kind && there.definition == wanted.definition
}
