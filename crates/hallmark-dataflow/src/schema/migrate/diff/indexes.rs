//! Indexes, built and removed while others write.

use std::collections::BTreeSet;

use super::keys::KEY_SUFFIX;
use super::{Differ, Pair, Phase};
use crate::names;
use crate::schema::migrate::check::Check;
use crate::schema::migrate::plan::{Action, Step};
use crate::schema::migrate::render::{self, ident, qualified};
use crate::schema::migrate::shape::{ConstraintKind, IndexShape};

/// The end of the name of an index that is built beside the one that it replaces.
const NEW_SUFFIX: &str = "hallmark_new";

impl<'a> Differ<'a> {
    pub(super) fn indexes(&mut self, pair: Pair<'a>) {
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<(&String, &IndexShape)> = Vec::new();
        for (name, wanted) in &pair.new.indexes {
            match pair.old.indexes.get(name) {
                Some(there) if same(there, wanted) => {
                    taken.insert(name);
                }
                _ => open.push((name, wanted)),
            }
        }
        for (name, wanted) in open {
            let twin = pair.old.indexes.iter().find(|(other, there)| {
                same(there, wanted)
                    && !taken.contains(other.as_str())
                    && !pair.new.indexes.contains_key(*other)
            });
            if let Some((other, _)) = twin {
                taken.extend([other.as_str(), name.as_str()]);
                self.rename_index(pair, (other, name));
                continue;
            }
            let beside = |there: &IndexShape| {
                there.valid && pair.filled && !self.follows_type(pair.name, &there.definition)
            };
            if pair.old.indexes.get(name).is_some_and(beside) || self.is_swapped(pair, name) {
                taken.insert(name);
                self.replace_index(pair, name, wanted);
            } else {
                self.add_index(pair, name, wanted);
            }
            self.ask_unique(pair, name, wanted);
        }
        for name in pair.old.indexes.keys().filter(|n| !taken.contains(n.as_str())) {
            if !self.becomes_constraint(pair, name) {
                self.drop_index(pair, name);
            }
        }
    }

    /// Whether a type changes that the index depends on: it may fail to follow, so what differs goes before.
    fn follows_type(&self, table: &str, definition: &str) -> bool {
        // The text may have the name for another reason; then there is a time without the index, and nothing worse.
        self.retyped.iter().any(|(t, column)| *t == table && definition.contains(column))
    }

    /// Whether a unique constraint becomes a unique index of its name, which is built beside it and takes its place.
    pub(super) fn is_swapped(&self, pair: Pair<'a>, name: &str) -> bool {
        let there = pair.old.constraints.get(name).filter(|c| c.kind == ConstraintKind::Unique);
        pair.filled
            && !pair.new.constraints.contains_key(name)
            && pair.new.indexes.get(name).is_some_and(|wanted| wanted.unique)
            && there.is_some_and(|c| !self.follows_type(pair.name, c.index.as_deref().unwrap_or_default()))
    }

    /// Whether what makes values unique, with this text, goes after another one has come, so that there is a time with both and none
    /// without. It would be in the way of columns that are filled or get another type.
    pub(super) fn outlasts(&self, pair: Pair<'a>, name: &str, definition: &str) -> bool {
        let is_wanted = pair.new.indexes.contains_key(name) || pair.new.constraints.contains_key(name);
        let mut coming = pair.new.indexes.iter().filter(|(other, wanted)| {
            wanted.unique && !pair.old.indexes.get(*other).is_some_and(|there| same(there, wanted))
        });
        // What a killed migration left of one that is built beside another is in the way of building it again.
        let mut named_new = pair.new.indexes.keys().map(|other| names::joined(&[other, NEW_SUFFIX]));
        let mut changed =
            pair.old.columns.iter().filter(|old| pair.new.column(&old.name).is_some_and(|c| c != *old));
        pair.filled
            && !is_wanted
            && coming.next().is_some()
            && !named_new.any(|new| new == name)
            && !changed.any(|column| definition.contains(&column.name))
    }

    /// What removes the index or constraint that has this name until another one takes it.
    fn freed(&self, pair: Pair<'a>, name: &str) -> Option<String> {
        if self.is_swapped(pair, name) {
            return Some(render::drop_constraint(self.schema(), pair.name, name));
        }
        let is_there = pair.old.indexes.contains_key(name);
        is_there.then(|| format!("DROP INDEX {}", qualified(self.schema(), name)))
    }

