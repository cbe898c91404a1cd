//! The list of models: fields, keys, options that act and options that do not, and what is refused.

use hallmark_core::{Error, ExitClass, Result};
use hallmark_dataflow::{Column, Role, Table};
use hallmark_python::models::{FieldDefault, ModelDecl, Problem, Severity};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{Format, ModelsArgs};
use crate::models::{self, DataFlowConfig, Found, Refused};
use crate::ui::wrap;

/// The version of the JSON form.
const SCHEMA: &str = "hallmark.models/2";

/// The columns that text is wrapped at, less the indent of a detail.
const DETAIL_WIDTH: usize = 74;

pub(crate) fn run(app: &App<'_>, args: &ModelsArgs) -> Result<ExitClass> {
    let mut found = match &args.path {
        Some(path) => models::find_at(path, args.all)?,
        None => models::find(app)?,
    };
    let schema = app.config.section::<DataFlowConfig>("dataflow")?.schema;
    let mut tables: Vec<Table> = Vec::new();
    let repeated = std::mem::take(&mut found.repeated);
    let again = if args.all { repeated.clone() } else { Vec::new() };
    for model in std::mem::take(&mut found.models).into_iter().chain(again) {
        match Table::resolve(&model, &schema).and_then(|table| alone(table, &tables, args.all)) {
            Ok(table) => tables.push(table),
            Err(error) => found.refused.push(Refused { model: model.name.clone(), error }),
        }
    }
    let unreadable =
        found.problems.iter().any(|p| p.severity == Severity::Error) || !found.refused.is_empty();
    let exit = if unreadable { ExitClass::Unreadable } else { ExitClass::Ok };
    let repeated = if args.all { Vec::new() } else { repeated };
    match args.format {
        Format::Json => app.ui.json(&report(&found, &tables, &repeated).to_string()),
        Format::Text => text(app, &found, &tables, &repeated),
    }
    Ok(exit)
}

/// The table, unless another model has it: a project cannot work with both. Declarations that are only listed may share one.
fn alone(table: Table, tables: &[Table], listed: bool) -> Result<Table> {
    match tables.iter().find(|t| t.name == table.name).filter(|_| !listed) {
        None => Ok(table),
        Some(other) => {
            let message = format!(
                "models {} and {} have the same table {}",
                other.model.name, table.model.name, table.name
            );
            Err(Error::new(&hallmark_dataflow::codes::DUPLICATE_MODEL, message)
                .at(place(&table.model).unwrap_or_default())
                .next("rename one, or give it a __tablename__"))
        }
    }
}

fn report(found: &Found, tables: &[Table], repeated: &[ModelDecl]) -> Value {
    let refused: Vec<Value> = found.refused.iter().map(refused).collect();
    let again: Vec<Value> =
        repeated.iter().map(|m| json!({"name": m.name, "declared_at": place(m)})).collect();
    json!({
        "schema": SCHEMA,
        "files": found.files,
        "models": tables.iter().map(model).collect::<Vec<_>>(),
        "problems": found.problems,
        "repeated": again,
        "refused": refused,
    })
}

fn refused(refused: &Refused) -> Value {
    let error: &Error = &refused.error;
    json!({
        "name": refused.model,
        "code": error.code().id,
        "message": error.message(),
        "place": error.place(),
        "next": error.next_step(),
    })
}

fn place(model: &ModelDecl) -> Option<String> {
    model.source.as_ref().map(ToString::to_string)
}

fn model(table: &Table) -> Value {
    let keys: Vec<&str> = table.keys().iter().map(|c| c.name()).collect();
    json!({
        "name": table.model.name,
        "table": table.name,
        "declared_at": place(&table.model),
        "key": keys,
        "fields": table.columns.iter().map(field).collect::<Vec<_>>(),
        "indexes": table.model.indexes,
        "checks": table.model.checks,
        "foreign_keys": table.model.foreign_keys,
        "relations": table.model.relations,
        "options": {"honoured": table.options.honoured, "not_enforced": table.options.not_enforced},
    })
}

fn field(column: &Column) -> Value {
    let mut value = json!(column.field);
    value["column_type"] = column.sql_type.as_str().into();
    value["role"] = role(column.role).into();
    value["counted_by_the_database"] = column.identity.into();
    value["required"] = column.required().into();
    value
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Data => "data",
        Role::Key => "key",
        Role::CreatedAt => "created_at",
        Role::UpdatedAt => "updated_at",
        Role::DeletedAt => "deleted_at",
        Role::Tenant => "tenant",
        Role::Version => "version",
        Role::Ruled(_) => "owner",
    }
}

fn text(app: &App<'_>, found: &Found, tables: &[Table], repeated: &[ModelDecl]) {
    for table in tables {
        let place = place(&table.model).unwrap_or_default();
        app.ui.line(&format!("{}  {}", app.ui.strong(&table.model.name), table.name));
        detail(app, "at", &place);
        detail(app, "key", &table.key_label());
        detail(
            app,
            "fields",
            &table
                .columns
                .iter()
                .filter(|c| c.role != Role::Tenant)
                .map(shown)
                .collect::<Vec<_>>()
                .join(", "),
        );
        let indexes: Vec<String> = table
            .model
            .indexes
            .iter()
            .map(|i| format!("{}{}", if i.unique { "unique " } else { "" }, i.fields.join("+")))
            .collect();
        detail(app, "indexes", &indexes.join(", "));
        detail(app, "honoured", &table.options.honoured.join(", "));
        detail(app, "declared, not enforced", &table.options.not_enforced.join(", "));
    }
    for refused in &found.refused {
        remark(app, &format!("{}: {} ({})", refused.model, refused.error, refused.error.code().id));
    }
    for problem in &found.problems {
        remark(app, &told(problem));
    }
    for model in repeated {
        let at = place(model).unwrap_or_default();
        remark(app, &format!("{at}: {} is declared again; the first declaration counts", model.name));
    }
    let unread = found.problems.iter().filter(|p| p.severity == Severity::Error).count();
    app.ui.note(&format!(
        "{} models in {} files, {} refused, {unread} unreadable, {} nodes",
        tables.len(),
        found.files,
        found.refused.len(),
        tables.len() * hallmark_dataflow::nodes::KINDS.len()
    ));
    app.ui.next("hallmark nodes");
}

fn told(problem: &Problem) -> String {
    format!("{}: {} ({})", problem.place, problem.message, problem.code)
}

/// One field as a person writes it: `name text*`, where the star says that a value must be given.
fn shown(column: &Column) -> String {
    let field = &column.field;
    let mut text = format!("{} {}", field.name, field.kind.name());
    if column.required() {
        text.push('*');
    } else if field.nullable {
        text.push('?');
    }
    match &field.default {
        Some(FieldDefault::Value(Value::Null)) | None => {}
        Some(FieldDefault::Value(value)) => text.push_str(&format!("={value}")),
        Some(FieldDefault::Now) => text.push_str("=now"),
        Some(FieldDefault::Today) => text.push_str("=today"),
        Some(FieldDefault::Uuid) => text.push_str("=uuid"),
        Some(FieldDefault::Computed(_)) => {}
    }
    text
}

fn detail(app: &App<'_>, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    for (i, line) in wrap(&format!("{name}: {value}"), DETAIL_WIDTH).iter().enumerate() {
        app.ui.line(&format!("{}{line}", if i == 0 { "  " } else { "    " }));
    }
}

fn remark(app: &App<'_>, text: &str) {
    for (i, line) in wrap(text, DETAIL_WIDTH).iter().enumerate() {
        app.ui.note(&format!("{}{line}", if i == 0 { "" } else { "    " }));
    }
}
