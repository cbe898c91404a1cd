use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hallmark_core::fs::write_unsynced;
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

/// A small generator (SplitMix64): the same trees in every run.
struct Dice(u64);

impl Dice {
    fn roll<'a>(&mut self, sides: &[&'a str]) -> &'a str {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        sides[usize::try_from((mixed >> 33) % sides.len() as u64).unwrap()]
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
    let mut dice = Dice(7);
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
