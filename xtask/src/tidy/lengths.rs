//! Files stay short enough to be one thing. Functions are held to 70 lines and 5 parameters by clippy.

use crate::shell::{self, Outcome};

/// The most lines a source file may have; tests are exempt.
const FILE_LINES_MAX: usize = 500;

pub(super) fn check() -> Outcome<Vec<String>> {
    let mut problems = Vec::new();
    for path in shell::files(&shell::root(), ".rs") {
        let name = shell::relative(&path);
        if name.contains("/tests/") || name.ends_with("/tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        // A test module at the end of a file does not make the file more than one thing.
        let lines = text.lines().take_while(|l| *l != "#[cfg(test)]").count();
        if lines > FILE_LINES_MAX {
            problems.push(format!("{name}: {lines} lines, more than {FILE_LINES_MAX}"));
        }
        for (number, line) in text.lines().enumerate() {
            let marker = ["TO", "DO"].concat();
            if line.contains(&format!("{marker}:")) || line.contains(&["FIX", "ME"].concat()) {
                problems
                    .push(format!("{name}:{}: a note to do something later; do it or file it", number + 1));
            }
        }
    }
    Ok(problems)
}
