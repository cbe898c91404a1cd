//! PostgreSQL's protocol, version 3.

use std::collections::VecDeque;

use super::{Meter, Seen, length, text};
use crate::limits::{PIPELINE_MAX, TEXT_BYTES_MAX};

/// Tags of commands that keep up the session and ask nothing of the data.
const SESSION_TAGS: &[&str] = &[
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "SET",
    "RESET",
    "SHOW",
    "DISCARD",
    "DEALLOCATE",
    "CLOSE",
    "UNLISTEN",
];

/// How statements begin that drivers and pools send by themselves.
const DRIVERS_OWN: &[&str] = &[
    "select pg_advisory_unlock_all()",
    "select pg_catalog.version()",
    "select current_schema()",
    "select oid, typarray from pg_type where typname = 'hstore'",
    "select t.oid, typarray from pg_type",
];

const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// The longest first message that a server takes.
const STARTUP_BYTES_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Postgres {
    opaque: bool,
    client: Client,
    server: Frames,
    /// Whether the server has a byte to answer a request for encryption.
    asked_for_encryption: bool,
    /// Whether the login is behind us.
    ready: bool,
    /// Groups of requests that the server has still to answer: whether all their statements are a driver's own.
    groups: VecDeque<bool>,
    /// The group that the client is writing: statements seen, and those of them that are a driver's own.
    open: (usize, usize),
}

#[derive(Default)]
struct Client {
    started: bool,
    first: Vec<u8>,
    frames: Frames,
}

/// Messages of a kind, a length and a body of which the beginning is kept.
#[derive(Default)]
struct Frames {
    head: Vec<u8>,
    body: Vec<u8>,
    left: usize,
}

impl Frames {
    /// Takes bytes until a message is whole; gives its kind and the beginning of its body. `Err` if that is no message.
    fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<(u8, Vec<u8>)>, ()> {
        while self.head.len() < 5 {
            let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
            self.head.push(*first);
            *bytes = rest;
            if self.head.len() == 5 {
                let size = u32::from_be_bytes([self.head[1], self.head[2], self.head[3], self.head[4]]);
                self.left = length(u64::from(size)).checked_sub(4).ok_or(())?;
                if !self.head[0].is_ascii_alphanumeric() || size > 0x4000_0000 {
                    return Err(());
                }
            }
        }
        let (body, rest) = bytes.split_at(self.left.min(bytes.len()));
        let kept = TEXT_BYTES_MAX.saturating_sub(self.body.len()).min(body.len());
        self.body.extend_from_slice(&body[..kept]);
        self.left -= body.len();
        *bytes = rest;
        if self.left > 0 {
            return Ok(None);
        }
        let kind = self.head[0];
        self.head.clear();
        Ok(Some((kind, std::mem::take(&mut self.body))))
    }
}

impl Meter for Postgres {
    fn client(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !self.opaque && !bytes.is_empty() {
            if !self.client.started {
                self.opening(&mut bytes, seen);
                continue;
            }
            match self.client.frames.next(&mut bytes) {
                Ok(Some((kind, body))) => self.request(kind, &body, seen),
                Ok(None) => {}
                Err(()) => self.give_up(seen),
            }
        }
    }

    fn server(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !self.opaque && !bytes.is_empty() {
            if self.asked_for_encryption {
                self.asked_for_encryption = false;
                match bytes[0] {
                    b'N' => bytes = &bytes[1..],
                    b'E' => {}
                    _ => self.give_up(seen),
                }
                continue;
            }
            match self.server.next(&mut bytes) {
                Ok(Some((kind, body))) => self.answer(kind, &body, seen),
                Ok(None) => {}
                Err(()) => self.give_up(seen),
            }
        }
    }
}

impl Postgres {
    fn give_up(&mut self, seen: &mut Vec<Seen>) {
        self.opaque = true;
        seen.push(Seen::Opaque);
    }

    /// The first messages have a length and no kind.
    fn opening(&mut self, bytes: &mut &[u8], seen: &mut Vec<Seen>) {
        let first = &mut self.client.first;
        while let Some((byte, rest)) = bytes.split_first() {
            first.push(*byte);
            *bytes = rest;
            let size = match first.get(..4) {
                Some(&[a, b, c, d]) => length(u64::from(u32::from_be_bytes([a, b, c, d]))),
                _ => continue,
            };
            if !(8..=STARTUP_BYTES_MAX).contains(&size) {
                return self.give_up(seen);
            }
            if first.len() < size {
                continue;
            }
            let message = std::mem::take(first);
            let code = u32::from_be_bytes([message[4], message[5], message[6], message[7]]);
            match code {
                TLS | GSS => self.asked_for_encryption = true,
                CANCEL => self.client.started = true,
                code if code >> 16 == 3 => {
                    self.client.started = true;
                    seen.extend(application(&message[8..]).map(Seen::Client));
                }
                _ => self.give_up(seen),
            }
            return;
        }
    }

