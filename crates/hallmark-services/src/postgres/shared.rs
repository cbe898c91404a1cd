//! A connection on which callers find rows by key together.
//!
//! While few ask, each question goes on the wire at once, behind those before. Where many do, they wait for an answer to those before and
//! then go as one statement for each form: the server answers ten such questions in little more than the time of one. Who has an answer
//! sends the next statement before anything else and leaves the wait for it to one of those who asked (leader and followers).

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{MaybeDone, maybe_done};
use hallmark_core::Result;
use tokio::sync::oneshot;
use tokio_postgres::Row;

use super::batch::{Form, Questions};
use super::driven::Driven;
use super::prepared::Prepared;
use crate::limits;

/// The connection, and who waits for a turn on it.
pub(super) struct Shared {
    client: Driven,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Statements under way.
    flights: usize,
    waiting: VecDeque<Group>,
    /// By the text for one question; `None` if there is no text for many.
    forms: HashMap<String, Option<Arc<Form>>>,
}

/// Those who wait with questions of one form.
struct Group {
    questions: Questions,
    askers: Vec<Option<oneshot::Sender<Word>>>,
}

/// What one who waits is told.
enum Word {
    /// The rows of the answer.
    Rows(Vec<Row>),
    /// The statement of all is on its way: wait for the answer, and tell the others.
    Lead(Flight),
    /// It failed for all: ask alone.
    Alone,
}

/// How a question goes.
enum Way {
    /// At once, as a statement that others wait for.
    First,
    /// At once, behind what is under way.
    Alone,
    /// With others.
    Together(oneshot::Receiver<Word>),
}

impl Shared {
    pub(super) fn new(client: Driven) -> Self {
        Self { client, state: Mutex::default() }
    }

    /// Whether the connection was not seen to end.
    pub(super) fn is_open(&self) -> bool {
        self.client.is_open()
    }

    /// The rows of a question that may be asked twice, and waits for others if there is a crowd. They may have one column more, the last.
    ///
    /// # Errors
    /// As [`Prepared::failure`] says.
    pub(super) async fn rows(self: &Arc<Self>, question: Prepared<'_>, crowd: bool) -> Result<Vec<Row>> {
        let word = match self.way(&question, crowd) {
            Way::First => {
                let _turn = Turn(self);
                return self.alone(question).await;
            }
            Way::Alone => None,
            Way::Together(word) => word.await.ok(),
        };
        let rows = match word {
            Some(Word::Rows(rows)) => Some(rows),
            Some(Word::Lead(flight)) => flight.land().await,
            Some(Word::Alone) | None => None,
        };
        match rows {
            Some(rows) => Ok(rows),
            None => self.alone(question).await,
        }
    }

    async fn alone(&self, question: Prepared<'_>) -> Result<Vec<Row>> {
        question.driven(&self.client).await
    }

    fn way(&self, question: &Prepared<'_>, crowd: bool) -> Way {
        let mut state = self.state();
        if !crowd || state.flights == 0 {
            state.flights += 1;
            return Way::First;
        }
        let Some(form) = state.form(question) else { return Way::Alone };
        let (tell, hear) = oneshot::channel();
        let is_of_form = |group: &&mut Group| Arc::ptr_eq(&group.questions.form, &form);
        if let Some(group) = state.waiting.iter_mut().find(is_of_form) {
            return if group.push(question, tell) { Way::Together(hear) } else { Way::Alone };
        }
        let mut group = Group { questions: Questions::new(&form), askers: Vec::new() };
        if !group.push(question, tell) {
            return Way::Alone;
        }
        state.waiting.push_back(group);
        Way::Together(hear)
    }

