//! Texts compressed with gzip, as one member or several behind each other.

use std::io::{BufRead, Read, Write as _};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use hallmark_core::{Error, Result};

use crate::{codes, limits};

/// What a compressed file begins with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What its name ends in.
const ENDING: &str = ".gz";

/// Whether a name says that the file is compressed.
pub(crate) fn is_named(name: &str) -> bool {
    name.len() > ENDING.len() && name.to_ascii_lowercase().ends_with(ENDING)
}

/// Whether bytes are the beginning of a compressed file.
pub(super) fn is_begun(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Why a compressed file cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It ends within its data.
    Cut,
    /// Its data are not those that were compressed.
    Damaged,
    /// What it holds is larger than what is imported.
    TooLarge,
    /// Its name says that it is compressed, and it is not.
    Plain,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cut => "the compressed file is cut off",
            Self::Damaged => "the compressed file is damaged",
            Self::TooLarge => "the compressed file holds more bytes than are imported",
            Self::Plain => "the file is called .gz and is not compressed with gzip",
        })
    }
}

impl std::error::Error for Broken {}

impl Broken {
    /// The error that it is.
    pub(super) fn error(self) -> Error {
        match self {
            Self::TooLarge => {
                let message = format!("{self}: at most {}", limits::IMPORT_BYTES_MAX);
                Error::new(&codes::TOO_MUCH, message).next("split the file")
            }
            Self::Plain => {
                Error::new(&codes::GZIP_BROKEN, self.to_string()).next("give the file the name of what it is")
            }
            _ => Error::new(&codes::GZIP_BROKEN, self.to_string())
                .next("get the file again, and see that it is whole: gzip --test FILE"),
        }
    }

    fn io(self) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::InvalidData, self)
    }
}

/// The bytes that a compressed file holds.
pub(super) struct Unzipped<R> {
    inner: MultiGzDecoder<R>,
    left: u64,
}

impl<R: BufRead> Unzipped<R> {
    pub(super) fn new(compressed: R) -> Self {
        Self { inner: MultiGzDecoder::new(compressed), left: limits::IMPORT_BYTES_MAX }
    }
}

impl<R: BufRead> Read for Unzipped<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        use std::io::ErrorKind;
        let count = self.inner.read(out).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Broken::Cut.io(),
            ErrorKind::InvalidInput | ErrorKind::InvalidData => Broken::Damaged.io(),
            _ => error,
        })?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| Broken::TooLarge.io())?;
        Ok(count)
    }
}

/// Compresses what it is given, piece by piece.
pub(crate) struct Zipper(GzEncoder<Vec<u8>>);

impl Zipper {
    /// Begins a file. It holds no time and no name: the same rows give the same bytes.
    pub(crate) fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::default()))
    }

    /// Takes the bytes, and puts what is ready of the compressed ones in their place.
    ///
    /// # Errors
    /// `HM-C099`.
    pub(crate) fn replace(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        self.0.write_all(bytes).map_err(|e| failed(&e))?;
        bytes.clear();
        bytes.append(self.0.get_mut());
        Ok(())
    }

    /// What is left of the compressed bytes.
    ///
    /// # Errors
    /// `HM-C099`.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        self.0.finish().map_err(|e| failed(&e))
    }
}

fn failed(error: &std::io::Error) -> Error {
    Error::new(&hallmark_core::codes::INTERNAL, "the rows could not be compressed").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zipped(text: &[u8]) -> Vec<u8> {
        let (mut zipper, mut piece) = (Zipper::new(), text.to_vec());
        zipper.replace(&mut piece).unwrap();
        piece.extend(zipper.finish().unwrap());
        piece
    }

    fn read(bytes: &[u8]) -> std::result::Result<Vec<u8>, Option<Broken>> {
        let mut out = Vec::new();
        match Unzipped::new(bytes).read_to_end(&mut out) {
            Ok(_) => Ok(out),
            Err(error) => Err(error.get_ref().and_then(|e| e.downcast_ref::<Broken>()).copied()),
        }
    }

    #[test]
    fn members_are_read_behind_each_other_and_every_cut_is_seen() {
        let one = zipped(b"a,b\n1,2\n");
        assert!(is_begun(&one) && one == zipped(b"a,b\n1,2\n"));
        let both = [one.clone(), zipped(b"3,4\n")].concat();
        assert_eq!(read(&both).unwrap(), b"a,b\n1,2\n3,4\n");
        for length in 0..one.len() {
            assert_eq!(read(&one[..length]), Err(Some(Broken::Cut)), "{length} of {} bytes", one.len());
        }
        let mut wrong = one.clone();
        let at = wrong.len() - 6;
        wrong[at] ^= 1;
        assert_eq!(read(&wrong), Err(Some(Broken::Damaged)));
    }

    #[test]
    fn names_say_what_is_compressed() {
        assert!(is_named("a.csv.gz") && is_named("A.JSONL.GZ") && !is_named("a.csv") && !is_named(".gz"));
    }
}
