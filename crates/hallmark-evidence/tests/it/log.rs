use std::path::{Path, PathBuf};

use hallmark_evidence::{Head, Log, codes, log::KIND_RECOVERED};
use serde_json::json;

use crate::Scratch;

fn filled(scratch: &Scratch, entries: u32) -> PathBuf {
    let path = scratch.path().join("evidence.jsonl");
    let mut log = Log::open(&path).unwrap();
    for n in 0..entries {
        log.append("evidence", json!({"n": n, "ratio": 1.0 / 3.0, "text": "ä\n\u{1f600}"})).unwrap();
    }
    path
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn rewrite(path: &Path, lines: &[String]) {
    let text = lines.iter().fold(String::new(), |all, line| all + line + "\n");
    hallmark_core::fs::write_atomic(path, text.as_bytes(), hallmark_core::fs::Mode::Default).unwrap();
}

fn defect_line(path: &Path) -> Option<u64> {
    Log::verify(path).unwrap().defect.map(|d| d.line)
}

#[test]
fn an_untouched_log_holds_and_is_read_back() {
    let scratch = Scratch::new();
    let path = filled(&scratch, 5);
    let verification = Log::verify(&path).unwrap();
    assert!(verification.holds(), "{verification:?}");
    assert_eq!((verification.entries, verification.head.seq), (5, 5));
    assert_eq!(Log::read(&path).unwrap()[4].body["n"], json!(4));
}

#[test]
fn every_single_altered_byte_is_found_in_its_line() {
    let scratch = Scratch::new();
    let path = filled(&scratch, 3);
    let bytes = std::fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        hallmark_core::fs::write_atomic(&path, &changed, hallmark_core::fs::Mode::Default).unwrap();
        let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count() as u64;
        assert_eq!(defect_line(&path), Some(line), "byte {at}");
    }
}

#[test]
fn removed_reordered_and_duplicated_lines_are_found() {
    let scratch = Scratch::new();
    let path = filled(&scratch, 4);
    let whole = lines(&path);
    for removed in 0..4 {
        let mut some = whole.clone();
        some.remove(removed);
        rewrite(&path, &some);
        assert_eq!(defect_line(&path), Some(removed as u64 + 1), "line {removed} removed");
    }
    for swapped in 0..3 {
        let mut some = whole.clone();
        some.swap(swapped, swapped + 1);
        rewrite(&path, &some);
        assert_eq!(defect_line(&path), Some(swapped as u64 + 1), "line {swapped} swapped");
    }
    let mut twice = whole.clone();
    twice.insert(2, whole[1].clone());
    rewrite(&path, &twice);
    assert_eq!(defect_line(&path), Some(3));
    rewrite(&path, &whole);
    assert_eq!(defect_line(&path), None);
}

#[test]
fn an_entry_forged_with_a_right_hash_breaks_the_chain_behind_it() {
    let scratch = Scratch::new();
    let path = filled(&scratch, 3);
    let whole = lines(&path);
    let other = Scratch::new();
    let forged = other.path().join("evidence.jsonl");
    let mut log = Log::open(&forged).unwrap();
    log.append("evidence", json!({"n": 0})).unwrap();
    let mut some = whole;
    some[0] = lines(&forged)[0].clone();
    rewrite(&path, &some);
    assert_eq!(defect_line(&path), Some(2));
}

#[test]
fn a_torn_last_line_is_cut_off_and_told() {
    let scratch = Scratch::new();
    let path = filled(&scratch, 2);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"at\":\"2026-11-24T2");
    hallmark_core::fs::write_atomic(&path, &bytes, hallmark_core::fs::Mode::Default).unwrap();
    assert_eq!(defect_line(&path), Some(3));
    let mut log = Log::open(&path).unwrap();
    assert!(log.recovered().unwrap().contains("19 bytes"), "{:?}", log.recovered());
    log.append("evidence", json!({"n": 2})).unwrap();
    assert!(Log::verify(&path).unwrap().holds());
    let kinds: Vec<_> = Log::read(&path).unwrap().into_iter().map(|e| e.kind).collect();
    assert_eq!(kinds, ["evidence", "evidence", KIND_RECOVERED, "evidence"]);
}

#[test]
fn a_cut_line_that_was_once_whole_is_no_crash() {
    let scratch = Scratch::new();
    let path = filled(&scratch, 2);
    let bytes = std::fs::read(&path).unwrap();
    hallmark_core::fs::write_atomic(&path, &bytes[..bytes.len() - 9], hallmark_core::fs::Mode::Default)
        .unwrap();
    assert!(Log::open(&path).unwrap_err().is(&codes::LOG_ALTERED));
}

#[test]
fn a_log_passes_through_the_head_of_its_certificate_or_is_another() {
    let scratch = Scratch::new();
    let path = filled(&scratch, 2);
    let issued = Log::verify(&path).unwrap().head;
    Log::open(&path).unwrap().append("evidence", json!({"later": true})).unwrap();
    assert!(Log::verify_from(&path, &issued).unwrap().holds());
    let stranger = Head { hash: "f".repeat(64), ..issued };
    assert_eq!(Log::verify_from(&path, &stranger).unwrap().defect.unwrap().line, 2);
}

#[test]
fn writers_that_come_at_once_make_one_chain() {
    let scratch = Scratch::new();
    let path = scratch.path().join("evidence.jsonl");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let mut log = Log::open(path).unwrap();
                for n in 0..10 {
                    log.append("evidence", json!({"writer": writer, "n": n})).unwrap();
                }
            });
        }
    });
    let verification = Log::verify(&path).unwrap();
    assert!(verification.holds(), "{verification:?}");
    assert_eq!(verification.entries, 40);
}

#[test]
fn an_entry_beyond_the_bound_is_refused_and_the_log_is_as_it_was() {
    let scratch = Scratch::new();
    let path = filled(&scratch, 1);
    let mut log = Log::open(&path).unwrap();
    let large = "x".repeat(hallmark_evidence::limits::LOG_LINE_BYTES_MAX);
    assert!(log.append("evidence", json!(large)).unwrap_err().is(&codes::ENTRY_TOO_LARGE));
    assert_eq!(Log::verify(&path).unwrap().entries, 1);
}
