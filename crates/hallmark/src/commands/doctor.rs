//! `hallmark doctor`: what works on this machine, what does not, and the command that mends it.

use hallmark_core::{ExitClass, Result};
use hallmark_services::stack::Verdict;

use crate::app::App;
use crate::args::{Format, FormatArgs};
use crate::ui::Mark;
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &FormatArgs) -> Result<ExitClass> {
    let checks = app.block_on(async { wiring::stack(app)?.doctor().await })?;
    let failed = checks.iter().any(|c| c.verdict == Verdict::Fail);
    let exit = if failed { ExitClass::Unavailable } else { ExitClass::Ok };
    if args.format == Format::Json {
        app.ui.line(&serde_json::to_string(&checks).unwrap_or_default());
        return Ok(exit);
    }
    for check in &checks {
        let mark = match check.verdict {
            Verdict::Ok => Mark::Ok,
            Verdict::Warn => Mark::Warn,
            Verdict::Fail => Mark::Fail,
            Verdict::NotChecked => Mark::Unknown,
        };
        app.ui.line(&format!("{} {:<22} {}", app.ui.mark(mark), check.name, check.detail));
        if let Some(command) = &check.mend {
            app.ui.line(&format!("  {:<22} mend: {command}", ""));
        }
    }
    app.ui.note("true at the moment of the check only");
    Ok(exit)
}
