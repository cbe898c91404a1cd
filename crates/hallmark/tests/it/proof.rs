//! `hallmark test` on planted suites: what reached a real server, and what only looks like it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Folder, all, code, command, json, out};

/// A Python with pytest, its plugins and the drivers; `cargo xtask test` installs it into the target folder.
fn python() -> PathBuf {
    let installed =
        Path::new(env!("CARGO_BIN_EXE_hallmark")).ancestors().nth(2).unwrap().join("test-clients/bin/python");
    let python = std::env::var_os("HALLMARK_TEST_PYTHON").map_or(installed, PathBuf::from);
    assert!(python.exists(), "{}: see xtask/src/clients.rs for what it needs", python.display());
    python
}

fn begin(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = command(folder);
    command.args(["test", "--no-up", "--format", "json", "--python"]).arg(python()).args(arguments);
    command.env_remove("VIRTUAL_ENV");
    command
}

fn test(folder: &Folder, arguments: &[&str]) -> Output {
    begin(folder, arguments).output().unwrap()
}

/// What a person is shown.
fn text(folder: &Folder) -> String {
    let mut command = command(folder);
    command.args(["test", "--no-up", "--python"]).arg(python()).args(["--", "-q"]);
    out(&command.env_remove("VIRTUAL_ENV").output().unwrap())
}

/// The row of the test with this name.
fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["tests"].as_array().unwrap();
    let found = rows.iter().find(|t| t["id"].as_str().unwrap().rsplit("::").next() == Some(name));
    found.unwrap_or_else(|| panic!("no test {name}: {report:#}"))
}

/// The names of what speaks against a test.
fn against(report: &Value, name: &str) -> Vec<String> {
    let own = |f: &&Value| f["test"].as_str().unwrap().ends_with(&format!("::{name}"));
    let all = report["findings"].as_array().unwrap();
    all.iter().filter(own).map(|f| f["rule"].as_str().unwrap().to_owned()).collect()
}

const CONFTEST: &str = r#"
import os, psycopg, pytest, redis

# A conftest that empties what it does not know must not blind the plugin.
for name in list(os.environ):
    if name.startswith("HALLMARK_"):
        del os.environ[name]

@pytest.fixture(scope="session")
def pool():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("SELECT 'asked by the fixture'")
        yield connection

@pytest.fixture
def cache():
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        yield client

@pytest.fixture
def filled(cache):
    cache.set("hallmark:it:filled", 1, ex=60)
"#;

const INTEGRATION: &str = r#"
import asyncio, json, os, socket, subprocess, sys, threading, unittest, urllib.request
from unittest.mock import MagicMock, patch

import asyncpg, neo4j, psycopg, pytest, redis

def test_honest(cache):
    cache.set("hallmark:it:k", "v", ex=60)
    assert cache.get("hallmark:it:k") == b"v"

def test_pool_of_another(pool):
    assert pool.execute("SELECT 1 + 1").fetchone() == (2,)

def test_same_pool(pool):
    assert pool.execute("SELECT 3").fetchone() == (3,)

def test_holds_the_pool(pool):
    assert pool is not None

def test_reads_what_fixtures_did(filled):
    assert filled is None

def test_asyncpg():
    async def ask():
        connection = await asyncpg.connect(os.environ["DATABASE_URL"])
        try:
            return await connection.fetchval("SELECT $1::int", 7)
        finally:
            await connection.close()
    assert asyncio.run(ask()) == 7

def test_graph():
    login = os.environ["NEO4J_USER"], os.environ["NEO4J_PASSWORD"]
    with neo4j.GraphDatabase.driver(os.environ["NEO4J_URI"], auth=login) as driver:
        assert driver.execute_query("RETURN 1 AS n").records[0]["n"] == 1

def test_vectors():
    url = os.environ["CHROMA_URL"] + "/api/v2/tenants/default_tenant/databases/default_database/collections"
    assert isinstance(json.load(urllib.request.urlopen(url)), list)

def test_child():
    program = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT 5').fetchone())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "5" in done.stdout, done.stderr

class TestOld(unittest.TestCase):
    def test_in_a_class(self):
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            assert client.incr("hallmark:it:n")

@pytest.mark.parametrize("key", ["a/b::c[\u00e9]", "\u65e5\u672c", "x" * 300])
def test_odd_names(cache, key):
    assert cache.exists("hallmark:it:" + key) in (0, 1)

def test_fails(cache):
    assert cache.ping() is None

