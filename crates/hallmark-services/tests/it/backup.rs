//! Backup, restore and reset on real servers: data equal afterwards, whatever happens in between.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hallmark_core::Secret;
use hallmark_services::chroma::Records;
use hallmark_services::stack::UpOptions;
use hallmark_services::stack::backup::{BackupOptions, BackupReport, How, Progress, Reason, RestoreOptions};
use hallmark_services::stack::seed::Seeded;
use hallmark_services::{Handles, ServiceKind, Stack};
use serde_json::{Map, json};

use crate::stack::Own;

fn nothing() -> Map<String, serde_json::Value> {
    Map::new()
}

fn quiet(_: &Progress) {}

async fn backup(stack: &Stack) -> BackupReport {
    stack.backup(&BackupOptions::default(), &quiet).await.unwrap()
}

/// Restores without a backup of what is there.
fn plainly(backup: &str) -> RestoreOptions {
    RestoreOptions { backup: Some(backup.to_owned()), no_safety: true, ..RestoreOptions::default() }
}

async fn sql(own: &Own, text: &str) {
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    handles.postgres.client().await.unwrap().batch_execute(text).await.unwrap();
}

async fn number(own: &Own, text: &str) -> i64 {
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    handles.postgres.client().await.unwrap().query_one(text, &[]).await.unwrap().get(0)
}

async fn redis<T: redis::FromRedisValue>(own: &Own, words: &[&str]) -> T {
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let mut connection = handles.redis.connection().await.unwrap();
    let mut command = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(word);
    });
    command.query_async(&mut connection).await.unwrap()
}

/// Vectors, texts and metadata that are the same for the same number.
async fn vectors(own: &Own, collection: &str, count: u16) {
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let metadata = Map::from_iter([("hnsw:space".to_owned(), json!("cosine"))]);
    let id = handles.chroma.get_or_create_collection(collection, metadata).await.unwrap();
    let records = Records {
        ids: (0..count).map(|n| format!("id{n}")).collect(),
        embeddings: (0..count).map(|n| (0..8).map(|d| f32::from(n * 7 + d).sin()).collect()).collect(),
        documents: (0..count).map(|n| format!("text {n} ü")).collect(),
        metadatas: (0..count).map(|n| Map::from_iter([("n".to_owned(), json!(n))])).collect(),
    };
    handles.chroma.upsert(&id, records).await.unwrap();
}

async fn cypher(own: &Own, text: &str) {
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    handles.neo4j.query(text, nothing()).await.unwrap();
}

