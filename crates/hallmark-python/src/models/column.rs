//! Columns written as SQLAlchemy and Django write them: `name = Column(String(50), nullable=False)`, `name = CharField(max_length=50)`.

use ruff_python_ast::{Expr, ExprCall};
use serde_json::Value;

use super::annotation::{self, Annotation};
use super::ir::{Field, FieldType};
use super::scope::File;
use super::{field, literal};

/// Whether a call declares a column.
pub(super) fn is_column(call: &ExprCall) -> bool {
    matches!(literal::last_name(&call.func), Some("Column" | "mapped_column"))
}

/// A field without an annotation; `None` if the expression declares none that can be typed.
pub(super) fn read(name: &str, expr: &Expr, file: &File<'_>) -> Option<Field> {
    let Expr::Call(call) = expr else { return None };
    let function = literal::last_name(&call.func)?;
    if is_column(call) {
        let typed = call.arguments.args.iter().find_map(|e| column_type(e, file));
        let refers = call.arguments.args.iter().any(is_reference);
        // A column that only refers has the type of what it refers to, which is an integer unless it says so.
        let typed = typed.or_else(|| refers.then(|| Typed::of(FieldType::Integer)))?;
        let mut field = typed.field(name);
        field.nullable = true;
        options(&mut field, call, file);
        field.nullable &= !field.primary_key;
        return Some(field);
    }
    if field::is_field_call(call) {
        return of_field_call(name, call, file);
    }
    if matches!(function, "ForeignKey" | "ForeignKeyField" | "OneToOneField") {
        let mut read = Field::new(name, FieldType::Integer);
        read.foreign_key = call.arguments.args.first().and_then(|e| field::target(e, file));
        read.unique = function == "OneToOneField";
        keywords(&mut read, call, file);
        return Some(read);
    }
    let kind = function.strip_suffix("Field").filter(|k| !k.is_empty())?;
    let mut read = Typed::of(by_name(kind)?).field(name);
    read.auto_increment = (kind.ends_with("Auto")).then_some(true);
    keywords(&mut read, call, file);
    Some(read)
}

/// `Field(str, max_length=10)`, `Field(type=str)`, or a `Field(default=…)` whose default says the type.
fn of_field_call(name: &str, call: &ExprCall, file: &File<'_>) -> Option<Field> {
    let keyword = |wanted: &str| {
        call.arguments.keywords.iter().find(|k| k.arg.as_ref().is_some_and(|a| a.as_str() == wanted))
    };
    let stated = keyword("type").or_else(|| keyword("field_type")).map(|k| &k.value);
    let stated = stated.or_else(|| call.arguments.args.first());
    let mut rest = call.clone();
    let mut rest_keywords = rest.arguments.keywords.to_vec();
    rest_keywords.retain(|k| !k.arg.as_ref().is_some_and(|a| matches!(a.as_str(), "type" | "field_type")));
    rest.arguments.keywords = rest_keywords.into();
    if let Some(expr) = stated
        && let annotation::Outcome::Field(read) = annotation::read(expr, file)
    {
        let mut positional = rest.arguments.args.to_vec();
        if keyword("type").is_none() && keyword("field_type").is_none() {
            positional.remove(0);
        }
        rest.arguments.args = positional.into();
        return Some(field::build(name, read, Some(&Expr::Call(rest)), file));
    }
    let default = keyword("default").map(|k| &k.value).or_else(|| call.arguments.args.first());
    let kind = match file.constant(default?)? {
        Value::Bool(_) => FieldType::Boolean,
        Value::Number(n) if n.is_f64() => FieldType::Float,
        Value::Number(_) => FieldType::Integer,
        Value::String(_) => FieldType::Text,
        Value::Array(_) => FieldType::Array,
        Value::Object(_) => FieldType::Object,
        Value::Null => return None,
    };
    Some(field::build(name, Annotation::plain(kind), Some(&Expr::Call(rest)), file))
}

/// Takes what a `Column(...)` or `mapped_column(...)` says beside the type that is known.
pub(super) fn options(field: &mut Field, call: &ExprCall, file: &File<'_>) {
    for argument in &call.arguments.args {
        match argument {
            Expr::Call(reference) if is_reference(argument) => {
                field.foreign_key = reference.arguments.args.first().and_then(|e| field::target(e, file));
                keywords(field, reference, file);
            }
            Expr::Call(other) if matches!(literal::last_name(&other.func), Some("Identity" | "Sequence")) => {
                field.auto_increment = Some(true);
            }
            // The column's name, where it is another than the attribute's, would need another column.
            Expr::StringLiteral(text) if text.value.to_str() != field.name => {
                field.unread.push(format!("column name {}", text.value.to_str()));
            }
            Expr::StringLiteral(_) => {}
            other => match column_type(other, file) {
                Some(typed) => typed.refine(field),
                None => field.unread.push(file.unit.slice(other)),
            },
        }
    }
    keywords(field, call, file);
}

