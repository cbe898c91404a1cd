//! A connection that those who wait on it drive themselves.
//!
//! The driver wants a connection polled by a task of its own: each question then wakes that task, and each answer wakes the one who
//! asked, both often on another thread. Here one of those who wait reads and writes for all, and when it has its answer and leaves,
//! another does (leader and followers). Nobody has to be woken for a question that is alone.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::LocalKey;

use deadpool_postgres::ClientWrapper;
use futures_util::task::AtomicWaker;

use super::recent::Recent;

type Connection = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// A client and the connection that its callers drive.
pub(super) struct Driven {
    client: ClientWrapper,
    wheel: Wheel,
    /// The statements that are prepared on it, as far as they came lately.
    pub(super) recent: Recent,
}

impl std::fmt::Debug for Driven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driven").finish_non_exhaustive()
    }
}

impl Driven {
    /// A client of the driver, and what it gave to be polled.
    pub(super) fn new(
        client: tokio_postgres::Client,
        connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    ) -> Self {
        // The pool's client wants to end a task of its own; it has none.
        let none = tokio::spawn(std::future::ready(()));
        Self {
            client: ClientWrapper::new(client, none),
            wheel: Wheel::new(Box::pin(connection)),
            recent: Recent::default(),
        }
    }

    /// Whether the connection was not seen to end. What came since somebody last waited is looked at first.
    pub(super) fn is_open(&self) -> bool {
        self.wheel.turn();
        !self.client.is_closed()
    }

    /// Begins what is asked on this client and sends it, as far as that can be done without waiting; it is to be driven afterwards.
    pub(super) fn begin(&self, question: Pin<&mut impl Future>) {
        let mut nobody = Context::from_waker(Waker::noop());
        let _ = self.wheel.at_hand(|| question.poll(&mut nobody));
        self.wheel.turn();
    }

