//! CSV after RFC 4180 with PostgreSQL's way to tell null from the empty text: null is nothing, empty is `""`.

use std::io::BufRead;

use hallmark_core::{Error, Result};
use memchr::{memchr, memchr_iter};

use super::Encoding;
use super::input::{Input, Mark, unread_at};
use crate::{codes, limits};

/// Appends the header line of these names.
pub(crate) fn push_header<'a>(out: &mut Vec<u8>, names: impl Iterator<Item = &'a str>) {
    for (n, name) in names.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        push_text(out, name);
    }
    out.push(b'\n');
}

/// Appends a text as a cell, in quotes where it needs them.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    let special = |b: u8| matches!(b, b',' | b'"' | b'\n' | b'\r');
    let edge = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    if !text.is_empty() && !edge && !text.bytes().any(special) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = memchr(b'"', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(b"\"\"");
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Where a cell lies in its record.
#[derive(Clone, Copy, Debug)]
struct Cell {
    start: usize,
    end: usize,
    /// Nothing, and not even quotes around it.
    is_null: bool,
}

/// One record, as long as the next is not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    /// The line that it begins on, from 1.
    pub(crate) line: u64,
    text: &'a str,
    cells: &'a [Cell],
    /// Cells that are more than the reader keeps.
    more: usize,
}

impl<'a> Row<'a> {
    /// How many cells there are.
    pub(crate) fn len(&self) -> usize {
        self.cells.len() + self.more
    }

    /// The text of a cell; `None` for an unquoted empty one, or where there is none.
    pub(crate) fn get(&self, at: usize) -> Option<&'a str> {
        let cell = self.cells.get(at).filter(|cell| !cell.is_null)?;
        self.text.get(cell.start..cell.end)
    }

    /// The texts of all cells.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<&'a str>> {
        let row = *self;
        (0..row.cells.len()).map(move |at| row.get(at))
    }
}

/// Reads records one by one; a quote that is never closed is an error, not a last cell.
pub(crate) struct Reader<R> {
    input: R,
    encoding: Encoding,
    /// The line of the file that is read next, from 1.
    line: u64,
    /// The record as it stands in the file.
    bytes: Vec<u8>,
    /// The record as cells lie in it, if that is something else than the bytes.
    text: String,
    cells: Vec<Cell>,
    /// The names of the header, once it was read.
    names: Vec<String>,
    /// The records that were begun, the header too.
    begun: u64,
}

impl Reader<Input> {
    /// The place before the next record.
    pub(crate) fn mark(&self) -> Mark {
        self.input.mark(self.begun.saturating_sub(1), self.line)
    }

