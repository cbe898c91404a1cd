use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hallmark_core::fs::write_unsynced;
use hallmark_core::random::SplitMix64;
use ignore::WalkBuilder;

use super::*;

/// What the walker of ripgrep finds, with everything set as we document it.
fn peer(root: &Path) -> BTreeSet<String> {
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .follow_links(true)
        .require_git(false)
        .git_global(false)
        .filter_entry(|entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            entry.depth() == 0 || !is_folder || !is_skipped(&entry.file_name().to_string_lossy())
        })
        .build();
    walk.filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .map(|entry| relative(root, entry.path()))
        .filter(|path| path.ends_with(".py"))
        .collect()
}

/// The same trees in every run.
struct Dice(SplitMix64);

impl Dice {
    fn roll<'a>(&mut self, sides: &[&'a str]) -> &'a str {
        sides[self.0.index(sides.len())]
    }
}

#[test]
fn what_is_ignored_is_what_ripgrep_ignores() {
    const FOLDERS: &[&str] = &["", "a", "b", "a/b", "a/c", "build", "a/build", ".venv", ".cfg"];
    const FILES: &[&str] = &["x.py", "y.py", "test_x.py", "build.py", ".z.py"];
    const RULES: &[&str] = &[
        "*.py",
        "!x.py",
        "/a",
        "build/",
        "a/b",
        "**/c",
        "!build",
        "test_*",
        "/x.py",
        "# no",
        "",
        "b/",
        "!*",
        "\\!x.py",
        ".z.py",
        "[xy].py",
        "a/**/y.py",
        "!a/",
    ];
    const NAMES: &[&str] = &[".gitignore", ".ignore", ".git/info/exclude"];
    let mut dice = Dice(SplitMix64::new(7));
    for round in 0..60 {
        // The scanned root lies in a folder with rules of its own.
        let outer = tempfile(round);
        let root = outer.join("project");
        for folder in FOLDERS {
            fs::create_dir_all(root.join(folder)).unwrap();
            for file in FILES {
                write_unsynced(&root.join(folder).join(file), b"").unwrap();
            }
        }
        for _ in 0..4 {
            let folder = match dice.roll(&["outer", "", "a", "a/b", "build"]) {
                "outer" => outer.clone(),
                below => root.join(below),
            };
            let file = folder.join(dice.roll(NAMES));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let rules: Vec<&str> = (0..3).map(|_| dice.roll(RULES)).collect();
            write_unsynced(&file, rules.join("\n").as_bytes()).unwrap();
        }
        let own: BTreeSet<String> = Survey::of(&root).files.into_iter().collect();
        assert_eq!(own, peer(&root), "round {round}: {}", root.display());
        fs::remove_dir_all(&outer).unwrap();
    }
}

