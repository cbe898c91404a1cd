use super::*;

fn process(phase: Phase, pid: Option<u32>, last_exit: Option<&str>) -> ProcessEvidence {
    ProcessEvidence {
        process: Process::Redis,
        phase,
        pid,
        suspended: false,
        age_s: 600,
        restarts: 0,
        last_exit: last_exit.map(ToOwned::to_owned),
    }
}

fn native(processes: Vec<ProcessEvidence>, fault: Option<Fault>) -> Evidence {
    Evidence {
        service: ServiceKind::Redis,
        provider: Provider::Native,
        endpoint: Some("redis://127.0.0.1:1/0".to_owned()),
        refused: None,
        processes,
        health: Health::Down,
        fault,
        reason: Some("seen".to_owned()),
        next: None,
        listens: false,
        port_thief: None,
        disk_full: None,
        log: Vec::new(),
        load: 0.2,
    }
}

fn check(evidence: &Evidence, kind: CauseKind, mend: &str) {
    let cause = deduce(evidence).unwrap();
    assert_eq!(cause.kind, kind, "{cause:?}");
    assert!(cause.mend.as_ref().is_some_and(|step| step.contains(mend)), "{cause:?}");
}

#[test]
fn nothing_is_wrong_with_what_is_healthy() {
    let mut evidence = native(vec![process(Phase::Running, Some(7), None)], None);
    evidence.health = Health::Healthy;
    assert_eq!(deduce(&evidence), None);
}

#[test]
fn what_is_not_there_on_purpose() {
    check(&native(vec![process(Phase::Stopped, None, None)], None), CauseKind::NotStarted, "up --only redis");
    let stopped = process(Phase::Stopped, None, Some("stopped: exit status: 0"));
    check(&native(vec![stopped], None), CauseKind::Stopped, "up --only redis");
    let off = Evidence { provider: Provider::Off, ..native(Vec::new(), None) };
    check(&off, CauseKind::NotProvided, "stack.providers.redis");
    let refused = Evidence { refused: Some("no wheel".to_owned()), ..native(Vec::new(), None) };
    check(&refused, CauseKind::NotProvided, "up --yes");
}

#[test]
fn a_suspended_process_is_let_run() {
    let mut stopped = process(Phase::Running, Some(77), None);
    stopped.suspended = true;
    check(&native(vec![stopped], Some(Fault::Hung)), CauseKind::Suspended, "kill -CONT 77");
}

#[test]
fn deaths_by_their_exits() {
    let killed = process(Phase::Restarting, None, Some("signal: 9 (SIGKILL)\nlast words"));
    check(&native(vec![killed], Some(Fault::Gone)), CauseKind::Killed, "up --only redis");
    let exited = process(Phase::Restarting, None, Some("exit status: 1\nBad configuration"));
    check(&native(vec![exited], Some(Fault::Gone)), CauseKind::Exited, "up --only redis");
    let failed = process(Phase::Failed, None, Some("exit status: 1\nBad configuration"));
    check(&native(vec![failed], Some(Fault::Gone)), CauseKind::GivenUp, "up --only redis");
    let back = ProcessEvidence {
        restarts: 1,
        age_s: 2,
        ..process(Phase::Running, Some(8), Some("signal: 9 (SIGKILL)"))
    };
    check(&native(vec![back], Some(Fault::Refused)), CauseKind::Killed, "up --only redis");
}

#[test]
fn what_led_to_a_death_explains_more_than_the_death() {
    let dead = |words: &str| native(vec![process(Phase::Restarting, None, Some(words))], Some(Fault::Gone));
    check(&dead("exit status: 3\njava.lang.OutOfMemoryError: heap"), CauseKind::OutOfMemory, "up --only");
    check(
        &dead("exit status: 1\nWrite error: No space left on device"),
        CauseKind::DiskFull,
        "free some space",
    );
    check(&dead("exit status: 1\nbind: Address already in use"), CauseKind::PortTaken, "up --only");
    let thief = Evidence { port_thief: Some((54_600, 99, "nc -l".to_owned())), ..dead("exit status: 1") };
    check(&thief, CauseKind::PortTaken, "--new-ports");
    assert!(deduce(&thief).unwrap().sentence.contains("pid 99 (nc -l)"));
    let full = Evidence {
        disk_full: Some("the disk at /x is full".to_owned()),
        ..native(vec![process(Phase::Running, Some(7), None)], None)
    };
    check(&full, CauseKind::DiskFull, "free some space");
}

