//! Texts and names that say something by themselves: tokens, paths of one system, what a console is given, markers of tests.

use ruff_python_ast::{Expr, ExprAttribute, ExprBoolOp, ExprCall, InterpolatedStringElement};
use ruff_text_size::Ranged as _;

use super::{Lowerer, span};
use crate::facts::Literal;
use crate::{limits, names};

impl Lowerer<'_> {
    /// Looks at a string literal wherever it stands.
    pub(super) fn note_literal(&mut self, value: &str, expr: &Expr) {
        self.note_url(value, expr);
        if names::is_token_shape(value) {
            let literal = self.literal(value, expr);
            self.module.tokens.push(literal);
        }
        if names::is_memory_database(value) {
            let literal = self.literal(value, expr);
            self.module.memory_databases.push(literal);
        } else {
            self.named.sqlite |= value.starts_with("sqlite") && value.contains("://");
        }
        self.named.postgresql |= value.starts_with("postgres") && value.contains("://");
        if let [drive, b':', b'\\' | b'/', ..] = value.as_bytes()
            && drive.is_ascii_alphabetic()
            && !value.starts_with("http")
        {
            let literal = self.literal(value, expr);
            self.module.drive_paths.push(literal);
        }
    }

    /// Keeps the text that a call writes to the console, if a console of code page 1252 cannot show it.
    pub(super) fn note_console(&mut self, call: &ExprCall) {
        let Some(bad) = call.arguments.args.iter().find(|arg| !is_shown(arg)) else { return };
        let callee = self.path(&call.func);
        let writes = match callee.as_deref() {
            Some("builtins.print") => call.arguments.find_keyword("file").is_none(),
            Some(path) => {
                matches!(path, "click.echo" | "click.secho" | "typer.echo" | "typer.secho")
                    || path.starts_with("sys.stdout.write")
                    || path.starts_with("sys.stderr.write")
            }
            None => false,
        };
        if writes {
            let literal = self.literal("", bad);
            self.module.console.push(literal);
        }
    }

    /// Keeps an address in memory that only a call of `connect` tells from the name of a file.
    pub(super) fn note_connection(&mut self, call: &ExprCall, method: &str) {
        if method == "connect"
            && let Some(address @ Expr::StringLiteral(text)) = call.arguments.args.first()
            && names::is_memory_file(text.value.to_str())
        {
            let literal = self.literal(text.value.to_str(), address);
            self.module.memory_databases.push(literal);
        }
    }

    /// Keeps the text of `os.environ.get("X") or "text"`.
    pub(super) fn note_fallback(&mut self, choice: &ExprBoolOp) {
        let Some(Expr::StringLiteral(text)) = choice.values.last() else { return };
        if text.value.to_str().trim().is_empty() {
            return;
        }
        for value in &choice.values {
            let Expr::Call(call) = value else { continue };
            if let Some(Expr::StringLiteral(key)) = call.arguments.args.first()
                && names::is_secret(key.value.to_str())
                && self
                    .path_if(&call.func, |_, path| matches!(path, "os.getenv" | "os.environ.get"))
                    .is_some()
                && let Some(last) = choice.values.last()
            {
                let literal = self.literal(key.value.to_str(), last);
                self.module.secret_fallbacks.push(literal);
                return;
            }
        }
    }

    /// Keeps `pytest.mark.x`.
    pub(super) fn note_marker(&mut self, attribute: &ExprAttribute) {
        // Attributes are many, markers few: the cheap questions come first.
        let holder = match &*attribute.value {
            Expr::Attribute(holder) => holder.attr.as_str() == "mark",
            Expr::Name(holder) => holder.id.as_str().contains("mark"),
            _ => false,
        };
        if holder && self.is_path(&attribute.value, "pytest.mark") {
            let text = self.name(attribute.attr.as_str());
            self.module.markers.push(Literal { text, span: span(attribute.range()), scope: self.scope });
        }
    }

    fn literal(&mut self, value: &str, expr: &Expr) -> Literal {
        let text = self.literal_text(value);
        Literal { text, span: span(expr.range()), scope: self.scope }
    }
}

/// Whether every literal part of a text is in code page 1252.
fn is_shown(expr: &Expr) -> bool {
    let fits = |text: &str| text.is_ascii() || text.chars().all(names::is_in_code_page_1252);
    match expr {
        Expr::StringLiteral(literal) => fits(literal.value.to_str()),
        Expr::FString(formatted) => formatted.value.elements().all(|element| match element {
            InterpolatedStringElement::Literal(literal) => fits(&literal.value),
            InterpolatedStringElement::Interpolation(part) => match &*part.expression {
                Expr::StringLiteral(literal) => fits(literal.value.to_str()),
                // `{'*' * n}`
                Expr::BinOp(repeated) => match &*repeated.left {
                    Expr::StringLiteral(literal) => fits(literal.value.to_str()),
                    _ => true,
                },
                _ => true,
            },
        }),
        Expr::BinOp(operation) => {
            // `"=" * 60 + "..."`: chains are short here, and deep ones are cut by the walk around.
            let (mut left, mut steps) = (&*operation.left, 0);
            let mut all = is_plain_shown(&operation.right);
            while let Expr::BinOp(inner) = left {
                steps += 1;
                if steps > limits::CONCATENATIONS {
                    break;
                }
                all &= is_plain_shown(&inner.right);
                left = &inner.left;
            }
            all && is_plain_shown(left)
        }
        _ => true,
    }
}

fn is_plain_shown(expr: &Expr) -> bool {
    expr.is_bin_op_expr() || is_shown(expr)
}
