//! An operation's input from a request: path, query and body become one object, which the operation itself governs.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, Method, Uri, header};
use futures_util::StreamExt as _;
use hallmark_core::{Error, Result, json};
use hallmark_workflow::{NodeSpec, ParamType, codes as workflow};
use serde_json::{Map, Value};

use crate::{codes, limits, wire};

/// The input that a request carries.
pub(super) async fn read(spec: &NodeSpec, params: &RawPathParams, request: Request) -> Result<Value> {
    let key =
        request.headers().get("idempotency-key").map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let mut input = query(spec, request.uri())?;
    if request.method() != Method::GET {
        for (name, value) in body(request).await? {
            once(&mut input, &name, value)?;
        }
    }
    for (name, value) in params {
        once(&mut input, name, typed(spec, name, value))?;
    }
    if let Some(key) = key.filter(|_| spec.find("idempotency_key").is_some()) {
        once(&mut input, "idempotency_key", Value::String(key))?;
    }
    Ok(Value::Object(input))
}

fn once(input: &mut Map<String, Value>, name: &str, value: Value) -> Result<()> {
    match input.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(Error::new(&codes::BAD_REQUEST, format!("{} is given twice", wire::quoted(name)))
            .next("give it in the path, the query or the body, and once")),
    }
}

fn query(spec: &NodeSpec, uri: &Uri) -> Result<Map<String, Value>> {
    let malformed = || Error::new(&codes::BAD_REQUEST, "the query of the URL is not well formed");
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| malformed())?.0;
    let mut input = Map::new();
    for (name, value) in pairs {
        let value = typed(spec, &name, &value);
        once(&mut input, &name, value)?;
    }
    Ok(input)
}

/// A text of the URL as the type that the parameter declares; what does not read as one stays a text and is refused as such.
fn typed(spec: &NodeSpec, name: &str, text: &str) -> Value {
    let kind = spec.find(name).map_or(ParamType::String, |param| param.kind);
    let own = match kind {
        ParamType::String => None,
        _ if json::rounded(text.as_bytes()).is_some() => None,
        _ => serde_json::from_str(text).ok().filter(|value| kind.accepts(value)),
    };
    own.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The JSON object in a request's body; none is the empty one.
pub(super) async fn body(request: Request) -> Result<Map<String, Value>> {
    let (parts, body) = request.into_parts();
    let bytes = bytes(&parts.headers, body).await?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    check_type(&parts.headers)?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|e| {
        Error::new(&hallmark_core::codes::JSON_INPUT, "the body is not valid JSON").because(&e)
    })?;
    json::refuse_rounded(&bytes)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(Error::new(&workflow::WRONG_TYPE, "the body is not a JSON object")),
    }
}

/// Another web page could send a form or plain text without being asked; it cannot send JSON.
fn check_type(headers: &HeaderMap) -> Result<()> {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Error::new(&codes::MEDIA_TYPE, format!("the body's type is {}", wire::quoted(declared)))
        .next("send the header `Content-Type: application/json`"))
}

/// The bytes of a body, bounded in size and time.
pub(crate) async fn bytes(headers: &HeaderMap, body: Body) -> Result<Bytes> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let mut stream = body.into_data_stream();
    let read = async {
        if declared.is_some_and(|length| length > limits::BODY_BYTES_MAX) {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(declared.unwrap_or_default());
        while let Some(part) = stream.next().await {
            let part = part.map_err(|e| Error::new(&codes::BAD_REQUEST, "the body broke off").because(&e))?;
            if bytes.len() + part.len() > limits::BODY_BYTES_MAX {
                return Ok(None);
            }
            bytes.extend_from_slice(&part);
        }
        Ok(Some(Bytes::from(bytes)))
    };
    match tokio::time::timeout(Duration::from_secs(limits::BODY_TIMEOUT_S), read).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            discard(stream).await;
            let most = limits::BODY_BYTES_MAX;
            Err(Error::new(&codes::TOO_LARGE, format!("the body has more than {most} bytes"))
                .next("send less at once: smaller pages, several imports"))
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Error::new(
            &codes::SLOW_REQUEST,
            format!("the body did not arrive in {} s", limits::BODY_TIMEOUT_S),
        )),
    }
}

/// Reads on for a while without keeping anything: a client that is still sending does not read why it was refused.
async fn discard(mut stream: BodyDataStream) {
    let read = async {
        let mut discarded = 0;
        while let Some(Ok(part)) = stream.next().await {
            discarded += part.len();
            if discarded > limits::DISCARD_BYTES_MAX {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(limits::DISCARD_MS), read).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_workflow::Param;
    use serde_json::json;

    #[test]
    fn texts_of_the_url_take_the_declared_type() {
        let spec = NodeSpec::new("x", "x")
            .param(Param::integer("n"))
            .param(Param::boolean("b"))
            .param(Param::string("s"))
            .param(Param::object("o"));
        let uri: Uri = "http://h/x?n=5&b=true&s=5&o=%7B%22a%22%3A1%7D&other=1".parse().unwrap();
        let expected = json!({"n": 5, "b": true, "s": "5", "o": {"a": 1}, "other": "1"});
        assert_eq!(Value::Object(query(&spec, &uri).unwrap()), expected);
        let uri: Uri = "http://h/x?n=five&n=6".parse().unwrap();
        assert!(query(&spec, &uri).unwrap_err().is(&codes::BAD_REQUEST));
        assert_eq!(typed(&spec, "n", "five"), json!("five"));
    }
}
