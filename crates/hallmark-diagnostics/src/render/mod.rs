//! One module per output format; each gives a `String`.

mod ascii;
mod concise;
mod full;
mod github;
mod gitlab;
mod grouped;
mod html;
mod json;
mod json_lines;
mod junit;
mod sarif;
mod text;

pub use ascii::{Syntax, ascii};
pub use concise::concise;
pub use full::full;
pub use github::github;
pub use gitlab::gitlab;
pub use grouped::grouped;
pub use html::html;
pub use json::json;
pub use json_lines::json_lines;
pub use junit::junit;
pub use sarif::sarif;

use anstyle::{AnsiColor, Color};

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

impl Style {
    /// The text in the colour of a severity, if colours are on.
    fn paint(&self, severity: Severity, text: &str) -> String {
        let shade = self.shade(severity);
        format!("{shade}{text}{shade:#}")
    }

    /// The colour of a severity; plain if colours are off.
    fn shade(&self, severity: Severity) -> anstyle::Style {
        if !self.colour {
            return anstyle::Style::new();
        }
        let shade = match severity {
            Severity::Error => AnsiColor::Red,
            Severity::Warning => AnsiColor::Yellow,
            Severity::Info => AnsiColor::Cyan,
        };
        anstyle::Style::new().bold().fg_color(Some(Color::Ansi(shade)))
    }

    /// The text in bold, if colours are on.
    fn bold(&self, text: &str) -> String {
        self.dress(anstyle::Style::new().bold(), text)
    }

    fn dress(&self, style: anstyle::Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
