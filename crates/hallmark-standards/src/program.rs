//! What tells this program from others: what one build has kept, no other relies on.

use std::sync::OnceLock;

use xxhash_rust::xxh3::xxh3_64;

/// A number that another version, or another build of the same, does not have.
pub(crate) fn identity() -> u64 {
    static IDENTITY: OnceLock<u64> = OnceLock::new();
    *IDENTITY.get_or_init(|| {
        let file = std::env::current_exe().and_then(|path| path.metadata());
        let file = file.and_then(|data| Ok((data.len(), data.modified()?)));
        xxh3_64(format!("{} {:?}", env!("CARGO_PKG_VERSION"), file.ok()).as_bytes())
    })
}
