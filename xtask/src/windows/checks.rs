//! What is held against the binary for Windows: what it does is what the one for this machine does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::wine::{Run, Wine};
use crate::shell::{self, Failure, Outcome};

/// What the checks work with.
pub(super) struct Bench<'a> {
    pub(super) wine: &'a Wine,
    /// The binary for this machine.
    pub(super) native: &'a Path,
    pub(super) scratch: &'a Path,
}

type Check = fn(&Bench<'_>) -> Outcome;

/// All checks by name.
pub(super) const ALL: &[(&str, Check)] = &[
    ("help and pages", help),
    ("check finds the same", findings),
    ("fix and undo", fix_and_undo),
    ("lines that end in CR LF", carriage_returns),
    ("paths with backslashes", backslashes),
    ("long and reserved names, names that differ in case", names),
    ("doctor", doctor),
    ("what Windows cannot do is refused", refusals),
    ("console of code page 1252", console_1252),
    ("console of code page 65001", console_65001),
    ("JSON and pipes", pipes),
];

/// Fails with the reason unless it holds.
fn hold(holds: bool, why: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(Failure(why())) }
}

fn code(run: &Run, wanted: i32) -> Outcome {
    hold(run.code == wanted, || format!("ended with {}, not {wanted}: {}", run.code, run.all()))
}

fn contains(text: &str, part: &str) -> Outcome {
    hold(text.contains(part), || format!("no {part:?} in: {text}"))
}

impl Bench<'_> {
    /// A fresh copy of the twin with planted defects.
    fn example(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.scratch.join(name);
        copy(&shell::root().join("examples/catalog-before"), &folder)?;
        Ok(folder)
    }

    fn wine(&self, folder: &Path, arguments: &[&str]) -> Outcome<Run> {
        self.wine.run(folder, &[], arguments)
    }

    fn native(&self, folder: &Path, arguments: &[&str]) -> Outcome<Run> {
        let mut command = Command::new(self.native);
        // Without a locale, as Windows has none.
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            command.env_remove(name);
        }
        let output = command.args(arguments).current_dir(folder).output()?;
        Ok(Run { code: output.status.code().unwrap_or(-1), out: output.stdout, err: output.stderr })
    }
}

