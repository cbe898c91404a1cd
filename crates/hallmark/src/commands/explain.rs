//! `hallmark explain CODE`: the page of an error code, of a rule, of the score, of the exit codes or a guide, offline.

use hallmark_core::{Code, Error, ExitClass, Result, nearest};
use hallmark_standards::rules;

use crate::app::App;
use crate::args::ExplainArgs;
use crate::commands::{self, codes};

/// The table of exit codes (DESIGN: highest class wins).
const EXIT_CODES: &str = "\
# Exit codes

| code | class |
| --- | --- |
| 0 | ok: everything asked for was done |
| 1 | findings exist, or a gate failed |
| 2 | the command line or the configuration is wrong |
| 3 | some inputs were unreadable or could not be parsed |
| 4 | a required service is unavailable |
| 101 | an internal error |

The highest class wins: 101 > 2 > 4 > 3 > 1 > 0. JSON output lists every class that applied.
";

/// Pages about what one does with findings, by topic.
const GUIDES: &[(&str, &str)] = &[
    ("baseline", include_str!("../../../../docs/baseline.md")),
    ("configuration", include_str!("../../../../docs/configuration.md")),
    ("suppressions", include_str!("../../../../docs/suppressions.md")),
];

pub(crate) fn run(app: &App<'_>, args: &ExplainArgs) -> Result<ExitClass> {
    let Some(topic) = &args.topic else {
        let rows: Vec<Vec<String>> = all_codes()
            .map(|c| vec![c.id.to_owned(), c.exit.code().to_string(), c.title.to_owned()])
            .collect();
        app.ui.table(&["CODE", "EXIT", "WHAT IT SAYS"], &rows);
        app.ui.line(
            "Topics: baseline, configuration, exit-codes, score, suppressions, and the name of every rule",
        );
        app.ui.next("hallmark explain CODE");
        return Ok(ExitClass::Ok);
    };
    let page = match topic.as_str() {
        "score" => Some(hallmark_standards::score::PAGE.to_owned()),
        "exit-codes" => Some(EXIT_CODES.to_owned()),
        name if GUIDES.iter().any(|(topic, _)| *topic == name) => {
            GUIDES.iter().find(|(topic, _)| *topic == name).map(|(_, page)| (*page).to_owned())
        }
        name => all_codes()
            .find(|c| c.id.eq_ignore_ascii_case(name))
            .map(|c| c.page.to_owned())
            .or_else(|| rules::all().iter().find(|r| r.name == name).map(|r| r.page())),
    };
    let Some(page) = page else {
        let guides = GUIDES.iter().map(|(topic, _)| *topic).chain(["score", "exit-codes"]);
        let names = all_codes().map(|c| c.id).chain(rules::all().iter().map(|r| r.name)).chain(guides);
        return Err(Error::new(&codes::UNKNOWN_TOPIC, format!("nothing is called {topic}")).next(
            nearest(topic, names).map_or("hallmark explain".to_owned(), |n| format!("hallmark explain {n}")),
        ));
    };
    crate::page::print(app, &page);
    Ok(ExitClass::Ok)
}

/// The page of an error code.
pub(crate) fn page(code: &str) -> Option<&'static str> {
    all_codes().find(|c| c.id == code).map(|c| c.page)
}

/// Every error code of every crate, sorted by identifier.
pub(crate) fn all_codes() -> impl Iterator<Item = &'static Code> {
    let mut all: Vec<&'static Code> = [
        hallmark_core::codes::ALL,
        hallmark_evidence::codes::ALL,
        hallmark_python::codes::ALL,
        hallmark_python::models::codes::ALL,
        hallmark_standards::codes::ALL,
        hallmark_fix::codes::ALL,
        hallmark_services::codes::ALL,
        hallmark_services::stack::codes::ALL,
        hallmark_services::stack::backup::codes::ALL,
        hallmark_workflow::codes::ALL,
        hallmark_dataflow::codes::ALL,
        hallmark_agents::codes::ALL,
        hallmark_nexus::codes::ALL,
        hallmark_proof::codes::ALL,
        hallmark_certify::codes::ALL,
        commands::codes::ALL,
    ]
    .concat();
    all.sort_by_key(|c| c.id);
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn every_page_can_be_asked_for() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().replace(".md", "");
            assert!(page(&name).is_some(), "{name} is in no table of this binary");
        }
    }
}
