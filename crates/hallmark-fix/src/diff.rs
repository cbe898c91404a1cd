//! A change as a unified diff, as `patch` and `git apply` read it.

use similar::{Algorithm, TextDiff};

use crate::limits::DIFF_CONTEXT_LINES;

/// The unified diff of two texts of one file; empty if they are the same.
#[must_use]
pub fn unified(path: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    TextDiff::configure()
        .algorithm(Algorithm::Patience)
        .diff_lines(before, after)
        .unified_diff()
        .context_radius(DIFF_CONTEXT_LINES)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_missing_last_line_break_is_said() {
        assert_eq!(unified("a.py", "x\n", "x\n"), "");
        let diff = unified("a.py", "x\ny", "x\nz");
        assert_eq!(
            diff,
            "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n x\n-y\n\\ No newline at end of file\n+z\n\\ No newline at end of file\n"
        );
    }
}
