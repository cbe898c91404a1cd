//! `cargo xtask windows`: the binary is built for Windows, and run under Wine on the files that it runs on here.
//!
//! Wine is no Windows: what was seen here is told in `docs/windows.md`, and what was not, too.

mod checks;
mod wine;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::clients::{apt, runs};
use crate::shell::{self, Checked, Failure, Outcome};
use wine::Wine;

const TARGET: &str = "x86_64-pc-windows-gnu";

/// The linker, and what runs the result, as packages of the system.
const LINKER: (&str, &str) = ("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64-win32");
const WINE_PACKAGE: &str = "wine64";

/// Builds and checks; `not checked` where what it takes cannot be had.
pub(crate) fn run() -> Outcome<Checked> {
    if let Err(Failure(reason)) = tools() {
        shell::say(&format!("windows: not checked ({reason})\n"));
        return Ok(Checked::No);
    }
    let target = target_folder();
    let began = Instant::now();
    let program = build(&target)?;
    shell::say(&format!("windows: built in {:.0} s\n", began.elapsed().as_secs_f64()));
    let wine = match Wine::new(&target.join("wine"), program) {
        Ok(wine) => wine,
        Err(Failure(reason)) => {
            shell::say(&format!("windows: built, not run ({reason})\n"));
            return Ok(Checked::No);
        }
    };
    let native = target.join("debug/hallmark");
    if !native.is_file() {
        shell::run(shell::cargo().args(["build", "--package", "hallmark", "--locked", "--quiet"]))?;
    }
    let scratch = target.join("wine-scratch");
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch)?;
    let bench = checks::Bench { wine: &wine, native: &native, scratch: &scratch };
    let mut failed = Vec::new();
    for (name, check) in checks::ALL {
        let began = Instant::now();
        match check(&bench) {
            Ok(()) => shell::say(&format!("windows: {name}: ok, {:.1} s\n", began.elapsed().as_secs_f64())),
            Err(Failure(why)) => failed.push(format!("{name}: {why}")),
        }
    }
    if failed.is_empty() {
        Ok(Checked::Yes)
    } else {
        Err(Failure(format!("under Wine:\n  {}", failed.join("\n  "))))
    }
}

/// What is built for Windows lies beside what is built for this machine.
fn target_folder() -> PathBuf {
    let folder = shell::target();
    std::path::absolute(&folder).unwrap_or(folder)
}

/// Installs the linker, Wine and the standard library for Windows where they are missing.
fn tools() -> Outcome {
    let mut packages = Vec::new();
    if !runs(LINKER.0, &["--version"]) {
        packages.push(LINKER.1);
    }
    if wine::program().is_none() {
        packages.push(WINE_PACKAGE);
    }
    if !packages.is_empty() {
        apt(&packages)?;
    }
    let installed = shell::output(std::process::Command::new("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        TARGET,
    ]))?;
    if Path::new(installed.trim()).is_dir() {
        return Ok(());
    }
    shell::run(std::process::Command::new("rustup").args(["target", "add", TARGET]))
}

/// Builds without what debuggers want: twice as quick, and a fifth as large.
fn build(target: &Path) -> Outcome<PathBuf> {
    let mut command = shell::cargo();
    command.args(["build", "--package", "hallmark", "--locked", "--quiet", "--target", TARGET]);
    command.env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_INCREMENTAL", "0");
    shell::run(&mut command)?;
    Ok(target.join(TARGET).join("debug/hallmark.exe"))
}
