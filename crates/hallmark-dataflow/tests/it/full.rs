//! Full disks: on the side of an export, and under a PostgreSQL server of the test's own while it imports. An error with its code, file
//! and row; nothing half-written; and what was begun goes on when there is room.
//!
//! A disk of one's own needs the rights of root; where they are missing, it is said, and nothing is tried.

#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "a test that is left out says so")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::own_postgres::{self, OwnPostgres, Plan, Scratch};
use crate::support::{World, error, parse, with};

const EVENTS: &str = "
@db.model
class Event:
    number: int
    name: str
";

/// A small disk, which goes when it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one of so many KiB at this folder; `None` if that is not allowed.
    fn new(at: &Path, kib: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={kib}k,mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_path_buf()));
        }
        println!("SKIPPED: no disk can be mounted at {}: that needs the rights of root", at.display());
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

async fn fill(world: &World, rows: u64) {
    let insert = "INSERT INTO {}.events (number, name) SELECT n, repeat(md5(n::text), 4) FROM generate_series(1, {n}) n";
    let insert = insert.replace("{}", world.dataflow.schema()).replace("{n}", &rows.to_string());
    world.sql.batch_execute(&insert).await.unwrap();
}

#[tokio::test]
async fn an_export_to_a_full_disk_leaves_nothing() {
    with(parse(EVENTS), |world| async move {
        let Some(disk) = Disk::new(&world.folder.join("small"), 512) else { return };
        fill(&world, 20_000).await;
        for format in ["csv", "jsonl", "parquet", "arrow", "xlsx"] {
            let path = format!("small/events.{format}");
            let full = error(world.call("EventExportNode", json!({"format": format, "path": path})).await);
            assert_eq!(full.code().id, "HM-D051", "{format}: {full}");
            assert!(full.causes().iter().any(|cause| cause.contains("No space")), "{full}");
            assert_eq!(std::fs::read_dir(&disk.0).unwrap().count(), 0, "{format} leaves something");
        }
        let some =
            world.call("EventExportNode", json!({"path": "small/events.csv", "limit": 100})).await.unwrap();
        assert_eq!(some["rows"], json!(100));
    })
    .await;
}

/// A PostgreSQL server of the test's own whose data lie on a small disk. Fields are dropped in their order: the server, its
/// disk, the folder.
struct Server {
    own: OwnPostgres,
    _disk: Disk,
    root: Scratch,
}

/// The size of the disk: the data of a new server take some 40 MB.
const DISK_KIB: u32 = 160 * 1024;
/// What is left free on it.
const FREE_KIB: u64 = 6 * 1024;

impl Server {
    /// `None` if there is no PostgreSQL to start, or no disk.
    fn start(is_log_elsewhere: bool) -> Option<Self> {
        let Some(programs) = own_postgres::of_the_system() else {
            println!("NOT CHECKED: there are no programs of a PostgreSQL server");
            return None;
        };
        let root = Scratch::new("full");
        let disk = Disk::new(&root.0.join("disk"), DISK_KIB)?;
        let mut initdb = ["--wal-segsize=1", "--locale=C.UTF-8"].map(str::to_owned).to_vec();
        if is_log_elsewhere {
            initdb.extend(["-X".to_owned(), root.0.join("log").display().to_string()]);
        }
        let own = OwnPostgres::start(&Plan {
            programs,
            root: &root.0,
            data: root.0.join("disk/data"),
            initdb: &initdb,
            settings: "-c max_wal_size=8MB -c min_wal_size=2MB",
        });
        Some(Self { own, _disk: disk, root })
    }

    fn filler(&self) -> PathBuf {
        self.root.0.join("disk/filler")
    }

    /// Takes what is free on the disk but for [`FREE_KIB`].
    fn fill(&self) {
        let said =
            Command::new("df").args(["--output=avail", "-k"]).arg(self.root.0.join("disk")).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let free: u64 = said.lines().nth(1).unwrap().trim().parse().unwrap();
        let size = format!("{}k", free.saturating_sub(FREE_KIB).max(1));
        self.own.run("fallocate", &["-l".into(), size, self.filler().display().to_string()]);
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
        self.own.go_on();
    }
}

const ROWS: u64 = 60_000;

fn name_of(n: u64) -> String {
    format!("the event number {n} of many, with a text that takes some room: {}", n * 7_919)
}

fn write(world: &World) {
    let (mut csv, mut lines) = ("number,name\n".to_owned(), String::new());
    for n in 0..ROWS {
        writeln!(csv, "{n},\"{}\"", name_of(n)).unwrap();
        writeln!(lines, "{}", json!({"number": n, "name": name_of(n)})).unwrap();
    }
    for (name, text) in [("events.csv", csv), ("events.jsonl", lines)] {
        hallmark_core::fs::write_atomic(
            &world.folder.join(name),
            text.as_bytes(),
            hallmark_core::fs::Mode::Default,
        )
        .unwrap();
    }
}

