//! Bringing a run's files back byte for byte, or finishing a run that was killed.

use std::path::PathBuf;

use hallmark_core::fs::left_over;
use hallmark_core::{Error, Project, Result, digest};

use crate::journal::{Journal, Run, State, runs};
use crate::{codes, target, transaction};

/// What was brought back.
#[derive(Debug)]
pub struct Restored {
    /// The run.
    pub run: String,
    /// The files written now, in the run's order.
    pub files: Vec<String>,
    /// Files that had the bytes wanted already.
    pub untouched: usize,
}

/// Undoes a run: the last one that is not undone, or the one named. All files or none.
///
/// # Errors
/// `HM-F010` if there is no such run, `HM-F011` if a file was changed since, `HM-F012` if the journal is damaged, `HM-F013` if
/// another process is writing.
pub fn undo(project: &Project, name: Option<&str>) -> Result<Restored> {
    let _journal = Journal::open(project)?;
    let run = find(project, name, |state| state != State::Undone, "undone")?;
    let restored = restore(project, &run, Direction::Back)?;
    run.mark(State::Undone)?;
    Ok(restored)
}

/// Finishes a run that was killed: the last one, or the one named. All files or none.
///
/// # Errors
/// As [`undo`].
pub fn complete(project: &Project, name: Option<&str>) -> Result<Restored> {
    let _journal = Journal::open(project)?;
    let run = find(project, name, |state| state == State::Interrupted, "finished")?;
    let restored = restore(project, &run, Direction::Forth)?;
    run.mark(State::Written)?;
    Ok(restored)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Back,
    Forth,
}

fn find(project: &Project, name: Option<&str>, fits: impl Fn(State) -> bool, verb: &str) -> Result<Run> {
    let wanted = |run: &Run| name.is_none_or(|n| run.manifest.run == n);
    let mut all = runs(project)?;
    all.retain(|run| wanted(run));
    let known = !all.is_empty();
    all.into_iter().rev().find(|run| fits(run.state())).ok_or_else(|| {
        let text = match name {
            Some(name) if known => format!("run {name} cannot be {verb} in the state it is in"),
            Some(name) => format!("there is no run {name}"),
            None => format!("there is no run that could be {verb}"),
        };
        Error::new(&codes::NO_RUN, text).next("hallmark undo --list")
    })
}

/// Everything is checked before the first file is written.
fn restore(project: &Project, run: &Run, direction: Direction) -> Result<Restored> {
    let mut writes: Vec<(PathBuf, String, Vec<u8>)> = Vec::new();
    let mut changed = Vec::new();
    let mut untouched = 0;
    let mut all = Vec::with_capacity(run.manifest.files.len());
    for entry in &run.manifest.files {
        let (from, to) = match direction {
            Direction::Back => (&entry.after, &entry.before),
            Direction::Forth => (&entry.before, &entry.after),
        };
        let real = match target::resolve(project.root(), &entry.path) {
            Ok(real) => real,
            Err(error) if error.is(&codes::CHANGED) => {
                changed.push(entry.path.as_str());
                continue;
            }
            Err(error) => return Err(error),
        };
        all.push(real.clone());
        let current = digest::sha256(&target::read(&real, &entry.path)?);
        if current == *to {
            untouched += 1;
        } else if current == *from {
            writes.push((real, entry.path.clone(), run.object(to)?));
        } else {
            changed.push(entry.path.as_str());
        }
    }
    if !changed.is_empty() {
        return Err(refused(project, run, &changed));
    }
    let mut files = Vec::with_capacity(writes.len());
    for (real, path, bytes) in writes {
        transaction::write(&real, &bytes)?;
        files.push(path);
    }
    // A run that was killed in the middle of a write has left the beginning of it. Nobody else is writing: the journal is held.
    for part in all.iter().flat_map(|real| left_over(real)) {
        let _ = std::fs::remove_file(part);
    }
    Ok(Restored { run: run.manifest.run.clone(), files, untouched })
}

fn refused(project: &Project, run: &Run, changed: &[&str]) -> Error {
    let text = format!(
        "{} {} changed after run {}: nothing was written",
        changed.join(", "),
        if changed.len() == 1 { "was" } else { "were" },
        run.manifest.run
    );
    // The likeliest cause is a later run of our own, and that one can be undone first.
    let later = runs(project).unwrap_or_default().into_iter().rev().find(|other| {
        other.manifest.run > run.manifest.run
            && other.state() != State::Undone
            && other.manifest.files.iter().any(|f| changed.contains(&f.path.as_str()))
    });
    let next = later.map_or_else(
        || "bring the file back to what the run wrote (version control has it), then undo again".to_owned(),
        |later| format!("hallmark undo {}", later.manifest.run),
    );
    Error::new(&codes::CHANGED_SINCE, text).next(next)
}
