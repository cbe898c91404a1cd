//! What `.ignore`, `.gitignore` and `.git/info/exclude` leave out, by the rules of git, whether or not there is a repository.
//!
//! Which of these files a folder has is told by its listing, so that nothing is asked of the file system for folders without.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The rules of one folder that has any, and those of the folders around it.
#[derive(Debug)]
pub(super) struct Ignored {
    around: Option<Arc<Ignored>>,
    /// In the order of their precedence: `.ignore`, `.gitignore`, `.git/info/exclude`.
    rules: [Option<Gitignore>; 3],
}

impl Ignored {
    /// The rules of the folders above an absolute path.
    pub(super) fn above(root: &Path) -> Option<Arc<Self>> {
        let mut folders: Vec<&Path> = root.ancestors().skip(1).collect();
        folders.reverse();
        let names = [".ignore", ".gitignore", ".git"].map(OsStr::new);
        folders.into_iter().fold(None, |around, folder| Self::of(around, folder, &names))
    }

    /// The rules in a folder that holds these names and lies in others with rules.
    pub(super) fn of(around: Option<Arc<Self>>, folder: &Path, names: &[&OsStr]) -> Option<Arc<Self>> {
        let has = |name: &str| names.iter().any(|other| *other == name);
        let rules = [
            has(".ignore").then(|| read(folder, &folder.join(".ignore"))).flatten(),
            has(".gitignore").then(|| read(folder, &folder.join(".gitignore"))).flatten(),
            has(".git")
                .then(|| common_folder(&folder.join(".git")))
                .flatten()
                .and_then(|git| read(folder, &git.join("info/exclude"))),
        ];
        if rules.iter().all(Option::is_none) {
            return around;
        }
        Some(Arc::new(Self { around, rules }))
    }

    /// Whether a path is left out: by the file of the highest precedence that says anything of it, in the nearest folder.
    pub(super) fn covers(&self, path: &Path, is_folder: bool) -> bool {
        for kind in 0..self.rules.len() {
            let mut next = Some(self);
            while let Some(level) = next {
                if let Some(rules) = &level.rules[kind] {
                    match rules.matched(path, is_folder) {
                        Match::None => {}
                        Match::Ignore(_) => return true,
                        Match::Whitelist(_) => return false,
                    }
                }
                next = level.around.as_deref();
            }
        }
        false
    }
}

/// The rules of a file, for what lies below a folder. What cannot be read as a rule is passed over, as git does.
fn read(folder: &Path, file: &Path) -> Option<Gitignore> {
    if !file.is_file() {
        return None;
    }
    let mut builder = GitignoreBuilder::new(folder);
    let _ = builder.add(file);
    builder.build().ok().filter(|rules| !rules.is_empty())
}

/// Where a repository keeps what its work trees share; `.git` is a file in a work tree of its own.
fn common_folder(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_path_buf());
    }
    let text = fs::read_to_string(git).ok()?;
    let own = PathBuf::from(text.lines().next()?.strip_prefix("gitdir: ")?);
    let common = fs::read_to_string(own.join("commondir")).ok()?;
    Some(own.join(common.lines().next()?))
}
