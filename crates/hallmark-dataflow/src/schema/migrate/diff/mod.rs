//! From what is there to what is wanted: the steps, in an order that always works, and what stands in the way.
//!
//! The same function plans both ways: down is a plan to what was there before. A killed migration needs no repair of its own,
//! for what it left behind is part of what is there, and is finished or removed by the next plan.

mod columns;
mod constraints;
mod indexes;
mod keys;
mod triggers;

use std::collections::{BTreeMap, BTreeSet};

use hallmark_core::Code;

use super::check::{Check, Rows};
use super::plan::{Action, Blocker, Class, Step};
use super::renames::Renames;
use super::render::{self, qualified};
use super::shape::{ConstraintKind, Shape, TableShape};

/// What a plan depends on beside the shapes.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The schema.
    pub(super) schema: String,
    /// Tables with rows.
    pub(super) filled: BTreeSet<String>,
    /// Values for rows that have none: table and column to text.
    pub(super) backfill: BTreeMap<(String, String), String>,
    /// Extensions to add, with the schema to put them in.
    pub(super) extensions: Vec<(String, String)>,
    /// Enumerations to create, with the statements that do it.
    pub(super) enums: Vec<(String, String)>,
    /// Labels to add to enumerations, in words, with the statements that do it.
    pub(super) labels: Vec<(String, String)>,
    /// Renames to make first.
    pub(super) renames: Renames,
}

/// The order of steps. What others depend on is removed after them and made before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Extension,
    Rename,
    Create,
    DropReference,
    DropConstraint,
    Columns,
    Key,
    AddConstraint,
    Index,
    DropUnique,
    AddReference,
    Trigger,
    DropColumn,
    DropTable,
}

/// What was planned.
#[derive(Debug, Default)]
pub(super) struct Planned {
    /// The steps in order.
    pub(super) steps: Vec<Step>,
    /// What stands in the way.
    pub(super) blockers: Vec<Blocker>,
    /// What the rows have to be asked before.
    pub(super) checks: Vec<Check>,
    /// Columns that may have been renamed.
    pub(super) questions: Vec<String>,
}

/// Plans the way from one shape (renames made) to another.
pub(super) fn plan(from: &Shape, to: &Shape, facts: &Facts) -> Planned {
    let mut differ = Differ::new(from, to, facts);
    differ.extensions();
    differ.enums();
    differ.renames();
    for (name, table) in &to.tables {
        match from.tables.get(name) {
            None => differ.create(name, table),
            Some(old) => differ.alter(name, old, table),
        }
    }
    for name in from.tables.keys().filter(|n| !to.tables.contains_key(*n)) {
        differ.drop_table(name);
    }
    differ.finish()
}

struct Differ<'a> {
    from: &'a Shape,
    facts: &'a Facts,
    steps: Vec<(Phase, Step)>,
    planned: Planned,
    /// Columns whose type changes.
    retyped: BTreeSet<(&'a str, &'a str)>,
    /// Tables whose key changes its columns.
    rekeyed: BTreeSet<&'a str>,
}

/// A table on its way.
#[derive(Clone, Copy)]
struct Pair<'a> {
    name: &'a str,
    old: &'a TableShape,
    new: &'a TableShape,
    filled: bool,
}

impl<'a> Differ<'a> {
    fn new(from: &'a Shape, to: &'a Shape, facts: &'a Facts) -> Self {
        let (mut retyped, mut rekeyed) = (BTreeSet::new(), BTreeSet::new());
        for (name, table) in &to.tables {
            let Some(old) = from.tables.get(name) else { continue };
            for column in &table.columns {
                let changed =
                    |c: &super::shape::ColumnShape| c.kind != column.kind || c.collation != column.collation;
                if old.column(&column.name).is_some_and(changed) {
                    retyped.insert((name.as_str(), column.name.as_str()));
                }
            }
            if old.key().map(|(_, k)| &k.columns) != table.key().map(|(_, k)| &k.columns) {
                rekeyed.insert(name.as_str());
            }
        }
        Self { from, facts, steps: Vec::new(), planned: Planned::default(), retyped, rekeyed }
    }

    fn finish(mut self) -> Planned {
        // A stable sort: within a phase the order of tables stays.
        self.steps.sort_by_key(|(phase, _)| *phase);
        self.planned.steps = self.steps.into_iter().map(|(_, step)| step).collect();
        self.planned
    }

