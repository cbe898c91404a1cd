//! Serves metrics and health over HTTP on loopback: read-only, without secrets.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::metrics::{self, Told};
use super::{Health, limits};

/// Reads what is to be told, at each request anew.
pub(crate) type Teller = Arc<dyn Fn() -> Told + Send + Sync>;

/// Serves on this port of loopback until it is dropped. A port that is taken serves nothing, and says so in the log.
pub(crate) async fn serve(port: u16, teller: Teller) {
    let Some(listener) = listen(port).await else { return };
    let room = Arc::new(Semaphore::new(limits::SCRAPES));
    let mut talks = JoinSet::new();
    loop {
        // More than that wait in the kernel's queue.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        while talks.try_join_next().is_some() {}
        let teller = Arc::clone(&teller);
        talks.spawn(async move {
            let _ = tokio::time::timeout(limits::SCRAPE_TIMEOUT, talk(stream, teller)).await;
            drop(place);
        });
    }
}

/// An earlier supervisor, or monitors that are just being replaced, may hold the port for a moment.
async fn listen(port: u16) -> Option<TcpListener> {
    let begin = Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Some(listener),
            Err(error) if begin.elapsed() > limits::SCRAPE_TIMEOUT => {
                tracing::warn!(port, %error, "metrics are not served");
                return None;
            }
            Err(_) => tokio::time::sleep(limits::PERIOD).await,
        }
    }
}

async fn talk(stream: TcpStream, teller: Teller) {
    let service = service_fn(move |request| {
        let teller = Arc::clone(&teller);
        async move { Ok::<_, Infallible>(answer(&request, &teller)) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn answer<B>(request: &Request<B>, teller: &Teller) -> Response<String> {
    if !is_for_us(request.headers().get(HOST)) {
        return response(StatusCode::FORBIDDEN, "text/plain", "this address is not served\n".to_owned());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return response(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET\n".to_owned());
    }
    match request.uri().path() {
        "/metrics" => response(StatusCode::OK, metrics::CONTENT_TYPE, metrics::render(&teller())),
        "/health" => {
            let snapshots = teller().snapshots;
            let well = snapshots.iter().all(|snapshot| snapshot.health == Health::Healthy);
            let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let body = serde_json::json!({
                "format": 1, "healthy": well, "machine": machine(), "services": snapshots,
            });
            response(status, "application/json", format!("{body}\n"))
        }
        _ => response(StatusCode::NOT_FOUND, "text/plain", "/metrics and /health are here\n".to_owned()),
    }
}

/// Twelve digits that tell this machine, since it was started, from others; they tell nothing else of it.
pub(crate) fn machine() -> String {
    let print = format!("{}{}", crate::platform::boot(), sysinfo::System::host_name().unwrap_or_default());
    hallmark_core::digest::sha256(print.as_bytes())[..12].to_owned()
}

/// Whether the request names this machine's own address: a page in a browser could make another name lead here.
fn is_for_us(host: Option<&HeaderValue>) -> bool {
    let name = host
        .and_then(|host| host.to_str().ok())
        .map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    name.is_none_or(|name| matches!(name, "127.0.0.1" | "localhost"))
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
