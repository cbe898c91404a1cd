//! Bolt, the protocol of Neo4j, versions 3 to 5.

use std::collections::VecDeque;

use super::{Meter, Seen, text};
use crate::limits::{PIPELINE_MAX, TEXT_BYTES_MAX};

const MAGIC: [u8; 4] = [0x60, 0x60, 0xb0, 0x17];

/// The answer of a server that lists its versions, for the client to choose from (Bolt 5.7).
const MANIFEST: [u8; 4] = [0, 0, 1, 0xff];

/// The most versions that a list is believed to hold.
const VERSIONS_MAX: u64 = 1_000;

#[derive(Default)]
pub(super) struct Bolt {
    opaque: bool,
    client: Chunks,
    server: Chunks,
    hello: Vec<u8>,
    greeting: Vec<u8>,
    stage: Stage,
    /// Requests that the server has still to answer, by the signatures of their messages.
    waiting: VecDeque<u8>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// The client has said which versions it speaks, or is about to.
    #[default]
    Greeting,
    /// The server has listed its versions.
    Choosing,
    /// Messages.
    Talking,
}

/// Messages cut into chunks, of which the beginning is kept.
#[derive(Default)]
struct Chunks {
    size: Vec<u8>,
    left: usize,
    message: Vec<u8>,
}

impl Chunks {
    /// Takes bytes until a message is whole; an empty one only keeps the connection up.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Vec<u8>> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let (body, rest) = bytes.split_at(self.left.min(bytes.len()));
                let kept = TEXT_BYTES_MAX.saturating_sub(self.message.len()).min(body.len());
                self.message.extend_from_slice(&body[..kept]);
                self.left -= body.len();
                *bytes = rest;
                continue;
            }
            self.size.push(bytes[0]);
            *bytes = &bytes[1..];
            if let [high, low] = self.size[..] {
                self.size.clear();
                self.left = usize::from(u16::from_be_bytes([high, low]));
                if self.left == 0 && !self.message.is_empty() {
                    return Some(std::mem::take(&mut self.message));
                }
            }
        }
        None
    }
}

impl Meter for Bolt {
    fn client(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !self.opaque && !bytes.is_empty() {
            // Twenty bytes: the magic number and four versions.
            if self.hello.len() < 20 {
                self.hello.push(bytes[0]);
                bytes = &bytes[1..];
                if self.hello.len() == 4 && self.hello != MAGIC {
                    self.give_up(seen);
                }
                continue;
            }
            if self.stage == Stage::Choosing {
                // The version chosen, then its capabilities as a number of seven bits a byte.
                self.hello.push(bytes[0]);
                bytes = &bytes[1..];
                if self.hello.len() > 24 && self.hello.last().is_some_and(|b| b & 0x80 == 0) {
                    self.stage = Stage::Talking;
                }
                continue;
            }
            if let Some(message) = self.client.next(&mut bytes) {
                self.request(&message, seen);
            }
        }
    }

    fn server(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !self.opaque && !bytes.is_empty() {
            if self.stage == Stage::Greeting {
                self.greeting.push(bytes[0]);
                bytes = &bytes[1..];
                match greeted(&self.greeting) {
                    Some(true) => {
                        let lists = self.greeting.starts_with(&MANIFEST);
                        self.stage = if lists { Stage::Choosing } else { Stage::Talking };
                    }
                    Some(false) => self.give_up(seen),
                    None => {}
                }
            } else if let Some(message) = self.server.next(&mut bytes) {
                self.answer(&message, seen);
            }
        }
    }
}

/// Whether the server's greeting is whole; `Some(false)` if it is none.
fn greeted(bytes: &[u8]) -> Option<bool> {
    let first = bytes.get(..4)?;
    if first == [0; 4] {
        return Some(false);
    }
    if first != MANIFEST {
        return Some(bytes.len() == 4);
    }
    let (count, at) = number(&bytes[4..])?;
    if count > VERSIONS_MAX {
        return Some(false);
    }
    let versions = 4 + at + usize::try_from(count).unwrap_or_default() * 4;
    number(bytes.get(versions..)?).map(|_| true)
}

/// A number of seven bits a byte, the lowest first, and how many bytes it takes.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    (bytes.len() > 9).then_some((u64::MAX, 9))
}

impl Bolt {
    fn give_up(&mut self, seen: &mut Vec<Seen>) {
        self.opaque = true;
        seen.push(Seen::Opaque);
    }