    /// An index of an unfinished constraint or key, which that step will use or remove.
    fn becomes_constraint(&self, pair: Pair<'a>, name: &str) -> bool {
        let constraint = pair.new.constraints.get(name).is_some_and(|c| {
            matches!(c.kind, ConstraintKind::Unique | ConstraintKind::Key)
                && !pair.old.constraints.contains_key(name)
        });
        constraint || self.rekeyed.contains(pair.name) && name == names::joined(&[pair.name, KEY_SUFFIX])
    }

    fn rename_index(&mut self, pair: Pair<'a>, (from, to): (&str, &str)) {
        let rename = format!("ALTER INDEX {} RENAME TO {}", qualified(self.schema(), from), ident(to));
        let mut sql: Vec<String> = self.freed(pair, to).into_iter().collect();
        sql.push(rename);
        let step = Step::brief(pair.name, to, format!("rename index {from} to {to}")).sql(sql);
        self.step(Phase::Index, step);
    }

    fn built(&self, pair: Pair<'a>, name: &str, index: &IndexShape) -> Action {
        let sql = render::create_index(self.schema(), pair.name, name, index, pair.filled);
        if pair.filled { Action::Alone { sql } } else { Action::Brief { sql: vec![sql] } }
    }

    fn add_index(&mut self, pair: Pair<'a>, name: &str, wanted: &IndexShape) {
        let step = Step::brief(pair.name, name, format!("create index {name} on {}", pair.name))
            .action(self.built(pair, name, wanted));
        let step = if pair.filled {
            step.lock("SHARE UPDATE EXCLUSIVE while it is built")
                .why("others read and write meanwhile (CONCURRENTLY)")
                .cleanup(render::drop_index(self.schema(), name))
        } else {
            step.lock("SHARE, for a moment").why("the table is empty")
        };
        self.step(Phase::Index, step);
    }

    /// Builds the new one beside the old one, so that there is no time without: a unique index must not let duplicates in.
    fn replace_index(&mut self, pair: Pair<'a>, name: &str, wanted: &IndexShape) {
        let new = names::joined(&[name, NEW_SUFFIX]);
        let mut swap: Vec<String> = self.freed(pair, name).into_iter().collect();
        swap.push(format!("ALTER INDEX {} RENAME TO {}", qualified(self.schema(), &new), ident(name)));
        let step = Step::brief(pair.name, name, format!("replace index {name} on {}", pair.name))
            .action(self.built(pair, &new, wanted))
            .sql(swap)
            .lock("SHARE UPDATE EXCLUSIVE while it is built; ACCESS EXCLUSIVE for a moment")
            .why("built beside the old one, while others read and write (CONCURRENTLY)")
            .cleanup(render::drop_index(self.schema(), &new));
        self.step(Phase::Index, step);
    }

    fn drop_index(&mut self, pair: Pair<'a>, name: &str) {
        let step = Step::brief(pair.name, name, format!("drop index {name}"))
            .alone(render::drop_index(self.schema(), name))
            .lock("SHARE UPDATE EXCLUSIVE until older transactions end")
            .why("no row is lost; what it served is read otherwise");
        let outlasts = |there: &IndexShape| {
            there.unique && there.valid && !there.expressions && self.outlasts(pair, name, &there.definition)
        };
        let later = pair.old.indexes.get(name).is_some_and(outlasts);
        self.step(if later { Phase::DropUnique } else { Phase::DropConstraint }, step);
    }

    fn ask_unique(&mut self, pair: Pair<'a>, name: &str, wanted: &IndexShape) {
        let known = wanted
            .columns
            .iter()
            .all(|c| pair.old.column(c).is_some() && !self.retyped.contains(&(pair.name, c.as_str())));
        if wanted.unique && known && !wanted.expressions && pair.filled {
            self.check(Check::duplicates(
                &self.rows(pair.name),
                name,
                &wanted.columns,
                wanted.predicate.as_deref(),
            ));
        }
    }
}

fn same(there: &IndexShape, wanted: &IndexShape) -> bool {
    there.valid && there.unique == wanted.unique && there.definition == wanted.definition
}
