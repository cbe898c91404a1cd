//! Backups of the services' data, and their way back.
//!
//! A backup is a folder with one packed file for each service and a manifest. It is made under another name and gets its
//! own only when it is complete; it counts only after it came up in a scratch instance of each server. A restore brings
//! the data up in a scratch instance first, and exchanges them with the stack's own at the very end.

mod catalogue;
mod config;
mod freeze;
pub(crate) mod limits;
mod make;
mod manifest;
mod pack;
mod restore;
pub(crate) mod schedule;
mod scratch;
mod seal;
mod settle;
mod swap;
mod take;
mod trial;

use hallmark_core::Error;

pub use catalogue::Backup;
pub use config::{BackupConfig, from_env, from_file};
pub use make::{BackupOptions, BackupReport, Progress, Watch};
pub use manifest::{Content, How, Kept, Manifest, PackedFile, Part, Reason, Verified};
pub(crate) use manifest::{Sum, differences};
pub use restore::{RestoreOptions, RestorePlan, RestoreReport};
pub use schedule::{Last, Schedule};
pub use settle::Pending;
pub use swap::RESET;

hallmark_core::codes! {
    /// Errors of backup, restore, reset and seed.
    pub mod codes {
        NOT_RUNNING = "HM-S100", "a service does not run", Unavailable;
        BACKUP_FAILED = "HM-S101", "a service could not be backed up", Unavailable;
        TEST_FAILED = "HM-S102", "a backup did not come back as it was", Findings;
        DAMAGED = "HM-S103", "a backup is damaged", Unreadable;
        PASSPHRASE = "HM-S104", "the passphrase is missing or wrong", Usage;
        NO_BACKUP = "HM-S105", "there is no such backup", Usage;
        NEWER = "HM-S106", "a newer Hallmark wrote the backup", Usage;
        NOT_OURS = "HM-S107", "the service is not this stack's to overwrite", Usage;
        RESTORE_FAILED = "HM-S108", "a restore was taken back", Unavailable;
        INTERRUPTED = "HM-S109", "an interrupted restore could not be finished", Unavailable;
        SEED_FILE = "HM-S110", "a seed file cannot be loaded", Usage;
        SEED_CHANGED = "HM-S111", "a seed file has changed since it was loaded", Usage;
    }
}

/// An error of the file system at a place.
pub(crate) fn fault(place: &str, error: &std::io::Error) -> Error {
    use std::io::ErrorKind;
    let full =
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge);
    let (code, next) = if full {
        let next = "free some space, then run the command again: nothing was changed";
        (&hallmark_core::codes::DISK_FULL, next)
    } else {
        (&hallmark_core::codes::WRITE_FAILED, "check that the folder exists and may be written")
    };
    Error::new(code, format!("could not write {place}")).because(error).next(next)
}

/// The error for data that came back as other data.
pub(crate) fn came_back_other(differences: &[String]) -> Error {
    const SHOWN: usize = 10;
    let shown = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    let more = differences.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Error::new(&codes::TEST_FAILED, "what came back is not what was taken")
        .because_text(format!("{shown}{more}"))
        .next("hallmark explain HM-S102")
}
