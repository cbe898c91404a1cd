//! REST: the operation table under `/api/v1`, its OpenAPI document, health, error pages.

mod input;
mod openapi;

pub(crate) use input::bytes;

use axum::extract::{Path, RawPathParams, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on, post};
use axum::{Extension, Json, Router};
use hallmark_core::{Error, Result};
use serde_json::{Value, json};

use crate::serve::Site;
use crate::{Access, Caller, codes, wire};

/// The router of the REST address, without its guard.
pub(crate) fn router(site: Site) -> Router {
    let mut router = Router::new();
    for operation in site.operations.table() {
        for (method, path) in operation.routes {
            router = router.route(path, of_operation(method, operation.name().to_owned()));
        }
    }
    router
        .route("/api/v1/tickets", post(ticket))
        .route("/openapi.json", get(document))
        .route("/health", get(health))
        .route("/errors/{code}", get(error_page))
        .merge(crate::web::router())
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(site)
}

fn of_operation(method: &str, name: String) -> MethodRouter<Site> {
    let filter = match method {
        "POST" => MethodFilter::POST,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    let handle = move |State(site): State<Site>,
                       Extension(caller): Extension<Caller>,
                       params: RawPathParams,
                       request: Request| {
        let name = name.clone();
        async move {
            let answer = async {
                let operation = site.operations.find(&name)?;
                let input = input::read(&operation.spec, &params, request).await?;
                site.operations.call(&caller, &name, input).await
            };
            answer.await.map_or_else(|error| wire::response(&error), |answer| sourced(&answer))
        }
    };
    on(filter, handle)
}

/// An operation's answer, whose header says who gave it.
fn sourced(answer: &Value) -> Response {
    let mut response = json_response(answer);
    if let Ok(value) = HeaderValue::from_str(&wire::source(answer)) {
        response.headers_mut().insert(wire::SOURCE_HEADER, value);
    }
    response
}

/// Alive, and nothing else: this is what anybody may know.
async fn health() -> Response {
    json_response(&json!({ "status": "ok" }))
}

/// A one-time ticket: `{"for": "page"}` gives a URL for the browser, `{"for": "websocket"}` one for a client that cannot send headers.
async fn ticket(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let made = async {
        if caller.access != Access::Full {
            return Err(Error::new(&codes::READ_ONLY, "a page or a read-only token makes no tickets"));
        }
        let body = input::body(request).await?;
        let url = match body.get("for").and_then(Value::as_str).unwrap_or("page") {
            "page" => site.page_url(site.auth.ticket()?.expose()),
            "websocket" => site.socket_url(site.auth.socket_ticket(&caller)?.expose()),
            other => {
                return Err(Error::new(
                    &codes::BAD_REQUEST,
                    format!("no tickets are made for {}", wire::quoted(other)),
                )
                .next("use \"page\" or \"websocket\""));
            }
        };
        Ok(json!({ "url": url, "expires_in_s": crate::limits::TICKET_S }))
    };
    answer(made.await)
}

async fn document(State(site): State<Site>) -> Response {
    json_response(&openapi::document(&site.operations))
}

/// The page of an error code, in Markdown: what a problem's `type` leads to.
async fn error_page(State(site): State<Site>, Path(code): Path<String>) -> Response {
    match site.operations.explain(&code) {
        Some(page) => ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], page).into_response(),
        None => wire::response(&Error::new(
            &codes::UNKNOWN_OPERATION,
            format!("there is no code {}", wire::quoted(&code)),
        )),
    }
}

async fn not_found(request: Request) -> Response {
    let path = request.uri().path();
    wire::response(
        &Error::new(&codes::UNKNOWN_OPERATION, format!("there is nothing at {}", wire::quoted(path)))
            .next("see /docs or /openapi.json"),
    )
}

async fn wrong_method(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    wire::response(
        &Error::new(&codes::WRONG_METHOD, format!("{} does not take {method}", wire::quoted(path)))
            .next("see /docs or /openapi.json"),
    )
}

fn answer(result: Result<Value>) -> Response {
    result.map_or_else(|error| wire::response(&error), |value| json_response(&value))
}

fn json_response(value: &Value) -> Response {
    let mut response = (StatusCode::OK, Json(value)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
