//! One `CREATE TABLE` as a model.

use hallmark_python::models::{Check, Field, ForeignKey, Index, ModelDecl, OnDelete, Severity};
use sqlparser::ast::{
    ColumnDef, ColumnOption, CreateTable, Expr, Ident, ObjectName, ReferentialAction, TableConstraint,
};

use super::class_name;
use super::sql::{Reader, last, name};
use super::types::{self, Default};

/// Reads a table; nothing if a column has a type that no field holds.
pub(super) fn read(reader: &mut Reader<'_>, table: &CreateTable) -> Option<ModelDecl> {
    let ident = last(&table.name)?;
    let own = name(ident);
    let mut model = ModelDecl::new(class_name(&own)).table(own);
    model.source = Some(reader.place(ident.span.start));
    let mut known = true;
    for column in &table.columns {
        let field = field(reader, &mut model, column);
        known &= field.is_some();
        model.fields.extend(field);
    }
    for constraint in &table.constraints {
        self::constraint(reader, &mut model, constraint);
    }
    for field in &mut model.fields {
        field.nullable &= !field.primary_key;
    }
    if model.fields.is_empty() && known {
        let message = format!("{} declares no column", table.name);
        reader.told(Severity::Warning, ident.span.start, Some(&model.name), message);
    }
    (known && !model.fields.is_empty()).then_some(model)
}

fn field(reader: &mut Reader<'_>, model: &mut ModelDecl, column: &ColumnDef) -> Option<Field> {
    let (own, at) = (name(&column.name), column.name.span.start);
    let Some(typed) = types::of_sql(&column.data_type.to_string()) else {
        let message = format!("column `{own}` has the type `{}`, which no field holds", column.data_type);
        reader.told(Severity::Error, at, Some(&model.name), message);
        return None;
    };
    let mut field = Field::new(own, typed.kind).nullable();
    typed.refine(&mut field);
    field.nullable = !typed.counts;
    let place = reader.place(at);
    (field.line, field.column) = (place.line, place.column);
    for option in &column.options {
        match &option.option {
            ColumnOption::Null => {}
            ColumnOption::NotNull => field.nullable = false,
            ColumnOption::Default(expr) => match types::default(&expr.to_string(), field.kind) {
                Default::Is(default) => field.default = Some(default),
                Default::Counts => field.auto_increment = Some(true),
                Default::Other => {
                    let message = format!(
                        "the default `{expr}` of `{}` is not one of a field: a value must be given",
                        field.name
                    );
                    reader.told(Severity::Warning, at, Some(&model.name), message);
                }
            },
            ColumnOption::Unique { is_primary: true, .. } => field.primary_key = true,
            ColumnOption::Unique { .. } => field.unique = true,
            ColumnOption::ForeignKey { foreign_table, referred_columns, on_delete, .. } => {
                field.foreign_key = Some(target(foreign_table, referred_columns));
                field.on_delete = on_delete.and_then(action);
            }
            ColumnOption::Check(expr) => {
                check(model, Some(&mut field), option.name.as_ref(), expr);
            }
            ColumnOption::Generated { generation_expr: None, .. } | ColumnOption::Identity(_) => {
                (field.auto_increment, field.nullable) = (Some(true), false);
            }
            ColumnOption::Comment(_) | ColumnOption::Collation(_) => {}
            other => field.unread.push(other.to_string()),
        }
    }
    Some(field)
}

/// Takes a condition of a column or of the table.
fn check(model: &mut ModelDecl, own: Option<&mut Field>, named: Option<&Ident>, expr: &Expr) {
    let text = expr.to_string();
    let taken = match own {
        Some(field) => types::take_check(std::slice::from_mut(field), &text),
        None => types::take_check(&mut model.fields, &text),
    };
    if !taken {
        model.checks.push(Check { name: named.map(name), condition: text });
    }
}

