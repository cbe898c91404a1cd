//! The bytes of an import, and places in them that can be come back to.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use hallmark_core::{Error, Result, digest};
use sha2::{Digest as _, Sha256};

use super::encoding::{Encoding, Units};
use super::gzip::{self, Broken, Unzipped};
use crate::{codes, limits};

/// Where the bytes come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A file.
    File(PathBuf),
    /// A text given with the call.
    Text(Arc<str>),
}

/// A text as bytes.
struct Shared(Arc<str>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Bytes that are read of a file at once.
const READ_BYTES: usize = 256 * 1024;
/// Bytes at each end of a file that tell it from others of its size.
const EDGE_BYTES: u64 = 64 * 1024;

/// A place between two records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark {
    /// Bytes before it, of what the reader of records sees.
    pub(crate) offset: u64,
    /// Rows before it, without the header.
    pub(crate) rows: u64,
    /// The line that is read next, from 1.
    pub(crate) line: u64,
    /// The digest of the bytes before it, if one is kept.
    pub(crate) digest: Option<String>,
}

/// Bytes that know how many of them were taken.
pub(crate) struct Input {
    inner: Box<dyn BufRead>,
    offset: u64,
    digest: Option<Sha256>,
}

impl Input {
    /// Opens what is to be read; `marked` says whether a digest of what was taken is kept.
    ///
    /// # Errors
    /// `HM-D051` if it cannot be read, `HM-D024` if it is too large, `HM-D109` if it is called compressed and is not.
    pub(crate) fn open(source: &Source, encoding: Encoding, marked: bool) -> Result<Self> {
        let raw: Box<dyn BufRead> = match source {
            Source::Text(text) => return Ok(Self::over(Cursor::new(Shared(Arc::clone(text))), marked)),
            Source::File(path) => {
                let failed = |e| {
                    Error::new(&codes::FILE_FAILED, format!("could not read {}", path.display())).because(&e)
                };
                let file = std::fs::File::open(path).map_err(failed)?;
                let bytes = file.metadata().map_err(failed)?.len();
                if bytes > limits::IMPORT_BYTES_MAX {
                    let most = limits::IMPORT_BYTES_MAX;
                    let message =
                        format!("{} has {bytes} bytes; at most {most} are imported", path.display());
                    return Err(Error::new(&codes::TOO_MUCH, message).next("split the file"));
                }
                let mut raw = BufReader::with_capacity(READ_BYTES, file.take(limits::IMPORT_BYTES_MAX));
                if gzip::is_begun(raw.fill_buf().map_err(failed)?) {
                    Box::new(BufReader::with_capacity(READ_BYTES, Unzipped::new(raw)))
                } else if path.to_str().is_some_and(gzip::is_named) {
                    return Err(Broken::Plain.error());
                } else {
                    Box::new(raw)
                }
            }
        };
        Ok(match encoding.units() {
            Some(order) => Self::over(BufReader::with_capacity(READ_BYTES, Units::new(raw, order)), marked),
            None => Self { inner: raw, offset: 0, digest: marked.then(Sha256::new) },
        })
    }

    /// These bytes.
    fn over(inner: impl BufRead + 'static, marked: bool) -> Self {
        Self { inner: Box::new(inner), offset: 0, digest: marked.then(Sha256::new) }
    }

    /// How many bytes were taken, and their digest.
    pub(super) fn mark(&self, rows: u64, line: u64) -> Mark {
        let digest = self.digest.clone().map(|d| digest::to_hex(&d.finalize()));
        Mark { offset: self.offset, rows, line, digest }
    }

