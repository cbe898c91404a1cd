//! `hallmark config [KEY]`: the configuration in force, with the place that each value comes from; what a setting means.

use std::collections::BTreeMap;
use std::path::Path;

use hallmark_core::config::settings::{self, Setting};
use hallmark_core::config::{Config, Origin};
use hallmark_core::platform::canonicalize;
use hallmark_core::{Error, ExitClass, Result, nearest};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{ConfigArgs, Format};
use crate::commands::{codes, sections};
use crate::page;

/// The widest value in a table; a longer one is cut, and whole in JSON and in the page of its key.
const VALUE_WIDTH_MAX: usize = 28;

/// The setting whose path may hold a token.
const WEBHOOK: &str = "stack.alerts.webhook.url";

pub(crate) fn run(app: &App<'_>, args: &ConfigArgs) -> Result<ExitClass> {
    if args.schema {
        let text = serde_json::to_string_pretty(&settings::schema()).unwrap_or_default();
        app.ui.line(&text);
        return Ok(ExitClass::Ok);
    }
    let closest = closest(app)?;
    let config = closest.as_ref().unwrap_or(&app.config);
    sections::check(config)?;
    let entries = entries(config);
    let chosen: Vec<Entry> = match &args.key {
        None => entries,
        Some(key) => {
            let below = format!("{key}.");
            let chosen: Vec<Entry> =
                entries.into_iter().filter(|e| e.key == *key || e.key.starts_with(&below)).collect();
            if chosen.is_empty() { vec![single(app, key)?] } else { chosen }
        }
    };
    match (args.format, chosen.as_slice(), &args.key) {
        (Format::Json, ..) => app.ui.json(&document(app, config, &chosen)?.to_string()),
        (Format::Text, [one], Some(_)) => explain(app, one),
        (Format::Text, ..) => list(app, &chosen, args.key.is_none())?,
    }
    Ok(ExitClass::Ok)
}

/// The configuration of the folder where the command was given, if that is a folder of the project with one of its own.
fn closest(app: &App<'_>) -> Result<Option<Config>> {
    let Ok(here) = std::env::current_dir().and_then(|here| canonicalize(&here)) else { return Ok(None) };
    let below = here.ancestors().take_while(|folder| *folder != app.project.root());
    let mut below = below.take_while(|folder| folder.starts_with(app.project.root()));
    below.find(|folder| hallmark_core::config::is_configured(folder)).map(Config::load).transpose()
}

/// A setting with the value in force.
struct Entry {
    key: String,
    setting: Option<&'static Setting>,
    /// As TOML; `None` if nothing is said and nothing is assumed.
    value: Option<String>,
    json: Value,
    origin: Option<Origin>,
}

/// Every value that is set, and the defaults of the settings that are not.
fn entries(config: &Config) -> Vec<Entry> {
    let mut out: BTreeMap<String, Entry> = BTreeMap::new();
    for (key, value) in config.values() {
        out.insert(key.clone(), set(config, key, value));
    }
    for setting in
        settings::ALL.iter().filter(|s| !s.key.contains(|c: char| c.is_ascii_uppercase() || c == '['))
    {
        let is_set = out.keys().any(|key| setting.fits(key));
        if !is_set && !setting.default.is_empty() {
            out.insert(setting.key.to_owned(), unset(setting.key, setting));
        }
    }
    out.into_values().collect()
}

fn set(config: &Config, key: String, mut json: Value) -> Entry {
    mask(&mut json);
    if key == WEBHOOK {
        mask_path(&mut json);
    }
    let value = Some(json.to_string());
    Entry { setting: settings::find(&key), value, json, origin: config.origin(&key).cloned(), key }
}

fn unset(key: &str, setting: &'static Setting) -> Entry {
    let value = (!setting.default.is_empty()).then(|| setting.default.to_owned());
    let json = value.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Entry { key: key.to_owned(), setting: Some(setting), value, json, origin: None }
}

