//! What a failure of PostgreSQL or its driver means.

use hallmark_core::Error;
use tokio_postgres::error::SqlState;

use crate::codes;

/// The coded form of the driver's error: the server's message, its detail and hint, and a code by SQLSTATE.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err, which passes by value")]
pub fn error(error: tokio_postgres::Error) -> Error {
    let Some(db) = error.as_db_error() else { return connection(&error) };
    let state = db.code();
    let code = match state.code() {
        "28P01" | "28000" => &codes::AUTHENTICATION,
        "57P03" => &codes::STARTING,
        "57P01" | "57P02" => &codes::CONNECTION_LOST,
        "53300" => &codes::POOL_EXHAUSTED,
        "57014" => &codes::STATEMENT_TIMEOUT,
        text if text.starts_with("23") => &codes::CONSTRAINT,
        _ => &codes::STATEMENT,
    };
    let mut coded = Error::new(code, format!("{} (SQLSTATE {})", db.message(), state.code()));
    for more in [db.detail(), db.hint()].into_iter().flatten() {
        coded = coded.because_text(more);
    }
    match (db.constraint(), db.table(), db.column()) {
        (Some(constraint), _, _) => coded.at(constraint.to_owned()),
        (None, Some(table), Some(column)) => coded.at(format!("{table}.{column}")),
        _ if *state == SqlState::INVALID_CATALOG_NAME => coded.next("create the database, or name another"),
        _ => coded,
    }
}

/// A failure that the server did not report: refused, timed out, broken off, or no PostgreSQL at all.
fn connection(error: &tokio_postgres::Error) -> Error {
    use std::error::Error as _;
    use std::io::ErrorKind;

    let io = error.source().and_then(|s| s.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let text = error.to_string();
    let (code, sentence) = match io {
        Some(ErrorKind::TimedOut) => (&codes::TIMED_OUT, "PostgreSQL did not accept the connection in time"),
        Some(ErrorKind::ConnectionRefused) => (&codes::UNREACHABLE, "PostgreSQL does not accept connections"),
        Some(ErrorKind::InvalidData | ErrorKind::InvalidInput) => {
            (&codes::WRONG_SERVER, "the answer is not PostgreSQL's protocol")
        }
        _ if text.contains("TLS") => (&codes::TLS_FAILED, "no TLS connection to PostgreSQL could be made"),
        _ if error.is_closed() || text.contains("connection closed") => {
            (&codes::CONNECTION_LOST, "the connection to PostgreSQL broke")
        }
        _ if text.contains("connecting to server") => (&codes::UNREACHABLE, "PostgreSQL cannot be reached"),
        _ if text.contains("parsing") || text.contains("unexpected message") => {
            (&codes::WRONG_SERVER, "the answer is not PostgreSQL's protocol")
        }
        _ if text.contains("authenti") || text.contains("password") => {
            (&codes::AUTHENTICATION, "PostgreSQL and the client found no common way to authenticate")
        }
        _ if text.contains("converting")
            || text.contains("serializing")
            || text.contains("deserializing") =>
        {
            (&codes::PARAMETER, "a value does not fit its column")
        }
        _ => (&codes::CONNECTION_LOST, "the work with PostgreSQL broke off"),
    };
    Error::new(code, sentence).because(error)
}
