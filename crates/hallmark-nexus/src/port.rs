//! Listening on loopback; who holds a port that is taken.

use std::net::SocketAddr;

use hallmark_core::{Error, Result};
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
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|text| listeners(&text, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()).find_map(|pid| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let mut targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        targets
            .any(|target| sockets.iter().any(|s| target.as_os_str() == s.as_str()))
            .then(|| Holder { pid, command: command(pid) })
    })
}

/// The inodes of the sockets that listen on this port, from a table of the kernel.
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(3) == Some(&LISTEN))
        .filter(|row| {
            let local = row.get(1).and_then(|local| local.rsplit_once(':'));
            local.and_then(|(_, hex)| u16::from_str_radix(hex, 16).ok()) == Some(port)
        })
        .filter_map(|row| row.get(9).map(|inode| (*inode).to_owned()))
        .collect()
}

/// The program and its first arguments. Values that may be secrets are not shown: only words that look like names are.
fn command(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<String> =
        bytes.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    let plain = |word: &&String| !word.is_empty() && !word.contains('=') && !word.contains("://");
    let shown: Vec<&str> = words.iter().filter(plain).take(3).map(String::as_str).collect();
    if shown.is_empty() { "(unknown)".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n   \
             1: 0100007F:1F40 0100007F:AAAA 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n";
        assert_eq!(listeners(table, 8000), ["4711"]);
        assert!(listeners(table, 8001).is_empty());
    }

    #[cfg(target_os = "linux")]
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
