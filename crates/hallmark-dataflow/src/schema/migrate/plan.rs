//! A plan: what would be done, in what order, and what stands in the way.

use hallmark_core::{Code, Error};
use serde::{Deserialize, Serialize};

use super::shape::Shape;

/// How much a step takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing is lost, and nobody waits longer than a lock is waited for.
    #[default]
    Safe,
    /// Nothing is lost, but the table can be neither read nor written while all its rows are written anew.
    Slow,
    /// Values may be lost.
    Destructive,
}

impl Class {
    /// The word for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Slow => "slow",
            Self::Destructive => "destructive",
        }
    }
}

/// One thing that is done as a whole: between two actions a migration may be killed, and the next one goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Action {
    /// Statements that hold together, each brief.
    Brief {
        /// The statements.
        sql: Vec<String>,
    },
    /// Statements that hold together and take as long as the table is large.
    Long {
        /// The statements.
        sql: Vec<String>,
    },
    /// A statement that PostgreSQL takes in no transaction (`CONCURRENTLY`).
    Alone {
        /// The statement.
        sql: String,
    },
    /// Values for rows that have none, a few pages at a time.
    Backfill {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The value as SQL.
        value: String,
    },
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How much it takes.
    pub class: Class,
    /// The table.
    pub table: String,
    /// The column, constraint or index; empty for the table itself.
    pub subject: String,
    /// What is done, in words.
    pub summary: String,
    /// The strongest lock that it takes and how long.
    pub lock: String,
    /// Why it has its class.
    pub why: String,
    /// What is done, in statements.
    pub actions: Vec<Action>,
    /// What removes the rest of an action that failed; each runs alone, and one that fails is passed over.
    pub cleanup: Vec<String>,
    /// Whether readers and writers wait while the rows are written anew.
    pub blocks: bool,
}

/// Something that has to be decided or mended before a plan can be carried out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blocker {
    /// The error code.
    pub code: &'static str,
    #[serde(skip)]
    pub(crate) kind: &'static Code,
    /// The table.
    pub table: String,
    /// The column, constraint or index.
    pub subject: String,
    /// The sentence.
    pub message: String,
    /// What mends it.
    pub next: String,
}

impl Blocker {
    /// The error that a migration ends with.
    #[must_use]
    pub fn error(&self) -> Error {
        let place = match self.subject.as_str() {
            "" => self.table.clone(),
            subject => format!("{}.{subject}", self.table),
        };
        Error::new(self.kind, self.message.clone()).at(place).next(self.next.clone())
    }
}

/// What would be done.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// The schema.
    #[serde(rename = "database_schema")]
    pub schema: String,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// What stands in the way.
    pub blockers: Vec<Blocker>,
    /// Columns that may have been renamed, as questions.
    pub questions: Vec<String>,
    /// What differs from what the last migration left.
    pub drift: Vec<String>,
    /// Tables of the schema that are no model's and that no migration made; they are left alone.
    pub strangers: Vec<String>,
    /// What the models declare and PostgreSQL refuses.
    pub notes: Vec<crate::schema::Note>,
    /// The last migration was killed; this plan goes on with it.
    pub unfinished: Option<i64>,
    /// Tables that are so large that nobody should be kept out of them unasked.
    pub large: Vec<String>,
    /// Whether the tables are on record; until they are, changes by others cannot be noticed.
    pub recorded: bool,
    /// What is there.
    #[serde(skip)]
    pub(crate) before: Shape,
    /// What will be there.
    #[serde(skip)]
    pub(crate) after: Shape,
    /// The renames that the plan makes.
    #[serde(skip)]
    pub(crate) renames: super::renames::Renames,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.blockers.is_empty()
    }

    /// The number of steps of this class.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        self.steps.iter().filter(|s| s.class == class).count()
    }

    /// The same for plans that do the same.
    #[must_use]
    pub fn digest(&self) -> String {
        hallmark_core::digest::sha256(&serde_json::to_vec(&self.steps).unwrap_or_default())
    }

    /// The statements, with a comment before each step.
    #[must_use]
    pub fn sql(&self) -> String {
        let path = super::render::ident(&self.schema);
        let mut text = format!("SET search_path = {path};\n");
        for step in &self.steps {
            text.push_str(&format!("\n-- {}: {} [{}]\n", step.class.name(), step.summary, step.lock));
            for action in &step.actions {
                match action {
                    Action::Brief { sql } | Action::Long { sql } if sql.len() > 1 => {
                        text.push_str(&format!("BEGIN;\n{};\nCOMMIT;\n", sql.join(";\n")));
                    }
                    Action::Brief { sql } | Action::Long { sql } => {
                        text.push_str(&format!("{};\n", sql.join(";\n")));
                    }
                    Action::Alone { sql } => text.push_str(&format!("{sql};\n")),
                    Action::Backfill { table, column, value } => {
                        let (table, column) =
                            (super::render::qualified(&self.schema, table), super::render::ident(column));
                        text.push_str(&format!(
                            "-- in parts, so that no row is locked for long\nUPDATE {table} SET {column} = {value} WHERE {column} IS NULL;\n"
                        ));
                    }
                }
            }
        }
        text
    }
}
