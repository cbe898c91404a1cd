//! HTTP/1.1, as ChromaDB and the OpenAI API speak it.

use std::collections::VecDeque;

use super::{Meter, Seen, length};
use crate::limits::{HEAD_BYTES_MAX, PIPELINE_MAX, TEXT_BYTES_MAX};

/// What ChromaDB's client asks by itself when it is made.
const CLIENTS_OWN: &[&str] = &["auth/identity", "pre-flight-checks", "version"];

#[derive(Default)]
pub(super) struct Http {
    opaque: bool,
    named: bool,
    client: Messages,
    server: Messages,
    /// Requests that the server has still to answer: method and path.
    waiting: VecDeque<(String, String)>,
}

/// One direction: heads and the bodies that follow them.
#[derive(Default)]
struct Messages {
    head: Vec<u8>,
    body: Body,
}

/// What is still to come of a body.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Body {
    #[default]
    None,
    Bytes(usize),
    /// The line that says how long the next chunk is.
    ChunkSize,
    /// A chunk and its line end.
    Chunk(usize),
    /// Lines after the last chunk, up to an empty one.
    Trailer,
    /// All that comes, until the connection ends.
    Rest,
}

/// A head: its first line in words, and what its fields say about the body.
struct Head {
    first: [String; 3],
    length: Option<usize>,
    chunked: bool,
    agent: Option<String>,
}

