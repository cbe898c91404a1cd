//! What Hallmark says about a project's sources: findings, problems, and the renderers that turn them into text.
//!
//! This crate does no I/O and prints nothing: a renderer gives a `String`, the binary writes it. A finding carries the source
//! line it points at, so that no renderer ever reads a file.

pub mod finding;
pub mod limits;
pub mod markdown;
pub mod render;
pub mod results;

pub use finding::{Applicability, Edit, Excerpt, Finding, Fix, Position, Problem, RuleInfo, Severity};
pub use results::{Acceptance, FamilyLine, Overview, Results, Suppressed};
