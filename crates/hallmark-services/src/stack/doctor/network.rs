//! Whether this machine reaches itself: firewall, names, proxies.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::scene::Scene;
use super::{Check, Verdict};
use crate::platform;

/// How long loopback may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A firewall that filters loopback stops every service; bound, connected and a byte sent is what they do.
pub(super) fn loopback(_: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("loopback", "loopback");
    vec![match round_trip() {
        Ok(port) => {
            let detail = format!("bound, connected and sent on 127.0.0.1:{port}; no firewall is in the way");
            Check::new(id, name, Verdict::Ok, detail)
        }
        Err(error) => Check::new(id, name, Verdict::Fail, format!("127.0.0.1 cannot be used: {error}")).mend(
            platform::here(
                "sudo ip link set lo up && sudo iptables -I INPUT -i lo -j ACCEPT",
                "netsh advfirewall reset",
            ),
        ),
    }]
}

fn round_trip() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut client = TcpStream::connect_timeout(&address, PATIENCE)?;
    // The connection stands already: taking it cannot wait.
    let (mut server, _) = listener.accept()?;
    server.set_read_timeout(Some(PATIENCE))?;
    client.write_all(b"?")?;
    let mut byte = [0_u8];
    server.read_exact(&mut byte)?;
    Ok(address.port())
}

pub(super) fn localhost(_: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("localhost", "name localhost");
    let mend = platform::here(
        "echo '127.0.0.1 localhost' | sudo tee -a /etc/hosts",
        "Add-Content $env:SystemRoot\\System32\\drivers\\etc\\hosts '127.0.0.1 localhost'",
    );
    vec![match ("localhost", 0).to_socket_addrs() {
        Ok(found) => {
            let all: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            let shown = all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            if all.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)) {
                Check::new(id, name, Verdict::Ok, shown)
            } else {
                Check::new(id, name, Verdict::Warn, format!("it is {shown}, not 127.0.0.1")).mend(mend)
            }
        }
        Err(error) => Check::new(id, name, Verdict::Warn, format!("not known: {error}")).mend(mend),
    }]
}

/// Programs of the project that obey a proxy would ask it for addresses of this machine.
pub(super) fn proxy(_: &Scene<'_>) -> Vec<Check> {
    let read = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok());
    let proxy = read(["http_proxy", "HTTP_PROXY"]).filter(|value| !value.is_empty());
    let (id, name) = ("proxy", "proxy");
    let Some(_) = proxy else {
        return vec![Check::new(id, name, Verdict::Ok, "none is set for plain HTTP")];
    };
    let except = read(["no_proxy", "NO_PROXY"]).unwrap_or_default();
    if excepts_loopback(&except) {
        return vec![Check::new(id, name, Verdict::Ok, "set, and not for 127.0.0.1")];
    }
    let detail = "set for 127.0.0.1 too: programs that obey it do not reach the services";
    vec![Check::new(id, name, Verdict::Warn, detail).mend(platform::here(
        "export no_proxy=\"127.0.0.1,localhost${no_proxy:+,$no_proxy}\" NO_PROXY=\"$no_proxy\"",
        "setx NO_PROXY \"127.0.0.1,localhost,%NO_PROXY%\"",
    ))]
}

fn excepts_loopback(list: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|entry| matches!(entry, "*" | "127.0.0.1" | "127.0.0.0/8" | "127.0.0.1/32"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_goes_round() {
        assert!(round_trip().unwrap() > 0);
    }

    #[test]
    fn the_exceptions_must_name_the_address() {
        assert!(excepts_loopback("example.org, 127.0.0.1") && excepts_loopback("*"));
        assert!(!excepts_loopback("") && !excepts_loopback("localhost,.internal"));
    }
}