/// A setting that has neither value nor default to be listed with.
fn single(app: &App<'_>, key: &str) -> Result<Entry> {
    if let Some(setting) = settings::find(key) {
        return Ok(unset(key, setting));
    }
    let keys: Vec<&str> = settings::ALL.iter().map(|s| s.key).collect();
    let below: Vec<&&str> = keys.iter().filter(|k| k.starts_with(&format!("{key}."))).collect();
    if let [first, ..] = below.as_slice() {
        let error = Error::new(&codes::UNKNOWN_TOPIC, format!("nothing is set below {key}"));
        return Err(error.next(format!("hallmark config {first}")));
    }
    let near = nearest(key, keys).map(|near| format!("hallmark config {near}"));
    let error = Error::new(&codes::UNKNOWN_TOPIC, format!("there is no setting {key}"));
    Err(error.at(relative(app, app.config.path())).next(near.unwrap_or("hallmark config".to_owned())))
}

fn list(app: &App<'_>, entries: &[Entry], whole: bool) -> Result<()> {
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|e| {
            let value = cut(e.value.as_deref().unwrap_or("-"));
            vec![e.key.clone(), value, place(app, e.origin.as_ref())]
        })
        .collect();
    app.ui.table(&["SETTING", "VALUE", "FROM"], &rows);
    if !whole {
        return Ok(());
    }
    for folder in hallmark_standards::nested(app.project.root())? {
        app.ui.line(&format!("{}/ has [standards] of its own", folder.path));
    }
    app.ui.next("hallmark config standards.edition");
    Ok(())
}

fn cut(value: &str) -> String {
    if value.chars().count() <= VALUE_WIDTH_MAX {
        return value.to_owned();
    }
    value.chars().take(VALUE_WIDTH_MAX - 1).chain(['…']).collect()
}

fn place(app: &App<'_>, origin: Option<&Origin>) -> String {
    origin.map_or("default".to_owned(), |o| format!("{}:{}:{}", relative(app, &o.file), o.line, o.column))
}

/// The path as seen from the project.
fn relative(app: &App<'_>, file: &Path) -> String {
    let file = canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    file.strip_prefix(app.project.root()).unwrap_or(&file).display().to_string()
}

/// The page of one setting.
fn explain(app: &App<'_>, entry: &Entry) {
    let mut text = format!("# {}\n\n", entry.key);
    let value = entry.value.as_deref().unwrap_or("not set");
    text.push_str(&format!("Now `{value}` ({}).\n\n", place(app, entry.origin.as_ref())));
    if let Some(setting) = entry.setting {
        let default = if setting.default.is_empty() { "nothing" } else { setting.default };
        text.push_str(&format!(
            "{}\n\n- takes {}\n- without it: {default}\n\n```toml\n{}\n```\n",
            setting.doc,
            setting.kind.words(),
            setting.example_text()
        ));
    }
    page::print(app, &text);
}

fn document(app: &App<'_>, config: &Config, entries: &[Entry]) -> Result<Value> {
    let files: Vec<String> = config.files().map(|f| relative(app, f)).collect();
    let folders: Vec<String> =
        hallmark_standards::nested(app.project.root())?.into_iter().map(|f| f.path).collect();
    let settings: Vec<Value> = entries
        .iter()
        .map(|e| {
            json!({
                "key": e.key,
                "value": e.json,
                "from": e.origin.as_ref().map(|o| json!({ "file": relative(app, &o.file), "line": o.line, "column": o.column })),
                "doc": e.setting.map(|s| s.doc),
                "takes": e.setting.map(|s| s.kind.words()),
                "default": e.setting.map(|s| s.default),
            })
        })
        .collect();
    Ok(json!({ "schema": "hallmark.config/1", "files": files, "folders": folders, "settings": settings }))
}

