//! What each format promises.

use hallmark_diagnostics::render::{self, Style, Syntax};
use hallmark_diagnostics::{Results, Severity};
use serde_json::{Value, json};

use crate::sample;

/// Renders with everything there is.
fn with<T>(render: impl FnOnce(&Results<'_>) -> T) -> T {
    let (findings, problems, suppressed, rules) =
        (sample::findings(), sample::problems(), sample::suppressed(), sample::rules());
    render(&Results {
        findings: &findings,
        problems: &problems,
        suppressed: &suppressed,
        rules: &rules,
        version: "1.2.3",
    })
}

fn validate_sarif(text: &str) -> Value {
    // The published pattern of `run.language` has a bracket too many, which not every engine of regular expressions takes.
    let schema = include_str!("../resources/sarif-2.1.0.schema.json").replace("{2}]?$", "{2}$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let document: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    document
}

#[test]
fn sarif_meets_its_schema() {
    let document = validate_sarif(&with(render::sarif));
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 6);
    let ids: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["mock-object", "star-import"]);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(ids[index], result["ruleId"]);
        assert!(result["partialFingerprints"]["hallmark/v1"].is_string());
        assert_eq!(
            (&result["properties"]["tier"], &result["properties"]["edition"]),
            (&json!("integration"), &json!("2026"))
        );
    }
    let kinds: Vec<&Value> = results.iter().filter_map(|r| r["suppressions"][0].get("kind")).collect();
    assert_eq!(kinds, ["inSource", "external"]);
    assert_eq!(results[4]["suppressions"][0]["justification"], "clock <skew> cannot be made");
    assert_eq!(
        results[4]["suppressions"][0]["properties"],
        json!({ "owner": "team-a", "until": "2027-01-31" })
    );
    assert!(results.iter().all(|r| r["suppressions"].is_array()));
    assert_eq!(
        results[2]["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"],
        "é"
    );
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len(), 2);
    let uri = "app/gr%C3%B6%C3%9Fe%20%26%20%3Cma%C3%9F%3E.py";
    assert_eq!(results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], uri);
}

#[test]
fn an_empty_sarif_meets_the_schema_and_the_schema_can_refuse() {
    let document = validate_sarif(&render::sarif(&Results { version: "1.2.3", ..Results::default() }));
    assert_eq!(document["runs"][0]["results"], json!([]));
    let broken = json!({ "version": "2.1.0", "runs": [{ "results": [] }] }).to_string();
    assert!(std::panic::catch_unwind(|| validate_sarif(&broken)).is_err(), "a run without a tool passed");
}

#[test]
fn text_formats_keep_to_eighty_columns_and_to_ascii() {
    let (findings, problems) = (sample::findings(), sample::problems());
    for unicode in [false, true] {
        let style = Style { unicode, minimum: Severity::Info, ..Style::default() };
        for text in [render::full(&findings, &problems, style), render::grouped(&findings, &problems, style)]
        {
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
                assert!(!line.contains('\u{1b}'), "a message steers the terminal: {line:?}");
            }
            assert_eq!(text.is_ascii(), !unicode);
        }
    }
    let concise =
        render::concise(&findings, &problems, Style { minimum: Severity::Info, ..Style::default() });
    assert_eq!(concise.lines().count(), 6, "{concise}");
    let coloured = render::concise(&findings, &problems, Style { colour: true, ..Style::default() });
    assert!(coloured.contains("\u{1b}[31merror[mock-object]") || coloured.contains("31m"), "{coloured:?}");
}

#[test]
fn grouped_names_each_file_once() {
    let text = render::grouped(&sample::findings(), &[], Style { unicode: true, ..Style::default() });
    assert_eq!(text.matches("tests/integration/test_a.py:").count(), 1, "{text}");
    assert!(text.contains("    3:5  error[mock-object]\n"), "{text}");
    assert!(text.contains("1 informational finding not shown"), "{text}");
}