    fn request(&mut self, message: &[u8], seen: &mut Vec<Seen>) {
        let Some(signature) = signature(message) else { return self.give_up(seen) };
        if signature == 0x01
            && let Some(agent) = member(message, b"user_agent")
        {
            seen.push(Seen::Client(agent));
        }
        // A goodbye is not answered.
        if signature != 0x02 {
            self.waiting.push_back(signature);
        }
        if self.waiting.len() > PIPELINE_MAX {
            self.give_up(seen);
        }
    }

    fn answer(&mut self, message: &[u8], seen: &mut Vec<Seen>) {
        let Some(signature) = signature(message) else { return self.give_up(seen) };
        // Records come before the answer that ends them.
        if signature == 0x71 {
            return;
        }
        let Some(request) = self.waiting.pop_front() else { return self.give_up(seen) };
        let login = matches!(request, 0x01 | 0x6a);
        if login {
            seen.extend(member(message, b"connection_id").map(Seen::Server));
        }
        match (signature, login) {
            (0x70, _) | (0x7f, false) => {
                seen.push(Seen::Answered { what: name(request).to_owned(), work: request == 0x10 });
            }
            (0x7f, true) => seen.push(Seen::Refused),
            _ => {}
        }
    }
}

fn name(signature: u8) -> &'static str {
    match signature {
        0x01 => "HELLO",
        0x0f => "RESET",
        0x10 => "RUN",
        0x11 => "BEGIN",
        0x12 => "COMMIT",
        0x13 => "ROLLBACK",
        0x2f => "DISCARD",
        0x3f => "PULL",
        0x54 => "TELEMETRY",
        0x66 => "ROUTE",
        0x6a => "LOGON",
        0x6b => "LOGOFF",
        _ => "other",
    }
}

/// The signature of a message: a structure of up to fifteen fields.
fn signature(message: &[u8]) -> Option<u8> {
    match message {
        [marker, signature, ..] if marker >> 4 == 0xb => Some(*signature),
        _ => None,
    }
}

/// A text in a map, by its key, if it stands in the part of the message that is kept.
fn member(message: &[u8], key: &[u8]) -> Option<String> {
    let at = message.windows(key.len()).position(|w| w == key)? + key.len();
    let (start, size) = match message.get(at..)? {
        [marker, ..] if marker >> 4 == 0x8 => (at + 1, usize::from(marker & 0x0f)),
        [0xd0, size, ..] => (at + 2, usize::from(*size)),
        _ => return None,
    };
    message.get(start..start + size).map(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(message: &[u8]) -> Vec<u8> {
        [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message, &[0, 0]].concat()
    }

    fn greeted(answer: &[u8], choice: &[u8]) -> Bolt {
        let (mut meter, mut seen) = (Bolt::default(), Vec::new());
        meter.client(&[&MAGIC[..], &[0; 16]].concat(), &mut seen);
        meter.server(answer, &mut seen);
        meter.client(choice, &mut seen);
        assert!(seen.is_empty(), "{seen:?}");
        meter
    }

    #[test]
    fn queries_are_counted_when_they_are_answered() {
        let manifest = [&MANIFEST[..], &[2], &[0, 0, 8, 5, 0, 0, 4, 4], &[0x80, 1]].concat();
        for mut meter in [greeted(&[0, 0, 4, 5], &[]), greeted(&manifest, &[0, 0, 8, 5, 0x80, 1])] {
            let mut seen = Vec::new();
            meter.client(&chunk(b"\xb1\x01\xa1\x8auser_agent\x84ne/5"), &mut seen);
            meter.server(&chunk(b"\xb1\x70\xa1\x8dconnection_id\x86bolt-7"), &mut seen);
            let hello = Seen::Answered { what: "HELLO".into(), work: false };
            assert_eq!(seen, [Seen::Client("ne/5".into()), Seen::Server("bolt-7".into()), hello]);
            seen.clear();
            meter.client(&[chunk(b"\xb3\x10\x81x\xa0\xa0"), chunk(b"\xb1\x3f\xa0")].concat(), &mut seen);
            assert!(seen.is_empty());
            meter.server(&chunk(b"\xb1\x7f\xa0"), &mut seen);
            meter.server(&chunk(b"\xb1\x7e\xa0"), &mut seen);
            assert_eq!(seen, [Seen::Answered { what: "RUN".into(), work: true }]);
        }
    }
}
