//! The stack on real servers: up, down, adoption, restarts, taken ports, two projects side by side.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use hallmark_core::Project;
use hallmark_core::config::Config;
use hallmark_services::stack::{
    Consent, EnvFormat, Event, Observer, Phase, Plan, Process, Purge, Record, Silent, StackStatus,
    SupervisorCommand, UpOptions, UpReport, supervise,
};
use hallmark_services::{Endpoints, Handles, ServiceKind, Stack, State};

/// Not a test: the test binary runs itself with this name to be the supervisor of a test's project.
#[tokio::test(flavor = "multi_thread")]
async fn be_the_supervisor() {
    if let Some(root) = std::env::var_os("HALLMARK_SUPERVISE") {
        supervise(&PathBuf::from(root)).await.unwrap();
    }
}

/// A project of a test's own with only these services; what it started is gone with the value.
pub(crate) struct Own {
    pub(crate) root: PathBuf,
    pub(crate) stack: Stack,
}

impl Own {
    pub(crate) fn new(services: &[ServiceKind]) -> Self {
        Self::at(
            std::env::temp_dir().join(format!("hallmark-stack-{}", uuid::Uuid::new_v4().simple())),
            services,
        )
    }

    fn at(root: PathBuf, services: &[ServiceKind]) -> Self {
        let lines = ServiceKind::ALL.map(|service| {
            let provider = if services.contains(&service) { "native" } else { "off" };
            format!("{service} = \"{provider}\"\n")
        });
        Self::made(
            root,
            &format!("[stack]\nassume-yes = true\n[stack.providers]\n{}", lines.concat()),
            Endpoints::default(),
            &[],
        )
    }

    /// A project that uses servers of others, and nothing else.
    pub(crate) fn external(root: PathBuf, given: Endpoints) -> Self {
        let lines = ServiceKind::ALL.map(|service| {
            let provider = if given.has(service) { "external" } else { "off" };
            format!("{service} = \"{provider}\"\n")
        });
        Self::made(root, &format!("[stack.providers]\n{}", lines.concat()), given, &[])
    }

    /// A project with this `hallmark.toml`.
    pub(crate) fn made(root: PathBuf, text: &str, given: Endpoints, environment: &[(&str, String)]) -> Self {
        std::fs::create_dir_all(&root).unwrap();
        let path = root.join("hallmark.toml");
        hallmark_core::fs::write_atomic(&path, text.as_bytes(), hallmark_core::fs::Mode::Default).unwrap();
        let stack = Self::opened(&root, given, environment);
        Self { root, stack }
    }

    /// The stack of a test's project, as every command finds it anew.
    pub(crate) fn open(root: &std::path::Path) -> Stack {
        Self::opened(root, Endpoints::default(), &[])
    }

    fn opened(root: &std::path::Path, given: Endpoints, environment: &[(&str, String)]) -> Stack {
        let config = Config::load(root).unwrap().section("stack").unwrap();
        let project = Project::discover(root).unwrap();
        let supervisor = SupervisorCommand {
            program: std::env::current_exe().unwrap(),
            arguments: vec!["stack::be_the_supervisor".into(), "--exact".into(), "--nocapture".into()],
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            root_as_argument: false,
        };
        Stack::open(&project, config, given).unwrap().with_supervisor(supervisor)
    }

    pub(crate) async fn up(&self) -> UpReport {
        let report = self.stack.up(&UpOptions::default(), &Silent).await.unwrap();
        assert!(report.failed.is_empty() && report.not_measured.is_empty(), "{report:#?}");
        report
    }

    pub(crate) async fn status(&self) -> StackStatus {
        self.stack.status().await.unwrap()
    }

    async fn record(&self, process: Process) -> Record {
        let status = self.status().await;
        let mut all = status.services.into_iter().flat_map(|service| service.processes);
        all.find(|record| record.process == process).unwrap()
    }

    pub(crate) async fn pid(&self, process: Process) -> u32 {
        self.record(process).await.identity.unwrap().pid
    }

