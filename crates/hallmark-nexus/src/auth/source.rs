//! Where a request says it comes from: the defence against other web pages and rebound names.

use hallmark_core::{Error, Result};

use crate::codes;

/// The hosts that a server on this port answers to.
#[derive(Clone, Debug)]
pub struct Source {
    port: u16,
    page_port: Option<u16>,
}

impl Source {
    /// For a server that is bound to this port of a loopback address.
    #[must_use]
    pub const fn new(port: u16) -> Self {
        Self { port, page_port: None }
    }

    /// Also takes requests from the page that is served on this port.
    #[must_use]
    pub const fn also_from(self, page_port: u16) -> Self {
        Self { page_port: Some(page_port), ..self }
    }

    /// The authorities that are this server.
    #[must_use]
    pub fn authorities(&self) -> [String; 3] {
        authorities(self.port)
    }

    /// The origins that requests may come from.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        let own = authorities(self.port).into_iter();
        own.chain(self.page_port.into_iter().flat_map(authorities))
            .map(|authority| format!("http://{authority}"))
            .collect()
    }

    /// Refuses a `Host` that is not this server: a name that someone let point to loopback.
    ///
    /// # Errors
    /// `HM-N012`.
    pub fn check_host(&self, host: Option<&str>) -> Result<()> {
        let host = host.unwrap_or_default();
        if is_of(self.port, host) {
            return Ok(());
        }
        Err(Error::new(&codes::HOST_REFUSED, format!("the Host header is {}", crate::wire::quoted(host)))
            .next(format!("use http://127.0.0.1:{}", self.port)))
    }

    /// Refuses an `Origin` that is not this server; a request without one does not come from a web page.
    ///
    /// # Errors
    /// `HM-N013`.
    pub fn check_origin(&self, origin: Option<&str>) -> Result<()> {
        let Some(origin) = origin else { return Ok(()) };
        let ports = [Some(self.port), self.page_port];
        let known = |authority: &str| ports.iter().flatten().any(|port| is_of(*port, authority));
        if origin.strip_prefix("http://").is_some_and(known) {
            return Ok(());
        }
        Err(Error::new(
            &codes::ORIGIN_REFUSED,
            format!("the Origin header is {}", crate::wire::quoted(origin)),
        )
        .next("call it from the command line or from Hallmark's own page"))
    }
}

fn authorities(port: u16) -> [String; 3] {
    ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"))
}

fn is_of(port: u16, authority: &str) -> bool {
    authorities(port).iter().any(|known| {
        known.eq_ignore_ascii_case(authority)
            || (port == 80 && known.strip_suffix(":80").is_some_and(|k| k.eq_ignore_ascii_case(authority)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_server_is_this_server() {
        let source = Source::new(8000);
        for good in ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000"] {
            assert!(source.check_host(Some(good)).is_ok(), "{good}");
            assert!(source.check_origin(Some(&format!("http://{good}"))).is_ok(), "{good}");
        }
        let bad = [
            "",
            "evil.example:8000",
            "127.0.0.1",
            "127.0.0.1:8001",
            "127.0.0.1:8000.evil.example",
            "localhost:8000@x",
        ];
        for bad in bad {
            assert!(source.check_host(Some(bad)).unwrap_err().is(&codes::HOST_REFUSED), "{bad}");
            assert!(source.check_origin(Some(&format!("http://{bad}"))).is_err(), "{bad}");
        }
        assert!(source.check_host(None).is_err());
        assert!(source.check_origin(None).is_ok());
        assert!(source.check_origin(Some("null")).unwrap_err().is(&codes::ORIGIN_REFUSED));
        assert!(source.check_origin(Some("https://127.0.0.1:8000")).is_err());
        assert!(Source::new(80).check_host(Some("localhost")).is_ok());
    }
}
