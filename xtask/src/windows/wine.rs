//! Running a program of Windows under Wine, with or without a console.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Failure, Outcome};

/// The longest that any one run may take, in seconds.
const PATIENCE: &str = "300";

/// The library that Rust's programs take random numbers from, which Wine before 9 lacks: it gets one made of its own generator.
const RANDOM: &str = "bcryptprimitives.dll";

/// What a run said.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
}

impl Run {
    /// Both outputs as text.
    pub(super) fn all(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.out), String::from_utf8_lossy(&self.err))
    }
}

/// A Windows of its own, in a folder, and the program to run on it.
pub(super) struct Wine {
    program: PathBuf,
    prefix: PathBuf,
    binary: PathBuf,
}

/// Wine for 64 bits: Debian's package alone puts it where no `PATH` leads.
pub(super) fn program() -> Option<PathBuf> {
    let usual = Path::new("/usr/lib/wine/wine64");
    if usual.is_file() {
        return Some(usual.to_path_buf());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("wine64")).find(|file| file.is_file())
}

impl Wine {
    /// Makes the folder what a Windows 10 has on its first day.
    pub(super) fn new(prefix: &Path, binary: PathBuf) -> Outcome<Self> {
        let program = program().ok_or(Failure("there is no Wine".to_owned()))?;
        let wine = Self { program, prefix: prefix.to_path_buf(), binary };
        let system = prefix.join("drive_c/windows/system32");
        if !system.join("cmd.exe").is_file() {
            std::fs::create_dir_all(prefix)?;
            wine.quiet(&["wineboot", "--init"])?;
        }
        if !system.join(RANDOM).is_file() {
            let source = shell::root().join("xtask/src/windows/bcryptprimitives.c");
            let mut compiler = Command::new(super::LINKER.0);
            compiler.args(["-shared", "-O1", "-o"]).arg(system.join(RANDOM)).arg(source).arg("-ladvapi32");
            shell::output(&mut compiler)?;
        }
        wine.quiet(&["reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f"])?;
        Ok(wine)
    }

    fn quiet(&self, arguments: &[&str]) -> Outcome {
        let output = self.wine(&[]).args(arguments).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(Failure(format!("{} ended with {}", arguments.join(" "), output.status)))
    }

    /// Wine with nothing of this machine's environment but what it needs, so that defaults are those of a fresh Windows.
    fn wine(&self, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after", "5", PATIENCE]).arg(&self.program);
        self.surround(&mut command, variables);
        command
    }

    fn surround(&self, command: &mut Command, variables: &[(&str, &str)]) {
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.prefix);
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all").env("TERM", "xterm");
        command.envs(variables.iter().copied());
    }

    /// Runs the binary in a folder, its outputs piped.
    pub(super) fn run(&self, folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Outcome<Run> {
        let mut command = self.wine(variables);
        command.arg(&self.binary).args(arguments).current_dir(folder).stdin(std::process::Stdio::null());
        let output = command.output()?;
        let code = output.status.code().unwrap_or(-1);
        Ok(Run { code, out: output.stdout, err: output.stderr })
    }

    /// Runs the binary in a folder on a console whose code page is this one, with this locale (none: as Windows has it); gives what
    /// the console showed.
    pub(super) fn on_console(
        &self,
        folder: &Path,
        page: u32,
        locale: &str,
        arguments: &str,
    ) -> Outcome<String> {
        let binary = self.windows_path(&self.binary)?;
        // Wine needs a locale of its own; its programs are not to see it.
        let inner = format!("set LC_ALL={locale}& set LANG=& chcp {page} >NUL & {binary} {arguments}");
        let line = format!("{} cmd /c '{inner}'", self.program.display());
        // A pseudo-terminal makes Wine give its programs a console.
        let mut command = Command::new("timeout");
        command.args([
            "--kill-after",
            "5",
            PATIENCE,
            "script",
            "--quiet",
            "--return",
            "--command",
            &line,
            "/dev/null",
        ]);
        self.surround(&mut command, &[("LC_ALL", "C.UTF-8")]);
        let output = command.current_dir(folder).stdin(std::process::Stdio::null()).output()?;
        Ok(without_escapes(&String::from_utf8_lossy(&output.stdout)))
    }

    /// The path as Windows' programs write it.
    pub(super) fn windows_path(&self, path: &Path) -> Outcome<String> {
        let path = std::path::absolute(path)?;
        Ok(format!("Z:{}", path.display().to_string().replace('/', "\\")))
    }
}

/// What a terminal shows of a text: moves to the right are blanks, other escape sequences nothing.
fn without_escapes(text: &str) -> String {
    let mut shown = String::new();
    let mut parts = text.split('\u{1b}');
    shown.extend(parts.next());
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        if part[end..].starts_with('C') {
            let count = part[1..end].parse().unwrap_or(1);
            shown.extend(std::iter::repeat_n(' ', count));
        }
        shown.extend(part.get(end + 1..));
    }
    shown.replace('\r', "")
}

impl Drop for Wine {
    /// Wine's own server would stay for some seconds and hold the folder.
    fn drop(&mut self) {
        let server = self.program.with_file_name("wineserver64");
        let mut command = Command::new(server);
        command.arg("-k").env("WINEPREFIX", &self.prefix);
        let _ = shell::output(&mut command);
    }
}
