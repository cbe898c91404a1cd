//! A cache file as it lies on disk: a head that is read whole, and behind it a pack of which parts are read when somebody asks.
//!
//! What is in them is the business of [`crate::workspace`]; reading is apart from it so that it can begin while the project is walked.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::limits;

/// The first bytes of a cache file; the number changes with the form.
const MAGIC: &[u8] = b"hallmark standards cache 5\n";

/// What follows [`MAGIC`]: the key, the sum of the head that this one adds to, the length of the head and its sum.
const NUMBERS: usize = 4;

/// A cache file whose head is what was written.
pub(crate) struct Stored {
    /// What must be as it was for anything in the file to hold.
    pub(crate) key: u64,
    /// The sum of the head that this one adds to; 0 for one that stands alone.
    pub(crate) base: u64,
    /// The sum of the head, which tells the file from others.
    pub(crate) sum: u64,
    pub(crate) head: Arc<Vec<u8>>,
    /// The file, kept open: one that is put in its place meanwhile does not matter.
    pub(crate) file: File,
    /// Where the pack begins in the file.
    pub(crate) pack_at: u64,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, base, sum, head, file, pack_at } = self;
        f.debug_struct("Stored")
            .field("key", key)
            .field("base", base)
            .field("sum", sum)
            .field("head", &head.len())
            .field("file", file)
            .field("pack_at", pack_at)
            .finish()
    }
}

impl Stored {
    /// Reads the head of a file; `None` if there is none, or it is not what was written.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        let mut start = [0; MAGIC.len() + NUMBERS * 8];
        file.read_exact(&mut start).ok()?;
        let mut numbers = [0; NUMBERS];
        let bytes = start.strip_prefix(MAGIC)?.chunks_exact(8);
        for (number, bytes) in numbers.iter_mut().zip(bytes) {
            *number = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        let [key, base, length, sum] = numbers;
        if length > size || length > limits::CACHE_BYTES {
            return None;
        }
        let mut head = Vec::with_capacity(usize::try_from(length).ok()?);
        std::io::Read::by_ref(&mut file).take(length).read_to_end(&mut head).ok()?;
        let pack_at = start.len() as u64 + length;
        (xxh3_64(&head) == sum).then(|| Self { key, base, sum, head: Arc::new(head), file, pack_at })
    }

    /// The bytes of a file of this head and pack, and the sum of the head.
    pub(crate) fn bytes((key, base): (u64, u64), head: &[u8], pack: &[u8]) -> (Vec<u8>, u64) {
        let sum = xxh3_64(head);
        let mut bytes = Vec::with_capacity(MAGIC.len() + NUMBERS * 8 + head.len() + pack.len());
        bytes.extend_from_slice(MAGIC);
        for number in [key, base, head.len() as u64, sum] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(head);
        bytes.extend_from_slice(pack);
        (bytes, sum)
    }
}
