//! Listening on loopback; who holds a port that is taken.

use std::net::SocketAddr;

use hallmark_core::{Error, Result};
use hallmark_services::platform;
use tokio::net::TcpListener;

use crate::codes;

/// Listens on a loopback address; port 0 takes a free one.
///
/// # Errors
/// `HM-N031` if the address is not loopback, `HM-N030` naming the holder if the port is taken, `HM-N032` otherwise.
pub(crate) async fn listen(address: SocketAddr, what: &str) -> Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(Error::new(&codes::NOT_LOOPBACK, format!("{what} would listen on {address}")).next(
            format!(
                "use 127.0.0.1:{}, and a tunnel or a proxy that you trust to reach it from elsewhere",
                address.port()
            ),
        ));
    }
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => taken(address, what),
        _ => {
            Error::new(&codes::LISTEN_FAILED, format!("{what} could not listen on {address}")).because(&error)
        }
    })
}

fn taken(address: SocketAddr, what: &str) -> Error {
    let port = address.port();
    let error = Error::new(
        &codes::PORT_TAKEN,
        match holder(port) {
            Some(Holder { pid, command }) => {
                format!("{what} wants {address}, which process {pid} holds: {command}")
            }
            None => format!("{what} wants {address}, which a process of another user holds"),
        },
    );
    error
        .at(address.to_string())
        .next(format!("stop that process, or give {what} another port: hallmark serve --help"))
}

/// A process that listens on a port.
struct Holder {
    pid: u32,
    command: String,
}

/// Who listens on this TCP port, as far as this user may see.
fn holder(port: u16) -> Option<Holder> {
    platform::listener(port).map(|pid| Holder { pid, command: command(pid) })
}

/// The program and its first arguments. Values that may be secrets are not shown: only words that look like names are.
fn command(pid: u32) -> String {
    let words = platform::program_and_arguments(pid);
    let plain = |word: &&String| !word.contains('=') && !word.contains("://");
    let shown: Vec<&str> = words.iter().filter(plain).take(3).map(String::as_str).collect();
    if shown.is_empty() { "(unknown)".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_names_its_holder() {
        let held = listen("127.0.0.1:0".parse().unwrap(), "the test").await.unwrap();
        let error = listen(held.local_addr().unwrap(), "the REST interface").await.unwrap_err();
        assert!(error.is(&codes::PORT_TAKEN));
        assert!(error.message().contains(&format!("process {}", std::process::id())), "{error:?}");
    }

    #[tokio::test]
    async fn other_addresses_than_loopback_are_refused() {
        assert!(listen("0.0.0.0:0".parse().unwrap(), "x").await.unwrap_err().is(&codes::NOT_LOOPBACK));
    }
}
