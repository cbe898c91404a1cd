//! One configuration file: `hallmark.toml`, or the table `[tool.hallmark]` of a `pyproject.toml`.

use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IntoDeserializer as _};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::message::without_value;
use crate::{Error, Result, codes, fs, nearest};

/// The name of the configuration file.
pub const FILE_NAME: &str = "hallmark.toml";

/// The file that may hold the configuration too, in its table `[tool.hallmark]`.
pub const PYPROJECT: &str = "pyproject.toml";

/// A configuration file as it is written.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) path: PathBuf,
    text: String,
    /// The tables around the configuration: none, or `tool` and `hallmark`.
    prefix: &'static [&'static str],
}

impl Layer {
    /// The configuration of a folder, if it has one.
    pub(super) fn of_folder(folder: &Path) -> Result<Option<Self>> {
        let own = folder.join(FILE_NAME);
        let own = own.is_file().then_some(own);
        let shared = Self::of_pyproject(&folder.join(PYPROJECT))?;
        match (own, shared) {
            (Some(own), Some(shared)) => Err(Error::new(
                &codes::CONFIG_TWICE,
                format!("{FILE_NAME} and [tool.hallmark] in {PYPROJECT} both configure this folder"),
            )
            .at(shared.path.display().to_string())
            .next(format!("move the table into {}, or remove that file", own.display()))),
            (Some(own), None) => Self::read(&own).map(Some),
            (None, shared) => Ok(shared),
        }
    }

    /// The table of a `pyproject.toml`, if the file is there and has it. A file that is no TOML is an error only if it names the
    /// table: others may leave theirs broken.
    fn of_pyproject(path: &Path) -> Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_text(path)?;
        if !text.contains("hallmark") {
            return Ok(None);
        }
        let layer = Self { path: path.to_path_buf(), text, prefix: &["tool", "hallmark"] };
        match layer.parse() {
            Ok(found) => Ok(found.is_some().then_some(layer)),
            Err(_) if !layer.text.contains("tool.hallmark") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A file that was named: a `pyproject.toml` by its name, anything else as a `hallmark.toml`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let prefix: &[&str] =
            if path.file_name().is_some_and(|n| n == PYPROJECT) { &["tool", "hallmark"] } else { &[] };
        let layer = Self { path: path.to_path_buf(), text: fs::read_text(path)?, prefix };
        layer.parse()?;
        Ok(layer)
    }

    /// A text that stands for a file.
    pub(super) fn of_text(path: PathBuf, text: String) -> Result<Self> {
        let layer = Self { path, text, prefix: &[] };
        layer.parse()?;
        Ok(layer)
    }

    /// The configuration's own table; `None` if the file has none.
    fn parse(&self) -> Result<Option<DeTable<'_>>> {
        let table = DeTable::parse(&self.text).map_err(|e| self.error(&codes::CONFIG_SYNTAX, "", &e))?;
        let mut table = table.into_inner();
        for name in self.prefix {
            match take(&mut table, name).map(Spanned::into_inner) {
                Some(DeValue::Table(inner)) => table = inner,
                _ => return Ok(None),
            }
        }
        Ok(Some(table))
    }

    /// The whole configuration of this file as plain values.
    pub(super) fn table(&self) -> Result<toml::Table> {
        let Some(table) = self.parse()? else { return Ok(toml::Table::new()) };
        let whole = Spanned::new(0..self.text.len(), DeValue::Table(table));
        serde::Deserialize::deserialize(whole.into_deserializer())
            .map_err(|e| self.error(&codes::CONFIG_SYNTAX, "", &e))
    }

    /// The section of this name read into its owner's type; `None` if this file does not have it.
    pub(super) fn section<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(mut table) = self.parse()? else { return Ok(None) };
        let Some(section) = take(&mut table, name) else { return Ok(None) };
        T::deserialize(section.into_deserializer())
            .map(Some)
            .map_err(|e| self.error(&codes::CONFIG_VALUE, &format!("section [{name}]: "), &e))
    }

    /// Refuses top-level names that nothing reads.
    pub(super) fn check_names(&self, known: &[&str]) -> Result<()> {
        let table = self.parse()?.unwrap_or_default();
        let unknown = table.keys().find(|key| !known.contains(&&**key.get_ref()));
        let Some(key) = unknown else { return Ok(()) };
        let (line, column) = position(&self.text, key.span().start);
        let error = Error::new(&codes::CONFIG_VALUE, format!("there is no section [{}]", key.get_ref()))
            .at(format!("{}:{line}:{column}", self.path.display()));
        Err(error.next(match nearest(key.get_ref(), known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => "hallmark config".to_owned(),
        }))
    }

    /// Every value that is not a table: its dotted key, and the line and column of its name.
    pub(super) fn places(&self) -> Result<Vec<(String, usize, usize)>> {
        let mut out = Vec::new();
        if let Some(table) = self.parse()? {
            self.collect("", &table, &mut out);
        }
        Ok(out)
    }

    fn collect(&self, prefix: &str, table: &DeTable<'_>, out: &mut Vec<(String, usize, usize)>) {
        for (key, value) in table {
            let name = super::dotted(prefix, key.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) if !inner.is_empty() => self.collect(&name, inner, out),
                _ => {
                    let (line, column) = position(&self.text, key.span().start);
                    out.push((name, line, column));
                }
            }
        }
    }

    fn error(&self, code: &'static crate::Code, context: &str, error: &toml::de::Error) -> Error {
        let (line, column) = position(&self.text, error.span().map_or(0, |s| s.start));
        let message = without_value(error.message());
        let place = format!("{}:{line}:{column}", self.path.display());
        let said = Error::new(code, format!("{context}{message}")).at(place);
        match meant(&message) {
            Some(near) => said.next(format!("did you mean {near}?")),
            None => said,
        }
    }
}

fn take<'t>(table: &mut DeTable<'t>, name: &str) -> Option<Spanned<DeValue<'t>>> {
    let key = table.keys().find(|key| key.get_ref() == name)?.clone();
    table.remove(&key)
}

/// The name that was meant, from a message such as "unknown field `a`, expected one of `b`, `c`".
fn meant(message: &str) -> Option<&str> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wanted = quoted.next().filter(|_| message.starts_with("unknown "))?;
    nearest(wanted, quoted)
}

/// The line and the column, both from 1, of a byte of the text; columns count bytes.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    (line, column)
}
