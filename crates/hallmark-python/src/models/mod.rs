//! Models read from Python source, without running it.
//!
//! [`read`] finds classes decorated with `X.model` (or passed to it), and turns their annotations, defaults,
//! `__dataflow__`, `__indexes__` and `__tablename__` into [`ModelDecl`]. It never fails: what it cannot read is a [`Problem`]
//! with a place, and a model with a field of unknown type is left out rather than created with a hole.

mod annotation;
mod class;
mod field;
mod finder;
mod ir;
mod literal;

use serde::Serialize;

pub use ir::{Field, FieldDefault, FieldType, Index, ModelDecl, Place};

hallmark_core::codes! {
    /// What a model's source can be reported for.
    pub mod codes {
        UNKNOWN_TYPE = "HM-P101", "a model field has a type that has no column type", Usage;
        COMPUTED_DEFAULT = "HM-P102", "a default is an expression that only Python could evaluate", Usage;
        NO_CLASS = "HM-P103", "a class passed to a model call is not in the file", Usage;
        DECLARED_TWICE = "HM-P104", "a model or a field is declared twice", Usage;
        INDEX_UNREADABLE = "HM-P105", "an index entry cannot be read or names an unknown field", Usage;
        OPTION_UNREADABLE = "HM-P106", "an option is not a literal", Usage;
        FILE_SYNTAX = "HM-P107", "the file is not valid Python", Unreadable;
        NO_ANNOTATION = "HM-P108", "a class attribute has no annotation and is no field", Usage;
        NO_FIELDS = "HM-P109", "a model declares no field", Usage;
    }
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For information.
    Note,
    /// Read, but not as the author may expect.
    Warning,
    /// The model (or the file) could not be read.
    Error,
}

/// One thing that could not be read as declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The error code, for example `HM-P101`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The sentence.
    pub message: String,
    /// Where.
    pub place: Place,
    /// The model that it is about, if any.
    pub model: Option<String>,
}

/// Reads the models of one Python file; `path` is only what places are written with.
#[must_use]
pub fn read(path: &str, text: &str) -> (Vec<ModelDecl>, Vec<Problem>) {
    finder::read(path, text)
}

#[cfg(test)]
mod tests;