fn keywords(field: &mut Field, call: &ExprCall, file: &File<'_>) {
    for keyword in &call.arguments.keywords {
        match &keyword.arg {
            Some(name) => field::set_keyword(field, name.as_str(), &keyword.value, file),
            None => field.unread.push("**".to_owned()),
        }
    }
}

fn is_reference(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(call) if literal::last_name(&call.func) == Some("ForeignKey"))
}

/// A column type with its bounds.
struct Typed {
    kind: FieldType,
    max_length: Option<u32>,
    digits: (Option<u32>, Option<u32>),
    choices: Vec<Value>,
}

impl Typed {
    fn of(kind: FieldType) -> Self {
        Self { kind, max_length: None, digits: (None, None), choices: Vec::new() }
    }

    fn field(self, name: &str) -> Field {
        let mut field = Field::new(name, self.kind);
        self.refine(&mut field);
        field
    }

    fn refine(self, field: &mut Field) {
        field.max_length = self.max_length.or(field.max_length);
        field.max_digits = self.digits.0.or(field.max_digits);
        field.decimal_places = self.digits.1.or(field.decimal_places);
        if !self.choices.is_empty() {
            field.choices = self.choices;
        }
    }
}

/// `String(50)`, `Numeric(10, 2)`, `Enum("a", "b")`, `Enum(Status)`, `ARRAY(Float)`, `DateTime(timezone=True)`.
fn column_type(expr: &Expr, file: &File<'_>) -> Option<Typed> {
    let (function, arguments) = match expr {
        Expr::Call(call) => (&*call.func, &*call.arguments.args),
        other => (other, &[][..]),
    };
    let name = literal::last_name(function)?;
    let number = |i: usize| {
        let value = arguments.get(i).and_then(|e| file.constant(e))?;
        value.as_u64().and_then(|n| u32::try_from(n).ok())
    };
    if name == "Enum" {
        let read = match arguments {
            [one] if !one.is_string_literal_expr() => match annotation::read(one, file) {
                annotation::Outcome::Field(read) => Some(read),
                _ => None,
            },
            texts => {
                annotation::enumeration(&texts.iter().map(|e| file.constant(e)).collect::<Option<Vec<_>>>()?)
            }
        }?;
        return Some(Typed { choices: read.choices, ..Typed::of(read.kind) });
    }
    if name.eq_ignore_ascii_case("array") {
        let inner = arguments.first().and_then(|e| column_type(e, file));
        let float = inner.is_some_and(|t| t.kind == FieldType::Float);
        return Some(Typed::of(if float { FieldType::FloatArray } else { FieldType::Array }));
    }
    let mut typed = Typed::of(by_name(name)?);
    match typed.kind {
        FieldType::Text => typed.max_length = number(0),
        FieldType::Decimal => typed.digits = (number(0), number(1)),
        _ => {}
    }
    Some(typed)
}

/// The type that a word means, in SQLAlchemy, Django or SQL.
fn by_name(name: &str) -> Option<FieldType> {
    Some(match name.to_ascii_lowercase().as_str() {
        "integer"
        | "int"
        | "biginteger"
        | "bigint"
        | "smallinteger"
        | "smallint"
        | "positiveinteger"
        | "positivesmallinteger"
        | "auto"
        | "bigauto" => FieldType::Integer,
        "string" | "text" | "unicode" | "unicodetext" | "varchar" | "char" | "slug" | "email" | "url" => {
            FieldType::Text
        }
        "float" | "real" | "double" | "double_precision" => FieldType::Float,
        "numeric" | "decimal" => FieldType::Decimal,
        "boolean" | "bool" => FieldType::Boolean,
        "datetime" | "timestamp" => FieldType::Timestamp,
        "date" => FieldType::Date,
        "time" => FieldType::Time,
        "uuid" => FieldType::Uuid,
        "largebinary" | "binary" | "bytea" | "blob" => FieldType::Bytes,
        "json" | "jsonb" => FieldType::Json,
        _ => return None,
    })
}
