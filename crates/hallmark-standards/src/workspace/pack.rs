//! The outsides of files as they lie in a cache file, each read when somebody asks for it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::{Deref, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hallmark_python::Interface;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// A cache file that is kept open, so that one that is put in its place meanwhile does not matter.
pub(crate) struct Pack {
    file: Mutex<File>,
    /// Where the pack begins in the file.
    start: u64,
    damaged: AtomicBool,
}

/// A part of bytes that others have parts of, too.
#[derive(Clone)]
pub(crate) struct Part {
    all: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Part {
    /// The part that a slice of these bytes is; `None` if it lies elsewhere.
    pub(crate) fn of(all: &Arc<Vec<u8>>, slice: &[u8]) -> Option<Self> {
        let start = slice.as_ptr().addr().checked_sub(all.as_ptr().addr())?;
        let range = start..start + slice.len();
        (range.end <= all.len()).then(|| Self { all: all.clone(), range })
    }
}

impl Deref for Part {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.all[self.range.clone()]
    }
}

/// Where an outside lies in a pack, and what its bytes add up to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    at: u64,
    length: u32,
    sum: u64,
}

impl Place {
    /// The place of these bytes at this offset.
    pub(crate) fn of(bytes: &[u8], at: usize) -> Option<Self> {
        Some(Self {
            at: u64::try_from(at).ok()?,
            length: u32::try_from(bytes.len()).ok()?,
            sum: xxh3_64(bytes),
        })
    }
}

impl Pack {
    pub(crate) fn new(file: File, start: u64) -> Self {
        Self { file: Mutex::new(file), start, damaged: AtomicBool::new(false) }
    }

    /// The bytes of an outside, if they are those that were written.
    pub(crate) fn bytes(&self, place: Place) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        {
            let mut file = self.file.lock().ok()?;
            file.seek(SeekFrom::Start(self.start.checked_add(place.at)?)).ok()?;
            std::io::Read::by_ref(&mut *file).take(u64::from(place.length)).read_to_end(&mut bytes).ok()?;
        }
        (bytes.len() == place.length as usize && xxh3_64(&bytes) == place.sum).then_some(bytes)
    }

    /// An outside. One that cannot be read is empty, and the pack is damaged from then on: whoever asked must begin anew.
    pub(crate) fn interface(&self, place: Place) -> Arc<Interface> {
        let read = self.bytes(place).and_then(|bytes| postcard::from_bytes(&bytes).ok());
        if read.is_none() {
            self.damaged.store(true, Ordering::Relaxed);
        }
        Arc::new(read.unwrap_or_default())
    }

    /// Whether an outside that was asked for could not be read.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }
}
