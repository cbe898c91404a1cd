//! `hallmark lsp`: the language server on standard input and output.

use hallmark_core::config::Config;
use hallmark_core::{ExitClass, Project, Result};
use hallmark_lsp::{End, Plan, Settings};
use hallmark_standards::StandardsConfig;
use hallmark_standards::baseline::Baseline;

use crate::app::App;
use crate::commands::{check, explain};
use crate::ui::{ColorChoice, Ui};

/// Serves one editor until it leaves. No project is opened beforehand: the editor names its folders, and a wrong configuration is
/// shown in it instead of keeping it from starting.
pub(crate) fn run() -> Result<ExitClass> {
    let settings = Settings {
        version: env!("CARGO_PKG_VERSION"),
        plan: Box::new(plan),
        cache: check::cache,
        code_page: explain::page,
    };
    let input = std::io::BufReader::new(std::io::stdin());
    let end = hallmark_lsp::serve(settings, input, std::io::stdout())?;
    // The protocol asks for 1 when the editor is gone without a word.
    Ok(if end == End::Orderly { ExitClass::Ok } else { ExitClass::Findings })
}

/// What `hallmark check` would do in this project.
fn plan(project: &Project) -> Result<Plan> {
    let ui = Ui::new(ColorChoice::Never, true);
    let config = Config::load(project.root())?;
    let app = App { ui: &ui, project: project.clone(), config };
    let options = check::options(&app, None, None)?;
    options.validate()?;
    let section: StandardsConfig = app.config.section("standards")?;
    let known = section.baseline.map(|file| Baseline::load(&project.root().join(file))).transpose()?;
    Ok(Plan { options, known: known.unwrap_or_default() })
}
