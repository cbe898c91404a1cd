//! Every bound and threshold of the monitors.

use std::time::Duration;

use crate::ServiceKind;

/// How often the processes of a service on this machine are looked at, and PostgreSQL and Redis are asked.
pub const PERIOD: Duration = Duration::from_millis(250);

/// Every how many looks a service is asked: the three for which a request costs more than a glance, half as often.
#[must_use]
pub const fn ask_every(service: ServiceKind) -> u32 {
    match service {
        ServiceKind::Postgres | ServiceKind::Redis => 1,
        ServiceKind::Neo4j | ServiceKind::Chroma | ServiceKind::OpenAi => 2,
    }
}

/// The pause between two checks of a service on another machine.
pub const PERIOD_REMOTE: Duration = Duration::from_secs(1);

/// The pause between two checks of a model API that is not on this machine: every question there is counted by somebody.
pub const PERIOD_REMOTE_API: Duration = Duration::from_secs(15);

/// An answer that takes longer makes the service leave `healthy` at once; it is still waited for. With [`PERIOD`]
/// and [`ask_every`] this keeps the time until a hung service is noticed under a second.
pub const PATIENCE: Duration = Duration::from_millis(400);

/// An answer that takes longer than this counts as none.
pub const HUNG: Duration = Duration::from_secs(3);

/// The same for the model API: a server that generates on a busy machine is not a dead one.
pub const HUNG_API: Duration = Duration::from_secs(10);

/// Failures in a row after which a service is down; what is certain at once (hung, refused credentials) weighs as many.
pub const FAILURES_TO_DOWN: u32 = 3;

/// How long these failures must have lasted: a process that is back sooner was never down.
pub const DOWN_AFTER: Duration = Duration::from_millis(1_000);

/// Answers in a row that make a service healthy again.
pub const ANSWERS_TO_HEALTHY: u32 = 4;

/// The time in which leaving `healthy` again doubles the answers that are asked for.
pub const FLAP_WINDOW: Duration = Duration::from_secs(60);

/// How often they double at most.
pub const FLAP_DOUBLINGS: u32 = 3;

/// The answers that are looked at to call a service slow.
pub const SLOW_WINDOW: usize = 8;

/// So many slow ones among them make it `degraded`.
pub const SLOW_ENTER: usize = 5;

/// No more than so many slow ones among them end it.
pub const SLOW_LEAVE: usize = 1;

/// How long nothing asks a service that refused the credentials: Neo4j locks a user out after three wrong passwords.
pub const CREDENTIALS_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The same where the refusal only says that the user is locked out: Neo4j does it for five seconds.
pub const LOCKED_PAUSE: Duration = Duration::from_secs(10);

/// How often it is looked whether the listener still takes new connections, in checks.
pub const ACCEPT_EVERY: u32 = 20;

/// How often the disk under the data is looked at, in checks.
pub const DISK_EVERY: u32 = 8;

/// Free space under which a disk counts as full; on small disks a twentieth of it.
pub const DISK_LOW_BYTES: u64 = 64 * 1024 * 1024;

/// Free space under which the next writes may fail; on small disks a fiftieth of it.
pub const DISK_OUT_BYTES: u64 = 16 * 1024 * 1024;

/// How far a server's clock may be from this machine's: one that is farther off expires and dates what it should not.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The pause between two full probes of a service that this project runs.
pub const PROBE_EVERY: Duration = Duration::from_secs(5 * 60);

/// The pause between two full probes of what is not ours, and of the model API, which must generate for one.
pub const PROBE_EVERY_SPARING: Duration = Duration::from_secs(30 * 60);

/// The pause before a probe that found something is repeated.
pub const PROBE_AGAIN: Duration = Duration::from_secs(15);

/// How often the addresses are read anew while a service fails.
pub const ADDRESS_EVERY: Duration = Duration::from_secs(5);

/// How long an explanation waits for the keeper of a dead process to say how it ended.
pub const SETTLE_PAUSE: Duration = Duration::from_millis(25);

/// How long an explanation may take in all before a change is told without one.
pub const EXPLAIN: Duration = Duration::from_secs(1);

/// Checks that are condensed over less than this are told in the timeline by the change that ended them.
pub const SAMPLES_SHOWN: Duration = Duration::from_secs(15);

/// How often it looks.
pub const SETTLE_LOOKS: u32 = 12;

/// How often `--why` looks: who asks can wait for two seconds.
pub const WHY_LOOKS: u32 = 80;

/// The time that one line of condensed samples covers in the history.
pub const SAMPLES_EVERY: Duration = Duration::from_secs(60);

/// A history that has grown longer becomes `<service>.jsonl.1`.
pub const HISTORY_BYTES: u64 = 256 * 1024;

/// Lines of the timeline that `--why` shows.
pub const TIMELINE_LINES: usize = 20;

/// Log lines that `--why` shows.
pub const WHY_LOG_LINES: usize = 20;

/// Answers that a snapshot holds, for the little plot.
pub const RECENT: usize = 40;

/// News that wait for one outlet (history, alerts, traces).
pub const NEWS_QUEUE: usize = 256;

/// How long a service on this machine may take for a trivial request before it is called slow.
#[must_use]
pub const fn slow(service: ServiceKind) -> Duration {
    match service {
        ServiceKind::Redis => Duration::from_millis(50),
        ServiceKind::Postgres => Duration::from_millis(100),
        ServiceKind::Neo4j | ServiceKind::Chroma => Duration::from_millis(250),
        ServiceKind::OpenAi => Duration::from_millis(400),
    }
}

/// How long an answer is waited for.
#[must_use]
pub const fn hung(service: ServiceKind) -> Duration {
    match service {
        ServiceKind::OpenAi => HUNG_API,
        _ => HUNG,
    }
}

/// Alerts that wait for one channel.
pub const ALERT_QUEUE: usize = 64;

/// How long one attempt to deliver an alert may take.
pub const ALERT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often an alert is tried.
pub const ALERT_ATTEMPTS: u32 = 3;

/// The pause before the second attempt; it doubles, and is jittered.
pub const ALERT_PAUSE: Duration = Duration::from_secs(1);

/// Connections that the endpoint of metrics serves at a time.
pub const SCRAPES: usize = 8;

/// How long one of them may take.
pub const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Spans that are sent together, and those that wait while nothing can be sent.
pub const SPANS: usize = 512;

/// The pause between two exports of spans.
pub const EXPORT_EVERY: Duration = Duration::from_secs(5);
