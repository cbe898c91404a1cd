//! What is not written, and what is not undone.

use hallmark_fix::{Transaction, codes, journal, undo};

use crate::support::{Folder, change};

#[test]
fn only_what_was_scanned_is_written() {
    let folder = Folder::new();
    folder.write("a.py", b"a = 1\n");
    folder.write("b.py", b"b = 2  # edited meanwhile\n");
    let project = folder.project();
    let changes = vec![change("a.py", b"a = 1\n", b"a = 2\n"), change("b.py", b"b = 1\n", b"b = 3\n")];
    let written = Transaction::new(&project, changes).commit(&mut |_| {}).unwrap();
    assert_eq!(written.files, ["a.py"]);
    assert!(written.refused[0].is(&codes::CHANGED));
    assert_eq!(folder.read("b.py"), b"b = 2  # edited meanwhile\n");
}

#[cfg(unix)]
#[test]
fn links_out_of_the_project_and_read_only_files_are_left() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (folder, other) = (Folder::new(), Folder::new());
    let outside = other.write("shared.py", b"x = 1\n");
    symlink(&outside, folder.path().join("link.py")).unwrap();
    symlink(other.path(), folder.path().join("folder")).unwrap();
    let locked = folder.write("locked.py", b"x = 1\n");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o444)).unwrap();
    let script = folder.write("script.py", b"x = 1\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("script.py", folder.path().join("inside.py")).unwrap();
    let project = folder.project();
    let names = ["link.py", "folder/shared.py", "../shared.py", "locked.py", "gone.py", "inside.py"];
    let changes = names.iter().map(|n| change(n, b"x = 1\n", b"x = 2\n")).collect();
    let written = Transaction::new(&project, changes).commit(&mut |_| {}).unwrap();
    let refused: Vec<&str> = written.refused.iter().map(|e| e.code().id).collect();
    assert_eq!(refused, ["HM-F002", "HM-F002", "HM-F001", "HM-F003", "HM-F001"]);
    assert_eq!(written.files, ["script.py"], "a link inside the project is followed, and stays a link");
    assert!(folder.path().join("inside.py").is_symlink());
    assert_eq!(std::fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read(outside).unwrap(), b"x = 1\n");
    undo::undo(&project, None).unwrap();
    assert_eq!(folder.read("script.py"), b"x = 1\n");
    assert_eq!(std::fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn undoing_refuses_to_lose_later_work() {
    let folder = Folder::new();
    folder.write("a.py", b"1\n");
    folder.write("b.py", b"1\n");
    let project = folder.project();
    let both =
        |before: &[u8], after: &[u8]| vec![change("a.py", before, after), change("b.py", before, after)];
    let first = Transaction::new(&project, both(b"1\n", b"2\n")).commit(&mut |_| {}).unwrap().run.unwrap();
    std::thread::sleep(std::time::Duration::from_millis(5));
    let second = Transaction::new(&project, both(b"2\n", b"3\n")).commit(&mut |_| {}).unwrap().run.unwrap();
    let error = undo::undo(&project, Some(&first)).unwrap_err();
    assert!(error.is(&codes::CHANGED_SINCE));
    assert_eq!(error.next_step(), Some(&*format!("hallmark undo {second}")));
    folder.write("b.py", b"by hand\n");
    assert!(undo::undo(&project, None).unwrap_err().is(&codes::CHANGED_SINCE));
    assert_eq!(folder.read("a.py"), b"3\n", "all files or none");
    folder.write("b.py", b"3\n");
    assert_eq!(undo::undo(&project, None).unwrap().run, second);
    assert_eq!(undo::undo(&project, None).unwrap().run, first);
    assert_eq!((folder.read("a.py"), folder.read("b.py")), (b"1\n".to_vec(), b"1\n".to_vec()));
    assert!(undo::undo(&project, Some("20260101t000000-none")).unwrap_err().is(&codes::NO_RUN));
}

#[test]
fn a_damaged_journal_changes_nothing() {
    let folder = Folder::new();
    folder.write("a.py", b"1\n");
    let project = folder.project();
    let run = Transaction::new(&project, vec![change("a.py", b"1\n", b"2\n")]).commit(&mut |_| {}).unwrap();
    let run = format!(".hallmark/journal/{}", run.run.unwrap());
    let kept = journal::runs(&project).unwrap()[0].manifest.files[0].before.clone();
    folder.write(&format!("{run}/objects/{kept}"), b"something else");
    assert!(undo::undo(&project, None).unwrap_err().is(&codes::DAMAGED));
    assert_eq!(folder.read("a.py"), b"2\n");
    folder.write(&format!("{run}/manifest.json"), b"{\"schema\": 1}");
    assert!(undo::undo(&project, None).unwrap_err().is(&codes::DAMAGED));
}

#[test]
fn one_process_writes_at_a_time() {
    let folder = Folder::new();
    folder.write("a.py", b"1\n");
    let project = folder.project();
    let held = journal::Journal::open(&project).unwrap();
    let changes = vec![change("a.py", b"1\n", b"2\n")];
    let error = Transaction::new(&project, changes.clone()).commit(&mut |_| {}).unwrap_err();
    assert!(error.is(&codes::BUSY));
    drop(held);
    assert!(Transaction::new(&project, changes).commit(&mut |_| {}).is_ok());
}
