//! The web pages: services, gates and nodes live at `/`, the operations at `/docs`. One renderer, no outside asset.

mod docs;
mod page;
mod render;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use hallmark_core::{Error, random};
use serde::Deserialize;
use serde_json::json;

use crate::serve::Site;
use crate::{Caller, Channel, guard, limits, wire};

/// The pages, to be merged into the REST router.
pub(crate) fn router() -> Router<Site> {
    Router::new().route("/", get(home)).route("/docs", get(reference))
}

/// Whether a browser would be shown this path.
pub(crate) fn is_page(path: &str) -> bool {
    path == "/" || path == "/docs"
}

#[derive(Deserialize)]
struct Shown {
    /// Only what changes, for the page to put in place of what it shows.
    #[serde(default)]
    fragment: bool,
}

async fn home(
    State(site): State<Site>,
    caller: Option<Extension<Caller>>,
    shown: Query<Shown>,
    request: Request,
) -> Response {
    // A HEAD request is somebody's preview of the link: it must not use the ticket up.
    if request.method() == Method::GET
        && let Some(ticket) = guard::ticket(request.uri().query())
    {
        return redeem(&site, ticket);
    }
    let Some(Extension(caller)) = caller else { return StatusCode::UNAUTHORIZED.into_response() };
    let caller = caller.on(Channel::Page);
    html(StatusCode::OK, page::render(&site, &caller, shown.fragment).await)
}

async fn reference(State(site): State<Site>) -> Response {
    html(StatusCode::OK, docs::render(&site))
}

/// Takes the ticket out of the address bar and into a cookie that scripts cannot read.
fn redeem(site: &Site, ticket: &str) -> Response {
    let cookie = match site.auth.redeem(ticket) {
        Ok(cookie) => cookie,
        Err(error) => return sign_in(site, &error),
    };
    let value = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}",
        site.cookie_name(),
        cookie.expose(),
        limits::COOKIE_S
    );
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match HeaderValue::try_from(value) {
        Ok(value) => headers.insert(header::SET_COOKIE, value),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    response
}

/// What a browser without a valid cookie is shown.
pub(crate) fn sign_in(site: &Site, error: &Error) -> Response {
    let context = json!({ "project": site.operations.project(), "error": error.to_json() });
    let mut response = html(StatusCode::UNAUTHORIZED, render::template("sign-in.html", context));
    let challenge = HeaderValue::from_static(r#"Bearer realm="hallmark""#);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// A page with its policy: nothing from elsewhere, scripts and styles only by this answer's nonce.
fn html(status: StatusCode, rendered: hallmark_core::Result<render::Page>) -> Response {
    let page = match rendered {
        Ok(page) => page,
        Err(error) => return wire::response(&error),
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; img-src data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        page.nonce
    );
    let mut response =
        (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A nonce for one answer.
fn nonce() -> hallmark_core::Result<String> {
    random::token(24)
}
