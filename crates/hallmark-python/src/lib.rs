//! The Python front end: parse a file, resolve its names, and find what its imports mean in the project.
//!
//! Nothing here does I/O and nothing fails: [`read`] gives the facts of whatever text it is handed, with syntax errors beside
//! them, and [`index::Index`] joins the facts of many files. Only this crate names the types of the parser it stands on.

pub mod clients;
pub mod edit;
pub mod facts;
pub mod fixtures;
pub mod index;
pub mod interface;
pub mod limits;
mod lower;
pub mod models;
pub mod names;
pub mod source;
pub mod suppression;
pub mod surface;

pub use facts::{Module, Name, Span};
pub use interface::Interface;
pub use lower::read;

hallmark_core::codes! {
    /// What can be wrong with a source file.
    pub mod codes {
        SYNTAX = "HM-P001", "the file is not valid Python", Unreadable;
        ENCODING = "HM-P002", "the file is not text in the encoding it declares", Unreadable;
        NESTING = "HM-P003", "the file is nested too deeply to be followed", Unreadable;
    }
}
