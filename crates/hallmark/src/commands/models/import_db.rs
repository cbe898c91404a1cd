//! `hallmark models import-db`: models of the tables that a database has. Nothing in it is changed.

use hallmark_core::fs::{self, Mode};
use hallmark_core::{Error, ExitClass, Result};
use hallmark_dataflow::{Note, declare};
use hallmark_services::Handles;

use crate::app::App;
use crate::args::{Form, ImportDbArgs};
use crate::commands::codes;
use crate::models::DataFlowConfig;
use crate::wiring;

fn tell(app: &App<'_>, notes: &[Note]) {
    for note in notes {
        app.ui.note(&format!("{}.{}: {} ({})", note.model, note.subject, note.message, note.code));
    }
}

pub(crate) fn run(app: &App<'_>, args: &ImportDbArgs) -> Result<ExitClass> {
    let handles = Handles::connect(&wiring::endpoints(app)?)?;
    let imported = app.block_on(async {
        let client = handles.postgres.client().await?;
        declare::import(&**client, &args.schema).await
    })?;
    if imported.models.is_empty() {
        let message = match imported.notes.first() {
            None => format!("the schema {} has no tables", args.schema),
            Some(_) => format!("no table of the schema {} can be a model's", args.schema),
        };
        tell(app, &imported.notes);
        return Err(Error::new(&codes::UNKNOWN_TOPIC, message)
            .at(args.schema.clone())
            .next("hallmark models import-db --schema NAME"));
    }
    let text = match args.form {
        Form::Python => declare::write_python(&imported.models)?,
        Form::Toml => declare::write_toml(&imported.models),
    };
    match &args.output {
        Some(path) => fs::write_atomic(path, text.as_bytes(), Mode::Default)?,
        None => app.ui.verbatim(&text),
    }
    tell(app, &imported.notes);
    let schema = app.config.section::<DataFlowConfig>("dataflow")?.schema;
    if schema != args.schema {
        app.ui.note(&format!("nodes work in the schema {schema}: for these tables set schema = \"{}\" in [dataflow] of hallmark.toml", args.schema));
    }
    app.ui.note(&format!("{} models, {} notes", imported.models.len(), imported.notes.len()));
    match &args.output {
        Some(path) => app.ui.next(&format!("hallmark models {}", path.display())),
        None => app.ui.next("hallmark models import-db --output FILE"),
    }
    Ok(ExitClass::Ok)
}
