//! A planted import and a planted output must be found, and nothing in their clean twin.

use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::{Result, fs};

use super::{Found, examine};
use crate::context::Context;
use crate::section::Control;

const PLANTED: &str = "import fcntl\n\n\ndef show():\n    print(\"\u{2713} done\", fcntl)\n";
const CLEAN: &str = "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None\n\n\ndef show():\n    print(\"done\", fcntl)\n";

/// Examines both as the project is examined.
pub(super) fn run(context: &Context) -> BoxFuture<'_, Vec<Control>> {
    async move {
        let started = Instant::now();
        let outcome = compare(context).unwrap_or_else(|e| (false, e.to_string()));
        let planted =
            "an unguarded import of fcntl and a printed check mark in a scratch folder, beside a clean twin";
        vec![Control::new("platform.planted_module", planted, started, outcome)]
    }
    .boxed()
}

fn compare(context: &Context) -> Result<(bool, String)> {
    let (planted, clean) = (examined(context, PLANTED)?, examined(context, CLEAN)?);
    let caught = planted.imports == ["app.py:1"] && planted.outputs == ["app.py:5"];
    let quiet = clean.imports.is_empty() && clean.outputs.is_empty();
    let observed = format!(
        "{} found where 2 were planted, {} in the clean twin",
        planted.imports.len() + planted.outputs.len(),
        clean.imports.len() + clean.outputs.len()
    );
    Ok((caught && quiet, observed))
}

fn examined(context: &Context, text: &str) -> Result<Found> {
    let folder = context.scratch_folder("platform")?;
    fs::write_atomic(&folder.join("app.py"), text.as_bytes(), fs::Mode::Default)?;
    examine(&folder)
}
