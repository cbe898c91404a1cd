//! The doctor on planted faults: it names each, and what it says mends it does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hallmark_services::stack::{Check, Outcome, Provider, Verdict};
use hallmark_services::{Endpoints, ServiceKind};

use crate::stack::Own;

fn line<'a>(checks: &'a [Check], id: &str) -> &'a Check {
    checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no line {id}: {checks:#?}"))
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs what the doctor says, as a user would.
fn mend(check: &Check) {
    let command = check.mend.as_ref().unwrap();
    let status = std::process::Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_faults_are_named_and_their_mends_mend() {
    let own = Own::new(&[ServiceKind::Redis]);
    own.up().await;
    let checks = own.stack.doctor().await.unwrap();
    for id in
        ["credentials.folder", "credentials.files", "port.redis", "usable.redis", "runs.redis", "loopback"]
    {
        assert_eq!(line(&checks, id).verdict, Verdict::Ok, "{checks:#?}");
    }
    let pid = own.pid(hallmark_services::stack::Process::Redis).await;
    assert!(line(&checks, "port.redis").detail.contains(&format!("pid {pid} ")), "{checks:#?}");
    let mut ids: Vec<&str> = checks.iter().map(|check| check.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), checks.len(), "an identifier stands twice: {ids:?}");

    let home = PathBuf::from(own.status().await.home.unwrap());
    let secret = home.join("secrets/redis");
    set_mode(&secret, 0o644);
    set_mode(&home.join("secrets"), 0o755);
    let port = own.stack.endpoints().unwrap().redis.unwrap().port;
    own.stack.down(None).await.unwrap();
    let holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();

    let checks = own.stack.doctor().await.unwrap();
    let files = line(&checks, "credentials.files");
    assert_eq!(files.verdict, Verdict::Fail);
    assert!(files.detail.contains("0644") && files.detail.contains("secrets/redis"), "{files:?}");
    let folder = line(&checks, "credentials.folder");
    assert_eq!(folder.verdict, Verdict::Fail);
    let taken = line(&checks, "port.redis");
    assert_eq!((taken.verdict, taken.mend.as_deref()), (Verdict::Fail, Some("hallmark up --new-ports")));
    assert!(taken.detail.contains(&format!("pid {} ", std::process::id())), "{taken:?}");
    for check in checks.iter().filter(|check| matches!(check.verdict, Verdict::Warn | Verdict::Fail)) {
        assert!(check.mend.as_ref().is_some_and(|command| !command.is_empty()), "{check:?}");
    }

    mend(files);
    mend(folder);
    drop(holder);
    let checks = own.stack.doctor().await.unwrap();
    for id in ["credentials.folder", "credentials.files", "port.redis"] {
        assert_eq!(line(&checks, id).verdict, Verdict::Ok, "{checks:#?}");
    }
    assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_port_is_looked_at_before_the_first_start() {
    let holder = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    let root = std::env::temp_dir().join(format!("hallmark-doctor-{}", uuid::Uuid::new_v4().simple()));
    let text = format!(
        "[stack]\nprovider = \"off\"\n[stack.providers]\nredis = \"native\"\n[stack.ports]\nredis = {port}\n"
    );
    let own = Own::made(root, &text, Endpoints::default(), &[]);
    let checks = own.stack.doctor().await.unwrap();
    let taken = line(&checks, "port.redis");
    assert_eq!(taken.verdict, Verdict::Fail);
    assert!(taken.mend.as_ref().unwrap().contains("[stack.ports]"), "{taken:?}");
    assert_eq!(line(&checks, "credentials.files").verdict, Verdict::NotChecked);
    assert_eq!(line(&checks, "usable.postgres").verdict, Verdict::NotChecked);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_risk_is_weighed_and_the_providers_are_tried_in_order() {
    let own = Own::new(&[ServiceKind::Redis]);
    own.up().await;
    let found = own.stack.examine().await.unwrap();
    assert_eq!(found.risks.len(), found.checks.len(), "every line is weighed");
    assert!(found.risks.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert!(found.risks.iter().all(|risk| risk.score == risk.probability * risk.impact));
    assert!(found.risks.iter().all(|risk| !risk.mitigation.is_empty()));
    let redis = found.risks.iter().find(|risk| risk.id == "usable.redis").unwrap();
    let order: Vec<Provider> = redis.fallbacks.iter().map(|one| one.provider).collect();
    assert_eq!(order, [Provider::Native, Provider::Docker, Provider::External]);
    assert_eq!((redis.fallbacks[0].outcome, redis.fallbacks[0].chosen), (Outcome::Serves, true));
    assert_eq!(redis.fallbacks[2].outcome, Outcome::Unavailable, "no address is given");
    assert!(redis.fallbacks[2].said.contains("HALLMARK_REDIS_URL"), "{redis:#?}");
    let serving = redis.score;

    own.stack.down(None).await.unwrap();
    let found = own.stack.examine().await.unwrap();
    let redis = found.risks.iter().find(|risk| risk.id == "usable.redis").unwrap();
    assert!(redis.score > serving, "{redis:#?}");
    assert_eq!(redis.fallbacks[0].outcome, Outcome::Ready, "{redis:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_tells_its_time() {
    let own = Own::external(
        std::env::temp_dir().join(format!("hallmark-doctor-{}", uuid::Uuid::new_v4().simple())),
        Endpoints { postgres: crate::support::endpoints().postgres, ..Endpoints::default() },
    );
    let checks = own.stack.doctor().await.unwrap();
    let clock = line(&checks, "clock.postgres");
    assert_eq!(clock.verdict, Verdict::Ok, "{clock:?}");
    assert_eq!(line(&checks, "installed.postgres").verdict, Verdict::NotChecked, "another runs it");
}

/// Another host cannot be had here; that this one is not taken for one, and silence for an answer, can be shown.
#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_another_host_is_not_measured_without_one() {
    let own = Own::new(&[ServiceKind::Redis]);
    own.up().await;
    let look = async |url: Option<String>| {
        let found = own.stack.examine_from(url.as_deref()).await.unwrap();
        line(&found.checks, "latency.from").clone()
    };
    let unnamed = look(None).await;
    assert!(
        unnamed.verdict == Verdict::NotChecked && unnamed.detail.starts_with("not measured"),
        "{unnamed:?}"
    );
    let itself = look(own.stack.metrics_address().unwrap()).await;
    assert_eq!(itself.verdict, Verdict::NotChecked, "{itself:?}");
    assert!(itself.detail.contains("this very machine"), "{itself:?}");
    let silent = look(Some(format!("http://127.0.0.1:{}", crate::support::closed_port()))).await;
    assert!(silent.verdict == Verdict::Fail && silent.mend.is_some(), "{silent:?}");
}
