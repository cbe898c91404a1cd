//! Statements whose texts are few: they stay prepared on the connections that they meet.

use std::pin::pin;

use deadpool_postgres::ClientWrapper;
use hallmark_core::{Error, Result};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Statement};

use super::driven::Driven;
use crate::limits;

/// A statement whose text is one of few, for it stays prepared.
#[derive(Clone, Copy, Debug)]
pub struct Prepared<'a> {
    /// The statement.
    pub text: &'a str,
    /// The types of its parameters.
    pub types: &'a [Type],
    /// Its parameters.
    pub parameters: &'a [&'a (dyn ToSql + Sync)],
    /// What a failure means for the caller.
    pub failure: fn(tokio_postgres::Error) -> Error,
}

impl Prepared<'_> {
    /// The rows, over this connection.
    ///
    /// # Errors
    /// As [`Prepared::failure`] says.
    pub(crate) async fn rows(&self, client: &ClientWrapper) -> Result<Vec<Row>> {
        match self.prepared(client).await {
            Err(error) if is_outdated(&error) => {
                client.statement_cache.remove(self.text, self.types);
                self.prepared(client).await.map_err(self.failure)
            }
            other => other.map_err(self.failure),
        }
    }

    async fn prepared(&self, client: &ClientWrapper) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.statement(client).await?;
        client.query(&statement, self.parameters).await
    }

    async fn statement(&self, client: &ClientWrapper) -> Result<Statement, tokio_postgres::Error> {
        // The texts are few, but callers choose the fields that they want, and their order.
        if client.statement_cache.size() > limits::STATEMENTS_KEPT {
            client.statement_cache.clear();
        }
        client.prepare_typed_cached(self.text, self.types).await
    }

    /// The rows, over a connection that is driven meanwhile.
    ///
    /// # Errors
    /// As [`Prepared::failure`] says.
    pub(super) async fn driven(&self, client: &Driven) -> Result<Vec<Row>> {
        let found = match self.asked(client).await {
            Err(error) if is_outdated(&error) => {
                client.recent.forget(self.text, self.types);
                client.statement_cache.remove(self.text, self.types);
                Box::pin(self.asked(client)).await
            }
            found => found,
        };
        found.map_err(self.failure)
    }

    async fn asked(&self, client: &Driven) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = match client.recent.find(self.text, self.types) {
            Some(statement) => statement,
            // In a box: it happens seldom, and would make each call as large.
            None => Box::pin(self.noted(client)).await?,
        };
        client.drive(pin!(client.query(&statement, self.parameters))).await
    }

    async fn noted(&self, client: &Driven) -> Result<Statement, tokio_postgres::Error> {
        let statement = client.drive(pin!(self.statement(client))).await?;
        client.recent.note(self.text, self.types, statement.clone());
        Ok(statement)
    }
}

/// "cached plan must not change result type": a column has another type since the statement was prepared.
fn is_outdated(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED)
}
