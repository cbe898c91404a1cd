//! The statements that a connection met last. The pool's cache makes a number of each text, which costs more than to compare it with a
//! few, most of which have another length.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_postgres::Statement;
use tokio_postgres::types::Type;

use crate::limits;

/// The newest comes first.
#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<Known>>);

struct Known {
    text: String,
    types: Vec<Type>,
    statement: Statement,
}

impl Known {
    fn is(&self, text: &str, types: &[Type]) -> bool {
        self.text == text && self.types == types
    }
}

impl Recent {
    pub(super) fn find(&self, text: &str, types: &[Type]) -> Option<Statement> {
        self.all().iter().find(|known| known.is(text, types)).map(|known| known.statement.clone())
    }

    pub(super) fn note(&self, text: &str, types: &[Type], statement: Statement) {
        let known = Known { text: text.to_owned(), types: types.to_vec(), statement };
        let mut all = self.all();
        // Two callers may have prepared it at the same time.
        all.retain(|known| !known.is(text, types));
        all.truncate(limits::STATEMENTS_RECENT - 1);
        all.push_front(known);
    }

    pub(super) fn forget(&self, text: &str, types: &[Type]) {
        self.all().retain(|known| !known.is(text, types));
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
