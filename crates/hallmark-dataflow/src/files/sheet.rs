//! A sheet of an xlsx file as records: the first row with cells is the header.
//!
//! Cells are read one by one on a thread that owns the workbook. The texts that a workbook keeps once for all its cells are in memory
//! while it is read: that is as much as a sheet needs.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use calamine::{DataRef, ExcelDateTime, Reader as _, Xlsx};
use hallmark_core::{Error, Result};
use serde_json::{Map, Number, Value};

use super::input::{Mark, Source, whole};
use super::records::{Reading, Record, Records, guarded, header};
use crate::{codes, limits};

/// Rows of one message.
const BATCH_ROWS: usize = 256;
/// Messages that may wait.
const BATCHES_WAITING_MAX: usize = 4;
/// The whole numbers that a double holds without a gap end before this one, which may stand for the next one, too.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A row with cells: its number in the sheet from 1, and the cells with their columns.
struct Line {
    number: u64,
    cells: Vec<(usize, Result<Value>)>,
}

type Lines = Receiver<Result<Vec<Line>>>;

/// Records of a sheet.
pub(super) struct Sheet {
    lines: Lines,
    ready: VecDeque<Line>,
    names: Vec<String>,
    rows: u64,
    /// The line that is read next, from 1.
    line: u64,
    /// The end of the file: it is known as a whole or not at all.
    whole: Mark,
}

impl Sheet {
    /// Opens the file, and passes over the rows before the place to begin at.
    ///
    /// # Errors
    /// `HM-D025` if it is no file; `HM-D051`, `HM-D052` if it cannot be read; `HM-D024` if it is too large.
    pub(super) fn open(reading: &Reading) -> Result<Self> {
        let Source::File(path) = &reading.source else {
            let message = "a sheet is read from a file: give its `path`";
            return Err(Error::new(&codes::BAD_PARAMETER, message).at("content"));
        };
        let failed = |e: std::io::Error| {
            Error::new(&codes::FILE_FAILED, format!("could not read {}", path.display())).because(&e)
        };
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > limits::SHEET_BYTES_MAX {
            let message = format!("an xlsx file has at most {} bytes", limits::SHEET_BYTES_MAX);
            return Err(Error::new(&codes::TOO_MUCH, message).next("save the sheet as CSV"));
        }
        let whole = if reading.part_rows.is_some() { whole(&reading.source)? } else { Mark::default() };
        let (sender, lines) = sync_channel(BATCHES_WAITING_MAX);
        // It ends with the sheet, or at the first message that nobody takes.
        drop(std::thread::spawn(move || {
            if let Err(error) = guarded(|| read(file, &sender)) {
                let _ = sender.send(Err(error));
            }
        }));
        let mut sheet = Self { lines, ready: VecDeque::new(), names: Vec::new(), rows: 0, line: 1, whole };
        sheet.names = sheet.header()?;
        for _ in 0..reading.first() {
            if sheet.next()?.is_none() {
                break;
            }
        }
        Ok(sheet)
    }

    fn header(&mut self) -> Result<Vec<String>> {
        let Some(line) = self.line()? else {
            return Err(Error::new(&codes::INPUT_UNREADABLE, "the sheet is empty: it needs a header row"));
        };
        let width = line.cells.last().map_or(0, |(at, _)| at + 1);
        let mut names = vec![String::new(); width];
        for (at, value) in line.cells {
            names[at] = match value? {
                Value::String(text) => text.trim().to_owned(),
                other => other.to_string(),
            };
        }
        header(names)
    }

    fn line(&mut self) -> Result<Option<Line>> {
        while self.ready.is_empty() {
            match self.lines.recv() {
                Ok(lines) => self.ready = lines?.into(),
                Err(_) => return Ok(None),
            }
        }
        let line = self.ready.pop_front();
        self.line = line.as_ref().map_or(self.line, |line| line.number + 1);
        Ok(line)
    }
}

impl Records for Sheet {
    fn next(&mut self) -> Result<Option<Record>> {
        let next = self.line().map_err(|e| e.at(format!("row {}", self.rows + 1)))?;
        let Some(line) = next else { return Ok(None) };
        self.rows += 1;
        let mut found: Map<String, Value> =
            self.names.iter().map(|name| (name.clone(), Value::Null)).collect();
        let mut wrong = None;
        for (at, value) in line.cells {
            match (self.names.get(at), value) {
                (Some(name), Ok(value)) => drop(found.insert(name.clone(), value)),
                (Some(name), Err(error)) => drop(wrong.get_or_insert(error.at(name.clone()))),
                (None, _) => {
                    let message = format!("column {} of the sheet has a cell and no header", at + 1);
                    wrong.get_or_insert(Error::new(&codes::INPUT_UNREADABLE, message));
                }
            }
        }
        let cells = wrong.map_or(Ok(found), Err);
        Ok(Some(Record { line: line.number, cells }))
    }

