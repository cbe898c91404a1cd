//! Running the binary on copies of the examples.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path =
            std::env::temp_dir().join(format!("hallmark-it-{}", hallmark_core::random::token(10).unwrap()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    /// A copy of an example of the repository.
    pub(crate) fn example(name: &str) -> Self {
        let folder = Self::new();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name), folder.path());
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(path).and_then(|mut f| std::io::Write::write_all(&mut f, bytes)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let name = entry.file_name();
        if [".hallmark", "__pycache__", ".pytest_cache"].iter().any(|n| name == *n) {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The binary in this folder, with the services that the test run names.
pub(crate) fn command(folder: &Folder) -> Command {
    for name in ["HALLMARK_POSTGRES_URL", "HALLMARK_NEO4J_URL", "HALLMARK_CHROMA_URL", "HALLMARK_REDIS_URL"] {
        assert!(
            std::env::var_os(name).is_some(),
            "set {name}: run `hallmark up` and `eval \"$(hallmark env)\"`"
        );
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_hallmark"));
    command.current_dir(folder.path()).env("NO_COLOR", "1");
    command
}

pub(crate) fn run(folder: &Folder, arguments: &[&str]) -> Output {
    command(folder).args(arguments).output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn all(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", all(output)))
}