def test_mock():
    store = MagicMock()
    store.get.return_value = 1
    assert store.get() == 1

def test_patched(cache):
    with patch("psycopg.connect"):
        assert cache.ping()

def test_monkeypatched(cache, monkeypatch):
    monkeypatch.setattr("redis.Redis.get", lambda *_: b"x")
    assert cache.get("k") == b"x"

def test_stub_library():
    import fakeredis
    assert fakeredis.FakeRedis().set("a", 1)

def test_own_server():
    server = socket.create_server(("127.0.0.1", 0))
    def answer():
        stream, _ = server.accept()
        stream.recv(16)
        stream.sendall(b"+PONG\r\n")
        stream.close()
    thread = threading.Thread(target=answer)
    thread.start()
    with socket.create_connection(server.getsockname()) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(16)
    thread.join()
    server.close()

def test_only_opens():
    psycopg.connect(os.environ["DATABASE_URL"]).close()

def test_nothing():
    assert 1 + 1 == 2

def test_goes_around():
    with redis.Redis.from_url(os.environ["DIRECT_REDIS"]) as client:
        assert client.ping()

def test_skips():
    pytest.skip("PostgreSQL is not available")
"#;

const UNIT: &str = "from unittest.mock import MagicMock\n\ndef test_allowed():\n    assert MagicMock()\n";

fn suite() -> Folder {
    let folder = Folder::new();
    folder.write("tests/conftest.py", CONFTEST.as_bytes());
    folder.write("tests/integration/test_all.py", INTEGRATION.as_bytes());
    folder.write("tests/integration/test_broken.py", b"def broken(:\n");
    folder.write("tests/unit/test_unit.py", UNIT.as_bytes());
    folder
}

/// The address itself, which only the test that goes past the relay is given.
fn direct() -> String {
    format!("DIRECT_REDIS={}", std::env::var("HALLMARK_REDIS_URL").unwrap())
}

const PROVEN: &[(&str, &str)] = &[
    ("test_honest", "redis"),
    ("test_pool_of_another", "postgres"),
    ("test_same_pool", "postgres"),
    ("test_asyncpg", "postgres"),
    ("test_graph", "neo4j"),
    ("test_vectors", "chromadb"),
    ("test_child", "postgres"),
    ("test_in_a_class", "redis"),
];

const REFUTED: &[(&str, &[&str])] = &[
    ("test_mock", &["no-service-reached", "double-at-run-time"]),
    ("test_patched", &["double-at-run-time"]),
    ("test_monkeypatched", &["no-service-reached", "double-at-run-time"]),
    ("test_stub_library", &["no-service-reached", "double-at-run-time"]),
    ("test_own_server", &["own-server-reached"]),
    ("test_only_opens", &["nothing-asked"]),
    ("test_nothing", &["no-service-reached"]),
    ("test_holds_the_pool", &["no-service-reached"]),
    ("test_goes_around", &["relay-bypassed"]),
    ("test_skips", &["skipped-with-service-up"]),
    ("test_reads_what_fixtures_did", &[]),
    ("test_allowed", &[]),
];

fn hold(report: &Value) {
    for (name, service) in PROVEN {
        let row = row(report, name);
        assert_eq!((&row["outcome"], &row["reach"]), (&"passed".into(), &"proven".into()), "{row:#}");
        assert_eq!(row["proven_on"], serde_json::json!([service]), "{name}");
        assert_eq!(against(report, name), Vec::<String>::new(), "{name}");
    }
    for (name, rules) in REFUTED {
        assert_eq!(against(report, name), *rules, "{name}: {:#}", row(report, name));
        let proven = row(report, name)["reach"] == "proven";
        assert_eq!(proven, *name == "test_patched", "{name}");
    }
    assert_eq!(row(report, "test_fails")["reach"], "asked", "a failed test proves nothing");
    assert_eq!(row(report, "test_reads_what_fixtures_did")["reach"], "fixtures");
}

