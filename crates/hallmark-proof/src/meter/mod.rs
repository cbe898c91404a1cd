//! Meters: what a stream between a test and a server says, read in passing. A meter never changes a byte, never fails and keeps no
//! content: it counts requests that the server answered. What it does not understand makes the connection opaque, and an opaque
//! connection proves nothing.

mod bolt;
mod http;
mod postgres;
mod resp;

use hallmark_services::ServiceKind;

/// Something that a meter saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The server answered a request of this kind.
    Answered {
        /// The kind: a command's tag or name, a method and path.
        what: String,
        /// Whether it asked something of the server, or only kept up the session (a login, `BEGIN`, a reset).
        work: bool,
    },
    /// The server refused the login.
    Refused,
    /// What the client calls itself: an application's name, a user agent.
    Client(String),
    /// What the server calls the connection: the process that serves it.
    Server(String),
    /// The stream cannot be read: it is encrypted, or not this protocol.
    Opaque,
}

/// Reads both directions of one connection, each in the order in which it was sent.
pub(crate) trait Meter: Send {
    /// Bytes from the test.
    fn client(&mut self, bytes: &[u8], seen: &mut Vec<Seen>);
    /// Bytes from the server.
    fn server(&mut self, bytes: &[u8], seen: &mut Vec<Seen>);
}

/// The meter of a service's protocol.
pub(crate) fn of(kind: ServiceKind) -> Box<dyn Meter> {
    match kind {
        ServiceKind::Postgres => Box::new(postgres::Postgres::default()),
        ServiceKind::Neo4j => Box::new(bolt::Bolt::default()),
        ServiceKind::Redis => Box::new(resp::Resp::default()),
        ServiceKind::Chroma | ServiceKind::OpenAi => Box::new(http::Http::default()),
    }
}

/// A byte count as the number of bytes to come; what no machine can hold is as good as endless.
fn length(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the bytes and wherever they are cut: a meter goes on, and ends in the same place.
    #[test]
    fn noise_is_survived_and_cuts_do_not_matter() {
        let mut word = 0x1234_5678_9abc_def0_u64;
        let mut noise = || {
            word ^= word << 13;
            word ^= word >> 7;
            word ^= word << 17;
            word
        };
        for kind in ServiceKind::ALL {
            for _ in 0..300 {
                let bytes: Vec<u8> = (0..noise() % 400).map(|_| noise().to_le_bytes()[2]).collect();
                let (mut whole, mut cut) = (of(kind), of(kind));
                let (mut one, mut other) = (Vec::new(), Vec::new());
                whole.client(&bytes, &mut one);
                whole.server(&bytes, &mut one);
                bytes.iter().for_each(|b| cut.client(&[*b], &mut other));
                bytes.iter().for_each(|b| cut.server(&[*b], &mut other));
                assert_eq!(one, other, "{kind}: {bytes:?}");
            }
        }
    }
}
