//! Which process holds the other end of a connection: asked of the kernel, because a driver written in C tells Python nothing.

use std::net::SocketAddr;

use hallmark_services::platform::socket_holder;

use crate::limits::ANCESTORS_MAX;

/// A process and its parents, nearest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The process and its parents.
    pub(crate) line: Vec<u32>,
    /// The process's name.
    pub(crate) program: String,
    /// Whether it carries the token of this run in its environment.
    pub(crate) marked: bool,
}

/// The owner of the connection from `client` to our own `relay`, if this system tells. `likely` are looked through first.
pub(crate) fn of(client: SocketAddr, relay: SocketAddr, token: &str, likely: &[u32]) -> Option<Owner> {
    // Children of the tests, if it is none of those: every process that we may look into.
    let found = socket_holder(&[inode(client, relay)?], likely)?;
    let environment = std::fs::read(format!("/proc/{found}/environ")).unwrap_or_default();
    let marked = environment.windows(token.len().max(1)).any(|w| w == token.as_bytes());
    let program = std::fs::read_to_string(format!("/proc/{found}/comm")).unwrap_or_default();
    Some(Owner { line: ancestors(found), program: program.trim().to_owned(), marked })
}

/// The inode of the client's socket, from the kernel's table of connections.
fn inode(client: SocketAddr, relay: SocketAddr) -> Option<u64> {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let text = std::fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| {
            let mut words = line.split_whitespace();
            let (local, remote) = (words.nth(1)?, words.next()?);
            let ports = port(local)? == client.port() && port(remote)? == relay.port();
            // After state, queues, timers, retransmissions, user and timeout.
            let inode = words.nth(6)?.parse().ok()?;
            (ports && inode != 0).then_some(inode)
        })
    })
}

fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok()
}

/// The process and its parents, nearest first, up to the first process.
pub(crate) fn ancestors(pid: u32) -> Vec<u32> {
    let mut line = vec![pid];
    while let Some(parent) = line.last().and_then(|pid| parent(*pid)) {
        if parent <= 1 || line.len() > ANCESTORS_MAX || line.contains(&parent) {
            break;
        }
        line.push(parent);
    }
    line
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_at_the_other_end_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_held, client) = listener.accept().unwrap();
        let owner = of(client, listener.local_addr().unwrap(), "no such token", &[]).unwrap();
        assert_eq!(owner.line[0], std::process::id());
        assert!(!owner.marked && owner.line.len() > 1);
        assert!(hallmark_services::platform::descendants(owner.line[1]).contains(&owner.line[0]));
        drop(stream);
    }
}
