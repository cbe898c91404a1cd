//! Imports in parts: what was committed is neither lost nor doubled, whatever ends the import.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{World, code, error, parse, with, witness};

const EVENTS: &str = "
@db.model
class Event:
    number: int
    name: str
    note: Optional[str] = None
";
const NODE: &str = "EventImportNode";
const ROWS: u64 = 40_000;

fn write(world: &World, name: &str, text: &str) {
    let path = world.folder.join(name);
    hallmark_core::fs::write_atomic(&path, text.as_bytes(), hallmark_core::fs::Mode::Default).unwrap();
}

fn csv(rows: std::ops::Range<u64>) -> String {
    // Some rows run over two lines, so that lines are not rows.
    let row =
        |n| if n % 10 == 0 { format!("{n},\"name of\n{n}\",x\n") } else { format!("{n},name of {n},\n") };
    std::iter::once("number,name,note\n".to_owned()).chain(rows.map(row)).collect()
}

fn jsonl(rows: std::ops::Range<u64>) -> String {
    rows.map(|n| format!("{{\"number\": {n}, \"name\": \"name of {n}\"}}\n")).collect()
}

/// How many rows there are, how many different ones, and their sum.
async fn found(world: &World) -> Value {
    world.ask("SELECT jsonb_build_array(count(*), count(DISTINCT number), coalesce(sum(number), 0)) FROM {}.events").await
}

fn all(rows: u64) -> Value {
    json!([rows, rows, rows * (rows - 1) / 2])
}

/// The variable that makes this program an importer.
const CHILD: &str = "HALLMARK_TEST_IMPORTER";

/// Not a test when it is run as one: the other process of the tests below, which is killed.
#[test]
fn the_importer_that_is_killed() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let (schema, input) = orders.split_once('|').unwrap();
    let (schema, input) = (schema.to_owned(), serde_json::from_str::<Value>(input).unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(async move {
        let world = World::named(parse(EVENTS), &schema, witness().await);
        println!("\nbegins");
        let answer = world.call(NODE, input).await;
        println!("\nended {}", answer.map_or_else(|e| e.to_string(), |a| a.to_string()));
        // The folder is the parent's.
        std::mem::forget(world);
    });
}

