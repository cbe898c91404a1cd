//! Governance: the one place that decides whether an input satisfies a node's description.
//!
//! Nothing is coerced, nothing undeclared passes, and no message repeats a value of a parameter that is personal or secret.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hallmark_core::secret::MASK;
use hallmark_core::{Code, Error, Result};
use serde_json::Value;

use crate::nearest::hint;
use crate::{Input, NodeSpec, Param, ParamType, Sensitivity, codes, limits};

/// The input with defaults applied, if it satisfies the description.
///
/// ```
/// use hallmark_workflow::{NodeSpec, Param, govern::govern};
/// use serde_json::json;
/// let spec = NodeSpec::new("Area", "Area").param(Param::integer("floors").default(1)).param(Param::number("m2").required());
/// let input = |value: serde_json::Value| value.as_object().unwrap().clone();
/// assert_eq!(govern(&spec, input(json!({"m2": 5})))?, input(json!({"floors": 1, "m2": 5})));
/// assert_eq!(govern(&spec, input(json!({"m2": "5"}))).unwrap_err().code().id, "HM-W012");
/// # Ok::<(), hallmark_core::Error>(())
/// ```
///
/// # Errors
/// `HM-W010` to `HM-W016`, with `node.parameter` as the place and what was expected in the message.
pub fn govern(spec: &NodeSpec, mut input: Input) -> Result<Input> {
    measure_members(&input, limits::INPUT_MAX_BYTES)
        .map_err(|why| refuse(&codes::INPUT_TOO_LARGE, spec, None, format!("the input {why}")))?;
    let mut given: Vec<Option<&Value>> = vec![None; spec.params.len()];
    for (name, value) in &input {
        match spec.params.iter().position(|param| param.name == *name) {
            Some(at) => given[at] = Some(value),
            None => return Err(unknown(spec, name)),
        }
    }
    let mut absent = Vec::new();
    for (param, given) in spec.params.iter().zip(given) {
        match given.filter(|v| !v.is_null() || param.kind == ParamType::Any || param.required) {
            Some(value) => check_value(spec, param, value)?,
            None if param.required => {
                let why = format!("expected {}, got nothing", expected(param));
                return Err(refuse(&codes::MISSING_PARAMETER, spec, Some(param), why));
            }
            None if param.default.is_some() || given.is_some() => absent.push(param),
            None => {}
        }
    }
    for param in absent {
        match &param.default {
            Some(default) => drop(input.insert(param.name.clone(), default.clone())),
            None => drop(input.remove(&param.name)),
        }
    }
    Ok(input)
}

/// Refuses a parameter that the node does not declare, and names the nearest ones.
pub(crate) fn unknown(spec: &NodeSpec, name: &str) -> Error {
    let names = || spec.params.iter().map(|p| p.name.as_str());
    let known = names().collect::<Vec<_>>().join(", ");
    let known = if known.is_empty() { "it takes none".to_owned() } else { format!("it takes {known}") };
    Error::new(&codes::UNKNOWN_PARAMETER, format!("{} has no parameter {}", spec.name, echo(name)))
        .at(spec.name.clone())
        .next(hint(name, names(), &known))
}

/// Checks one value that was given for a parameter: type, choices, bounds, length.
pub(crate) fn check_value(spec: &NodeSpec, param: &Param, value: &Value) -> Result<()> {
    let fail = |code, got: String| {
        let expected = expected(param);
        Err(refuse(code, spec, Some(param), format!("expected {expected}, got {got}")))
    };
    if !param.kind.accepts(value) {
        return fail(&codes::WRONG_TYPE, kind_of(value).to_owned());
    }
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    let most =
        param.max_length.unwrap_or(if value.is_string() { limits::STRING_MAX_CHARS } else { usize::MAX });
    if length > most {
        return fail(&codes::TOO_LONG, length.to_string());
    }
    if !param.choices.is_empty() && !param.choices.contains(value) {
        return fail(&codes::NOT_A_CHOICE, "another value".to_owned());
    }
    if let Some(number) = value.as_f64()
        && (param.minimum.is_some_and(|bound| number < bound)
            || param.maximum.is_some_and(|bound| number > bound))
    {
        let got =
            if param.sensitivity == Sensitivity::Plain { value.to_string() } else { "another number".into() };
        return fail(&codes::OUT_OF_BOUNDS, got);
    }
    Ok(())
}

