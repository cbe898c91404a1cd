//! The configuration: `hallmark.toml` or `[tool.hallmark]`, what it extends, sections owned by the crates that read them, and
//! errors with file, line and column.

mod layer;
mod message;
pub mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::{Error, Result, codes};
use layer::Layer;
pub use layer::{FILE_NAME, PYPROJECT};
use message::without_value;

/// The number of files that one configuration may be extended through.
const EXTENDS_MAX: usize = 16;

/// Where a value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

/// A configuration: the file of one folder over the files that it extends, or the empty one.
#[derive(Clone, Debug, Default)]
pub struct Config {
    path: PathBuf,
    /// The files, the one of the folder last: what it says wins.
    layers: Vec<Layer>,
    table: toml::Table,
    origins: BTreeMap<String, Origin>,
}

impl Config {
    /// Reads the configuration of this folder; a folder without one has the empty configuration.
    ///
    /// # Errors
    /// `HM-C001` with line and column if it is not TOML, `HM-C002` if it has an unknown section, `HM-C005` if the folder has two,
    /// `HM-C006` if what it extends cannot be followed, `HM-C012` if it cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        match Layer::of_folder(folder)? {
            Some(layer) => Self::of(layer),
            None => Ok(Self { path: folder.join(FILE_NAME), ..Self::default() }),
        }
    }

    /// Parses a configuration text; `path` is what errors name and what it extends is relative to.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(path: PathBuf, text: String) -> Result<Self> {
        Self::of(Layer::of_text(path, text)?)
    }

    fn of(layer: Layer) -> Result<Self> {
        let path = layer.path.clone();
        let mut layers = vec![layer];
        while let Some(base) = extended(&layers)? {
            if layers.len() == EXTENDS_MAX || layers.iter().any(|l| same_file(&l.path, &base)) {
                let text = format!("{} is extended by itself", base.display());
                return Err(Error::new(&codes::CONFIG_EXTENDS, text).at(path.display().to_string()));
            }
            layers.push(Layer::read(&base).map_err(|e| cannot_extend(&path, &base, e))?);
        }
        layers.reverse();
        let (mut table, mut origins) = (toml::Table::new(), BTreeMap::new());
        for layer in &layers {
            layer.check_names(&settings::top_level())?;
            let mut own = layer.table()?;
            own.remove("extend");
            own.remove("root");
            merge(&mut table, own);
            for (key, line, column) in layer.places()? {
                origins.insert(key, Origin { file: layer.path.clone(), line, column });
            }
        }
        Ok(Self { path, layers, table, origins })
    }

    /// The section of this name, read into its owner's type; a missing section is the type's default.
    ///
    /// # Errors
    /// `HM-C002` with line and column if a value has the wrong type, lies outside of its bounds or has (with `deny_unknown_fields`) an
    /// unknown name.
    pub fn section<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T> {
        let Some(section) = self.table.get(name) else { return Ok(T::default()) };
        self.check_bounds(name, section)?;
        if let [layer] = self.layers.as_slice() {
            return Ok(layer.section(name)?.unwrap_or_default());
        }
        section.clone().try_into().map_err(|merged: toml::de::Error| {
            // Files that are right together may be wrong alone: they are asked only when something is wrong, for its place.
            let wrong = self.layers.iter().rev().find_map(|layer| layer.section::<T>(name).err());
            wrong.unwrap_or_else(|| {
                Error::new(
                    &codes::CONFIG_VALUE,
                    format!("section [{name}]: {}", without_value(merged.message())),
                )
                .at(self.path.display().to_string())
            })
        })
    }

    /// Refuses numbers that lie outside of what their settings take: the type that holds one may be wider.
    fn check_bounds(&self, name: &str, section: &toml::Value) -> Result<()> {
        let toml::Value::Table(section) = section else { return Ok(()) };
        let mut values = BTreeMap::new();
        flatten(name, section, &mut values);
        for (key, value) in values {
            let Some(setting) = settings::find(&key).filter(|s| s.kind.is_out_of_bounds(&value)) else {
                continue;
            };
            let text = format!("section [{name}]: {key} is {value}, which is not {}", setting.kind.words());
            let own = key.rsplit('.').next().unwrap_or_default();
            let error = Error::new(&codes::CONFIG_VALUE, text)
                .next(format!("write a number that is, such as {own} = {}", setting.example));
            return Err(match self.origin(&key) {
                Some(at) => error.at(format!("{}:{}:{}", at.file.display(), at.line, at.column)),
                None => error,
            });
        }
        Ok(())
    }

    /// The names of the sections that the configuration has.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    /// The file that was (or would be) read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every file that was read, the one of the folder last.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.layers.iter().map(|layer| layer.path.as_path())
    }

    /// Every value that is set, by its dotted key, as JSON; a date is a text.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, serde_json::Value> {
        let mut out = BTreeMap::new();
        flatten("", &self.table, &mut out);
        out
    }

    /// Where the value of a dotted key is written.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }
}

