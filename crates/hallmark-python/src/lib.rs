//! The Python front end.

pub mod models;
