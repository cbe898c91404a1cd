//! Hallmark's own triggers: made, made anew, taken away.

use std::collections::BTreeSet;

use super::super::plan::Step;
use super::super::render::{ident, qualified};
use super::super::shape::TableShape;
use super::{Differ, Phase};
use crate::schema::triggers;

impl Differ<'_> {
    /// The triggers of one table. A function is made anew with the first trigger that needs it.
    pub(super) fn triggers(&mut self, table: &str, old: &TableShape, new: &TableShape) {
        let lock = "SHARE ROW EXCLUSIVE, for a moment";
        let changed = new.triggers.iter().filter(|(name, shape)| old.triggers.get(*name) != Some(shape));
        let functions: BTreeSet<&str> = changed.clone().map(|(_, shape)| shape.function.as_str()).collect();
        for function in functions {
            let of = || changed.clone().filter(|(_, shape)| shape.function == function);
            let body = of().next().map_or("", |(_, shape)| shape.body.as_str());
            let mut sql = triggers::functions(function, body, self.schema());
            // The text of a trigger names its table alone: the search path is the schema's.
            sql.extend(
                of().map(|(_, s)| s.definition.replacen("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER", 1)),
            );
            let what = if function == "hallmark_audited" { "audit rows" } else { "notices of changes" };
            self.step(
                Phase::Trigger,
                Step::brief(table, function, format!("add triggers to {table} for {what}"))
                    .sql(sql)
                    .lock(lock),
            );
        }
        for name in old.triggers.keys().filter(|name| !new.triggers.contains_key(*name)) {
            let sql =
                format!("DROP TRIGGER IF EXISTS {} ON {}", ident(name), qualified(self.schema(), table));
            self.step(
                Phase::Trigger,
                Step::brief(table, name, format!("drop trigger {name} of {table}")).sql([sql]).lock(lock),
            );
        }
    }
}
