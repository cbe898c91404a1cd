//! Two servers of one project on one database, under load, one of which is killed: imports, cached rows, migrations.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Folder, Server, all, code, command, json as of_output, model_name, run};

/// How long something may take on a busy machine that otherwise takes a moment.
const BOUND: Duration = Duration::from_secs(60);

/// A project with one model whose table nobody else has.
struct Project {
    folder: Folder,
    name: String,
    table: String,
}

impl Project {
    fn new(stem: &str, fields: &str) -> Self {
        let name = model_name(stem);
        let project = Self { folder: Folder::new(), table: format!("{}s", name.to_lowercase()), name };
        project.models(fields);
        project
    }

    fn models(&self, fields: &str) {
        let head = "from dataflow import DataFlow\n\ndb = DataFlow()\n\n\n@db.model\nclass";
        self.folder.write("models.py", format!("{head} {}:\n{fields}", self.name).as_bytes());
    }

    fn node(&self, kind: &str) -> String {
        format!("{}{kind}Node", self.name)
    }

    /// Rows of a statement, by a program that knows nothing of nodes; `{}` stands for the table.
    fn sql(&self, statement: &str) -> String {
        let url = std::env::var("HALLMARK_POSTGRES_URL").unwrap();
        let statement = statement.replace("{}", &format!("dataflow.\"{}\"", self.table));
        let output = Command::new("psql")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &url, "-c", &statement])
            .output();
        let output = output.expect("psql is needed by the tests");
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn number(&self, statement: &str) -> u64 {
        self.sql(statement).parse().unwrap_or_default()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let back = ["models", "migrate", "--down", "99", "--yes", "--allow-destructive", "--accept-drift"];
        run(&self.folder, &back);
    }
}

/// Two servers that begin at the same moment.
fn two(folder: &Folder) -> (Server, Server) {
    thread::scope(|scope| {
        let other = scope.spawn(|| Server::start(folder));
        (Server::start(folder), other.join().unwrap())
    })
}

fn kill(server: &mut Server) {
    server.child.kill().unwrap();
    server.child.wait().unwrap();
}

const ROWS: u64 = 10_000;

fn csv(folder: &Path) {
    let rows: String = (0..ROWS).map(|n| format!("{n},row {n}\n")).collect();
    let path = folder.join(".hallmark/exports/rows.csv");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create(path)
        .and_then(|mut f| std::io::Write::write_all(&mut f, format!("number,label\n{rows}").as_bytes()))
        .unwrap();
}

/// Creates rows at a server until it is over; tells which were acknowledged.
fn load(server: &Server, node: &str, stem: &str, over: &AtomicBool, acknowledged: &Mutex<Vec<String>>) {
    for n in 0..100_000 {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let label = format!("{stem} {n}");
        let create = json!({"operation": "create", "data": {"number": -1, "label": label}});
        if matches!(server.node(node, &create), Some(Ok(_))) {
            acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(label);
        }
    }
}