/// How many rows there are; each must be one of the file, and none there twice.
async fn exact(world: &World, witness: &tokio_postgres::Client) -> u64 {
    // Sorted here: the server has no room to.
    let rows = format!("SELECT number, name FROM {}.events", world.dataflow.schema());
    let rows = witness.query(&rows, &[]).await.unwrap();
    let mut rows: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    rows.sort_unstable();
    for (at, (number, name)) in (0..).zip(&rows) {
        assert_eq!((u64::try_from(*number).unwrap(), name), (at, &name_of(at)), "row {at}");
    }
    rows.len() as u64
}

fn ways() -> Vec<Value> {
    let way = |file: &str, more: Value| {
        let mut input = json!({"path": file, "format": file.rsplit_once('.').unwrap().1});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    vec![
        way("events.csv", json!({})),
        way("events.jsonl", json!({})),
        way("events.csv", json!({"on_conflict": "skip"})),
        way("events.csv", json!({"commit_every": 1_000, "unfinished": "resume"})),
        way("events.jsonl", json!({"commit_every": 700, "unfinished": "resume"})),
        way("events.csv", json!({"commit_every": 1_000, "unfinished": "resume", "on_conflict": "skip"})),
    ]
}

/// The data are on the full disk, the log is not: each statement is refused, and the server goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_onto_a_full_disk_goes_on_when_there_is_room() {
    let Some(server) = Server::start(true) else { return };
    let world = server.own.world(EVENTS).await;
    write(&world);
    for input in ways() {
        server.fill();
        let full = error(world.call("EventImportNode", input.clone()).await);
        assert_eq!(full.code().id, "HM-D114", "{input}: {full:?}");
        let place = full.place().unwrap_or_default();
        let file = input["path"].as_str().unwrap();
        let row = place
            .strip_prefix(&format!("{file}: row "))
            .and_then(|row| row.split(',').next()?.parse::<u64>().ok());
        assert!(row.is_some_and(|row| (1..=ROWS).contains(&row)), "{input}: {place:?}");
        let there = exact(&world, &world.sql).await;
        match input["commit_every"].as_u64() {
            None => assert_eq!(there, 0, "{input}"),
            Some(every) => {
                assert!(there > 0 && there < ROWS && there.is_multiple_of(every), "{input}: {there} rows");
                let said = format!("the first {there} rows");
                assert!(full.causes().iter().any(|cause| cause.contains(&said)), "{input}: {full:?}");
            }
        }
        // Asked again while nothing has changed, it fails again and changes nothing that is whole.
        assert_eq!(error(world.call("EventImportNode", input.clone()).await).code().id, "HM-D114", "{input}");
        let there = exact(&world, &world.sql).await;
        server.make_room();
        let done = world.call("EventImportNode", input.clone()).await.unwrap();
        assert_eq!(exact(&world, &world.sql).await, ROWS, "{input}: {done}");
        if input.get("commit_every").is_some() {
            assert_eq!(done["resumed_at"], json!(there), "{input}");
        }
        let clean = "TRUNCATE {0}.events; DROP TABLE IF EXISTS {0}.hallmark_imports CASCADE; CHECKPOINT";
        world.sql.batch_execute(&clean.replace("{0}", world.dataflow.schema())).await.unwrap();
    }
}

/// The log is on the full disk as well: the server ends itself, and comes back with what was committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_into_a_server_that_its_full_disk_ends_goes_on() {
    let Some(server) = Server::start(false) else { return };
    let mut world = server.own.world(EVENTS).await;
    write(&world);
    for input in ways().into_iter().filter(|way| way.get("commit_every").is_some()) {
        server.fill();
        let full = error(world.call("EventImportNode", input.clone()).await);
        let known = ["HM-D114", "HM-S003", "HM-S004", "HM-S022", "HM-S029"];
        assert!(known.contains(&full.code().id), "{input}: {full:?}");
        server.make_room();
        world.sql = server.own.witness().await;
        let there = exact(&world, &world.sql).await;
        assert!(
            there < ROWS && there.is_multiple_of(input["commit_every"].as_u64().unwrap()),
            "{input}: {there} rows"
        );
        let mut done = world.call("EventImportNode", input.clone()).await;
        for _ in 0..5 {
            // Connections of the pool that the server's end cut are met once each.
            if done.is_ok() {
                break;
            }
            done = world.call("EventImportNode", input.clone()).await;
        }
        let done = done.unwrap();
        assert_eq!(exact(&world, &world.sql).await, ROWS, "{input}: {done}");
        let clean = "TRUNCATE {0}.events; DROP TABLE IF EXISTS {0}.hallmark_imports CASCADE; CHECKPOINT";
        world.sql.batch_execute(&clean.replace("{0}", world.dataflow.schema())).await.unwrap();
    }
}
