//! Gates over evidence, each beside its negative control; the score, the certificate and the report.
//!
//! A gate reads evidence, never a score. Its instrument must be seen to fail in the same certification, on a defect planted in
//! a scratch folder, a scratch server or a closed port; else it proves nothing. Channels are reached over the wire only.

mod baseline;
pub mod certificate;
pub mod certify;
mod channels;
pub mod config;
mod context;
pub mod diff;
pub mod exempt;
mod gates;
pub mod limits;
pub mod machine;
mod mask;
mod process;
pub mod progress;
pub mod report;
pub mod score;
mod scratch;
mod seal;
pub mod section;
pub mod tree;
pub mod verify;

pub use certificate::Certificate;
pub use certify::{Input, Outcome, certify};
pub use channels::{Arguments, CommandLine, Deployment};
pub use config::CertifyConfig;
pub use progress::{Event, Progress};
pub use score::Level;
pub use verify::{Verification, verify_certificate};

/// The kind of a log entry that holds one piece of evidence.
pub const LOG_EVIDENCE: &str = "evidence";

/// The kind of a log entry that tells of a certificate.
pub const LOG_CERTIFICATE: &str = "certificate";

/// The JSON Schema of a certificate.
pub const SCHEMA: &str = include_str!("../../../docs/schemas/certificate.schema.json");

hallmark_core::codes! {
    /// Errors of certification.
    pub mod codes {
        NOT_A_CERTIFICATE = "HM-Z001", "the file is no certificate", Unreadable;
        CERTIFICATE_INVALID = "HM-Z002", "a certificate does not hold", Findings;
        REFUSED = "HM-Z003", "the certificate is refused", Findings;
        EXEMPTION = "HM-Z004", "an exemption is incomplete", Usage;
        TREE_TOO_LARGE = "HM-Z005", "the project has too many files to certify", Usage;
        CHANNEL = "HM-Z006", "a channel did not answer as it must", Unavailable;
        SCRATCH = "HM-Z007", "a scratch instance for a negative control could not be made", Unavailable;
        REPORT = "HM-Z008", "the report could not be rendered", Internal;
        STOOD_IN = "HM-Z009", "something else than the service answered, so nothing was measured", Findings;
    }
}
