//! Redis's protocol, versions 2 and 3.

use std::collections::VecDeque;

use super::{Meter, Seen, length, text};
use crate::limits::{PIPELINE_MAX, RESP_DEPTH_MAX, TEXT_BYTES_MAX};

/// Commands that keep up the session and ask nothing of the data.
const SESSION: &[&str] = &["AUTH", "HELLO", "SELECT", "CLIENT", "QUIT", "RESET", "READONLY", "COMMAND"];

#[derive(Default)]
pub(super) struct Resp {
    opaque: bool,
    client: Reader,
    server: Reader,
    /// Commands that the server has still to answer.
    waiting: VecDeque<String>,
}

/// Reads values one after another and keeps the first parts of each.
#[derive(Default)]
struct Reader {
    line: Vec<u8>,
    /// Elements still to come of each value that holds others, outermost first.
    open: Vec<usize>,
    /// Bytes still to come of a text, its line end included.
    text_left: Option<usize>,
    current: Vec<u8>,
    value: Value,
}

/// What is kept of one value.
#[derive(Clone, Default)]
struct Value {
    kind: u8,
    /// The first texts in it.
    words: Vec<Vec<u8>>,
}

/// Texts of a value that are kept.
const WORDS_MAX: usize = 3;

impl Reader {
    /// Takes bytes until a value is whole. `Err` if that is none.
    fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Value>, ()> {
        loop {
            if let Some(left) = self.text_left {
                let (body, rest) = bytes.split_at(left.min(bytes.len()));
                let kept = TEXT_BYTES_MAX.saturating_sub(self.current.len()).min(body.len());
                self.current.extend_from_slice(&body[..kept]);
                *bytes = rest;
                if body.len() < left {
                    self.text_left = Some(left - body.len());
                    return Ok(None);
                }
                self.text_left = None;
                let mut word = std::mem::take(&mut self.current);
                word.truncate(word.len().saturating_sub(2));
                self.keep(word);
            } else {
                let Some((byte, rest)) = bytes.split_first() else { return Ok(None) };
                *bytes = rest;
                self.line.push(*byte);
                if self.line.len() > 64 * 1024 {
                    return Err(());
                }
                if *byte != b'\n' {
                    continue;
                }
                let line = std::mem::take(&mut self.line);
                self.begin(line.trim_ascii_end())?;
                if self.text_left.is_some() {
                    continue;
                }
            }
            if self.closed() {
                return Ok(Some(std::mem::take(&mut self.value)));
            }
        }
    }

    fn keep(&mut self, word: Vec<u8>) {
        if self.value.words.len() < WORDS_MAX {
            self.value.words.push(word);
        }
    }

    /// A line begins a value, or is one.
    fn begin(&mut self, line: &[u8]) -> Result<(), ()> {
        let (kind, rest) = line.split_first().ok_or(())?;
        if self.open.is_empty() {
            self.value = Value { kind: *kind, words: Vec::new() };
        }
        let number = || std::str::from_utf8(rest).ok().and_then(|t| t.parse::<i64>().ok());
        match kind {
            b'$' | b'=' | b'!' => match number().ok_or(())? {
                -1 => self.keep(Vec::new()),
                size => self.text_left = Some(length(u64::try_from(size).map_err(drop)?).saturating_add(2)),
            },
            b'*' | b'~' | b'>' | b'%' | b'|' => {
                let count = number().ok_or(())?.max(0);
                let count = length(count.unsigned_abs()).saturating_mul(if matches!(kind, b'%' | b'|') {
                    2
                } else {
                    1
                });
                // An attribute goes before the value it belongs to.
                let count = count.saturating_add(usize::from(*kind == b'|'));
                // One more: the value that holds the others is closed like one of them.
                self.open.push(count.saturating_add(1));
                if self.open.len() > RESP_DEPTH_MAX {
                    return Err(());
                }
            }
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {
                self.keep(rest[..rest.len().min(TEXT_BYTES_MAX)].to_vec());
            }
            _ => return Err(()),
        }
        Ok(())
    }

    /// Closes what has no more elements; whether the outermost value is whole.
    fn closed(&mut self) -> bool {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

impl Meter for Resp {
    fn client(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !self.opaque && !bytes.is_empty() {
            match self.client.next(&mut bytes) {
                Ok(Some(value)) if value.kind == b'*' => self.command(&value, seen),
                Ok(None) => {}
                // Commands in one line are for people at a terminal; drivers send none.
                Ok(Some(_)) | Err(()) => self.give_up(seen),
            }
        }
    }

    fn server(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !self.opaque && !bytes.is_empty() {
            match self.server.next(&mut bytes) {
                // What the server sends unasked answers nothing.
                Ok(Some(value)) if value.kind == b'>' => {}
                Ok(Some(value)) => self.answer(&value, seen),
                Ok(None) => {}
                Err(()) => self.give_up(seen),
            }
        }
    }
}

impl Resp {
    fn give_up(&mut self, seen: &mut Vec<Seen>) {
        self.opaque = true;
        seen.push(Seen::Opaque);
    }

    fn command(&mut self, value: &Value, seen: &mut Vec<Seen>) {
        let word = |at: usize| value.words.get(at).map(|w| text(w)).unwrap_or_default();
        let name = word(0).to_ascii_uppercase();
        if name == "CLIENT" && word(1).eq_ignore_ascii_case("SETNAME") {
            seen.push(Seen::Client(word(2)));
        }
        self.waiting.push_back(name);
        if self.waiting.len() > PIPELINE_MAX {
            self.give_up(seen);
        }
    }

    fn answer(&mut self, value: &Value, seen: &mut Vec<Seen>) {
        let Some(what) = self.waiting.pop_front() else { return };
        let said = value.words.first().map(Vec::as_slice).unwrap_or_default();
        if value.kind == b'-' && (said.starts_with(b"NOAUTH") || said.starts_with(b"WRONGPASS")) {
            seen.push(Seen::Refused);
            return;
        }
        let work = !SESSION.contains(&what.as_str());
        seen.push(Seen::Answered { what, work });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(seen: &[Seen]) -> Vec<(&str, bool)> {
        let of = |s| match s {
            &Seen::Answered { ref what, work } => Some((what.as_str(), work)),
            _ => None,
        };
        seen.iter().filter_map(of).collect()
    }

    #[test]
    fn answers_are_tied_to_their_commands() {
        let (mut meter, mut seen) = (Resp::default(), Vec::new());
        meter.client(
            b"*3\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
            &mut seen,
        );
        meter.client(b"*1\r\n$6\r\nHGETAL\r\n", &mut seen);
        meter.server(b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n+id\r\n*2\r\n:1\r\n*0\r\n", &mut seen);
        assert_eq!(answered(&seen), [("HELLO", false)]);
        meter.server(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n$-1\r\n", &mut seen);
        assert_eq!(answered(&seen), [("HELLO", false), ("GET", true)]);
        meter.server(b"-ERR unknown command\r\n:5\r\n", &mut seen);
        assert_eq!(answered(&seen).len(), 3, "an answer that nobody asked for counts nothing");
    }

    #[test]
    fn a_refused_login_is_no_answer() {
        let (mut meter, mut seen) = (Resp::default(), Vec::new());
        meter.client(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", &mut seen);
        meter.server(b"-NOAUTH Authentication required.\r\n", &mut seen);
        assert_eq!(seen, [Seen::Refused]);
    }
}