#[test]
fn json_lines_end_with_the_summary() {
    let summary = json!({ "schema": "hallmark.check/1", "findings": [1], "problems": [], "score": 0.5 });
    let text = render::json_lines(&sample::findings(), &sample::problems(), &summary);
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|l| l["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["problem", "problem", "finding", "finding", "finding", "finding", "summary"]);
    assert_eq!(lines[6], json!({ "type": "summary", "schema": "hallmark.check/1", "score": 0.5 }));
    assert_eq!(lines[2]["line"], 3);
}

#[test]
fn gitlab_entries_have_what_gitlab_reads() {
    let entries: Value =
        serde_json::from_str(&render::gitlab(&sample::findings(), &sample::problems())).unwrap();
    let entries = entries.as_array().unwrap();
    let severities: Vec<&str> = entries.iter().map(|e| e["severity"].as_str().unwrap()).collect();
    assert_eq!(severities, ["critical", "critical", "major", "major", "minor", "info"]);
    let mut prints = std::collections::BTreeSet::new();
    for entry in entries {
        for member in ["description", "check_name", "fingerprint"] {
            assert!(!entry[member].as_str().unwrap().is_empty(), "{entry}");
        }
        assert!(entry["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
        assert!(!entry["location"]["path"].as_str().unwrap().starts_with("./"));
        prints.insert(entry["fingerprint"].as_str().unwrap().to_owned());
    }
    assert_eq!(prints.len(), entries.len(), "GitLab shows one entry of each fingerprint");
}

#[test]
fn junit_has_one_case_for_each_finding_and_never_none() {
    let text = render::junit(&sample::findings(), &sample::problems());
    assert_eq!(text.matches("<testcase ").count(), 6, "{text}");
    assert_eq!((text.matches("<failure ").count(), text.matches("<error ").count()), (2, 2));
    assert!(text.contains(
        "<testsuites name=\"hallmark check\" tests=\"6\" failures=\"2\" errors=\"2\" skipped=\"0\">"
    ));
    assert!(!text.contains('\u{1b}') && !text.contains("<b>"), "{text}");
    let names: std::collections::BTreeSet<&str> = text.lines().filter(|l| l.contains("<testcase ")).collect();
    assert_eq!(names.len(), 6, "GitLab shows one case of each name");
    let clean = render::junit(&[], &[]);
    assert_eq!((clean.matches("<testcase ").count(), clean.matches("<failure").count()), (1, 0), "{clean}");
}

#[test]
fn the_page_loads_nothing_and_holds_no_markup_of_the_project() {
    let page = with(|given| render::html(given, &sample::overview()));
    assert!(
        !page.contains("<script>alert") && !page.contains("<b>in</b>") && !page.contains("<server>"),
        "{page}"
    );
    for loader in ["http:", "https:", "src=", "url(", "@import", "<link", "<img"] {
        assert!(!page.contains(loader), "the page names {loader}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<article").count(), 4);
    for tag in ["details", "article", "dl", "table", "form", "section", "pre", "code", "ul", "select", "svg"]
    {
        let (open, close) = (
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count(),
            page.matches(&format!("</{tag}>")).count(),
        );
        assert_eq!(open, close, "<{tag}>");
    }
    for rule in ["mock-object", "star-import"] {
        assert!(page.contains(&format!("id=\"rule-{rule}\"")), "{rule}");
    }
    assert!(!page.contains("never-fired"));
    assert!(page.contains("clock &lt;skew&gt; cannot be made") && page.contains("not measured"));
    assert!(page.contains("<form hidden"), "without JavaScript there is nothing to click in vain");
}

#[test]
fn every_document_has_an_ascii_twin_that_says_the_same() {
    let sarif = with(render::sarif);
    let twin = render::ascii(&sarif, Syntax::Json);
    assert!(!sarif.is_ascii() && twin.is_ascii());
    assert_eq!(serde_json::from_str::<Value>(&sarif).unwrap(), serde_json::from_str::<Value>(&twin).unwrap());
    let page = with(|given| render::html(given, &sample::overview()));
    let twin = render::ascii(&page, Syntax::Markup);
    assert!(!page.is_ascii() && twin.is_ascii() && twin.contains("gr&#246;&#223;e"));
}
