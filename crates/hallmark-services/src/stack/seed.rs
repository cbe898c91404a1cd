//! `seed`: the project's own data, loaded once.
//!
//! The kind of a file says where it goes: `.sql` and `.csv` into PostgreSQL, `.cypher` into Neo4j, `.jsonl` into a collection
//! of ChromaDB, `.redis` into Redis. What was loaded is noted in the service itself, beside the data: a restore or a reset
//! takes the note along.

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, digest, fs};
use serde::{Deserialize, Serialize};

use super::backup::codes;
use super::config::Provider;
use crate::{Handles, ServiceKind, Stack, chroma, neo4j, postgres, redis};

/// `[stack.seed]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SeedConfig {
    /// The files, in the order in which they are loaded, relative to the project.
    pub files: Vec<String>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seeded {
    /// It was loaded.
    Loaded,
    /// It was loaded before, as it is.
    There,
}

/// One file that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct SeedFile {
    /// Its path as it was given.
    pub file: String,
    /// The service that it belongs to.
    pub service: ServiceKind,
    /// What became of it.
    pub state: Seeded,
    /// Statements, rows, records or commands in it.
    pub count: u64,
}

/// A file to load.
pub(crate) struct Source {
    /// Its path as it was given: its name in the notes.
    pub(crate) file: String,
    /// Its name without folder and endings: the table or collection that it fills.
    pub(crate) stem: String,
    /// Its contents.
    pub(crate) text: String,
    /// Its SHA-256 digest.
    pub(crate) digest: String,
    /// Whether it is loaded again if it was changed.
    pub(crate) again: bool,
}

impl Source {
    /// Whether it is there already, from the digest that was noted.
    ///
    /// # Errors
    /// `HM-S111` if another version of it is.
    pub(crate) fn is_there(&self, noted: Option<&str>) -> Result<bool> {
        match noted {
            Some(noted) if noted == self.digest => Ok(true),
            Some(_) if !self.again => {
                Err(Error::new(&codes::SEED_CHANGED, "the file has changed since it was loaded")
                    .at(self.file.clone())
                    .next("hallmark reset, or load it on top of what is there: hallmark seed --again"))
            }
            _ => Ok(false),
        }
    }

    /// An error in the file.
    pub(crate) fn wrong(&self, line: usize, why: &str) -> Error {
        Error::new(&codes::SEED_FILE, why)
            .at(format!("{}:{line}", self.file))
            .next("mend the file, then: hallmark seed")
    }
}

impl Stack {
    /// Loads the files, or those of the configuration, in their order. A file that was loaded before is left alone.
    ///
    /// # Errors
    /// `HM-S110` for a file of an unknown kind or with an error in it; `HM-S111` for one that has changed; `HM-S107` for a
    /// service that is not this stack's; those of the service. Files before the failing one stay loaded.
    pub async fn seed(
        &self,
        files: &[PathBuf],
        again: bool,
        watch: &(dyn Fn(&SeedFile) + Sync),
    ) -> Result<Vec<SeedFile>> {
        let configured = self.config.seed.files.iter().map(PathBuf::from);
        let all: Vec<PathBuf> = if files.is_empty() {
            configured.map(|file| self.project.root().join(file)).collect()
        } else {
            files.to_vec()
        };
        if all.is_empty() {
            return Err(Error::new(&codes::SEED_FILE, "no file is named")
                .next("name files, or set files in [stack.seed] of hallmark.toml"));
        }
        let mut sources = Vec::new();
        // All are read and all kinds known before the first is loaded.
        for path in &all {
            sources.push((self.service_of(path)?, self.source(path, again)?));
        }
        let endpoints = self.endpoints()?;
        let handles = Handles::connect(&endpoints)?;
        let mut done = Vec::new();
        for (service, source) in sources {
            let absent = || {
                Error::new(&codes::NOT_RUNNING, format!("{} has no address", service.title()))
                    .next("hallmark up")
            };
            let loaded = match service {
                ServiceKind::Postgres => {
                    postgres::seed::load(endpoints.postgres.as_ref().ok_or_else(absent)?, &source).await
                }
                ServiceKind::Neo4j => neo4j::seed::load(&handles.neo4j, &source).await,
                ServiceKind::Chroma => chroma::seed::load(&handles, &source).await,
                ServiceKind::Redis => redis::seed::load(&handles.redis, &source).await,
                ServiceKind::OpenAi => continue,
            };
            let loaded =
                loaded.map_err(|e| if e.place().is_some() { e } else { e.at(source.file.clone()) })?;
            let state = if loaded.is_some() { Seeded::Loaded } else { Seeded::There };
            let file = SeedFile { file: source.file, service, state, count: loaded.unwrap_or(0) };
            watch(&file);
            done.push(file);
        }
        Ok(done)
    }

