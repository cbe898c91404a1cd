//! The symbol tables of the SDK that rules ask: `cargo xtask gen-sdk EDITION FOLDER` reads the SDK's sources and writes
//! `resources/sdk/EDITION.txt`. Nothing of the SDK is run.
//!
//! The folder is a checkout (`src/*`, `packages/*/src/*`) or what `pip install --no-deps --target FOLDER kailash==...` filled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hallmark_core::fs::{Mode, write_atomic};
use hallmark_python::surface::{self, Surface};

use crate::shell::{self, Failure, Outcome};

/// How many stars may lead to each other.
const STARS: usize = 8;

/// What is known of the SDK.
#[derive(Default)]
struct Table {
    /// Distributions: the module at the top to the distribution's name and version.
    packages: BTreeMap<String, (String, String)>,
    /// Names that nodes are registered under, with the module that defines each.
    nodes: BTreeMap<String, String>,
    modules: BTreeMap<String, Surface>,
}

/// What every program that builds and executes a workflow imports.
const BEGINNING: &[&str] = &["kailash.workflow.builder", "kailash.runtime.local"];

/// Writes the table of an edition.
pub(crate) fn run(edition: Option<&str>, folder: Option<&str>) -> Outcome {
    let (Some(edition), Some(folder)) = (edition, folder) else {
        return Err(Failure("usage: cargo xtask gen-sdk EDITION FOLDER".to_owned()));
    };
    let table = read(Path::new(folder))?;
    if table.modules.is_empty() {
        return Err(Failure(format!("{folder} holds no package with an __init__.py")));
    }
    let path = shell::root().join(format!("crates/hallmark-standards/resources/sdk/{edition}.txt"));
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let text = write(&table, edition);
    write_atomic(&path, text.as_bytes(), Mode::Default)?;
    shell::say(&format!(
        "wrote {}: {} modules, {} nodes, {} kB\n",
        shell::relative(&path),
        table.modules.len(),
        table.nodes.len(),
        text.len() / 1000
    ));
    Ok(())
}

/// The folders that Python would look for packages in.
fn roots(folder: &Path) -> Vec<PathBuf> {
    let mut roots = vec![folder.to_path_buf(), folder.join("src")];
    if let Ok(packages) = std::fs::read_dir(folder.join("packages")) {
        roots.extend(packages.flatten().map(|entry| entry.path().join("src")));
    }
    roots.sort();
    roots
}

fn read(folder: &Path) -> Outcome<Table> {
    let mut table = Table::default();
    let installed = distributions(folder);
    for root in roots(folder) {
        let Ok(entries) = std::fs::read_dir(&root) else { continue };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if !path.join("__init__.py").is_file() {
                continue;
            }
            let own = installed.get(&name).cloned().or_else(|| declared(root.parent()?));
            table.packages.insert(name, own.unwrap_or_default());
            for file in shell::files(&path, ".py") {
                read_file(&root, &file, &mut table)?;
            }
        }
    }
    for _ in 0..STARS {
        if !spread_stars(&mut table.modules) {
            break;
        }
    }
    Ok(table)
}

fn read_file(root: &Path, file: &Path, table: &mut Table) -> Outcome {
    let below = file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
    let stem = below.strip_suffix(".py").unwrap_or(&below);
    let is_package = stem.ends_with("/__init__");
    let module = stem.strip_suffix("/__init__").unwrap_or(stem).replace('/', ".");
    let text = String::from_utf8_lossy(&std::fs::read(file)?).into_owned();
    table.modules.insert(module.clone(), surface::read(&module, is_package, &text));
    let facts = hallmark_python::read(&below, &module, &text);
    for class in facts.interface.classes.iter().filter(|class| class.top_level) {
        if let Some(name) = &class.registered_as {
            table.nodes.insert(name.to_string(), module.clone());
        }
    }
    Ok(())
}

/// Gives modules what they take from others by `*`; gives whether anything changed.
fn spread_stars(modules: &mut BTreeMap<String, Surface>) -> bool {
    let mut taken: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    for (name, module) in modules.iter() {
        let mut names = BTreeMap::new();
        for star in &module.stars {
            let Some(source) = modules.get(star) else { continue };
            let visible = |name: &str| {
                if source.public.is_empty() { !name.starts_with('_') } else { source.public.contains(name) }
            };
            let own = source.defined.iter().map(|name| (name.clone(), format!("{star}.{name}")));
            let passed = source.imported.iter().map(|(name, path)| (name.clone(), path.clone()));
            // `*` asks the source for each name of its `__all__`, and so may ask its `__getattr__`.
            let handed = source.handed_out.iter().filter(|name| source.public.contains(*name));
            let handed = handed.map(|name| (name.clone(), format!("{star}.{name}")));
            names.extend(own.chain(passed).chain(handed).filter(|(name, _)| visible(name)));
        }
        names.retain(|name, _| !module.imported.contains_key(name));
        if !names.is_empty() {
            taken.push((name.clone(), names));
        }
    }
    let changed = !taken.is_empty();
    for (name, names) in taken {
        if let Some(module) = modules.get_mut(&name) {
            module.imported.extend(names);
        }
    }
    changed
}

