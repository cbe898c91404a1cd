//! The supervisor's main loop and its control socket.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use hallmark_core::{Error, Project, Result};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::board::Board;
use super::keeper::{Keeper, Order};
use super::monitors::{self, Monitors};
use super::protocol::{Answer, Request};
use crate::platform::{self, Ends, LocalListener, LocalStream};
use crate::stack::home::Home;
use crate::stack::install::lock_file;
use crate::stack::process::Process;
use crate::stack::procfs::Identity;
use crate::stack::state::StackState;
use crate::stack::{codes, limits};

/// The hidden command under which a binary runs [`supervise`], followed by the project's root.
pub const SUPERVISE: &str = "__supervise";

#[derive(Clone)]
struct Desk {
    board: Board,
    orders: BTreeMap<Process, mpsc::Sender<Order>>,
    watch: Arc<Watch>,
    done: mpsc::Sender<()>,
}

/// The monitors that run now, and what new ones are made of.
struct Watch {
    project: Project,
    home: Home,
    monitors: Mutex<Option<Monitors>>,
}

impl Watch {
    fn tell<T>(&self, ask: impl FnOnce(&Monitors) -> T) -> Option<T> {
        self.monitors.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(ask)
    }

    /// Replaces the monitors if the configuration is another one than they were made from.
    fn reload(&self, board: &Board) {
        let mut monitors = self.monitors.lock().unwrap_or_else(PoisonError::into_inner);
        if monitors.as_ref().is_none_or(|monitors| monitors.is_stale(&self.project)) {
            *monitors = None;
            *monitors = monitors::of(&self.project, board, &self.home);
        }
    }
}

/// Runs the supervisor of the project at `root` until it is told to stop everything, or gets SIGTERM or SIGINT.
///
/// # Errors
/// `HM-S062` if the project has one already; `HM-S050` if its folders cannot be used; `HM-S072` where the native provider does not run.
pub async fn supervise(root: &Path) -> Result<()> {
    platform::refuse_native("the supervisor")?;
    let project = Project::discover(root)?;
    let state = StackState::load(&project)?.ok_or_else(|| {
        Error::new(&codes::STATE_BROKEN, format!("{} has no stack", project.root().display()))
            .next("hallmark up")
    })?;
    let home = state.home(&project);
    let _lock = lock_file(&home.run().join("supervisor.lock"), std::time::Duration::ZERO)
        .await
        .map_err(|e| Error::new(&codes::SUPERVISOR, "this project's supervisor runs already").because(&e))?;
    let listener = listen(&home)?;
    let board = Board::open(home.clone());
    let (done, mut finished) = mpsc::channel(1);
    let mut keepers = JoinSet::new();
    let mut orders = BTreeMap::new();
    for process in Process::ALL {
        let (keeper, sender) = Keeper::new(process, project.clone(), board.clone());
        keepers.spawn(keeper.work());
        orders.insert(process, sender);
    }
    keepers.spawn(crate::stack::backup::schedule::keep(project.clone()));
    let monitors = Mutex::new(monitors::of(&project, &board, &home));
    let watch = Arc::new(Watch { project, home, monitors });
    let desk = Desk { board, orders, watch, done };
    let mut ends = Ends::hear(false)
        .map_err(|e| Error::new(&codes::SUPERVISOR, "signals cannot be received").because(&e))?;
    let mut talks = JoinSet::new();
    tracing::info!(project = %desk.watch.project.root().display(), "supervising");
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok(stream) = accepted {
                talks.spawn(talk(stream, desk.clone()));
            },
            Some(_) = talks.join_next(), if !talks.is_empty() => {}
            _ = finished.recv() => break,
            _ = ends.next() => { desk.stop_all().await; break; }
        }
    }
    // The answer to the request that ended it is still on its way.
    let rest = tokio::time::timeout(std::time::Duration::from_secs(1), async {
        while talks.join_next().await.is_some() {}
    });
    let _ = rest.await;
    Ok(())
}

/// The socket lies in a folder of mode 0700: only the project's user can reach it.
fn listen(home: &Home) -> Result<LocalListener> {
    let path = home.socket();
    let _ = std::fs::remove_file(&path);
    LocalListener::bind(&path).map_err(|e| {
        Error::new(&codes::SUPERVISOR, format!("the control socket {} could not be made", path.display()))
            .because(&e)
    })
}

async fn talk(stream: LocalStream, desk: Desk) {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let bound = u64::try_from(limits::CONTROL_LINE_BYTES).unwrap_or(u64::MAX);
        match (&mut reader).take(bound).read_until(b'\n', &mut line).await {
            Ok(n) if n > 0 && line.ends_with(b"\n") => {}
            _ => return,
        }
        let (mut health, mut metrics) = (None, None);
        let (error, last) = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => {
                match request {
                    Request::Health => health = desk.watch.tell(|monitors| monitors.bulletin.snapshots()),
                    Request::Metrics => metrics = desk.watch.tell(Monitors::metrics),
                    Request::Reload => desk.watch.reload(&desk.board),
                    _ => {}
                }
                (desk.serve(&request).await, matches!(request, Request::StopAll))
            }
            Err(error) => (Some(format!("not a request: {error}")), false),
        };
        let answer = Answer {
            supervisor: Identity::of(std::process::id()),
            processes: desk.board.all(),
            health,
            metrics,
            error,
        };
        let mut text = serde_json::to_vec(&answer).unwrap_or_default();
        text.push(b'\n');
        let sent = writer.write_all(&text).await;
        if last {
            let _ = desk.done.send(()).await;
        }
        if last || sent.is_err() {
            return;
        }
    }
}

impl Desk {
    async fn serve(&self, request: &Request) -> Option<String> {
        match request {
            Request::Status | Request::Health | Request::Metrics | Request::Reload => None,
            Request::Start { process } => self.order(*process, Order::Start).await,
            Request::Stop { process } => self.order(*process, Order::Stop).await,
            Request::StopAll => {
                self.stop_all().await;
                None
            }
        }
    }

    async fn order(
        &self,
        process: Process,
        order: impl FnOnce(oneshot::Sender<Option<String>>) -> Order,
    ) -> Option<String> {
        let (answer, answered) = oneshot::channel();
        let queue = self.orders.get(&process)?;
        if queue.send(order(answer)).await.is_err() {
            return Some(format!("nobody looks after {process}"));
        }
        answered.await.unwrap_or_else(|_| Some(format!("nobody looks after {process}")))
    }

    async fn stop_all(&self) {
        join_all(Process::ALL.into_iter().map(|process| self.order(process, Order::Stop))).await;
    }
}
