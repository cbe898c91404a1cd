use super::*;

fn ledger(acknowledged: &[u64], begun: u64) -> Ledger {
    let path = std::env::temp_dir().join(format!(
        "hallmark-ledger-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    let ledger = Ledger::new(1, ServiceKind::Redis, &path).unwrap();
    for _ in 0..begun {
        ledger.begin();
    }
    for number in acknowledged {
        ledger.acknowledge(*number).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(kept.lines().count(), acknowledged.len(), "each acknowledgement is a line");
    std::fs::remove_file(path).unwrap();
    ledger
}

fn record(ledger: &Ledger, number: u64) -> BTreeMap<u8, String> {
    (0..PARTS).map(|part| (part, ledger.content(number, part))).collect()
}

fn judged(ledger: &Ledger, stored: &Stored) -> Vec<Violation> {
    let page = ledger.page();
    ledger.judge_all(stored, &page, &page, true)
}

#[test]
fn what_is_whole_is_not_complained_about() {
    let ledger = ledger(&[1, 2, 4], 5);
    // 3 was refused, 5 was written and its acknowledgement was lost.
    let stored: Stored = [1, 2, 4, 5].map(|n| (n, record(&ledger, n))).into();
    assert_eq!(judged(&ledger, &stored), []);
}

#[test]
fn a_lost_record_and_a_lost_part_are_losses() {
    let ledger = ledger(&[1, 2], 2);
    let mut stored: Stored = [(1, record(&ledger, 1))].into();
    assert_eq!(judged(&ledger, &stored), [Violation::Lost { number: 2 }]);
    let mut half = record(&ledger, 2);
    half.remove(&1);
    stored.insert(2, half);
    let found = judged(&ledger, &stored);
    assert_eq!(found, [Violation::Lost { number: 2 }]);
    assert!(found[0].is_loss());
}

#[test]
fn an_altered_byte_is_a_wrong_answer_whether_it_was_acknowledged_or_not() {
    let ledger = ledger(&[1], 2);
    for number in [1, 2] {
        let mut stored: Stored = [1, 2].map(|n| (n, record(&ledger, n))).into();
        let got = ledger.content(number, 0).replace('-', "_");
        stored.get_mut(&number).unwrap().insert(0, got.clone());
        let found = judged(&ledger, &stored);
        assert_eq!(found, [Violation::Altered { number, got }]);
        assert!(!found[0].is_loss());
    }
}

#[test]
fn the_content_of_another_record_or_service_is_a_wrong_answer() {
    let ledger = ledger(&[1, 2], 2);
    let stored: Stored = [(1, record(&ledger, 2)), (2, record(&ledger, 2))].into();
    assert_eq!(judged(&ledger, &stored).len(), 2, "both parts of 1 are those of 2");
    let path = std::env::temp_dir().join(format!("hallmark-ledger-other-{}", std::process::id()));
    let other = Ledger::new(1, ServiceKind::Postgres, &path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_ne!(other.content(1, 0), ledger.content(1, 0));
}

#[test]
fn half_a_transaction_and_what_nobody_wrote_are_wrong() {
    let ledger = ledger(&[1], 2);
    let mut stored: Stored = [1, 2].map(|n| (n, record(&ledger, n))).into();
    stored.get_mut(&2).unwrap().remove(&0);
    assert_eq!(judged(&ledger, &stored), [Violation::Torn { number: 2 }]);
    let page = ledger.page();
    assert_eq!(ledger.judge_all(&stored, &page, &page, false), [], "a store without transactions may");
    let stored: Stored = [1, 9].map(|n| (n, record(&ledger, n))).into();
    assert_eq!(judged(&ledger, &stored), [Violation::Invented { number: 9 }]);
}

#[test]
fn a_stale_answer_is_wrong_unless_it_says_so() {
    let judge = |got, source| Ledger::judge_register(got, 7, 9, source);
    assert_eq!(judge(Some(7), Source::Unlabelled), []);
    assert_eq!(judge(Some(9), Source::Unlabelled), [], "written, and not yet acknowledged");
    assert_eq!(judge(Some(6), Source::Unlabelled), [Violation::Stale { got: 6, acknowledged: 7 }]);
    assert_eq!(judge(None, Source::Unlabelled), [Violation::Stale { got: 0, acknowledged: 7 }]);
    assert_eq!(judge(Some(6), Source::Labelled), []);
    assert_eq!(judge(Some(10), Source::Labelled), [Violation::Invented { number: 10 }]);
}
