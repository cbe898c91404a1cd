//! How an error looks on each channel: the one place where codes become statuses.
//!
//! Every channel sends [`Error::to_json`]. REST adds `type` and `status` (RFC 9457), MCP puts it into the structured content
//! of a tool error or into the `data` of a protocol error, a WebSocket message carries it as `error`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hallmark_core::{Error, ExitClass};
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ErrorCode};
use serde_json::{Value, json};

use crate::codes as nexus;

/// Codes whose status is not that of their exit class, sorted.
const STATUSES: &[(&str, u16)] = &[
    ("HM-N001", 404),
    ("HM-N002", 405),
    ("HM-N004", 415),
    ("HM-N005", 413),
    ("HM-N006", 503),
    ("HM-N007", 429),
    ("HM-N008", 504),
    ("HM-N009", 408),
    ("HM-N010", 401),
    ("HM-N011", 401),
    ("HM-N012", 421),
    ("HM-N013", 403),
    ("HM-N014", 403),
    ("HM-N015", 401),
    ("HM-N020", 404),
    ("HM-N021", 410),
    ("HM-N022", 410),
    ("HM-N023", 413),
    ("HM-N024", 429),
    ("HM-N042", 501),
    ("HM-W001", 404),
    ("HM-W010", 422),
    ("HM-W011", 422),
    ("HM-W012", 422),
    ("HM-W013", 422),
    ("HM-W014", 422),
    ("HM-W015", 422),
    ("HM-W016", 413),
    ("HM-W030", 504),
    ("HM-W032", 422),
    ("HM-W035", 409),
    ("HM-W040", 404),
    ("HM-W042", 409),
    ("HM-W044", 409),
];

/// The HTTP status of an error.
#[must_use]
pub fn status(error: &Error) -> u16 {
    let id = error.code().id;
    match STATUSES.binary_search_by(|(known, _)| (*known).cmp(id)) {
        Ok(at) => STATUSES[at].1,
        Err(_) => match error.code().exit {
            ExitClass::Usage => 400,
            ExitClass::Unavailable => 503,
            ExitClass::Ok | ExitClass::Findings | ExitClass::Unreadable => 422,
            ExitClass::Internal => 500,
        },
    }
}

/// The problem document of an error (RFC 9457). Its `type` is a page that the server itself has.
#[must_use]
pub fn problem(error: &Error) -> Value {
    let mut body = error.to_json();
    body["type"] = json!(format!("/errors/{}", error.code().id));
    body["status"] = json!(status(error));
    body
}

/// The HTTP answer to an error, with what its status asks for in headers.
pub(crate) fn response(error: &Error) -> Response {
    let mut response = Response::new(Body::from(problem(error).to_string()));
    *response.status_mut() = StatusCode::from_u16(status(error)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let extra = match response.status().as_u16() {
        401 if error.is(&nexus::WRONG_TOKEN) => {
            Some((header::WWW_AUTHENTICATE, r#"Bearer realm="hallmark", error="invalid_token""#))
        }
        401 => Some((header::WWW_AUTHENTICATE, r#"Bearer realm="hallmark""#)),
        429 | 503 => Some((header::RETRY_AFTER, "1")),
        _ => None,
    };
    if let Some((name, value)) = extra {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The header that says who answered.
pub const SOURCE_HEADER: &str = "hallmark-source";

/// Who answered, as a list of structured fields (RFC 9651): `primary`, or for each service that did not answer itself
/// `fallback;service=redis;name="local-cache";age=12`, where `age` is in seconds, rounded up, and missing if nobody knows.
#[must_use]
pub fn source(answer: &Value) -> String {
    let rows = answer[crate::operations::SOURCE].as_array();
    let items: Vec<String> = rows
        .into_iter()
        .flatten()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().replace(['"', '\\'], "");
            let age = row["age_ms"].as_u64().map(|ms| format!(";age={}", ms.div_ceil(1_000)));
            let (from, service, name) = (text("from"), text("service"), text("name"));
            format!("{from};service={service};name=\"{name}\"{}", age.unwrap_or_default())
        })
        .collect();
    if items.is_empty() { "primary".to_owned() } else { items.join(", ") }
}

/// An error of a tool: what was asked for was understood, and did not work.
pub(crate) fn tool_error(error: &Error) -> CallToolResult {
    CallToolResult::structured_error(error.to_json())
}

/// An error of the protocol: what was asked for does not exist or is not well formed.
pub(crate) fn protocol_error(error: &Error) -> ErrorData {
    let code = match error.code().exit {
        ExitClass::Usage => ErrorCode::INVALID_PARAMS,
        _ => ErrorCode::INTERNAL_ERROR,
    };
    ErrorData::new(code, error.to_string(), Some(error.to_json()))
}

/// A JSON-RPC error answer, for what is refused before the protocol's own code sees it.
pub(crate) fn json_rpc(id: Option<&Value>, number: i32, error: &Error) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": id,
        "error": { "code": number, "message": error.message(), "data": error.to_json() },
    })
}

/// A user's text for a message: quoted, escaped and cut.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let cut: String = text.chars().take(SHOWN).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_code_of_it_exists() {
        assert!(STATUSES.is_sorted_by(|a, b| a.0 < b.0));
        let known: Vec<&str> =
            nexus::ALL.iter().chain(hallmark_workflow::codes::ALL).map(|code| code.id).collect();
        for (id, _) in STATUSES {
            assert!(known.contains(id), "{id} is no code");
        }
    }

    #[test]
    fn an_error_has_one_shape_everywhere() {
        let error = Error::new(&nexus::NO_SESSION, "there is no session \"x\"");
        let problem = problem(&error);
        assert_eq!(problem["status"], 404);
        assert_eq!(problem["type"], "/errors/HM-N020");
        let tool = tool_error(&error);
        assert_eq!(tool.is_error, Some(true));
        for (member, value) in error.to_json().as_object().unwrap() {
            assert_eq!(&problem[member], value);
            assert_eq!(&tool.structured_content.as_ref().unwrap()[member], value);
            assert_eq!(&protocol_error(&error).data.unwrap()[member], value);
        }
    }

    #[test]
    fn a_header_says_who_answered_and_how_old_it_may_be() {
        assert_eq!(source(&json!({"result": {}})), "primary");
        let row =
            |from: &str, age: Value| json!({"service": "redis", "from": from, "name": "x", "age_ms": age});
        let answer = json!({"source": [row("fallback", Value::Null), row("replica", json!(1_001))]});
        let expected = "fallback;service=redis;name=\"x\", replica;service=redis;name=\"x\";age=2";
        assert_eq!(source(&answer), expected);
    }

    #[test]
    fn a_refused_caller_is_told_how() {
        let answer = response(&Error::new(&nexus::NO_TOKEN, "x"));
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], r#"Bearer realm="hallmark""#);
    }
}
