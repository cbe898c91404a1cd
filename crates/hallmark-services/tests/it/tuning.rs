//! How the project wants its servers to run: settings reach the processes, and a changed password counts for the next start.

use std::time::{Duration, Instant};

use hallmark_core::fs::{Mode, write_atomic};
use hallmark_services::stack::Process;
use hallmark_services::{Endpoints, Handles};
use rustix::process::Signal;

use crate::health::signal;
use crate::stack::Own;

const PROJECT: &str = "\
[stack]
provider = \"off\"
assume-yes = true
[stack.providers]
redis = \"native\"
chromadb = \"native\"
[stack.redis]
appendfsync = \"always\"
[stack.environment.chromadb]
MALLOC_ARENA_MAX = \"2\"
";

async fn setting(own: &Own, name: &str) -> hallmark_core::Result<String> {
    let handles = Handles::connect(&own.stack.endpoints()?)?;
    let mut connection = handles.redis.connection().await?;
    let mut get = redis::cmd("CONFIG");
    let answer: Result<Vec<String>, _> = get.arg("GET").arg(name).query_async(&mut connection).await;
    Ok(answer.map_err(|e| hallmark_services::redis::error(&e))?.pop().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_a_rotated_password_count_for_the_next_start() {
    let root = std::env::temp_dir().join(format!("hallmark-stack-{}", uuid::Uuid::new_v4().simple()));
    let own = Own::made(root, PROJECT, Endpoints::default(), &[]);
    own.up().await;
    assert_eq!(setting(&own, "appendfsync").await.unwrap(), "always");
    // Redis itself writes its title over what `/proc` shows of its environment.
    let chroma = own.pid(Process::Chroma).await;
    let environment = std::fs::read(format!("/proc/{chroma}/environ")).unwrap();
    let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
    assert!(variables.contains(&b"MALLOC_ARENA_MAX=2".as_slice()), "{variables:?}");

    let pid = own.pid(Process::Redis).await;
    // Rotated in the project; the server that runs keeps the former one until it dies.
    let home = own.status().await.home.unwrap();
    write_atomic(&std::path::Path::new(&home).join("secrets/redis"), b"another-one", Mode::Private).unwrap();
    let refused = setting(&own, "appendfsync").await.unwrap_err();
    assert_eq!(refused.code().id, "HM-S005", "{refused:?}");
    signal(pid, Signal::KILL);
    own.restarted(Process::Redis, pid).await;
    let start = Instant::now();
    loop {
        match setting(&own, "appendfsync").await {
            Ok(value) => break assert_eq!(value, "always"),
            Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