impl Messages {
    /// Takes bytes until a head is whole. `Err` if that is none.
    fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Head>, ()> {
        while !bytes.is_empty() {
            match self.body {
                Body::Rest => {
                    *bytes = &[];
                }
                Body::Bytes(left) | Body::Chunk(left) => {
                    let taken = left.min(bytes.len());
                    *bytes = &bytes[taken..];
                    self.body = match (self.body, left - taken) {
                        (Body::Bytes(_), 0) => Body::None,
                        (Body::Bytes(_), left) => Body::Bytes(left),
                        (_, 0) => Body::ChunkSize,
                        (_, left) => Body::Chunk(left),
                    };
                }
                Body::None | Body::ChunkSize | Body::Trailer => {
                    self.head.push(bytes[0]);
                    *bytes = &bytes[1..];
                    if self.head.len() > HEAD_BYTES_MAX {
                        return Err(());
                    }
                    if let Some(head) = self.line()? {
                        return Ok(Some(head));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Looks at what was collected when a line ends.
    fn line(&mut self) -> Result<Option<Head>, ()> {
        if self.head.last() != Some(&b'\n') {
            return Ok(None);
        }
        match self.body {
            Body::ChunkSize => {
                let line = std::mem::take(&mut self.head);
                let size =
                    line.split(|b| *b == b';' || *b == b'\r' || *b == b'\n').next().unwrap_or_default();
                let size =
                    std::str::from_utf8(size).ok().and_then(|t| u64::from_str_radix(t.trim(), 16).ok());
                let size = length(size.ok_or(())?);
                self.body = if size == 0 { Body::Trailer } else { Body::Chunk(size.saturating_add(2)) };
                Ok(None)
            }
            Body::Trailer => {
                let line = std::mem::take(&mut self.head);
                if line.trim_ascii().is_empty() {
                    self.body = Body::None;
                }
                Ok(None)
            }
            _ if self.head.trim_ascii().is_empty() => {
                // An empty line before a message means nothing.
                self.head.clear();
                Ok(None)
            }
            _ if self.head.ends_with(b"\r\n\r\n") || self.head.ends_with(b"\n\n") => {
                parse(&std::mem::take(&mut self.head)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn parse(head: &[u8]) -> Result<Head, ()> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ').map(str::to_owned);
    let first = [words.next(), words.next(), words.next()].map(Option::unwrap_or_default);
    let mut parsed = Head { first, length: None, chunked: false, agent: None };
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => parsed.length = Some(length(value.trim().parse().map_err(drop)?)),
            "transfer-encoding" => parsed.chunked |= value.to_ascii_lowercase().contains("chunked"),
            "user-agent" => parsed.agent = Some(value.trim().chars().take(TEXT_BYTES_MAX).collect()),
            _ => {}
        }
    }
    Ok(parsed)
}

impl Meter for Http {
    fn client(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !self.opaque && !bytes.is_empty() {
            match self.client.next(&mut bytes) {
                Ok(Some(head)) => self.request(head, seen),
                Ok(None) => {}
                Err(()) => self.give_up(seen),
            }
        }
    }

    fn server(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) {
        while !self.opaque && !bytes.is_empty() {
            match self.server.next(&mut bytes) {
                Ok(Some(head)) => self.answer(&head, seen),
                Ok(None) => {}
                Err(()) => self.give_up(seen),
            }
        }
    }
}

impl Http {
    fn give_up(&mut self, seen: &mut Vec<Seen>) {
        self.opaque = true;
        seen.push(Seen::Opaque);
    }

    fn request(&mut self, head: Head, seen: &mut Vec<Seen>) {
        let [method, path, version] = head.first;
        if !version.starts_with("HTTP/1") || !method.bytes().all(|b| b.is_ascii_uppercase()) {
            return self.give_up(seen);
        }
        if let (false, Some(agent)) = (self.named, head.agent) {
            self.named = true;
            seen.push(Seen::Client(agent));
        }
        self.client.body = match (head.chunked, head.length) {
            (true, _) => Body::ChunkSize,
            (false, Some(length)) if length > 0 => Body::Bytes(length),
            _ => Body::None,
        };
        self.waiting.push_back((method, shape(&path)));
        if self.waiting.len() > PIPELINE_MAX {
            self.give_up(seen);
        }
    }

    fn answer(&mut self, head: &Head, seen: &mut Vec<Seen>) {
        let status: u16 = head.first[1].parse().unwrap_or_default();
        if !head.first[0].starts_with("HTTP/1") || !(100..600).contains(&status) || status == 101 {
            return self.give_up(seen);
        }
        if status < 200 {
            return;
        }
        let Some((method, path)) = self.waiting.pop_front() else { return self.give_up(seen) };
        let bodiless = method == "HEAD" || matches!(status, 204 | 304);
        self.server.body = match (bodiless, head.chunked, head.length) {
            (true, ..) | (_, false, Some(0)) => Body::None,
            (_, true, _) => Body::ChunkSize,
            (_, _, Some(length)) => Body::Bytes(length),
            (_, _, None) => Body::Rest,
        };
        if matches!(status, 401 | 403) {
            seen.push(Seen::Refused);
            return;
        }
        let work = !is_clients_own(&method, &path);
        seen.push(Seen::Answered { what: format!("{method} {path}"), work });
    }
}

fn is_clients_own(method: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let names_only = |rest: &str| {
        !rest.contains('/') || rest.split_once("/databases/").is_some_and(|(_, d)| !d.contains('/'))
    };
    let tenancy = path.split_once("/tenants/").is_some_and(|(_, rest)| names_only(rest));
    method == "GET" && (tenancy || CLIENTS_OWN.iter().any(|own| path.ends_with(own)))
}

/// The path without its query, identifiers replaced by a star: a shape that tests have in common.
fn shape(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let is_id = |part: &str| {
        part.len() > 8
            && part.bytes().any(|b| b.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    };
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { "*" } else { part }).collect();
    parts.join("/").chars().filter(|c| !c.is_control()).take(TEXT_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_paired_through_bodies_of_every_kind() {
        let (mut meter, mut seen) = (Http::default(), Vec::new());
        meter.client(b"POST /v1/chat/completions HTTP/1.1\r\nUser-Agent: t/1\r\nContent-Length: 4\r\n\r\nGET GET /api/v2/tenants/default_tenant HTTP/1.1\r\n\r\nHEAD /x?key=secret HTTP/1.1\r\n\r\n", &mut seen);
        meter.server(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nHTT\r\n0\r\n\r\n", &mut seen);
        meter.server(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\n",
            &mut seen,
        );
        let answered = |what: &str, work| Seen::Answered { what: what.to_owned(), work };
        let wanted = [
            Seen::Client("t/1".into()),
            answered("POST /v1/chat/completions", true),
            answered("GET /api/v2/tenants/default_tenant", false),
            answered("HEAD /x", true),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(shape("/c/0190f7ce-aa11-7000-8000-0123456789ab/add"), "/c/*/add");
    }

    #[test]
    fn another_protocol_and_a_refusal_prove_nothing() {
        let (mut meter, mut seen) = (Http::default(), Vec::new());
        meter.client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &mut seen);
        assert_eq!(seen, [Seen::Opaque]);
        let (mut meter, mut seen) = (Http::default(), Vec::new());
        meter.client(b"GET /v1/models HTTP/1.1\r\n\r\n", &mut seen);
        meter.server(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", &mut seen);
        assert_eq!(seen, [Seen::Refused]);
    }
}