    /// Waits for what was begun on this client, and drives the connection meanwhile.
    pub(super) async fn drive<T>(&self, mut question: Pin<&mut impl Future<Output = T>>) -> T {
        /// A question that wants to be looked at again each time, as one with many rows does, must not keep the thread.
        const ROUNDS: usize = 16;
        let mut place = Place { wheel: &self.wheel, asker: Arc::default(), is_taken: false };
        poll_fn(|context| {
            place.asker.task.register(context.waker());
            let waker = Waker::from(Arc::clone(&place.asker));
            let mut answered = Context::from_waker(&waker);
            let _polled = Before::replace(&POLLED, Arc::as_ptr(&place.asker));
            if place.is_taken {
                // Who was woken most likely has an answer to read; until then the question has nothing new to say.
                self.wheel.turn();
            }
            for _ in 0..ROUNDS {
                // What it sends wakes the connection, which is looked at below anyway.
                if let Poll::Ready(answer) = self.wheel.at_hand(|| question.as_mut().poll(&mut answered)) {
                    return Poll::Ready(answer);
                }
                place.take();
                let is_due = self.wheel.turn();
                if place.asker.is_answered.swap(false, Ordering::Relaxed) {
                    continue;
                }
                if is_due {
                    context.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

impl Deref for Driven {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

thread_local! {
    /// The wheel that this thread is about to look at anyway, by its address: nobody has to be woken for it.
    static AT_HAND: Cell<*const Waiting> = const { Cell::new(std::ptr::null()) };
    /// The one who waits and is polled by this thread now, by its address: it looks itself whether it has its answer.
    static POLLED: Cell<*const Asker> = const { Cell::new(std::ptr::null()) };
}

/// Puts back what was there before, also when the work panics.
struct Before<T: 'static> {
    key: &'static LocalKey<Cell<*const T>>,
    before: *const T,
}

impl<T> Before<T> {
    fn replace(key: &'static LocalKey<Cell<*const T>>, now: *const T) -> Self {
        Self { key, before: key.replace(now) }
    }
}

impl<T> Drop for Before<T> {
    fn drop(&mut self) {
        self.key.set(self.before);
    }
}

struct Wheel {
    /// `None` once it has ended.
    connection: Mutex<Option<Connection>>,
    waiting: Arc<Waiting>,
    /// Wakes one of those who wait.
    waker: Waker,
}

impl Wheel {
    fn new(connection: Connection) -> Self {
        let waiting = Arc::new(Waiting::default());
        let waker = Waker::from(Arc::clone(&waiting));
        Self { connection: Mutex::new(Some(connection)), waiting, waker }
    }

    /// Does work on a thread that looks at this wheel afterwards.
    fn at_hand<T>(&self, work: impl FnOnce() -> T) -> T {
        let _before = Before::replace(&AT_HAND, Arc::as_ptr(&self.waiting));
        work()
    }

    /// Moves the connection on, if something happened since the last time; whether something is left to do at once.
    ///
    /// Whoever finds that another thread does so already may leave: that thread looks whether something happened after it was done.
    fn turn(&self) -> bool {
        /// A connection that wants to be polled again each time, as it does when a task's turn is over, must not keep the thread.
        const TURNS: usize = 2;
        for _ in 0..TURNS {
            if !self.waiting.is_due.load(Ordering::SeqCst) {
                return false;
            }
            let mut connection = match self.connection.try_lock() {
                Ok(connection) => connection,
                Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(std::sync::TryLockError::WouldBlock) => return false,
            };
            self.waiting.is_due.store(false, Ordering::SeqCst);
            let Some(running) = connection.as_mut() else { return false };
            let mut context = Context::from_waker(&self.waker);
            if self.at_hand(|| running.as_mut().poll(&mut context)).is_ready() {
                // Those who wait hear of it from the driver, whose end of their channels is dropped here.
                *connection = None;
            }
        }
        self.waiting.is_due.load(Ordering::SeqCst)
    }
}

/// Those who wait for an answer, in the order in which they came.
struct Waiting {
    /// Whether something happened to the connection that nobody looked at.
    is_due: AtomicBool,
    askers: Mutex<VecDeque<Arc<Asker>>>,
}

impl Default for Waiting {
    fn default() -> Self {
        // It was never polled: there is something to do.
        Self { is_due: AtomicBool::new(true), askers: Mutex::default() }
    }
}

impl Waiting {
    fn askers(&self) -> MutexGuard<'_, VecDeque<Arc<Asker>>> {
        self.askers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the one who came first: its answer comes first.
    fn wake_first(&self) {
        let first = self.askers().front().map(Arc::clone);
        if let Some(asker) = first {
            asker.wake();
        }
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_due.store(true, Ordering::SeqCst);
        if AT_HAND.get() != Arc::as_ptr(self) {
            self.wake_first();
        }
    }
}

/// One who waits. An answer that it reads itself must not wake its task: the scheduler would poll that once more for nothing, and call
/// another thread to do so.
#[derive(Default)]
struct Asker {
    /// Whether it was woken while it was polled, by the thread that polls it.
    is_answered: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Asker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if POLLED.get() == Arc::as_ptr(self) {
            self.is_answered.store(true, Ordering::Relaxed);
        } else {
            self.task.wake();
        }
    }
}

/// The place of one who waits. When it leaves, with its answer or without, another looks after what is due.
struct Place<'a> {
    wheel: &'a Wheel,
    asker: Arc<Asker>,
    is_taken: bool,
}

impl Place<'_> {
    fn take(&mut self) {
        if !std::mem::replace(&mut self.is_taken, true) {
            self.wheel.waiting.askers().push_back(Arc::clone(&self.asker));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let waiting = &self.wheel.waiting;
        if self.is_taken {
            waiting.askers().retain(|other| !Arc::ptr_eq(other, &self.asker));
        }
        if waiting.is_due.load(Ordering::SeqCst) {
            waiting.wake_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_by_others_and_not_by_the_answer_that_it_reads() {
        let (task, asker) = (Arc::new(Task::default()), Arc::new(Asker::default()));
        let waker = Waker::from(Arc::clone(&task));
        asker.task.register(&waker);
        {
            let _polled = Before::replace(&POLLED, Arc::as_ptr(&asker));
            asker.wake_by_ref();
            assert!(asker.is_answered.load(Ordering::SeqCst), "its own answer is not looked at again");
            assert_eq!(task.0.load(Ordering::SeqCst), 0);
            std::thread::scope(|scope| drop(scope.spawn(|| asker.wake_by_ref())));
            assert_eq!(task.0.load(Ordering::SeqCst), 1);
        }
        asker.task.register(&waker);
        asker.wake_by_ref();
        assert_eq!(task.0.load(Ordering::SeqCst), 2);
    }
}
