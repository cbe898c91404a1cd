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
    /// The declared indexes.
    pub indexes: Vec<Index>,
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
    /// Whether it is the primary key.
    pub primary_key: bool,
    /// Whether its values are unique.
    pub unique: bool,
    /// Whether it has an index of its own.
    pub index: bool,
    /// The most characters a text may have.
    pub max_length: Option<u32>,
    /// The most digits of a decimal.
    pub max_digits: Option<u32>,
    /// The digits after the point of a decimal.
    pub decimal_places: Option<u32>,
    /// The values it may take, when the type says so (`Literal`, an enumeration of the same file).
    pub choices: Vec<Value>,
    /// What it refers to, as declared: `table.column`, `Model.field` or a model's name.
    pub foreign_key: Option<String>,
    /// Keywords of `Field(...)` that have no meaning here; listed, never dropped.
    pub unread: Vec<String>,
    /// The line of its declaration, 0 for a model built in Rust.
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

impl Field {
    /// A required field of this type.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: FieldType) -> Self {
        Self {
            name: name.into(),
            kind,
            nullable: false,
            default: None,
            primary_key: false,
            unique: false,
            index: false,
            max_length: None,
            max_digits: None,
            decimal_places: None,
            choices: Vec::new(),
            foreign_key: None,
            unread: Vec::new(),
            line: 0,
        }
    }

    /// May be null.
    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Has this constant default.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(FieldDefault::Value(value.into()));
        self
    }

    /// Is the primary key.
    #[must_use]
    pub fn primary_key(mut self) -> Self {
        self.primary_key = true;
        self
    }

    /// Has unique values.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Holds at most this many characters.
    #[must_use]
    pub fn max_length(mut self, characters: u32) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// Keeps this many digits in all and after the point.
    #[must_use]
    pub fn digits(mut self, all: u32, after_point: u32) -> Self {
        self.max_digits = Some(all);
        self.decimal_places = Some(after_point);
        self
    }

    /// Refers to `table.column`, `Model.field` or a model.
    #[must_use]
    pub fn references(mut self, target: impl Into<String>) -> Self {
        self.foreign_key = Some(target.into());
        self
    }
}

impl ModelDecl {
    /// A model without fields; add them with [`ModelDecl::field`].
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Adds an index over these fields.
    #[must_use]
    pub fn index(mut self, name: &str, fields: &[&str], unique: bool) -> Self {
        self.indexes.push(Index {
            name: Some(name.to_owned()),
            fields: fields.iter().map(|f| (*f).to_owned()).collect(),
            unique,
            ..Index::default()
        });
        self
    }

    /// Names the table.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = Some(name.into());
        self
    }

    /// Sets an option of `__dataflow__`.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Whether a true or non-empty option of this name is set.
    #[must_use]
    pub fn is_set(&self, option: &str) -> bool {
        match self.options.get(option) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        }
    }

    /// The texts of a list option; empty if it is missing or no list.
    #[must_use]
    pub fn list(&self, option: &str) -> Vec<String> {
        let items = self.options.get(option).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}
