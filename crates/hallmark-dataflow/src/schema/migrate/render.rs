//! Statements from shapes.

use super::shape::{ColumnShape, ConstraintKind, IndexShape, Shape, TableShape};
use crate::names;

/// The identifier in double quotes. What comes from the catalogue always is one.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Schema and table, quoted.
pub(super) fn qualified(schema: &str, table: &str) -> String {
    format!("{}.{}", ident(schema), ident(table))
}

/// Names in quotes with commas.
pub(super) fn list(names: &[String]) -> String {
    names.iter().map(|n| ident(n)).collect::<Vec<_>>().join(", ")
}

/// A column as in `CREATE TABLE`.
pub(super) fn column(column: &ColumnShape) -> String {
    let mut text = format!("{} {}", ident(&column.name), column.kind);
    if let Some(collation) = &column.collation {
        text.push_str(&format!(" COLLATE {collation}"));
    }
    match (&column.default, column.generated, &column.identity) {
        (Some(from), true, _) => text.push_str(&format!(" GENERATED ALWAYS AS ({from}) STORED")),
        (_, _, Some(identity)) => text.push_str(&format!(" GENERATED {identity} AS IDENTITY")),
        (Some(default), ..) => text.push_str(&format!(" DEFAULT {default}")),
        _ => {}
    }
    if column.not_null {
        text.push_str(" NOT NULL");
    }
    text
}

/// The statements that create an empty table with all but its foreign keys.
pub(super) fn create_table(schema: &str, name: &str, table: &TableShape) -> Vec<String> {
    let mut parts: Vec<String> = table.columns.iter().map(column).collect();
    for (constraint, shape) in &table.constraints {
        if shape.kind != ConstraintKind::Reference {
            parts.push(format!("CONSTRAINT {} {}", ident(constraint), shape.definition));
        }
    }
    let mut statements = vec![format!("CREATE TABLE {} ({})", qualified(schema, name), parts.join(", "))];
    for (index, shape) in &table.indexes {
        statements.push(create_index(schema, name, index, shape, false));
    }
    statements
}

/// The statements that create empty tables with everything, in the order in which they can run.
pub(super) fn create(schema: &str, shape: &Shape) -> Vec<String> {
    let mut statements = Vec::new();
    for (name, table) in &shape.tables {
        statements.extend(create_table(schema, name, table));
    }
    for (name, table) in &shape.tables {
        for (constraint, reference) in &table.constraints {
            if reference.kind == ConstraintKind::Reference {
                statements.push(add_constraint(schema, name, constraint, &reference.definition));
            }
        }
    }
    statements
}

/// `CREATE INDEX`.
pub(super) fn create_index(
    schema: &str,
    table: &str,
    name: &str,
    index: &IndexShape,
    concurrently: bool,
) -> String {
    format!(
        "CREATE {}INDEX {}{} ON {} {}",
        if index.unique { "UNIQUE " } else { "" },
        if concurrently { "CONCURRENTLY " } else { "" },
        ident(name),
        qualified(schema, table),
        index.definition
    )
}

/// `DROP INDEX CONCURRENTLY`.
pub(super) fn drop_index(schema: &str, name: &str) -> String {
    format!("DROP INDEX CONCURRENTLY IF EXISTS {}", qualified(schema, name))
}

/// `ALTER TABLE` with these changes.
pub(super) fn alter(schema: &str, table: &str, changes: &str) -> String {
    format!("ALTER TABLE {} {changes}", qualified(schema, table))
}

/// `ADD CONSTRAINT`. The text names tables without a schema, so that the search path has to be the schema's.
pub(super) fn add_constraint(schema: &str, table: &str, name: &str, definition: &str) -> String {
    alter(schema, table, &format!("ADD CONSTRAINT {} {definition}", ident(name)))
}

/// `DROP CONSTRAINT`.
pub(super) fn drop_constraint(schema: &str, table: &str, name: &str) -> String {
    alter(schema, table, &format!("DROP CONSTRAINT IF EXISTS {}", ident(name)))
}

/// The value as a literal of this type.
pub(super) fn value(text: &str, kind: &str) -> String {
    format!("{}::{kind}", names::literal(text))
}
