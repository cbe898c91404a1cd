use super::*;

const SLOW: Duration = Duration::from_millis(100);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A machine, and the time of its next observation: one every period.
struct Run {
    machine: Machine,
    at: Duration,
    changes: Vec<(Duration, Change)>,
}

impl Run {
    fn new() -> Self {
        Self { machine: Machine::new(SLOW), at: Duration::ZERO, changes: Vec::new() }
    }

    fn healthy() -> Self {
        let mut run = Self::new();
        run.see(&Beat::Answered(ms(1)), 8);
        assert_eq!(run.machine.health(), Health::Healthy);
        run.changes.clear();
        run
    }

    fn see(&mut self, beat: &Beat, times: u32) {
        for _ in 0..times {
            self.at += limits::PERIOD;
            let change = self.machine.observe(self.at, beat, false);
            self.changes.extend(change.map(|change| (self.at, change)));
        }
    }

    fn path(&self) -> Vec<Health> {
        self.changes.iter().map(|(_, change)| change.to).collect()
    }
}

fn failed(fault: Fault) -> Beat {
    Beat::Failed(fault, "seen".to_owned())
}

#[test]
fn a_dead_service_leaves_healthy_at_the_first_failure_and_is_down_after_confirmation() {
    let mut run = Run::healthy();
    let began = run.at;
    run.see(&failed(Fault::Refused), 8);
    assert_eq!(run.path(), [Health::Degraded, Health::Down]);
    assert_eq!(run.changes[0].0 - began, limits::PERIOD);
    let down = run.changes[1].0 - run.changes[0].0;
    assert!(down >= limits::DOWN_AFTER && down < ms(1_500), "{down:?}");
    assert_eq!(run.changes[0].1.fault, Some(Fault::Refused));
}

#[test]
fn a_process_that_is_back_soon_was_never_down() {
    let mut run = Run::healthy();
    run.see(&failed(Fault::Gone), 3);
    run.see(&Beat::Answered(ms(1)), 20);
    assert_eq!(run.path(), [Health::Degraded, Health::Healthy]);
}

#[test]
fn a_hung_service_is_noticed_while_its_answer_is_still_awaited() {
    let mut run = Run::healthy();
    run.see(&Beat::Late, 1);
    assert_eq!(run.path(), [Health::Degraded]);
    run.see(&failed(Fault::Hung), 1);
    assert_eq!(
        run.path(),
        [Health::Degraded, Health::Down],
        "what was waited for long needs no confirmation"
    );
}

#[test]
fn a_busy_server_that_answers_late_is_degraded_and_never_down() {
    let mut run = Run::healthy();
    for _ in 0..100 {
        run.see(&Beat::Late, 1);
        run.see(&Beat::Answered(ms(900)), 1);
    }
    assert_eq!(run.path(), [Health::Degraded]);
    assert!(
        run.machine.reason().unwrap().starts_with("slow") || run.machine.reason().unwrap().contains("500")
    );
}

#[test]
fn slowness_is_a_habit_and_one_slow_answer_is_none() {
    let mut run = Run::healthy();
    run.see(&Beat::Answered(ms(400)), 1);
    run.see(&Beat::Answered(ms(1)), 8);
    assert!(run.path().is_empty());
    run.see(&Beat::Answered(ms(400)), 8);
    assert_eq!(run.path(), [Health::Degraded]);
    assert!(run.machine.reason().unwrap().contains("400 ms"), "{:?}", run.machine.reason());
    run.see(&Beat::Answered(ms(1)), 12);
    assert_eq!(run.path(), [Health::Degraded, Health::Healthy]);
}

#[test]
fn what_was_down_passes_through_degraded_and_has_to_prove_itself() {
    let mut run = Run::healthy();
    run.see(&failed(Fault::Refused), 10);
    run.see(&Beat::Answered(ms(1)), 1);
    assert_eq!(run.machine.health(), Health::Degraded);
    run.see(&Beat::Answered(ms(1)), limits::ANSWERS_TO_HEALTHY - 2);
    assert_eq!(run.machine.health(), Health::Degraded);
    run.see(&Beat::Answered(ms(1)), 1);
    assert_eq!(run.machine.health(), Health::Healthy);
}

