//! The models that a project declares, found in its Python sources without running them.

use std::path::{Path, PathBuf};

use hallmark_core::Result;
use hallmark_core::project::STATE_FOLDER;
use hallmark_dataflow::{DataFlow, Settings};
use hallmark_python::models::{self, ModelDecl, Problem};
use hallmark_services::{Guarded, Handles};
use serde::Deserialize;

use crate::app::App;

/// The largest source file that is read for models, in bytes.
const SOURCE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The schema that the models' tables are in, in the database of the stack.
pub(crate) const SCHEMA: &str = "dataflow";

/// The section `[dataflow]` of `hallmark.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DataFlowConfig {
    /// Files that declare models, relative to the root; empty: every Python file outside tests that does.
    pub(crate) models: Vec<PathBuf>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The models, in the order of files and lines; of two with one name the first counts.
    pub(crate) models: Vec<ModelDecl>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
    /// Names declared more than once, with the place of the later declaration.
    pub(crate) repeated: Vec<String>,
    /// Models that cannot be tables, with the reason.
    pub(crate) refused: Vec<String>,
}

/// Reads every model of the project.
pub(crate) fn find(app: &App<'_>) -> Result<Found> {
    let config: DataFlowConfig = app.config.section("dataflow")?;
    let root = app.project.root();
    let files = if config.models.is_empty() {
        python_files(root)
    } else {
        config.models.iter().map(|p| root.join(p)).collect()
    };
    let chosen = !config.models.is_empty();
    let mut found = Found::default();
    for path in files {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let text = if chosen {
            hallmark_core::fs::read_text(&path)?
        } else {
            candidate(&path, &name).unwrap_or_default()
        };
        let (declared, problems) = models::read(&name, &text);
        found.problems.extend(problems);
        for model in declared {
            if found.models.iter().any(|m| m.name == model.name) {
                let place = model.source.as_ref().map(ToString::to_string).unwrap_or_else(|| name.clone());
                found
                    .repeated
                    .push(format!("{place}: {} is declared again; the first declaration counts", model.name));
            } else {
                found.models.push(model);
            }
        }
    }
    Ok(found)
}

/// Every Python file below the root that git does not ignore, sorted.
fn python_files(root: &Path) -> Vec<PathBuf> {
    let walk = ignore::WalkBuilder::new(root)
        .require_git(false)
        .filter_entry(|e| e.file_name() != STATE_FOLDER)
        .build();
    let mut files: Vec<PathBuf> = walk
        .flatten()
        .map(ignore::DirEntry::into_path)
        .filter(|p| p.extension().is_some_and(|e| e == "py"))
        .collect();
    files.sort();
    files
}

/// The text of a file that may declare models: not a test, not too large, with a `.model` decorator in it.
fn candidate(path: &Path, name: &str) -> Option<String> {
    let is_test = name.split('/').any(|part| part == "tests" || part == "test" || part.starts_with("test_"));
    if is_test || std::fs::metadata(path).ok()?.len() > SOURCE_BYTES_MAX {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    text.contains(".model").then_some(text)
}

impl Found {
    /// The models as nodes. A model that cannot be a table is left out and reported; the others go on.
    pub(crate) fn configure(
        &mut self,
        app: &App<'_>,
        handles: &Handles,
        guarded: &Guarded,
    ) -> Result<DataFlow> {
        let settings = |models: Vec<ModelDecl>| {
            Ok::<_, hallmark_core::Error>(Settings {
                handles: handles.clone(),
                guarded: guarded.clone(),
                schema: SCHEMA.to_owned(),
                models,
                project_prefix: format!("hallmark:{}", app.project.id()),
                export_dir: app.project.state()?.join("exports"),
            })
        };
        let mut usable = Vec::new();
        for model in &self.models {
            match DataFlow::configure(settings(vec![model.clone()])?) {
                Ok(_) => usable.push(model.clone()),
                Err(error) => self.refused.push(format!("{}: {error}", model.name)),
            }
        }
        DataFlow::configure(settings(usable)?)
    }
}