    /// Takes bytes up to this offset; gives the last one. `None` if there are not so many.
    ///
    /// # Errors
    /// `HM-D051`.
    pub(super) fn skip_to(&mut self, offset: u64) -> Result<Option<u8>> {
        let mut last = b'\n';
        while self.offset < offset {
            let most = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            let buffer = self.inner.fill_buf().map_err(|e| unread(&e))?;
            let wanted = most.min(buffer.len());
            let Some(byte) = buffer[..wanted].last() else { return Ok(None) };
            last = *byte;
            self.consume(wanted);
        }
        Ok(Some(last))
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let buffer = self.fill_buf()?;
        let count = buffer.len().min(out.len());
        out[..count].copy_from_slice(&buffer[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if let Some(digest) = &mut self.digest
            && let Ok(buffer) = self.inner.fill_buf()
        {
            digest.update(&buffer[..count]);
        }
        self.offset += count as u64;
        self.inner.consume(count);
    }
}

/// A source that could not be read on at a row. A text is decoded ahead of the row that is read, and says itself where it is wrong.
pub(super) fn unread_at(error: &std::io::Error, row: impl FnOnce() -> String) -> Error {
    let error = unread(error);
    if error.is(&codes::INPUT_UNREADABLE) { error } else { error.at(row()) }
}

/// A source that could not be read on.
fn unread(error: &std::io::Error) -> Error {
    let inner = error.get_ref();
    let undecoded = inner.and_then(|inner| inner.downcast_ref::<super::encoding::Undecoded>());
    let broken = inner.and_then(|inner| inner.downcast_ref::<Broken>());
    match (undecoded, broken) {
        (Some(undecoded), _) => undecoded.error(),
        (None, Some(broken)) => broken.error(),
        (None, None) => Error::new(&codes::FILE_FAILED, "the file could not be read on").because(error),
    }
}

/// What the first so many bytes of a source are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// Their digest.
    pub(crate) digest: String,
    /// Whether nothing comes after them.
    pub(crate) is_all: bool,
    /// Whether a line ends with them, or right behind them: the last line of a file has an end only when another follows.
    pub(crate) ends_line: bool,
}

/// The prefixes of these lengths, in the order of the lengths, which must rise; `None` where the source is shorter.
///
/// # Errors
/// `HM-D051`; `HM-D052` if what comes before is not of the encoding.
pub(crate) fn prefixes(source: &Source, encoding: Encoding, lengths: &[u64]) -> Result<Vec<Option<Prefix>>> {
    let mut input = Input::open(source, encoding, true)?;
    let mut found = Vec::with_capacity(lengths.len());
    for length in lengths {
        let Some(last) = input.skip_to(*length)? else {
            found.resize(lengths.len(), None);
            break;
        };
        let next = input.fill_buf().map_err(|e| unread(&e))?;
        let is_all = next.is_empty();
        let ends_line = last == b'\n' || matches!(next.first(), Some(b'\n' | b'\r'));
        let digest = input.mark(0, 0).digest.unwrap_or_default();
        found.push(Some(Prefix { digest, is_all, ends_line }));
    }
    Ok(found)
}

/// The digest of a whole source and its length.
///
/// # Errors
/// `HM-D051`.
#[cfg(feature = "columnar")]
pub(crate) fn whole(source: &Source) -> Result<Mark> {
    let mut input = Input::open(source, Encoding::Utf8, true)?;
    input.skip_to(u64::MAX)?;
    Ok(input.mark(0, 0))
}

/// What tells a file from others without reading all of it: its length, its beginning and its end.
///
/// # Errors
/// `HM-D051`.
pub(crate) fn fingerprint(path: &std::path::Path) -> Result<String> {
    use std::io::{Seek as _, SeekFrom};
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        let mut bytes = length.to_be_bytes().to_vec();
        Read::by_ref(&mut file).take(EDGE_BYTES).read_to_end(&mut bytes)?;
        file.seek(SeekFrom::Start(length.saturating_sub(EDGE_BYTES)))?;
        file.take(EDGE_BYTES).read_to_end(&mut bytes)?;
        Ok(digest::sha256(&bytes))
    };
    read().map_err(|e| {
        Error::new(&codes::FILE_FAILED, format!("could not read {}", path.display())).because(&e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_what_came_before() {
        let source = Source::Text("ab\ncd".into());
        let mut input = Input::open(&source, Encoding::Utf8, true).unwrap();
        let mut line = Vec::new();
        input.read_until(b'\n', &mut line).unwrap();
        let mark = input.mark(1, 2);
        assert_eq!((mark.offset, mark.digest), (3, Some(digest::sha256(b"ab\n"))));
        let found = prefixes(&source, Encoding::Utf8, &[0, 3, 4, 5, 6]).unwrap();
        let told: Vec<_> = found.iter().map(|p| p.as_ref().map(|p| (p.is_all, p.ends_line))).collect();
        assert_eq!(
            told,
            [Some((false, true)), Some((false, true)), Some((false, false)), Some((true, false)), None]
        );
        let before_an_end = prefixes(&source, Encoding::Utf8, &[1, 2]).unwrap();
        let told: Vec<_> = before_an_end.iter().map(|p| p.as_ref().unwrap().ends_line).collect();
        assert_eq!(told, [false, true]);
        assert_eq!(found[3].as_ref().unwrap().digest, digest::sha256(b"ab\ncd"));
    }
}
