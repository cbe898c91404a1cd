//! OpenTelemetry: probes, failed checks and the spans of time between changes, as traces over OTLP/HTTP in JSON.
//!
//! Nothing is sent unless the standard variables name an endpoint. The encoding is the one that the specification
//! gives for JSON: identifiers in hexadecimal, times as decimal text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallmark_core::{Result, digest, random};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::bulletin::Turn;
use super::{News, limits, pulse};
use crate::{ProbeReport, State, http, url};

/// The kinds and states of spans as the protocol numbers them.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const STATUS_OK: u8 = 1;
const STATUS_ERROR: u8 = 2;

/// Where traces go.
#[derive(Clone)]
pub(crate) struct Export {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    resource: Value,
}

impl Export {
    /// What the environment asks for; `None` if it asks for nothing, or for what is not spoken here.
    pub(crate) fn from_env(project: &str) -> Option<Self> {
        Self::from(project, |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
    }

    fn from(project: &str, read: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let off = read("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || read("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let address = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
            let base = read("OTEL_EXPORTER_OTLP_ENDPOINT")?;
            Some(format!("{}/v1/traces", base.trim_end_matches('/')))
        })?;
        let url = Url::parse(&address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        if off {
            return None;
        }
        let Some(url) = url else {
            tracing::warn!("the OTLP endpoint is no http address: no traces are sent");
            return None;
        };
        let headers = read("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
            .or_else(|| read("OTEL_EXPORTER_OTLP_HEADERS"))
            .unwrap_or_default();
        let timeout =
            read("OTEL_EXPORTER_OTLP_TIMEOUT").and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
        let timeouts = http::Timeouts::total(timeout.unwrap_or(limits::ALERT_TIMEOUT));
        let place = [(url::host(&url), url.port_or_known_default().unwrap_or(4318))];
        let client = if pulse::is_local(&place) {
            http::client(timeouts)
        } else {
            http::client_through_proxy(timeouts)
        };
        let name = read("OTEL_SERVICE_NAME").unwrap_or_else(|| "hallmark".to_owned());
        let mut attributes =
            vec![text("service.name", &name), text("service.version", env!("CARGO_PKG_VERSION"))];
        attributes.push(text("hallmark.project", project));
        Some(Self {
            client: client.ok()?,
            url,
            headers: parsed(&headers),
            resource: json!({ "attributes": attributes }),
        })
    }

    /// Sends what is told until nothing is told any more. While nothing can be sent, the oldest spans are dropped.
    pub(crate) async fn keep(self, mut news: mpsc::Receiver<News>) {
        let mut spans: Vec<Value> = Vec::new();
        let mut ticks = tokio::time::interval(limits::EXPORT_EVERY);
        loop {
            tokio::select! {
                news = news.recv() => match news {
                    Some(news) => spans.extend(encode(&news)),
                    None => {
                        let _ = self.send(&spans).await;
                        return;
                    }
                },
                _ = ticks.tick() => if !spans.is_empty() {
                    match self.send(&spans).await {
                        Ok(()) => spans.clear(),
                        Err(error) => tracing::warn!(%error, count = spans.len(), "spans could not be sent"),
                    }
                },
            }
            let over = spans.len().saturating_sub(limits::SPANS);
            spans.drain(..over);
        }
    }

    async fn send(&self, spans: &[Value]) -> Result<()> {
        if spans.is_empty() {
            return Ok(());
        }
        let request =
            self.client.post(self.url.clone()).headers(self.headers.clone()).json(&self.document(spans));
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(|e| http::error(&e.without_url()))
    }

    fn document(&self, spans: &[Value]) -> Value {
        let scope = json!({ "name": "hallmark.monitor", "version": env!("CARGO_PKG_VERSION") });
        json!({ "resourceSpans": [{ "resource": self.resource, "scopeSpans": [{ "scope": scope, "spans": spans }] }] })
    }
}

/// `name=value` pairs, separated by commas, values percent-encoded, as the specification of the variable says.
fn parsed(text: &str) -> HeaderMap {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(&url::decode(value.trim())).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    });
    pairs.collect()
}

/// A span: what, when, and how it ended.
struct Span<'a> {
    trace: &'a str,
    parent: Option<&'a str>,
    name: String,
    kind: u8,
    from: SystemTime,
    to: SystemTime,
    attributes: Vec<Value>,
    /// Why it failed; `None` if it did not.
    error: Option<&'a str>,
}

impl Span<'_> {
    /// The span with an identifier of its own.
    fn encode(&self, id: &str) -> Value {
        let status = match self.error {
            Some(message) => json!({ "code": STATUS_ERROR, "message": message }),
            None => json!({ "code": STATUS_OK }),
        };
        let mut span = json!({
            "traceId": self.trace,
            "spanId": id,
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": nanos(self.from),
            "endTimeUnixNano": nanos(self.to),
            "attributes": self.attributes,
            "status": status,
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = json!(parent);
        }
        span
    }
}

