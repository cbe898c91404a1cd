//! Frames of the base protocol over any pair of streams. What is no message is answered with an error and skipped: a client's slip
//! ends nothing.

use std::io::{BufRead, Read as _, Write};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use lsp_server::{ErrorCode, Message};
use serde_json::{Value, json};

use crate::limits;

/// The two ends that the server holds.
pub(crate) struct Transport {
    /// Messages of the client; closed when its stream ends.
    pub(crate) inbox: Receiver<Message>,
    /// What is sent to it.
    pub(crate) outbox: Sender<Value>,
    writer: JoinHandle<()>,
}

impl Transport {
    /// Reads and writes on threads of their own.
    ///
    /// # Errors
    /// If no thread can be had.
    pub(crate) fn start(
        input: impl BufRead + Send + 'static,
        output: impl Write + Send + 'static,
    ) -> std::io::Result<Self> {
        let (to_server, inbox) = bounded(limits::QUEUED_MESSAGES);
        let (outbox, to_client) = bounded(limits::QUEUED_MESSAGES);
        let errors = outbox.clone();
        // The reader ends with the client's stream or with the process: nobody waits for it.
        std::thread::Builder::new()
            .name("lsp-reader".to_owned())
            .spawn(move || read_all(input, &to_server, &errors))?;
        let writer = std::thread::Builder::new()
            .name("lsp-writer".to_owned())
            .spawn(move || write_all(output, &to_client))?;
        Ok(Self { inbox, outbox, writer })
    }

    /// Writes what is still to be sent.
    pub(crate) fn finish(self) {
        let Self { inbox, outbox, writer } = self;
        // The reader holds a sender of its own for its errors: an end mark lets the writer go in spite of it.
        let _ = outbox.send(Value::Null);
        drop((inbox, outbox));
        let _ = writer.join();
    }
}

fn write_all(mut output: impl Write, messages: &Receiver<Value>) {
    for message in messages {
        if message.is_null() {
            break;
        }
        let text = message.to_string();
        let header = format!("Content-Length: {}\r\n\r\n", text.len());
        let sent = output
            .write_all(header.as_bytes())
            .and_then(|()| output.write_all(text.as_bytes()))
            .and_then(|()| output.flush());
        if sent.is_err() {
            break;
        }
    }
}

fn read_all(mut input: impl BufRead, server: &Sender<Message>, errors: &Sender<Value>) {
    loop {
        let body = match frame(&mut input) {
            Ok(Some(Frame::Body(body))) => body,
            Ok(Some(Frame::TooLarge(size))) => {
                let text = format!("a message of {size} bytes is larger than {}", limits::MESSAGE_BYTES);
                let _ = errors.send(error(&Value::Null, ErrorCode::InvalidRequest, &text));
                continue;
            }
            Ok(None) | Err(_) => return,
        };
        let message = match serde_json::from_slice::<Value>(&body) {
            Ok(value) => parse(value),
            Err(e) => Err(error(&Value::Null, ErrorCode::ParseError, &format!("not JSON: {e}"))),
        };
        let closed = match message {
            Ok(message) => server.send(message).is_err(),
            Err(answer) => errors.send(answer).is_err(),
        };
        if closed {
            return;
        }
    }
}

/// A message, or the answer to what is none.
fn parse(value: Value) -> Result<Message, Value> {
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|e| {
        error(
            &id,
            ErrorCode::InvalidRequest,
            &format!("neither a request, a response nor a notification: {e}"),
        )
    })
}

fn error(id: &Value, code: ErrorCode, text: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": text } })
}

enum Frame {
    Body(Vec<u8>),
    TooLarge(usize),
}

/// The next frame; `None` at the end of the stream. Lines that are no header are passed over until one is.
fn frame(input: &mut impl BufRead) -> std::io::Result<Option<Frame>> {
    let mut size: Option<usize> = None;
    loop {
        let mut line = Vec::new();
        if input.take(limits::HEADER_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if let Some((name, value)) = text.split_once(':') {
            if name.trim().eq_ignore_ascii_case("content-length") {
                size = value.trim().parse().ok();
            }
        } else if text.is_empty() {
            let Some(size) = size.take() else { continue };
            if size > limits::MESSAGE_BYTES {
                std::io::copy(&mut input.take(size as u64), &mut std::io::sink())?;
                return Ok(Some(Frame::TooLarge(size)));
            }
            let mut body = vec![0; size];
            input.read_exact(&mut body)?;
            return Ok(Some(Frame::Body(body)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(input: &[u8]) -> Vec<String> {
        let mut input = input;
        let mut found = Vec::new();
        while let Ok(Some(Frame::Body(body))) = frame(&mut input) {
            found.push(String::from_utf8(body).unwrap());
        }
        found
    }

    #[test]
    fn frames_are_found_behind_noise() {
        let input = b"hello\r\n\r\nX: y\r\ncontent-length: 2\r\n\r\n{}Content-Length: nonsense\r\n\r\nContent-Length: 3\r\n\r\n[1]";
        assert_eq!(bodies(input), ["{}", "[1]"]);
        assert_eq!(bodies(b"Content-Length: 9\r\n\r\n{}"), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_message_is_answered() {
        let (server, inbox) = bounded(9);
        let (errors, answers) = bounded(9);
        let input: &[u8] = b"Content-Length: 4\r\n\r\n{no}Content-Length: 9\r\n\r\n{\"id\": 7}Content-Length: 17\r\n\r\n{\"method\": \"exi\"}";
        read_all(input, &server, &errors);
        drop((server, errors));
        let codes: Vec<i64> = answers.iter().map(|a| a["error"]["code"].as_i64().unwrap()).collect();
        assert_eq!(codes, [-32700, -32600]);
        assert_eq!(inbox.iter().count(), 1);
    }
}
