//! What `.ignore`, `.gitignore` and `.git/info/exclude` leave out, by the rules of git, whether or not there is a repository.
//!
//! Which of these files a folder has is told by its listing, so that nothing is asked of the file system for folders without.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use xxhash_rust::xxh3::Xxh3;

/// What rules are in, or what leads to them, by name.
pub(super) const FILES: [&str; 3] = [".ignore", ".gitignore", ".git"];

/// The rules of one folder that has any, and those of the folders around it.
#[derive(Debug)]
pub(super) struct Ignored {
    around: Option<Arc<Ignored>>,
    /// In the order of their precedence: `.ignore`, `.gitignore`, `.git/info/exclude`.
    rules: [Option<Rules>; 3],
    /// Equal for equal rules in the same folders, those around included.
    digest: u64,
}

/// The rules of a file, for what lies below a folder; made ready when somebody asks.
#[derive(Debug)]
struct Rules {
    folder: PathBuf,
    text: Vec<u8>,
    matcher: OnceLock<Gitignore>,
}

impl Ignored {
    /// The rules of the folders above an absolute path.
    pub(super) fn above(root: &Path) -> Option<Arc<Self>> {
        let mut folders: Vec<&Path> = root.ancestors().skip(1).collect();
        folders.reverse();
        folders.into_iter().fold(None, |around, folder| Self::of(around, folder, |_| true))
    }

    /// The rules in a folder that may have these of [`FILES`] and lies in others with rules.
    pub(super) fn of(
        around: Option<Arc<Self>>,
        folder: &Path,
        has: impl Fn(&str) -> bool,
    ) -> Option<Arc<Self>> {
        let [ignore, gitignore, git] = FILES;
        let rules = [
            has(ignore).then(|| Rules::read(folder, &folder.join(ignore))).flatten(),
            has(gitignore).then(|| Rules::read(folder, &folder.join(gitignore))).flatten(),
            has(git)
                .then(|| common_folder(&folder.join(git)))
                .flatten()
                .and_then(|git| Rules::read(folder, &git.join("info/exclude"))),
        ];
        if rules.iter().all(Option::is_none) {
            return around;
        }
        let digest = digest(Self::digest(around.as_deref()), folder, &rules);
        Some(Arc::new(Self { around, rules, digest }))
    }

    /// What tells these rules from others.
    pub(super) fn digest(rules: Option<&Self>) -> u64 {
        rules.map_or(0, |rules| rules.digest)
    }

    /// Whether a path is left out: by the file of the highest precedence that says anything of it, in the nearest folder.
    pub(super) fn covers(&self, path: &Path, is_folder: bool) -> bool {
        for kind in 0..self.rules.len() {
            let mut next = Some(self);
            while let Some(level) = next {
                if let Some(rules) = &level.rules[kind] {
                    match rules.matcher().matched(path, is_folder) {
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

impl Rules {
    fn read(folder: &Path, file: &Path) -> Option<Self> {
        let text = if file.is_file() { fs::read(file).ok()? } else { return None };
        Some(Self { folder: folder.to_path_buf(), text, matcher: OnceLock::new() })
    }

    /// The rules, ready to be asked. What cannot be read as a rule is passed over, as git does.
    fn matcher(&self) -> &Gitignore {
        self.matcher.get_or_init(|| {
            let mut builder = GitignoreBuilder::new(&self.folder);
            let text = self.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.text);
            for line in text.split(|byte| *byte == b'\n') {
                let Ok(line) = std::str::from_utf8(line) else { continue };
                let _ = builder.add_line(None, line.strip_suffix('\r').unwrap_or(line));
            }
            builder.build().unwrap_or_else(|_| Gitignore::empty())
        })
    }
}

/// The digest of what counts in a folder; rules mean something else in another one.
fn digest(around: u64, folder: &Path, rules: &[Option<Rules>]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&around.to_le_bytes());
    hasher.update(folder.as_os_str().as_encoded_bytes());
    for rules in rules {
        let text = rules.as_ref().map(|rules| rules.text.as_slice());
        hasher.update(&text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
        hasher.update(text.unwrap_or_default());
    }
    hasher.digest()
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