fn child(schema: &str, input: &Value) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["imports::the_importer_that_is_killed", "--exact", "--nocapture"])
        .env(CHILD, format!("{schema}|{input}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Starts importers and kills them, each a little further, until one ends; gives how many were killed.
async fn killed_until_done(world: &World, input: &Value) -> u64 {
    let record = "SELECT coalesce((SELECT max(rows) FROM {}.hallmark_imports), 0)";
    let mut killed = 0;
    loop {
        let mut child = child(world.dataflow.schema(), input);
        let before = if killed == 0 { 0 } else { world.ask(record).await.as_u64().unwrap() };
        let mut moved = false;
        for _ in 0..60_000 {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            let there =
                world.ask("SELECT to_regclass('{}.hallmark_imports') IS NOT NULL").await == json!(true);
            if there && world.ask(record).await.as_u64().unwrap() > before {
                moved = true;
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // Not for ever: it must come to its end.
        if moved && killed < 6 {
            let any = hallmark_core::random::token(1).unwrap().bytes().map(u64::from).sum::<u64>();
            tokio::time::sleep(Duration::from_millis(any % 40)).await;
            child.kill().unwrap();
        }
        let output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(std::result::Result::ok);
        let ended = output.filter(|line| line.starts_with("ended")).last();
        child.wait().unwrap();
        match ended {
            Some(said) => {
                assert!(said.starts_with("ended {"), "{said}");
                return killed;
            }
            None => killed += 1,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_no_row_is_lost_or_doubled() {
    with(parse(EVENTS), |world| async move {
        write(&world, "events.csv", &csv(0..ROWS));
        write(&world, "events.jsonl", &jsonl(0..ROWS));
        let ways = [("events.csv", "error"), ("events.csv", "skip"), ("events.jsonl", "error")];
        for (file, on_conflict) in ways {
            let format = file.rsplit_once('.').unwrap().1;
            let input = json!({
                "path": file, "format": format, "commit_every": 200, "unfinished": "resume", "on_conflict": on_conflict,
            });
            let killed = killed_until_done(&world, &input).await;
            assert!(killed > 0, "{input}: it was done before it could be killed");
            assert_eq!(found(&world).await, all(ROWS), "{input}, killed {killed} times");
            let again = world.call(NODE, input.clone()).await.unwrap();
            assert_eq!((&again["read"], &again["resumed_at"]), (&json!(ROWS), &json!(ROWS)), "it is done already");
            assert_eq!(found(&world).await, all(ROWS));
            let clean = "TRUNCATE {0}.events; TRUNCATE {0}.hallmark_imports CASCADE";
            world.sql.batch_execute(&clean.replace("{0}", world.dataflow.schema())).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_importers_of_a_file_do_not_double_it() {
    with(parse(EVENTS), |world| async move {
        write(&world, "events.csv", &csv(0..1_000));
        let whole = json!({"path": "events.csv"});
        let skipping = json!({"path": "events.csv", "on_conflict": "skip"});
        let parts = json!({"path": "events.csv", "commit_every": 100});
        for (first, second) in [(&whole, &parts), (&parts, &whole), (&parts, &parts), (&skipping, &whole)] {
            // The first one waits for a table that somebody else keeps.
            let keeper = witness().await;
            let lock = format!("BEGIN; LOCK TABLE {}.events IN EXCLUSIVE MODE", world.dataflow.schema());
            keeper.batch_execute(&lock).await.unwrap();
            let (other, input) = (world.clone(), first.clone());
            let begun = tokio::spawn(async move { other.call(NODE, input).await });
            let waiting =
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{}.events'::regclass";
            while world.ask(waiting).await == json!(0) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(code(world.call(NODE, second.clone()).await), "HM-D111", "{first} and {second}");
            keeper.batch_execute("COMMIT").await.unwrap();
            begun.await.unwrap().unwrap();
            assert_eq!(found(&world).await, all(1_000));
            world
                .sql
                .batch_execute(&format!("DELETE FROM {}.events", world.dataflow.schema()))
                .await
                .unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn what_ended_early_is_gone_on_with_or_forgotten() {
    with(parse(EVENTS), |world| async move {
        let good = csv(0..1_000);
        write(&world, "events.csv", &good.replace("\n555,", "\nfive,"));
        let parts = json!({"path": "events.csv", "commit_every": 100});
        let refused = error(world.call(NODE, parts.clone()).await);
        assert_eq!(refused.code().id, "HM-D112");
        assert!(refused.causes()[0].starts_with("row 556 (line 613, number)"), "{:?}", refused.causes());
        assert!(refused.causes().iter().any(|c| c.contains("the first 500 rows")), "{:?}", refused.causes());
        assert_eq!(found(&world).await, all(500));
        // Neither way begins it again unasked.
        for again in [json!({"path": "events.csv"}), parts.clone()] {
            let refused = error(world.call(NODE, again).await);
            assert_eq!(refused.code().id, "HM-D110");
            assert!(refused.message().contains("first 500 rows"), "{}", refused.message());
        }
        let with = |more: Value| {
            let mut input = parts.clone();
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        let other = with(json!({"unfinished": "resume", "on_conflict": "skip"}));
        let other = error(world.call(NODE, other).await);
        assert_eq!((other.code().id, other.place()), ("HM-D113", Some("on_conflict")));
        // Mended behind what was imported, and not before it.
        write(&world, "events.csv", &good);
        let resume = with(json!({"unfinished": "resume"}));
        let done = world.call(NODE, resume.clone()).await.unwrap();
        let told = ["read", "imported", "resumed_at", "parts"].map(|name| &done[name]);
        assert_eq!(json!(told), json!([1_000, 1_000, 500, 6]));
        assert_eq!(found(&world).await, all(1_000));
        // The file grows: what is new is imported.
        write(&world, "events.csv", &csv(0..1_250));
        let grown = world.call(NODE, resume.clone()).await.unwrap();
        assert_eq!(
            json!([grown["read"], grown["imported"], grown["resumed_at"]]),
            json!([1_250, 1_250, 1_000])
        );
        assert_eq!(found(&world).await, all(1_250));
        // Another beginning is another file.
        write(&world, "events.csv", &csv(1_250..1_300));
        let new = world.call(NODE, resume).await.unwrap();
        assert_eq!((&new["read"], &new["resumed_at"]), (&json!(50), &json!(null)));
        assert_eq!(found(&world).await, all(1_300));
    })
    .await;
}

#[tokio::test]
async fn refused_rows_of_all_runs_are_told_at_the_end() {
    with(parse(EVENTS), |world| async move {
        let bad = csv(0..1_000).replace("\n55,", "\nfive,").replace("\n777,", "\n7.7,");
        write(&world, "events.csv", &format!("{bad}\"cut off"));
        let input = json!({
            "path": "events.csv", "commit_every": 100, "unfinished": "resume", "on_error": "skip", "error_path": "bad.jsonl",
        });
        let cut = error(world.call(NODE, input.clone()).await);
        assert_eq!((cut.code().id, cut.place()), ("HM-D052", Some("events.csv: row 1001")));
        assert_eq!(world.ask("SELECT count(*) FROM {}.events").await, json!(998));
        write(&world, "events.csv", &bad);
        let done = world.call(NODE, input).await.unwrap();
        assert_eq!(json!([done["imported"], done["refused"], done["resumed_at"]]), json!([998, 2, 1_000]));
        let told: Vec<Value> = std::fs::read_to_string(world.folder.join("bad.jsonl"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|row| json!([row["row"], row["column"], row["code"]]))
            .collect();
        assert_eq!(json!(told), json!([[56, "number", "HM-D011"], [778, "number", "HM-D011"]]));
        assert_eq!(done["errors"].as_array().unwrap().len(), 2);
        write(&world, "begun.csv", &csv(0..300).replace("\n250,", "\nx,"));
        let begun = json!({"path": "begun.csv", "commit_every": 100});
        assert_eq!(code(world.call(NODE, begun).await), "HM-D112");
        let anew = json!({"path": "begun.csv", "unfinished": "forget", "on_error": "skip"});
        let anew = world.call(NODE, anew).await.unwrap();
        assert_eq!((&anew["imported"], &anew["read"]), (&json!(299), &json!(300)));
    })
    .await;
}

const PLAYERS: &str = "
@db.model
class Player:
    name: str = Field(unique=True)
    email: Optional[str] = Field(default=None, unique=True)
    score: int = 0
    __dataflow__ = {'multi_tenant': True}
";

#[tokio::test]
async fn a_row_that_is_changed_is_not_in_its_own_way() {
    with(parse(PLAYERS), |world| async move {
        let call = |tenant: &'static str, content: &str, more: Value| {
            let mut input = json!({"content": content, "on_conflict": "update"});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let world = world.clone();
            async move { world.tenant(tenant, "PlayerImportNode", input).await }
        };
        let make = json!({"content": "id,name,email\n1,a,a@x\n2,b,b@x\n3,c,\n"});
        world.tenant("t", "PlayerImportNode", make).await.unwrap();
        // What was exported is edited and imported, by its key and by another unique field.
        let edited = "id,name,email,score\n1,a,a@x,7\n2,b2,b@x,8\n3,c,,9\n";
        for more in
            [json!({}), json!({"match_on": ["email"], "content": "name,email,score\na,a@x,70\nb2,b@x,80\n"})]
        {
            let answer = call("t", edited, more.clone()).await.unwrap();
            assert_eq!(
                (&answer["updated"], &answer["refused"]),
                (&json!(if more == json!({}) { 3 } else { 2 }), &json!(0))
            );
        }
        let rows = "SELECT jsonb_agg(jsonb_build_array(id, name, score) ORDER BY id) FROM {}.players";
        assert_eq!(world.ask(rows).await, json!([[1, "a", 70], [2, "b2", 80], [3, "c", 9]]));
        // What another row has is still in the way.
        for content in ["id,name\n1,b2\n", "id,name,email\n9,new,a@x\n"] {
            let refused = error(call("t", content, json!({})).await);
            assert!(refused.causes()[0].contains("HM-D020"), "{:?}", refused.causes());
        }
        // The key of another tenant's row is told, and its row left out.
        let refused = error(call("u", "id,name\n1,stolen\n", json!({})).await);
        assert!(refused.causes()[0].contains("row 1 (line 2, id): [HM-D020]"), "{:?}", refused.causes());
        let answer = call("u", "id,name\n1,stolen\n4,own\n", json!({"on_error": "skip"})).await.unwrap();
        assert_eq!(
            (&answer["imported"], &answer["refused"], &answer["skipped"]),
            (&json!(1), &json!(1), &json!(0))
        );
        assert_eq!(world.ask(rows).await, json!([[1, "a", 70], [2, "b2", 80], [3, "c", 9], [4, "own", 0]]));
    })
    .await;
}

#[tokio::test]
async fn files_that_end_without_a_line_end_go_on_where_they_ended() {
    with(parse(EVENTS), |world| async move {
        let resume = |name: &str, format: &str| {
            let input = json!({"path": name, "format": format, "unfinished": "resume"});
            let world = world.clone();
            async move { world.call(NODE, input).await }
        };
        for (format, first, more, grown) in [
            ("csv", "number,name\n1,a\n2,b", "\n3,c\n", "4,d"),
            ("csv", "number,name\r\n11,a\r\n12,b", "\r\n13,c", "x\r\n14,d"),
            ("jsonl", "{\"number\": 21, \"name\": \"a\"}", "\n{\"number\": 22, \"name\": \"b\"}\n", ""),
        ] {
            let name = format!("grows.{}.{format}", first.len());
            write(&world, &name, first);
            let began = resume(&name, format).await.unwrap();
            let longer = format!("{first}{more}");
            write(&world, &name, &longer);
            let went_on = resume(&name, format).await.unwrap();
            assert_eq!(
                (&went_on["resumed_at"], &went_on["read"]),
                (&began["read"], &json!(began["read"].as_u64().unwrap() + 1)),
                "{format}"
            );
            if !more.ends_with('\n') {
                // The line of the last row goes on: neither to go on nor to begin anew would be right.
                write(&world, &name, &format!("{longer}{grown}"));
                assert_eq!(code(resume(&name, format).await), "HM-D120");
            }
        }
        assert_eq!(found(&world).await, json!([8, 8, 6 + 36 + 43]));
    })
    .await;
}

#[tokio::test]
async fn a_mapping_is_held_to_what_the_whole_file_has() {
    with(parse(EVENTS), |world| async move {
        // The last rows, of which the second part is, do not have the column that is mapped.
        let lines: String = (0..150)
            .map(|n| {
                let name = if n < 100 { "titel" } else { "name" };
                format!("{{\"number\": {n}, \"{name}\": \"a\"}}\n")
            })
            .collect();
        write(&world, "mapped.jsonl", &lines);
        write(&world, "mapped.csv", "number,titel\n1000,a\n1001,b\n");
        for (file, format, on_conflict) in
            [("mapped.jsonl", "jsonl", "error"), ("mapped.csv", "csv", "skip"), ("mapped.csv", "csv", "error")]
        {
            let input = json!({
                "path": file, "format": format, "on_conflict": on_conflict, "mapping": {"titel": "name"},
                "commit_every": 100, "unfinished": "resume",
            });
            if on_conflict == "error" && format == "csv" {
                write(&world, "mapped.csv", "number,titel\n2000,a\n2001,b\n");
            }
            world.call(NODE, input.clone()).await.unwrap();
            // Nothing is left to do, and no row to be seen.
            let again = world.call(NODE, input).await.unwrap();
            assert_eq!(again["resumed_at"], again["read"], "{file} {on_conflict}");
        }
        assert_eq!(found(&world).await[0], json!(154));
        let typo = json!({"path": "mapped.csv", "on_conflict": "skip", "mapping": {"title": "name"}, "commit_every": 100});
        assert_eq!(code(world.call(NODE, typo).await), "HM-D025");
    })
    .await;
}