fn tempfile(round: usize) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("hallmark-walk-{}-{round}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A tree of folders that is removed at the end, in a folder with rules of its own.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let name = format!("hallmark-folders-{}", hallmark_core::random::token(12).unwrap());
        let scratch = Self(std::env::temp_dir().join(name));
        for file in
            ["a/x.py", "a/b/y.py", "a/b/c/z.py", "d/x.py", "d/e/y.py", "f/pyproject.toml", "g/h/i.pyi"]
        {
            scratch.write(&format!("root/{file}"), "");
        }
        scratch
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    fn memory(&self) -> PathBuf {
        self.0.join("cache/standards")
    }

    /// Overwrites a file in its place, so that its folder stays as it is.
    fn write(&self, path: &str, text: &str) {
        let file = self.0.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let mut file = fs::File::create(file).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.0.join(from), self.0.join(to)).unwrap();
    }

    /// Walks with what is remembered, and holds it to a walk that remembers nothing. Gives the folders that were not listed.
    fn walk(&self, what: &str) -> usize {
        let found = tree::walk(&self.root(), Some(&self.memory().with_extension("folders")));
        let known = found.visited.iter().filter(|folder| matches!(folder, Visited::Known(_))).count();
        let (remembered, fresh) = (found.survey(&self.root()), Survey::of(&self.root()));
        assert_eq!(format!("{remembered:?}"), format!("{fresh:?}"), "{what}");
        known
    }

    /// Waits until what was done can be told from what will be.
    fn settle() {
        let seconds = u64::try_from(crate::limits::SETTLED_SECONDS).unwrap() + 2;
        std::thread::sleep(std::time::Duration::from_secs(seconds));
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
#[cfg(unix)]
fn what_changed_in_a_folder_is_noticed() {
    let scratch = Scratch::new();
    // Made just now: another change could leave the same times.
    assert_eq!((scratch.walk("made"), scratch.walk("made")), (0, 0));
    Scratch::settle();
    assert_eq!((scratch.walk("settled"), scratch.walk("known")), (0, 9));

    scratch.write("root/a/x.py", "import os\n");
    assert_eq!(scratch.walk("what a file holds is not its folder's"), 9);
    scratch.write("root/a/new.py", "");
    assert_eq!(scratch.walk("a file came"), 8);
    fs::remove_file(scratch.0.join("root/d/e/y.py")).unwrap();
    assert_eq!(scratch.walk("a file went"), 7);
    scratch.rename("root/a/b/c/z.py", "root/a/b/c/other.py");
    assert_eq!(scratch.walk("a file was renamed"), 6);
    // The folder around it changes with it.
    fs::create_dir(scratch.0.join("root/g/h/i.py")).unwrap();
    fs::remove_dir(scratch.0.join("root/g/h/i.py")).unwrap();
    assert_eq!(scratch.walk("a folder came and went"), 5);

    Scratch::settle();
    scratch.walk("settled");
    assert_eq!(scratch.walk("known"), 9);
    let kept = fs::read(scratch.memory().with_extension("folders")).unwrap();
    // Another folder of the same name and the same age.
    let before = fs::metadata(scratch.0.join("root/d")).unwrap().modified().unwrap();
    scratch.rename("root/d", "gone");
    scratch.write("root/d/another.py", "");
    fs::File::open(scratch.0.join("root/d")).unwrap().set_modified(before).unwrap();
    scratch.walk("a folder was replaced");
    // A file that came, in a folder that is said to be as old as before.
    let before = fs::metadata(scratch.0.join("root/a/b")).unwrap().modified().unwrap();
    scratch.write("root/a/b/late.py", "");
    fs::File::open(scratch.0.join("root/a/b")).unwrap().set_modified(before).unwrap();
    scratch.walk("a time was put back");
    std::os::unix::fs::symlink(scratch.0.join("gone"), scratch.0.join("root/f/link")).unwrap();
    scratch.walk("a link came");
    scratch.write("gone/behind.py", "");
    scratch.walk("a file came behind a link");

    for at in (0..kept.len()).step_by(7) {
        let mut damaged = kept.clone();
        damaged[at] ^= 0x55;
        write_unsynced(&scratch.memory().with_extension("folders"), &damaged).unwrap();
        assert_eq!(scratch.walk("damaged"), 0, "byte {at}");
    }
}

#[test]
#[cfg(unix)]
fn what_rules_leave_out_is_noticed_at_every_level() {
    let scratch = Scratch::new();
    let files =
        [".gitignore", "root/.ignore", "root/a/.gitignore", "root/a/b/.ignore", "root/.git/info/exclude"];
    for file in files {
        scratch.write(file, "none.py\n");
    }
    Scratch::settle();
    scratch.walk("settled");
    assert_eq!(scratch.walk("known"), 9);
    for file in files {
        // Of the same length, written in its place: no folder changes.
        for rules in ["x.py   \n", "y.py   \n", "b/     \n", "!y.py  \n", "none.py\n"] {
            scratch.write(file, rules);
            assert!(scratch.walk(&format!("{file} says {rules}")) < 9);
        }
        assert_eq!(scratch.walk(file), 9, "what was known holds again");
    }
    fs::remove_file(scratch.0.join(".gitignore")).unwrap();
    assert_eq!(scratch.walk("rules above the root went"), 0);
}

#[test]
#[cfg(unix)]
fn walks_that_remember_find_what_others_find() {
    const FOLDERS: &[&str] = &["root", "root/a", "root/a/b", "root/d", "root/d/e"];
    const NAMES: &[&str] = &["x.py", "y.py", "a", "b", "e", ".gitignore", "pyproject.toml", "q.pyi"];
    let scratch = Scratch::new();
    let mut dice = Dice(SplitMix64::new(11));
    let mut known = 0;
    for step in 0..240 {
        if step % 80 == 79 {
            Scratch::settle();
        }
        let path = format!("{}/{}", dice.roll(FOLDERS), dice.roll(NAMES));
        let there = scratch.0.join(&path);
        match dice.roll(&["write", "remove", "folder", "rename", "nothing"]) {
            "write" if !there.is_dir() && there.parent().unwrap().is_dir() => {
                scratch.write(&path, dice.roll(&["x.py", "a/", "*.py", "!x.py", ""]));
            }
            "remove" if there.is_file() => fs::remove_file(there).unwrap(),
            "remove" => drop(fs::remove_dir(there)),
            "folder" => drop(fs::create_dir(there)),
            "rename" => {
                let other = format!("{}/{}", dice.roll(FOLDERS), dice.roll(NAMES));
                drop(fs::rename(there, scratch.0.join(other)));
            }
            _ => {}
        }
        known += scratch.walk(&format!("step {step}, {path}"));
    }
    assert!(known > 0, "nothing was ever remembered");
}
