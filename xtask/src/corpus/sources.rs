//! Where the labelled files are: in a checkout that the caller names, or in the SDK's published source distribution.

use std::path::{Path, PathBuf};

use super::labels::Labels;
use crate::shell::{self, Outcome};

/// The variable that names a folder with one checkout for each repository, called by its name.
pub(super) const VARIABLE: &str = "HALLMARK_CORPUS";

/// The distribution of the SDK that holds its sources as they were labelled.
const DISTRIBUTION: &str = "kailash==2.65.0";

/// The folder of a repository's files, and what it is; `None` if they are nowhere to be had.
pub(super) fn find(labels: &Labels) -> Outcome<Option<(PathBuf, String)>> {
    let name = labels.repository.rsplit('/').next().unwrap_or(&labels.repository);
    if let Some(folder) = std::env::var_os(VARIABLE) {
        let checkout = Path::new(&folder).join(name);
        if checkout.is_dir() {
            return Ok(Some((checkout, format!("{} at {}", labels.repository, short(&labels.commit)))));
        }
    }
    if name != "kailash-py" {
        return Ok(None);
    }
    Ok(distribution()?.map(|folder| (folder, DISTRIBUTION.to_owned())))
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// The unpacked source distribution; it is fetched once and kept below `target`.
fn distribution() -> Outcome<Option<PathBuf>> {
    let folder = shell::root().join("target/corpus/sdist");
    if let Some(found) = unpacked(&folder) {
        return Ok(Some(found));
    }
    std::fs::create_dir_all(&folder)?;
    let fetched = std::process::Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--no-build-isolation",
        ])
        .args([DISTRIBUTION, "--dest"])
        .arg(&folder)
        .output();
    // pip may fail to build metadata after it has fetched the archive: the archive is all that is needed.
    let _ = fetched;
    let mut archives = std::fs::read_dir(&folder)?.filter_map(|e| Some(e.ok()?.path()));
    let Some(archive) = archives.find(|path| path.extension().is_some_and(|e| e == "gz")) else {
        return Ok(None);
    };
    let status =
        std::process::Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&folder).status()?;
    Ok(unpacked(&folder).filter(|_| status.success()))
}

fn unpacked(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .filter_map(|e| Some(e.ok()?.path()))
        .find(|path| path.is_dir() && path.join("src/kailash").is_dir())
}
