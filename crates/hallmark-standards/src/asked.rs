//! The files that the caller wants to hear about.

use std::io::Read as _;
use std::path::Path;

use hallmark_diagnostics::Problem;

use crate::{ScanOptions, codes, limits, walk};

/// Paths relative to the root; none means all.
pub(crate) struct Asked(Vec<String>);

impl Asked {
    pub(crate) fn new(options: &ScanOptions) -> Self {
        let paths = options.paths.iter().map(|path| {
            let full = if path.is_absolute() { path.clone() } else { options.root.join(path) };
            walk::relative(&options.root, &full)
        });
        Self(paths.filter(|p| !p.is_empty() && p != ".").collect())
    }

    /// A path that was asked for and is not there must not read as one without findings.
    pub(crate) fn missing(&self, root: &Path) -> Vec<Problem> {
        let missing = self.0.iter().filter(|path| Path::new(path).is_absolute() || !root.join(path).exists());
        missing
            .map(|path| Problem {
                path: path.clone(),
                line: None,
                code: codes::UNREADABLE.id,
                message: "is not in the project".to_owned(),
            })
            .collect()
    }

    /// What is asked for by its own name although a walk passes it over: the files among it that hold Python all the same, which are
    /// not in `files`, and a problem for each of the others.
    pub(crate) fn by_name(&self, root: &Path, files: &[String]) -> (Vec<String>, Vec<Problem>) {
        let (mut scripts, mut problems) = (Vec::new(), Vec::new());
        for path in self.0.iter().filter(|path| !path.ends_with(".py") && !Path::new(path).is_absolute()) {
            let file = root.join(path);
            if scripts.contains(path) || !file.is_file() || files.binary_search(path).is_ok() {
                continue;
            }
            if path.ends_with(".pyw") || is_script(&file) {
                scripts.push(path.clone());
                continue;
            }
            let what = if path.ends_with(".pyi") { "a stub, which holds types alone" } else { "no Python" };
            let message = format!("is {what}: not scanned");
            problems.push(Problem { path: path.clone(), line: None, code: codes::UNREADABLE.id, message });
        }
        (scripts, problems)
    }

    /// Whether something at this path has to do with what is asked for: it is part of it, or holds it.
    pub(crate) fn concerns(&self, path: &str) -> bool {
        let holds = |asked: &String| asked.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        path == "." || self.includes(path) || self.0.iter().any(holds)
    }

    pub(crate) fn includes(&self, file: &str) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|p| file == p || file.strip_prefix(p.as_str()).is_some_and(|r| r.starts_with('/')))
    }
}

/// Whether the first line of a file has Python run it.
fn is_script(file: &Path) -> bool {
    let mut start = Vec::new();
    let read = std::fs::File::open(file).and_then(|f| f.take(limits::SHEBANG_BYTES).read_to_end(&mut start));
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    read.is_ok() && line.starts_with(b"#!") && line.windows(6).any(|word| word == b"python")
}
