//! `hallmark models diff`: what a migration would change.

use hallmark_core::{Error, ExitClass, Result};
use hallmark_dataflow::migrate::{Class, MigrateOptions, Plan};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{DiffArgs, Format, PlanArgs};
use crate::commands::codes;
use crate::ui::{WIDTH_MAX, wrap};
use crate::wiring::{self, Catalogue, Fallbacks};

/// The version of the JSON form.
const SCHEMA: &str = "hallmark.models.diff/1";

pub(super) fn run(app: &App<'_>, args: &DiffArgs) -> Result<ExitClass> {
    let catalogue = open(app)?;
    known(&catalogue)?;
    let plan = app.block_on(catalogue.dataflow.plan(&options(&args.plan)))?;
    if args.sql {
        app.ui.verbatim(&plan.sql());
    } else if args.plan.format == Format::Json {
        app.ui.json(&as_json(SCHEMA, &plan).to_string());
    } else {
        show(app, &plan);
        if clean(&plan) {
            app.ui.note("the tables are those of the models");
        } else {
            app.ui.next("hallmark models migrate");
        }
    }
    Ok(if clean(&plan) { ExitClass::Ok } else { ExitClass::Findings })
}

/// Whether there is nothing to do and nothing to say.
fn clean(plan: &Plan) -> bool {
    plan.is_empty() && plan.drift.is_empty() && plan.unfinished.is_none()
}

/// The models with the project's services.
pub(super) fn open(app: &App<'_>) -> Result<Catalogue> {
    Catalogue::open(app, &wiring::endpoints(app)?, Fallbacks::Never)
}

/// Whether every model is known: one that cannot be read would be taken for one that was removed, and its table with it.
///
/// # Errors
/// `HM-B011` if one is not.
pub(super) fn known(catalogue: &Catalogue) -> Result<()> {
    let unknown = &catalogue.unknown;
    let Some(first) = unknown.first() else { return Ok(()) };
    let more = if unknown.len() > 1 { format!(", and {} more", unknown.len() - 1) } else { String::new() };
    Err(Error::new(&codes::MODELS_UNKNOWN, "no plan is made while models cannot be read")
        .because_text(format!("{first}{more}"))
        .next("hallmark models"))
}

/// What a plan is told.
pub(super) fn options(args: &PlanArgs) -> MigrateOptions {
    MigrateOptions {
        renames: args.rename.clone(),
        backfill: args.backfill.clone(),
        ..MigrateOptions::default()
    }
}

/// The plan for programs.
pub(super) fn as_json(schema: &str, plan: &Plan) -> Value {
    let mut value = serde_json::to_value(plan).unwrap_or_default();
    if let Value::Object(members) = &mut value {
        members.insert("schema".to_owned(), schema.into());
        members.insert("sql".to_owned(), plan.sql().into());
        members.insert("digest".to_owned(), plan.digest().into());
        members.insert(
            "counts".to_owned(),
            json!({
                "safe": plan.count(Class::Safe),
                "slow": plan.count(Class::Slow),
                "destructive": plan.count(Class::Destructive),
            }),
        );
    }
    value
}

/// The plan for people, at most [`WIDTH_MAX`] wide.
pub(super) fn show(app: &App<'_>, plan: &Plan) {
    let line = |indent: usize, text: &str| {
        let pad = " ".repeat(indent);
        for part in wrap(text, WIDTH_MAX - indent) {
            app.ui.line(&format!("{pad}{part}"));
        }
    };
    if let Some(id) = plan.unfinished {
        line(0, &format!("migration {id} was not finished; this goes on with it"));
    }
    for (number, step) in plan.steps.iter().enumerate() {
        let head = format!("{:>3}  {:<11}  ", number + 1, step.class.name());
        let indent = head.len();
        for (part, text) in wrap(&step.summary, WIDTH_MAX - indent).iter().enumerate() {
            let head = if part == 0 { head.clone() } else { " ".repeat(indent) };
            app.ui.line(&format!("{head}{text}"));
        }
        line(indent, &format!("lock: {}", step.lock));
        line(indent, &step.why);
    }
    for blocker in &plan.blockers {
        line(0, &format!("in the way [{}]: {}", blocker.code, blocker.message));
        line(2, &blocker.next);
    }
    for question in &plan.questions {
        line(0, &format!("question: {question}"));
    }
    for drift in &plan.drift {
        line(0, &format!("changed by others since the last migration: {drift}"));
    }
    for note in &plan.notes {
        app.ui.note(&format!("{}.{}: {} ({})", note.model, note.subject, note.message, note.code));
    }
    if !plan.strangers.is_empty() {
        app.ui.note(&format!("left alone, for no model has them: {}", plan.strangers.join(", ")));
    }
    if !plan.steps.is_empty() {
        let counts = [Class::Safe, Class::Slow, Class::Destructive]
            .map(|class| format!("{} {}", plan.count(class), class.name()));
        app.ui.note(&format!("steps: {}", counts.join(", ")));
    }
}