    /// Waits until the process runs under another pid.
    pub(crate) async fn restarted(&self, process: Process, old_pid: u32) -> Record {
        let start = Instant::now();
        loop {
            let record = self.record(process).await;
            if record.identity.as_ref().is_some_and(|identity| identity.pid != old_pid) {
                return record;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{process} was not restarted: {record:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let stack = self.stack.clone();
        let end = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(stack.down(Some(Purge::Project))).unwrap();
        });
        let _ = end.join();
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

fn kill_9(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn is_there(pid: u32) -> bool {
    hallmark_services::stack::procfs::Identity::of(pid).is_some()
}

/// Asserts that no argument of the project's processes and nothing that is shown holds a secret of the stack.
async fn assert_no_secret_shows(own: &Own) {
    let secrets: Vec<String> = own
        .stack
        .endpoints()
        .unwrap()
        .to_env()
        .into_iter()
        .filter(|v| v.sensitive && !v.value.expose().contains("://"))
        .map(|v| v.value.expose().to_owned())
        .chain(own.stack.endpoints().unwrap().postgres.map(|c| c.password.expose().to_owned()))
        .chain(own.stack.endpoints().unwrap().redis.map(|c| c.password.expose().to_owned()))
        .collect();
    assert!(!secrets.is_empty());
    let status = own.status().await;
    let mut shown = status.to_json().to_string();
    for record in status.services.iter().flat_map(|service| &service.processes) {
        let pid = record.identity.as_ref().unwrap().pid;
        shown += &String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/cmdline")).unwrap());
    }
    for service in ServiceKind::ALL {
        for log in own.stack.logs(service, None).into_iter().flatten() {
            shown += &log.lines.join("\n");
        }
    }
    for secret in secrets {
        assert!(!shown.contains(&secret), "a secret shows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_and_addresses_survive_a_restart_and_purge_leaves_nothing() {
    let own = Own::new(&[ServiceKind::Postgres, ServiceKind::Redis, ServiceKind::Chroma]);
    let first = own.up().await;
    assert_eq!(first.usable.len(), 3);
    let status = own.status().await;
    assert!(status.all_usable() && status.supervisor.running, "{status:#?}");
    assert_no_secret_shows(&own).await;

    let endpoints = own.stack.endpoints().unwrap();
    let handles = Handles::connect(&endpoints).unwrap();
    let client = handles.postgres.client().await.unwrap();
    client.batch_execute("create table kept (n int); insert into kept values (7)").await.unwrap();
    drop(client);
    let pids = [Process::Postgres, Process::Redis, Process::Chroma];
    let mut before = Vec::new();
    for process in pids {
        before.push(own.pid(process).await);
    }

    let begin = Instant::now();
    let again = own.up().await;
    assert_eq!(again.usable, first.usable, "a second up changes nothing");
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(own.pid(Process::Postgres).await, before[0]);

    let report = own.stack.down(None).await.unwrap();
    assert_eq!(report.stopped.len(), 3);
    assert!(before.iter().all(|pid| !is_there(*pid)));
    assert!(own.stack.down(None).await.unwrap().stopped.is_empty(), "a second down has nothing to do");

    assert_eq!(own.up().await.usable, first.usable, "the ports are kept");
    let handles = Handles::connect(&own.stack.endpoints().unwrap()).unwrap();
    let row = handles.postgres.client().await.unwrap().query_one("select n from kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 7);

    let home = own.status().await.home.unwrap();
    let shell = own.stack.env(EnvFormat::Shell).unwrap();
    assert!(shell.contains("export HALLMARK_POSTGRES_URL='postgres://"));
    own.stack.down(Some(Purge::Project)).await.unwrap();
    assert!(!PathBuf::from(home).exists());
    assert!(own.stack.env(EnvFormat::Shell).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_restarted_and_the_reason_is_kept() {
    let own = Own::new(&[ServiceKind::Redis, ServiceKind::Postgres]);
    own.up().await;
    for process in [Process::Redis, Process::Postgres] {
        let old = own.pid(process).await;
        kill_9(old);
        let record = own.restarted(process, old).await;
        assert!(record.restarts >= 1 && record.phase == Phase::Running, "{record:#?}");
        own.up().await;
    }
    assert!(own.record(Process::Redis).await.last_exit.unwrap().contains("signal: 9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_outlive_their_supervisor_and_the_next_one_adopts_them() {
    let own = Own::new(&[ServiceKind::Redis, ServiceKind::Chroma]);
    own.up().await;
    let (redis, chroma) = (own.pid(Process::Redis).await, own.pid(Process::Chroma).await);
    let since = own.record(Process::Redis).await.since;
    let supervisor = own.status().await.supervisor.identity.unwrap().pid;
    kill_9(supervisor);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(is_there(redis) && is_there(chroma));

    let status = own.status().await;
    assert!(status.all_usable(), "{status:#?}");
    assert_ne!(status.supervisor.identity.unwrap().pid, supervisor);
    let record = own.record(Process::Redis).await;
    assert!(record.adopted && record.identity.unwrap().pid == redis);
    assert_eq!(record.since, since, "being adopted is no new start");
    assert_eq!(own.pid(Process::Chroma).await, chroma);

    kill_9(redis);
    let record = own.restarted(Process::Redis, redis).await;
    assert!(!record.adopted, "{record:#?}");

    // Without any supervisor, too, down ends what this project started.
    kill_9(own.status().await.supervisor.identity.unwrap().pid);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopped = own.stack.down(None).await.unwrap().stopped;
    assert_eq!(stopped, [Process::Chroma, Process::Redis]);
    assert!(!is_there(chroma));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_projects_run_side_by_side() {
    let (one, two) = (Own::new(&[ServiceKind::Redis]), Own::new(&[ServiceKind::Redis]));
    let (first, second) = tokio::join!(one.up(), two.up());
    assert_ne!(first.usable[0].1, second.usable[0].1);
    one.stack.down(None).await.unwrap();
    assert!(two.status().await.all_usable());
    assert!(!one.status().await.all_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_refused_by_the_holders_name() {
    let own = Own::new(&[ServiceKind::Redis]);
    own.up().await;
    let port = own.stack.endpoints().unwrap().redis.unwrap().port;
    own.stack.down(None).await.unwrap();
    let holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let report = own.stack.up(&UpOptions::default(), &Silent).await.unwrap();
    let (service, error) = &report.failed[0];
    assert_eq!((*service, error.code().id), (ServiceKind::Redis, "HM-S059"));
    assert!(error.message().contains(&format!("pid {}", std::process::id())), "{error:?}");
    assert!(error.next_step().unwrap().contains("--new-ports"));

    let options = UpOptions { new_ports: true, ..UpOptions::default() };
    let report = own.stack.up(&options, &Silent).await.unwrap();
    assert_eq!(report.usable.len(), 1, "{report:#?}");
    assert_ne!(own.stack.endpoints().unwrap().redis.unwrap().port, port);
    drop(holder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_too_long_for_a_socket_gets_a_folder_elsewhere() {
    let long = std::env::temp_dir().join(format!("hallmark-{}", "x".repeat(90)));
    let root = long.join(uuid::Uuid::new_v4().simple().to_string());
    let own = Own::at(root.clone(), &[ServiceKind::Redis]);
    own.up().await;
    let home = PathBuf::from(own.status().await.home.unwrap());
    assert!(!home.starts_with(&root), "{}", home.display());
    assert!(own.status().await.all_usable());
    own.stack.down(Some(Purge::Project)).await.unwrap();
    assert!(!home.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_live_is_given_up_with_its_last_words() {
    let own = Own::new(&[ServiceKind::Redis]);
    own.up().await;
    own.stack.stop(ServiceKind::Redis).await.unwrap();
    // A damaged append-only file: Redis refuses to start on it, each time.
    let folder = PathBuf::from(own.status().await.home.unwrap()).join("redis/data/appendonlydir");
    let manifest = std::fs::read_dir(&folder).unwrap().flatten().map(|e| e.path());
    let manifest = manifest.into_iter().find(|p| p.to_string_lossy().ends_with(".manifest")).unwrap();
    hallmark_core::fs::write_atomic(&manifest, b"nonsense\n", hallmark_core::fs::Mode::Default).unwrap();

    let report = own.stack.up(&UpOptions::default(), &Silent).await.unwrap();
    let (_, error) = &report.failed[0];
    assert_eq!(error.code().id, "HM-S063", "{error:?}");
    assert!(
        error.causes()[0].contains("exit status: 1") && error.causes()[0].contains("manifest"),
        "{error:?}"
    );
    assert_eq!(own.record(Process::Redis).await.phase, Phase::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_lost_or_refused_is_told_at_once() {
    let own = Own::new(&[ServiceKind::Postgres, ServiceKind::Redis]);
    own.up().await;
    own.stack.down(None).await.unwrap();
    let secret = PathBuf::from(own.status().await.home.unwrap()).join("secrets/postgres");
    for (text, code) in [("", "HM-S050"), ("another", "HM-S005")] {
        hallmark_core::fs::write_atomic(&secret, text.as_bytes(), hallmark_core::fs::Mode::Private).unwrap();
        let begin = Instant::now();
        let report = own.stack.up(&UpOptions::default(), &Silent).await.unwrap();
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
        let (service, error) = &report.failed[0];
        assert_eq!((*service, error.code().id), (ServiceKind::Postgres, code), "{report:#?}");
        assert!(error.message().contains("secrets/postgres") && error.next_step().is_some(), "{error:?}");
        assert_eq!(report.usable.len(), 1, "the others work: {report:#?}");
        let checks = own.stack.doctor().await.unwrap();
        let files = checks.iter().find(|check| check.id == "credentials.files").unwrap();
        assert_eq!(files.detail.contains("is empty"), text.is_empty(), "{files:?}");
    }
}

#[derive(Default)]
pub(crate) struct Collected(pub(crate) std::sync::Mutex<Vec<String>>);

impl Observer for Collected {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }

    fn consent(&self, plan: &Plan) -> Consent {
        panic!("assume-yes is set: {plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_five_come_up_and_every_one_is_usable() {
    let own = Own::new(&ServiceKind::ALL);
    let seen = Collected::default();
    let report = own.stack.up(&UpOptions::default(), &seen).await.unwrap();
    assert_eq!(report.usable.len(), 5, "{report:#?}\n{:#?}", seen.0.lock().unwrap());
    assert!(seen.0.lock().unwrap().iter().any(|line| line.starts_with("Usable")));
    let status = own.status().await;
    assert!(status.all_usable(), "{status:#?}");
    let chroma = status.services.iter().find(|s| s.service == ServiceKind::Chroma).unwrap();
    assert!(chroma.notes.iter().any(|note| note.contains("no authentication")));
    assert_no_secret_shows(&own).await;
    let neo4j: Vec<_> = own
        .stack
        .logs(ServiceKind::Neo4j, Some(200))
        .unwrap()
        .into_iter()
        .flat_map(|log| log.lines)
        .collect();
    assert!(neo4j.iter().any(|line| line.contains("Started.")), "{neo4j:#?}");
    let checks = own.stack.doctor().await.unwrap();
    let failed: Vec<_> =
        checks.iter().filter(|c| c.verdict == hallmark_services::stack::Verdict::Fail).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let begin = Instant::now();
    own.stack.down(None).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(60));
    let states: Vec<State> = own.status().await.services.iter().map(|s| s.state).collect();
    assert_eq!(states, [State::NotMeasured; 5], "what was stopped on purpose is not down");
    let why = own.stack.why(ServiceKind::Neo4j).await.unwrap();
    assert_eq!(why.health, hallmark_services::monitor::Health::NotMeasured, "{why:#?}");
}
