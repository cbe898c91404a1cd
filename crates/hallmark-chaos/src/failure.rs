//! Why the campaign cannot go on, and the one place where it prints.

use std::io::Write as _;

/// What stopped a step, in words.
#[derive(Clone, Debug)]
pub(crate) struct Failure(pub(crate) String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// The outcome of a step.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Prints a line to the standard output at once.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
