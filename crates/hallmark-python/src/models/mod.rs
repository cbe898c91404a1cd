//! Models read from Python source, without running it.
//!
//! [`read`] finds classes decorated with `X.model` (or passed to it), and turns their annotations, defaults,
//! `__dataflow__`, `__indexes__` and `__tablename__` into [`ModelDecl`]. It never fails: what it cannot read is a [`Problem`]
//! with a place, and a model with a field of unknown type is left out rather than created with a hole.

mod annotation;
mod build;
mod class;
mod column;
mod field;
mod finder;
mod ir;
mod literal;
mod scope;
mod table_level;
mod validators;

use serde::Serialize;

pub use ir::{
    Check, Field, FieldDefault, FieldType, ForeignKey, Index, Limit, ModelDecl, OnDelete, Place, Relation,
};
pub use scope::{Modules, NoModules};

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
        BASE_UNREAD = "HM-P110", "a base class of a model cannot be found", Usage;
        CONSTRAINT_UNREADABLE = "HM-P111", "a constraint cannot be read or names an unknown field", Usage;
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

/// Reads the models of one Python file; `path` is only what places are written with. Of two models with one name the first
/// counts, and the other is noted.
#[must_use]
pub fn read(path: &str, text: &str) -> (Vec<ModelDecl>, Vec<Problem>) {
    let (all, mut problems) = read_all(path, text, &NoModules);
    let mut models: Vec<ModelDecl> = Vec::new();
    for model in all {
        if models.iter().any(|m| m.name == model.name) {
            problems.push(Problem {
                code: codes::DECLARED_TWICE.id,
                severity: Severity::Note,
                message: format!("model {} is declared again; the first declaration counts", model.name),
                place: model.source.clone().unwrap_or_default(),
                model: Some(model.name),
            });
        } else {
            models.push(model);
        }
    }
    problems.sort_by_key(|p| (p.place.line, p.place.column));
    (models, problems)
}

/// Reads every model of one Python file, those that share a name among them; bases, enumerations and aliases of other files
/// are read through `modules`.
#[must_use]
pub fn read_all(path: &str, text: &str, modules: &dyn Modules) -> (Vec<ModelDecl>, Vec<Problem>) {
    finder::read(path, text, modules)
}

#[cfg(test)]
mod tests;
