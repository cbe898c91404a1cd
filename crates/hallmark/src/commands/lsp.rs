//! `hallmark lsp`: the language server on standard input and output.

use hallmark_core::config::Config;
use hallmark_core::{ExitClass, Project, Result};
use hallmark_lsp::{End, Settings};
use hallmark_standards::ScanOptions;

use crate::app::App;
use crate::commands::{check, explain};
use crate::ui::{ColorChoice, Ui};

/// Serves one editor until it leaves. No project is opened beforehand: the editor names its folders, and a wrong configuration is
/// shown in it instead of keeping it from starting.
pub(crate) fn run() -> Result<ExitClass> {
    let settings = Settings {
        version: env!("CARGO_PKG_VERSION"),
        options: Box::new(options),
        cache: check::cache,
        code_page: explain::page,
    };
    let input = std::io::BufReader::new(std::io::stdin());
    let end = hallmark_lsp::serve(settings, input, std::io::stdout())?;
    // The protocol asks for 1 when the editor is gone without a word.
    Ok(if end == End::Orderly { ExitClass::Ok } else { ExitClass::Findings })
}

/// The scan that `hallmark check` would do in this project.
fn options(project: &Project) -> Result<ScanOptions> {
    let ui = Ui::new(ColorChoice::Never, true);
    let config = Config::load(project.root())?;
    let options = check::options(&App { ui: &ui, project: project.clone(), config }, None, None)?;
    options.validate()?;
    Ok(options)
}
