//! `hallmark serve`: REST, MCP and WebSocket on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hallmark_core::{Error, ExitClass, Result};
use hallmark_nexus::{ServeOptions, ToolOptions};
use hallmark_services::http::Timeouts;

use crate::app::App;
use crate::args::ServeArgs;
use crate::commands::codes;
use crate::wiring::{self, Fallbacks, Platform};

pub(crate) fn run(app: &App<'_>, args: &ServeArgs) -> Result<ExitClass> {
    if args.url {
        return page_url(app, args.port);
    }
    let endpoints = wiring::endpoints(app)?;
    app.block_on(async {
        let platform = Platform::open(app, &endpoints, Fallbacks::AsConfigured).await?;
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let server = hallmark_nexus::serve(ServeOptions {
            rest_addr: at(args.port),
            mcp_addr: at(args.mcp_port),
            tools: ToolOptions { flat: args.flat_tools },
            ..ServeOptions::new(platform.operations, wiring::auth(app)?)
        })
        .await?;
        let addresses = server.addresses();
        app.ui.line(&format!(
            "REST       http://{}/api/v1   OpenAPI at /openapi.json, docs at /docs",
            addresses.rest
        ));
        app.ui.line(&format!("MCP        http://{}/mcp", addresses.mcp));
        app.ui.line(&format!("WebSocket  ws://{}/ws", addresses.mcp));
        app.ui.line(&format!("page       {}   (opens once)", server.page_url()?));
        app.ui.note(&format!("token      in {}", server.auth().file().display()));
        let drained = server.until_signal().await?;
        app.ui.note(if drained { "stopped" } else { "stopped; some requests were cut off" });
        Ok(ExitClass::Ok)
    })
}

/// Asks the server that runs for a new one-time URL of its page.
fn page_url(app: &App<'_>, port: u16) -> Result<ExitClass> {
    let token = hallmark_nexus::auth::read_token(&wiring::token_file(app)?)?;
    let absent = |cause: String| {
        Error::new(&codes::NO_SERVER, format!("no server of this project answers on port {port}"))
            .because_text(cause)
            .next("hallmark serve")
    };
    let answer: serde_json::Value = app.block_on(async {
        let client = hallmark_services::http::client(Timeouts::total(Duration::from_secs(10)))?;
        let request = client
            .post(format!("http://127.0.0.1:{port}/api/v1/tickets"))
            .bearer_auth(token.expose())
            .json(&serde_json::json!({ "for": "page" }));
        let response = request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(|e| absent(e.to_string()))?;
        response.json().await.map_err(|e| absent(e.to_string()))
    })?;
    let url = answer["url"].as_str().ok_or_else(|| absent("it gives no URL".to_owned()))?;
    app.ui.line(url);
    Ok(ExitClass::Ok)
}
