//! Rows as the one sheet of an xlsx file. It is written as it goes: texts stand in their cells, nothing is kept for the end.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::Value;
use tokio_postgres::Row;
use zip::ZipWriter;
use zip::write::{SimpleFileOptions, StreamWriter};

use super::line::Cell;
use crate::codes;
use crate::table::Column;

/// The rows of a sheet, the header too.
const ROWS_MAX: u64 = 1_048_576;
/// The columns of a sheet.
const COLUMNS_MAX: usize = 16_384;
/// The characters of a cell.
const CELL_CHARS_MAX: usize = 32_767;
/// The digits that a number of a sheet keeps.
const DIGITS_MAX: usize = 15;
/// The days before 1970-01-01 by a sheet's own count.
const DAYS: i64 = 25_569;
/// The first day of which all programs think the same: a sheet has a 29th of February 1900.
const FIRST: jiff::civil::Date = jiff::civil::date(1900, 3, 1);

const TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>"#;
const ROOT: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const BOOK: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="rows" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const BOOK_PARTS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#;
/// Styles, over the one that programs look for by name: 0 plain, 1 date, 2 date with time, 3 time.
const STYLES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy\-mm\-dd"/><numFmt numFmtId="165" formatCode="yyyy\-mm\-dd\ hh:mm:ss.000"/><numFmt numFmtId="166" formatCode="hh:mm:ss.000"/></numFmts><fonts count="1"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/><xf numFmtId="166" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"#;
const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#;
const TAIL: &str = "</sheetData></worksheet>";

/// Bytes that were written, and that somebody else takes away.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A sheet that is being written.
pub(super) struct Sheet {
    zip: ZipWriter<StreamWriter<Written>>,
    written: Written,
    kinds: Vec<(FieldType, String)>,
    rows: u64,
    /// The XML of the row at hand.
    xml: String,
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(&hallmark_core::codes::INTERNAL, "the sheet could not be written").because(error)
}

fn too_much(message: String) -> Error {
    Error::new(&codes::TOO_MUCH, message).next("export to CSV or Parquet, or narrow the rows by a filter")
}

impl Sheet {
    /// Begins a file, and writes its header.
    ///
    /// # Errors
    /// `HM-D024` if there are too many columns.
    pub(super) fn new(columns: &[&Column], cells: &[Cell]) -> Result<Self> {
        if columns.len() > COLUMNS_MAX {
            return Err(too_much(format!("a sheet has at most {COLUMNS_MAX} columns")));
        }
        let written = Written::default();
        let mut zip = ZipWriter::new_stream(written.clone());
        let options = SimpleFileOptions::default();
        let parts = [
            ("[Content_Types].xml", TYPES),
            ("_rels/.rels", ROOT),
            ("xl/workbook.xml", BOOK),
            ("xl/_rels/workbook.xml.rels", BOOK_PARTS),
            ("xl/styles.xml", STYLES),
        ];
        for (name, text) in parts {
            zip.start_file(name, options).map_err(|e| failed(&e))?;
            zip.write_all(text.as_bytes()).map_err(|e| failed(&e))?;
        }
        zip.start_file("xl/worksheets/sheet1.xml", options.large_file(true)).map_err(|e| failed(&e))?;
        let kinds = columns.iter().zip(cells).map(|(column, cell)| {
            (if cell.masked { FieldType::Text } else { column.field.kind }, column.name().to_owned())
        });
        let mut sheet = Self { zip, written, kinds: kinds.collect(), rows: 0, xml: HEAD.to_owned() };
        sheet.xml.push_str("<row>");
        for column in columns {
            text(&mut sheet.xml, column.name());
        }
        sheet.end_row()?;
        Ok(sheet)
    }

    fn end_row(&mut self) -> Result<()> {
        self.rows += 1;
        self.xml.push_str("</row>");
        self.zip.write_all(self.xml.as_bytes()).map_err(|e| failed(&e))?;
        self.xml.clear();
        Ok(())
    }

    /// Takes a row; what is ready of the file is appended.
    ///
    /// # Errors
    /// `HM-D024` if it is one too many, or a text is too long for a cell; `HM-D031` if a column has another type than the model says.
    pub(super) fn push(&mut self, row: &Row, out: &mut Vec<u8>) -> Result<()> {
        if self.rows >= ROWS_MAX {
            return Err(too_much(format!("a sheet has at most {ROWS_MAX} rows")));
        }
        self.xml.push_str("<row>");
        for (at, (kind, name)) in self.kinds.iter().enumerate() {
            let found = super::cell::of(row, at, *kind)?;
            cell(&mut self.xml, *kind, &found).map_err(|e| e.at(format!("row {}, {name}", self.rows)))?;
        }
        self.end_row()?;
        self.written.take(out);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `HM-C099`.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        self.zip.write_all(TAIL.as_bytes()).map_err(|e| failed(&e))?;
        self.zip.finish().map_err(|e| failed(&e))?;
        self.written.take(out);
        Ok(())
    }
}

