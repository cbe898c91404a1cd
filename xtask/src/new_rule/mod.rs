//! `cargo xtask new-rule FAMILY NAME`: a rule that compiles and passes its own test, to be filled in. It is a preview rule until
//! its author makes it stable.

use std::path::Path;

use hallmark_core::fs::{Mode, write_atomic};
use hallmark_standards::{Family, rules};

use crate::shell::{self, Failure, Outcome};

/// Writes the rule, its Markdown test, and its line in the registry.
pub(crate) fn run(family: Option<&str>, name: Option<&str>) -> Outcome {
    let (Some(family), Some(name)) = (family, name) else {
        return Err(Failure("usage: cargo xtask new-rule FAMILY NAME".to_owned()));
    };
    if rules::find(name).is_some() {
        return Err(Failure(format!("there is a rule {name} already")));
    }
    let written = write(&shell::root().join("crates/hallmark-standards"), family, name)?;
    for path in written {
        shell::say(&format!("wrote {path}\n"));
    }
    shell::say(
        "fill in the page, the check and the test, then run `cargo xtask gen` and `cargo test -p hallmark-standards`\n",
    );
    Ok(())
}

/// Writes into the folder of the crate; gives the paths in it.
fn write(folder: &Path, family: &str, name: &str) -> Outcome<Vec<String>> {
    let family = Family::parse(family).ok_or_else(|| {
        let names: Vec<&str> = Family::ALL.iter().map(|family| family.name()).collect();
        Failure(format!("there is no family {family}; there are {}", names.join(", ")))
    })?;
    let fits = name
        .split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    if !fits || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(Failure(format!(
            "{name} is no name of a rule: words in lower case, with - between them"
        )));
    }
    let snake = name.replace('-', "_");
    let source = format!("src/rules/{}/{snake}.rs", family.name());
    let test = format!("resources/mdtest/{name}.md");
    let registry = "src/rules/mod.rs".to_owned();
    for path in [&source, &test] {
        if folder.join(path).exists() {
            return Err(Failure(format!("{path} is there already")));
        }
    }
    let registered = registered(&std::fs::read_to_string(folder.join(&registry))?, family, &snake)?;
    let files = [
        (&source, filled(include_str!("rule.rs.txt"), family, name)),
        (&test, filled(include_str!("test.md.txt"), family, name)),
        (&registry, registered),
    ];
    for (path, text) in &files {
        write_atomic(&folder.join(path), text.as_bytes(), Mode::Default)?;
    }
    Ok(files.into_iter().map(|(path, _)| path.clone()).collect())
}

/// A template with its words filled in.
fn filled(template: &str, family: Family, name: &str) -> String {
    template
        .replace("SNAKE", &name.replace('-', "_"))
        .replace("NAME", name)
        .replace("VARIANT", &format!("{family:?}"))
        .replace("REQUIREMENT", family.requirement())
}

/// The registry with the rule in its family, in its place.
fn registered(registry: &str, family: Family, snake: &str) -> Outcome<String> {
    let head = format!("\n    {} {{\n", family.name());
    let lacking = || Failure(format!("rules/mod.rs has no family {}", family.name()));
    let start = registry.find(&head).map(|at| at + head.len()).ok_or_else(lacking)?;
    let end = registry[start..].find("    }\n").map(|at| at + start).ok_or_else(lacking)?;
    let mut lines: Vec<&str> = registry[start..end].lines().collect();
    let line = format!("        {snake},");
    if lines.contains(&line.as_str()) {
        return Err(Failure(format!("rules/mod.rs names {snake} already")));
    }
    lines.push(&line);
    // The order of names: `-` comes before letters, as `_` does not.
    lines.sort_by_key(|line| line.replace('_', "-").replace(',', ""));
    Ok(format!("{}{}\n{}", &registry[..start], lines.join("\n"), &registry[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "rules! {\n    errors {\n        bare_except,\n    }\n    imports {\n        relative_import,\n        star_import,\n    }\n}\n";

    #[test]
    fn a_rule_takes_its_place_in_its_family() {
        let text = registered(REGISTRY, Family::Imports, "sdk_import").unwrap();
        assert_eq!(text, REGISTRY.replace("        star", "        sdk_import,\n        star"));
        assert!(registered(REGISTRY, Family::Imports, "star_import").is_err());
        assert!(registered(REGISTRY, Family::Workflow, "x").is_err());
    }

    #[test]
    fn the_real_registry_takes_a_rule_of_every_family() {
        let registry = include_str!("../../../crates/hallmark-standards/src/rules/mod.rs");
        for family in Family::ALL {
            let text = registered(registry, family, "zz_planted").unwrap();
            assert_eq!(text.lines().count(), registry.lines().count() + 1, "{family:?}");
        }
    }

    #[test]
    fn all_three_files_are_written_once() {
        let folder = std::env::temp_dir().join(format!("hallmark-new-rule-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("src/rules/imports")).unwrap();
        std::fs::create_dir_all(folder.join("resources/mdtest")).unwrap();
        write_atomic(&folder.join("src/rules/mod.rs"), REGISTRY.as_bytes(), Mode::Default).unwrap();
        let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();

        assert!(write(&folder, "imports", "Sdk_Import").is_err());
        assert!(write(&folder, "unheard", "sdk-import").is_err());
        assert_eq!(read("src/rules/mod.rs"), REGISTRY);

        write(&folder, "imports", "sdk-import").unwrap();
        let source = read("src/rules/imports/sdk_import.rs");
        assert!(source.contains("name: \"sdk-import\"") && source.contains("family: Family::Imports"));
        assert!(source.contains("include_str!(\"sdk_import.rs\")") && source.contains("REQ-GS-001"));
        for heading in ["What it does", "Why", "Example", "Use instead", "Gold standard", "How to mend"] {
            assert!(source.contains(&format!("//! ## {heading}\n")), "{heading}");
        }
        let test = read("resources/mdtest/sdk-import.md");
        assert!(
            test.contains("[sdk-import]") && test.contains("\n## clean\n") && test.contains("\n## planted\n")
        );
        assert!(read("src/rules/mod.rs").contains("        sdk_import,\n        star_import,\n"));

        let again = write(&folder, "imports", "sdk-import").unwrap_err();
        assert!(again.0.contains("already"), "{}", again.0);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
