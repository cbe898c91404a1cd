//! The compliance score.

/// The page that `hallmark explain score` prints.
pub const PAGE: &str = include_str!("../../../docs/score.md");
