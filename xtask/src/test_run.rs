//! The suite's tests, and the second chance of a few that a busy machine upset.
//!
//! Tests that wait for real servers share two cores with those servers. One that fails beside all others and passes by itself is told
//! as flaky, which is a defect to mend, but none of the change under test; nothing that fails twice is passed.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::shell::{self, Failure, Outcome};

/// More failures than this are no accident.
const CHANCES: usize = 3;

/// Runs all tests; `cargo` gives a command with the environment that they need.
pub(crate) fn run(cargo: impl Fn() -> Outcome<Command>) -> Outcome {
    let mut command = cargo()?;
    command.args(["test", "--workspace", "--locked", "--no-fail-fast", "--quiet"]);
    let (is_green, told) = watched(&mut command)?;
    if is_green {
        return Ok(());
    }
    let failed = failures(&told);
    if !is_whole(&told, failed.len()) {
        return Err(Failure(format!("a program of tests broke off; failed: {}", failed.join(", "))));
    }
    if failed.is_empty() || failed.len() > CHANCES || failed.iter().any(|name| name.contains(' ')) {
        return Err(Failure(format!("{} tests failed: {}", failed.len(), failed.join(", "))));
    }
    shell::say(&format!("\nby themselves again: {}\n", failed.join(", ")));
    let mut command = cargo()?;
    command.args([
        "test",
        "--workspace",
        "--locked",
        "--no-fail-fast",
        "--quiet",
        "--lib",
        "--bins",
        "--tests",
    ]);
    command.args(["--", "--test-threads", "1", "--exact"]).args(&failed);
    let (is_green, told) = watched(&mut command)?;
    if is_green && passed(&told) >= failed.len() {
        shell::say(&format!("\nFLAKY, failed beside the others and passed alone: {}\n", failed.join(", ")));
        return Ok(());
    }
    Err(Failure(format!("failed twice: {}", failed.join(", "))))
}

/// Whether the command was content, and what it printed, which is shown meanwhile.
fn watched(command: &mut Command) -> Outcome<(bool, String)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut told = Vec::new();
    if let Some(mut output) = child.stdout.take() {
        let mut chunk = [0_u8; 8192];
        loop {
            let length = output.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            std::io::stdout().write_all(&chunk[..length])?;
            std::io::stdout().flush()?;
            told.extend_from_slice(&chunk[..length]);
        }
    }
    Ok((child.wait()?.success(), String::from_utf8_lossy(&told).into_owned()))
}

/// The names in the lists under `failures:`.
fn failures(told: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut lines = told.lines();
    while let Some(line) = lines.next() {
        if line == "failures:" {
            names.extend(lines.by_ref().map_while(|line| line.strip_prefix("    ")).map(str::to_owned));
        }
    }
    names
}

/// Whether every program that began gave its result, and all that failed is named: one that a signal ended names nothing, and what it did
/// not run must not pass with the rest.
fn is_whole(told: &str, named: usize) -> bool {
    let begun = told.lines().filter(|line| line.starts_with("running ") && line.contains(" test")).count();
    let results: Vec<&str> = told.lines().filter(|line| line.starts_with("test result: ")).collect();
    let failed = results.iter().filter_map(|line| {
        let before = line.split(" failed;").next()?;
        before.rsplit(' ').next()?.parse::<usize>().ok()
    });
    begun == results.len() && failed.sum::<usize>() == named
}

/// The sum of `N passed`.
fn passed(told: &str) -> usize {
    let results = told.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    results.filter_map(|rest| rest.split(' ').next()?.parse::<usize>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "\nrunning 2 tests\n..\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\nrunning 3 tests\n\
        a::b --- FAILED\n\nfailures:\n\n---- a::b stdout ----\nleft: 1\n\n\nfailures:\n    a::b\n    c\n\ntest result: FAILED. 1 passed; 2 failed; 0 ignored\n";

    #[test]
    fn the_names_of_what_failed_are_found() {
        assert_eq!(failures(TOLD), ["a::b", "c"]);
        assert_eq!(passed(TOLD), 2);
        assert_eq!(failures("error: could not compile"), Vec::<String>::new());
        assert!(is_whole(TOLD, 2) && !is_whole(TOLD, 1));
        let broken_off = format!("{TOLD}\nrunning 5 tests\n..");
        assert!(!is_whole(&broken_off, 2), "what was ended by a signal ran to no result");
    }
}
