//! Models declared in other forms than Python, and models of a database that is there: TOML, `CREATE TABLE`, the catalogue of a
//! PostgreSQL, and declarations written from any of them. All give the same description, [`ModelDecl`](crate::ModelDecl).

mod catalog;
mod catalog_rows;
mod python;
mod sql;
mod sql_table;
mod toml;
mod toml_out;
mod types;

use hallmark_core::Code;
use hallmark_python::models::{Place, Problem, Severity};

pub use catalog::{Imported, import};
pub use python::write as write_python;
pub use sql::read as read_sql;
pub use toml::read as read_toml;
pub use toml_out::write as write_toml;

use crate::names;

/// A problem at a place of a file.
fn problem(
    code: &'static Code,
    severity: Severity,
    place: Place,
    model: Option<&str>,
    message: impl Into<String>,
) -> Problem {
    Problem { code: code.id, severity, message: message.into(), place, model: model.map(str::to_owned) }
}

/// The place of a byte of a text.
fn place(path: &str, text: &str, at: usize) -> Place {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line_begins = before.rfind('\n').map_or(0, |n| n + 1);
    Place {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_begins..].chars().count() + 1,
    }
}

/// The class name of a table: `product_categories` is `ProductCategory`.
fn class_name(table: &str) -> String {
    let singular = singular(table);
    let mut out = String::new();
    for word in singular.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let mut letters = word.chars();
        out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        out.extend(letters);
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) || out.is_empty() {
        out.insert(0, 'T');
    }
    out
}

/// The word whose plural this is, as far as [`names::plural`] would make it again.
fn singular(table: &str) -> String {
    if names::plural(table) == table {
        return table.to_owned();
    }
    let mut candidates = Vec::new();
    candidates.extend(table.strip_suffix("ies").map(|s| format!("{s}y")));
    candidates.extend(table.strip_suffix("es").map(str::to_owned));
    candidates.extend(table.strip_suffix('s').map(str::to_owned));
    candidates.into_iter().find(|c| names::plural(c) == table).unwrap_or_else(|| table.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_after_tables() {
        for (table, class) in [
            ("product_categories", "ProductCategory"),
            ("addresses", "Address"),
            ("users", "User"),
            ("news", "News"),
            ("2fa-codes", "T2faCode"),
        ] {
            assert_eq!(class_name(table), class);
        }
    }

    #[test]
    fn places_count_characters() {
        assert_eq!(place("f", "aé\nbü c", 7).to_string(), "f:2:3");
    }
}
