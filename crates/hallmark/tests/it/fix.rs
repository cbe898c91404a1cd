//! `check --fix`, `--diff` and `undo`: what is mended, what is written, and that it all comes back.

use std::process::{Command, Output};

use crate::support::{Folder, all, code, out};

const SOURCE: &str = "from kailash.workflow.builder import WorkflowBuilder\n\nflow = WorkflowBuilder()\nflow.addNode(\"A\", \"café\")\n";

fn run(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hallmark"))
        .args(arguments)
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

fn read(folder: &Folder, name: &str) -> Vec<u8> {
    std::fs::read(folder.path().join(name)).unwrap()
}

/// The same text in the forms that files come in.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let latin: Vec<u8> =
        format!("# coding: latin-1\n{SOURCE}").chars().map(|c| u8::try_from(c).unwrap()).collect();
    vec![
        ("plain.py", SOURCE.as_bytes().to_vec()),
        ("marked.py", [b"\xef\xbb\xbf", SOURCE.as_bytes()].concat()),
        ("windows.py", SOURCE.replace('\n', "\r\n").into_bytes()),
        ("unended.py", SOURCE.trim_end().as_bytes().to_vec()),
        ("latin.py", latin),
    ]
}

/// The bytes with one name in the place of another.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len()).position(|w| w == old).unwrap();
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

#[test]
fn fixes_are_shown_written_and_taken_back_byte_for_byte() {
    let folder = Folder::new();
    folder.write("hallmark.toml", b"");
    for (name, bytes) in forms() {
        folder.write(name, &bytes);
    }
    let found = run(&folder, &["check", "--select", "camel-case-method"]);
    assert!(all(&found).contains("5 fixable with --fix"), "{}", all(&found));
    let diff = run(&folder, &["check", "--select", "camel-case-method", "--diff"]);
    assert_eq!(code(&diff), 1, "{}", all(&diff));
    assert!(out(&diff).contains("--- a/plain.py\n+++ b/plain.py\n@@ -1,4 +1,4 @@\n"), "{}", out(&diff));
    assert!(out(&diff).contains("-flow.addNode(\"A\", \"café\")\n+flow.add_node(\"A\", \"café\")\n"));
    for (name, bytes) in forms() {
        assert_eq!(read(&folder, name), bytes, "--diff writes nothing: {name}");
    }
    let fixed = run(&folder, &["check", "--select", "camel-case-method", "--fix"]);
    assert_eq!(code(&fixed), 0, "{}", all(&fixed));
    assert!(all(&fixed).contains("5 findings fixed in 5 files"), "{}", all(&fixed));
    for (name, bytes) in forms() {
        assert_eq!(read(&folder, name), replaced(&bytes, b"addNode", b"add_node"), "{name}");
    }
    let clean = run(&folder, &["check", "--select", "camel-case-method", "--diff"]);
    assert_eq!((code(&clean), out(&clean)), (0, String::new()));
    let list = run(&folder, &["undo", "--list"]);
    assert!(out(&list).contains("written") && out(&list).contains("camel-case-method"), "{}", out(&list));
    let undone = run(&folder, &["undo"]);
    assert_eq!(code(&undone), 0, "{}", all(&undone));
    for (name, bytes) in forms() {
        assert_eq!(read(&folder, name), bytes, "{name}");
    }
    let again = run(&folder, &["undo"]);
    assert_eq!(code(&again), 2);
    assert!(all(&again).contains("HM-F010"), "{}", all(&again));
}

