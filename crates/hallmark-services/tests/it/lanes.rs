//! Connections that those who wait on them drive: every question gets its own answer, whoever leaves early and whatever is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hallmark_services::postgres::{Prepared, error};
use hallmark_services::{Guarded, Handles};
use tokio_postgres::types::Type;

use crate::support::endpoints;

const TASKS: i64 = 48;
const QUESTIONS: i64 = 150;

/// Asks for a number and gets it back, in a text as long as wanted.
async fn ask(guarded: &Guarded, marker: &str, number: i64, length: i32) -> hallmark_core::Result<i64> {
    let text = format!("SELECT $1::bigint, repeat('x', $2::int) /* {marker} */");
    let lookup = Prepared {
        text: &text,
        types: &[Type::INT8, Type::INT4],
        parameters: &[&number, &length],
        failure: error,
    };
    let rows = guarded.postgres().lookup(lookup).await?.into_value();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, &str>(1).len(), usize::try_from(length).unwrap());
    Ok(rows[0].get(0))
}

/// Cuts the connections on which such questions were asked last; how many.
async fn cut(handles: &Handles, marker: &str) -> i64 {
    let client = handles.postgres.client().await.unwrap();
    let text = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%' || $1 || '%'";
    client.query_one(text, &[&marker]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_share_them_leave_early_and_lose_them() {
    let handles = Handles::connect(&endpoints()).unwrap();
    // Without repeats and breakers: each question has one connection.
    let guarded = Arc::new(Guarded::bare(&handles));
    let marker = format!("lanes_{}", uuid::Uuid::new_v4().simple());
    let (is_over, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let task = |task: i64| {
        let (guarded, marker, failed) = (Arc::clone(&guarded), marker.clone(), Arc::clone(&failed));
        async move {
            for n in 0..QUESTIONS {
                let number = task * QUESTIONS + n;
                // Now and then an answer that does not fit into what a socket holds.
                let length = if n % 29 == 0 { 400_000 } else { 10 };
                let question = ask(&guarded, &marker, number, length);
                if n % 7 == 3 {
                    let patience = Duration::from_micros((number * 37 % 900).unsigned_abs());
                    if let Ok(Ok(answer)) = tokio::time::timeout(patience, question).await {
                        assert_eq!(answer, number);
                    }
                    continue;
                }
                match question.await {
                    Ok(answer) => assert_eq!(answer, number, "the answer of another question"),
                    Err(_) => {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
    };
    let tasks: Vec<_> = (0..TASKS).map(|number| tokio::spawn(task(number))).collect();
    let cutter = tokio::spawn({
        let (handles, marker, is_over) = (handles.clone(), marker.clone(), Arc::clone(&is_over));
        async move {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(40)).await;
                count += cut(&handles, &marker).await;
            }
            count
        }
    });
    let all = async {
        for task in tasks {
            task.await.unwrap();
        }
    };
    // Long: a question that nobody drives any more would wait for ever.
    tokio::time::timeout(Duration::from_mins(2), all).await.expect("somebody was never answered");
    is_over.store(true, Ordering::Relaxed);
    assert!(cutter.await.unwrap() > 0, "no connection was cut");
    let failed = failed.load(Ordering::Relaxed);
    assert!(failed < usize::try_from(TASKS * QUESTIONS / 2).unwrap(), "{failed} questions failed");
}

#[tokio::test]
async fn one_thread_is_enough_and_a_connection_cut_while_nobody_waits_is_noticed() {
    let handles = Handles::connect(&endpoints()).unwrap();
    let guarded = Guarded::bare(&handles);
    let marker = format!("lanes_{}", uuid::Uuid::new_v4().simple());
    for round in 0..5 {
        let questions = (0..20).map(|n| ask(&guarded, &marker, n, 10));
        let answers = futures_util::future::try_join_all(questions).await.unwrap();
        assert_eq!(answers, (0..20).collect::<Vec<i64>>(), "round {round}");
        assert!(cut(&handles, &marker).await > 0);
        while cut(&handles, &marker).await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // What the server said at the end has to arrive.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_ask_meanwhile_are_answered_by_one_statement() {
    const ASKERS: i64 = 120;
    let guarded = Guarded::bare(&Handles::connect(&endpoints()).unwrap());
    let ask = |number: i64| {
        let guarded = &guarded;
        async move {
            let (id, text, key) = (uuid::Uuid::new_v4(), format!("o'{number}$1"), vec![number as u8, 0]);
            let lookup = Prepared {
                text: "SELECT v AS \"v$1\", $2::text, $3::uuid, $4::bytea, $5::bool, $6::float8, $7::timestamptz, '$1', \
                       pg_backend_pid() || ' ' || statement_timestamp() \
                       FROM (VALUES (1::bigint), (2), (2), (4)) AS t(v) WHERE v = $1 % 5",
                types: &[
                    Type::INT8,
                    Type::TEXT,
                    Type::UUID,
                    Type::BYTEA,
                    Type::BOOL,
                    Type::FLOAT8,
                    Type::TIMESTAMPTZ,
                ],
                parameters: &[
                    &number,
                    &text,
                    &id,
                    &key,
                    &(number % 2 == 0),
                    &(number as f64 / 3.0),
                    &std::time::SystemTime::UNIX_EPOCH,
                ],
                failure: error,
            };
            let rows = guarded.postgres().lookup(lookup).await.unwrap().into_value();
            let expected = [0, 1, 2, 0, 1][usize::try_from(number % 5).unwrap()];
            assert_eq!(rows.len(), expected, "rows of question {number}");
            for row in &rows {
                assert_eq!(row.get::<_, i64>("v$1"), number % 5);
                assert_eq!((row.get::<_, &str>(1), row.get::<_, uuid::Uuid>(2)), (text.as_str(), id));
                assert_eq!(
                    (row.get::<_, &[u8]>(3), row.get::<_, bool>(4)),
                    (key.as_slice(), number % 2 == 0)
                );
                assert_eq!((row.get::<_, f64>(5), row.get::<_, &str>(7)), (number as f64 / 3.0, "$1"));
                assert_eq!(row.get::<_, std::time::SystemTime>(6), std::time::SystemTime::UNIX_EPOCH);
            }
            rows.first().map(|row| row.get::<_, String>(8))
        }
    };
    // The connections are there before: those who wait for one to be made come one by one.
    futures_util::future::join_all((0..ASKERS).map(ask)).await;
    let statements = futures_util::future::join_all((0..ASKERS).map(ask)).await;
    // The first few on each lane go alone.
    let mut by_statement: std::collections::BTreeMap<&String, usize> = std::collections::BTreeMap::new();
    statements.iter().flatten().for_each(|statement| *by_statement.entry(statement).or_default() += 1);
    let most = by_statement.values().max().copied().unwrap_or_default();
    assert!(most >= 8, "{most} of {} answers by one statement", statements.iter().flatten().count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_fails_is_the_only_one_that_fails() {
    let guarded = Guarded::bare(&Handles::connect(&endpoints()).unwrap());
    let ask = |number: i64| {
        let guarded = &guarded;
        async move {
            let lookup = Prepared {
                text: "SELECT 100 / $1",
                types: &[Type::INT8],
                parameters: &[&number],
                failure: error,
            };
            let answer = guarded.postgres().lookup(lookup).await;
            answer.map(|rows| rows.into_value()[0].get::<_, i64>(0))
        }
    };
    for _ in 0..5 {
        let answers = futures_util::future::join_all((0..40).map(ask)).await;
        for (number, answer) in (0_i64..).zip(answers) {
            match number {
                0 => assert!(answer.is_err()),
                _ => assert_eq!(answer.unwrap(), 100 / number),
            }
        }
    }
}

#[tokio::test]
async fn statements_do_not_stay_prepared_without_bound() {
    let guarded = Guarded::bare(&Handles::connect(&endpoints()).unwrap());
    let count = |marker: usize| {
        let guarded = &guarded;
        async move {
            let text = format!("SELECT count(*) + $1 /* {marker} */ FROM pg_prepared_statements");
            let lookup =
                Prepared { text: &text, types: &[Type::INT8], parameters: &[&0_i64], failure: error };
            guarded.postgres().lookup(lookup).await.unwrap().into_value()[0].get::<_, i64>(0)
        }
    };
    let mut most = 0;
    for marker in 0..1_200 {
        most = most.max(count(marker).await);
    }
    assert!((400..=520).contains(&most), "{most} statements were prepared at once");
}

#[tokio::test]
async fn one_text_with_other_types_is_another_statement() {
    let guarded = Guarded::bare(&Handles::connect(&endpoints()).unwrap());
    let text = format!("SELECT pg_typeof($1)::text /* {} */", uuid::Uuid::new_v4().simple());
    let types = [(Type::INT8, "bigint"), (Type::TEXT, "text"), (Type::BOOL, "boolean")];
    for (wire, name) in types.iter().cycle().take(12) {
        let null: Option<&str> = None;
        let number: Option<i64> = None;
        let truth: Option<bool> = None;
        let value: &(dyn tokio_postgres::types::ToSql + Sync) = match *name {
            "bigint" => &number,
            "text" => &null,
            _ => &truth,
        };
        let (types, parameters) = ([wire.clone()], [value]);
        let lookup = Prepared { text: &text, types: &types, parameters: &parameters, failure: error };
        let rows = guarded.postgres().lookup(lookup).await.unwrap().into_value();
        assert_eq!(rows[0].get::<_, &str>(0), *name);
    }
}

/// Puts a number into a table and gets it back.
async fn put(guarded: &Guarded, table: &str, number: i64) -> hallmark_core::Result<i64> {
    let text = format!("INSERT INTO {table} (n) VALUES ($1) RETURNING n");
    let statement = Prepared { text: &text, types: &[Type::INT8], parameters: &[&number], failure: error };
    let rows = guarded.postgres().write(statement).await?;
    assert_eq!(rows.len(), 1);
    Ok(rows[0].get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_written_is_there_whoever_gives_up_and_whatever_is_cut() {
    let guarded = Arc::new(Guarded::bare(&Handles::connect(&endpoints()).unwrap()));
    // Connections that did not write, and so are not cut.
    let handles = Handles::connect(&endpoints()).unwrap();
    let table = format!("lanes_{}", uuid::Uuid::new_v4().simple());
    let create = format!("CREATE TABLE {table} (n bigint PRIMARY KEY)");
    guarded.postgres().writer().await.unwrap().batch_execute(&create).await.unwrap();
    let task = |task: i64| {
        let (guarded, table) = (Arc::clone(&guarded), table.clone());
        async move {
            let mut written = Vec::new();
            for number in task * 60..task * 60 + 60 {
                let statement = put(&guarded, &table, number);
                let answer = if number % 7 == 3 {
                    let patience = Duration::from_micros((number * 37 % 900).unsigned_abs());
                    tokio::time::timeout(patience, statement).await.ok()
                } else {
                    Some(statement.await)
                };
                if let Some(Ok(answer)) = answer {
                    assert_eq!(answer, number, "the answer of another statement");
                    written.push(number);
                }
            }
            written
        }
    };
    let tasks: Vec<_> = (0..12).map(|number| tokio::spawn(task(number))).collect();
    let mut cuts = 0;
    while tasks.iter().any(|task| !task.is_finished()) {
        tokio::time::sleep(Duration::from_millis(30)).await;
        cuts += cut(&handles, &table).await;
    }
    let mut written: Vec<i64> = Vec::new();
    for task in tasks {
        written.extend(task.await.unwrap());
    }
    assert!(cuts > 0 && written.len() > 12 * 60 / 2, "{cuts} cuts, {} written", written.len());
    let client = handles.postgres.client().await.unwrap();
    let missing = format!(
        "SELECT count(*) FROM unnest($1::bigint[]) w WHERE NOT EXISTS (SELECT FROM {table} WHERE n = w)"
    );
    let missing: i64 = client.query_one(&missing, &[&written]).await.unwrap().get(0);
    client.batch_execute(&format!("DROP TABLE {table}")).await.unwrap();
    assert_eq!(missing, 0, "writes were acknowledged and are not there");
}