    fn source(&self, path: &Path, again: bool) -> Result<Source> {
        let text = fs::read_text(path)?;
        let shown = path.strip_prefix(self.project.root()).unwrap_or(path);
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Source {
            file: shown.display().to_string(),
            stem: name.split('.').next().unwrap_or_default().to_owned(),
            digest: digest::sha256(text.as_bytes()),
            text,
            again,
        })
    }

    fn service_of(&self, path: &Path) -> Result<ServiceKind> {
        let kind = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        let service = match kind.as_str() {
            "sql" | "csv" => ServiceKind::Postgres,
            "cypher" => ServiceKind::Neo4j,
            "jsonl" => ServiceKind::Chroma,
            "redis" => ServiceKind::Redis,
            _ => {
                return Err(Error::new(&codes::SEED_FILE, format!("{} is of no known kind", path.display()))
                    .next("a seed file ends in .sql, .csv, .cypher, .jsonl or .redis"));
            }
        };
        match self.provider(service) {
            Provider::Native | Provider::Docker => Ok(service),
            provider => Err(Error::new(
                &codes::NOT_OURS,
                format!("{} is {provider}: not this stack's to fill", service.title()),
            )
            .at(path.display().to_string())
            .next("load the file with the server's own tools")),
        }
    }
}

/// The statements of a text, parted at semicolons outside of quotes and comments, with the line of each.
pub(crate) fn statements(text: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    let (mut start, mut line, mut start_line) = (0, 1, 1);
    let mut inside: Option<&str> = None;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\n' {
            line += 1;
        }
        let rest = &text.as_bytes()[at..];
        match inside {
            Some(end) if rest.starts_with(end.as_bytes()) => {
                at += end.len();
                inside = None;
                continue;
            }
            Some("'" | "\"") if bytes[at] == b'\\' => at += 1,
            Some(_) => {}
            None => match bytes[at] {
                b'\'' => inside = Some("'"),
                b'"' => inside = Some("\""),
                b'`' => inside = Some("`"),
                _ if rest.starts_with(b"//") => inside = Some("\n"),
                _ if rest.starts_with(b"/*") => inside = Some("*/"),
                b';' => {
                    all.push((start_line, text[start..at].to_owned()));
                    (start, start_line) = (at + 1, line);
                }
                _ => {}
            },
        }
        at += 1;
    }
    all.push((start_line, text[start..].to_owned()));
    all.retain(|(_, statement)| !only_comments(statement));
    all
}

/// Whether nothing but white space and comments is left.
fn only_comments(statement: &str) -> bool {
    let mut rest = statement.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("//") {
            comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start()
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest).trim_start()
        } else {
            return rest.is_empty();
        };
    }
}

/// The fields of a line in which quotes hold spaces: as a shell would read it, without variables.
pub(crate) fn words(line: &str) -> std::result::Result<Vec<String>, &'static str> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match (quote, sign) {
            (Some(open), sign) if sign == open => quote = None,
            (Some('"'), '\\') => match signs.next() {
                Some('n') => word.get_or_insert_default().push('\n'),
                Some('t') => word.get_or_insert_default().push('\t'),
                Some(other) => word.get_or_insert_default().push(other),
                None => return Err("a quote is not closed"),
            },
            (Some(_), sign) => word.get_or_insert_default().push(sign),
            (None, '"' | '\'') => {
                quote = Some(sign);
                word.get_or_insert_default();
            }
            (None, sign) if sign.is_whitespace() => all.extend(word.take()),
            (None, sign) => word.get_or_insert_default().push(sign),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    all.extend(word);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_parted_at_their_ends_alone() {
        let text = "// a; comment\nCREATE (:A {t: 'x; \\' y'}); /* b; */\n\nMATCH (`odd;`) RETURN \"a;b\";\n// end\n";
        let found = statements(text);
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2], "{found:?}");
        assert!(found[0].1.ends_with("y'})") && found[1].1.contains("\"a;b\""), "{found:?}");
        assert!(statements(" \n/* nothing */ // here").is_empty());
    }

    #[test]
    fn words_may_be_quoted() {
        assert_eq!(words(r#"SET "a b" 'c "d' e\f """#).unwrap(), ["SET", "a b", "c \"d", "e\\f", ""]);
        assert_eq!(words(r#"SET k "x\"y\n""#).unwrap()[2], "x\"y\n");
        assert!(words("SET 'open").is_err());
    }
}
