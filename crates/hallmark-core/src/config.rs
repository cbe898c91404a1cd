//! `hallmark.toml`: one file, sections owned by the crates that read them, errors with file, line and column.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde::de::DeserializeOwned;

use crate::{Error, Result, codes, fs};

/// The name of the configuration file.
pub const FILE_NAME: &str = "hallmark.toml";

/// A parsed configuration file, or the empty one.
#[derive(Clone, Debug, Default)]
pub struct Config {
    path: PathBuf,
    text: String,
    table: toml::Table,
}

impl Config {
    /// Reads `hallmark.toml` in this folder; a missing file is the empty configuration.
    ///
    /// # Errors
    /// `HM-C001` with line and column if it is not TOML, `HM-C012` if it cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE_NAME);
        if !path.is_file() {
            return Ok(Self { path, ..Self::default() });
        }
        let text = fs::read_text(&path)?;
        Self::parse(path, text)
    }

    /// Parses a configuration text; `path` is what errors name.
    ///
    /// # Errors
    /// `HM-C001` with line and column.
    pub fn parse(path: PathBuf, text: String) -> Result<Self> {
        let table = toml::from_str(&text).map_err(|e| toml_error(&codes::CONFIG_SYNTAX, &path, &text, &e))?;
        Ok(Self { path, text, table })
    }

    /// The section of this name, read into its owner's type; a missing section is the type's default.
    ///
    /// # Errors
    /// `HM-C002` with line and column if a value has the wrong type or (with `deny_unknown_fields`) an unknown name.
    pub fn section<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T> {
        if !self.table.contains_key(name) {
            return Ok(T::default());
        }
        // Reading from the text, not from the table, keeps the error's span in the file.
        let deserializer = toml::de::Deserializer::parse(&self.text)
            .map_err(|e| toml_error(&codes::CONFIG_SYNTAX, &self.path, &self.text, &e))?;
        let mut document: BTreeMap<String, toml::Spanned<toml::Value>> = BTreeMap::deserialize(deserializer)
            .map_err(|e| toml_error(&codes::CONFIG_SYNTAX, &self.path, &self.text, &e))?;
        let Some(section) = document.remove(name) else { return Ok(T::default()) };
        let start = section.span().start;
        section.into_inner().try_into::<T>().map_err(|e| {
            let (line, column) = position(&self.text, start);
            Error::new(&codes::CONFIG_VALUE, format!("section [{name}]: {}", e.message().trim()))
                .at(format!("{}:{line}:{column}", self.path.display()))
        })
    }

    /// The names of the sections that the file has.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    /// The file that was (or would be) read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn toml_error(code: &'static crate::Code, path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let offset = error.span().map_or(0, |s| s.start);
    let (line, column) = position(text, offset);
    Error::new(code, error.message().to_owned()).at(format!("{}:{line}:{column}", path.display()))
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    (line, column)
}
