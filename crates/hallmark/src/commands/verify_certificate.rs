//! `hallmark verify-certificate FILE`: signature, conclusions, expiry, log and tree, offline.

use hallmark_certify::verify_certificate;
use hallmark_core::{ExitClass, Result};
use hallmark_evidence::Verdict;

use crate::app::App;
use crate::args::{Format, VerifyArgs};
use crate::ui::Mark;

pub(crate) fn run(app: &App<'_>, args: &VerifyArgs) -> Result<ExitClass> {
    // The key, the log and the tree are asked for only where there is a log to compare with.
    let project = app.project.state_path().is_dir().then_some(&app.project);
    let verification = verify_certificate(&args.certificate, project)?;
    let exit = if verification.holds() { ExitClass::Ok } else { ExitClass::Findings };
    if args.format == Format::Json {
        app.ui.json(&serde_json::to_string(&verification.checks).unwrap_or_default());
        return Ok(exit);
    }
    for check in &verification.checks {
        app.ui.line(&format!("{} {:<12} {}", app.ui.mark(mark(check.verdict)), check.name, check.detail));
    }
    let certificate = &verification.certificate;
    app.ui.line(&format!(
        "{}: score {:.3}, {}",
        if verification.holds() { "the certificate holds" } else { "the certificate does NOT hold" },
        certificate.production_readiness_score,
        if certificate.deployment_approved { "deployment approved" } else { "deployment refused" },
    ));
    Ok(exit)
}

/// The mark of a verdict: only `proven` is green.
pub(crate) fn mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Proven => Mark::Ok,
        Verdict::Failed => Mark::Fail,
        Verdict::Exempted => Mark::Warn,
        Verdict::NotMeasured => Mark::Unknown,
    }
}
