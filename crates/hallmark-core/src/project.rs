//! The project folder and the state that Hallmark keeps for it under `.hallmark/`.

use std::path::{Path, PathBuf};

use crate::{Error, Result, codes, config, digest, fs, platform};

/// The name of the state folder.
pub const STATE_FOLDER: &str = ".hallmark";

/// The format of the state folder; a newer one is refused rather than misread.
pub const STATE_FORMAT: u32 = 1;

/// A user's project: its root and its state folder.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project at `path` or above it: the nearest folder that has a configuration of a project of its own (see
    /// [`config::is_nested`]), else `path` itself.
    ///
    /// # Errors
    /// `HM-C004` if `path` is no existing folder.
    pub fn discover(path: &Path) -> Result<Self> {
        let start = platform::canonicalize(path).ok().filter(|p| p.is_dir()).ok_or_else(|| {
            Error::new(&codes::NOT_A_PROJECT, format!("{} is not a folder", path.display()))
                .next("name an existing folder, for example: hallmark check .")
        })?;
        let root = configured(&start).map_or_else(|| start.clone(), Path::to_path_buf);
        Ok(Self { root })
    }

    /// The project that these paths are looked at in, by someone who stands in the folder `current`: the nearest folder above the
    /// first one that is configured and holds all of them. If there is none, the project of `current`, or the repository of its own
    /// below it that holds them all; or, if they lie elsewhere, that of the first one.
    ///
    /// # Errors
    /// `HM-C004` if there is no such folder.
    pub fn of_paths(paths: &[PathBuf], current: &Path) -> Result<Self> {
        let real: Option<Vec<PathBuf>> = paths.iter().map(|path| platform::canonicalize(path).ok()).collect();
        let (Some(real), Ok(current)) = (real, platform::canonicalize(current)) else {
            return Self::discover(current);
        };
        let Some(first) = real.first() else { return Self::discover(&current) };
        let start = if first.is_dir() { first.as_path() } else { first.parent().unwrap_or(first) };
        let holds = |folder: &Path| real.iter().all(|path| path.starts_with(folder));
        if let Some(root) = configured(start).filter(|root| holds(root)) {
            return Ok(Self { root: root.to_path_buf() });
        }
        if !holds(&current) {
            return Self::discover(start);
        }
        let mut below = start.ancestors().take_while(|folder| *folder != current);
        match below.find(|folder| folder.join(".git").exists() && holds(folder)) {
            Some(root) if configured(&current).is_none() => Ok(Self { root: root.to_path_buf() }),
            _ => Self::discover(&current),
        }
    }

    /// The absolute root folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder's name, for display.
    #[must_use]
    pub fn name(&self) -> String {
        self.root.file_name().map_or_else(|| "project".to_owned(), |n| n.to_string_lossy().into_owned())
    }

    /// Twelve hexadecimal digits that tell this project's path from others on the machine.
    #[must_use]
    pub fn id(&self) -> String {
        digest::sha256(self.root.as_os_str().as_encoded_bytes())[..12].to_owned()
    }

    /// The path of the state folder, which may not exist yet.
    #[must_use]
    pub fn state_path(&self) -> PathBuf {
        self.root.join(STATE_FOLDER)
    }

    /// The state folder, made if need be, with its format and a `.gitignore` of its own.
    ///
    /// # Errors
    /// `HM-C003` if a newer Hallmark wrote it; `HM-C010`, `HM-C011` if it cannot be made.
    pub fn state(&self) -> Result<PathBuf> {
        let folder = self.state_path();
        let format = folder.join("format");
        if let Ok(text) = std::fs::read_to_string(&format) {
            if text.trim().parse::<u32>().is_ok_and(|n| n <= STATE_FORMAT) {
                return Ok(folder);
            }
            return Err(Error::new(
                &codes::STATE_FORMAT,
                format!("{} has format {}", folder.display(), text.trim()),
            )
            .next("use a newer Hallmark, or move the folder away"));
        }
        fs::write_atomic(&folder.join(".gitignore"), b"*\n", fs::Mode::Default)?;
        fs::write_atomic(&format, format!("{STATE_FORMAT}\n").as_bytes(), fs::Mode::Default)?;
        Ok(folder)
    }
}

/// The nearest folder, this one or one above it, that has a configuration of a project of its own.
fn configured(start: &Path) -> Option<&Path> {
    let all = || start.ancestors().filter(|folder| config::is_configured(folder));
    // A nested configuration without one above it stands for itself.
    all().find(|folder| !config::is_nested(folder)).or_else(|| all().last())
}
