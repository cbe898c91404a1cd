//! `cargo xtask chaos`: builds the program and the fault campaign, installs what the faults are made with, and runs it.

use std::process::Command;

use crate::clients::{apt, runs};
use crate::shell::{self, Outcome};

/// The tools of the faults: the package, and a command that shows that it is there.
const TOOLS: &[(&str, &str, &[&str])] = &[
    ("faketime", "faketime", &["--version"]),
    ("iptables", "iptables", &["--version"]),
    ("iproute2", "ss", &["--version"]),
    ("e2fsprogs", "mkfs.ext4", &["-V"]),
];

/// Runs the campaign with these arguments, which are its own.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    install();
    shell::run(shell::cargo().args([
        "build",
        "--locked",
        "--quiet",
        "--package",
        "hallmark",
        "--package",
        "hallmark-chaos",
    ]))?;
    let target = shell::target();
    shell::run(Command::new(target.join("debug/hallmark-chaos")).args(arguments))
}

/// Installs the tools that are missing. A fault whose tool cannot be had is named as not tried.
fn install() {
    let missing: Vec<&str> =
        TOOLS.iter().filter(|(_, program, ask)| !runs(program, ask)).map(|(package, ..)| *package).collect();
    if !missing.is_empty() && apt(&missing).is_err() {
        shell::say(&format!("not installed: {}\n", missing.join(" ")));
    }
}
