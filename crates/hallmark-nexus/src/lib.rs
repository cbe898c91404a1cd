//! One operation table on every channel: REST, MCP over streamable HTTP, WebSocket and stdio, the WebSocket messages of the
//! requirements, and the web page.
//!
//! [`Operations`] is all that can be done here: each operation is described once (name, parameters, effects, REST route, MCP
//! tool) and called with [`Operations::call`]. The channels below it translate and nothing else, so that the same call
//! gives the same `result` and the same error code everywhere. [`wire`] is the one place where errors become statuses.
//!
//! What this crate knows of the rest of Hallmark it is handed in [`Parts`]: a registry, a runtime, readings of the stack and
//! of the gates. It starts nothing, measures nothing and decides no gate.

pub mod auth;
mod caller;
mod guard;
pub mod limits;
pub mod mcp;
pub mod operations;
mod port;
mod rest;
mod serve;
pub mod sessions;
mod web;
pub mod wire;
mod ws;

pub use auth::Auth;
pub use caller::{Access, Caller, Channel, OWNER};
pub use mcp::{ToolOptions, stdio as mcp_stdio};
pub use operations::{
    GateStatus, GatesStatus, Operation, Operations, Parts, Reading, ServiceStatus, StackStatus,
};
pub use serve::{Addresses, MCP_PORT, REST_PORT, ServeOptions, Server, serve};
pub use sessions::{Session, Sessions};

hallmark_core::codes! {
    /// Errors of the operation table, sessions, authorisation and channels.
    pub mod codes {
        UNKNOWN_OPERATION = "HM-N001", "there is no such operation, path or tool", Usage;
        WRONG_METHOD = "HM-N002", "the path takes another method", Usage;
        BAD_REQUEST = "HM-N003", "the request is not well formed", Usage;
        MEDIA_TYPE = "HM-N004", "the body is not declared as JSON", Usage;
        TOO_LARGE = "HM-N005", "the request is too large", Usage;
        BUSY = "HM-N006", "too many operations are under way", Unavailable;
        TOO_MANY = "HM-N007", "this caller has too many operations under way", Unavailable;
        TIMED_OUT = "HM-N008", "the operation took too long", Unavailable;
        SLOW_REQUEST = "HM-N009", "the request took too long to arrive", Usage;
        NO_TOKEN = "HM-N010", "no token was given", Usage;
        WRONG_TOKEN = "HM-N011", "the token is not valid", Usage;
        HOST_REFUSED = "HM-N012", "the Host header names another host", Usage;
        ORIGIN_REFUSED = "HM-N013", "the request comes from another origin", Usage;
        READ_ONLY = "HM-N014", "this caller may only read", Usage;
        TICKET_REFUSED = "HM-N015", "the one-time URL is used up or too old", Usage;
        TOKEN_EXPOSED = "HM-N016", "the token file can be read by other users", Usage;
        TOKEN_UNREADABLE = "HM-N017", "the token file holds no token", Usage;
        NO_SESSION = "HM-N020", "there is no such session", Usage;
        SESSION_EXPIRED = "HM-N021", "the session has expired", Usage;
        SESSION_REVOKED = "HM-N022", "the session was revoked", Usage;
        SESSION_TOO_LARGE = "HM-N023", "the session's data is too large", Usage;
        TOO_MANY_SESSIONS = "HM-N024", "the principal has too many live sessions", Usage;
        SESSION_STORE = "HM-N025", "a session could not be kept or read", Unavailable;
        NOT_A_WORKFLOW = "HM-N026", "the node is not a workflow", Usage;
        PORT_TAKEN = "HM-N030", "the port is taken by another process", Unavailable;
        NOT_LOOPBACK = "HM-N031", "the address is not a loopback address", Usage;
        LISTEN_FAILED = "HM-N032", "the server could not listen", Unavailable;
        CHANNEL_BROKEN = "HM-N033", "a channel ended with an error", Unavailable;
        BAD_MESSAGE = "HM-N040", "the WebSocket message was not understood", Usage;
        SLOW_READER = "HM-N041", "the WebSocket's reader is too slow", Unavailable;
        NO_COORDINATION = "HM-N042", "no coordination of agents is registered", Unavailable;
    }
}
