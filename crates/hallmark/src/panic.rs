//! What an internal error leaves behind: a report file that can be sent to us, and exit code 101.

use std::fmt::Write as _;
use std::io::Write as _;

use hallmark_core::fs::{Mode, write_atomic};
use hallmark_core::{clock, codes, random};

/// Writes a report file when a thread panics and says where it is. No argument and no variable goes into it: they may be secret.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let mut text = format!("hallmark {} at {}\n{info}\n", env!("CARGO_PKG_VERSION"), clock::now());
        let _ = writeln!(text, "{}", std::backtrace::Backtrace::force_capture());
        let name = format!("hallmark-report-{}.txt", random::token(8).unwrap_or_default());
        let path = std::env::temp_dir().join(name);
        let kept = write_atomic(&path, text.as_bytes(), Mode::Private).is_ok();
        let place = if kept { format!("the report is {}", path.display()) } else { info.to_string() };
        // Nothing can be done if standard error is closed.
        let _ = writeln!(std::io::stderr(), "error[{}]: a defect of Hallmark; {place}", codes::INTERNAL.id);
    }));
}
