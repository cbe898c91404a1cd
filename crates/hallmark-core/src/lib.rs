//! What every room of Hallmark stands on: coded errors, secrets that cannot be printed, the project folder, configuration
//! with spans, atomic writes and canonical JSON.
//!
//! This crate does file I/O only where its name says so ([`fs`], [`log_file`], [`project`], [`config`]). It knows nothing of
//! networks, asynchronous run times or the terminal.

pub mod canonical;
pub mod clock;
pub mod config;
pub mod digest;
pub mod error;
pub mod fs;
pub mod json;
pub mod log_file;
pub mod nearest;
pub mod platform;
pub mod project;
pub mod random;
pub mod secret;

pub use error::{Code, Error, ExitClass, Result};
pub use nearest::{nearest, nearest_few};
pub use project::Project;
pub use secret::Secret;

codes! {
    /// Errors of the foundations: configuration, project folder, files.
    pub mod codes {
        CONFIG_SYNTAX = "HM-C001", "the configuration is not valid TOML", Usage;
        CONFIG_VALUE = "HM-C002", "a configuration value has the wrong type or an unknown name", Usage;
        STATE_FORMAT = "HM-C003", "the state folder was written by a newer Hallmark", Usage;
        NOT_A_PROJECT = "HM-C004", "the path does not exist or is not a folder", Usage;
        CONFIG_TWICE = "HM-C005", "a folder is configured twice", Usage;
        CONFIG_EXTENDS = "HM-C006", "a configuration extends what cannot be followed", Usage;
        WRITE_FAILED = "HM-C010", "a file could not be written", Unreadable;
        DISK_FULL = "HM-C011", "the disk is full", Unreadable;
        READ_FAILED = "HM-C012", "a file could not be read", Unreadable;
        JSON_INPUT = "HM-C020", "the input is not valid JSON", Usage;
        NUMBER_ROUNDED = "HM-C021", "a JSON number has more digits than would be kept", Usage;
        INTERNAL = "HM-C099", "an invariant of Hallmark does not hold", Internal;
    }
}