    fn request(&mut self, kind: u8, body: &[u8], seen: &mut Vec<Seen>) {
        let mut statement = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).trim_start().to_ascii_lowercase();
            self.open.0 += 1;
            self.open.1 += usize::from(DRIVERS_OWN.iter().any(|own| text.starts_with(own)));
        };
        match kind {
            b'Q' => statement(body),
            b'P' => statement(body.splitn(2, |b| *b == 0).nth(1).unwrap_or_default()),
            _ => {}
        }
        if matches!(kind, b'Q' | b'S' | b'F') {
            let (all, own) = std::mem::take(&mut self.open);
            self.groups.push_back(all > 0 && all == own);
            if self.groups.len() > PIPELINE_MAX {
                self.give_up(seen);
            }
        }
    }

    fn answer(&mut self, kind: u8, body: &[u8], seen: &mut Vec<Seen>) {
        let own = self.groups.front().copied().unwrap_or(false);
        match kind {
            b'K' => {
                if let Some(&[a, b, c, d]) = body.get(..4) {
                    seen.push(Seen::Server(u32::from_be_bytes([a, b, c, d]).to_string()));
                }
            }
            b'Z' if self.ready => drop(self.groups.pop_front()),
            b'Z' => self.ready = true,
            b'C' => {
                let tag = text(body);
                let word = tag.split(' ').next().unwrap_or_default().to_owned();
                let work = !own && !SESSION_TAGS.contains(&word.as_str());
                seen.push(Seen::Answered { what: word, work });
            }
            // Only so many rows were asked for, and there are more.
            b's' => seen.push(Seen::Answered { what: "SELECT".to_owned(), work: !own }),
            b'I' => seen.push(Seen::Answered { what: "empty".to_owned(), work: false }),
            b'E' if self.ready => seen.push(Seen::Answered { what: "ERROR".to_owned(), work: !own }),
            b'E' => seen.push(Seen::Refused),
            _ => {}
        }
    }
}

/// The application's name among the parameters of the first message.
fn application(parameters: &[u8]) -> Option<String> {
    let mut words = parameters.split(|b| *b == 0);
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        if name == b"application_name" && !value.is_empty() {
            return Some(text(&value[..value.len().min(TEXT_BYTES_MAX)]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 4).unwrap();
        [&[kind], &size.to_be_bytes()[..], body].concat()
    }

    fn started() -> (Postgres, Vec<Seen>) {
        let (mut meter, mut seen) = (Postgres::default(), Vec::new());
        let body = [&196_608_u32.to_be_bytes()[..], b"user\0u\0application_name\0tests\0\0"].concat();
        meter.client(&[&u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], &body].concat(), &mut seen);
        meter.server(&message(b'K', &[0, 0, 1, 2, 9, 9, 9, 9]), &mut seen);
        meter.server(&message(b'Z', b"I"), &mut seen);
        (meter, seen)
    }

    fn work(seen: &[Seen]) -> usize {
        seen.iter().filter(|s| matches!(s, Seen::Answered { work: true, .. })).count()
    }

    #[test]
    fn a_connection_that_is_only_opened_asked_nothing() {
        let (mut meter, mut seen) = started();
        assert_eq!(seen, [Seen::Client("tests".into()), Seen::Server("258".into())]);
        meter.client(&message(b'Q', b"SELECT pg_advisory_unlock_all(); RESET ALL\0"), &mut seen);
        meter.server(&message(b'C', b"SELECT 1\0"), &mut seen);
        meter.server(&message(b'Z', b"I"), &mut seen);
        meter.client(&message(b'Q', b"BEGIN\0"), &mut seen);
        meter.server(&message(b'C', b"BEGIN\0"), &mut seen);
        meter.server(&message(b'Z', b"T"), &mut seen);
        assert_eq!(work(&seen), 0, "{seen:?}");
        meter.client(&message(b'Q', b"SELECT 1\0"), &mut seen);
        assert_eq!(work(&seen), 0, "a question without an answer");
        meter.server(&message(b'C', b"SELECT 1\0"), &mut seen);
        assert_eq!(work(&seen), 1);
    }

    #[test]
    fn a_refused_login_is_no_answer_and_encryption_is_opaque() {
        let (mut meter, mut seen) = (Postgres::default(), Vec::new());
        meter.client(&[0, 0, 0, 8, 4, 210, 22, 47], &mut seen);
        meter.server(b"S", &mut seen);
        assert_eq!(seen, [Seen::Opaque]);
        let (mut meter, mut seen) = (Postgres::default(), Vec::new());
        meter.server(&message(b'E', b"SFATAL\0"), &mut seen);
        assert_eq!(seen, [Seen::Refused]);
    }
}