#[test]
fn one_that_comes_and_goes_is_believed_later_each_time() {
    let mut run = Run::healthy();
    let mut waits = Vec::new();
    for _ in 0..5 {
        run.see(&failed(Fault::Cut), 1);
        let mut answers = 0;
        while run.machine.health() != Health::Healthy {
            run.see(&Beat::Answered(ms(1)), 1);
            answers += 1;
        }
        waits.push(answers);
    }
    assert_eq!(waits, [4, 8, 16, 32, 32]);
    run.see(&Beat::Answered(ms(1)), 400);
    run.see(&failed(Fault::Cut), 1);
    run.see(&Beat::Answered(ms(1)), 4);
    assert_eq!(run.machine.health(), Health::Healthy, "old relapses are forgotten");
}

#[test]
fn a_first_start_may_take_its_time_and_a_later_one_may_not() {
    let mut run = Run::new();
    for _ in 0..100 {
        run.at += limits::PERIOD;
        assert_eq!(run.machine.observe(run.at, &failed(Fault::Refused), true), None);
    }
    assert_eq!(run.machine.health(), Health::NotMeasured);
    assert!(run.machine.reason().unwrap().starts_with("starting: "));
    run.see(&failed(Fault::Refused), 8);
    assert_eq!(run.machine.health(), Health::Down);
}

#[test]
fn a_finding_stands_until_it_is_withdrawn() {
    let mut run = Run::healthy();
    let finding = Finding { health: Health::Degraded, reason: "the disk is full".to_owned() };
    assert_eq!(run.machine.find(run.at, Some(finding)).unwrap().to, Health::Degraded);
    run.see(&Beat::Answered(ms(1)), 50);
    assert_eq!((run.machine.health(), run.machine.reason()), (Health::Degraded, Some("the disk is full")));
    run.see(&failed(Fault::Refused), 10);
    assert_eq!((run.machine.health(), run.machine.reason()), (Health::Down, Some("seen")));
    run.see(&Beat::Answered(ms(1)), 50);
    assert_eq!(run.machine.find(run.at, None).unwrap().to, Health::Healthy);
}

#[test]
fn resting_is_not_being_down() {
    let mut run = Run::healthy();
    let change = run.machine.rest(run.at, "stopped on purpose").unwrap();
    assert_eq!((change.to, change.reason.as_str()), (Health::NotMeasured, "stopped on purpose"));
    assert_eq!(run.machine.rest(run.at, "stopped on purpose"), None);
    assert!(run.machine.find(run.at, None).is_none());
}

/// Whatever is observed: changes join end to end, healthy is only reached by answers and only kept without failures.
#[test]
fn no_sequence_of_observations_breaks_the_rules() {
    let mut seed = 7_u64;
    let mut next = move |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for _ in 0..300 {
        let mut run = Run::new();
        let mut shown = Health::NotMeasured;
        // Phases of one temper each, as faults come.
        for _ in 0..12 {
            let (temper, length) = (next(6), 1 + next(30));
            for _ in 0..length {
                let beat = match (temper, next(10)) {
                    (0, _) | (1, 0..9) => Beat::Answered(ms(next(90))),
                    (2, _) | (1, _) => Beat::Answered(ms(150 + next(2_000))),
                    (3, 0..5) => Beat::Late,
                    (3 | 4, _) => {
                        failed([Fault::Gone, Fault::Refused, Fault::Hung, Fault::Wrong][next(4) as usize])
                    }
                    _ => Beat::Cut("cut".to_owned()),
                };
                run.at += ms(1 + next(400));
                let change = run.machine.observe(run.at, &beat, next(20) == 0);
                if let Some(change) = change {
                    assert_eq!(change.from, shown);
                    assert_ne!(change.from, change.to);
                    assert_eq!(
                        change.to == Health::Healthy,
                        matches!(beat, Beat::Answered(_)) && change.to == Health::Healthy
                    );
                    assert!(
                        !(change.from == Health::Down && change.to == Health::Healthy),
                        "never at one stroke"
                    );
                    assert!(!change.reason.is_empty());
                    shown = change.to;
                }
                assert_eq!(run.machine.health(), shown);
                assert_eq!(run.machine.reason().is_none(), shown == Health::Healthy);
                if !matches!(beat, Beat::Answered(_)) {
                    assert_ne!(shown, Health::Healthy, "no failure leaves a service healthy: {beat:?}");
                }
            }
        }
        // Whatever was before, a service that answers in time becomes healthy, and a dead one is down.
        run.see(&Beat::Answered(ms(1)), 60);
        assert_eq!(run.machine.health(), Health::Healthy);
        run.see(&failed(Fault::Refused), 8);
        assert_eq!(run.machine.health(), Health::Down);
    }
}
