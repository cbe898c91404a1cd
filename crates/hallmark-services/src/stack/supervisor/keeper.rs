//! One task per process: it starts, waits, restarts with growing pauses, and gives up after too many deaths in a row.

use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::board::{Board, Phase};
use super::child::{self, Running};
use crate::monitor::sight::Disk;
use crate::stack::credentials::Credentials;
use crate::stack::process::Process;
use crate::stack::procfs::Identity;
use crate::stack::state::StackState;
use crate::stack::{limits, logs, site};

/// What a keeper is told to do; the answer is the error, if any.
pub(super) enum Order {
    Start(oneshot::Sender<Option<String>>),
    Stop(oneshot::Sender<Option<String>>),
}

/// Looks after one process.
pub(super) struct Keeper {
    process: Process,
    project: hallmark_core::Project,
    board: Board,
    orders: mpsc::Receiver<Order>,
    deaths_in_a_row: u32,
}

/// What a keeper does next.
enum Next {
    Idle,
    Watch(Running, Instant),
    Pause,
    /// There must be room on its disk first.
    Starve,
}

impl Keeper {
    /// A keeper and the queue of its orders.
    pub(super) fn new(
        process: Process,
        project: hallmark_core::Project,
        board: Board,
    ) -> (Self, mpsc::Sender<Order>) {
        let (sender, orders) = mpsc::channel(limits::ORDER_QUEUE);
        (Self { process, project, board, orders, deaths_in_a_row: 0 }, sender)
    }

    /// Works until the queue of orders is closed. A process that an earlier supervisor started is adopted first.
    pub(super) async fn work(mut self) {
        let mut next = match self.board.get(self.process).alive().cloned() {
            Some(identity) => self.adopt(identity),
            None => Next::Idle,
        };
        loop {
            let step = match next {
                Next::Idle => self.idle().await,
                Next::Watch(running, since) => self.watch(running, since).await,
                Next::Pause => self.pause().await,
                Next::Starve => self.starve().await,
            };
            match step {
                Some(step) => next = step,
                None => return,
            }
        }
    }

    fn adopt(&mut self, identity: Identity) -> Next {
        tracing::info!(process = %self.process, pid = identity.pid, "adopted");
        self.board.change(self.process, |record| {
            record.phase = Phase::Running;
            record.adopted = true;
        });
        Next::Watch(Running::Adopted(identity), Instant::now())
    }

    async fn idle(&mut self) -> Option<Next> {
        match self.orders.recv().await? {
            Order::Start(answer) => {
                self.deaths_in_a_row = 0;
                Some(self.start(Some(answer)).await)
            }
            Order::Stop(answer) => {
                self.stopped(None);
                let _ = answer.send(None);
                Some(Next::Idle)
            }
        }
    }

    async fn start(&mut self, answer: Option<oneshot::Sender<Option<String>>>) -> Next {
        let started = match site::open(&self.project).await {
            Ok(site) => child::spawn(self.process, &site),
            Err(error) => Err(error),
        };
        match started {
            Ok(running) => {
                let identity = running.identity().clone();
                tracing::info!(process = %self.process, pid = identity.pid, "started");
                self.board.change(self.process, |record| {
                    record.phase = Phase::Running;
                    record.identity = Some(identity);
                    record.adopted = false;
                });
                answer.map(|answer| answer.send(None));
                Next::Watch(running, Instant::now())
            }
            Err(error) => {
                let reason = format!("{error:?}");
                answer.map(|answer| answer.send(Some(reason.clone())));
                self.died(reason)
            }
        }
    }

    async fn watch(&mut self, mut running: Running, since: Instant) -> Option<Next> {
        tokio::select! {
            disk = filled(self.process, &self.project) => {
                running.identity().signal(crate::platform::Signal::Kill);
                running.ended().await;
                Some(self.starved(&disk))
            }
            end = running.ended() => {
                if since.elapsed() >= limits::STEADY_AFTER {
                    self.deaths_in_a_row = 0;
                }
                let reason = self.last_words(&end);
                Some(self.died(reason))
            }
            order = self.orders.recv() => match order? {
                Order::Start(answer) => {
                    let _ = answer.send(None);
                    Some(Next::Watch(running, since))
                }
                Order::Stop(answer) => {
                    self.board.stopping(self.process, true);
                    let end = running.stop(self.process).await;
                    self.stopped(Some(end));
                    self.board.stopping(self.process, false);
                    let _ = answer.send(None);
                    Some(Next::Idle)
                }
            }
        }
    }

