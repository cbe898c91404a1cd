//! The two things a scan can say: a finding (a standard is broken here) and a problem (this could not be judged).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; counts for nothing.
    Info,
    /// Should be mended; does not make a file non-compliant.
    Warning,
    /// Breaks the standard: the file is not compliant and the exit code is 1.
    Error,
}

impl Severity {
    /// The lower-case word used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A place in a text: both count from 1, columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// The source line a finding starts on, with the byte range in it that is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// The whole line without its line break; empty if it is longer than [`crate::limits::EXCERPT_BYTES`].
    pub text: String,
    /// Where the marked part starts, in bytes of `text`.
    pub start: usize,
    /// Where it ends; never before `start`.
    pub end: usize,
    /// A short remark under the caret, or empty.
    pub label: String,
}

/// A place where a gold standard is broken: what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name, its public identity, in kebab-case.
    pub rule: &'static str,
    /// How much it weighs here; the same rule may weigh less in a unit test.
    pub severity: Severity,
    /// What is wrong, as a sentence that stands alone.
    pub message: String,
    /// Why the standard forbids it.
    pub why: &'static str,
    /// What to do about it.
    pub action: Cow<'static, str>,
    /// The file, relative to the scanned root, with forward slashes.
    pub path: Arc<str>,
    /// Where it starts.
    #[serde(flatten)]
    pub start: Position,
    /// Where it ends; the character after the last one.
    pub end: Position,
    /// The tier of the test it is in: `unit`, `integration`, `end-to-end`, `other`, or `production`.
    pub tier: &'static str,
    /// The edition of the gold standards that was applied.
    pub edition: &'static str,
    /// The version of the SDK whose names were used.
    pub sdk_version: &'static str,
    /// The family of the rule, for example `mocking`.
    pub family: &'static str,
    /// The requirement it breaks, for example `REQ-GS-001`.
    pub requirement: &'static str,
    /// Sixteen hexadecimal digits that stay the same when the finding only moves to another line.
    pub fingerprint: String,
    /// An edit that mends it, if one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Box<Fix>>,
    /// The line to show; not part of machine output.
    #[serde(skip)]
    pub excerpt: Excerpt,
}

/// Whether a fix may be applied without being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Applicability {
    /// Keeps what the code does, apart from what the finding is about.
    Safe,
    /// May change what the code does: applied only when asked for.
    Unsafe,
}

/// An edit that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does, as an imperative: `Import it from kailash.nodes.base`.
    pub title: String,
    /// Whether it may be applied without being looked at.
    pub applicability: Applicability,
    /// Edits of one file that do not overlap, in order of their places.
    pub edits: Vec<Edit>,
}

/// The replacement of a range of bytes of the decoded text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edit {
    /// The first byte that is replaced.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
    /// What is written there instead; empty deletes.
    pub content: String,
}

impl Fix {
    /// A fix that keeps what the code does.
    #[must_use]
    pub fn safe(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { title: title.into(), applicability: Applicability::Safe, edits }
    }

    /// A fix that must be asked for.
    #[must_use]
    pub fn suggested(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { title: title.into(), applicability: Applicability::Unsafe, edits }
    }
}

/// A file, or a part of one, that could not be judged. Problems are never findings and never silent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file or folder, relative to the scanned root, with forward slashes.
    pub path: String,
    /// The line, from 1, if one is known.
    pub line: Option<u32>,
    /// The error code whose page explains it, for example `HM-P003`.
    pub code: &'static str,
    /// What happened.
    pub message: String,
}

/// What the machine formats say about a rule.
#[derive(Clone, Debug)]
pub struct RuleInfo {
    /// The name.
    pub name: &'static str,
    /// Its family.
    pub family: &'static str,
    /// The requirement it checks.
    pub requirement: &'static str,
    /// How much a finding of it weighs unless the configuration or the place says otherwise.
    pub severity: Severity,
    /// Why the standard forbids what it finds.
    pub why: &'static str,
    /// One sentence.
    pub summary: String,
    /// The Markdown page.
    pub page: String,
}
