//! The text of a file that may declare models.

use std::io::ErrorKind;
use std::path::Path;

use hallmark_python::codes::ENCODING;
use hallmark_python::models::{Place, Problem, Severity};
use hallmark_python::source::{Undecodable, decode};

/// The largest source file that is read for models, in bytes.
pub(super) const SOURCE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What is in a file.
pub(super) enum Text {
    /// Text to read models in.
    Read(String),
    /// Nothing: it is too large, gone, or declares no model.
    Nothing,
    /// Something that nobody can read: models may be declared in it.
    Unread(Problem),
}

impl Text {
    /// Reads a file; one of Python only if something in it looks like a model's decorator.
    pub(super) fn of(path: &Path, name: &str) -> Self {
        if std::fs::metadata(path).is_ok_and(|m| m.len() > SOURCE_BYTES_MAX) {
            return Self::Nothing;
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::Nothing,
            Err(error) => {
                return Self::Unread(unread(name, 1, format!("the file could not be read: {error}")));
            }
        };
        let is_python = path.extension().is_some_and(|e| e == "py");
        let shown = String::from_utf8_lossy(&bytes);
        if is_python && !(shown.contains(".model") || shown.contains("@model")) {
            return Self::Nothing;
        }
        match decode(&bytes) {
            Ok(text) => Self::Read(text.into_owned()),
            Err(Undecodable::Invalid { encoding, line }) => {
                let line = usize::try_from(line).unwrap_or(1);
                Self::Unread(unread(
                    name,
                    line,
                    format!("the file is not valid {encoding} from this line on"),
                ))
            }
            Err(Undecodable::Unknown { encoding }) => Self::Unread(unread(
                name,
                1,
                format!("the file declares an encoding that is not read: {encoding}"),
            )),
        }
    }
}

fn unread(name: &str, line: usize, message: String) -> Problem {
    let place = Place { path: name.to_owned(), line, column: 1 };
    Problem { code: ENCODING.id, severity: Severity::Error, message, place, model: None }
}
