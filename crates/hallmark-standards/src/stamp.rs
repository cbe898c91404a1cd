//! What the file system says of a file without its bytes being read, and of a folder without its being listed.
//!
//! A file whose stamp is as it was holds what it held, if the stamp was old enough when the file was read: clocks of file systems
//! tick, and two writes within one tick look alike. How old it is, is told by the clock of the file system itself. So it is with a
//! folder and the names in it; what the files of these names hold, their own stamps tell.

use std::fs::Metadata;
use std::path::Path;

use hallmark_core::fs::write_unsynced;
use hallmark_core::platform::{self, FileFacts};
use serde::{Deserialize, Serialize};

use crate::limits;

/// Which file it is, how long, and when it was written to or changed in any other way; times in seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of a file; `None` where the system tells too little to rely on.
    pub(crate) fn of(file: &Path) -> Option<Self> {
        Self::from(&file.metadata().ok().filter(Metadata::is_file)?)
    }

    /// The stamp of a folder: another one once something in it was made, removed or renamed.
    pub(crate) fn of_folder(folder: &Path) -> Option<Self> {
        Self::from(&folder.metadata().ok().filter(Metadata::is_dir)?)
    }

    fn from(data: &Metadata) -> Option<Self> {
        let FileFacts { device, inode, modified, changed } = platform::facts(data)?;
        Some(Self { device, inode, size: data.len(), modified, changed })
    }

    /// The stamp, if a file that is written to from now on will have another one. `now` is that of a file just written.
    pub(crate) fn settled(self, now: Option<Self>) -> Option<Self> {
        let latest = now?.modified.0.checked_sub(limits::SETTLED_SECONDS)?;
        let old = self.modified.0 < latest && self.changed.0 < latest;
        (old && now?.device == self.device).then_some(self)
    }
}

/// The stamp of a file that is written beside the cache now; `None` if nothing may be written there.
pub(crate) fn now(cache: &Path) -> Option<Stamp> {
    let probe = cache.with_extension("clock");
    write_unsynced(&probe, b"").ok()?;
    Stamp::of(&probe)
}

/// [`now`], if the file system also tells of files that come and go: some never change the stamp of a folder.
pub(crate) fn now_of_folders(cache: &Path) -> Option<Stamp> {
    let now = now(cache)?;
    // The file just written was renamed into this folder.
    let folder = Stamp::of_folder(cache.parent()?)?;
    (folder.modified >= now.modified).then_some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { device: 1, inode: 2, size: 3, modified: (100, 0), changed: (100, 5) };

    #[test]
    fn a_stamp_settles_when_no_later_write_can_look_like_it() {
        let at = |seconds| Some(Stamp { modified: (seconds, 0), ..STAMP });
        assert_eq!(STAMP.settled(None), None);
        assert_eq!(STAMP.settled(at(100)), None);
        assert_eq!(STAMP.settled(at(102)), None);
        assert_eq!(STAMP.settled(at(103)), Some(STAMP));
        // Written long ago, as it says, but put there just now.
        assert_eq!(Stamp { modified: (7, 0), changed: (102, 0), ..STAMP }.settled(at(103)), None);
        // From the future.
        assert_eq!(Stamp { modified: (900, 0), ..STAMP }.settled(at(103)), None);
        // The clock of another file system says nothing.
        assert_eq!(STAMP.settled(Some(Stamp { device: 9, modified: (500, 0), ..STAMP })), None);
    }
}
