//! Secrets that are given to a log or printed.

use ruff_python_ast::{Expr, ExprCall, ExprSlice, InterpolatedStringElement};
use ruff_text_size::Ranged as _;

use super::{Lowerer, span};
use crate::facts::Literal;
use crate::names::{is_personal, is_secret};

/// Methods of loggers that write what they are given.
const METHODS: &[&str] = &["debug", "info", "warning", "warn", "error", "exception", "critical", "log"];

impl<'a> Lowerer<'a> {
    /// Keeps the secrets that a call logs or prints as they are.
    pub(super) fn note_log(&mut self, call: &'a ExprCall) {
        if !self.writes(&call.func) {
            return;
        }
        let values = call.arguments.keywords.iter().map(|k| &k.value);
        for value in call.arguments.args.iter().chain(values) {
            self.shown(value);
        }
        // `"%(name)s"` shows the entries of the dictionary that it names.
        if let [Expr::StringLiteral(text), Expr::Dict(entries)] = &*call.arguments.args {
            let text = text.value.to_str();
            for entry in &entries.items {
                if let Some(Expr::StringLiteral(key)) = &entry.key
                    && names(text, key.value.to_str())
                {
                    self.shown(&entry.value);
                }
            }
        }
    }

    /// Whether a callee is `print` or a method of a logger, or of something that is called a log.
    fn writes(&mut self, callee: &Expr) -> bool {
        match callee {
            Expr::Name(name) => name.id.as_str() == "print" && self.is_path(callee, "builtins.print"),
            Expr::Attribute(method) if METHODS.contains(&method.attr.as_str()) => {
                let receiver = match &*method.value {
                    Expr::Name(name) => name.id.as_str(),
                    Expr::Attribute(attribute) => attribute.attr.as_str(),
                    _ => "",
                };
                let receiver = receiver.trim_start_matches('_');
                ["log", "logger", "logging"].iter().any(|name| receiver.eq_ignore_ascii_case(name))
                    || self.path_if(&method.value, |_, path| is_logger(path)).is_some()
            }
            _ => false,
        }
    }

    /// Keeps the secrets that a text shows. What goes through a call or is cut short is masked or
    /// measured, not shown.
    fn shown(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => self.note_shown(name.id.as_str(), expr),
            Expr::Attribute(attribute) => self.note_shown(attribute.attr.as_str(), expr),
            Expr::Subscript(subscript) => match &*subscript.slice {
                Expr::StringLiteral(key) => self.note_shown(key.value.to_str(), expr),
                Expr::Slice(slice) if shows_much(slice) => self.shown(&subscript.value),
                _ => {}
            },
            Expr::If(choice) => self.deeper(expr, |this| {
                this.shown(&choice.body);
                this.shown(&choice.orelse);
            }),
            Expr::FString(formatted) => {
                for element in formatted.value.elements() {
                    if let InterpolatedStringElement::Interpolation(part) = element {
                        self.shown(&part.expression);
                    }
                }
            }
            Expr::BinOp(operation) => self.deeper(expr, |this| {
                this.shown(&operation.left);
                this.shown(&operation.right);
            }),
            Expr::Call(call) => {
                if let Expr::Attribute(method) = &*call.func
                    && method.attr.as_str() == "format"
                    && method.value.is_string_literal_expr()
                {
                    self.deeper(expr, |this| {
                        let named = call.arguments.keywords.iter().map(|k| &k.value);
                        call.arguments.args.iter().chain(named).for_each(|e| this.shown(e));
                    });
                }
            }
            Expr::Tuple(tuple) => self.deeper(expr, |this| tuple.elts.iter().for_each(|e| this.shown(e))),
            _ => {}
        }
    }

    fn note_shown(&mut self, name: &str, at: &Expr) {
        // A token alone is as often a word of a text; a name in capitals on an object is a kind of secret, not one.
        let is_kind = at.is_attribute_expr() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if is_personal(name) && !is_kind {
            let text = self.name(name);
            self.module.logged_persons.push(Literal { text, span: span(at.range()), scope: self.scope });
        }
        if is_secret(name) && !is_kind && !name.trim_matches('_').eq_ignore_ascii_case("token") {
            let text = self.name(name);
            let literal = Literal { text, span: span(at.range()), scope: self.scope };
            self.module.logged_secrets.push(literal);
        }
    }
}

/// Whether a path is that of a logger, whatever the variable is called that holds it.
fn is_logger(path: &str) -> bool {
    const LOGGERS: &[&str] = &[
        "logging.getLogger()",
        "logging.LoggerAdapter()",
        "structlog.get_logger()",
        "structlog.getLogger()",
        "structlog.stdlib.get_logger()",
        "loguru.logger",
    ];
    LOGGERS
        .iter()
        .any(|logger| path.strip_prefix(logger).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Whether a text for `%` names this key.
fn names(text: &str, key: &str) -> bool {
    let mut parts = text.split("%(").skip(1);
    parts.any(|part| part.strip_prefix(key).is_some_and(|rest| rest.starts_with(')')))
}

/// Whether a part that is cut out is long enough to give a secret away.
fn shows_much(slice: &ExprSlice) -> bool {
    /// What is commonly shown to tell one key from another.
    const HINT: i64 = 8;
    let number = |bound: &Expr| match bound {
        Expr::NumberLiteral(number) => number.value.as_int().and_then(|value| value.as_i64()),
        Expr::UnaryOp(minus) => match &*minus.operand {
            Expr::NumberLiteral(number) => number.value.as_int().and_then(|value| value.as_i64()),
            _ => None,
        },
        _ => None,
    };
    match (slice.lower.as_deref(), slice.upper.as_deref()) {
        (None, Some(bound @ Expr::NumberLiteral(_))) | (Some(bound @ Expr::UnaryOp(_)), None) => {
            number(bound).is_some_and(|length| length > HINT)
        }
        _ => false,
    }
}
