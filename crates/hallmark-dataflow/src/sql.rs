//! Statements: text made of fixed words and quoted names, values always bound.

use std::fmt::Write as _;

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_services::{Answer, postgres};
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{GenericClient, Row, RowStream};

use crate::codes;
use crate::referable;
use crate::slow::{self, Clock};
use crate::table::Column;
use crate::trace::{self, Trace};
use crate::value::{self, Bound};

/// A statement under construction.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    text: String,
    bound: Vec<Bound>,
}

impl Sql {
    /// A statement that begins with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), bound: Vec::new() }
    }

    /// A statement that begins with this text and these parameters.
    pub(crate) fn bound(text: String, bound: Vec<Bound>) -> Self {
        Self { text, bound }
    }

    /// Appends fixed words or quoted names; never a caller's text.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends a parameter; `cast` names a type to cast to, if the wire type is not the one wanted.
    pub fn bind(&mut self, value: Bound, cast: Option<&str>) -> &mut Self {
        self.bound.push(value);
        push_place(&mut self.text, self.bound.len());
        if let Some(cast) = cast {
            self.text.push_str("::");
            self.text.push_str(cast);
        }
        self
    }

    /// Appends a checked value for a column, with the column's cast.
    ///
    /// # Errors
    /// As [`value::for_column`].
    pub fn bind_column(&mut self, column: &Column, value: &Value) -> Result<&mut Self> {
        let bound = value::for_column(column, value)?;
        Ok(self.bind(bound, cast(column)))
    }

    /// Appends a value to compare a column with: its type is checked, its length and choices are not.
    ///
    /// # Errors
    /// As [`value::encode`].
    pub fn bind_compared(&mut self, column: &Column, value: &Value) -> Result<&mut Self> {
        let bound = value::encode(column.field.kind, value).map_err(|e| e.at(column.name().to_owned()))?;
        Ok(self.bind(bound, compared_as(column)))
    }

    /// The text so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.bound.iter().map(|b| (b as &(dyn ToSql + Sync), b.wire())).collect()
    }

    /// Tells an explanation that is under way; gives what the statement is to have found, if it is not to be carried out.
    async fn explained(&self, client: &impl GenericClient) -> Result<Option<Vec<Row>>> {
        match Trace::current() {
            Some(trace) => trace.see(client, &self.text, &self.typed()).await,
            None => Ok(None),
        }
    }

    /// Runs it and collects the rows: one round trip, nothing kept on the server.
    ///
    /// # Errors
    /// As [`failure`].
    pub async fn rows(&self, client: &impl GenericClient) -> Result<Vec<Row>> {
        if let Some(nothing) = self.explained(client).await? {
            return Ok(nothing);
        }
        self.rows_unseen(client).await
    }

    /// The same, untold to an explanation.
    pub(crate) async fn rows_unseen(&self, client: &impl GenericClient) -> Result<Vec<Row>> {
        let clock = self.clock();
        let found = client.query_typed(&self.text, &self.typed()).await.map_err(failure);
        clock.end(found, |rows| rows.len() as u64)
    }

    /// Takes the time of the statement, for the log of slow ones.
    pub(crate) fn clock(&self) -> Clock<'_> {
        Clock::start(&self.text, &self.bound)
    }

    /// Runs it and gives the first row.
    ///
    /// # Errors
    /// As [`failure`].
    pub async fn first(&self, client: &impl GenericClient) -> Result<Option<Row>> {
        Ok(self.rows(client).await?.into_iter().next())
    }

    /// Runs it and gives the number of rows it touched.
    ///
    /// # Errors
    /// As [`failure`].
    pub async fn execute(&self, client: &impl GenericClient) -> Result<u64> {
        if self.explained(client).await?.is_some() {
            return Ok(0);
        }
        let clock = self.clock();
        let touched = client.execute_typed(&self.text, &self.typed()).await.map_err(failure);
        clock.end(touched, |rows| *rows)
    }

    /// Runs it and gives the rows as they arrive. The caller holds its clock, since it knows when the last one came.
    ///
    /// # Errors
    /// As [`failure`].
    pub async fn stream(&self, client: &impl GenericClient) -> Result<RowStream> {
        if self.explained(client).await?.is_some() {
            return Err(trace::ended());
        }
        client.query_typed_raw(&self.text, self.typed()).await.map_err(failure)
    }

    /// Runs it prepared where reads by key go, for statements whose text is one of few.
    ///
    /// # Errors
    /// As [`failure`], where the server knows the statement.
    pub(crate) async fn lookup(&self, reads: &postgres::Reads) -> Result<Vec<Row>> {
        let (types, parameters) = self.parts();
        let statement =
            postgres::Prepared { text: &self.text, types: &types, parameters: &parameters, failure };
        let clock = self.clock();
        let found = reads.lookup(statement).await.map(Answer::into_value);
        clock.end(found, |rows| rows.len() as u64)
    }

    /// Runs it prepared where single statements that write go, for statements whose text is one of few.
    ///
    /// # Errors
    /// As [`failure`], where the server knows the statement.
    pub(crate) async fn write(&self, reads: &postgres::Reads) -> Result<Vec<Row>> {
        let (types, parameters) = self.parts();
        let statement =
            postgres::Prepared { text: &self.text, types: &types, parameters: &parameters, failure };
        let clock = self.clock();
        let returned = reads.write(statement).await;
        clock.end(returned, |rows| rows.len() as u64)
    }

    fn parts(&self) -> (Vec<Type>, Vec<&(dyn ToSql + Sync)>) {
        let parameters = self.bound.iter().map(|b| b as &(dyn ToSql + Sync));
        (self.bound.iter().map(Bound::wire).collect(), parameters.collect())
    }

    /// Runs it prepared, for statements whose text is one of few.
    ///
    /// # Errors
    /// As [`failure`].
    pub async fn rows_prepared(&self, client: &deadpool_postgres::ClientWrapper) -> Result<Vec<Row>> {
        if let Some(nothing) = self.explained(&**client).await? {
            return Ok(nothing);
        }
        let (types, parameters) = self.parts();
        let statement = client.prepare_typed_cached(&self.text, &types).await.map_err(failure)?;
        let clock = self.clock();
        let found = client.query(&statement, &parameters).await.map_err(failure);
        clock.end(found, |rows| rows.len() as u64)
    }
}