    /// Goes on at a place behind the header, which was read.
    ///
    /// # Errors
    /// `HM-D051`; `HM-D052` if the file ends before it.
    pub(crate) fn go_to(&mut self, mark: &Mark) -> Result<()> {
        if self.input.skip_to(mark.offset)?.is_none() {
            return Err(Error::new(&codes::INPUT_UNREADABLE, "the file became shorter while it was read"));
        }
        (self.line, self.begun) = (mark.line, mark.rows + 1);
        Ok(())
    }
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R, encoding: Encoding) -> Self {
        let (bytes, text, cells, names) = (Vec::new(), String::new(), Vec::new(), Vec::new());
        Self { input, encoding, line: 1, bytes, text, cells, names, begun: 0 }
    }

    /// The names that errors call the columns by.
    pub(super) fn name(&mut self, names: &[String]) {
        names.clone_into(&mut self.names);
    }

    /// The next record; blank lines are passed over.
    ///
    /// # Errors
    /// `HM-D052` at row and column if the bytes are not of the encoding, a quote is not closed or a record is too long; reading
    /// cannot go on after it.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        let mut begins;
        loop {
            begins = self.line;
            self.bytes.clear();
            if !self.physical_line()? {
                return Ok(None);
            }
            self.close_quotes(begins).map_err(|e| self.at_row(e))?;
            if self.bytes.last() == Some(&b'\n') {
                self.bytes.pop();
            }
            if self.bytes.last() == Some(&b'\r') {
                self.bytes.pop();
            }
            if !self.bytes.is_empty() {
                break;
            }
        }
        let record = self.encoding.decode(&self.bytes, begins).map_err(|e| self.at_cell(e))?;
        if self.begun == 0 {
            self.refuse_returns()?;
        }
        self.begun += 1;
        self.cells.clear();
        if memchr(b'"', &self.bytes).is_none() {
            let more = split(&record, &mut self.cells);
            let text = match record {
                std::borrow::Cow::Borrowed(text) => text,
                std::borrow::Cow::Owned(text) => {
                    self.text = text;
                    &self.text
                }
            };
            return Ok(Some(Row { line: begins, text, cells: &self.cells, more }));
        }
        self.text.clear();
        let more = unquote(&record, &mut self.text, &mut self.cells);
        Ok(Some(Row { line: begins, text: &self.text, cells: &self.cells, more }))
    }

    /// The error at the row that is being read.
    fn at_row(&self, error: Error) -> Error {
        error.at(self.row())
    }

    /// The row that is read, in words.
    fn row(&self) -> String {
        if self.begun == 0 { "the header".to_owned() } else { format!("row {}", self.begun) }
    }

    /// The error at the first cell that is not of the encoding.
    fn at_cell(&self, error: Error) -> Error {
        let good = &self.bytes[..self.encoding.good(&self.bytes)];
        let (mut inside, mut cell) = (false, 0);
        for byte in good {
            inside ^= *byte == b'"';
            cell += usize::from(*byte == b',' && !inside);
        }
        if self.begun == 0 {
            return error.at(format!("the header, column {}", cell + 1));
        }
        let name = self.names.get(cell).cloned().unwrap_or_else(|| format!("column {}", cell + 1));
        error.at(format!("row {}, {name}", self.begun))
    }

    /// Refuses a header with a carriage return outside quotes: the lines end in such alone, and the whole file would be its header.
    fn refuse_returns(&self) -> Result<()> {
        let is_inside = |at: usize| memchr_iter(b'"', &self.bytes[..at]).count() % 2 == 1;
        match memchr_iter(b'\r', &self.bytes).find(|at| !is_inside(*at)) {
            None => Ok(()),
            Some(_) => Err(Error::new(
                &codes::INPUT_UNREADABLE,
                "its lines end in carriage returns alone, as those of a classic Mac",
            )
            .at("the header")
            .next("write line feeds instead: tr '\\r' '\\n' < OLD.csv > NEW.csv")),
        }
    }

    /// A quoted cell may run over lines: a record is whole when its quotes are even.
    fn close_quotes(&mut self, begins: u64) -> Result<()> {
        let mut seen = 0;
        let mut quotes = 0;
        loop {
            quotes += memchr_iter(b'"', &self.bytes[seen..]).count();
            seen = self.bytes.len();
            if quotes % 2 == 0 {
                return Ok(());
            }
            if !self.physical_line()? {
                let message =
                    format!("line {begins}: a quoted cell is not closed before the end of the file");
                return Err(Error::new(&codes::INPUT_UNREADABLE, message)
                    .next("the file looks cut off: get it again"));
            }
        }
    }

    /// Appends a line to the record; `false` at the end of the file.
    fn physical_line(&mut self) -> Result<bool> {
        let before = self.bytes.len();
        let most = (limits::VALUE_BYTES_MAX as u64 + 1).saturating_sub(before as u64);
        let mut limited = std::io::Read::take(&mut self.input, most);
        let read = limited.read_until(b'\n', &mut self.bytes);
        let read = read.map_err(|e| unread_at(&e, || self.row()))?;
        if self.bytes.len() > limits::VALUE_BYTES_MAX {
            if self.begun == 0 {
                self.refuse_returns()?;
            }
            let message =
                format!("line {}: the record has more than {} bytes", self.line, limits::VALUE_BYTES_MAX);
            return Err(self.at_row(Error::new(&codes::INPUT_UNREADABLE, message)));
        }
        if self.line == 1 && self.bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.bytes.drain(..3);
        }
        self.line += u64::from(read > 0);
        Ok(read > 0)
    }
}

