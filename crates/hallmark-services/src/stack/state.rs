//! `.hallmark/state.json`: what the stack keeps of a project from one command to the next. It holds no secret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hallmark_core::project::STATE_FOLDER;
use hallmark_core::{Error, Project, Result, clock, fs};
use serde::{Deserialize, Serialize};

use super::codes;
use super::home::{self, Home};
use super::ports::Ports;
use crate::ServiceKind;

/// The name of the file in the project's state folder.
const FILE: &str = "state.json";

/// The format of the file; a newer one is refused rather than misread.
const FORMAT: u32 = 1;

/// What is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StackState {
    format: u32,
    /// The project that wrote it: a copied or moved project notices.
    root: PathBuf,
    /// The servers' folder where it is not the one inside the project.
    outside: Option<PathBuf>,
    pub(crate) created: String,
    pub(crate) ports: Ports,
    /// The port of loopback on which the supervisor serves metrics; none if it serves none.
    #[serde(default)]
    pub(crate) metrics_port: Option<u16>,
    /// Why a service could not be provided, where that was so.
    pub(crate) refused: BTreeMap<ServiceKind, String>,
}

/// Whether the project at this root keeps a stack.
pub(crate) fn exists(root: &Path) -> bool {
    root.join(STATE_FOLDER).join(FILE).is_file()
}

impl StackState {
    /// What the project keeps; `None` before its first `up`.
    pub(crate) fn load(project: &Project) -> Result<Option<Self>> {
        let path = project.state_path().join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_text(&path)?;
        let mut state: Self = serde_json::from_str(&text).map_err(|e| {
            Error::new(&codes::STATE_BROKEN, format!("{} cannot be read", path.display()))
                .because(&e)
                .next("move it away, then: hallmark up")
        })?;
        if state.format > FORMAT {
            return Err(Error::new(
                &codes::STATE_BROKEN,
                format!("{} has format {}", path.display(), state.format),
            )
            .next("use the Hallmark that wrote it, or a newer one"));
        }
        if state.root != project.root() {
            if exists(&state.root) {
                // A copy of a project that is still there: it must touch neither its servers nor its ports.
                state = state.copied(project)?;
            } else {
                state.root = project.root().to_path_buf();
                state.save(project)?;
            }
        }
        Ok(Some(state))
    }

    /// What the project keeps, made on its first `up`.
    pub(crate) fn load_or_create(project: &Project) -> Result<Self> {
        if let Some(state) = Self::load(project)? {
            state.home(project).create(project.root())?;
            return Ok(state);
        }
        project.state()?;
        let state = Self {
            format: FORMAT,
            root: project.root().to_path_buf(),
            outside: home::outside(project)?,
            created: clock::now(),
            ports: Ports::new(),
            metrics_port: None,
            refused: BTreeMap::new(),
        };
        state.home(project).create(project.root())?;
        state.save(project)?;
        Ok(state)
    }

    fn copied(self, project: &Project) -> Result<Self> {
        let mut copy = Self {
            root: project.root().to_path_buf(),
            outside: None,
            ports: Ports::new(),
            metrics_port: None,
            refused: BTreeMap::new(),
            ..self
        };
        copy.outside = home::outside(project)?;
        // The records name the original's processes.
        match std::fs::remove_dir_all(Home::new(home::inside(project)).run()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::new(
                    &codes::FOLDER,
                    "the records of the copied project could not be removed",
                )
                .because(&e));
            }
            _ => {}
        }
        copy.save(project)?;
        Ok(copy)
    }

    /// Writes it.
    pub(crate) fn save(&self, project: &Project) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|e| {
            Error::new(&codes::STATE_BROKEN, "the state could not be written as JSON").because(&e)
        })?;
        fs::write_atomic(&project.state_path().join(FILE), text.as_bytes(), fs::Mode::Default)
    }

    /// The servers' folder.
    pub(crate) fn home(&self, project: &Project) -> Home {
        Home::new(self.outside.clone().unwrap_or_else(|| home::inside(project)))
    }

    /// Forgets everything: removes the file.
    pub(crate) fn remove(project: &Project) {
        let _ = std::fs::remove_file(project.state_path().join(FILE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str) -> (PathBuf, Project) {
        let root = std::env::temp_dir()
            .join(format!("hallmark-{name}-{}", hallmark_core::random::token(8).unwrap()));
        std::fs::create_dir_all(&root).unwrap();
        let project = Project::discover(&root).unwrap();
        (root, project)
    }

    #[test]
    fn a_moved_project_keeps_its_state_and_a_copy_does_not() {
        let (first_root, first) = project("first");
        let (second_root, second) = project("second");
        let mut state = StackState::load_or_create(&first).unwrap();
        state.ports.insert(super::super::ports::PortName::Redis, 54_699);
        state.save(&first).unwrap();
        second.state().unwrap();
        std::fs::copy(first.state_path().join(FILE), second.state_path().join(FILE)).unwrap();

        assert!(StackState::load(&second).unwrap().unwrap().ports.is_empty(), "the original is still there");

        std::fs::copy(first.state_path().join(FILE), second.state_path().join(FILE)).unwrap();
        std::fs::remove_dir_all(&first_root).unwrap();
        assert_eq!(StackState::load(&second).unwrap().unwrap().ports.len(), 1, "the original was moved here");
        std::fs::remove_dir_all(&second_root).unwrap();
    }
}
