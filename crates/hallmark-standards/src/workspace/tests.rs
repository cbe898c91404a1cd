//! Files that are not read again because the file system says that nobody wrote to them.

use std::path::PathBuf;
use std::time::Duration;

use hallmark_core::fs::{Mode, write_atomic};

use super::*;

/// A scratch project that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let name = format!("hallmark-stamps-{}", hallmark_core::random::token(12).unwrap());
        Self(std::env::temp_dir().join(name))
    }

    /// Overwrites a file in its place, so that it stays the same file.
    fn write(&self, path: &str, text: &str) {
        let file = self.0.join(path);
        if file.exists() {
            std::io::Write::write_all(&mut std::fs::File::create(file).unwrap(), text.as_bytes()).unwrap();
        } else {
            write_atomic(&file, text.as_bytes(), Mode::Default).unwrap();
        }
    }

    fn options(&self) -> ScanOptions {
        ScanOptions { root: self.0.clone(), ..ScanOptions::default() }
    }

    /// Scans with the cache, and keeps what was learnt.
    fn scan(&self) -> Workspace {
        let cache = self.0.join(".hallmark/cache/standards");
        let mut workspace = Workspace::with_cache(self.options(), &cache);
        workspace.refresh();
        workspace.store(&cache).unwrap();
        workspace
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn relied_on(workspace: &Workspace) -> usize {
    workspace.records.iter().filter(|record| record.stamp.is_some()).count()
}

#[test]
#[cfg(unix)]
fn only_stamps_that_a_write_would_change_are_relied_on() {
    let scratch = Scratch::new();
    scratch.write("old.py", "from .. import x\n");
    scratch.write("other.py", "import os\n");
    // Written just now: a write that follows could leave the same times.
    assert_eq!(relied_on(&scratch.scan()), 0);
    let seconds = u64::try_from(limits::SETTLED_SECONDS).unwrap() + 2;
    std::thread::sleep(Duration::from_secs(seconds));
    scratch.write("new.py", "from .. import y\n");
    assert_eq!(relied_on(&scratch.scan()), 2);
    let known = scratch.scan();
    assert_eq!((known.judged(), known.report().findings.len()), (0, 2));

    // As long as before, and said to be as old as before: still noticed.
    let before = scratch.0.join("old.py").metadata().unwrap().modified().unwrap();
    let put_back = |time| {
        let file = std::fs::File::options().write(true).open(scratch.0.join("old.py")).unwrap();
        file.set_modified(time).unwrap();
    };
    scratch.write("old.py", "import nothing.x\n");
    put_back(before);
    assert_eq!(scratch.scan().report().findings.len(), 1);

    // Another file of the same name, length and age.
    std::fs::rename(scratch.0.join("old.py"), scratch.0.join("kept.txt")).unwrap();
    scratch.write("old.py", "from .. import z\n");
    put_back(before);
    assert_eq!(scratch.scan().report().findings.len(), 2);

    // What an editor shows counts, whatever the disk says.
    let mut workspace = scratch.scan();
    workspace.overlay("other.py", Some("from .. import w\n".into()));
    workspace.refresh();
    assert_eq!(workspace.report().findings.len(), 3);
    workspace.overlay("other.py", None);
    workspace.refresh();
    assert_eq!(workspace.report().findings.len(), 2);
}
