//! The gold standards as rules: scan a project, report findings, score the compliance.
//!
//! Scanning never fails: what cannot be read or parsed is a problem in the report, and the rest is scanned. Rules do no I/O.

pub mod options;
pub mod report;
pub mod score;

pub use options::{Edition, Profile, ScanOptions, StandardsConfig};
pub use report::{EvidenceSummary, FamilySummary, Report, scan};
