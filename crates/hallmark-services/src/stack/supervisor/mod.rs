//! The supervisor: one process per project, parent of the project's servers. It waits for them, restarts the ones that
//! die and keeps the reason. If it dies itself, the servers live on, and the next one adopts them.

mod board;
mod child;
mod client;
mod keeper;
mod monitors;
mod protocol;
mod server;

pub(crate) use board::stop_directly;
pub(crate) use board::{Board, records};
pub use board::{Phase, Record};
pub(crate) use child::{Running, spawn};
pub use client::SupervisorCommand;
pub(crate) use client::{connect, start};
pub(crate) use monitors::Monitors;
pub(crate) use protocol::Request;
pub use server::{SUPERVISE, supervise};