#[test]
fn an_import_that_a_killed_server_began_another_one_ends() {
    let project = Project::new("Entry", "    number: int\n    label: str\n");
    let (mut first, second) = two(&project.folder);
    assert_eq!(project.number("SELECT count(*) FROM {}"), 0, "one of two made the table");
    csv(project.folder.path());
    let input = json!({"path": "rows.csv", "commit_every": 100, "unfinished": "resume"});
    let (crud, import) = (project.node("CRUD"), project.node("Import"));
    let done = "SELECT coalesce(max(rows), 0) FROM dataflow.hallmark_imports WHERE model = '{m}'"
        .replace("{m}", &project.name);
    let progress = || {
        if project.sql("SELECT to_regclass('dataflow.hallmark_imports') IS NULL") == "t" {
            0
        } else {
            project.number(&done)
        }
    };
    let (over, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let pid = rustix::process::Pid::from_child(&first.child);
    thread::scope(|scope| {
        let one = scope.spawn(|| load(&first, &crud, "first", &over, &acknowledged));
        let two = scope.spawn(|| load(&second, &crud, "second", &over, &acknowledged));
        let begun = scope.spawn(|| first.node(&import, &input));
        let begin = Instant::now();
        while progress() < 1_000 {
            assert!(begin.elapsed() < BOUND, "the import does not get on");
            thread::sleep(Duration::from_millis(5));
        }
        // Neither does it twice.
        let busy = second.node(&import, &json!({"path": "rows.csv", "commit_every": 100}));
        assert_eq!(busy, Some(Err("HM-D111".to_owned())), "while the other one is at it");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        assert_eq!(begun.join().unwrap(), None, "the import is done before its server is killed");
        let at = progress();
        assert!((1_000..ROWS).contains(&at), "{at} rows");
        let begin = Instant::now();
        let answer = loop {
            match second.node(&import, &input) {
                Some(Ok(answer)) => break answer,
                other => {
                    assert!(other == Some(Err("HM-D111".to_owned())) && begin.elapsed() < BOUND, "{other:?}");
                }
            }
        };
        assert_eq!(
            (&answer["read"], answer["resumed_at"].as_u64() >= Some(1_000)),
            (&json!(ROWS), true),
            "{answer}"
        );
        over.store(true, Ordering::Relaxed);
        one.join().unwrap();
        two.join().unwrap();
    });
    let _ = first.child.wait();
    let imported = "SELECT concat(count(*), ' ', count(DISTINCT number), ' ', sum(number)) FROM {} WHERE number >= 0 AND label = 'row ' || number";
    let expected = format!("{ROWS} {ROWS} {}", ROWS * (ROWS - 1) / 2);
    assert_eq!(project.sql(imported), expected);
    let again = Server::start(&project.folder);
    let again = again.node(&import, &input).unwrap().unwrap();
    assert_eq!((&again["resumed_at"], project.sql(imported)), (&json!(ROWS), expected));
    // What was acknowledged is there, once; so is what was done and not acknowledged.
    let acknowledged = acknowledged.into_inner().unwrap();
    let there = project.sql("SELECT label FROM {} WHERE number = -1");
    let mut count: BTreeMap<&str, u32> = BTreeMap::new();
    there.lines().for_each(|label| *count.entry(label).or_default() += 1);
    assert!(acknowledged.len() > 4, "there was no load");
    assert!(acknowledged.iter().all(|label| count.get(label.as_str()) == Some(&1)));
    assert!(count.values().all(|n| *n == 1));
}

/// Reads rows through a server's cache until it is over; no row may ever go back to what it was before.
fn watch(server: &Server, node: &str, over: &AtomicBool) -> u64 {
    let (mut last, mut reads) = (BTreeMap::<u64, i64>::new(), 0);
    while !over.load(Ordering::Relaxed) {
        for id in 1..=5 {
            let Some(Ok(answer)) = server.node(node, &json!({"id": id})) else { continue };
            let amount = answer["row"]["amount"].as_i64().unwrap();
            let before = last.insert(id, amount).unwrap_or(0);
            assert!(amount >= before, "row {id} went back from {before} to {amount}");
            reads += 1;
        }
    }
    reads
}

#[test]
fn a_cache_has_no_stale_row_after_another_servers_writes_and_death() {
    let fields = "    label: str\n    amount: int = 0\n    __dataflow__ = {'cache_invalidation': 'notify', 'cache_ttl': 600}\n";
    let project = Project::new("Stock", fields);
    let (reader, mut writer) = two(&project.folder);
    let (crud, cache) = (project.node("CRUD"), project.node("Cache"));
    let rows: Vec<Value> = (1..=5).map(|n| json!({"label": format!("r{n}")})).collect();
    reader.node(&crud, &json!({"operation": "bulk_create", "rows": rows})).unwrap().unwrap();
    let over = AtomicBool::new(false);
    let get = |id: u64| reader.node(&cache, &json!({"id": id})).unwrap().unwrap();
    thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&reader, &cache, &over));
        for round in 1..=3_i64 {
            for id in 1..=5 {
                // Warm, so that there is something to go stale.
                get(id);
                let update = json!({"operation": "update", "id": id, "data": {"amount": round * 10}});
                writer.node(&crud, &update).unwrap().unwrap();
                let begin = Instant::now();
                while get(id)["row"]["amount"] != json!(round * 10) {
                    assert!(
                        begin.elapsed() < Duration::from_secs(10),
                        "{} instead of {}",
                        get(id),
                        round * 10
                    );
                }
            }
            // Killed while it writes, and another takes its place.
            let many = json!({"operation": "bulk_update", "filter": {}, "data": {"amount": round * 10 + 5}});
            let pid = rustix::process::Pid::from_child(&writer.child);
            thread::scope(|inner| {
                let (writer, crud) = (&writer, &crud);
                let last = inner.spawn(move || writer.node(crud, &many));
                thread::sleep(Duration::from_millis(u64::try_from(round).unwrap() * 12));
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                let _ = last.join().unwrap();
            });
            kill(&mut writer);
            writer = Server::start(&project.folder);
            let begin = Instant::now();
            for id in 1..=5 {
                while get(id)["row"]["amount"]
                    != json!(project.number(&format!("SELECT amount FROM {{}} WHERE id = {id}")))
                {
                    assert!(begin.elapsed() < Duration::from_secs(20), "{}", get(id));
                }
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(watching.join().unwrap() > 20, "nobody read");
    });
    assert_eq!(
        project.sql("SELECT count(DISTINCT amount) FROM {}"),
        "1",
        "a write of many rows is done whole or not at all"
    );
}

