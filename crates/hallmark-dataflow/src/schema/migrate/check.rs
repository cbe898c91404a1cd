//! What the rows that are there say to a plan, before anything is changed.

use hallmark_core::Result;
use tokio_postgres::GenericClient;

use super::plan::{Blocker, Step};
use super::renames::Renames;
use super::render::{ident, qualified};
use super::shape::TableShape;
use crate::sql::failure;
use crate::{codes, limits};

/// One question to the rows of a table.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// The table.
    table: String,
    subject: String,
    /// The statement that counts.
    sql: String,
    kind: Kind,
}

/// The rows of a table that may still have other names than those that a plan asks by.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    table: &'a str,
    /// What stands behind `FROM`.
    from: String,
}

impl<'a> Rows<'a> {
    /// The rows of a table as it will be called, with the columns that it has once the renames are made: a rename is a step as any
    /// other, and its table is asked before.
    pub(super) fn of(schema: &str, table: &'a str, shape: Option<&TableShape>, renames: &Renames) -> Self {
        let there = qualified(schema, renames.tables.get(table).map_or(table, String::as_str));
        let former = |column: &str| {
            renames.columns.iter().find(|(t, new, _)| t == table && new == column).map(|(.., old)| old)
        };
        let columns = shape.map(|shape| shape.columns.as_slice()).unwrap_or_default();
        if columns.iter().all(|c| former(&c.name).is_none()) {
            return Self { table, from: there };
        }
        let listed: Vec<String> = columns
            .iter()
            .map(|c| match former(&c.name) {
                Some(old) => format!("{} AS {}", ident(old), ident(&c.name)),
                None => ident(&c.name),
            })
            .collect();
        Self { table, from: format!("(SELECT {} FROM {there})", listed.join(", ")) }
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Nulls,
    Broken,
    Duplicates,
    Orphans(String),
    /// From and to which type.
    Values(String, String),
}

impl Check {
    fn new(rows: &Rows<'_>, subject: &str, kind: Kind, rest: &str) -> Self {
        let sql = format!("SELECT count(*) FROM {} a {rest}", rows.from);
        Self { table: rows.table.to_owned(), subject: subject.to_owned(), sql, kind }
    }

    /// Rows without a value in a column.
    pub(super) fn nulls(rows: &Rows<'_>, column: &str) -> Self {
        Self::new(rows, column, Kind::Nulls, &format!("WHERE {} IS NULL", ident(column)))
    }

    /// Rows that break a check; its definition begins with `CHECK`.
    pub(super) fn broken(rows: &Rows<'_>, name: &str, definition: &str) -> Self {
        let expression = definition.trim_start_matches("CHECK ").trim_end_matches(" NO INHERIT");
        Self::new(rows, name, Kind::Broken, &format!("WHERE NOT {expression}"))
    }

    /// Values that occur more than once where they should be unique.
    pub(super) fn duplicates(
        rows: &Rows<'_>,
        name: &str,
        columns: &[String],
        predicate: Option<&str>,
    ) -> Self {
        let listed: Vec<String> = columns.iter().map(|c| ident(c)).collect();
        let mut wanted: Vec<String> = listed.iter().map(|c| format!("{c} IS NOT NULL")).collect();
        wanted.extend(predicate.map(|p| format!("({p})")));
        let sql = format!(
            "SELECT count(*) FROM (SELECT FROM {} a WHERE {} GROUP BY {} HAVING count(*) > 1) d",
            rows.from,
            wanted.join(" AND "),
            listed.join(", ")
        );
        Self { table: rows.table.to_owned(), subject: name.to_owned(), sql, kind: Kind::Duplicates }
    }

