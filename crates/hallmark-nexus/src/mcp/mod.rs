//! The Model Context Protocol: one handler, three transports (streamable HTTP, WebSocket, stdio).
//!
//! There is no state of the connection: the tool list is the same for everybody with the same access, and a session is a
//! handle in a tool's arguments. What a tool answers is the answer of its operation, as structured content and as the same JSON
//! in text.

mod http;
pub mod tools;

use std::sync::Arc;

use hallmark_core::{Error, Result};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer, ServiceExt as _};
use tokio_util::sync::CancellationToken;

use crate::{Access, Caller, Channel, Operations, codes, wire};
pub(crate) use http::{router, service};
pub use tools::ToolOptions;
use tools::Tools;

const INSTRUCTIONS: &str = "Hallmark: the models, nodes and workflows of one project on its real services. Find a node with \
search_nodes, read its input with describe_node, run it with the tool of its kind (crud, search, …), run_node or \
run_workflow. Make a session with create_session and pass its handle as `session` to keep what belongs together; read any \
run again with get_run.";

/// Answers the protocol on every transport.
#[derive(Clone)]
pub(crate) struct Handler {
    operations: Operations,
    tools: Arc<Tools>,
    /// Who calls, where the transport knows it once and for all; over HTTP every request says it.
    caller: Option<Caller>,
}

impl Handler {
    pub(crate) fn new(operations: Operations, options: ToolOptions) -> Self {
        let tools = Arc::new(Tools::new(&operations, options));
        Self { operations, tools, caller: None }
    }

    /// The same handler for a connection that belongs to this caller.
    pub(crate) fn of(&self, caller: Caller) -> Self {
        Self { caller: Some(caller), ..self.clone() }
    }

    /// The operations that the tools are.
    pub(crate) fn operations(&self) -> &Operations {
        &self.operations
    }

    /// The tools, for the other channel that speaks of tools.
    pub(crate) fn tools(&self) -> &Tools {
        &self.tools
    }

    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let of_request = || {
            let parts = context.extensions.get::<axum::http::request::Parts>()?;
            parts.extensions.get::<Caller>().map(|caller| caller.on(Channel::McpHttp))
        };
        self.caller.clone().or_else(of_request).ok_or_else(|| {
            let error = Error::new(&codes::NO_TOKEN, "nobody is signed in on this connection");
            wire::protocol_error(&error)
        })
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(
                Implementation::new("hallmark", env!("CARGO_PKG_VERSION")).with_title("Hallmark"),
            )
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let full = self.caller(&context)?.access == Access::Full;
        Ok(ListToolsResult::with_all_items(self.tools.list(full)))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = self.caller(&context)?;
        let arguments = request.arguments.unwrap_or_default();
        // A tool that does not exist is an error of the protocol; all else is an error of the tool, which models read.
        let call = self.tools.resolve(&request.name).map_err(|e| wire::protocol_error(&e))?;
        let answer = match call.input(arguments) {
            Ok((operation, input)) => self.operations.call(&caller, operation, input).await,
            Err(error) => Err(error),
        };
        Ok(answer.map_or_else(|error| wire::tool_error(&error), CallToolResult::structured).into())
    }
}

/// Serves the protocol on standard input and output until the client closes it or the token is cancelled.
///
/// Whoever can start this process can read the project's token: the caller is the owner. Nothing else may be printed on standard
/// output while it runs.
///
/// # Errors
/// `HM-N033` if the stream breaks.
pub async fn stdio(operations: Operations, options: ToolOptions, stop: CancellationToken) -> Result<()> {
    let (input, output) = rmcp::transport::io::stdio_pipes();
    serve_stream(operations, options, input, output, stop).await
}

/// As [`stdio`], on any pair of streams.
///
/// # Errors
/// As [`stdio`].
pub async fn serve_stream(
    operations: Operations,
    options: ToolOptions,
    input: impl tokio::io::AsyncRead + Send + Unpin + 'static,
    output: impl tokio::io::AsyncWrite + Send + Unpin + 'static,
    stop: CancellationToken,
) -> Result<()> {
    let handler = Handler::new(operations, options).of(Caller::owner(Channel::McpStdio));
    let broken = |e: &(dyn std::error::Error + 'static)| {
        Error::new(&codes::CHANNEL_BROKEN, "MCP over stdio ended").because(e)
    };
    let running = handler.serve_with_ct((input, output), stop).await.map_err(|e| broken(&e))?;
    running.waiting().await.map_err(|e| broken(&e))?;
    Ok(())
}
