//! CSV after RFC 4180 with PostgreSQL's way to tell null from the empty text: null is nothing, empty is `""`.

use std::io::BufRead;

use hallmark_core::{Error, Result};
use serde_json::Value;

use super::Encoding;
use crate::{codes, limits};

/// One cell: its text, or `None` for an unquoted empty one.
pub(super) type Cell = Option<String>;

/// The header line of these names.
pub(crate) fn header<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut out = names.map(quoted).collect::<Vec<_>>().join(",");
    out.push('\n');
    out
}

/// The line of these values.
pub(crate) fn line<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let mut out = values
        .map(|v| match v {
            Value::Null => String::new(),
            Value::String(text) => quoted(text),
            other => quoted(&other.to_string()),
        })
        .collect::<Vec<_>>()
        .join(",");
    out.push('\n');
    out
}

fn quoted(text: &str) -> String {
    let edge = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    if text.is_empty() || edge || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Reads records one by one; a quote that is never closed is an error, not a last cell.
pub(super) struct Reader<R> {
    input: R,
    encoding: Encoding,
    /// The line of the file that is read next, from 1.
    pub(super) line: u64,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(input: R, encoding: Encoding) -> Self {
        Self { input, encoding, line: 1 }
    }

    /// The next record with the line that it begins on; blank lines are passed over.
    ///
    /// # Errors
    /// `HM-D052` if the bytes are not of the encoding or a quote is not closed; reading cannot go on after it.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<Cell>)>> {
        loop {
            let begins = self.line;
            let Some(mut text) = self.physical_line()? else { return Ok(None) };
            // A quoted cell may run over lines: a record is whole when its quotes are even.
            while text.matches('"').count() % 2 == 1 {
                let Some(more) = self.physical_line()? else {
                    let message =
                        format!("line {begins}: a quoted cell is not closed before the end of the file");
                    return Err(Error::new(&codes::INPUT_UNREADABLE, message)
                        .next("the file looks cut off: get it again"));
                };
                text.push_str(&more);
                if text.len() > limits::VALUE_BYTES_MAX {
                    let message =
                        format!("line {begins}: the record has more than {} bytes", limits::VALUE_BYTES_MAX);
                    return Err(Error::new(&codes::INPUT_UNREADABLE, message));
                }
            }
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            if !text.is_empty() {
                return Ok(Some((begins, cells(text))));
            }
        }
    }

    fn physical_line(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        let mut limited = std::io::Read::take(&mut self.input, limits::VALUE_BYTES_MAX as u64 + 1);
        let read = limited.read_until(b'\n', &mut bytes).map_err(|e| {
            Error::new(&codes::FILE_FAILED, format!("line {} could not be read", self.line)).because(&e)
        })?;
        if read == 0 {
            return Ok(None);
        }
        if bytes.len() > limits::VALUE_BYTES_MAX {
            let message = format!("line {} has more than {} bytes", self.line, limits::VALUE_BYTES_MAX);
            return Err(Error::new(&codes::INPUT_UNREADABLE, message));
        }
        if self.line == 1 && bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
            bytes.drain(..3);
        }
        let text = self.encoding.decode(bytes, self.line)?;
        self.line += 1;
        Ok(Some(text))
    }
}

fn cells(text: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let (mut was_quoted, mut inside) = (false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if inside && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if inside => inside = false,
            '"' if cell.is_empty() && !was_quoted => (inside, was_quoted) = (true, true),
            ',' if !inside => {
                cells.push((was_quoted || !cell.is_empty()).then(|| std::mem::take(&mut cell)));
                was_quoted = false;
            }
            other => cell.push(other),
        }
    }
    cells.push((was_quoted || !cell.is_empty()).then_some(cell));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &[u8]) -> Result<Vec<Vec<Cell>>> {
        let mut reader = Reader::new(text, Encoding::Utf8);
        let mut all = Vec::new();
        while let Some((_, cells)) = reader.next()? {
            all.push(cells);
        }
        Ok(all)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let values = [
            json!("a,b"),
            json!(""),
            Value::Null,
            json!("x\"y\nz"),
            json!(1.5),
            json!({"k": "v,"}),
            json!(" s"),
        ];
        let text = line(values.iter());
        let cells = read(text.as_bytes()).unwrap().remove(0);
        let expected: Vec<Cell> = ["a,b", "", "\0", "x\"y\nz", "1.5", "{\"k\":\"v,\"}", " s"]
            .iter()
            .map(|t| (*t != "\0").then(|| (*t).to_owned()))
            .collect();
        assert_eq!(cells, expected);
    }

    #[test]
    fn damage_is_told() {
        assert_eq!(read(b"a,b\n1,\"cut off").unwrap_err().code().id, "HM-D052");
        assert_eq!(read(b"a\ncaf\xe9\n").unwrap_err().code().id, "HM-D052");
        assert_eq!(
            read(b"\xef\xbb\xbfa\r\n\r\n1\r\n").unwrap(),
            [[Some("a".to_owned())], [Some("1".to_owned())]]
        );
    }
}