/// The input as logs and records may show it: values of personal and secret parameters are masked, and so is every value
/// that the description does not know.
#[must_use]
pub fn mask_input(spec: &NodeSpec, input: &Input) -> Input {
    input
        .iter()
        .map(|(name, value)| (name.clone(), mask_value(spec.find(name), value, Sensitivity::Pii)))
        .collect()
}

pub(crate) fn mask_value(param: Option<&Param>, value: &Value, from: Sensitivity) -> Value {
    match param {
        Some(param) if param.sensitivity < from || value.is_null() => value.clone(),
        _ => Value::String(MASK.to_owned()),
    }
}

/// The secrets that the nodes of a run were given. Clones share them; they are never printed.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<Vec<String>>>);

impl Secrets {
    /// Notes the texts inside the values of secret parameters, to be blanked wherever they turn up again.
    pub(crate) fn note(&self, spec: &NodeSpec, input: &Input) {
        for param in spec.params.iter().filter(|p| p.sensitivity == Sensitivity::Secret) {
            if let Some(value) = input.get(&param.name) {
                texts(value, &mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Those noted so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text)
            if text.chars().count() >= limits::SECRET_SEARCH_MIN_CHARS && !found.contains(text) =>
        {
            found.push(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// Blanks the secrets in every text and member name of the value.
pub(crate) fn scrub(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => scrub_text(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, secrets)),
        Value::Object(members) => {
            if members.keys().any(|name| secrets.iter().any(|s| name.contains(s))) {
                *members = std::mem::take(members)
                    .into_iter()
                    .map(|(mut name, value)| {
                        scrub_text(&mut name, secrets);
                        (name, value)
                    })
                    .collect();
            }
            members.values_mut().for_each(|item| scrub(item, secrets));
        }
        _ => {}
    }
}

fn scrub_text(text: &mut String, secrets: &[String]) {
    for secret in secrets {
        if text.contains(secret) {
            *text = text.replace(secret, MASK);
        }
    }
}

/// The same error with the secrets blanked in every text it carries.
pub(crate) fn scrub_error(error: Error, secrets: &[String]) -> Error {
    if secrets.is_empty() {
        return error;
    }
    let clean = |text: &str| {
        let mut text = text.to_owned();
        scrub_text(&mut text, secrets);
        text
    };
    let mut scrubbed = Error::new(error.code(), clean(error.message()));
    for cause in error.causes() {
        scrubbed = scrubbed.because_text(clean(cause));
    }
    if let Some(next) = error.next_step() {
        scrubbed = scrubbed.next(clean(next));
    }
    if let Some(place) = error.place() {
        scrubbed = scrubbed.at(clean(place));
    }
    scrubbed
}

/// The approximate size of a value in bytes; the sentence that says why if it is over the bounds.
pub(crate) fn measure(value: &Value, most: usize) -> Result<usize, String> {
    let mut bytes = 0;
    step(value, 1, &mut bytes, most).map_err(|bound| bound.to_string())?;
    Ok(bytes)
}

pub(crate) fn measure_members(members: &Input, most: usize) -> Result<usize, String> {
    let mut bytes = 0;
    for (name, value) in members {
        bytes += name.len() + 4;
        step(value, 2, &mut bytes, most).map_err(|bound| bound.to_string())?;
    }
    Ok(bytes)
}

/// A bound that a value is over. A sentence is made of it only when it is: every result of every node is measured.
enum Bound {
    Depth,
    Bytes(usize),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth => write!(f, "is nested deeper than {} levels", limits::VALUE_MAX_DEPTH),
            Self::Bytes(most) => write!(f, "is larger than {most} bytes"),
        }
    }
}

/// What holds others: an array or an object.
fn walk(value: &Value, depth: usize, bytes: &mut usize, most: usize) -> Result<(), Bound> {
    if depth > limits::VALUE_MAX_DEPTH {
        return Err(Bound::Depth);
    }
    *bytes += 8;
    match value {
        Value::Array(items) => {
            for item in items {
                step(item, depth + 1, bytes, most)?;
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                *bytes += name.len() + 4;
                step(item, depth + 1, bytes, most)?;
            }
        }
        _ => {}
    }
    if *bytes > most { Err(Bound::Bytes(most)) } else { Ok(()) }
}

/// One value. What holds nothing costs no call: it is most members of most results.
#[inline]
fn step(value: &Value, depth: usize, bytes: &mut usize, most: usize) -> Result<(), Bound> {
    let length = match value {
        Value::Array(_) | Value::Object(_) => return walk(value, depth, bytes, most),
        _ if depth > limits::VALUE_MAX_DEPTH => return Err(Bound::Depth),
        Value::String(text) => text.len(),
        _ => 0,
    };
    *bytes += 8 + length;
    if *bytes > most { Err(Bound::Bytes(most)) } else { Ok(()) }
}

/// A user's text for a message: quoted, escaped and cut.
pub(crate) fn echo(text: &str) -> String {
    let cut: String = text.chars().take(limits::ECHO_MAX_CHARS).collect();
    if cut.len() < text.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}

fn refuse(code: &'static Code, spec: &NodeSpec, param: Option<&Param>, why: String) -> Error {
    match param {
        Some(param) => Error::new(code, format!("parameter {}: {why}", param.name))
            .at(format!("{}.{}", spec.name, param.name)),
        None => Error::new(code, why).at(spec.name.clone()),
    }
}

/// What the parameter takes, in words.
fn expected(param: &Param) -> String {
    let mut text = match param.kind {
        ParamType::String => "a string",
        ParamType::Integer => "an integer",
        ParamType::Number => "a number",
        ParamType::Boolean => "true or false",
        ParamType::Object => "an object",
        ParamType::Array => "an array",
        ParamType::Any => "a value",
    }
    .to_owned();
    if let Some(bound) = param.max_length {
        let unit = match param.kind {
            ParamType::String => "characters",
            ParamType::Array => "items",
            _ => "members",
        };
        text += &format!(" of at most {bound} {unit}");
    }
    text += &match (param.minimum, param.maximum) {
        (Some(low), Some(high)) => format!(" from {low} to {high}"),
        (Some(low), None) => format!(" of at least {low}"),
        (None, Some(high)) => format!(" of at most {high}"),
        (None, None) => String::new(),
    };
    if !param.choices.is_empty() && param.sensitivity == Sensitivity::Plain {
        let choices: Vec<String> = param.choices.iter().take(20).map(Value::to_string).collect();
        text += &format!(" among {}", choices.join(", "));
    }
    text
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(n) if n.is_f64() => "a number with a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec() -> NodeSpec {
        NodeSpec::new("N", "n")
            .param(Param::string("name").required().max_length(3))
            .param(Param::integer("count").range(1.0, 9.0))
            .param(Param::number("share").default(0.5))
            .param(Param::string("mode").choices(["fast", "safe"]))
            .param(Param::array("list").max_length(2))
            .param(Param::object("map").max_length(1))
            .param(Param::boolean("flag"))
            .param(Param::any("any"))
            .param(Param::integer("pin").range(1000.0, 9999.0).pii())
            .param(Param::string("token").choices(["alpha-secret", "beta-secret"]).secret())
    }

    fn input(value: impl Into<Value>) -> Input {
        let Value::Object(members) = value.into() else { panic!("an object") };
        members
    }

    #[test]
    fn each_refusal_has_its_code_its_place_and_what_was_expected() {
        let cases = [
            (json!({}), "HM-W011", "N.name", "expected a string of at most 3 characters, got nothing"),
            (json!({"name": null}), "HM-W012", "N.name", "got null"),
            (json!({"name": 5}), "HM-W012", "N.name", "got an integer"),
            (json!({"name": "abcd"}), "HM-W014", "N.name", "got 4"),
            (
                json!({"name": "a", "count": "5"}),
                "HM-W012",
                "N.count",
                "expected an integer from 1 to 9, got a string",
            ),
            (json!({"name": "a", "count": 5.5}), "HM-W012", "N.count", "a number with a fraction"),
            (json!({"name": "a", "count": 5.0}), "HM-W012", "N.count", "a number with a fraction"),
            (json!({"name": "a", "count": 10}), "HM-W013", "N.count", "got 10"),
            (json!({"name": "a", "mode": "FAST"}), "HM-W015", "N.mode", "among \"fast\", \"safe\""),
            (json!({"name": "a", "list": [1, 2, 3]}), "HM-W014", "N.list", "of at most 2 items"),
            (json!({"name": "a", "map": {"x": 1, "y": 2}}), "HM-W014", "N.map", "of at most 1 members"),
            (json!({"name": "a", "flag": 0}), "HM-W012", "N.flag", "true or false"),
            (json!({"name": "a", "flog": true}), "HM-W010", "N", "no parameter \"flog\""),
        ];
        for (value, code, place, says) in cases {
            let error = govern(&spec(), input(value)).unwrap_err();
            assert_eq!((error.code().id, error.place()), (code, Some(place)), "{error:?}");
            assert!(error.message().contains(says), "{error:?} should say {says}");
        }
        let error = govern(&spec(), input(json!({"name": "a", "flog": true}))).unwrap_err();
        assert_eq!(error.next_step(), Some("did you mean flag?"));
    }

    #[test]
    fn what_satisfies_passes_unchanged_and_defaults_are_applied() {
        let given = json!({"name": "äöü", "count": 9, "share": 3, "mode": null, "list": [], "any": null});
        let expected = json!({"name": "äöü", "count": 9, "share": 3, "list": [], "any": null});
        assert_eq!(govern(&spec(), input(given)).unwrap(), input(expected));
        assert_eq!(govern(&spec(), input(json!({"name": "a"}))).unwrap()["share"], 0.5);
    }

    #[test]
    fn no_message_repeats_a_value_that_is_personal_or_secret() {
        for (value, hidden) in [
            (json!({"name": "a", "pin": 123_456}), "123456"),
            (json!({"name": "a", "token": "gamma-secret"}), "gamma"),
            (json!({"name": "a", "token": "x"}), "alpha"),
            (json!({"name": "a", "token": {"gamma": 1}}), "gamma"),
        ] {
            let error = govern(&spec(), input(value)).unwrap_err();
            assert!(!format!("{error:?}").contains(hidden), "{error:?}");
        }
    }

    #[test]
    fn masking_hides_personal_secret_and_unknown_values_whole() {
        let given =
            input(json!({"name": "a", "pin": 1234, "token": {"deep": "t"}, "stray": "s", "count": 1}));
        let masked = json!({"name": "a", "pin": MASK, "token": MASK, "stray": MASK, "count": 1});
        assert_eq!(mask_input(&spec(), &given), input(masked));
    }

    #[test]
    fn long_names_are_cut_and_escaped_in_messages() {
        let name = format!("{}\u{1b}[31m", "x".repeat(10_000));
        let error = govern(&spec(), input(json!({"name": "a", name: 1}))).unwrap_err();
        assert!(error.message().len() < 200 && !error.message().contains('\u{1b}'));
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert_eq!(measure(&json!([[1]]), 1_000), Ok(24));
        assert!(measure(&json!("x".repeat(1_000)), 1_000).unwrap_err().contains("larger than 1000 bytes"));
        let deep = (0..limits::VALUE_MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        assert!(measure(&deep, 10_000).unwrap_err().contains("nested deeper"));
    }
}
