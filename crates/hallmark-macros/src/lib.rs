//! Attribute and derive macros of Hallmark. They implement traits; registering stays explicit.
