//! `cargo xtask editors`: the Visual Studio Code extension is type-checked and built from its lock file.

use std::process::Command;

use crate::clients::{apt, runs};
use crate::shell::{self, Outcome};

/// Builds the extension; installs Node where it is missing.
pub(crate) fn run() -> Outcome {
    if !runs("node", &["--version"]) || !runs("npm", &["--version"]) {
        apt(&["nodejs", "npm"])?;
    }
    let folder = shell::root().join("editors/vscode");
    let npm = |arguments: &[&str]| {
        let mut command = Command::new("npm");
        command.args(arguments).current_dir(&folder);
        shell::run(&mut command)
    };
    npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
    npm(&["run", "--silent", "build"])
}
