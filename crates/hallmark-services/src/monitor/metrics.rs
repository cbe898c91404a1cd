//! Everything that is measured, in Prometheus's text format 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Health, Snapshot};
use crate::resilience::{BreakerState, Count, Standing};
use crate::stack::Record;
use crate::{ServiceKind, platform};

/// The content type of the format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) records: Vec<Record>,
    /// Free bytes on the disk under the data, if there are data.
    pub(crate) disk_free: Option<u64>,
    /// Alerts by channel and outcome.
    pub(crate) alerts: BTreeMap<(&'static str, &'static str), u64>,
    /// News that an outlet was too slow for.
    pub(crate) news_lost: u64,
    /// What the living processes of the project say of their answers.
    pub(crate) standing: Vec<Standing>,
}

/// A text that grows by whole families.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP hallmark_{name} {help}\n# TYPE hallmark_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let value = if value.is_infinite() { "+Inf".to_owned() } else { value.to_string() };
        let _ = writeln!(self.0, "hallmark_{name}{labels} {value}");
    }
}

/// The text.
pub(crate) fn render(told: &Told) -> String {
    let mut page = Page(String::with_capacity(16 * 1024));
    page.family("build_info", "gauge", "The version of Hallmark that measures.");
    page.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    states(&mut page, &told.snapshots);
    checks(&mut page, &told.snapshots);
    latencies(&mut page, &told.snapshots);
    processes(&mut page, &told.records);
    if let Some(free) = told.disk_free {
        page.family("disk_free_bytes", "gauge", "Free bytes on the disk under the services' data.");
        page.sample("disk_free_bytes", &[], free as f64);
    }
    page.family("alerts_total", "counter", "Alerts by channel and outcome.");
    for ((channel, outcome), count) in &told.alerts {
        page.sample("alerts_total", &[("channel", channel), ("outcome", outcome)], *count as f64);
    }
    page.family("news_lost_total", "counter", "News that the history, alerts or traces were too slow for.");
    page.sample("news_lost_total", &[], told.news_lost as f64);
    answers(&mut page, &told.standing);
    page.0
}

fn states(page: &mut Page, all: &[Snapshot]) {
    page.family("service_state", "gauge", "1 for the state that the service is in, 0 for the others.");
    for snapshot in all {
        for health in Health::ALL {
            let labels = [("service", snapshot.service.name()), ("state", health.name())];
            page.sample("service_state", &labels, f64::from(u8::from(snapshot.health == health)));
        }
    }
    page.family("service_state_since_timestamp_seconds", "gauge", "When the service entered its state.");
    for snapshot in all {
        let since: Option<jiff::Timestamp> = snapshot.since.parse().ok();
        if let Some(since) = since {
            let labels = [("service", snapshot.service.name())];
            let seconds = since.as_millisecond() as f64 / 1e3;
            page.sample("service_state_since_timestamp_seconds", &labels, seconds);
        }
    }
    page.family("service_state_entered_total", "counter", "How often the service entered the state.");
    for snapshot in all {
        for health in Health::ALL {
            let labels = [("service", snapshot.service.name()), ("state", health.name())];
            let count = snapshot.entered.get(&health).copied().unwrap_or(0);
            page.sample("service_state_entered_total", &labels, count as f64);
        }
    }
}

/// Who answers the reads of the project's processes, summed over those that live.
fn answers(page: &mut Page, all: &[Standing]) {
    let of = |service| all.iter().filter_map(move |standing| standing.services.get(&service));
    let sum = |service, count: fn(&Count) -> u64| of(service).map(count).sum::<u64>() as f64;
    page.family(
        "answers_total",
        "counter",
        "Reads by who answered them: the service itself, a replica or a fallback.",
    );
    for service in ServiceKind::ALL {
        let label = |source, name| [("service", service.name()), ("source", source), ("name", name)];
        page.sample("answers_total", &label("primary", "primary"), sum(service, |count| count.primary));
        page.sample("answers_total", &label("replica", "replica"), sum(service, |count| count.replica));
        let mut stands: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, count) in of(service).flat_map(|count| &count.fallback) {
            *stands.entry(name).or_default() += count;
        }
        for (name, count) in stands {
            page.sample("answers_total", &label("fallback", name), count as f64);
        }
    }
    page.family(
        "fallback_oldest_seconds",
        "gauge",
        "The largest age of an answer that stood in for the service.",
    );
    for service in ServiceKind::ALL {
        let oldest = of(service).map(|count| count.oldest_ms).max().unwrap_or(0);
        page.sample("fallback_oldest_seconds", &[("service", service.name())], oldest as f64 / 1e3);
    }
    page.family("circuit_state", "gauge", "Processes whose circuit to the service is in the state.");
    for service in ServiceKind::ALL {
        for state in BreakerState::ALL {
            let labels = [("service", service.name()), ("state", state.name())];
            let count = of(service).filter(|count| count.breaker == Some(state)).count();
            page.sample("circuit_state", &labels, count as f64);
        }
    }
    page.family("circuit_opened_total", "counter", "How often a circuit to the service opened.");
    for service in ServiceKind::ALL {
        let labels = [("service", service.name())];
        page.sample("circuit_opened_total", &labels, sum(service, |count| count.opened));
    }
    page.family(
        "slow_statements_total",
        "counter",
        "Statements of nodes that were slow enough to be written down.",
    );
    let postgres = ServiceKind::Postgres;
    let labels = [("service", postgres.name())];
    page.sample("slow_statements_total", &labels, sum(postgres, |count| count.slow));
    page.family("bulkhead_full_total", "counter", "Requests that found no place on the way to the service.");
    for service in ServiceKind::ALL {
        page.sample("bulkhead_full_total", &[("service", service.name())], sum(service, |count| count.full));
    }
}

