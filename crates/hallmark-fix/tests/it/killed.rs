//! A process that is killed between two writes leaves a state that can be undone and finished.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use hallmark_core::Project;
use hallmark_fix::{Transaction, journal, undo};

use crate::support::{Folder, change};

const FILES: usize = 6;
const ROOT: &str = "HALLMARK_FIX_KILLED_ROOT";

fn name(at: usize) -> String {
    format!("package/module_{at}.py")
}

fn before(at: usize) -> Vec<u8> {
    format!("from kailash import *  # {at}\r\n").into_bytes()
}

fn after(at: usize) -> Vec<u8> {
    format!("import kailash  # {at}\r\n").into_bytes()
}

/// The child: writes its files and waits for its end after each one. Does nothing when it is run as a test of its own.
#[test]
fn writer() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let project = Project::discover(Path::new(&root)).unwrap();
    let changes = (0..FILES).map(|at| change(&name(at), &before(at), &after(at))).collect();
    let mut each = |path: &str| {
        std::io::stdout().write_all(format!("\nwrote {path}\n").as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
    };
    Transaction::new(&project, changes).commit(&mut each).unwrap();
}

/// Starts the child and kills it after so many writes.
fn kill_after(folder: &Folder, writes: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["killed::writer", "--exact", "--nocapture", "--test-threads", "1"])
        .env(ROOT, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    for line in lines.map_while(Result::ok).filter(|l| l.starts_with("wrote ")) {
        seen += 1;
        assert_eq!(line, format!("wrote {}", name(seen - 1)));
        if seen == writes {
            break;
        }
        input.write_all(b"\n").unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(seen, writes);
}

#[test]
fn a_killed_run_can_be_undone_and_finished() {
    for writes in 1..=FILES {
        for finish in [false, true] {
            let folder = Folder::new();
            (0..FILES).for_each(|at| {
                folder.write(&name(at), &before(at));
            });
            kill_after(&folder, writes);
            let project = folder.project();
            // As it is left by a kill in the middle of a write, beside what is somebody else's.
            let (left, other) = ("package/.module_2.py.77kq2az3.tmp", "package/.module_2.py.notes.tmp");
            folder.write(left, b"import");
            folder.write(other, b"mine");
            let runs = journal::runs(&project).unwrap();
            assert_eq!((runs.len(), runs[0].state()), (1, journal::State::Interrupted));
            for at in 0..FILES {
                let expected = if at < writes { after(at) } else { before(at) };
                assert_eq!(folder.read(&name(at)), expected, "killed after {writes}");
            }
            let restored =
                if finish { undo::complete(&project, None) } else { undo::undo(&project, None) }.unwrap();
            assert_eq!(restored.untouched, if finish { writes } else { FILES - writes });
            for at in 0..FILES {
                assert_eq!(folder.read(&name(at)), if finish { after(at) } else { before(at) });
            }
            assert!(!folder.path().join(left).exists() && folder.path().join(other).exists());
            let state = journal::runs(&project).unwrap()[0].state();
            assert_eq!(state, if finish { journal::State::Written } else { journal::State::Undone });
        }
    }
}
