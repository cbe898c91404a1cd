//! Keyword arguments and dictionary entries whose names rules ask for, whatever they are given to.

use ruff_python_ast::Expr;
use ruff_text_size::Ranged as _;
use thin_vec::ThinVec;

use super::{Lowerer, span};
use crate::facts::{Name, Names, Setting};

/// The names that are kept; sorted.
const WATCHED: &[&str] = &[
    "algorithms",
    "allow_origins",
    "bind",
    "check_hostname",
    "cycle",
    "default_model",
    "embedding_model",
    "host",
    "llm_provider",
    "mock_response",
    "model",
    "model_name",
    "origins",
    "provider",
    "ssl",
    "use_real_mcp",
    "verify",
    "verify_mode",
    "verify_signature",
    "verify_ssl",
];

impl Lowerer<'_> {
    /// Keeps a value that is given to a watched name; `callee` is what it is an argument of, if it is one.
    pub(super) fn note_setting(&mut self, name: &str, value: &Expr, callee: Option<&Expr>) {
        if WATCHED.binary_search(&name).is_err() {
            return;
        }
        let of: Option<Name> = callee.and_then(|callee| self.path(callee));
        let method = match callee {
            Some(Expr::Attribute(attribute)) => Some(self.name(attribute.attr.as_str())),
            Some(Expr::Name(own)) => Some(self.name(own.id.as_str())),
            _ => None,
        };
        let (name, kept) = (self.name(name), self.value(value));
        let items = match value {
            Expr::List(list) => self.texts(&list.elts),
            _ => ThinVec::new(),
        };
        let (place, scope) = (span(value.range()), self.scope);
        self.module.settings.push(Setting { name, value: kept, items, of, method, span: place, scope });
    }

    fn texts(&mut self, elements: &[Expr]) -> Names {
        let texts = elements.iter().filter_map(|e| match e {
            Expr::StringLiteral(text) => Some(text.value.to_str()),
            _ => None,
        });
        texts.map(|text| self.name(text)).collect()
    }
}
