//! The models that a project declares, found in its sources (Python, TOML, SQL) without running them.

mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hallmark_core::project::STATE_FOLDER;
use hallmark_core::{Error, Result};
use hallmark_dataflow::{DataFlow, Settings, SlowLog, declare};
use hallmark_python::models::{self, ModelDecl, Modules, Problem, Severity};
use hallmark_services::{Guarded, Handles};
use serde::Deserialize;

use crate::app::App;
use text::{SOURCE_BYTES_MAX, Text};

/// The section `[dataflow]` of `hallmark.toml`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DataFlowConfig {
    /// Files that declare models (Python, TOML or SQL), relative to the root; empty: every Python file outside tests that does, and
    /// every `models.toml` and `models.sql`.
    pub(crate) models: Vec<PathBuf>,
    /// The schema that the models' tables are in.
    pub(crate) schema: String,
    /// From how many milliseconds on a statement of a node is written down; 0 writes none.
    pub(crate) slow_statement_ms: u64,
}

impl Default for DataFlowConfig {
    fn default() -> Self {
        Self { models: Vec::new(), schema: "dataflow".to_owned(), slow_statement_ms: 500 }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The models, in the order of files and lines; of two with one name the first counts.
    pub(crate) models: Vec<ModelDecl>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
    /// Later declarations of a name.
    pub(crate) repeated: Vec<ModelDecl>,
    /// Models that cannot be tables, with the reason.
    pub(crate) refused: Vec<Refused>,
    /// How many files were read.
    pub(crate) files: usize,
}

/// A model that cannot be a table.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Its name.
    pub(crate) model: String,
    /// Why.
    pub(crate) error: Error,
}

/// Reads every model of the project.
pub(crate) fn find(app: &App<'_>) -> Result<Found> {
    let config: DataFlowConfig = app.config.section("dataflow")?;
    let root = app.project.root();
    let mut found = Found::default();
    if config.models.is_empty() {
        found.read_below(root, Which::Candidates)?;
    }
    for path in &config.models {
        found.read(root, &root.join(path), Which::All)?;
    }
    Ok(found)
}

/// Reads every model of a file, or below a folder; `tests` too, where models are declared that no project has.
pub(crate) fn find_at(path: &Path, tests: bool) -> Result<Found> {
    let mut found = Found::default();
    if path.is_dir() {
        found.read_below(path, if tests { Which::WithTests } else { Which::Candidates })?;
    } else {
        found.read(path.parent().unwrap_or(path), path, Which::All)?;
    }
    Ok(found)
}

/// Which files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// Those that may declare models of the project.
    Candidates,
    /// Those of tests too.
    WithTests,
    /// Any: somebody named the file.
    All,
}

impl Found {
    /// Reads every file below the root that may declare models and that git does not ignore, in their order.
    fn read_below(&mut self, root: &Path, which: Which) -> Result<()> {
        let walk = ignore::WalkBuilder::new(root)
            .require_git(false)
            .filter_entry(|e| e.file_name() != STATE_FOLDER)
            .build();
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in walk {
            match entry {
                Ok(entry) if declares(entry.path()) => files.push(entry.into_path()),
                Ok(_) => {}
                // In a folder that cannot be listed models may be declared.
                Err(error) if error.is_io() => self.problems.push(text::unlisted(root, &error)),
                Err(_) => {}
            }
        }
        files.sort();
        files.iter().try_for_each(|path| self.read(root, path, which))
    }

