//! Small helpers on addresses.

use hallmark_core::{Error, Result};
use reqwest::Url;

use crate::{ServiceKind, codes};

/// The address as a URL whose scheme is one of `schemes`.
pub(crate) fn parse(kind: ServiceKind, text: &str, schemes: &[&str]) -> Result<Url> {
    let url = Url::parse(text.trim()).map_err(|e| invalid(kind, &e.to_string()))?;
    if !schemes.contains(&url.scheme()) {
        return Err(invalid(kind, &format!("its scheme is not one of {}", schemes.join(", "))));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid(kind, "it names no host"));
    }
    Ok(url)
}

/// An error about this service's address. The address itself stays out of it: it may hold a password.
pub(crate) fn invalid(kind: ServiceKind, reason: &str) -> Error {
    Error::new(&codes::ENDPOINT_INVALID, format!("the address of {} is not valid: {reason}", kind.title()))
        .next(format!(
            "correct {} or the section [services.{}] of hallmark.toml",
            kind.variable(),
            kind.name()
        ))
}

/// The error of a handle that has no address behind it.
pub(crate) fn not_configured(kind: ServiceKind) -> Error {
    Error::new(&codes::NOT_CONFIGURED, format!("{} is not configured", kind.title()))
        .next(format!("run `hallmark up`, or set {}", kind.variable()))
}

/// Undoes percent-encoding; a broken escape stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let value =
            escape.and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u8::from_str_radix(d, 16).ok());
        out.push(value.unwrap_or(bytes[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The host of a URL, without the brackets of an IPv6 address.
pub(crate) fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The base of an HTTP API without its last slash.
pub(crate) fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        assert_eq!(decode("p%40ss%2Fw%20rd%"), "p@ss/w rd%");
        assert_eq!(decode("plain"), "plain");
    }

    #[test]
    fn a_refused_address_is_not_repeated() {
        let error = parse(ServiceKind::Redis, "http://:geheim@h/", &["redis"]).unwrap_err();
        assert!(error.is(&codes::ENDPOINT_INVALID));
        assert!(!format!("{error:?}").contains("geheim"));
    }

    #[test]
    fn ipv6_keeps_its_brackets_where_needed() {
        let url = parse(ServiceKind::Redis, "redis://[::1]:7/", &["redis"]).unwrap();
        assert_eq!(host(&url), "::1");
        assert_eq!(authority("::1", 7), "[::1]:7");
    }
}
