//! Whether it is usable.