fn copy(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)?.flatten() {
        let name = entry.file_name();
        if [".hallmark", "__pycache__", ".pytest_cache"].iter().any(|n| name == *n) {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Every file of a folder with its bytes, Hallmark's own left out.
fn tree(folder: &Path) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let mut all = BTreeMap::new();
    for path in shell::files(folder, "") {
        let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
        all.insert(name, std::fs::read(&path)?);
    }
    Ok(all)
}

fn write(path: &Path, bytes: &[u8]) -> Outcome {
    hallmark_core::fs::write_atomic(path, bytes, hallmark_core::fs::Mode::Default)
        .map_err(|e| Failure(e.to_string()))
}

/// The findings and problems of a report in JSON: where, which rule, what it says.
fn facts(run: &Run) -> Outcome<Vec<String>> {
    let report: Value =
        serde_json::from_slice(&run.out).map_err(|e| Failure(format!("{e}: {}", run.all())))?;
    let rows = ["findings", "problems"].iter().filter_map(|part| report[part].as_array()).flatten();
    let mut rows: Vec<String> = rows.map(ToString::to_string).collect();
    rows.sort();
    Ok(rows)
}

fn same(windows: &Run, native: &Run) -> Outcome<usize> {
    let (theirs, ours) = (facts(windows)?, facts(native)?);
    let differs = theirs.iter().zip(&ours).find(|(a, b)| a != b);
    hold(theirs == ours, || {
        format!("{} findings under Wine, {} here; first that differs: {differs:?}", theirs.len(), ours.len())
    })?;
    code(windows, native.code)?;
    Ok(ours.len())
}

fn help(bench: &Bench<'_>) -> Outcome {
    let help = bench.wine(bench.scratch, &["--help"])?;
    code(&help, 0)?;
    contains(&help.all(), "Usage: hallmark")?;
    for page in [&["rule"][..], &["rule", "camel-case-method"], &["explain", "HM-S072"]] {
        let (theirs, ours) = (bench.wine(bench.scratch, page)?, bench.native(bench.scratch, page)?);
        code(&theirs, 0)?;
        hold(theirs.out == ours.out, || format!("{page:?} says something else: {}", theirs.all()))?;
    }
    code(&bench.wine(bench.scratch, &["no-such-command"])?, 2)
}

fn findings(bench: &Bench<'_>) -> Outcome {
    let folder = bench.example("findings")?;
    let arguments = ["check", "--format", "json", "--show-info", "--preview", "--no-history"];
    let count = same(&bench.wine(&folder, &arguments)?, &bench.native(&folder, &arguments)?)?;
    hold(count > 20, || format!("only {count} findings in the twin with planted defects"))?;
    // A second time, from the cache that the first one kept.
    let again = bench.wine(&folder, &arguments)?;
    hold(facts(&again)?.len() == count, || "the cache answers something else".to_owned())?;
    let (theirs, ours) = (bench.wine(&folder, &["check"])?, bench.native(&folder, &["check"])?);
    // How long it took is the end of its line.
    let lines = |run: &Run| -> Vec<String> {
        let text = String::from_utf8_lossy(&run.out).into_owned();
        text.lines().map(|line| line.split(" files in ").next().unwrap_or_default().to_owned()).collect()
    };
    let (theirs, ours) = (lines(&theirs), lines(&ours));
    let differs = theirs.iter().zip(&ours).find(|(a, b)| a != b);
    hold(theirs == ours, || format!("the report for people differs: {differs:?}"))
}

fn fix_and_undo(bench: &Bench<'_>) -> Outcome {
    let (theirs, ours) = (bench.example("fix-wine")?, bench.example("fix-native")?);
    let before = tree(&theirs)?;
    let fixed = bench.wine(&theirs, &["check", "--fix", "--no-history"])?;
    let native = bench.native(&ours, &["check", "--fix", "--no-history"])?;
    code(&fixed, native.code)?;
    let after = tree(&theirs)?;
    hold(after == tree(&ours)?, || "the fixes wrote something else than on this machine".to_owned())?;
    hold(after != before, || "nothing was fixed".to_owned())?;
    code(&bench.wine(&theirs, &["undo"])?, 0)?;
    hold(tree(&theirs)? == before, || "undo did not bring back every byte".to_owned())
}

fn carriage_returns(bench: &Bench<'_>) -> Outcome {
    let folder = bench.scratch.join("crlf");
    let source = b"from kailash.workflow.builder import WorkflowBuilder\r\n\r\nflow = WorkflowBuilder()\r\nflow.addNode(\"A\", \"caf\xc3\xa9\")\r\n";
    write(&folder.join("hallmark.toml"), b"[standards]\r\npreview = false\r\n")?;
    write(&folder.join("flow.py"), source)?;
    let arguments = ["check", "--format", "json", "--no-history"];
    let count = same(&bench.wine(&folder, &arguments)?, &bench.native(&folder, &arguments)?)?;
    hold(count > 0, || "nothing was found".to_owned())?;
    bench.wine(&folder, &["check", "--fix", "--select", "camel-case-method"])?;
    let mended = std::fs::read(folder.join("flow.py"))?;
    let wanted = String::from_utf8_lossy(source).replace("addNode", "add_node");
    hold(mended == wanted.as_bytes(), || format!("written: {:?}", String::from_utf8_lossy(&mended)))
}

fn backslashes(bench: &Bench<'_>) -> Outcome {
    let folder = bench.example("backslashes")?;
    let arguments = |path| ["check", path, "--format", "json", "--no-history"];
    let one = bench.wine(&folder, &arguments(r"catalog\models.py"))?;
    let count = same(&one, &bench.native(&folder, &arguments("catalog/models.py"))?)?;
    hold(count > 0, || "nothing was found in catalog\\models.py".to_owned())?;
    hold(!String::from_utf8_lossy(&one.out).contains(r"catalog\\"), || "a path with a backslash".to_owned())?;
    let absolute = bench.wine.windows_path(&folder.join("catalog/models.py"))?;
    same(
        &bench.wine(&folder, &arguments(&absolute))?,
        &bench.native(&folder, &arguments("catalog/models.py"))?,
    )?;
    // Patterns are written with slashes everywhere; on Windows backslashes are understood, too.
    for (name, pattern) in [("slash", "catalog/*.py"), ("backslash", r"catalog\\*.py")] {
        let folder = bench.scratch.join(format!("pattern-{name}"));
        copy(&shell::root().join("examples/catalog-before/catalog"), &folder.join("catalog"))?;
        write(&folder.join("hallmark.toml"), format!("[standards]\nexclude = [\"{pattern}\"]\n").as_bytes())?;
        let run = bench.wine(&folder, &["check", "--format", "json", "--no-history"])?;
        let seen = facts(&run)?.into_iter().filter(|row| row.contains("catalog/models.py")).count();
        hold(seen == 0, || format!("{pattern} excludes nothing: {}", run.all()))?;
    }
    let config = bench.wine(&folder, &["config", "--format", "json"])?;
    code(&config, 0)?;
    hold(!config.all().contains(r"\\?\"), || format!("a verbatim path is shown: {}", config.all()))?;
    let lost = bench.wine(&folder, &["check", r"no\such.py"])?;
    code(&lost, 2)?;
    contains(&lost.all(), "HM-C004")
}

fn names(bench: &Bench<'_>) -> Outcome {
    let folder = bench.scratch.join("names");
    write(&folder.join("hallmark.toml"), b"")?;
    let source = b"from kailash.workflow.builder import WorkflowBuilder\n\nflow = WorkflowBuilder()\nflow.addNode(\"A\", \"a\")\n";
    let deep = (0..6)
        .fold(folder.clone(), |path, _| path.join("a-folder-with-a-long-name-of-some-fifty-characters"));
    // `aux` is a device of Windows, whatever ends it; the next two are one file on most disks of Windows.
    for path in [deep.join("deep.py"), folder.join("aux.py"), folder.join("Twin.py"), folder.join("twin.py")]
    {
        write(&path, source)?;
    }
    write(&folder.join("caf\u{e9}.py"), source)?;
    let arguments = ["check", "--select", "camel-case-method", "--format", "json", "--no-history"];
    // Wine reads names outside ASCII only where its own locale has them.
    let rows = facts(&bench.wine.run(&folder, &[("LC_ALL", "C.UTF-8")], &arguments)?)?;
    for name in ["characters/deep.py", "aux.py", "Twin.py", "twin.py", "\u{e9}.py"] {
        hold(rows.iter().any(|row| row.contains(name)), || format!("nothing is said of {name}: {rows:?}"))?;
    }
    // A device is told as what cannot be read, and stops nobody: the others are mended and taken back.
    hold(rows.iter().any(|row| row.contains("aux.py") && row.contains("HM-G001")), || format!("{rows:?}"))?;
    bench.wine(&folder, &["check", "--select", "camel-case-method", "--fix", "--no-history"])?;
    for name in ["Twin.py", "twin.py"] {
        let text = std::fs::read_to_string(folder.join(name))?;
        hold(text.contains("add_node"), || format!("{name} was not mended: {text}"))?;
    }
    bench.wine(&folder, &["undo"])?;
    hold(std::fs::read(folder.join("twin.py"))? == source, || "twin.py was not taken back".to_owned())
}

fn doctor(bench: &Bench<'_>) -> Outcome {
    let folder = bench.example("doctor")?;
    let run = bench.wine(&folder, &["doctor", "--format", "json"])?;
    let found: Value =
        serde_json::from_slice(&run.out).map_err(|e| Failure(format!("{e}: {}", run.all())))?;
    let checks = found["checks"].as_array().ok_or(Failure(format!("no checks: {}", run.all())))?;
    let check = |id: &str| checks.iter().find(|check| check["id"] == id);
    for id in ["system", "memory", "disk.data", "console", "console.code-page", "engine", "installed.redis"] {
        hold(check(id).is_some(), || format!("nothing is said of {id}: {}", run.all()))?;
    }
    for id in ["memory", "disk.data"] {
        let seen = check(id).and_then(|check| check["verdict"].as_str()).unwrap_or_default();
        hold(matches!(seen, "ok" | "warn"), || format!("{id} is {seen}: {}", run.all()))?;
    }
    for unix in ["apt-get", "sudo", "chmod", "export ", "ulimit", "du -x"] {
        hold(!run.all().contains(unix), || format!("advice for another system: {unix} in {}", run.all()))?;
    }
    let text = bench.wine(&folder, &["doctor"])?;
    contains(&text.all(), "windows x86_64")
}

fn refusals(bench: &Bench<'_>) -> Outcome {
    let folder = bench.example("refusals")?;
    for (arguments, class, id, step) in [
        (&["up", "--yes"][..], 2, "HM-S072", "provider = \"docker\""),
        (&["backup"], 2, "HM-S072", "WSL 2"),
        (&["restore", "--yes"], 2, "HM-S072", "WSL 2"),
        (&["test"], 2, "HM-T006", "WSL 2"),
    ] {
        let run = bench.wine(&folder, arguments)?;
        code(&run, class).map_err(|Failure(why)| Failure(format!("{arguments:?} {why}")))?;
        contains(&run.all(), id)?;
        contains(&run.all().split_whitespace().collect::<Vec<_>>().join(" "), step)?;
    }
    // What needs no server of its own says what it sees.
    let status = bench.wine(&folder, &["status"])?;
    contains(&status.all(), "postgres")?;
    code(&bench.wine(&folder, &["down"])?, 0)
}

/// A finding whose text would need a console that shows more than ASCII.
fn shown(bench: &Bench<'_>, page: u32, locale: &str) -> Outcome<String> {
    let folder = bench.scratch.join(format!("console-{page}"));
    write(&folder.join("hallmark.toml"), b"")?;
    write(
        &folder.join("flow.py"),
        "from kailash.workflow.builder import WorkflowBuilder\n\nflow = WorkflowBuilder()\nflow.addNode(\"A\", \"caf\u{e9} \u{2713}\")\n".as_bytes(),
    )?;
    bench.wine.on_console(&folder, page, locale, "check --no-history")
}

fn console_1252(bench: &Bench<'_>) -> Outcome {
    let text = shown(bench, 1252, "")?;
    contains(&text, "camel-case-method")?;
    contains(&text, "flow.py:4")?;
    // Nothing that a font of code page 1252 lacks was written at all.
    hold(text.is_ascii(), || format!("more than ASCII on a console of code page 1252: {text:?}"))?;
    // Symbols that were asked for arrive as what they are, whatever the code page: the console takes UTF-16.
    let text = bench.wine.on_console(bench.scratch, 1252, "C.UTF-8", "explain score")?;
    hold(!text.contains('\u{fffd}') && !text.contains("\u{e2}\u{20ac}"), || format!("garbled: {text:?}"))
}

fn console_65001(bench: &Bench<'_>) -> Outcome {
    let text = shown(bench, 65001, "C.UTF-8")?;
    contains(&text, "camel-case-method")?;
    contains(&text, "caf\u{e9} \u{2713}")?;
    hold(!text.contains('\u{fffd}'), || format!("garbled: {text:?}"))
}

fn pipes(bench: &Bench<'_>) -> Outcome {
    let folder = bench.scratch.join("pipes-caf\u{e9}");
    write(&folder.join("hallmark.toml"), b"")?;
    write(&folder.join("caf\u{e9}.py"), "import nothing_like_it\n\nNAME = \"\u{2713}\"\n".as_bytes())?;
    let locale = [("LC_ALL", "C.UTF-8")];
    let utf_8 = bench.wine.run(&folder, &locale, &["check", "--format", "json", "--no-history"])?;
    let ascii =
        bench.wine.run(&folder, &locale, &["--ascii", "check", "--format", "json", "--no-history"])?;
    hold(ascii.out.is_ascii(), || format!("not ASCII: {}", ascii.all()))?;
    // The same document, however it is written.
    hold(facts(&utf_8)? == facts(&ascii)?, || format!("{} and {}", utf_8.all(), ascii.all()))?;
    let config = bench.wine.run(&folder, &locale, &["--ascii", "config", "--format", "json"])?;
    hold(config.out.is_ascii(), || format!("not ASCII: {}", config.all()))?;
    serde_json::from_slice::<Value>(&config.out)
        .map(drop)
        .map_err(|e| Failure(format!("{e}: {}", config.all())))
}