/// Appends the place of a parameter.
fn push_place(text: &mut String, number: usize) {
    // A text takes whatever is written to it.
    let _ = write!(text, "${number}");
}

/// Ends a transaction.
///
/// # Errors
/// As [`failure`].
pub(crate) async fn commit(
    work: impl Future<Output = std::result::Result<(), tokio_postgres::Error>>,
) -> Result<()> {
    slow::timed("COMMIT", |()| 0, async { work.await.map_err(failure) }).await
}

/// The cast from a column's wire type to its own, if they differ.
#[must_use]
pub fn cast(column: &Column) -> Option<&str> {
    let other = matches!(column.field.kind, FieldType::Decimal | FieldType::Date | FieldType::Time);
    (other || column.is_enum()).then_some(column.sql_type.as_str())
}

/// As [`cast`], without the digits of a decimal: a comparison must not round.
pub(crate) fn compared_as(column: &Column) -> Option<&str> {
    if column.is_enum() { Some(&column.sql_type) } else { compared_cast(column.field.kind) }
}

/// As [`compared_as`], for what is no column of a table.
pub(crate) fn compared_cast(kind: FieldType) -> Option<&'static str> {
    match kind {
        FieldType::Decimal => Some("numeric"),
        FieldType::Date => Some("date"),
        FieldType::Time => Some("time"),
        _ => None,
    }
}

/// What a failed statement means for a caller. Values are not repeated: they may be personal.
#[must_use]
pub fn failure(error: tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else { return postgres::error(error) };
    if let Some(refused) = referable::refusal(db.message()) {
        return refused;
    }
    let name = db.constraint().unwrap_or("a constraint").to_owned();
    let on = db.table().map(|t| format!(" of {t}")).unwrap_or_default();
    match db.code().code() {
        "23505" => {
            Error::new(&codes::DUPLICATE, format!("the values are already taken: unique {name}{on}")).at(name)
        }
        "23503" => Error::new(
            &codes::REFERENCE,
            format!("a row that is referred to does not exist, or is still referred to: {name}{on}"),
        )
        .at(name),
        "23514" => Error::new(&codes::WRONG_VALUE, format!("a value breaks the check {name}{on}")).at(name),
        "23502" => {
            let column = db.column().unwrap_or("a column").to_owned();
            Error::new(&codes::WRONG_VALUE, format!("{column}{on} may not be null")).at(column)
        }
        "22003" => Error::new(&codes::OUT_OF_RANGE, db.message().to_owned()),
        "22008" => Error::new(&codes::OUT_OF_RANGE, "a date or time is out of range"),
        "22007" | "22P02" => Error::new(&codes::WRONG_VALUE, "a value does not have the form of its type"),
        "22023" if db.message().starts_with("time zone") => {
            Error::new(&codes::UNKNOWN_TIME_ZONE, db.message().to_owned())
                .at("time_zone")
                .next("use a name like UTC, Europe/Berlin or America/New_York")
        }
        "22021" => Error::new(&codes::TEXT_REFUSED, "a text has bytes that PostgreSQL cannot keep"),
        "54000" | "54001" if db.message().contains("index row") => {
            Error::new(&codes::TEXT_REFUSED, "a value is too long for the index that its column has")
                .because_text(db.message())
        }
        "40P01" => Error::new(
            &codes::DEADLOCK,
            "others changed the same rows in another order; nothing of this call was kept",
        )
        .next("do it again"),
        "53100" => Error::new(&codes::DISK_FULL, "the disk of the database server is full")
            .because_text(db.message())
            .next("make room on the server, and do it again"),
        "42P01" | "3F000" => {
            Error::new(&codes::NO_TABLE, db.message().to_owned()).next("hallmark models migrate")
        }
        "42703" | "42883" | "42804" => {
            Error::new(&codes::SCHEMA_DIFFERS, db.message().to_owned()).next("hallmark models diff")
        }
        _ => postgres::error(error),
    }
}