    async fn pause(&mut self) -> Option<Next> {
        let doubled = limits::RESTART_PAUSE * 2_u32.saturating_pow(self.deaths_in_a_row.saturating_sub(1));
        self.start_after(tokio::time::sleep(doubled.min(limits::RESTART_PAUSE_MAX))).await
    }

    /// Starts it again when that has come to pass, or as soon as somebody asks; unless somebody stops it.
    async fn start_after(&mut self, come: impl Future<Output = ()>) -> Option<Next> {
        tokio::select! {
            () = come => {
                self.board.change(self.process, |record| record.restarts += 1);
                Some(self.start(None).await)
            }
            order = self.orders.recv() => match order? {
                Order::Start(answer) => Some(self.start(Some(answer)).await),
                Order::Stop(answer) => {
                    self.stopped(None);
                    let _ = answer.send(None);
                    Some(Next::Idle)
                }
            }
        }
    }

    /// What must not run on a full disk was ended; that is no death of its own.
    fn starved(&self, disk: &Disk) -> Next {
        tracing::warn!(process = %self.process, %disk, "ended until there is room");
        self.board.change(self.process, |record| {
            record.phase = Phase::Restarting;
            record.identity = None;
            record.last_exit = Some(format!("ended until there is room on its disk: {disk}"));
        });
        Next::Starve
    }

    async fn starve(&mut self) -> Option<Next> {
        let project = self.project.clone();
        self.start_after(room(self.process, &project)).await
    }

    fn died(&mut self, reason: String) -> Next {
        self.deaths_in_a_row += 1;
        let given_up = self.deaths_in_a_row > limits::RESTARTS_IN_A_ROW;
        tracing::warn!(process = %self.process, given_up, reason, "died");
        self.board.change(self.process, |record| {
            record.phase = if given_up { Phase::Failed } else { Phase::Restarting };
            record.identity = None;
            record.last_exit = Some(reason);
        });
        if given_up { Next::Idle } else { Next::Pause }
    }

    fn stopped(&self, end: Option<String>) {
        self.board.change(self.process, |record| {
            record.phase = Phase::Stopped;
            record.identity = None;
            record.last_exit = end.or_else(|| record.last_exit.take());
        });
    }

    /// How it ended and what it said last, with secrets masked.
    fn last_words(&self, end: &str) -> String {
        // Read directly: a site would look for every installed program first, and a death is news.
        let Ok(Some(state)) = StackState::load(&self.project) else { return end.to_owned() };
        let home = state.home(&self.project);
        let Ok(credentials) = Credentials::load(&home) else { return end.to_owned() };
        let written = home.written_logs(self.process);
        let lines: Vec<String> =
            written.iter().flat_map(|path| logs::tail(path, limits::REASON_LINES)).collect();
        if lines.is_empty() {
            end.to_owned()
        } else {
            credentials.mask(&format!("{end}\n{}", lines.join("\n")))
        }
    }
}

/// The disk under the data of a process.
fn disk(process: Process, project: &hallmark_core::Project) -> Option<Disk> {
    let state = StackState::load(project).ok().flatten()?;
    Disk::of(&state.home(project).data(process))
}

/// Waits until that disk is out of room; for ever with a process that may run then.
async fn filled(process: Process, project: &hallmark_core::Project) -> Disk {
    if !process.breaks_without_room() {
        return std::future::pending().await;
    }
    loop {
        if let Some(disk) = disk(process, project).filter(Disk::is_out) {
            return disk;
        }
        tokio::time::sleep(limits::ROOM_PAUSE).await;
    }
}

/// Waits until it has room again: so much that the start alone does not use it up.
async fn room(process: Process, project: &hallmark_core::Project) {
    while disk(process, project).is_some_and(|disk| disk.is_full()) {
        tokio::time::sleep(limits::ROOM_PAUSE).await;
    }
}