    /// Rows that refer to none.
    pub(super) fn orphans(
        rows: &Rows<'_>,
        name: &str,
        columns: &[String],
        (target, keys): (&Rows<'_>, &[String]),
    ) -> Self {
        let given: Vec<String> = columns.iter().map(|c| format!("a.{} IS NOT NULL", ident(c))).collect();
        let pairs: Vec<String> =
            columns.iter().zip(keys).map(|(c, k)| format!("b.{} = a.{}", ident(k), ident(c))).collect();
        let rest = format!(
            "WHERE {} AND NOT EXISTS (SELECT FROM {} b WHERE {})",
            given.join(" AND "),
            target.from,
            pairs.join(" AND ")
        );
        Self::new(rows, name, Kind::Orphans(target.table.to_owned()), &rest)
    }

    /// Rows whose value is another after a change of type.
    pub(super) fn values(rows: &Rows<'_>, column: &str, back: &str, (from, to): (&str, &str)) -> Self {
        let kind = Kind::Values(from.to_owned(), to.to_owned());
        Self::new(rows, column, kind, &format!("WHERE ({back}) IS DISTINCT FROM {}", ident(column)))
    }

    /// Asks; a finding blocks the plan, or is told with the step that it is about. What takes too long is not known, and said so.
    pub(super) async fn ask(
        &self,
        client: &impl GenericClient,
        steps: &mut [Step],
    ) -> Result<Option<Blocker>> {
        let begin = format!(
            "SAVEPOINT ask; SET LOCAL TimeZone = 'UTC'; SET LOCAL statement_timeout = {}",
            limits::MIGRATE_CHECK_TIMEOUT_MS
        );
        client.batch_execute(&begin).await.map_err(failure)?;
        let answer = client.query_one(&self.sql, &[]).await;
        client.batch_execute("ROLLBACK TO SAVEPOINT ask; RELEASE SAVEPOINT ask").await.map_err(failure)?;
        match answer {
            Ok(row) => Ok(self.weigh(row.get(0), steps)),
            Err(error) if error.code().is_some_and(|c| c.code() == "57014") => {
                self.tell(steps, "whether the rows fit was not seen in time");
                Ok(None)
            }
            // A conversion that fails is what was asked for; anything else the step itself will say.
            Err(error) => match (&self.kind, error.as_db_error()) {
                (Kind::Values(from, to), Some(db)) => {
                    let message = format!("{} has values that are no {to}: {}", self.table, db.message());
                    let next = format!("mend the rows, or keep {from}");
                    Ok(Some(self.blocker(message, next)))
                }
                (_, Some(_)) => Ok(None),
                (_, None) => Err(failure(error)),
            },
        }
    }

    fn weigh(&self, count: i64, steps: &mut [Step]) -> Option<Blocker> {
        if count == 0 {
            if matches!(self.kind, Kind::Values(..)) {
                self.tell(steps, "the values that are there now all survive");
            }
            return None;
        }
        let (table, subject) = (&self.table, &self.subject);
        match &self.kind {
            Kind::Values(..) => {
                self.tell(steps, &format!("{count} rows get another value"));
                None
            }
            Kind::Nulls => Some(Blocker {
                code: codes::NEEDS_VALUE.id,
                kind: &codes::NEEDS_VALUE,
                table: table.clone(),
                subject: subject.clone(),
                message: format!("{count} rows of {table} have no {subject}, which may not be null any more"),
                next: format!(
                    "give them a value: --backfill {table}.{subject}=VALUE, or the field a default"
                ),
            }),
            Kind::Broken => Some(self.blocker(
                format!("{count} rows of {table} break {subject}"),
                "mend the rows first".to_owned(),
            )),
            Kind::Duplicates => Some(self.blocker(
                format!("{count} values of {table} occur more than once, which {subject} does not allow"),
                "mend the rows first".to_owned(),
            )),
            Kind::Orphans(target) => Some(self.blocker(
                format!("{count} rows of {table} refer to rows of {target} that do not exist ({subject})"),
                "mend the rows first".to_owned(),
            )),
        }
    }

    fn blocker(&self, message: String, next: String) -> Blocker {
        Blocker {
            code: codes::ROWS_DO_NOT_FIT.id,
            kind: &codes::ROWS_DO_NOT_FIT,
            table: self.table.clone(),
            subject: self.subject.clone(),
            message,
            next,
        }
    }

    fn tell(&self, steps: &mut [Step], what: &str) {
        for step in steps.iter_mut().filter(|s| s.table == self.table && s.subject == self.subject) {
            step.why = format!("{}; {what}", step.why);
        }
    }
}

/// Which of these tables have rows.
pub(super) async fn filled<'a>(
    client: &impl GenericClient,
    schema: &str,
    tables: impl IntoIterator<Item = &'a String>,
) -> Result<std::collections::BTreeSet<String>> {
    let mut filled = std::collections::BTreeSet::new();
    for table in tables {
        let sql = format!("SELECT EXISTS (SELECT FROM {})", qualified(schema, table));
        if client.query_one(&sql, &[]).await.map_err(failure)?.get(0) {
            filled.insert(table.clone());
        }
    }
    Ok(filled)
}
