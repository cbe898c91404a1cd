//! The files that the caller wants to hear about.

use std::path::Path;

use hallmark_diagnostics::Problem;

use crate::{ScanOptions, codes, walk};

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

    pub(crate) fn includes(&self, file: &str) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|p| file == p || file.strip_prefix(p.as_str()).is_some_and(|r| r.starts_with('/')))
    }
}
