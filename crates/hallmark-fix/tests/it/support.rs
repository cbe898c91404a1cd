//! Folders of real sources in the encodings that a project may hold.

use std::path::{Path, PathBuf};

use hallmark_core::{Project, random};
use hallmark_fix::{Change, Note};

/// A project of its own that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hallmark-fix-{}", random::token(10).unwrap()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn project(&self) -> Project {
        Project::discover(&self.0).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(&path).and_then(|mut f| std::io::Write::write_all(&mut f, bytes)).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn change(path: &str, before: &[u8], after: &[u8]) -> Change {
    let note = Note { rule: "star-import".to_owned(), title: "Name what is imported".to_owned() };
    Change { path: path.to_owned(), before: before.to_vec(), after: after.to_vec(), notes: vec![note] }
}

/// The Python files of the repository's examples, and those below `HALLMARK_FIX_CORPUS` if it is set.
pub(crate) fn sources() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")];
    folders.extend(std::env::var_os("HALLMARK_FIX_CORPUS").map(PathBuf::from));
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "py") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "{} sources", found.len());
    found
}

/// The same text as files come: plain, with a mark, with Windows line breaks, without the last one, in Latin-1.
pub(crate) fn variants(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let crlf = text.replace("\r\n", "\n").replace('\n', "\r\n");
    let latin = format!("# -*- coding: latin-1 -*-\n{text}# caf\u{e9} \u{ff}\n");
    let latin: Vec<u8> = latin.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    vec![
        ("plain", bytes.to_vec()),
        ("marked", [b"\xef\xbb\xbf", bytes].concat()),
        ("windows", crlf.into_bytes()),
        ("unended", text.trim_end().as_bytes().to_vec()),
        ("latin", latin),
    ]
}

/// Numbers that look random and are the same every time (xorshift).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}