/// Whether the folder's configuration belongs to one further up: it says `root = false`, or extends a file of a folder above.
/// A configuration that cannot be read stands for itself, so that its error is met.
#[must_use]
pub fn is_nested(folder: &Path) -> bool {
    let Ok(Some(layer)) = Layer::of_folder(folder) else { return false };
    let Ok(table) = layer.table() else { return false };
    match table.get("root").and_then(toml::Value::as_bool) {
        Some(root) => !root,
        None => extended(std::slice::from_ref(&layer))
            .ok()
            .flatten()
            .and_then(|base| crate::platform::canonicalize(&base).ok())
            .is_some_and(|base| {
                base.parent().is_some_and(|above| above != folder && folder.starts_with(above))
            }),
    }
}

/// Whether a folder has a configuration, be it right or wrong.
#[must_use]
pub fn is_configured(folder: &Path) -> bool {
    !matches!(Layer::of_folder(folder), Ok(None))
}

/// The file that the last of these files extends.
fn extended(layers: &[Layer]) -> Result<Option<PathBuf>> {
    let Some(layer) = layers.last() else { return Ok(None) };
    match layer.table()?.get("extend") {
        None => Ok(None),
        Some(toml::Value::String(base)) => Ok(Some(layer.path.parent().unwrap_or(Path::new(".")).join(base))),
        Some(other) => Err(Error::new(
            &codes::CONFIG_VALUE,
            format!("extend is the path of a configuration file, not {}", other.type_str()),
        )
        .at(layer.path.display().to_string())),
    }
}

fn cannot_extend(path: &Path, base: &Path, cause: Error) -> Error {
    if !cause.is(&codes::READ_FAILED) {
        return cause;
    }
    let error = Error::new(&codes::CONFIG_EXTENDS, format!("{} cannot be read", base.display()))
        .at(path.display().to_string());
    cause.causes().iter().fold(error, |error, text| error.because_text(text.clone()))
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (crate::platform::canonicalize(a), crate::platform::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

/// Puts `over` on top: tables are joined, anything else is replaced.
fn merge(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

fn flatten(prefix: &str, table: &toml::Table, out: &mut BTreeMap<String, serde_json::Value>) {
    for (key, value) in table {
        let name = dotted(prefix, key);
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => flatten(&name, inner, out),
            toml::Value::Datetime(date) => {
                out.insert(name, date.to_string().into());
            }
            _ => {
                // What is left are texts, numbers, flags and lists, which JSON has too.
                out.insert(name, serde_json::to_value(value).unwrap_or_default());
            }
        }
    }
}

/// A key below others, as TOML writes it: quoted if it is not a bare word.
fn dotted(prefix: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let quoted = format!("{key:?}");
    let key = if !key.is_empty() && key.chars().all(bare) { key } else { &quoted };
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

#[cfg(test)]
mod tests;
