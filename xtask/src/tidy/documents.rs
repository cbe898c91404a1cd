//! Every rule has its page and its Markdown test, every error code its page, every page its code; generated files are current.

use std::collections::BTreeSet;

use crate::generate;
use crate::shell::{self, Outcome};

pub(super) fn check() -> Outcome<Vec<String>> {
    let mut problems = rules();
    problems.extend(error_pages()?);
    for (path, wanted) in generate::documents()? {
        let current = std::fs::read_to_string(&path).unwrap_or_default();
        if current != wanted {
            problems.push(format!("{} is stale: run `cargo xtask gen`", shell::relative(&path)));
        }
    }
    Ok(problems)
}

fn rules() -> Vec<String> {
    let folder = shell::root().join("crates/hallmark-standards/resources/mdtest");
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for rule in hallmark_standards::rules::all() {
        let name = rule.name;
        names.insert(format!("{name}.md"));
        if !folder.join(format!("{name}.md")).is_file() {
            problems.push(format!("rule {name} has no Markdown test"));
        }
        if rule.page().trim().is_empty() {
            problems.push(format!("rule {name} has no page"));
        }
    }
    for path in shell::files(&folder, ".md") {
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if !names.contains(&file) && !file.starts_with('_') {
            problems.push(format!("{} belongs to no rule", shell::relative(&path)));
        }
    }
    problems
}

/// Compares the pages in docs/errors with the codes that the sources declare.
fn error_pages() -> Outcome<Vec<String>> {
    let root = shell::root();
    let pages: BTreeSet<String> = shell::files(&root.join("docs/errors"), ".md")
        .iter()
        .filter_map(|p| p.file_stem().map(|n| n.to_string_lossy().into_owned()))
        .collect();
    let codes: BTreeSet<String> = generate::error_codes()?.into_iter().map(|(id, _, _)| id).collect();
    let unused =
        pages.difference(&codes).map(|id| format!("docs/errors/{id}.md: no crate declares this code"));
    let missing = codes.difference(&pages).map(|id| format!("{id} has no page in docs/errors"));
    Ok(unused.chain(missing).collect())
}