#[test]
fn every_kind_of_test_is_judged_as_what_it_is() {
    let folder = suite();
    let output = test(&folder, &["--env", &direct(), "--", "-q", "-p", "no:cacheprovider"]);
    assert_eq!(code(&output), 3, "a file could not be collected: {}", all(&output));
    let report = json(&output);
    assert_eq!(report["exit_classes"], serde_json::json!([1, 3]));
    hold(&report);
    // The server's own words: the process that served it, and the statement's number.
    let uses = &row(&report, "test_same_pool")["uses"]["postgres"];
    assert!(uses["connections"][0].as_str().unwrap().parse::<u32>().is_ok(), "{uses:#}");
    assert!(!uses["query_ids"].as_array().unwrap().is_empty(), "{uses:#}");
    let tier = |name: &str| report["tiers"].as_array().unwrap().iter().find(|t| t["tier"] == name).unwrap();
    assert_eq!((&tier("unit")["passed"], &tier("unit")["proven"]), (&1.into(), &0.into()));
    let integration = tier("integration");
    assert_eq!(integration["discovered"], integration["executable"].as_u64().unwrap() + 1);
    assert_eq!(integration["skipped_for_service"], 1);
    assert_eq!(integration["proven"], 12, "eight, three of odd names, and the patched one");
    let kept = std::fs::read_to_string(folder.path().join(".hallmark/proof/report.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), report);
    assert!(!all(&output).contains("ResourceWarning"), "{}", all(&output));
}

#[test]
fn a_file_that_skips_itself_counts_and_speaks_against_itself_if_its_service_was_there() {
    let folder = Folder::new();
    let skips = |reason: &str| format!("import pytest\npytest.skip('{reason}', allow_module_level=True)\n");
    folder.write("tests/conftest.py", CONFTEST.as_bytes());
    folder.write("tests/integration/test_m.py", skips("Redis is not running").as_bytes());
    folder.write("tests/integration/test_n.py", b"import pytest\npytest.importorskip('no_such_library')\n");
    folder.write("tests/integration/test_r.py", b"def test_real(cache):\n    assert cache.ping()\n");
    for workers in ["0", "2"] {
        let output = test(&folder, &["--", "-q", "-n", workers]);
        assert_eq!(code(&output), 1, "{}", all(&output));
        let report = json(&output);
        let numbers = ["discovered", "executable", "skipped", "skipped_files", "skipped_for_service"]
            .map(|name| report["total"][name].as_u64().unwrap());
        assert_eq!(numbers, [3, 1, 2, 2, 1], "{report:#}");
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 1, "{report:#}");
        assert_eq!(
            (&findings[0]["rule"], &findings[0]["path"]),
            (&"skipped-with-service-up".into(), &"tests/integration/test_m.py".into())
        );
    }
    let said = text(&folder);
    assert!(said.contains("Files that skipped themselves: 2"), "{said}");
    assert!(said.contains("could not import 'no_such_library'"), "{said}");

    folder.write("tests/integration/test_m.py", skips("Kafka: port 9 was free").as_bytes());
    let output = test(&folder, &["--", "-q"]);
    assert_eq!((code(&output), &json(&output)["total"]["skipped"]), (0, &2.into()), "{}", all(&output));
}

#[test]
fn what_is_expected_to_fail_counts_as_pytest_counts_it() {
    let folder = Folder::new();
    let marked = |name: &str, arguments: &str, body: &str| {
        format!("@pytest.mark.xfail({arguments})\ndef test_{name}(cache):\n    assert {body}\n\n")
    };
    let suite = format!(
        "import pytest\n\ndef test_real(cache):\n    assert cache.ping()\n\n{}{}",
        marked("xfails", "", "not cache.ping()"),
        marked("xpasses", "", "cache.ping()")
    );
    folder.write("tests/conftest.py", CONFTEST.as_bytes());
    folder.write("tests/integration/test_x.py", suite.as_bytes());
    let numbers = |report: &Value| {
        ["executable", "passed", "failed", "xfailed", "xpassed", "proven"]
            .map(|name| report["total"][name].as_u64().unwrap())
    };
    let output = test(&folder, &["--", "-q"]);
    assert_eq!(code(&output), 0, "pytest says so too: {}", all(&output));
    assert_eq!(numbers(&json(&output)), [3, 1, 0, 1, 1, 1]);
    let said = text(&folder);
    assert!(said.contains("1 failed as expected (xfail); 1 passed though"), "{said}");
    assert!(said.contains("1 of 1 passed tests proven"), "{said}");

    let strict = suite + &marked("strict", "strict=True", "cache.ping()");
    folder.write("tests/integration/test_x.py", strict.as_bytes());
    let output = test(&folder, &["--", "-q"]);
    assert_eq!((code(&output), numbers(&json(&output))), (1, [4, 1, 1, 1, 1, 1]), "{}", all(&output));
}

#[test]
fn workers_at_the_same_time_are_told_apart() {
    let folder = suite();
    let output = test(&folder, &["--env", &direct(), "--", "-q", "-p", "no:cacheprovider", "-n", "3"]);
    let report = json(&output);
    hold(&report);
    let workers: std::collections::BTreeSet<&str> =
        report["tests"].as_array().unwrap().iter().map(|t| t["worker"].as_str().unwrap()).collect();
    assert_eq!(workers, ["gw0", "gw1", "gw2"].into());
}

#[test]
fn a_suite_that_dies_or_hangs_is_reported_as_far_as_it_came() {
    let folder = Folder::new();
    let dies = "import os, redis\n\ndef test_one():\n    redis.Redis.from_url(os.environ['REDIS_URL']).ping()\n\n\
                def test_dies():\n    os.kill(os.getpid(), 9)\n\ndef test_never():\n    pass\n";
    folder.write("tests/integration/test_dies.py", dies.as_bytes());
    let output = test(&folder, &["--", "-q"]);
    assert_eq!(code(&output), 3, "{}", all(&output));
    let report = json(&output);
    assert_eq!((&report["end"]["finished"], &report["end"]["signal"]), (&false.into(), &9.into()));
    assert_eq!(row(&report, "test_one")["reach"], "proven");
    assert_eq!(row(&report, "test_never")["outcome"], "not_run");

    let hangs = "import subprocess, time\n\ndef test_hangs():\n    subprocess.Popen(['sleep', '300'])\n    \
                 print('hangs', flush=True)\n    time.sleep(300)\n";
    folder.write("tests/integration/test_dies.py", hangs.as_bytes());
    let began = Instant::now();
    let output = test(&folder, &["--timeout", "6", "--", "-q"]);
    let report = json(&output);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!((code(&output), &report["end"]["how"]), (3, &"at_limit".into()), "{report:#}");

    folder.write("hallmark.toml", b"[certify.tests]\ntimeout-s = 6\n");
    let began = Instant::now();
    let output = test(&folder, &["--", "-q"]);
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!((code(&output), &json(&output)["end"]["how"]), (3, &"at_limit".into()), "{}", all(&output));
    folder.write("hallmark.toml", b"");

    let child = begin(&folder, &["--", "-q"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(6));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(json(&output)["end"]["how"], "interrupted", "{}", all(&output));
}

#[test]
fn what_cannot_be_run_is_said_with_its_next_step() {
    let folder = Folder::new();
    let with = |arguments: &[&str]| {
        let mut command = command(&folder);
        command.args(["test", "--no-up"]).args(arguments).env_remove("VIRTUAL_ENV").output().unwrap()
    };
    let output = with(&["--python", "/no/such/python"]);
    assert_eq!(code(&output), 2);
    assert!(all(&output).contains("HM-T001"), "{}", all(&output));
    let output = with(&["--python", "/bin/false"]);
    assert_eq!(code(&output), 2);
    assert!(all(&output).contains("HM-T002") && all(&output).contains("next: "), "{}", all(&output));
    let python = python();
    let python = python.to_str().unwrap();
    let output = with(&["--python", python, "--env", "X={postgres.prot}"]);
    assert_eq!(code(&output), 2);
    assert!(all(&output).contains("write {postgres.port}"), "{}", all(&output));
    let output = with(&["--python", python, "--", "--no-such-option"]);
    assert_eq!(code(&output), 2, "{}", all(&output));
    assert!(all(&output).contains("HM-T011"), "{}", all(&output));
    let output = with(&["--python", python]);
    assert_eq!(code(&output), 1, "no test was found: {}", all(&output));
}

#[test]
fn the_plugin_works_alone() {
    let folder = Folder::new();
    folder.write("test_alone.py", b"from unittest.mock import Mock\n\ndef test_it():\n    assert Mock()\n");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hallmark-proof/python");
    let record = folder.path().join("record.jsonl");
    let output = Command::new(python())
        .args([
            "-W",
            "error::ResourceWarning",
            "-m",
            "pytest",
            "-p",
            "hallmark_pytest",
            "-p",
            "no:cacheprovider",
        ])
        .current_dir(folder.path())
        .env("PYTHONPATH", source)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HALLMARK_PYTEST_RECORD", &record)
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", all(&output));
    assert!(all(&output).contains("used mock: 1 tests"), "{}", all(&output));
    let lines = std::fs::read_to_string(record).unwrap();
    let events: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(events.iter().any(|e| e["event"] == "phase" && e["notes"]["mock Mock"] == 1), "{lines}");
    assert_eq!(events.last().unwrap()["event"], "finished");
}
