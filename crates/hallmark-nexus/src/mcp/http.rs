//! The address of MCP: streamable HTTP at `/mcp`, the WebSocket at `/ws`.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use hallmark_core::Error;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use super::Handler;
use crate::auth::source::Source;
use crate::ws::Sockets;
use crate::{Caller, codes, limits, rest, wire};

/// What is behind `/mcp`.
pub(crate) type Service = StreamableHttpService<Handler, NeverSessionManager>;

/// The router of the MCP address, without its guard.
pub(crate) fn router(service: Service, sockets: Sockets) -> Router {
    let mcp = Router::new().route_service("/mcp", service).layer(middleware::from_fn(bounded));
    mcp.route("/ws", get(socket)).fallback(not_found).with_state(sockets)
}

async fn socket(
    State(sockets): State<Sockets>,
    Extension(caller): Extension<Caller>,
    upgrade: WebSocketUpgrade,
) -> Response {
    sockets.upgrade(upgrade, caller)
}

async fn not_found(request: Request) -> Response {
    let path = wire::quoted(request.uri().path());
    let error = Error::new(&codes::UNKNOWN_OPERATION, format!("there is nothing at {path}"));
    wire::response(&error.next("MCP is at /mcp, and over a WebSocket at /ws"))
}

/// Reads the body within our bounds, and refuses what is not JSON with our code.
async fn bounded(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match rest::bytes(&parts.headers, body).await {
        Ok(bytes) => bytes,
        Err(error) => return wire::response(&error),
    };
    if let Err(cause) = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        let error =
            Error::new(&hallmark_core::codes::JSON_INPUT, "the body is not valid JSON").because(&cause);
        return (StatusCode::BAD_REQUEST, Json(wire::json_rpc(None, -32700, &error))).into_response();
    }
    if let Err(error) = hallmark_core::json::refuse_rounded(&bytes) {
        return (StatusCode::BAD_REQUEST, Json(wire::json_rpc(None, -32600, &error))).into_response();
    }
    next.run(Request::from_parts(parts, bytes.into())).await
}

/// The service behind `/mcp`: without sessions of the transport, so that nothing is lost when the process restarts.
///
/// Host, origin, token and size are checked before it; its own checks stay on as a second fence.
pub(crate) fn service(handler: Handler, source: &Source, stop: CancellationToken) -> Service {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(limits::BODY_BYTES_MAX)
        .with_allowed_hosts(source.authorities())
        .with_allowed_origins(source.origins())
        .enforce_origin_validation()
        .with_cancellation_token(stop);
    StreamableHttpService::new(move || Ok(handler.clone()), NeverSessionManager::default().into(), config)
}