    /// A statement has landed: sends the next one if somebody waits, unless that is left to another one that is under way.
    fn next(self: &Arc<Self>) {
        loop {
            let group = {
                let mut state = self.state();
                let group = if state.flights == 1 { state.waiting.pop_front() } else { None };
                let Some(group) = group else {
                    state.flights -= 1;
                    return;
                };
                group
            };
            if Flight::begin(self, group).hand_over() {
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn form(&mut self, question: &Prepared<'_>) -> Option<Arc<Form>> {
        if let Some(known) = self.forms.get(question.text) {
            return known.clone().filter(|form| form.is_of(question.types));
        }
        if self.forms.len() >= limits::STATEMENTS_KEPT {
            self.forms.clear();
        }
        let form = Form::of(question.text, question.types).map(Arc::new);
        self.forms.insert(question.text.to_owned(), form.clone());
        form
    }
}

impl Group {
    fn push(&mut self, question: &Prepared<'_>, tell: oneshot::Sender<Word>) -> bool {
        let is_written = self.questions.push(question);
        if is_written {
            self.askers.push(Some(tell));
        }
        is_written
    }
}

/// A turn of one who asks alone; the next ones are sent when it ends, however it does.
struct Turn<'a>(&'a Arc<Shared>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.next();
    }
}

/// A statement for many on its way. If it is dropped before it has landed, those who asked hear nothing and ask alone.
struct Flight {
    shared: Arc<Shared>,
    answer: Pin<Box<MaybeDone<Answer>>>,
    askers: Vec<Option<oneshot::Sender<Word>>>,
    /// Which of those who asked waits for the answer.
    leader: usize,
    is_over: bool,
}

type Answer = Pin<Box<dyn Future<Output = Result<Vec<Row>>> + Send>>;

impl Flight {
    /// Sends it.
    fn begin(shared: &Arc<Shared>, group: Group) -> Self {
        let (owner, questions) = (Arc::clone(shared), group.questions);
        let ask: Answer = Box::pin(async move {
            let (form, parameters) = (&questions.form, questions.parameters());
            let statement = Prepared {
                text: &form.text,
                types: &form.types,
                parameters: &parameters,
                failure: super::error,
            };
            statement.rows(&owner.client).await
        });
        let mut answer = Box::pin(maybe_done(ask));
        shared.client.begin(answer.as_mut());
        Self { shared: Arc::clone(shared), answer, askers: group.askers, leader: 0, is_over: false }
    }

    /// Leaves the wait to the first of those who still want an answer; `false` if there is none.
    fn hand_over(mut self) -> bool {
        for at in 0..self.askers.len() {
            let Some(tell) = self.askers[at].take() else { continue };
            self.leader = at;
            match tell.send(Word::Lead(self)) {
                Ok(()) => return true,
                Err(Word::Lead(back)) => self = back,
                Err(_) => return true,
            }
        }
        self.is_over = true;
        false
    }

    /// Waits for the answer, sends what comes next, and tells those who asked. The leader's own rows; `None` if it failed.
    async fn land(mut self) -> Option<Vec<Row>> {
        let shared = Arc::clone(&self.shared);
        shared.client.drive(self.answer.as_mut()).await;
        let answer = self.answer.as_mut().take_output();
        self.is_over = true;
        shared.next();
        let found = answer.and_then(Result::ok).and_then(|rows| sorted(rows, self.askers.len()));
        let Some(mut found) = found else {
            for tell in self.askers.drain(..).flatten() {
                let _ = tell.send(Word::Alone);
            }
            return None;
        };
        let own = std::mem::take(&mut found[self.leader]);
        for (tell, rows) in self.askers.drain(..).zip(found) {
            if let Some(tell) = tell {
                let _ = tell.send(Word::Rows(rows));
            }
        }
        Some(own)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.next();
        }
    }
}

/// The rows of each question, by the number in their last column.
fn sorted(rows: Vec<Row>, questions: usize) -> Option<Vec<Vec<Row>>> {
    let mut found: Vec<Vec<Row>> = std::iter::repeat_with(Vec::new).take(questions).collect();
    for row in rows {
        let number: i64 = row.try_get(row.len().checked_sub(1)?).ok()?;
        let question = usize::try_from(number).ok()?.checked_sub(1)?;
        found.get_mut(question)?.push(row);
    }
    Some(found)
}
