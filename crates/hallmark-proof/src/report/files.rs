//! Files that skipped themselves as a whole. Nobody knows how many tests are in one, so each counts as one that was skipped.

use super::judge::{relative, tier_of_file};
use super::reason::{self, Lack};
use super::{Source, TierRow};

/// A file that skipped itself.
pub(super) struct SkippedFile {
    /// Its name, as pytest writes it.
    pub(super) id: String,
    /// Where it lies, relative to the project where it lies in it.
    pub(super) path: String,
    /// Its tier.
    pub(super) tier: &'static str,
    /// What it said.
    pub(super) reason: String,
    /// What it lacked, if that is why.
    pub(super) lack: Option<Lack>,
}

impl SkippedFile {
    /// Counts it in the row of its tier: discovered and skipped, but nothing that pytest could collect.
    pub(super) fn count(&self, row: &mut TierRow) {
        row.discovered += 1;
        row.skipped += 1;
        row.skipped_files += 1;
        row.skipped_for_service += usize::from(self.lack.is_some());
    }
}

/// All of them.
pub(super) fn skipped(source: &Source<'_>) -> Vec<SkippedFile> {
    let file = |(id, reason): (&String, &String)| SkippedFile {
        path: relative(source, "", id),
        tier: tier_of_file(source, id).name(),
        lack: reason::lack(reason),
        reason: reason.clone(),
        id: id.clone(),
    };
    source.inner.collection_skips.iter().map(file).collect()
}
