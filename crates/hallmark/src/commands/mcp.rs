//! `hallmark mcp`: MCP over standard input and output.

use hallmark_core::{ExitClass, Result};
use hallmark_nexus::ToolOptions;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::wiring::{self, Fallbacks, Platform};

pub(crate) fn run(app: &App<'_>) -> Result<ExitClass> {
    let endpoints = wiring::endpoints(app)?;
    app.block_on(async {
        let platform = Platform::open(app, &endpoints, Fallbacks::AsConfigured).await?;
        hallmark_nexus::mcp_stdio(
            platform.operations.clone(),
            ToolOptions::default(),
            CancellationToken::new(),
        )
        .await?;
        platform.operations.runtime().shutdown().await;
        Ok(ExitClass::Ok)
    })
}
