//! The gold standards as rules: scan a project, report findings, score the compliance.
//!
//! [`scan`] reads and parses every file once and keeps small facts of it; the facts of all files are joined in an index, and the
//! rules read facts and index. Scanning never fails: what cannot be read or parsed is a problem in the report, and the rest is
//! scanned. Rules do no I/O: only `walk`, `load`, `surroundings` and the cache touch the file system.

mod announced;
mod asked;
pub mod baseline;
mod context;
mod doubles;
mod engine;
mod follow;
pub mod history;
pub mod limits;
mod load;
mod nested;
pub mod options;
mod places;
mod program;
mod project;
pub mod report;
pub mod rule;
pub mod rules;
mod scan;
mod scope;
pub mod score;
mod sdk;
mod selection;
mod stamp;
mod stored;
mod suppress;
mod surroundings;
mod threads;
pub mod tier;
mod timing;
mod unused;
mod walk;
mod workspace;

pub use baseline::Baseline;
pub use context::{Context, Raw};
pub use nested::{nested, nested_in};
pub use options::{Edition, Folder, Level, Profile, RuleConfig, ScanOptions, StandardsConfig};
pub use report::{BaselineSummary, EvidenceSummary, FamilySummary, Report};
pub use rule::{Check, Family, Rule, Status};
pub use scan::{files, scan, scan_cached, scan_surveyed};
pub use suppress::Effect;
pub use timing::{Timings, timings};
pub use walk::Survey;
pub use workspace::{FileReport, Workspace};

hallmark_core::codes! {
    /// What can keep a file from being judged, and what a scan can be asked wrongly.
    pub mod codes {
        UNREADABLE = "HM-G001", "a file or folder could not be read", Unreadable;
        TOO_LARGE = "HM-G002", "a file is too large to be scanned", Unreadable;
        LOOP = "HM-G003", "a link leads back to a folder that holds it", Unreadable;
        PANICKED = "HM-G004", "the analysis of a file stopped", Unreadable;
        CHANGED = "HM-G005", "a file changed while it was scanned", Unreadable;
        BASELINE_DAMAGED = "HM-G020", "the baseline cannot be used", Usage;
        BASELINE_EXISTS = "HM-G021", "there is a baseline already", Usage;
        NO_BASELINE = "HM-G022", "there is no baseline", Usage;
        UNKNOWN_NAME = "HM-G010", "a rule, tier or glob does not exist", Usage;
    }
}