    fn read(&mut self, root: &Path, path: &Path, which: Which) -> Result<()> {
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        if which == Which::Candidates && is_test(&name) {
            return Ok(());
        }
        let text = match Text::of(path, &name) {
            Text::Read(text) => text,
            Text::Unread(problem) => {
                self.problems.push(problem);
                return Ok(());
            }
            // One that somebody names is there to be read.
            Text::Nothing if which == Which::All => hallmark_core::fs::read_text(path)?,
            Text::Nothing => return Ok(()),
        };
        self.files += 1;
        let (declared, problems) = match path.extension().and_then(|e| e.to_str()) {
            Some("toml") => declare::read_toml(&name, &text),
            Some("sql") => declare::read_sql(&name, &text),
            _ => models::read_all(&name, &text, &Sources { root }),
        };
        self.problems.extend(problems);
        for model in declared {
            if self.models.iter().any(|m| m.name == model.name) {
                self.repeated.push(model);
            } else {
                self.models.push(model);
            }
        }
        Ok(())
    }
}

/// The project's modules, as imports of its files name them.
struct Sources<'a> {
    root: &'a Path,
}

impl Modules for Sources<'_> {
    fn source(&self, from: &str, level: u32, module: &str) -> Option<(String, String)> {
        let below = module.replace('.', "/");
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        let bases: Vec<PathBuf> = if level > 0 {
            folder.ancestors().nth(usize::try_from(level - 1).ok()?).map(Path::to_owned).into_iter().collect()
        } else {
            // Where Python would look is known only when it runs: beside the file and above it, and in `src`.
            folder.ancestors().map(Path::to_owned).chain([PathBuf::from("src")]).collect()
        };
        let named = |base: &PathBuf| {
            let module = if below.is_empty() { base.clone() } else { base.join(&below) };
            [module.with_extension("py"), module.join("__init__.py")]
        };
        bases.iter().flat_map(named).find_map(|path| {
            let whole = self.root.join(&path);
            let fits = std::fs::metadata(&whole).is_ok_and(|m| m.is_file() && m.len() <= SOURCE_BYTES_MAX);
            let bytes = if fits { std::fs::read(&whole).ok()? } else { return None };
            let text = hallmark_python::source::decode(&bytes).ok()?.into_owned();
            Some((path.to_string_lossy().replace('\\', "/"), text))
        })
    }
}

/// Python sources, and the other forms under the names that are kept for them.
fn declares(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let other = |n: &str| name == n || name.ends_with(&format!(".{n}"));
    name.ends_with(".py") || other("models.toml") || other("models.sql")
}

fn is_test(name: &str) -> bool {
    name.split('/').any(|part| part == "tests" || part == "test" || part.starts_with("test_"))
}

impl Found {
    /// What is not known of the models, a line each: what cannot be read, and what cannot be a table.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let problems = self.problems.iter().filter(|p| p.severity == Severity::Error);
        let problems = problems.map(|p| format!("{}: {} ({})", p.place, p.message, p.code));
        let refused =
            self.refused.iter().map(|r| format!("{}: {} ({})", r.model, r.error, r.error.code().id));
        problems.chain(refused).collect()
    }

    /// The models as nodes. A model that cannot be a table is left out and reported; the others go on.
    pub(crate) fn configure(
        &mut self,
        app: &App<'_>,
        handles: &Handles,
        guarded: &Guarded,
    ) -> Result<DataFlow> {
        let config: DataFlowConfig = app.config.section("dataflow")?;
        let threshold = Duration::from_millis(config.slow_statement_ms);
        let slow = SlowLog::new(&app.project.state()?, threshold);
        let settings = |models: Vec<ModelDecl>| {
            Ok::<_, hallmark_core::Error>(Settings {
                handles: handles.clone(),
                guarded: guarded.clone(),
                schema: config.schema.clone(),
                models,
                project_prefix: format!("hallmark:{}", app.project.id()),
                export_dir: app.project.state()?.join("exports"),
                slow: slow.clone(),
            })
        };
        let mut usable = Vec::new();
        for model in &self.models {
            match DataFlow::configure(settings(vec![model.clone()])?) {
                Ok(_) => usable.push(model.clone()),
                Err(error) => self.refused.push(Refused { model: model.name.clone(), error }),
            }
        }
        DataFlow::configure(settings(usable)?)
    }
}
