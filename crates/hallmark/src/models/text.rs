//! The text of a file that may declare models.

use std::io::ErrorKind;
use std::path::Path;

use hallmark_core::Code;
use hallmark_core::codes::READ_FAILED;
use hallmark_python::codes::ENCODING;
use hallmark_python::models::{Place, Problem, Severity};
use hallmark_python::source::{Undecodable, decode};

/// The largest source file that is read for models, in bytes.
pub(super) const SOURCE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What is in a file.
pub(super) enum Text {
    /// Text to read models in.
    Read(String),
    /// Nothing: it is gone, or declares no model.
    Nothing,
    /// Something that cannot be read, or is too large: models may be declared in it.
    Unread(Problem),
}

impl Text {
    /// Reads a file; one of Python only if something in it looks like a model's decorator.
    pub(super) fn of(path: &Path, name: &str) -> Self {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Self::Nothing,
            Err(error) => {
                return unread(&READ_FAILED, (name, 1), format!("the file could not be read: {error}"));
            }
        };
        let is_python = path.extension().is_some_and(|e| e == "py");
        let shown = String::from_utf8_lossy(&bytes);
        if is_python && !(shown.contains(".model") || shown.contains("@model")) {
            return Self::Nothing;
        }
        if bytes.len() as u64 > SOURCE_BYTES_MAX {
            let most = SOURCE_BYTES_MAX / 1024 / 1024;
            return unread(
                &READ_FAILED,
                (name, 1),
                format!("the file is larger than {most} MB: it is not read"),
            );
        }
        match decode(&bytes) {
            Ok(text) => Self::Read(text.into_owned()),
            Err(Undecodable::Invalid { encoding, line }) => {
                let place = (name, usize::try_from(line).unwrap_or(1));
                unread(&ENCODING, place, format!("the file is not valid {encoding} from this line on"))
            }
            Err(Undecodable::Unknown { encoding }) => {
                let message = format!("the file declares an encoding that is not read: {encoding}");
                unread(&ENCODING, (name, 1), message)
            }
        }
    }
}

/// A file of which nobody knows what it declares, with the line that says so.
fn unread(code: &Code, place: (&str, usize), message: String) -> Text {
    Text::Unread(problem(code, place, message))
}

/// A folder of which nobody knows what is in it.
pub(super) fn unlisted(root: &Path, error: &ignore::Error) -> Problem {
    let (path, error) = match error {
        ignore::Error::WithPath { path, err } => (path.as_path(), &**err),
        error => (root, error),
    };
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let name = if name.is_empty() { "." } else { &name };
    let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
    problem(&READ_FAILED, (name, 1), format!("the folder could not be listed: {reason}"))
}

fn problem(code: &Code, (path, line): (&str, usize), message: String) -> Problem {
    let place = Place { path: path.to_owned(), line, column: 1 };
    Problem { code: code.id, severity: Severity::Error, message, place, model: None }
}
