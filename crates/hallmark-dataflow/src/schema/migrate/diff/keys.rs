//! Primary keys.

use super::{Differ, Pair, Phase};
use crate::codes;
use crate::schema::migrate::check::Check;
use crate::schema::migrate::plan::{Class, Step};
use crate::schema::migrate::render::{self, ident, list};

/// The name of an index that becomes a key.
pub(super) const KEY_SUFFIX: &str = "hallmark_key";

impl<'a> Differ<'a> {
    /// A key of the same columns under another name is renamed with the other constraints; this is about other columns.
    pub(super) fn keys(&mut self, pair: Pair<'a>) {
        if !self.rekeyed.contains(pair.name) {
            return;
        }
        let alter = |change: &str| render::alter(self.schema(), pair.name, change);
        let drop = pair.old.key().map(|(name, _)| alter(&format!("DROP CONSTRAINT {}", ident(name))));
        let Some((name, key)) = pair.new.key() else {
            let step = Step::brief(pair.name, "", format!("{} has no primary key", pair.name));
            return self.step(Phase::Key, step.sql(drop.into_iter().collect::<Vec<_>>()));
        };
        let columns = list(&key.columns);
        let new: Vec<&String> = key.columns.iter().filter(|c| pair.old.column(c).is_none()).collect();
        let numbered = new.iter().all(|c| pair.new.column(c).is_some_and(|c| c.identity.is_some()));
        if pair.filled && !new.is_empty() && !numbered {
            return self.renamed_key(pair, new[0]);
        }
        let summary = format!("primary key of {} is {columns}", pair.name);
        let step = Step::brief(pair.name, name, summary).class(Class::Slow);
        if !pair.filled {
            let mut sql: Vec<String> = drop.into_iter().collect();
            sql.push(render::add_constraint(self.schema(), pair.name, name, &key.definition));
            return self.step(Phase::Key, step.class(Class::Safe).sql(sql).why("the table is empty"));
        }
        let index = crate::names::joined(&[pair.name, KEY_SUFFIX]);
        let mut step = step
            .lock("SHARE UPDATE EXCLUSIVE while its index is built; ACCESS EXCLUSIVE for a moment")
            .why("programs that know the old key fail from then on; foreign keys to it are made again");
        match pair.old.indexes.get(&index) {
            Some(there) if there.valid && there.columns == key.columns => {}
            there => {
                if there.is_some() {
                    step = step.alone(render::drop_index(self.schema(), &index));
                }
                let table = render::qualified(self.schema(), pair.name);
                step = step
                    .alone(format!(
                        "CREATE UNIQUE INDEX CONCURRENTLY {} ON {table} ({columns})",
                        ident(&index)
                    ))
                    .cleanup(render::drop_index(self.schema(), &index));
            }
        }
        let mut sql: Vec<String> = drop.into_iter().collect();
        sql.push(alter(&format!("ADD CONSTRAINT {} PRIMARY KEY USING INDEX {}", ident(name), ident(&index))));
        let step = step.sql(sql);
        self.step(Phase::Key, step);
        if new.is_empty() {
            self.check(Check::duplicates(&self.rows(pair.name), name, &key.columns, None));
        }
    }

    fn renamed_key(&mut self, pair: Pair<'a>, column: &str) {
        let old = pair.old.key().map(|(_, k)| k.columns.clone()).unwrap_or_default();
        let gone: Vec<&String> = old.iter().filter(|c| pair.new.column(c).is_none()).collect();
        let kind = |table: &super::TableShape, c: &str| table.column(c).map(|c| c.kind.clone());
        let former = gone.iter().find(|c| kind(pair.old, c) == kind(pair.new, column));
        let next = match former {
            Some(former) => format!(
                "if it is the former {former}: --rename {0}.{former}={column}; else add {column} as a field, fill it, and make it the key in a second migration",
                pair.name
            ),
            None => format!("add {column} as a field, fill it, and make it the key in a second migration"),
        };
        let message = format!(
            "the primary key of {} changes from ({}) to ({column}), which its rows do not have",
            pair.name,
            old.join(", ")
        );
        self.block(&codes::KEY_CHANGED, (pair.name, column), message, next);
    }
}