async fn fill(own: &Own) {
    sql(
        own,
        "CREATE ROLE clerk LOGIN PASSWORD 'x'; CREATE TYPE mood AS ENUM ('glad', 'sad'); \
         CREATE TABLE parent (id serial PRIMARY KEY, at timestamptz DEFAULT now(), m mood, j jsonb, b bytea, f float8); \
         CREATE TABLE \"Odd Name\" (\"t\" text, hallmark_row int, parent int REFERENCES parent); \
         INSERT INTO parent (m, j, b, f) SELECT 'glad', jsonb_build_object('n', n), '\\xDEADBEEF', 1.0 / n \
           FROM generate_series(1, 500) n; INSERT INTO \"Odd Name\" SELECT 'ü' || n, n, n FROM generate_series(1, 100) n; \
         CREATE VIEW seen AS SELECT count(*) FROM parent; CREATE INDEX odd ON \"Odd Name\" (lower(t)); \
         CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'; \
         ALTER TABLE parent OWNER TO clerk; GRANT SELECT ON seen TO clerk; SELECT lo_create(4711)",
    )
    .await;
    sql(own, "CREATE DATABASE \"second base\" OWNER clerk").await;
    for words in [
        &["SET", "text", "ä\0b"][..],
        &["RPUSH", "list", "1", "2"],
        &["SADD", "set", "a", "b", "c"],
        &["ZADD", "ranks", "1.5", "x", "2", "y"],
        &["HSET", "hash", "k", "v", "l", "w"],
        &["XADD", "stream", "1-1", "f", "v"],
        &["SET", "passing", "1", "EX", "3000"],
    ] {
        let _: redis::Value = redis(own, words).await;
    }
    vectors(own, "shelf", 120).await;
    cypher(own, "CREATE CONSTRAINT one FOR (a:Account) REQUIRE a.id IS UNIQUE").await;
    cypher(own, "CREATE FULLTEXT INDEX words FOR (a:Account) ON EACH [a.name]").await;
    cypher(
        own,
        "UNWIND range(1, 300) AS i CREATE (a:Account:Open {id: i, name: 'n' + i, at: datetime('2026-01-01T00:00:00Z'), \
         d: duration('P1M2D'), p: point({x: 1.0, y: toFloat(i)}), l: [1, 2, i]})-[:PAYS {sum: i}]->(:Bill {n: i})",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_comes_back_as_it_was() {
    let four = [ServiceKind::Postgres, ServiceKind::Neo4j, ServiceKind::Chroma, ServiceKind::Redis];
    let own = Own::new(&four);
    own.up().await;
    fill(&own).await;
    let first = backup(&own.stack).await;
    assert!(first.manifest.verified.is_some(), "{first:#?}");
    for service in four {
        let kept = first.manifest.kept(service).unwrap();
        let count: u64 = kept.content.values().map(|part| part.count).sum();
        assert!(kept.packed.is_some() && count > 4, "{kept:#?}");
        assert!(kept.content.values().any(|part| part.digest.is_some()), "{kept:#?}");
    }
    let of = |service| first.manifest.kept(service).unwrap().content.clone();
    assert_eq!(of(ServiceKind::Postgres)["postgres: public.parent"].count, 500);
    assert_eq!(of(ServiceKind::Neo4j)["type PAYS"].count, 300);
    assert_eq!(of(ServiceKind::Chroma)["default_database/shelf"].count, 120);
    assert_eq!(of(ServiceKind::Redis)["db0"].count, 6);
    assert_eq!(first.manifest.kept(ServiceKind::Neo4j).unwrap().how, How::Image);

    sql(&own, "DROP TABLE \"Odd Name\"; UPDATE parent SET f = 0; CREATE TABLE later (n int)").await;
    cypher(&own, "MATCH (n:Bill) DETACH DELETE n").await;
    cypher(&own, "DROP CONSTRAINT one").await;
    let _: redis::Value = redis(&own, &["FLUSHALL"]).await;
    vectors(&own, "other", 3).await;
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    handles.chroma.delete_collection("shelf").await.unwrap();

    let report = own.stack.restore(&plainly(&first.manifest.id), &quiet).await.unwrap();
    assert_eq!(report.services.len(), 4, "{report:?}");
    assert!(own.status().await.all_usable());
    for service in four {
        assert_eq!(own.stack.content(service).await.unwrap(), of(service), "{service}");
    }
    let twin = cypher_refuses(&own, "CREATE (:Account {id: 1})").await;
    assert!(twin, "the constraint is back");
    assert_eq!(number(&own, "SELECT nextval('parent_id_seq')").await, 501, "the sequence is back");
    let near = handles.chroma.collection("shelf").await.unwrap();
    let vector: Vec<f32> = (0..8).map(|d| f32::from(5_u16 * 7 + d).sin()).collect();
    assert_eq!(handles.chroma.query(&near.id, &vector, 1, None).await.unwrap()[0].id, "id5");

    let options = RestoreOptions { no_safety: true, ..RestoreOptions::default() };
    own.stack.reset(&options, &quiet).await.unwrap();
    assert!(own.status().await.all_usable());
    assert_eq!(number(&own, "SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'").await, 0);
    for (service, part) in
        [(ServiceKind::Neo4j, "nodes"), (ServiceKind::Chroma, "x"), (ServiceKind::Redis, "db0")]
    {
        let left = own.stack.content(service).await.unwrap();
        assert_eq!(left.get(part).map_or(0, |part| part.count), 0, "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reset_removed_comes_back_from_its_own_backup() {
    let own = Own::new(&[ServiceKind::Postgres, ServiceKind::Redis, ServiceKind::Chroma]);
    own.up().await;
    sql(&own, "CREATE ROLE clerk LOGIN PASSWORD 'x'; CREATE TABLE mine AS SELECT 1 AS n; ALTER TABLE mine OWNER TO clerk").await;
    let _: redis::Value = redis(&own, &["SET", "a", "b"]).await;
    vectors(&own, "shelf", 20).await;
    let services = [ServiceKind::Postgres, ServiceKind::Redis, ServiceKind::Chroma];
    let mut before = Vec::new();
    for service in services {
        before.push(own.stack.content(service).await.unwrap());
    }
    let emptied = own.stack.reset(&RestoreOptions::default(), &quiet).await.unwrap();
    assert_eq!(redis::<i64>(&own, &["DBSIZE"]).await, 0);
    assert_eq!(number(&own, "SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'").await, 0);
    let safety = emptied.safety.unwrap();
    let kept = own.stack.backups(None).into_iter().find(|b| b.manifest.id == safety).unwrap();
    assert_eq!(kept.manifest.reason, Reason::BeforeReset);
    own.stack.restore(&plainly(&safety), &quiet).await.unwrap();
    for (service, before) in services.into_iter().zip(before) {
        assert_eq!(own.stack.content(service).await.unwrap(), before, "{service}");
    }
    let owner =
        "SELECT count(*) FROM pg_class c WHERE relname = 'mine' AND pg_get_userbyid(relowner) = 'clerk'";
    assert_eq!(number(&own, owner).await, 1, "roles come back, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_for_a_database_comes_back_with_it() {
    let own = Own::new(&[ServiceKind::Postgres]);
    own.up().await;
    for text in [
        "CREATE ROLE clerk LOGIN",
        "CREATE DATABASE shop CONNECTION LIMIT 7",
        "COMMENT ON DATABASE shop IS 'it''s 100 %DB%'",
        "ALTER DATABASE shop SET work_mem TO '5MB'",
        "ALTER ROLE clerk IN DATABASE shop SET search_path TO a, \"B c\"",
        "ALTER ROLE clerk IN DATABASE shop SET work_mem TO '6MB'",
    ] {
        sql(&own, text).await;
    }
    let kept = "SELECT count(*) FROM pg_database d WHERE datname = 'shop' AND datconnlimit = 7 \
        AND shobj_description(d.oid, 'pg_database') = 'it''s 100 %DB%' \
        AND (SELECT string_agg(concat(setrole::regrole, setconfig), ' ' ORDER BY setrole) FROM pg_db_role_setting \
          WHERE setdatabase = d.oid) = '-{work_mem=5MB} clerk{\"search_path=a, \\\"B c\\\"\",work_mem=6MB}'";
    assert_eq!(number(&own, kept).await, 1);
    let id = backup(&own.stack).await.manifest.id;
    sql(&own, "DROP DATABASE shop").await;
    own.stack.restore(&plainly(&id), &quiet).await.unwrap();
    assert_eq!(number(&own, kept).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_come_back_as_templates_and_what_nobody_can_read_is_named() {
    let own = Own::new(&[ServiceKind::Postgres]);
    own.up().await;
    sql(&own, "CREATE DATABASE pattern").await;
    let pattern = own.stack.endpoints().unwrap().postgres.unwrap().with_database("pattern");
    let inside = async |text: &str| {
        let postgres = hallmark_services::Postgres::new(&pattern).unwrap();
        postgres.client().await.unwrap().batch_execute(text).await.unwrap();
    };
    inside("CREATE TABLE model AS SELECT 1 AS n").await;
    sql(&own, "ALTER DATABASE pattern IS_TEMPLATE true").await;
    sql(&own, "CREATE DATABASE sealed").await;
    sql(&own, "ALTER DATABASE sealed ALLOW_CONNECTIONS false").await;
    let report = backup(&own.stack).await;
    let kept = report.manifest.kept(ServiceKind::Postgres).unwrap();
    assert_eq!(kept.content["pattern: public.model"].count, 1, "{kept:#?}");
    assert!(kept.note.as_ref().is_some_and(|note| note.contains("sealed")), "{kept:#?}");
    inside("DROP TABLE model").await;
    for _ in 0..2 {
        own.stack.restore(&plainly(&report.manifest.id), &quiet).await.unwrap();
    }
    let held = own.stack.content(ServiceKind::Postgres).await.unwrap();
    assert_eq!(held["pattern: public.model"].count, 1);
    let templates = "SELECT count(*) FROM pg_database WHERE datistemplate AND datname = 'pattern'";
    assert_eq!(number(&own, templates).await, 1);
    assert_eq!(number(&own, "SELECT count(*) FROM pg_database WHERE datname LIKE 'hallmark%'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_files_are_loaded_once_and_restored_with_their_notes() {
    let own = Own::new(&[ServiceKind::Postgres, ServiceKind::Redis, ServiceKind::Chroma]);
    own.up().await;
    let file = |name: &str, text: &str| {
        let path = own.root.join(name);
        write(&path, text.as_bytes());
        path
    };
    let files = [
        file(
            "schema.sql",
            "CREATE TABLE products (sku text PRIMARY KEY, name text); CREATE TABLE other (n int);",
        ),
        file("products.csv", "sku,name\nA,\"with, comma\"\nB,\"two\nlines\"\n"),
        file(
            "shelf.jsonl",
            "{\"id\": \"1\", \"embedding\": [1, 0], \"document\": \"d\", \"metadata\": {\"n\": 1}}\n",
        ),
        file("keys.redis", "# a comment\nSET greeting \"hello world\"\nRPUSH list a 'b c'\n"),
    ];
    let first = own.stack.seed(&files, false, &|_| {}).await.unwrap();
    let counts: Vec<u64> = first.iter().map(|file| file.count).collect();
    assert_eq!(counts, [1, 2, 1, 2], "{first:?}");
    let again = own.stack.seed(&files, false, &|_| {}).await.unwrap();
    assert!(again.iter().all(|file| file.state == Seeded::There), "{again:?}");
    assert_eq!(number(&own, "SELECT count(*) FROM products").await, 2);
    assert_eq!(redis::<String>(&own, &["GET", "greeting"]).await, "hello world");
    assert_eq!(redis::<i64>(&own, &["LLEN", "list"]).await, 2);

    let changed = file("keys.redis", "INCR greeting\n");
    let refused = async |path: &PathBuf, again| {
        own.stack.seed(std::slice::from_ref(path), again, &|_| {}).await.unwrap_err()
    };
    assert_eq!(refused(&changed, false).await.code().id, "HM-S111");
    // A command that fails: nothing of the file is noted.
    assert!(refused(&changed, true).await.place().unwrap().contains("keys.redis"));
    assert_eq!(refused(&changed, false).await.code().id, "HM-S111");
    for (name, text, code) in [
        ("ends.sql", "BEGIN; INSERT INTO other VALUES (1); COMMIT; SELECT 1/0;", "HM-S110"),
        ("ends.redis", "RPUSH list c\nEXEC\n", "HM-S110"),
        ("broken.sql", "INSERT INTO other VALUES (1); INSERT INTO nowhere VALUES (1);", "HM-S011"),
        ("other.csv", "n\n1\nnot a number\n", "HM-S011"),
        ("x.jsonl", "{\"id\": \"1\"}\n", "HM-S110"),
        ("x.redis", "SET 'open\n", "HM-S110"),
        ("x.txt", "", "HM-S110"),
    ] {
        assert_eq!(refused(&file(name, text), false).await.code().id, code, "{name}");
    }
    let elsewhere = file("elsewhere.redis", "SELECT 4\nRPUSH list a\nSELECT 5\n");
    for wanted in [Seeded::Loaded, Seeded::There] {
        let found = own.stack.seed(std::slice::from_ref(&elsewhere), false, &|_| {}).await.unwrap();
        assert_eq!(found[0].state, wanted, "its note is where the next run looks");
    }
    assert_eq!(redis::<i64>(&own, &["LLEN", "list"]).await, 2);
    assert_eq!(number(&own, "SELECT count(*) FROM other").await, 0, "a file is loaded whole or not at all");
    own.stack.reset(&RestoreOptions { no_safety: true, ..RestoreOptions::default() }, &quiet).await.unwrap();
    let anew = own.stack.seed(&files[..3], false, &|_| {}).await.unwrap();
    assert!(anew.iter().all(|file| file.state == Seeded::Loaded), "a reset takes the notes along: {anew:?}");
}

async fn cypher_refuses(own: &Own, text: &str) -> bool {
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    handles.neo4j.query(text, nothing()).await.is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_write_load_is_of_one_moment() {
    let own = Own::new(&[ServiceKind::Postgres, ServiceKind::Redis]);
    own.up().await;
    sql(
        &own,
        "CREATE TABLE here (n bigint); CREATE TABLE there (n bigint); \
         INSERT INTO here SELECT 1000 FROM generate_series(1, 50); INSERT INTO there SELECT 1000 FROM generate_series(1, 50)",
    )
    .await;
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (flag, writers) = (std::sync::Arc::clone(&stop), handles.clone());
    let writer = tokio::spawn(async move {
        let client = writers.postgres.client().await.unwrap();
        let mut connection = writers.redis.connection().await.unwrap();
        let mut written = 0_u64;
        while !flag.load(std::sync::atomic::Ordering::Relaxed) {
            client
                .batch_execute("BEGIN; UPDATE here SET n = n - 1; UPDATE there SET n = n + 1; COMMIT")
                .await
                .unwrap();
            let mut pipe = redis::pipe();
            pipe.atomic().decr("here", 1).incr("there", 1);
            let _: (i64, i64) = pipe.query_async(&mut connection).await.unwrap();
            written += 1;
        }
        written
    });
    let report = backup(&own.stack).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let written = writer.await.unwrap();
    assert!(written > 20, "{written} writes are no load");
    own.stack.restore(&plainly(&report.manifest.id), &quiet).await.unwrap();
    let moved = number(&own, "SELECT (50000 - sum(n))::bigint FROM here").await;
    assert_eq!(number(&own, "SELECT (sum(n) - 50000)::bigint FROM there").await, moved);
    assert!(moved > 0 && moved % 50 == 0, "{moved}");
    let (here, there): (i64, i64) =
        (redis(&own, &["GET", "here"]).await, redis(&own, &["GET", "there"]).await);
    assert!(here < 0 && here + there == 0, "{here} {there}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_backup_opens_for_its_passphrase_alone_and_damage_is_noticed() {
    let own = Own::new(&[ServiceKind::Redis]);
    own.up().await;
    let _: redis::Value = redis(&own, &["SET", "word", "PLAINLY-VISIBLE"]).await;
    let secret = |text: &str| Some(Secret::new(text));
    let options = BackupOptions { passphrase: secret("right"), ..BackupOptions::default() };
    let report = own.stack.backup(&options, &quiet).await.unwrap();
    let file =
        report.folder.join(&report.manifest.kept(ServiceKind::Redis).unwrap().packed.as_ref().unwrap().file);
    assert!(report.manifest.encrypted && report.manifest.verified.is_some());
    let _: redis::Value = redis(&own, &["SET", "word", "changed"]).await;

    let refused = async |passphrase: Option<Secret>| {
        let options = RestoreOptions { passphrase, ..plainly(&report.manifest.id) };
        let error = own.stack.restore(&options, &quiet).await.unwrap_err();
        assert_eq!(redis::<String>(&own, &["GET", "word"]).await, "changed");
        error.code().id
    };
    assert_eq!(refused(None).await, "HM-S104");
    assert_eq!(refused(secret("wrong")).await, "HM-S104");
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() - 1], &[]] {
        write(&file, damaged);
        assert_eq!(refused(secret("right")).await, "HM-S103");
    }
    write(&file, &whole);
    let options = RestoreOptions { passphrase: secret("right"), ..plainly(&report.manifest.id) };
    own.stack.restore(&options, &quiet).await.unwrap();
    assert_eq!(redis::<String>(&own, &["GET", "word"]).await, "PLAINLY-VISIBLE");
    assert_eq!(own.stack.backups(None).len(), 1, "nothing else was left");
}

fn write(path: &Path, bytes: &[u8]) {
    hallmark_core::fs::write_atomic(path, bytes, hallmark_core::fs::Mode::Private).unwrap();
}

/// Not a test: the test binary runs itself with this name to be a command that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn be_a_command() {
    let Some(root) = std::env::var_os("HALLMARK_TEST_ROOT") else { return };
    let stack = Own::open(&PathBuf::from(root));
    let done = match std::env::var("HALLMARK_TEST_RESTORE") {
        Ok(id) => stack.restore(&plainly(&id), &quiet).await.map(drop),
        Err(_) => {
            let to = std::env::var_os("HALLMARK_TEST_TO").map(PathBuf::from);
            stack.backup(&BackupOptions { to, ..BackupOptions::default() }, &quiet).await.map(drop)
        }
    };
    if let Err(error) = done {
        panic!("error[{}] {error:?}", error.code().id);
    }
}

fn command(own: &Own, restore: Option<&str>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["backup::be_a_command", "--exact", "--nocapture"]);
    command.env("HALLMARK_TEST_ROOT", &own.root).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(id) = restore {
        command.env("HALLMARK_TEST_RESTORE", id);
    }
    command
}

/// Kills the command this long after the file is there, or after its start; answers whether it was done before.
fn kill_after(mut child: Child, file: Option<&Path>, time: Duration) -> bool {
    let mut since = file.is_none().then(Instant::now);
    while since.is_none_or(|since| since.elapsed() < time) {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "the command failed by itself");
            return true;
        }
        if since.is_none() && file.is_some_and(Path::is_file) {
            since = Some(Instant::now());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_leaves_nothing_half() {
    let own = Own::new(&[ServiceKind::Redis, ServiceKind::Chroma, ServiceKind::Postgres]);
    own.up().await;
    vectors(&own, "shelf", 500).await;
    let folder = own.stack.backups_folder(None);
    let mut partial = 0;
    for step in 1..16 {
        let moment = Duration::from_millis(100 * step * step);
        let done = kill_after(command(&own, None).spawn().unwrap(), None, moment);
        // Whatever is listed is whole, and no server stands still.
        for backup in own.stack.backups(None) {
            own.stack
                .verify_backup(Some(&backup.manifest.id), &BackupOptions::default(), &quiet)
                .await
                .unwrap();
        }
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        partial += entries.filter(|e| e.file_name().to_string_lossy().starts_with('.')).count();
        // What was halted for a copy is let go by a guard, which notices the death a moment later.
        let began = std::time::Instant::now();
        while !own.status().await.all_usable() {
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", own.status().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if done {
            break;
        }
    }
    assert!(partial > 0, "no kill came in the middle");
    backup(&own.stack).await;
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
    let home = PathBuf::from(own.status().await.home.unwrap());
    let scratch = std::fs::read_dir(home).unwrap().flatten().map(|e| e.file_name());
    assert_eq!(scratch.filter(|name| name.to_string_lossy().starts_with("scratch-")).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_loses_nothing() {
    let own = Own::new(&[ServiceKind::Redis, ServiceKind::Chroma, ServiceKind::Postgres]);
    own.up().await;
    sql(&own, "CREATE TABLE state (n bigint); INSERT INTO state VALUES (1)").await;
    let _: redis::Value = redis(&own, &["SET", "state", "1"]).await;
    vectors(&own, "one", 10).await;
    let first = backup(&own.stack).await.manifest.id;
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let journal = PathBuf::from(own.status().await.home.unwrap()).join("run/restore.json");
    let (mut old, mut new) = (0, 0);
    // Moments after the start, the first of them before anything is decided, and many while it is carried out.
    let before = [50, 300, 1500].map(|ms| (None, ms));
    let within = [0, 5, 20, 60, 150, 400, 1000, 60_000].map(|ms| (Some(journal.as_path()), ms));
    for (file, moment) in before.into_iter().chain(within) {
        sql(&own, "UPDATE state SET n = 2").await;
        let _: redis::Value = redis(&own, &["SET", "state", "2"]).await;
        vectors(&own, "two", 10).await;
        let child = command(&own, Some(&first)).spawn().unwrap();
        let done = kill_after(child, file, Duration::from_millis(moment));
        let decided = done || file.is_some() || journal.is_file();
        // The next command, whatever it is, finishes what was decided.
        own.up().await;
        let state: i64 = number(&own, "SELECT n FROM state").await;
        let of_redis: i64 = redis(&own, &["GET", "state"]).await;
        let two = handles.chroma.list_collections().await.unwrap().iter().any(|c| c.name == "two");
        assert_eq!((of_redis, two), (state, state == 2), "all old or all new, at {moment} ms, {file:?}");
        assert_eq!(
            state,
            if decided { 1 } else { 2 },
            "what is decided is finished, at {moment} ms, {file:?}"
        );
        assert!(done || moment < 60_000);
        if state == 2 { old += 1 } else { new += 1 }
    }
    assert!(old > 0 && new > 0, "{old} {new}");
    backup(&own.stack).await;
    let left = number(&own, "SELECT count(*) FROM pg_database WHERE datname LIKE 'hallmark%'").await;
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_while_a_killed_restore_waited_is_not_lost() {
    let own = Own::new(&[ServiceKind::Redis, ServiceKind::Postgres]);
    own.up().await;
    sql(&own, "CREATE TABLE state (n bigint)").await;
    let _: redis::Value = redis(&own, &["SET", "state", "1"]).await;
    let first = backup(&own.stack).await.manifest.id;
    let _: redis::Value = redis(&own, &["SET", "state", "2"]).await;
    let home = PathBuf::from(own.status().await.home.unwrap());
    // Killed when Redis has its new data; PostgreSQL's come last.
    let mut child = command(&own, Some(&first)).spawn().unwrap();
    let began = Instant::now();
    let replaced = || {
        use std::os::unix::fs::MetadataExt as _;
        let text = std::fs::read_to_string(home.join("run/restore.json")).ok()?;
        let journal: serde_json::Value = serde_json::from_str(&text).ok()?;
        let live = std::fs::metadata(home.join("redis/data")).ok()?;
        (journal["exchanges"][0]["inode"].as_u64() == Some(live.ino())).then_some(())
    };
    while replaced().is_none() {
        assert!(child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    sql(&own, "INSERT INTO state VALUES (4711)").await;
    let pending = own.status().await.pending.unwrap();
    assert!(pending.contains(&first) && pending.contains("postgres"), "{pending}");
    assert_eq!(own.stack.why(ServiceKind::Postgres).await.unwrap().pending, Some(pending.clone()));
    let checks = own.stack.doctor().await.unwrap();
    assert!(checks.iter().any(|check| check.id == "restore" && check.detail == pending), "{checks:#?}");
    let scheduled = BackupOptions { reason: Reason::Scheduled, ..BackupOptions::default() };
    assert_eq!(own.stack.backup(&scheduled, &quiet).await.unwrap_err().code().id, "HM-S109");

    let seen = crate::stack::Collected::default();
    own.stack.up(&UpOptions::default(), &seen).await.unwrap();
    let said = seen.0.lock().unwrap().join("\n");
    assert!(said.contains("finishing the restore of") && said.contains("hallmark restore"), "{said}");
    assert_eq!(own.status().await.pending, None);
    assert_eq!(redis::<i64>(&own, &["GET", "state"]).await, 1);
    assert_eq!(number(&own, "SELECT count(*) FROM state").await, 0, "what was decided is finished");
    let copy = own.stack.backups(None).pop().unwrap().manifest;
    assert_eq!(copy.reason, Reason::BeforeRestore);
    own.stack.restore(&plainly(&copy.id), &quiet).await.unwrap();
    assert_eq!(number(&own, "SELECT n FROM state").await, 4711, "and what was acknowledged comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_an_error_and_no_half_backup() {
    let own = Own::new(&[ServiceKind::Chroma]);
    own.up().await;
    vectors(&own, "shelf", 800).await;
    let inner = command(&own, None);
    let program = inner.get_program().to_owned();
    // No file may grow beyond 64 kB, which is what a full disk looks like to a writer.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\" 2>&1"])
        .arg(program)
        .args(["backup::be_a_command", "--exact", "--nocapture"])
        .env("HALLMARK_TEST_ROOT", &own.root)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains("error[HM-C011]"), "{text}");
    assert!(own.stack.backups(None).is_empty());
    assert!(own.status().await.all_usable());
    backup(&own.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_others_is_read_and_never_written() {
    let theirs = crate::support::OwnRedis::start();
    let own = Own::new(&[ServiceKind::Chroma]);
    own.up().await;
    let text = std::fs::read_to_string(own.root.join("hallmark.toml")).unwrap();
    write(
        &own.root.join("hallmark.toml"),
        text.replace("redis = \"off\"", "redis = \"external\"").as_bytes(),
    );
    let project = own.stack.project().clone();
    let config = hallmark_core::config::Config::load(&own.root).unwrap().section("stack").unwrap();
    let stack = Stack::open(&project, config, theirs.endpoints()).unwrap();
    let report = stack.backup(&BackupOptions::default(), &quiet).await.unwrap();
    let kept = report.manifest.kept(ServiceKind::Redis).unwrap();
    assert!(kept.packed.is_some() && report.manifest.verified.is_some(), "{kept:?}");
    let all = stack.restore(&plainly(&report.manifest.id), &quiet).await.unwrap_err();
    assert_eq!(all.code().id, "HM-S107");
    let only = vec![ServiceKind::Redis];
    let reset = RestoreOptions { only, ..RestoreOptions::default() };
    assert_eq!(stack.reset(&reset, &quiet).await.unwrap_err().code().id, "HM-S107");
    let rest = RestoreOptions { only: vec![ServiceKind::Chroma], ..plainly(&report.manifest.id) };
    assert!(stack.restore_plan(&rest).is_ok());
}