/// Hides the passwords of URLs, and their queries; of what looks like one and is none, all.
fn mask(value: &mut Value) {
    match value {
        Value::String(text) => {
            let Some((scheme, rest)) = text.split_once("://") else {
                if text.contains(":/") && text.contains('@') {
                    "***".clone_into(text);
                }
                return;
            };
            let authority = rest.split('/').next().unwrap_or(rest);
            let (user, after) = match authority.rsplit_once('@') {
                Some((user, _)) => rest.split_at(user.len()),
                None => ("", rest),
            };
            let user = user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:***"));
            let (after, query) = after.split_once('?').map_or((after, ""), |(after, _)| (after, "?***"));
            *text = format!("{scheme}://{user}{after}{query}");
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(members) => members.values_mut().for_each(mask),
        _ => {}
    }
}

/// Hides what follows the host of a URL.
fn mask_path(value: &mut Value) {
    let Value::String(text) = value else { return };
    let host = text.find("://").map_or(0, |at| at + 3);
    if let Some(end) = text[host..].find(['/', '?', '#']) {
        text.truncate(host + end);
        text.push_str("/***");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a section into its owner's type.
    fn read(config: &Config, section: &str) -> Result<()> {
        let owner = sections::OWNERS.iter().find(|(name, _)| *name == section);
        let (name, read) = owner.unwrap_or_else(|| panic!("a section without an owner: {section}"));
        read(config, name)
    }

    /// What must stand beside a setting for its table to be whole.
    fn beside(key: &str) -> String {
        let url = |service: &str, name: &str| format!("[services.{service}]\n{name} = \"http://h\"\n");
        let exempt = ["check", "reason", "owner", "expires"].iter();
        match key.split('.').collect::<Vec<_>>().as_slice() {
            ["services", _, "url" | "base-url"] => String::new(),
            ["services", "openai", ..] => url("openai", "base-url"),
            ["services", service, ..] => url(service, "url"),
            ["certify", "exempt[]", own] => {
                exempt.filter(|n| *n != own).map(|n| format!("{n} = \"2027-01-01\"\n")).collect()
            }
            _ => String::new(),
        }
    }

    #[test]
    fn every_setting_is_one_that_its_section_reads() {
        for setting in settings::ALL.iter().filter(|s| s.key.contains('.')) {
            let section = setting.key.split(['.', '[']).next().unwrap();
            let (example, beside) = (setting.example_text(), beside(setting.key));
            let text = match example.split_once('\n') {
                // The same table must not be opened twice.
                Some((header, line)) if beside.starts_with(header) => format!("{beside}{line}\n"),
                _ if setting.key.contains("[]") => format!("{example}\n{beside}"),
                _ => format!("{beside}{example}\n"),
            };
            let config = Config::parse("hallmark.toml".into(), text.clone()).unwrap();
            assert!(read(&config, section).is_ok(), "{text}: {:?}", read(&config, section));
        }
    }

    #[test]
    fn every_name_that_a_section_reads_is_a_setting() {
        for (section, _) in sections::OWNERS {
            let text = format!("[{section}]\nno-such-name = 1\n");
            let config = Config::parse("hallmark.toml".into(), text).unwrap();
            let error = read(&config, section).unwrap_err();
            let names: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
            assert!(!names.is_empty(), "{error}");
            for name in names {
                let key = format!("{section}.{name}");
                let known = |s: &Setting| {
                    s.key
                        .strip_prefix(&key)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                };
                assert!(settings::ALL.iter().any(known), "{key} is in no table of settings");
            }
        }
    }

    #[test]
    fn passwords_are_hidden() {
        let mut value = json!(["postgres://app:secret@h:5/db", "http://h/x@y"]);
        mask(&mut value);
        assert_eq!(value, json!(["postgres://app:***@h:5/db", "http://h/x@y"]));
        let mut value =
            json!(["redis:/:secret@h", "postgres://app@h/db?password=secret", "redis://:a?b@h?c", "a@b"]);
        mask(&mut value);
        assert_eq!(value, json!(["***", "postgres://app@h/db?***", "redis://:***@h?***", "a@b"]));
        let mut value = json!("https://hooks.example/T0/token?key=1");
        mask_path(&mut value);
        assert_eq!(value, json!("https://hooks.example/***"));
    }
}
