//! A connection that those who wait on it drive themselves.
//!
//! The driver wants a connection polled by a task of its own: each question then wakes that task, and each answer wakes the one who
//! asked, both often on another thread. Here one of those who wait reads and writes for all, and when it has its answer and leaves,
//! another does (leader and followers). Nobody has to be woken for a question that is alone.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use deadpool_postgres::ClientWrapper;

type Connection = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// A client and the connection that its callers drive.
pub(super) struct Driven {
    client: ClientWrapper,
    wheel: Wheel,
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
        Self { client: ClientWrapper::new(client, none), wheel: Wheel::new(Box::pin(connection)) }
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
    pub(super) async fn drive<T>(&self, question: impl Future<Output = T>) -> T {
        let mut question = pin!(question);
        let mut place = Place { wheel: &self.wheel, id: None };
        poll_fn(|context| {
            // What it sends wakes the connection, which is looked at below anyway.
            if let Poll::Ready(answer) = self.wheel.at_hand(|| question.as_mut().poll(context)) {
                return Poll::Ready(answer);
            }
            place.take(context.waker());
            if self.wheel.turn() {
                context.waker().wake_by_ref();
            }
            question.as_mut().poll(context)
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
}

/// Puts back what was at hand, also when the work panics.
struct Before(*const Waiting);

impl Drop for Before {
    fn drop(&mut self) {
        AT_HAND.set(self.0);
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
        let _before = Before(AT_HAND.replace(Arc::as_ptr(&self.waiting)));
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
    places: Mutex<VecDeque<(u64, Waker)>>,
    next: AtomicU64,
}

impl Default for Waiting {
    fn default() -> Self {
        // It was never polled: there is something to do.
        Self { is_due: AtomicBool::new(true), places: Mutex::default(), next: AtomicU64::new(0) }
    }
}

impl Waiting {
    fn places(&self) -> MutexGuard<'_, VecDeque<(u64, Waker)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the one who came first: its answer comes first.
    fn wake_first(&self) {
        let first = self.places().front().map(|(_, waker)| waker.clone());
        if let Some(waker) = first {
            waker.wake();
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

/// One who waits. When it leaves, with its answer or without, another looks after what is due.
struct Place<'a> {
    wheel: &'a Wheel,
    id: Option<u64>,
}

impl Place<'_> {
    fn take(&mut self, waker: &Waker) {
        let waiting = &self.wheel.waiting;
        let mut places = waiting.places();
        match self.id.and_then(|id| places.iter_mut().find(|(other, _)| *other == id)) {
            Some((_, known)) if known.will_wake(waker) => {}
            Some((_, known)) => known.clone_from(waker),
            None => {
                let id = waiting.next.fetch_add(1, Ordering::Relaxed);
                places.push_back((id, waker.clone()));
                self.id = Some(id);
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let waiting = &self.wheel.waiting;
        if let Some(id) = self.id {
            waiting.places().retain(|(other, _)| *other != id);
        }
        if waiting.is_due.load(Ordering::SeqCst) {
            waiting.wake_first();
        }
    }
}