/// The modules of the SDK that are loaded once a program has what a workflow needs.
fn loaded_first(modules: &BTreeMap<String, Surface>) -> BTreeSet<&str> {
    let mut loaded = BTreeSet::new();
    let mut queue: Vec<&str> = BEGINNING.to_vec();
    while let Some(next) = queue.pop() {
        // A package is loaded before what lies in it.
        let dots = next.match_indices('.').map(|(at, _)| &next[..at]);
        for path in dots.chain([next]) {
            if let Some((name, module)) = modules.get_key_value(path)
                && loaded.insert(name.as_str())
            {
                queue.extend(module.loads.iter().map(String::as_str));
            }
        }
    }
    loaded
}

/// The distributions that are installed in a folder, by the module at their top.
fn distributions(folder: &Path) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for metadata in shell::files(folder, "METADATA") {
        let text = std::fs::read_to_string(&metadata).unwrap_or_default();
        let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        let (Some(name), Some(version)) = (field("Name: "), field("Version: ")) else { continue };
        let record = std::fs::read_to_string(metadata.with_file_name("RECORD")).unwrap_or_default();
        for line in record.lines() {
            if let Some((top, "__init__.py")) = line.split(',').next().unwrap_or_default().split_once('/') {
                found.insert(top.to_owned(), (name.clone(), version.clone()));
            }
        }
    }
    found
}

/// The distribution that the `pyproject.toml` of a folder declares.
fn declared(folder: &Path) -> Option<(String, String)> {
    let text = std::fs::read_to_string(folder.join("pyproject.toml")).ok()?;
    let value: toml::Table = text.parse().ok()?;
    let project = value.get("project")?;
    let field = |key: &str| project.get(key)?.as_str().map(str::to_owned);
    Some((field("name")?, field("version")?))
}

fn write(table: &Table, edition: &str) -> String {
    let versions: Vec<String> = table
        .packages
        .values()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, version)| format!("{name}=={version}"))
        .collect();
    let mut out = format!(
        "# The public names of the Kailash SDK {edition}. Written by `cargo xtask gen-sdk {edition} FOLDER`, never by hand, from\n\
         # {}\n\
         # package: module at the top, distribution. node: registered name, module, `first` if\n\
         # whatever builds and executes a workflow registers it. module: `!` if it may give names that\n\
         # are not listed; `=` what it defines, `+` what it imports from the SDK or loads when it is asked for. outside: what modules import from elsewhere.\n",
        versions.join(" ")
    );
    for (top, (distribution, _)) in &table.packages {
        let _ = writeln!(out, "package {top} {distribution}");
    }
    let outside: BTreeSet<&str> = table
        .modules
        .values()
        .flat_map(|m| &m.imported)
        .filter(|(_, p)| !is_own(table, p))
        .map(|(n, _)| n.as_str())
        .collect();
    let _ = writeln!(out, "outside {}", joined(outside));
    let first = loaded_first(&table.modules);
    for (name, module) in &table.nodes {
        let mark = if first.contains(module.as_str()) { " first" } else { "" };
        let _ = writeln!(out, "node {name} {module}{mark}");
    }
    for (name, module) in &table.modules {
        let open = module.open
            || module.stars.iter().any(|star| !table.modules.contains_key(star) || table.modules[star].open);
        let _ = writeln!(out, "module {name}{}", if open { " !" } else { "" });
        let defined = joined(module.defined.iter().map(String::as_str));
        if !defined.is_empty() {
            let _ = writeln!(out, "= {defined}");
        }
        let imported = module
            .imported
            .iter()
            .filter(|(own, path)| is_own(table, path) && !module.defined.contains(*own))
            .map(|(own, _)| own.as_str());
        let handed_out = module.handed_out.iter().filter(|own| !module.defined.contains(*own));
        let imported = joined(imported.chain(handed_out.map(String::as_str)));
        if !imported.is_empty() {
            let _ = writeln!(out, "+ {imported}");
        }
    }
    out
}

/// The public ones of these names, sorted.
fn joined<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let public: BTreeSet<&str> = names.into_iter().filter(|name| !name.starts_with('_')).collect();
    public.into_iter().collect::<Vec<_>>().join(" ")
}

/// Whether a path leads into the SDK.
fn is_own(table: &Table, path: &str) -> bool {
    table.packages.contains_key(path.split('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_pass_through_stars() {
        let mut modules = BTreeMap::new();
        let texts = [
            ("sdk", "from sdk.a import *\n"),
            ("sdk.a", "from .b import *\nfrom os import path\n__all__ = ['B', 'A']\nA = 1\n"),
            ("sdk.b", "B = 2\n_hidden = 3\n"),
        ];
        for (name, text) in texts {
            modules.insert(name.to_owned(), surface::read(name, name == "sdk", text));
        }
        while spread_stars(&mut modules) {}
        let names: Vec<&str> = modules["sdk"].imported.keys().map(String::as_str).collect();
        assert_eq!(names, ["A", "B"]);
    }
}