/// Appends a cell. What a sheet's numbers do not hold exactly is a text.
fn cell(xml: &mut String, kind: FieldType, found: &Value) -> Result<()> {
    match found {
        Value::Null => xml.push_str("<c/>"),
        Value::Bool(truth) => {
            xml.push_str(if *truth { "<c t=\"b\"><v>1</v></c>" } else { "<c t=\"b\"><v>0</v></c>" });
        }
        Value::Number(digits) if kind == FieldType::Float => number(xml, 0, &digits.to_string()),
        Value::Number(digits) if kind == FieldType::Integer => decimal(xml, &digits.to_string()),
        Value::String(digits) if kind == FieldType::Decimal => decimal(xml, digits),
        Value::String(found) => match serial(kind, found) {
            Some((style, serial)) => number(xml, style, &serial),
            None => {
                if found.encode_utf16().count() > CELL_CHARS_MAX {
                    return Err(too_much(format!(
                        "a cell of a sheet has at most {CELL_CHARS_MAX} characters"
                    )));
                }
                text(xml, found);
            }
        },
        other => {
            let found = other.to_string();
            if found.encode_utf16().count() > CELL_CHARS_MAX {
                return Err(too_much(format!("a cell of a sheet has at most {CELL_CHARS_MAX} characters")));
            }
            text(xml, &found);
        }
    }
    Ok(())
}

/// Appends a number in a style.
fn number(xml: &mut String, style: u8, digits: &str) {
    xml.push_str(&format!("<c s=\"{style}\"><v>{digits}</v></c>"));
}

/// Appends exact digits: as a number if a sheet holds so many, else as a text.
fn decimal(xml: &mut String, digits: &str) {
    let plain = digits.trim_start_matches('-');
    let count = plain.bytes().filter(u8::is_ascii_digit).count();
    let is_number = plain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // A number would lose the zeros behind the point.
    let is_exact = !(plain.contains('.') && plain.ends_with('0'));
    if is_number && is_exact && count <= DIGITS_MAX { number(xml, 0, digits) } else { text(xml, digits) }
}

/// Days since a sheet's own beginning, with the style of their kind; `None` for what a sheet does not hold to the millisecond.
fn serial(kind: FieldType, found: &str) -> Option<(u8, String)> {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = |date: jiff::civil::Date| date.duration_since(epoch).as_secs().div_euclid(86_400) + DAYS;
    let fraction = |time: jiff::civil::Time| {
        let since = time.duration_since(jiff::civil::Time::midnight());
        (since.subsec_nanos() % 1_000_000 == 0).then(|| since.as_secs_f64() / 86_400.0)
    };
    match kind {
        FieldType::Date => {
            let date: jiff::civil::Date = found.parse().ok()?;
            (date >= FIRST).then(|| (1, days(date).to_string()))
        }
        FieldType::Time => fraction(found.parse().ok()?).map(|part| (3, part.to_string())),
        FieldType::Timestamp => {
            let time = found.parse::<jiff::Timestamp>().ok()?.to_zoned(jiff::tz::TimeZone::UTC);
            let part = fraction(time.time()).filter(|_| time.date() >= FIRST)?;
            #[expect(clippy::cast_precision_loss, reason = "days are few")]
            let whole = days(time.date()) as f64;
            Some((2, (whole + part).to_string()))
        }
        _ => None,
    }
}

/// Whether a text goes on like the way in which a sheet writes a control character.
fn looks_escaped(bytes: &[u8]) -> bool {
    matches!(bytes, [b'_', b'x', digits @ .., ] if digits.len() > 4 && digits[4] == b'_' && digits[..4].iter().all(u8::is_ascii_hexdigit))
}

/// Appends a text in a cell of its own.
fn text(xml: &mut String, found: &str) {
    xml.push_str("<c t=\"inlineStr\"><is><t xml:space=\"preserve\">");
    for (at, letter) in found.char_indices() {
        match letter {
            '_' if looks_escaped(&found.as_bytes()[at..]) => xml.push_str("_x005F_"),
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            // XML has no other control characters: a sheet writes them, and what looks like one, in a way of its own.
            '\r' | '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {
                xml.push_str(&format!("_x{:04X}_", u32::from(letter)));
            }
            other => xml.push(other),
        }
    }
    xml.push_str("</t></is></c>");
}
