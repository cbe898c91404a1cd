//! `hallmark` alone: where you are, what is wrong, and the one next command.

use hallmark_core::{ExitClass, Result};

use crate::app::App;
use crate::readings;
use crate::ui::Mark;

pub(crate) fn run(app: &App<'_>) -> Result<ExitClass> {
    let ui = app.ui;
    ui.line(&format!("{} {}", ui.strong("Hallmark"), env!("CARGO_PKG_VERSION")));
    ui.line(&format!("project     {}", app.project.root().display()));
    let configured = app.config.sections().count();
    ui.line(&format!(
        "settings    {}",
        if configured == 0 {
            "none: defaults apply".to_owned()
        } else {
            format!("{configured} sections in hallmark.toml")
        }
    ));
    let started = app.project.state_path().join("state.json").is_file()
        || app.project.state_path().join("stack.json").is_file();
    let gates = readings::gates(&app.project);
    let approved = gates.score.is_some_and(|_| readings::approved(&app.project));
    let (mark, certified) = match (&gates.score, &gates.certified_at) {
        (Some(score), Some(at)) => (
            if approved { Mark::Ok } else { Mark::Fail },
            format!("{score:.3} {} on {}", gates.level.clone().unwrap_or_default(), &at[..10.min(at.len())]),
        ),
        _ => (Mark::Unknown, "never".to_owned()),
    };
    ui.line(&format!("certified   {} {certified}", ui.mark(mark)));
    let next = if !started {
        "hallmark up"
    } else if approved {
        "hallmark status"
    } else {
        "hallmark certify"
    };
    ui.next(next);
    Ok(ExitClass::Ok)
}
