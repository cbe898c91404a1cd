//! What stands before every handler: where the request comes from, who sends it, and the access log.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use hallmark_core::{Error, Result};

use crate::auth::source::Source;
use crate::serve::Site;
use crate::{Caller, Channel, codes, web, wire};

/// The guard of one address.
#[derive(Clone)]
pub(crate) struct Guard {
    site: Site,
    source: Source,
    channel: Channel,
}

impl Guard {
    pub(crate) fn rest(site: Site, source: Source) -> Self {
        Self { site, source, channel: Channel::Rest }
    }

    pub(crate) fn mcp(site: Site, source: Source) -> Self {
        Self { site, source, channel: Channel::McpHttp }
    }

    /// Refuses the request, or says who sends it; `None` where everybody may come.
    fn admit(&self, request: &Request) -> Result<Option<Caller>> {
        let headers = request.headers();
        self.source.check_host(single(headers, &header::HOST)?)?;
        if let Some(authority) = request.uri().authority() {
            self.source.check_host(Some(authority.as_str()))?;
        }
        self.source.check_origin(single(headers, &header::ORIGIN)?)?;
        let path = request.uri().path();
        let ticket = ticket(request.uri().query());
        if self.channel == Channel::Rest && is_public(path, ticket.is_some()) {
            return Ok(None);
        }
        let authorization = single(headers, &header::AUTHORIZATION)?;
        if authorization.is_none() {
            if self.channel == Channel::McpHttp
                && path == "/ws"
                && let Some(ticket) = ticket
            {
                return self.site.auth.redeem_socket(ticket, Channel::McpWebSocket).map(Some);
            }
            if request.method() == axum::http::Method::GET
                && let Some(caller) = self.cookie(headers)?
            {
                return Ok(Some(caller));
            }
        }
        self.site.auth.bearer(authorization, self.channel).map(Some)
    }

    /// The page behind the request's cookie, if the browser says that the page itself sends it.
    fn cookie(&self, headers: &HeaderMap) -> Result<Option<Caller>> {
        let site = single(headers, &HeaderName::from_static("sec-fetch-site"))?;
        if site.is_some_and(|site| site != "same-origin" && site != "none" && site != "same-site") {
            return Ok(None);
        }
        let name = self.site.cookie_name();
        let cookies =
            headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
        let mut own = cookies.filter_map(|pair| pair.trim().split_once('=')).filter(|(key, _)| *key == name);
        Ok(own.find_map(|(_, value)| self.site.auth.cookie(value, Channel::Page)))
    }
}

/// Puts the guard before every route.
pub(crate) fn wrap(router: Router, guard: Guard) -> Router {
    router.layer(middleware::from_fn_with_state(guard, watch))
}

async fn watch(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let began = std::time::Instant::now();
    // The query is left out of the log: a ticket may be in it.
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match guard.admit(&request) {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.run(request).await
        }
        Err(error)
            if guard.channel == Channel::Rest && web::is_page(&path) && wire::status(&error) == 401 =>
        {
            web::sign_in(&guard.site, &error)
        }
        Err(error) => wire::response(&error),
    };
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let duration_ms = began.elapsed().as_millis();
    tracing::info!(channel = guard.channel.name(), %method, path, status = response.status().as_u16(), duration_ms, "request");
    response
}

/// What anybody on this machine may ask.
fn is_public(path: &str, has_ticket: bool) -> bool {
    path == "/health" || path.starts_with("/errors/") || (path == "/" && has_ticket)
}

/// The ticket in a query.
pub(crate) fn ticket(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("ticket="))
}

/// A header that may be there once: two of them are an attempt to be read differently by two readers.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    match (first.map(HeaderValue::to_str), second) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => Ok(Some(text)),
        _ => Err(Error::new(&codes::BAD_REQUEST, format!("the header {name} is given twice or is not text"))),
    }
}