fn constraint(reader: &mut Reader<'_>, model: &mut ModelDecl, constraint: &TableConstraint) {
    let columns = |list: &[sqlparser::ast::IndexColumn]| -> Option<Vec<String>> {
        list.iter()
            .map(|c| if let Expr::Identifier(ident) = &c.column.expr { Some(name(ident)) } else { None })
            .collect()
    };
    match constraint {
        TableConstraint::Unique { name: named, columns: list, .. } => {
            if let Some(fields) = columns(list) {
                let name = named.as_ref().map(name);
                model.indexes.push(Index { name, fields, unique: true, ..Index::default() });
            }
        }
        TableConstraint::PrimaryKey { columns: list, .. } => {
            if let Some(fields) = columns(list) {
                model.set_key(&fields);
            }
        }
        TableConstraint::ForeignKey {
            name: named,
            columns,
            foreign_table,
            referred_columns,
            on_delete,
            ..
        } => {
            let on_delete = on_delete.and_then(action);
            let fields: Vec<String> = columns.iter().map(name).collect();
            if let [one] = fields.as_slice()
                && let Some(field) = model.fields.iter_mut().find(|f| f.name == *one)
            {
                field.foreign_key = Some(target(foreign_table, referred_columns));
                field.on_delete = on_delete;
                return;
            }
            model.foreign_keys.push(ForeignKey {
                name: named.as_ref().map(name),
                fields,
                target: last(foreign_table).map(name).unwrap_or_default(),
                columns: referred_columns.iter().map(name).collect(),
                on_delete,
            });
        }
        TableConstraint::Check { name: named, expr, .. } => check(model, None, named.as_ref(), expr),
        other => {
            let at = model.source.as_ref().map_or(0, |s| s.line);
            let at = sqlparser::tokenizer::Location { line: u64::try_from(at).unwrap_or(1), column: 1 };
            let message = format!("`{other}` is not a constraint of PostgreSQL and is not read");
            reader.told(Severity::Warning, at, Some(&model.name), message);
        }
    }
}

fn target(table: &ObjectName, columns: &[Ident]) -> String {
    let table = last(table).map(name).unwrap_or_default();
    match columns {
        [one] => format!("{table}.{}", name(one)),
        _ => table,
    }
}

fn action(action: ReferentialAction) -> Option<OnDelete> {
    match action {
        ReferentialAction::Restrict => Some(OnDelete::Restrict),
        ReferentialAction::Cascade => Some(OnDelete::Cascade),
        ReferentialAction::SetNull => Some(OnDelete::SetNull),
        ReferentialAction::SetDefault => Some(OnDelete::SetDefault),
        ReferentialAction::NoAction => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_sql;
    use super::*;
    use hallmark_python::models::FieldType;
    use serde_json::json;

    #[test]
    fn tables_indexes_and_constraints() {
        let text = r#"
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE shop.Order_Lines (
    order_id bigint NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    line integer GENERATED BY DEFAULT AS IDENTITY,
    sku varchar(20) NOT NULL UNIQUE CHECK (length(sku) >= 3),
    state text DEFAULT 'new' NOT NULL CHECK (state IN ('new', 'sent')),
    price numeric(12, 2) DEFAULT 0.50,
    "Weird Name" jsonb DEFAULT '{}'::jsonb,
    at timestamptz DEFAULT now(),
    PRIMARY KEY (order_id, line),
    CONSTRAINT positive CHECK (price > 0),
    UNIQUE (sku, state),
    FOREIGN KEY (sku, state) REFERENCES stock (code, state) ON DELETE SET NULL
);
CREATE UNIQUE INDEX by_sku ON order_lines USING gin (sku gin_trgm_ops) INCLUDE (price) WHERE state = 'new';
INSERT INTO x VALUES (1);
CREATE TABLE pictures (id uuid PRIMARY KEY, shape polygon);
"#;
        let (models, problems) = read_sql("s.sql", text);
        let told: Vec<_> = problems.iter().map(|p| (p.place.to_string(), p.severity)).collect();
        assert_eq!(
            told,
            [("s.sql:17:13".to_owned(), Severity::Note), ("s.sql:18:45".to_owned(), Severity::Error)],
            "{problems:?}"
        );
        let [model] = models.as_slice() else { panic!("{models:?}") };
        let get = |n: &str| model.get(n).unwrap();
        assert_eq!((model.name.as_str(), model.table.as_deref()), ("OrderLine", Some("order_lines")));
        assert_eq!(model.key(), ["order_id", "line"]);
        assert_eq!(get("order_id").foreign_key.as_deref(), Some("orders.id"));
        assert_eq!(get("order_id").on_delete, Some(OnDelete::Cascade));
        assert_eq!((get("line").auto_increment, get("line").nullable), (Some(true), false));
        assert_eq!(
            (get("sku").max_length, get("sku").min_length, get("sku").unique),
            (Some(20), Some(3), true)
        );
        assert_eq!(get("state").choices, [json!("new"), json!("sent")]);
        assert_eq!(get("price").default, Some(hallmark_python::models::FieldDefault::Value(json!("0.50"))));
        assert_eq!(get("Weird Name").kind, FieldType::Json);
        assert_eq!(
            model.checks,
            [Check { name: Some("positive".to_owned()), condition: "price > 0".to_owned() }]
        );
        assert_eq!(model.foreign_keys[0].columns, ["code", "state"]);
        assert_eq!(model.indexes[1].operator_class.as_deref(), Some("gin_trgm_ops"));
        assert_eq!(model.indexes[1].condition.as_deref(), Some("state = 'new'"));
        let (models, problems) = read_sql("s.sql", "CREATE TABLE a (\n  b bigint,\n  c )");
        assert!(models.is_empty());
        assert_eq!((problems[0].code, problems[0].place.line), ("HM-D095", 3));
    }
}
