//! Who is told of health: alerts on real channels, metrics and traces read by the parsers of others.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hallmark_services::monitor::Health;
use hallmark_services::stack::Process;
use hallmark_services::{Endpoints, ServiceKind, http};
use rustix::process::Signal;
use serde_json::Value;

use crate::health::{signal, until};
use crate::stack::Own;
use crate::support::closed_port;

const LONG: Duration = Duration::from_secs(60);

/// A server that writes what is posted to it into a file.
struct Receiver {
    process: Child,
    port: u16,
    file: PathBuf,
}

impl Receiver {
    fn start(failures: u32) -> Self {
        let port = closed_port();
        let file = std::env::temp_dir().join(format!("hallmark-received-{}", uuid::Uuid::new_v4().simple()));
        let process = Command::new("python3")
            .arg(script("receiver.py"))
            .args([&port.to_string(), &*file.to_string_lossy(), &failures.to_string()])
            .spawn()
            .unwrap();
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < LONG, "the receiver does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, port, file }
    }

    fn received(&self) -> Vec<Value> {
        lines(&self.file)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a program that nobody here wrote says about this input.
fn read_by(name: &str, input: &str) -> Vec<Value> {
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let python = target.join("test-clients/bin/python");
    let mut child = Command::new(&python)
        .arg(script(name))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}: run `cargo xtask test`", python.display()));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name} refuses: {input}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until the lines of something are as they should be.
async fn wait(what: &str, read: impl Fn() -> Vec<Value>, good: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let seen = read();
        if good(&seen) {
            return seen;
        }
        assert!(start.elapsed() < LONG, "{what}: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A project with Redis alone, and these lines in its configuration.
fn own(more: &str, environment: &[(&str, String)]) -> Own {
    let root = std::env::temp_dir().join(format!("hallmark-told-{}", uuid::Uuid::new_v4().simple()));
    let off = ["postgres", "neo4j", "chromadb", "openai"].map(|name| format!("{name} = \"off\"\n")).concat();
    let text = format!("[stack]\nassume-yes = true\n[stack.providers]\nredis = \"native\"\n{off}{more}");
    Own::made(root, &text, Endpoints::default(), environment)
}

async fn kill_redis(own: &Own) {
    let pid = own.pid(Process::Redis).await;
    signal(pid, Signal::KILL);
    own.restarted(Process::Redis, pid).await;
    until(own, ServiceKind::Redis, Health::Healthy, LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_and_the_recovery_are_told_on_every_channel() {
    let receiver = Receiver::start(1);
    let own = own(
        "[stack.alerts]\nlog = \"alerts.jsonl\"\n\
         command = [\"sh\", \"-c\", \"cat >> told; echo $HALLMARK_ALERT_KIND >> kinds\"]\n\
         [stack.alerts.webhook]\nenv = \"TEAM_WEBHOOK\"\n",
        &[("TEAM_WEBHOOK", format!("http://127.0.0.1:{}/token-of-the-team", receiver.port))],
    );
    own.up().await;
    until(&own, ServiceKind::Redis, Health::Healthy, LONG).await;
    kill_redis(&own).await;
    let ends_well = |all: &[Value]| all.last().is_some_and(|alert| alert["kind"] == "recovery");
    let log = wait("the log", || lines(&own.root.join("alerts.jsonl")), ends_well).await;
    let told = wait("the command", || lines(&own.root.join("told")), ends_well).await;
    let bodies = || receiver.received().iter().map(|line| line["body"].clone()).collect::<Vec<_>>();
    let posted = wait("the webhook", bodies, ends_well).await;
    assert_eq!((&told, &posted), (&log, &log), "every channel tells the same, whatever failed at first");
    let first = &log[0];
    assert_eq!(
        (first["kind"].as_str(), first["service"].as_str()),
        (Some("alert"), Some("redis")),
        "{log:#?}"
    );
    assert_eq!(first["cause"]["kind"], "killed", "{first:#}");
    assert!(first["mend"].as_str().is_some_and(|mend| mend.starts_with("hallmark up")), "{first:#}");
    assert!(first["text"].as_str().is_some_and(|text| text.contains("signal 9")), "{first:#}");
    let kinds = std::fs::read_to_string(own.root.join("kinds")).unwrap();
    assert!(kinds.starts_with("alert\n") && kinds.ends_with("recovery\n"), "{kinds}");
    let home = PathBuf::from(own.status().await.home.unwrap());
    let supervisor = std::fs::read_to_string(home.join("logs/supervisor.log")).unwrap();
    assert!(
        !supervisor.contains("token-of-the-team"),
        "the address of the webhook is a secret: {supervisor}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_what_prometheus_reads_and_health_is_what_load_balancers_read() {
    let own = own("", &[]);
    own.up().await;
    until(&own, ServiceKind::Redis, Health::Healthy, LONG).await;
    kill_redis(&own).await;
    let address = own.status().await.supervisor.metrics.unwrap();
    let client = http::client(http::Timeouts::total(Duration::from_secs(5))).unwrap();
    let text = client.get(&address).send().await.unwrap().text().await.unwrap();
    let samples = read_by("read_metrics.py", &text);
    let value = |name: &str, labels: Value| {
        let found = samples.iter().find(|sample| sample["name"] == name && sample["labels"] == labels);
        found
            .unwrap_or_else(|| panic!("{name} {labels} is not there"))
            .get("value")
            .and_then(Value::as_f64)
            .unwrap()
    };
    let redis = serde_json::json!({"service": "redis"});
    let state = |state: &str| serde_json::json!({"service": "redis", "state": state});
    assert!((value("hallmark_service_state", state("healthy")) - 1.0).abs() < f64::EPSILON);
    assert!(value("hallmark_service_state_entered_total", state("degraded")) >= 1.0);
    let count = value("hallmark_service_check_duration_seconds_count", redis.clone());
    assert!(count >= 4.0 && value("hallmark_service_check_duration_seconds_sum", redis) > 0.0);
    let process = |name: &str| serde_json::json!({"process": name});
    assert!((value("hallmark_process_restarts_total", process("redis")) - 1.0).abs() < f64::EPSILON);
    assert!(value("hallmark_process_resident_memory_bytes", process("redis")) > 1e6);
    assert!(value("hallmark_process_cpu_seconds_total", process("supervisor")) > 0.0);
    assert!(value("hallmark_disk_free_bytes", serde_json::json!({})) > 0.0);
    let printed = read_by("read_metrics.py", &own.stack.metrics().await.unwrap());
    assert_eq!(printed.len(), samples.len(), "the command prints what is served");

    let health = address.replace("/metrics", "/health");
    let answer = client.get(&health).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["services"][0]["service"], &body["services"][0]["health"]),
        (&"redis".into(), &"healthy".into())
    );
    let rebound = client.get(&health).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 403, "a page in a browser must not reach it under a name of its own");
    assert_eq!(client.post(&health).send().await.unwrap().status(), 405);
    own.stack.stop(ServiceKind::Redis).await.unwrap();
    until(&own, ServiceKind::Redis, Health::NotMeasured, LONG).await;
    assert_eq!(client.get(&health).send().await.unwrap().status(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_are_what_opentelemetry_reads() {
    let receiver = Receiver::start(0);
    let own = own(
        "",
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", receiver.port)),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x".to_owned()),
            ("OTEL_SERVICE_NAME", "the-stack".to_owned()),
        ],
    );
    own.up().await;
    until(&own, ServiceKind::Redis, Health::Healthy, LONG).await;
    kill_redis(&own).await;
    let spans = || {
        let received = receiver.received();
        assert!(
            received.iter().all(|line| line["path"] == "/v1/traces" && line["type"] == "application/json")
        );
        assert!(received.iter().all(|line| line["authorization"] == "Bearer x"));
        let documents: Vec<String> = received.iter().map(|line| format!("{}\n", line["body"])).collect();
        read_by("read_traces.py", &documents.concat())
    };
    let named = |all: &[Value], name: &str| all.iter().find(|span| span["name"] == name).cloned();
    let spans = wait("the spans", spans, |all| named(all, "probe redis").is_some()).await;
    assert!(spans.iter().all(|span| span["service"] == "the-stack"));
    let probe = named(&spans, "probe redis").unwrap();
    let canary = named(&spans, "canary").unwrap();
    assert_eq!((&canary["parent"], &canary["trace"]), (&probe["id"], &probe["trace"]));
    assert_eq!(probe["failed"], false);
    let outage = named(&spans, "redis healthy").unwrap();
    assert_eq!(outage["failed"], true, "a span that ends in trouble says so: {outage}");
}