    fn mark(&self) -> Mark {
        Mark { rows: self.rows, line: self.line, ..self.whole.clone() }
    }
}

fn damaged(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(&codes::INPUT_UNREADABLE, "this is no whole xlsx file").because(error)
}

/// Reads the first sheet.
fn read(file: File, sender: &SyncSender<Result<Vec<Line>>>) -> Result<()> {
    let mut book: Xlsx<_> = Xlsx::new(BufReader::new(file)).map_err(|e| damaged(&e))?;
    let Some(name) = book.sheet_names().first().cloned() else {
        return Err(Error::new(&codes::INPUT_UNREADABLE, "the workbook has no sheet"));
    };
    let mut cells = book.worksheet_cells_reader(&name).map_err(|e| damaged(&e))?;
    let mut lines: Vec<Line> = Vec::new();
    while let Some(cell) = cells.next_cell().map_err(|e| damaged(&e))? {
        let (row, column) = cell.get_position();
        let Some(value) = value(cell.get_value()) else { continue };
        let number = u64::from(row) + 1;
        if lines.last().is_none_or(|line| line.number != number) {
            if lines.len() >= BATCH_ROWS && sender.send(Ok(std::mem::take(&mut lines))).is_err() {
                return Ok(());
            }
            lines.push(Line { number, cells: Vec::new() });
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= limits::IMPORT_COLUMNS_MAX {
            let message =
                format!("row {number} of the sheet has more than {} columns", limits::IMPORT_COLUMNS_MAX);
            return Err(Error::new(&codes::TOO_MUCH, message));
        }
        if let Some(line) = lines.last_mut() {
            line.cells.push((column, value));
        }
    }
    let _ = sender.send(Ok(lines));
    Ok(())
}

/// The value of a cell; `None` for one without.
fn value(cell: &DataRef<'_>) -> Option<Result<Value>> {
    Some(Ok(match cell {
        DataRef::Empty => return None,
        DataRef::Int(number) => Value::from(*number),
        DataRef::Float(number) => self::number(*number),
        DataRef::String(text) => Value::from(text.as_str()),
        DataRef::SharedString(text) => Value::from(*text),
        DataRef::Bool(truth) => Value::from(*truth),
        DataRef::DateTime(time) => return Some(moment(time).map(Value::from)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Value::from(text.as_str()),
        DataRef::Error(error) => {
            let message = format!("the cell holds the error {error}");
            return Some(Err(Error::new(&codes::WRONG_VALUE, message)));
        }
    }))
}

/// Milliseconds of a day.
const DAY_MS: f64 = 86_400_000.0;

/// A number; a whole one without a fraction.
fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within what a double holds")]
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// A date with its time, or the time alone where the cell has no date.
fn moment(time: &ExcelDateTime) -> Result<String> {
    let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
    let clock = format!("{hour:02}:{minute:02}:{second:02}.{milli:03}");
    if !time.is_duration() && time.as_f64() >= 1.0 {
        return Ok(format!("{year:04}-{month:02}-{day:02}T{clock}Z"));
    }
    // What is rounded up to the next day, as what lies before or behind the day, is no time of it.
    if time.as_f64() < 0.0 || time.as_f64() * DAY_MS >= DAY_MS - 0.5 {
        let message = "the cell holds a span of time that is no time of a day";
        return Err(Error::new(&codes::WRONG_VALUE, message));
    }
    Ok(clock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::ExcelDateTimeType;

    #[test]
    fn spans_that_are_no_time_of_a_day_are_refused() {
        let span = |days: f64| moment(&ExcelDateTime::new(days, ExcelDateTimeType::TimeDelta, false)).ok();
        assert_eq!(span(0.25).as_deref(), Some("06:00:00.000"));
        assert_eq!(span(0.999_999_988).as_deref(), Some("23:59:59.999"));
        assert_eq!([span(1.25), span(-0.25), span(1.0), span(0.999_999_999)], [None, None, None, None]);
        let time = ExcelDateTime::new(45_943.5, ExcelDateTimeType::DateTime, false);
        assert_eq!(moment(&time).unwrap(), "2025-10-13T12:00:00.000Z");
    }
}