fn encode(news: &News) -> Vec<Value> {
    let identifiers = || Some((identifier(32)?, identifier(16)?));
    let Some((trace, id)) = identifiers() else { return Vec::new() };
    match news {
        News::Noted(..) => Vec::new(),
        News::Turned(turn) => vec![turned(turn, &trace, &id)],
        News::Failed { service, began, took, reason } => {
            let span = Span {
                trace: &trace,
                parent: None,
                name: format!("check {service}"),
                kind: CLIENT,
                from: *began,
                to: *began + *took,
                attributes: vec![text("hallmark.service", service.name())],
                error: Some(reason),
            };
            vec![span.encode(&id)]
        }
        News::Probed { began, report } => probed(*began, report, &trace, &id),
    }
}

/// The time that a state lasted, which ends with a change.
fn turned(turn: &Turn, trace: &str, id: &str) -> Value {
    let end: Option<jiff::Timestamp> = turn.at.parse().ok();
    let end = end.map_or_else(SystemTime::now, SystemTime::from);
    let unwell = matches!(turn.to, super::Health::Degraded | super::Health::Down);
    let mut attributes = vec![
        text("hallmark.service", turn.service.name()),
        text("hallmark.state", turn.from.name()),
        text("hallmark.next_state", turn.to.name()),
        text("hallmark.reason", &turn.reason),
    ];
    if let Some(cause) = &turn.cause {
        attributes.push(text("hallmark.cause", &cause.sentence));
    }
    let span = Span {
        trace,
        parent: None,
        name: format!("{} {}", turn.service, turn.from),
        kind: INTERNAL,
        from: end.checked_sub(Duration::from_millis(turn.lasted_ms)).unwrap_or(end),
        to: end,
        attributes,
        error: unwell.then_some(turn.reason.as_str()),
    };
    span.encode(id)
}

/// A probe, and its steps one after the other.
fn probed(began: SystemTime, report: &ProbeReport, trace: &str, id: &str) -> Vec<Value> {
    let mut at = began;
    let mut spans = Vec::with_capacity(report.steps.len() + 1);
    for step in &report.steps {
        let to = at + Duration::from_secs_f64((step.duration_ms / 1e3).max(0.0));
        let mut attributes =
            vec![text("hallmark.service", report.service.name()), text("hallmark.detail", &step.detail)];
        attributes.extend(step.code.map(|code| text("error.type", code)));
        let span = Span {
            trace,
            parent: Some(id),
            name: step.name.to_owned(),
            kind: CLIENT,
            from: at,
            to,
            attributes,
            error: (!step.ok).then_some(step.detail.as_str()),
        };
        spans.extend(identifier(16).map(|own| span.encode(&own)));
        at = to;
    }
    let attributes = vec![
        text("hallmark.service", report.service.name()),
        text("hallmark.version", &report.version),
        text("hallmark.identity", &report.identity),
    ];
    let error = report.reason.as_deref().filter(|_| report.state != State::Usable);
    let name = format!("probe {}", report.service);
    let probe = Span { trace, parent: None, name, kind: INTERNAL, from: began, to: at, attributes, error };
    spans.insert(0, probe.encode(id));
    spans
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

/// Random hexadecimal digits.
fn identifier(digits: usize) -> Option<String> {
    let seed = random::token(32).ok()?;
    digest::sha256(seed.as_bytes()).get(..digits).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(pairs: &[(&str, &str)]) -> Option<Export> {
        Export::from("/p", |name| {
            pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_is_sent_unless_the_environment_asks_for_it() {
        assert!(export(&[]).is_none());
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");
        assert_eq!(export(&[base]).unwrap().url.as_str(), "http://127.0.0.1:4318/v1/traces");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/x");
        assert_eq!(export(&[base, own]).unwrap().url.as_str(), "http://127.0.0.1:1/x");
        assert!(export(&[base, ("OTEL_SDK_DISABLED", "true")]).is_none());
        assert!(export(&[base, ("OTEL_TRACES_EXPORTER", "none")]).is_none());
        assert!(export(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")]).is_none());
    }

    #[test]
    fn headers_are_decoded_and_kept_secret() {
        let headers = parsed("authorization=Bearer%20x, other=1,broken");
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["authorization"], "Bearer x");
        assert!(!format!("{headers:?}").contains("Bearer"));
    }

    #[test]
    fn identifiers_have_their_lengths_and_differ() {
        let (one, other) = (identifier(32).unwrap(), identifier(32).unwrap());
        assert!(one != other && one.len() == 32 && one.chars().all(|c| c.is_ascii_hexdigit()));
    }
}