const BEFORE: &str = "    label: str\n    amount: int = 0\n";
const AFTER: &str = "    label: str = Field(index=True)\n    amount: int = 0\n    colour: str = 'red'\n    maker: Optional[str] = None\n    \
                     __indexes__ = [{'name': 'by_amount_{t}', 'fields': ['amount', 'label']}]\n";

#[test]
fn of_two_migrators_one_works_and_the_other_ends_what_a_killed_one_left() {
    let project = Project::new("Part", BEFORE);
    assert_eq!(code(&run(&project.folder, &["models", "migrate", "--yes"])), 0);
    project.sql("INSERT INTO {} (label, amount) SELECT 'p' || n, n FROM generate_series(1, 40000) n");
    let after = AFTER.replace("{t}", &project.table);
    let migrate = || {
        let arguments = ["models", "migrate", "--yes", "--format", "json"];
        command(&project.folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let rows =
        || project.sql("SELECT concat(count(*), ' ', sum(amount), ' ', count(DISTINCT label)) FROM {}");
    let kept = rows();
    for round in 0..4_u64 {
        project.models(&after);
        let (mut one, two) = (migrate(), migrate());
        if round > 0 {
            thread::sleep(Duration::from_millis(round * 90));
            let _ = one.kill();
        }
        let (one, two) = (one.wait_with_output().unwrap(), two.wait_with_output().unwrap());
        assert_eq!(code(&two), 0, "{}", all(&two));
        if round == 0 {
            assert_eq!(code(&one), 0, "{}", all(&one));
            let steps = [&one, &two].map(|o| of_output(o)["migrations"][0]["steps"].as_u64().unwrap_or(0));
            assert!(
                steps.contains(&0) && steps.iter().sum::<u64>() > 0,
                "exactly one of them migrated: {steps:?}"
            );
        }
        let diff = run(&project.folder, &["models", "diff"]);
        assert_eq!(code(&diff), 0, "round {round}: {}", all(&diff));
        assert_eq!(rows(), kept, "round {round}");
        let invalid = "SELECT count(*) FROM pg_index WHERE indrelid = '{}'::regclass AND NOT indisvalid";
        assert_eq!(project.number(invalid), 0, "round {round}: a half-built index is left");
        project.models(BEFORE);
        let back = run(&project.folder, &["models", "migrate", "--yes", "--allow-destructive"]);
        assert_eq!(code(&back), 0, "{}", all(&back));
    }
}
