//! Between `file:` URIs and paths.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use lsp_types::Uri;

/// The path of a `file:` URI; `None` for any other.
pub(crate) fn to_path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    // An authority is a host: only this one's files can be read.
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let path = path.starts_with('/').then_some(path)?;
    let bytes = decode(path.split(['?', '#']).next().unwrap_or_default());
    let text = String::from_utf8(bytes).ok()?;
    // `/c:/x` is a drive of Windows.
    let drive = text.as_bytes().get(2) == Some(&b':') && hallmark_core::platform::WINDOWS;
    Some(PathBuf::from(if drive { &text[1..] } else { &text }))
}

/// The `file:` URI of an absolute path.
pub(crate) fn from_path(path: &Path) -> Option<Uri> {
    let mut text = String::from("file://");
    let path =
        path.to_string_lossy().replace('\\', if hallmark_core::platform::WINDOWS { "/" } else { "\\" });
    if !path.starts_with('/') {
        text.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    Uri::from_str(&text).ok()
}

fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_both_ways() {
        for path in ["/a/b.py", "/ä ö/%41#?.py", "/c:/x.py"] {
            let uri = from_path(Path::new(path)).unwrap();
            assert_eq!(to_path(uri.as_str()), Some(PathBuf::from(path)), "{}", uri.as_str());
        }
        assert_eq!(to_path("untitled:Untitled-1"), None);
        assert_eq!(to_path("file://server/share/a.py"), None);
        assert_eq!(to_path("file:///a%zz%4"), Some(PathBuf::from("/a%zz%4")));
    }
}