fn checks(page: &mut Page, all: &[Snapshot]) {
    page.family(
        "service_checks_total",
        "counter",
        "Light checks by outcome; a late one that is answered in the end counts as answered too.",
    );
    for snapshot in all {
        let checks = snapshot.checks;
        let outcomes = [
            ("answered", checks.answered),
            ("late", checks.late),
            ("failed", checks.failed),
            ("cut", checks.cut),
        ];
        for (outcome, count) in outcomes {
            let labels = [("service", snapshot.service.name()), ("outcome", outcome)];
            page.sample("service_checks_total", &labels, count as f64);
        }
    }
}

fn latencies(page: &mut Page, all: &[Snapshot]) {
    let name = "service_check_duration_seconds";
    page.family(name, "histogram", "How long a trivial request to the service took.");
    for snapshot in all {
        let service = snapshot.service.name();
        for (bound, count) in snapshot.latency.cumulative() {
            let bound = if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() };
            let labels = [("service", service), ("le", bound.as_str())];
            page.sample(&format!("{name}_bucket"), &labels, count as f64);
        }
        page.sample(&format!("{name}_sum"), &[("service", service)], snapshot.latency.sum_seconds());
        page.sample(&format!("{name}_count"), &[("service", service)], snapshot.latency.count() as f64);
    }
}

fn processes(page: &mut Page, records: &[Record]) {
    page.family("process_up", "gauge", "Whether the process of the stack runs.");
    for record in records {
        let up = f64::from(u8::from(record.alive().is_some()));
        page.sample("process_up", &[("process", record.process.name())], up);
    }
    page.family(
        "process_restarts_total",
        "counter",
        "How often the process was started again after it died.",
    );
    for record in records {
        page.sample(
            "process_restarts_total",
            &[("process", record.process.name())],
            f64::from(record.restarts),
        );
    }
    let mut used: Vec<(&str, platform::Used)> = records
        .iter()
        .filter_map(|record| Some((record.process.name(), platform::used(record.alive()?.pid)?)))
        .collect();
    used.extend(platform::used(std::process::id()).map(|used| ("supervisor", used)));
    page.family(
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory of the process, its children left out.",
    );
    for (process, used) in &used {
        page.sample("process_resident_memory_bytes", &[("process", process)], used.resident_bytes);
    }
    page.family(
        "process_cpu_seconds_total",
        "counter",
        "Processor time of the process, its children left out.",
    );
    for (process, used) in &used {
        page.sample("process_cpu_seconds_total", &[("process", process)], used.cpu_s);
    }
}

/// A label's value as the format writes it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::monitor::Bulletin;
    use crate::monitor::machine::{Beat, Machine};
    use std::time::Duration;

    /// A page that has every family.
    pub(crate) fn page() -> String {
        let bulletin = Bulletin::new(&ServiceKind::ALL, Vec::new());
        let mut machine = Machine::new(Duration::from_millis(100));
        for ms in [1, 3, 700] {
            let beat = Beat::Answered(Duration::from_millis(ms));
            machine.observe(Duration::from_secs(1), &beat, false);
            bulletin.note(ServiceKind::Redis, Some(&beat), &machine);
        }
        render(&Told {
            snapshots: bulletin.snapshots(),
            records: Vec::new(),
            disk_free: Some(1),
            alerts: BTreeMap::from([(("webhook", "delivered"), 2)]),
            news_lost: 0,
            standing: Vec::new(),
        })
    }

    #[test]
    fn every_line_is_a_comment_or_a_number_and_buckets_add_up() {
        let text = page();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("hallmark_") && value.parse::<f64>().is_ok(), "{line}");
        }
        let redis = "hallmark_service_check_duration_seconds_bucket{service=\"redis\",le=\"+Inf\"} 3";
        assert!(text.contains(redis), "{text}");
        assert!(
            text.contains("hallmark_service_check_duration_seconds_bucket{service=\"redis\",le=\"0.001\"} 1")
        );
        assert!(text.contains("hallmark_service_state{service=\"redis\",state=\"not_measured\"} 1"));
        assert!(text.contains("hallmark_process_cpu_seconds_total{process=\"supervisor\"}"));
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }

    #[test]
    fn the_dashboard_names_only_metrics_that_there_are() {
        let dashboard: serde_json::Value = serde_json::from_str(crate::monitor::DASHBOARD).unwrap();
        let mut expressions = Vec::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let targets = panel["targets"].as_array().unwrap();
            expressions.extend(targets.iter().map(|target| target["expr"].as_str().unwrap().to_owned()));
        }
        assert!(expressions.len() >= 8);
        let page = page();
        let families: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let mut seen = std::collections::BTreeSet::new();
        for expression in &expressions {
            let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            for word in words.filter(|word| word.starts_with("hallmark_")) {
                let family = word.strip_suffix("_bucket").unwrap_or(word);
                assert!(families.contains(&family), "{word} in {expression} is not measured");
                seen.insert(family.to_owned());
            }
        }
        assert!(seen.len() >= 8, "{seen:?}");
    }
}
