//! What `#[register_node]` stands on: which Rust types a parameter may have, and how it is taken out of a governed input.

use hallmark_core::{Error, Secret};
use serde_json::{Map, Value};

use crate::{Input, NodeSpec, Param, ParamType, codes};

/// What a node gives.
pub type Result = hallmark_core::Result<Value>;

/// A Rust type that a parameter of a node may have.
///
/// [`Value`] takes anything; [`Secret`] is a text that cannot be printed and is masked like one; `Option` is not required.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of a parameter",
    note = "take bool, an integer, f64, String, Secret, Value, Map<String, Value>, or Vec or Option of one"
)]
pub trait FromParam: Sized {
    /// The declaration that this type implies.
    fn declare(name: &str) -> Param;

    /// The typed value; `None` if it was not given. The error says what was expected.
    ///
    /// # Errors
    /// A phrase, if the value is not one of this type.
    fn from_value(value: Option<Value>) -> std::result::Result<Self, String>;
}

/// The declaration of a parameter of this type.
#[must_use]
pub fn declare<T: FromParam>(name: &str) -> Param {
    T::declare(name)
}

/// The parameter, not required, with a default.
#[must_use]
pub fn optional(mut param: Param, default: impl Into<Value>) -> Param {
    param.required = false;
    param.default(default)
}

/// A bound written as any number.
#[must_use]
pub fn bound(bound: impl Bound) -> f64 {
    bound.to_double()
}

/// A number that can be written as a bound.
#[diagnostic::on_unimplemented(message = "a bound is a number, not `{Self}`")]
pub trait Bound {
    /// The bound as a double.
    fn to_double(self) -> f64;
}

impl Bound for f64 {
    fn to_double(self) -> f64 {
        self
    }
}

impl Bound for i32 {
    fn to_double(self) -> f64 {
        self.into()
    }
}

impl Bound for u32 {
    fn to_double(self) -> f64 {
        self.into()
    }
}

/// Takes a parameter out of a governed input.
///
/// # Errors
/// `HM-W012` if an item of a list has the wrong type, `HM-W013` if an integer does not fit.
pub fn take<T: FromParam>(spec: &NodeSpec, input: &mut Input, name: &str) -> hallmark_core::Result<T> {
    T::from_value(input.remove(name)).map_err(|expected| {
        Error::new(&codes::WRONG_TYPE, format!("parameter {name}: expected {expected}"))
            .at(format!("{}.{name}", spec.name))
    })
}

macro_rules! plain {
    ($($type:ty, $kind:ident, $expected:literal, $take:expr;)*) => {$(
        impl FromParam for $type {
            fn declare(name: &str) -> Param {
                Param::new(name, ParamType::$kind).required()
            }

            fn from_value(value: Option<Value>) -> std::result::Result<Self, String> {
                let take: fn(Value) -> Option<$type> = $take;
                value.and_then(take).ok_or_else(|| $expected.to_owned())
            }
        }
    )*};
}

plain! {
    bool, Boolean, "true or false", |value| value.as_bool();
    f64, Number, "a number", |value| value.as_f64();
    i64, Integer, "an integer of 64 bits", |value| value.as_i64();
    u64, Integer, "an integer of 64 bits, not negative", |value| value.as_u64();
    usize, Integer, "an integer, not negative", |value| value.as_u64().and_then(|n| n.try_into().ok());
    i32, Integer, "an integer of 32 bits", |value| value.as_i64().and_then(|n| n.try_into().ok());
    u32, Integer, "an integer of 32 bits, not negative", |value| value.as_u64().and_then(|n| n.try_into().ok());
    u16, Integer, "an integer of 16 bits, not negative", |value| value.as_u64().and_then(|n| n.try_into().ok());
    u8, Integer, "an integer of 8 bits, not negative", |value| value.as_u64().and_then(|n| n.try_into().ok());
    String, String, "a string", |value| if let Value::String(text) = value { Some(text) } else { None };
    Map<String, Value>, Object, "an object", |value| if let Value::Object(members) = value { Some(members) } else { None };
    Value, Any, "a value", Some;
}

impl FromParam for Secret {
    fn declare(name: &str) -> Param {
        Param::string(name).required().secret()
    }

    fn from_value(value: Option<Value>) -> std::result::Result<Self, String> {
        String::from_value(value).map(Self::new)
    }
}

impl<T: FromParam> FromParam for Vec<T> {
    fn declare(name: &str) -> Param {
        let mut param = Param::array(name).required();
        param.sensitivity = T::declare(name).sensitivity;
        param
    }

    fn from_value(value: Option<Value>) -> std::result::Result<Self, String> {
        let Some(Value::Array(items)) = value else { return Err("an array".to_owned()) };
        let item =
            |(i, item)| T::from_value(Some(item)).map_err(|expected| format!("{expected} as item {i}"));
        items.into_iter().enumerate().map(item).collect()
    }
}

impl<T: FromParam> FromParam for Option<T> {
    fn declare(name: &str) -> Param {
        let mut param = T::declare(name);
        param.required = false;
        param
    }

    fn from_value(value: Option<Value>) -> std::result::Result<Self, String> {
        value.map(|value| T::from_value(Some(value))).transpose()
    }
}
