//! The compliance score of a project, as `hallmark/score` and the command `hallmark.score` give it.

use hallmark_standards::FamilySummary;
use lsp_types::Uri;
use serde::Serialize;

use crate::root::Root;
use crate::uri;

/// The notification's method.
pub(crate) const METHOD: &str = "hallmark/score";

/// The figures of one project.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Score {
    /// The project's folder.
    root: Option<Uri>,
    /// From 0 to 1; `null` if there is nothing to judge, which is not the same as 1.
    overall: Option<f64>,
    /// Python files judged.
    files: usize,
    /// Those that could not be parsed.
    unparsed_files: usize,
    /// Error-level findings.
    errors: usize,
    /// One entry for each family.
    families: Vec<FamilySummary>,
}

/// The figures as they are known now; `None` while a scan is under way.
pub(crate) fn of(root: &mut Root) -> Option<Score> {
    let uri = uri::from_path(root.project.root());
    let summary = root.workspace()?.summary();
    Some(Score {
        root: uri,
        overall: summary.score,
        files: summary.files,
        unparsed_files: summary.unparsed_files,
        errors: summary.families.iter().map(|f| f.errors).sum(),
        families: summary.families,
    })
}
