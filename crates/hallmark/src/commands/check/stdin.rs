//! `hallmark check --stdin-filename PATH`: a text that an editor holds, judged as that file of the project.

use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use hallmark_core::{Error, Result};
use hallmark_python::limits::SOURCE_BYTES;
use hallmark_python::source;
use hallmark_standards::{Report, ScanOptions, Workspace, codes};

use crate::app::App;

/// Scans the standard input in the place of the file, which need not exist. The rest of the project is read from disk.
///
/// # Errors
/// `HM-G001` if the input cannot be read or the path is not in the project, `HM-G002` if it is too large, `HM-P002` if it is no
/// text.
pub(super) fn scan(app: &App<'_>, options: ScanOptions, name: &Path) -> Result<Report> {
    let began = Instant::now();
    let mut bytes = Vec::new();
    let unreadable = |text: String| Error::new(&codes::UNREADABLE, text).next("hallmark check --help");
    std::io::stdin()
        .lock()
        .take(SOURCE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| unreadable("the standard input could not be read".to_owned()).because(&e))?;
    if bytes.len() as u64 > SOURCE_BYTES {
        let text = format!("the standard input is larger than {} MB", SOURCE_BYTES / 1024 / 1024);
        return Err(Error::new(&codes::TOO_LARGE, text));
    }
    let text = source::decode(&bytes).map_err(|_| {
        Error::new(
            &hallmark_python::codes::ENCODING,
            "the standard input is not text in its declared encoding",
        )
    })?;
    let path = relative(app.project.root(), name)
        .ok_or_else(|| unreadable(format!("{} is not in the project", name.display())))?;
    let mut workspace = Workspace::new(ScanOptions { paths: vec![path.clone().into()], ..options });
    workspace.overlay(&path, Some(text.into_owned().into()));
    workspace.refresh();
    let mut report = workspace.into_report();
    report.duration_ms = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    Ok(report)
}

/// The path below the root, with forward slashes, whether the file exists or not.
fn relative(root: &Path, name: &Path) -> Option<String> {
    let absolute = std::path::absolute(name).ok()?;
    let (folder, file) = (absolute.parent()?, absolute.file_name()?);
    let folder = hallmark_core::platform::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let below = folder.join(file).strip_prefix(root).ok()?.to_path_buf();
    Some(below.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}
