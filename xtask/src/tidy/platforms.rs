//! What systems do differently has two places, `hallmark-core/src/platform` and `hallmark-services/src/platform`, and no other.

use crate::shell::{self, Outcome};

/// The folders that may ask which system this is: the platforms, and the fault campaign, which is a program for Linux.
const ALLOWED: &[&str] = &[
    "crates/hallmark-core/src/platform/",
    "crates/hallmark-services/src/platform/",
    "crates/hallmark-chaos/",
];

/// What only one kind of system has, or asks for.
const MARKS: &[&str] = &[
    "cfg(unix",
    "cfg!(unix",
    "cfg(windows",
    "cfg!(windows",
    "cfg(not(unix",
    "cfg(not(windows",
    "target_os",
    "std::os::",
    "rustix::",
    "tokio::signal::unix",
    "tokio::signal::windows",
    "tokio::net::Unix",
];

pub(super) fn check() -> Outcome<Vec<String>> {
    let (mut problems, mut seen) = (Vec::new(), 0);
    for path in shell::files(&shell::root().join("crates"), ".rs") {
        let name = shell::relative(&path);
        let found = marks(&std::fs::read_to_string(&path)?);
        if ALLOWED.iter().any(|folder| name.starts_with(folder)) {
            seen += found.len();
            continue;
        }
        if name.contains("/tests/") || name.ends_with("tests.rs") {
            continue;
        }
        problems.extend(found.iter().map(|(line, mark)| {
            format!(
                "{name}:{line}: {mark} outside of hallmark_core::platform and hallmark_services::platform"
            )
        }));
    }
    // The instrument must be seen to work.
    if seen == 0 {
        problems
            .push("the platforms ask nothing of the system: the check of platforms sees nothing".to_owned());
    }
    Ok(problems)
}

/// The lines before a module of tests that hold a mark.
fn marks(text: &str) -> Vec<(usize, &'static str)> {
    let is_tests = |line: &&str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
    let lines = text.lines().take_while(|line| !is_tests(line)).enumerate();
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter_map(|(at, line)| Some((at + 1, *MARKS.iter().find(|mark| line.contains(**mark))?))).collect()
}

#[cfg(test)]
mod tests {
    use super::marks;

    #[test]
    fn marks_are_seen_in_code_and_not_in_tests_or_comments() {
        let text =
            "// cfg(unix)\n#[cfg(unix)]\nfn a() {}\n\n#[cfg(test)]\nmod tests { use std::os::unix; }\n";
        assert_eq!(marks(text), [(2, "cfg(unix")]);
    }
}
