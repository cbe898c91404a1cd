//! Parameters: declared, typed and bounded. What is not declared here is refused by [`crate::govern`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The JSON type that a parameter takes. Nothing is coerced; an integer is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// A text.
    String,
    /// A whole number written without a fraction, from `i64::MIN` to `u64::MAX`.
    Integer,
    /// Any JSON number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
    /// Any JSON value, `null` included.
    Any,
}

impl ParamType {
    /// The name as JSON Schema writes it; `any` has none there.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Any => "any",
        }
    }

    /// Whether the value is of this type.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::Any => true,
        }
    }
}

/// How a parameter's value may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// May appear in logs, records and messages.
    #[default]
    Plain,
    /// Says something about a person: masked in logs, records and messages.
    Pii,
    /// A credential: masked everywhere, and blanked in results and error texts that repeat it.
    Secret,
}

/// One declared parameter of a node or a workflow.
///
/// ```
/// use hallmark_workflow::Param;
/// let area = Param::number("area_m2").required().describe("Floor area").range(1.0, 500.0);
/// assert_eq!(area.schema()["maximum"], 500.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// The name, unique within its node.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// Whether a value must be given. An optional parameter takes `null` as "not given".
    #[serde(default)]
    pub required: bool,
    /// What an optional parameter is when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it means, a phrase for people and language models.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The only values allowed, if any are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
    /// The smallest number allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The largest number allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// Characters of a string, items of an array or members of an object at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// How the value may be shown.
    #[serde(default)]
    pub sensitivity: Sensitivity,
}

impl Param {
    /// An optional, unbounded parameter of this type.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: ParamType) -> Self {
        Self {
            name: name.into(),
            kind,
            required: false,
            default: None,
            description: String::new(),
            choices: Vec::new(),
            minimum: None,
            maximum: None,
            max_length: None,
            sensitivity: Sensitivity::Plain,
        }
    }

    /// An optional text.
    #[must_use]
    pub fn string(name: impl Into<String>) -> Self {
        Self::new(name, ParamType::String)
    }

    /// An optional whole number.
    #[must_use]
    pub fn integer(name: impl Into<String>) -> Self {
        Self::new(name, ParamType::Integer)
    }

    /// An optional number.
    #[must_use]
    pub fn number(name: impl Into<String>) -> Self {
        Self::new(name, ParamType::Number)
    }

    /// An optional truth value.
    #[must_use]
    pub fn boolean(name: impl Into<String>) -> Self {
        Self::new(name, ParamType::Boolean)
    }

    /// An optional object.
    #[must_use]
    pub fn object(name: impl Into<String>) -> Self {
        Self::new(name, ParamType::Object)
    }

    /// An optional array.
    #[must_use]
    pub fn array(name: impl Into<String>) -> Self {
        Self::new(name, ParamType::Array)
    }

    /// An optional value of any type.
    #[must_use]
    pub fn any(name: impl Into<String>) -> Self {
        Self::new(name, ParamType::Any)
    }

    /// A value must be given.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What it is when it is not given.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// What it means.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The only values allowed.
    #[must_use]
    pub fn choices<T: Into<Value>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.choices = values.into_iter().map(Into::into).collect();
        self
    }

    /// The smallest number allowed.
    #[must_use]
    pub fn minimum(mut self, bound: f64) -> Self {
        self.minimum = Some(bound);
        self
    }

    /// The largest number allowed.
    #[must_use]
    pub fn maximum(mut self, bound: f64) -> Self {
        self.maximum = Some(bound);
        self
    }

    /// The smallest and the largest number allowed.
    #[must_use]
    pub fn range(self, minimum: f64, maximum: f64) -> Self {
        self.minimum(minimum).maximum(maximum)
    }

    /// Characters of a string, items of an array or members of an object at most.
    #[must_use]
    pub fn max_length(mut self, bound: usize) -> Self {
        self.max_length = Some(bound);
        self
    }

    /// The value says something about a person.
    #[must_use]
    pub fn pii(mut self) -> Self {
        self.sensitivity = Sensitivity::Pii;
        self
    }

    /// The value is a credential.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.sensitivity = Sensitivity::Secret;
        self
    }

    /// The JSON Schema (2020-12) of this parameter's value.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut schema = Map::new();
        if self.kind != ParamType::Any {
            let name = self.kind.name();
            schema.insert("type".into(), if self.required { json!(name) } else { json!([name, "null"]) });
        }
        if !self.description.is_empty() {
            schema.insert("description".into(), json!(self.description));
        }
        if !self.choices.is_empty() {
            let mut choices = self.choices.clone();
            if !self.required && !choices.contains(&Value::Null) {
                choices.push(Value::Null);
            }
            schema.insert("enum".into(), Value::Array(choices));
        }
        for (name, bound) in [("minimum", self.minimum), ("maximum", self.maximum)] {
            if let Some(bound) = bound {
                schema.insert(name.into(), json!(bound));
            }
        }
        let length = match self.kind {
            ParamType::String => Some("maxLength"),
            ParamType::Array => Some("maxItems"),
            ParamType::Object => Some("maxProperties"),
            _ => None,
        };
        if let (Some(name), Some(bound)) = (length, self.max_length) {
            schema.insert(name.into(), json!(bound));
        }
        if let Some(default) = &self.default
            && self.sensitivity == Sensitivity::Plain
        {
            schema.insert("default".into(), default.clone());
        }
        if self.sensitivity == Sensitivity::Secret {
            schema.insert("writeOnly".into(), json!(true));
        }
        Value::Object(schema)
    }
}
