//! One module per output format; each gives a `String`.

mod concise;
mod full;
mod github;
mod json;
mod junit;
mod sarif;
mod text;

pub use concise::concise;
pub use full::full;
pub use github::github;
pub use json::json;
pub use junit::junit;
pub use sarif::sarif;

use crate::{Severity, limits};

/// How the text formats look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to write ANSI colours.
    pub colour: bool,
    /// Whether the terminal can show more than ASCII; if not, every other character has an ASCII twin.
    pub unicode: bool,
    /// The number of findings to show; what is left out is counted and said.
    pub limit: usize,
    /// Findings below this severity are counted, not shown.
    pub minimum: Severity,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, unicode: false, limit: limits::FRAMES, minimum: Severity::Warning }
    }
}