#[test]
fn what_an_old_log_line_says_does_not_explain_a_living_process() {
    let mut evidence = native(vec![process(Phase::Running, Some(7), None)], Some(Fault::Hung));
    evidence.log = vec!["yesterday: No space left on device".to_owned()];
    check(&evidence, CauseKind::Hung, "kill -9 7");
    evidence.load = 9.0;
    check(&evidence, CauseKind::Slow, "top");
}

#[test]
fn what_breaks_long_after_a_restart_is_not_its_consequence() {
    let again = |age_s, fault| {
        let back = ProcessEvidence {
            restarts: 1,
            age_s,
            ..process(Phase::Running, Some(8), Some("signal: 9 (SIGKILL)"))
        };
        Evidence { listens: true, ..native(vec![back], fault) }
    };
    check(&again(2, Some(Fault::Cut)), CauseKind::Killed, "up --only redis");
    check(&again(20, Some(Fault::Cut)), CauseKind::Cut, "--why redis");
    check(&again(20, Some(Fault::Refused)), CauseKind::Cut, "iptables");
    let deaf = Evidence { listens: false, ..again(20, Some(Fault::Refused)) };
    check(&deaf, CauseKind::Killed, "up --only redis");
    check(&again(2, Some(Fault::Credentials)), CauseKind::Credentials, "doctor");
    let late = Evidence { reason: Some(format!("{CLOCK} 60 min ahead of this machine's")), ..again(2, None) };
    check(&late, CauseKind::Clock, "date");
}

#[test]
fn a_killed_process_did_not_end_of_what_its_old_log_tells() {
    let words = "signal: 9 (SIGKILL)\nNo space left on device\nAddress already in use";
    let killed = process(Phase::Restarting, None, Some(words));
    check(&native(vec![killed], Some(Fault::Gone)), CauseKind::Killed, "up --only redis");
}

#[test]
fn what_others_run() {
    let external = |fault| Evidence { provider: Provider::External, ..native(Vec::new(), Some(fault)) };
    check(&external(Fault::Refused), CauseKind::Unreachable, "start the server at redis://127.0.0.1:1/0");
    check(&external(Fault::Credentials), CauseKind::Credentials, "HALLMARK_REDIS_URL");
    check(&external(Fault::Hung), CauseKind::Hung, "restart the server");
    check(&external(Fault::Cut), CauseKind::Cut, "--why redis");
    let crowded =
        Evidence { reason: Some("sorry, too many clients already".to_owned()), ..external(Fault::Wrong) };
    check(&crowded, CauseKind::Exhausted, "hallmark logs redis");
    let unfit = Evidence { next: Some("upgrade it".to_owned()), ..external(Fault::Wrong) };
    check(&unfit, CauseKind::Unfit, "upgrade it");
    let nowhere = Evidence { endpoint: None, ..external(Fault::Refused) };
    check(&nowhere, CauseKind::NotProvided, "export HALLMARK_REDIS_URL");
}

#[test]
fn slow_and_starting() {
    let running = vec![process(Phase::Running, Some(7), None)];
    let slow = Evidence {
        health: Health::Degraded,
        reason: Some("slow: 300 ms".to_owned()),
        ..native(running.clone(), None)
    };
    check(&slow, CauseKind::Slow, "hallmark logs redis");
    let starting = Evidence { health: Health::NotMeasured, ..native(running, Some(Fault::Refused)) };
    check(&starting, CauseKind::Starting, "--watch");
}
