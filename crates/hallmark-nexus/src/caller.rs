//! Who calls, over which channel, and what the caller may do.

use hallmark_core::{Error, Result};

use crate::codes;

/// The principal of the project's own token, of the command line and of stdio.
pub const OWNER: &str = "owner";

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Operations that change nothing.
    Read,
    /// Every operation.
    Full,
}

/// The channel that a call came in on: for logs and spans, never for decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The command line, or any other code in the same process.
    Cli,
    /// The REST interface.
    Rest,
    /// The web page.
    Page,
    /// MCP over streamable HTTP.
    McpHttp,
    /// MCP over a WebSocket.
    McpWebSocket,
    /// MCP over standard input and output.
    McpStdio,
    /// The plain messages over a WebSocket.
    WebSocket,
}

impl Channel {
    /// The name in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Rest => "rest",
            Self::Page => "page",
            Self::McpHttp => "mcp-http",
            Self::McpWebSocket => "mcp-websocket",
            Self::McpStdio => "mcp-stdio",
            Self::WebSocket => "websocket",
        }
    }
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose sessions and runs it sees.
    pub principal: String,
    /// What it may do.
    pub access: Access,
    /// Where the call came in.
    pub channel: Channel,
}

impl Caller {
    /// The owner of the project on this channel, who may do everything: whoever can read the token file is this.
    #[must_use]
    pub fn owner(channel: Channel) -> Self {
        Self { principal: OWNER.to_owned(), access: Access::Full, channel }
    }

    /// The same caller on another channel.
    #[must_use]
    pub fn on(&self, channel: Channel) -> Self {
        Self { channel, ..self.clone() }
    }

    /// Refuses what changes something to a caller that may only read.
    ///
    /// # Errors
    /// `HM-N014`.
    pub(crate) fn check(&self, read_only: bool, what: &str) -> Result<()> {
        if read_only || self.access == Access::Full {
            return Ok(());
        }
        Err(Error::new(
            &codes::READ_ONLY,
            format!("{what} may change something, and this caller may only read"),
        )
        .next(
            "call it with the project's token: hallmark run, or Authorization: Bearer $(cat .hallmark/token)",
        ))
    }
}
