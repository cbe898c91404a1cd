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
            let occupied = pair.old.indexes.get(name);
            let twin = pair.old.indexes.iter().find(|(other, there)| {
                same(there, wanted)
                    && !taken.contains(other.as_str())
                    && !pair.new.indexes.contains_key(*other)
            });
            if let Some((other, _)) = twin {
                taken.extend([other.as_str(), name.as_str()]);
                self.rename_index(pair, (other, name), occupied.is_some());
                continue;
            }
            match occupied {
                Some(there) if there.valid && pair.filled && !self.follows_type(pair.name, there) => {
                    taken.insert(name);
                    self.replace_index(pair, name, wanted);
                }
                _ => self.add_index(pair, name, wanted),
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
    fn follows_type(&self, table: &str, index: &IndexShape) -> bool {
        // The text may have the name for another reason; then there is a time without the index, and nothing worse.
        self.retyped.iter().any(|(t, column)| *t == table && index.definition.contains(column))
    }

    /// An index of an unfinished constraint or key, which that step will use or remove.
    fn becomes_constraint(&self, pair: Pair<'a>, name: &str) -> bool {
        let constraint = pair.new.constraints.get(name).is_some_and(|c| {
            matches!(c.kind, ConstraintKind::Unique | ConstraintKind::Key)
                && !pair.old.constraints.contains_key(name)
        });
        constraint || self.rekeyed.contains(pair.name) && name == names::joined(&[pair.name, KEY_SUFFIX])
    }

    fn rename_index(&mut self, pair: Pair<'a>, (from, to): (&str, &str), occupied: bool) {
        let rename = format!("ALTER INDEX {} RENAME TO {}", qualified(self.schema(), from), ident(to));
        let mut sql = Vec::new();
        if occupied {
            sql.push(format!("DROP INDEX {}", qualified(self.schema(), to)));
        }
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
        let swap = [
            format!("DROP INDEX {}", qualified(self.schema(), name)),
            format!("ALTER INDEX {} RENAME TO {}", qualified(self.schema(), &new), ident(name)),
        ];
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
        self.step(Phase::DropConstraint, step);
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
