//! Declarations built in Rust: the same description as a reader gives.

use serde_json::Value;

use super::ir::{Check, Field, FieldDefault, FieldType, ForeignKey, Index, Limit, ModelDecl, OnDelete};

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
            auto_increment: None,
            unique: false,
            index: false,
            max_length: None,
            min_length: None,
            minimum: None,
            maximum: None,
            pattern: None,
            max_digits: None,
            decimal_places: None,
            choices: Vec::new(),
            enum_type: None,
            renamed_from: None,
            foreign_key: None,
            on_delete: None,
            unread: Vec::new(),
            line: 0,
            column: 0,
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

    /// Is the primary key; several such fields are a composite one.
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

    /// Holds at least this many characters.
    #[must_use]
    pub fn min_length(mut self, characters: u32) -> Self {
        self.min_length = Some(characters);
        self
    }

    /// Holds a number of at least this.
    #[must_use]
    pub fn minimum(mut self, value: impl Into<Value>) -> Self {
        self.minimum = Some(Limit { value: value.into(), exclusive: false });
        self
    }

    /// Holds a number of at most this.
    #[must_use]
    pub fn maximum(mut self, value: impl Into<Value>) -> Self {
        self.maximum = Some(Limit { value: value.into(), exclusive: false });
        self
    }

    /// Holds a text that matches this regular expression.
    #[must_use]
    pub fn pattern(mut self, expression: impl Into<String>) -> Self {
        self.pattern = Some(expression.into());
        self
    }

    /// Takes one of these values only.
    #[must_use]
    pub fn choices<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.choices = values.into_iter().map(Into::into).collect();
        self
    }

    /// Has an index of its own.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        self.index = true;
        self
    }

    /// Has the time of insertion, or a fresh UUID, as default.
    #[must_use]
    pub fn default_of(mut self, default: FieldDefault) -> Self {
        self.default = Some(default);
        self
    }

    /// Says whether the database makes the value.
    #[must_use]
    pub fn auto_increment(mut self, does: bool) -> Self {
        self.auto_increment = Some(does);
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

    /// Says what happens to the row when the one it refers to is removed.
    #[must_use]
    pub fn on_delete(mut self, action: OnDelete) -> Self {
        self.on_delete = Some(action);
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

    /// Adds a condition that every row satisfies.
    #[must_use]
    pub fn check(mut self, name: Option<&str>, condition: impl Into<String>) -> Self {
        self.checks.push(Check { name: name.map(str::to_owned), condition: condition.into() });
        self
    }

    /// Adds a foreign key over several fields.
    #[must_use]
    pub fn foreign_key(mut self, key: ForeignKey) -> Self {
        self.foreign_keys.push(key);
        self
    }

    /// Orders the key, and marks its fields.
    pub fn set_key(&mut self, names: &[String]) {
        for field in &mut self.fields {
            field.primary_key = names.contains(&field.name);
        }
        let marked: Vec<&str> =
            self.fields.iter().filter(|f| f.primary_key).map(|f| f.name.as_str()).collect();
        self.primary_key = if marked == names { Vec::new() } else { names.to_vec() };
    }

    /// The names of the key's fields in order; empty if none is declared.
    #[must_use]
    pub fn key(&self) -> Vec<String> {
        if self.primary_key.is_empty() {
            self.fields.iter().filter(|f| f.primary_key).map(|f| f.name.clone()).collect()
        } else {
            self.primary_key.clone()
        }
    }

    /// The same declaration without the places where it stands, so that two of them can be compared.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        self.source = None;
        for field in &mut self.fields {
            (field.line, field.column) = (0, 0);
        }
        for relation in &mut self.relations {
            relation.line = 0;
        }
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
