//! `hallmark rule [NAME]`: the pattern library, offline.

use hallmark_core::{Error, ExitClass, Result, nearest};
use hallmark_standards::rules;

use crate::app::App;
use crate::args::RuleArgs;
use crate::commands::codes;

pub(crate) fn run(app: &App<'_>, args: &RuleArgs) -> Result<ExitClass> {
    let Some(name) = &args.name else {
        let rows: Vec<Vec<String>> = rules::all()
            .iter()
            .map(|r| {
                vec![
                    r.name.to_owned(),
                    r.family.requirement().to_owned(),
                    r.severity.to_string(),
                    r.summary(),
                ]
            })
            .collect();
        app.ui.table(&["RULE", "REQUIREMENT", "SEVERITY", "FINDS"], &rows);
        app.ui.next("hallmark rule NAME");
        return Ok(ExitClass::Ok);
    };
    let Some(rule) = rules::all().iter().find(|r| r.name == name) else {
        let names: Vec<&str> = rules::all().iter().map(|r| r.name).collect();
        return Err(Error::new(&codes::UNKNOWN_TOPIC, format!("there is no rule called {name}")).next(
            nearest(name, names).map_or("hallmark rule".to_owned(), |n| format!("hallmark rule {n}")),
        ));
    };
    app.ui.data(&format!("{}\n", rule.page().trim_end()));
    Ok(ExitClass::Ok)
}
