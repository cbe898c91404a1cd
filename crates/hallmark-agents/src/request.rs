//! What a caller may ask: the parameters that all agents share, read into one request.

use hallmark_core::{Error, Result};
use hallmark_workflow::{Input, Param};
use serde_json::{Value, json};

use crate::{codes, limits};

/// The names under which a product may be given; the first that is not empty counts.
pub(crate) const PRODUCT_NAMES: [&str; 5] = ["product_name", "product", "product_type", "name", "query"];

/// The names under which the place of use may be given.
pub(crate) const CONTEXT_NAMES: [&str; 2] = ["context", "environment"];

/// A product and the circumstances.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) hint: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) budget: Option<f64>,
    pub(crate) limit: usize,
}

/// The parameters of a classification.
pub(crate) fn product_params() -> Vec<Param> {
    let name = |name: &str, text: &str| Param::string(name).describe(text).max_length(limits::NAME_MAX_CHARS);
    let mut params = vec![name(PRODUCT_NAMES[0], "The product's name, for example Safety Hammer")];
    params.extend(PRODUCT_NAMES[1..].iter().map(|alias| name(alias, "Another name of product_name")));
    params.push(
        Param::string("description")
            .describe("What the product is, in a sentence")
            .max_length(limits::DESCRIPTION_MAX_CHARS),
    );
    params.push(
        Param::string("category")
            .describe("A category or department that the caller believes it to be in, for example Tools: weighs in, does not decide")
            .max_length(limits::HINT_MAX_CHARS),
    );
    params
}

/// The parameters that say where the product is used.
pub(crate) fn context_params() -> Vec<Param> {
    let text = "Where the product is used, for example construction site: adds the hazards of the place";
    let param =
        |name: &str, text: &str| Param::string(name).describe(text).max_length(limits::HINT_MAX_CHARS);
    vec![param(CONTEXT_NAMES[0], text), param(CONTEXT_NAMES[1], "Another name of context")]
}

/// The parameters of a recommendation beside those of the product.
pub(crate) fn ranking_params() -> Vec<Param> {
    let bound = u32::try_from(limits::RECOMMENDATIONS_MAX).unwrap_or(u32::MAX);
    vec![
        Param::number("budget")
            .describe("The most that one product should cost, in the catalogue's currency")
            .range(0.01, limits::BUDGET_MAX),
        Param::integer("limit")
            .describe("How many products at most")
            .range(1.0, f64::from(bound))
            .default(json!(limits::RECOMMENDATIONS_DEFAULT)),
    ]
}

impl Request {
    /// Reads a governed input; a product need not be named.
    pub(crate) fn read(input: &Input) -> Self {
        let text = |name: &str| {
            let value = input.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let first = |names: &[&str]| names.iter().find_map(|name| text(name));
        let limit = input.get("limit").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        Self {
            name: first(&PRODUCT_NAMES).unwrap_or_default(),
            description: text("description").unwrap_or_default(),
            hint: text("category"),
            context: first(&CONTEXT_NAMES),
            budget: input.get("budget").and_then(Value::as_f64),
            limit: limit.unwrap_or(limits::RECOMMENDATIONS_DEFAULT).clamp(1, limits::RECOMMENDATIONS_MAX),
        }
    }

    /// The product's name, which must say something.
    pub(crate) fn product(&self) -> Result<&str> {
        if self.name.chars().any(char::is_alphanumeric) {
            return Ok(&self.name);
        }
        Err(Error::new(&codes::NO_PRODUCT, "the request names no product").at("product_name").next(
            "give product_name (or description beside it), for example: {\"product_name\": \"Safety Hammer\"}",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_blanks_and_bounds() {
        let read = |value: Value| Request::read(value.as_object().unwrap());
        let request = read(
            json!({"product_name": "  ", "product": " Safety Hammer ", "environment": "site", "limit": 99}),
        );
        assert_eq!(
            (request.name.as_str(), request.context.as_deref(), request.limit),
            ("Safety Hammer", Some("site"), 10)
        );
        assert!(read(json!({"name": "--- ,,"})).product().unwrap_err().is(&codes::NO_PRODUCT));
        assert_eq!(read(json!({"name": "安全帽"})).product().unwrap(), "安全帽");
    }
}