/// The cells of a record without quotes; gives how many there are more than are kept.
fn split(record: &str, cells: &mut Vec<Cell>) -> usize {
    let mut start = 0;
    for end in memchr_iter(b',', record.as_bytes()).chain(std::iter::once(record.len())) {
        if cells.len() == limits::IMPORT_COLUMNS_MAX {
            return 1 + memchr_iter(b',', &record.as_bytes()[start..]).count();
        }
        cells.push(Cell { start, end, is_null: start == end });
        start = end + 1;
    }
    0
}

/// The cells of a record with quotes; their texts are appended to `out`. Gives how many there are more than are kept.
fn unquote(record: &str, out: &mut String, cells: &mut Vec<Cell>) -> usize {
    let (mut start, mut more) = (0, 0);
    let (mut was_quoted, mut inside) = (false, false);
    let mut push = |cell: Cell| {
        if cells.len() == limits::IMPORT_COLUMNS_MAX {
            more += 1;
        } else {
            cells.push(cell);
        }
    };
    let mut letters = record.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if inside && letters.peek() == Some(&'"') => {
                letters.next();
                out.push('"');
            }
            '"' if inside => inside = false,
            '"' if out.len() == start && !was_quoted => (inside, was_quoted) = (true, true),
            ',' if !inside => {
                push(Cell { start, end: out.len(), is_null: !was_quoted && out.len() == start });
                (start, was_quoted) = (out.len(), false);
            }
            other => out.push(other),
        }
    }
    push(Cell { start, end: out.len(), is_null: !was_quoted && out.len() == start });
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Vec<Vec<Option<String>>>> {
        let mut reader = Reader::new(text, Encoding::Utf8);
        let mut all = Vec::new();
        while let Some(row) = reader.next()? {
            all.push(row.iter().map(|cell| cell.map(str::to_owned)).collect());
        }
        Ok(all)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let texts = ["a,b", "", "x\"y\nz", "{\"k\":\"v,\"}", " s", "ü工", "\"", "a\r"];
        let mut file = Vec::new();
        push_header(&mut file, texts.into_iter());
        file.extend_from_slice(b"1.5,");
        push_text(&mut file, "end");
        let rows = read(&file).unwrap();
        assert_eq!(rows[0], texts.map(|text| Some(text.to_owned())));
        assert_eq!(rows[1], ["1.5", "end"].map(|text| Some(text.to_owned())));
    }

    #[test]
    fn with_and_without_quotes_is_the_same() {
        let plain = read("a,,ü工,\r\n\n,b\n".as_bytes()).unwrap();
        let text = |t: &str| Some(t.to_owned());
        assert_eq!(plain, [vec![text("a"), None, text("ü工"), None], vec![None, text("b")]]);
        assert_eq!(read("\"a\",,\"ü工\",\n,\"b\"".as_bytes()).unwrap(), plain);
    }

    #[test]
    fn lines_that_end_in_carriage_returns_alone_are_no_empty_table() {
        for file in [&b"code,name\ra,b\rc,d\r"[..], b"code,name\ra,b", b"\"x\ry\",name\ra,b\n", b"\r\ra\r"] {
            let told = read(file).unwrap_err();
            assert_eq!((told.code().id, told.place()), ("HM-D052", Some("the header")));
        }
        assert_eq!(read(b"\"x\ry\",name\r\n1,2\r\n").unwrap().len(), 2, "one inside quotes is a letter");
    }

    #[test]
    fn damage_is_told() {
        assert_eq!(read(b"a,b\n1,\"cut off").unwrap_err().code().id, "HM-D052");
        assert_eq!(read(b"a\ncaf\xe9\n").unwrap_err().code().id, "HM-D052");
        let told = read(b"a\n\"x\ny\xe9\"\n").unwrap_err();
        assert!(told.message().starts_with("line 3, byte 2"), "{}", told.message());
        assert_eq!(
            read(b"\xef\xbb\xbfa\r\n\r\n1\r\n").unwrap(),
            [[Some("a".to_owned())], [Some("1".to_owned())]]
        );
    }
}
