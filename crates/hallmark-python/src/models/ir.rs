//! The description of a table, the same whether it was read from Python or built in Rust.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A model: one table, its fields, indexes and options, as declared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelDecl {
    /// The class name, for example `ProductCatalog`; node names begin with it.
    pub name: String,
    /// The declared table name; `None` means the snake-case plural of the class name.
    pub table: Option<String>,
    /// The fields in the order of declaration, without those that the framework adds.
    pub fields: Vec<Field>,
    /// The key's fields in order, where that is another order than that of the fields marked as key; else empty.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// The declared indexes, uniqueness over several fields among them.
    pub indexes: Vec<Index>,
    /// Conditions that every row satisfies.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Foreign keys over several fields; one over a single field is the field's own.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// Attributes that stand for rows of another model and have no column of their own.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// Every key of `__dataflow__`, of the decorator and of class-level tables, read or not acted on.
    pub options: BTreeMap<String, Value>,
    /// Where it was declared; `None` for a model built in Rust.
    pub source: Option<Place>,
}

/// A place in a source file, lines and columns from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The path as given to the reader.
    pub path: String,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// `int`: 64 bits.
    Integer,
    /// `str`.
    Text,
    /// `float`: 64 bits, finite.
    Float,
    /// `Decimal`: exact.
    Decimal,
    /// `bool`.
    Boolean,
    /// `datetime`: an instant.
    Timestamp,
    /// `date`.
    Date,
    /// `time`, without a zone.
    Time,
    /// `UUID`.
    Uuid,
    /// `bytes`.
    Bytes,
    /// `dict`: a JSON object.
    Object,
    /// `list` of anything but floats: a JSON array.
    Array,
    /// `List[float]`: an array of doubles (embeddings).
    FloatArray,
    /// `Any` or a union: any JSON value.
    Json,
}

impl FieldType {
    /// The name used in messages and schemas.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Float => "float",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Time => "time",
            Self::Uuid => "uuid",
            Self::Bytes => "bytes",
            Self::Object => "object",
            Self::Array => "array",
            Self::FloatArray => "float array",
            Self::Json => "json",
        }
    }

    /// Whether PostgreSQL keeps it as `jsonb`.
    #[must_use]
    pub fn is_json(self) -> bool {
        matches!(self, Self::Object | Self::Array | Self::Json)
    }
}

/// One field of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The name, also of the column.
    pub name: String,
    /// What it holds.
    pub kind: FieldType,
    /// Whether it may be null.
    pub nullable: bool,
    /// Its default; `None` means that a value must be given.
    pub default: Option<FieldDefault>,
    /// Whether it is the primary key or belongs to it.
    pub primary_key: bool,
    /// Whether the database makes the value, if declared; by convention it does for an integer that is the whole key.
    #[serde(default)]
    pub auto_increment: Option<bool>,
    /// Whether its values are unique.
    pub unique: bool,
    /// Whether it has an index of its own.
    pub index: bool,
    /// The most characters a text may have.
    pub max_length: Option<u32>,
    /// The fewest characters a text may have.
    #[serde(default)]
    pub min_length: Option<u32>,
    /// The least value of a number.
    #[serde(default)]
    pub minimum: Option<Limit>,
    /// The greatest value of a number.
    #[serde(default)]
    pub maximum: Option<Limit>,
    /// A regular expression that a text matches.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The most digits of a decimal.
    pub max_digits: Option<u32>,
    /// The digits after the point of a decimal.
    pub decimal_places: Option<u32>,
    /// The values it may take, when the type says so (`Literal`, an enumeration of the same file).
    pub choices: Vec<Value>,
    /// The enumeration of the database that the column has as its type, as `name` (in the schema of the table) or `schema.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enum_type: Option<String>,
    /// The name that the field had before; a migration renames its column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// What it refers to, as declared: `table.column`, `Model.field` or a model's name.
    pub foreign_key: Option<String>,
    /// What happens to the row when the one it refers to is removed; refused by default.
    #[serde(default)]
    pub on_delete: Option<OnDelete>,
    /// Keywords of `Field(...)` that have no meaning here; listed, never dropped.
    pub unread: Vec<String>,
    /// The line of its declaration, 0 for a model built in Rust.
    pub line: usize,
    /// The column of its declaration, 0 for a model built in Rust.
    #[serde(default)]
    pub column: usize,
}

/// A bound of a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The number; a decimal is a text.
    pub value: Value,
    /// Whether the number itself is outside.
    #[serde(default)]
    pub exclusive: bool,
}

/// What happens to a row when the one it refers to is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// It is removed too.
    Cascade,
    /// The removal is refused, now.
    Restrict,
    /// Its reference becomes null.
    SetNull,
    /// Its reference becomes the default.
    SetDefault,
}

impl OnDelete {
    /// As written in Python, SQL or TOML: `CASCADE`, `SET NULL`, `set_null`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
            "cascade" => Some(Self::Cascade),
            "restrict" | "protect" => Some(Self::Restrict),
            "set_null" => Some(Self::SetNull),
            "set_default" => Some(Self::SetDefault),
            _ => None,
        }
    }

    /// The words of SQL.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Cascade => "CASCADE",
            Self::Restrict => "RESTRICT",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }
}

/// A condition that every row satisfies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, if declared.
    pub name: Option<String>,
    /// The condition, SQL text as declared.
    pub condition: String,
}

/// A foreign key over several fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Its name, if declared.
    pub name: Option<String>,
    /// The fields that refer, in order.
    pub fields: Vec<String>,
    /// The table or model that they refer to.
    pub target: String,
    /// The fields there, in order; empty means its primary key.
    pub columns: Vec<String>,
    /// What happens when the row there is removed.
    pub on_delete: Option<OnDelete>,
}

/// An attribute that stands for rows of another model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// The attribute's name.
    pub name: String,
    /// The other model's class.
    pub target: String,
    /// Whether it stands for several rows.
    pub many: bool,
    /// The line of its declaration.
    pub line: usize,
}

/// A default value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldDefault {
    /// A constant; null is a constant too.
    Value(Value),
    /// The time of insertion.
    Now,
    /// The day of insertion.
    Today,
    /// A fresh random UUID.
    Uuid,
    /// An expression that only Python could evaluate; the field then needs a value.
    Computed(String),
}

/// One declared index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Its name, if declared.
    pub name: Option<String>,
    /// The indexed fields in order.
    pub fields: Vec<String>,
    /// Whether it is unique.
    pub unique: bool,
    /// The method as declared, for example `gin`.
    pub method: Option<String>,
    /// The operator class as declared, for example `gin_trgm_ops`.
    pub operator_class: Option<String>,
    /// The predicate of a partial index, SQL text as declared.
    pub condition: Option<String>,
    /// Fields that it carries without ordering by them.
    pub include: Vec<String>,
    /// Keys with no meaning here; listed, never dropped.
    pub unread: Vec<String>,
}
