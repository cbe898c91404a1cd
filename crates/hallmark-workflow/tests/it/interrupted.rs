//! A run whose process was killed is found.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use hallmark_workflow::{Caller, LocalRuntime, RunStore, Status};
use serde_json::json;

use crate::{Scratch, postgres, registry};

const SCHEMA: &str = "HALLMARK_TEST_INTERRUPTED_SCHEMA";

/// Not a test of its own: the process that the test below starts and kills.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Ok(schema) = std::env::var(SCHEMA) else { return };
    let store = RunStore::open_in(&postgres(), &schema).await.unwrap();
    let runtime = LocalRuntime::new(registry(), store.clone());
    let run =
        tokio::spawn(
            async move { runtime.call("SleepNode", json!({"ms": 29_000}), &Caller::new("child")).await },
        );
    while !store.list(10, None).await.unwrap().iter().any(|run| run.caller == "child") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("\nrunning");
    let _ = run.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_an_interrupted_run() {
    let scratch = Scratch::open().await;
    // A run of this process, which lives: it must be left alone.
    let runtime = scratch.runtime();
    let mine =
        tokio::spawn(
            async move { runtime.call("SleepNode", json!({"ms": 3_000}), &Caller::new("parent")).await },
        );
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "interrupted::the_process_that_is_killed", "--nocapture"])
        .env(SCHEMA, &scratch.schema)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line == "running");
    assert!(ready, "the child did not begin its run");

    // While the child lives, its run is running for everyone.
    let other = RunStore::open_in(&scratch.postgres, &scratch.schema).await.unwrap();
    let status = async |caller: &str| {
        let runs = scratch.store.list(10, None).await.unwrap();
        runs.into_iter().find(|run| run.caller == caller).map(|run| (run.run_id, run.status))
    };
    let (run_id, running) = status("child").await.unwrap();
    assert_eq!(running, Status::Running);

    child.kill().unwrap();
    child.wait().unwrap();
    drop(other);
    let mut tries = 0;
    loop {
        drop(RunStore::open_in(&scratch.postgres, &scratch.schema).await.unwrap());
        if status("child").await.unwrap().1 == Status::Interrupted {
            break;
        }
        tries += 1;
        assert!(tries < 100, "the run was not found in 5 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let run = scratch.store.get(&run_id).await.unwrap();
    assert_eq!(run.error.unwrap()["code"], "HM-W036");
    assert_eq!(status("parent").await.unwrap().1, Status::Running, "a living process keeps its runs");
    assert_eq!(mine.await.unwrap().unwrap().status, Status::Succeeded);
    scratch.remove().await;
}
