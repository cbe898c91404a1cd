//! `hallmark seed [FILE…]`: the project's own data, each file once.

use hallmark_core::{ExitClass, Result};
use hallmark_services::stack::seed::{SeedFile, Seeded};
use serde_json::json;

use crate::app::App;
use crate::args::{Format, SeedArgs};
use crate::ui::Mark;
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &SeedArgs) -> Result<ExitClass> {
    let stack = wiring::stack(app)?;
    let ui = *app.ui;
    let watch = move |file: &SeedFile| {
        let (mark, what) = match file.state {
            Seeded::Loaded => (Mark::Ok, format!("loaded into {} ({})", file.service, file.count)),
            Seeded::There => (Mark::Ok, format!("is in {} already", file.service)),
        };
        ui.note(&format!("{} {} {what}", ui.note_mark(mark), file.file));
    };
    let files = app.block_on(stack.seed(&args.files, args.again, &watch))?;
    if args.format == Format::Json {
        app.ui.json(&json!({"version": 1, "files": files}).to_string());
        return Ok(ExitClass::Ok);
    }
    let loaded = files.iter().filter(|file| file.state == Seeded::Loaded).count();
    app.ui.line(&format!("files: {loaded} loaded, {} there already", files.len() - loaded));
    app.ui.next("hallmark status");
    Ok(ExitClass::Ok)
}