    fn schema(&self) -> &'a str {
        &self.facts.schema
    }

    fn step(&mut self, phase: Phase, step: Step) {
        self.steps.push((phase, step));
    }

    fn block(&mut self, code: &'static Code, (table, subject): (&str, &str), message: String, next: String) {
        self.planned.blockers.push(Blocker {
            code: code.id,
            kind: code,
            table: table.to_owned(),
            subject: subject.to_owned(),
            message,
            next,
        });
    }

    fn check(&mut self, check: Check) {
        self.planned.checks.push(check);
    }

    /// The rows of a table, which are asked before anything is renamed.
    fn rows<'b>(&self, table: &'b str) -> Rows<'b> {
        Rows::of(self.schema(), table, self.from.tables.get(table), &self.facts.renames)
    }

    fn extensions(&mut self) {
        for (name, schema) in &self.facts.extensions {
            let (name, schema) = (render::ident(name), render::ident(schema));
            self.step(
                Phase::Extension,
                Step::brief("", &name, format!("add extension {name}"))
                    .sql([format!("CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {schema}")])
                    .lock("none on tables"),
            );
        }
    }

    fn enums(&mut self) {
        for (name, statement) in &self.facts.enums {
            let step = Step::brief("", name, format!("create the enumeration {name}"))
                .sql([statement.clone()])
                .lock("none on tables");
            self.step(Phase::Extension, step);
        }
        for (summary, statement) in &self.facts.labels {
            let step = Step::brief("", "", summary.clone())
                .sql([statement.clone()])
                .lock("none on tables")
                .why("no row is touched; taking the migration back leaves the label, for PostgreSQL removes none");
            self.step(Phase::Extension, step);
        }
    }

    fn renames(&mut self) {
        for (table, summary, sql) in self.facts.renames.statements(self.schema()) {
            let step = Step::brief(&table, "", summary)
                .sql([sql])
                .why("no row is touched; programs that use the old name fail from then on");
            self.step(Phase::Rename, step);
        }
    }

    fn create(&mut self, name: &str, table: &TableShape) {
        let step = Step::brief(name, "", format!("create table {name}"))
            .sql(render::create_table(self.schema(), name, table))
            .lock("none on others")
            .why("the table is new");
        self.step(Phase::Create, step);
        for (constraint, reference) in
            table.constraints.iter().filter(|(_, c)| c.kind == ConstraintKind::Reference)
        {
            self.add_reference(name, constraint, reference, false);
        }
        self.triggers(name, &TableShape::default(), table);
    }

    fn drop_table(&mut self, name: &str) {
        let Some(old) = self.from.tables.get(name) else { return };
        for (constraint, _) in old.constraints.iter().filter(|(_, c)| c.kind == ConstraintKind::Reference) {
            self.drop_constraint(Phase::DropReference, name, constraint, "foreign key");
        }
        let step = Step::brief(name, "", format!("drop table {name}"))
            .sql([format!("DROP TABLE {}", qualified(self.schema(), name))])
            .class(Class::Destructive)
            .why("no model has it any more; its rows are lost");
        self.step(Phase::DropTable, step);
    }

    fn alter(&mut self, name: &'a str, old: &'a TableShape, new: &'a TableShape) {
        let pair = Pair { name, old, new, filled: self.facts.filled.contains(name) };
        self.columns(pair);
        self.keys(pair);
        self.constraints(pair);
        self.indexes(pair);
        self.triggers(name, old, new);
    }
}

impl Step {
    /// A step of brief statements under the strongest lock, for a moment.
    fn brief(table: &str, subject: &str, summary: String) -> Self {
        Self {
            class: Class::Safe,
            table: table.to_owned(),
            subject: subject.to_owned(),
            summary,
            lock: "ACCESS EXCLUSIVE, for a moment".to_owned(),
            why: "only the catalogue changes".to_owned(),
            actions: Vec::new(),
            cleanup: Vec::new(),
            blocks: false,
        }
    }

    fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Statements that hold together.
    fn sql(self, sql: impl Into<Vec<String>>) -> Self {
        let sql = sql.into();
        self.action(Action::Brief { sql })
    }

    fn long(self, sql: String) -> Self {
        self.action(Action::Long { sql: vec![sql] })
    }

    fn alone(self, sql: String) -> Self {
        self.action(Action::Alone { sql })
    }

    fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    fn lock(mut self, lock: &str) -> Self {
        lock.clone_into(&mut self.lock);
        self
    }

    fn why(mut self, why: &str) -> Self {
        why.clone_into(&mut self.why);
        self
    }

    fn cleanup(mut self, sql: String) -> Self {
        self.cleanup.push(sql);
        self
    }

    fn blocking(mut self) -> Self {
        self.blocks = true;
        self
    }
}