#[test]
fn later_work_is_not_undone() {
    let folder = Folder::new();
    folder.write("hallmark.toml", b"");
    folder.write("flow.py", SOURCE.as_bytes());
    assert_eq!(code(&run(&folder, &["check", "--select", "camel-case-method", "--fix"])), 0);
    let later = [&read(&folder, "flow.py")[..], b"# more\n"].concat();
    folder.write("flow.py", &later);
    let undone = run(&folder, &["undo"]);
    assert_eq!(code(&undone), 1);
    assert!(all(&undone).contains("HM-F011"), "{}", all(&undone));
    assert_eq!(read(&folder, "flow.py"), later);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    folder.write("hallmark.toml", b"");
    folder.write("flow.py", SOURCE.as_bytes());
    folder.write("other.py", SOURCE.as_bytes());
    let path = folder.path().join("flow.py");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let fixed = run(&folder, &["check", "--select", "camel-case-method", "--fix"]);
    assert_eq!(code(&fixed), 1, "{}", all(&fixed));
    assert!(all(&fixed).contains("HM-F003"), "{}", all(&fixed));
    assert!(all(&fixed).contains("1 finding fixed in 1 file, 1 left unfixed"), "{}", all(&fixed));
    assert_eq!(read(&folder, "flow.py"), SOURCE.as_bytes());
    assert_ne!(read(&folder, "other.py"), SOURCE.as_bytes());
}

#[test]
fn a_file_that_cannot_be_parsed_ends_a_diff_as_it_ends_a_check() {
    let folder = Folder::new();
    folder.write("hallmark.toml", b"");
    folder.write("bad.py", b"def f(:\n");
    assert_eq!(code(&run(&folder, &["check"])), 3);
    let shown = run(&folder, &["check", "--diff"]);
    assert_eq!(code(&shown), 3, "{}", all(&shown));
    assert!(all(&shown).contains("bad.py:1: problem[HM-P001]"), "{}", all(&shown));
    assert_eq!(code(&run(&folder, &["check", "--diff", "--exit-zero"])), 0);
    // What can be mended is shown all the same.
    folder.write("a.py", SOURCE.as_bytes());
    let shown = run(&folder, &["check", "--diff"]);
    assert!(code(&shown) == 3 && out(&shown).contains("+flow.add_node("), "{}", all(&shown));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_the_standard_output_is_told() {
    let folder = Folder::new();
    folder.write("hallmark.toml", b"");
    let to = |sink: std::process::Stdio, format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallmark"));
        command.args(["check", "--format", format]).current_dir(folder.path()).stdout(sink).output().unwrap()
    };
    for format in ["json", "full"] {
        let full = to(std::fs::File::options().write(true).open("/dev/full").unwrap().into(), format);
        assert_eq!(code(&full), 3, "{}", all(&full));
        assert_eq!(all(&full).matches("error[HM-C011]").count(), 1, "{}", all(&full));
        // A reader that has had enough is none.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = to(writer.into(), format);
        assert_eq!((code(&closed), all(&closed).contains("error[")), (0, false), "{}", all(&closed));
    }
}

#[test]
fn paths_do_not_move_the_project_to_where_they_are() {
    let folder = Folder::new();
    folder.write("pyproject.toml", b"[project]\nname = \"shop\"\ndependencies = [\"pytest\"]\n");
    folder.write("shop/__init__.py", b"");
    folder.write("shop/cart.py", b"def total():\n    return 1\n");
    folder.write(
        "tests/integration/test_cart.py",
        b"from shop.cart import total\n\n\ndef test_total():\n    assert total() == 1\n",
    );
    for paths in [&["tests"][..], &["tests/integration"], &["shop", "tests"], &[]] {
        let checked = run(&folder, &[&["check"][..], paths].concat());
        assert_eq!(code(&checked), 0, "{paths:?}: {}", all(&checked));
        assert!(out(&checked).contains("0 violations in 0 files"), "{paths:?}: {}", all(&checked));
    }
    assert!(!folder.path().join("tests/.hallmark").exists());
    assert!(!folder.path().join("tests/integration/.hallmark").exists());
    // What lies elsewhere is told with its path as it is.
    let elsewhere = Folder::new();
    let path = elsewhere.path().to_str().unwrap();
    let checked = run(&folder, &["check", "--project", ".", path]);
    assert_eq!(code(&checked), 3);
    assert!(
        out(&checked).contains(path) && !out(&checked).contains(&format!("/{path}")),
        "{}",
        all(&checked)
    );
}
