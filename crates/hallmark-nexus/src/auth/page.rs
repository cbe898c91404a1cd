//! One-time tickets for URLs, and the cookies that the page's are exchanged for. All live in memory only, as digests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result, Secret, random};

use super::digest_of;
use crate::{Caller, codes, limits};

/// What opens the page.
#[derive(Default)]
pub(super) struct Pages {
    tickets: Mutex<VecDeque<Pass>>,
    cookies: Mutex<VecDeque<Pass>>,
}

struct Pass {
    digest: Secret,
    until: Instant,
    /// Whom a ticket for a WebSocket stands for; tickets for the page and cookies have none.
    caller: Option<Caller>,
}

impl Pages {
    /// A ticket for the page, or for a WebSocket of this caller.
    pub(super) fn ticket(&self, caller: Option<Caller>) -> Result<Secret> {
        issue(&self.tickets, caller, limits::TICKETS_MAX, Duration::from_secs(limits::TICKET_S))
    }

    /// Exchanges a ticket for the page's cookie.
    pub(super) fn redeem(&self, ticket: &str) -> Result<Secret> {
        match self.take(ticket)?.caller {
            None => issue(&self.cookies, None, limits::COOKIES_MAX, Duration::from_secs(limits::COOKIE_S)),
            Some(_) => Err(refused()),
        }
    }

    /// Exchanges a ticket for the caller of a WebSocket.
    pub(super) fn redeem_socket(&self, ticket: &str) -> Result<Caller> {
        self.take(ticket)?.caller.ok_or_else(refused)
    }

    fn take(&self, ticket: &str) -> Result<Pass> {
        let given = digest_of(ticket);
        let mut tickets = live(&self.tickets);
        let place = tickets.iter().position(|pass| pass.digest.matches(given.expose()));
        place.and_then(|at| tickets.remove(at)).ok_or_else(refused)
    }

    pub(super) fn knows(&self, cookie: &str) -> bool {
        let given = digest_of(cookie);
        live(&self.cookies).iter().any(|pass| pass.digest.matches(given.expose()))
    }

    pub(super) fn sign_out(&self) {
        live(&self.tickets).clear();
        live(&self.cookies).clear();
    }
}

fn refused() -> Error {
    Error::new(&codes::TICKET_REFUSED, "this ticket was used already, is too old, or is for something else")
        .next("print a fresh URL: hallmark serve --url")
}

fn issue(
    passes: &Mutex<VecDeque<Pass>>,
    caller: Option<Caller>,
    most: usize,
    lifetime: Duration,
) -> Result<Secret> {
    let secret = random::secret()?;
    let mut passes = live(passes);
    while passes.len() >= most {
        passes.pop_front();
    }
    passes.push_back(Pass { digest: digest_of(secret.expose()), until: Instant::now() + lifetime, caller });
    Ok(secret)
}

/// The passes that are still valid.
fn live(passes: &Mutex<VecDeque<Pass>>) -> MutexGuard<'_, VecDeque<Pass>> {
    let mut passes = passes.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    passes.retain(|pass| pass.until > now);
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_the_oldest_gives_way() {
        let pages = Pages::default();
        let first = pages.ticket(None).unwrap();
        let cookie = pages.redeem(first.expose()).unwrap();
        assert!(pages.knows(cookie.expose()) && !pages.knows(first.expose()));
        assert!(pages.redeem(first.expose()).unwrap_err().is(&codes::TICKET_REFUSED));
        let oldest = pages.ticket(None).unwrap();
        for _ in 0..limits::TICKETS_MAX {
            pages.ticket(None).unwrap();
        }
        assert!(pages.redeem(oldest.expose()).is_err());
    }

    #[test]
    fn a_ticket_opens_only_what_it_is_for() {
        let pages = Pages::default();
        let caller = Caller::owner(crate::Channel::McpWebSocket);
        let socket = pages.ticket(Some(caller.clone())).unwrap();
        assert!(pages.redeem(socket.expose()).unwrap_err().is(&codes::TICKET_REFUSED));
        assert!(pages.redeem_socket(socket.expose()).is_err(), "a wrong use is a use");
        let socket = pages.ticket(Some(caller.clone())).unwrap();
        assert_eq!(pages.redeem_socket(socket.expose()).unwrap(), caller);
        assert!(pages.redeem_socket(pages.ticket(None).unwrap().expose()).is_err());
    }
}
