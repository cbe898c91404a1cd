//! Whether a part of a statement may hold a value from outside: not a literal, a constant or a list of placeholders.

use ruff_python_ast::{Comprehension, Expr, ExprCall, InterpolatedStringElement, Operator};

use super::Lowerer;
use super::bindings::Meaning;
use crate::limits;

/// What the parts of a list hold that is glued together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    /// Literals, constants, placeholders, numbers, or names that a function quotes.
    Constants,
    /// What was put together elsewhere.
    Unseen,
    /// Values that the function is given.
    Values,
}

/// Where a part of a list is looked at.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The loops around it.
    loops: &'a [Comprehension],
    /// How many steps are left.
    steps: usize,
}

impl Place<'_> {
    fn next(self) -> Option<Self> {
        Some(Self { steps: self.steps.checked_sub(1)?, ..self })
    }
}

impl<'a> Lowerer<'a> {
    /// Whether a part of a statement may hold a value from outside.
    pub(super) fn is_dynamic(&self, expr: &'a Expr) -> bool {
        self.is_dynamic_within(expr, limits::SUMMANDS)
    }

    fn is_dynamic_within(&self, expr: &'a Expr, steps: usize) -> bool {
        let Some(steps) = steps.checked_sub(1) else { return true };
        match expr {
            Expr::StringLiteral(_)
            | Expr::NumberLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NoneLiteral(_) => false,
            Expr::Name(name) => self.is_dynamic_name(name.id.as_str()),
            Expr::Attribute(attribute) => !is_said_safe(attribute.attr.as_str()),
            Expr::FString(inner) => self.f_string(inner).1,
            Expr::If(choice) => {
                self.is_dynamic_within(&choice.body, steps) || self.is_dynamic_within(&choice.orelse, steps)
            }
            // A text that is repeated.
            Expr::BinOp(operation) if operation.op == Operator::Mult && is_text_or_list(&operation.left) => {
                self.is_dynamic_within(&operation.left, steps)
            }
            Expr::BinOp(operation) if operation.op == Operator::Mult && is_text_or_list(&operation.right) => {
                self.is_dynamic_within(&operation.right, steps)
            }
            Expr::BinOp(operation) => {
                self.is_dynamic_within(&operation.left, steps)
                    || self.is_dynamic_within(&operation.right, steps)
            }
            Expr::Call(call) => match callee(call) {
                // What parts hold that were put together elsewhere cannot be seen here.
                "join" => self.glued(call) == Holds::Values,
                name => !is_safe_call(name),
            },
            _ => true,
        }
    }

    fn is_dynamic_name(&self, name: &str) -> bool {
        if is_constant(name) {
            return false;
        }
        let binding = self.lookup(name);
        let said = is_said_safe(name);
        match binding.and_then(|binding| binding.only_value()) {
            Some(value) if is_choice_of_literals(value) => false,
            Some(Expr::Call(call)) if callee(call) == "join" => match self.glued(call) {
                Holds::Constants => false,
                Holds::Unseen => !said,
                Holds::Values => true,
            },
            _ => !said,
        }
    }

    /// What the parts hold that `", ".join(...)` glues together.
    fn glued(&self, call: &'a ExprCall) -> Holds {
        match &*call.arguments.args {
            [parts] => self.parts(parts, Place { loops: &[], steps: limits::FOLLOWED_PARTS }),
            _ => Holds::Unseen,
        }
    }

    fn parts(&self, expr: &'a Expr, place: Place<'a>) -> Holds {
        let Some(place) = place.next() else { return Holds::Unseen };
        let all = |parts: &'a [Expr]| {
            parts.iter().map(|part| self.part(part, place)).max().unwrap_or(Holds::Unseen)
        };
        match expr {
            Expr::StringLiteral(_) => Holds::Constants,
            Expr::List(list) => all(&list.elts),
            Expr::Tuple(tuple) => all(&tuple.elts),
            Expr::Set(set) => all(&set.elts),
            Expr::ListComp(comp) => self.part(&comp.elt, Place { loops: &comp.generators, ..place }),
            Expr::SetComp(comp) => self.part(&comp.elt, Place { loops: &comp.generators, ..place }),
            Expr::Generator(comp) => self.part(&comp.elt, Place { loops: &comp.generators, ..place }),
            Expr::BinOp(operation) if operation.op == Operator::Mult => {
                let repeated =
                    if is_text_or_list(&operation.left) { &operation.left } else { &operation.right };
                self.parts(repeated, place)
            }
            Expr::BinOp(operation) if operation.op == Operator::Add => {
                self.parts(&operation.left, place).max(self.parts(&operation.right, place))
            }
            Expr::Name(name) => self.named_parts(name.id.as_str(), place),
            Expr::Call(call) => self.called_parts(call, place),
            _ => Holds::Unseen,
        }
    }

    fn named_parts(&self, name: &str, place: Place<'a>) -> Holds {
        let binding = self.lookup(name);
        match binding.and_then(|binding| binding.only_value()) {
            // More may be appended to a list.
            Some(list @ (Expr::List(_) | Expr::ListComp(_))) => match self.parts(list, place) {
                Holds::Constants if is_said_safe(name) || list.is_list_comp_expr() => Holds::Constants,
                Holds::Values => Holds::Values,
                _ => Holds::Unseen,
            },
            Some(value) => self.parts(value, place),
            None if is_said_safe(name) => Holds::Constants,
            None => match binding {
                Some(binding) if !binding.changes && matches!(binding.meaning, Meaning::Parameter) => {
                    Holds::Values
                }
                _ => Holds::Unseen,
            },
        }
    }

    fn called_parts(&self, call: &'a ExprCall, place: Place<'a>) -> Holds {
        let args = &*call.arguments.args;
        match (callee(call), args) {
            ("map", [Expr::Name(function), parts]) => match function.id.as_str() {
                "str" | "repr" => self.parts(parts, place),
                name if is_safe_call(name) => Holds::Constants,
                _ => Holds::Unseen,
            },
            ("sorted" | "list" | "set" | "tuple" | "reversed" | "fromkeys", [parts, ..]) => {
                self.parts(parts, place)
            }
            ("repeat", [part, ..]) => self.part(part, place),
            ("range", _) => Holds::Constants,
            ("keys" | "values", []) => match &*call.func {
                Expr::Attribute(method) => self.parts(&method.value, place),
                _ => Holds::Unseen,
            },
            _ => Holds::Unseen,
        }
    }

    fn part(&self, expr: &'a Expr, place: Place<'a>) -> Holds {
        let Some(place) = place.next() else { return Holds::Unseen };
        match expr {
            Expr::StringLiteral(_) | Expr::NumberLiteral(_) => Holds::Constants,
            Expr::Name(name) => self.named_part(name.id.as_str(), place),
            Expr::FString(formatted) => {
                let mut holds = Holds::Constants;
                for element in formatted.value.elements() {
                    match element {
                        InterpolatedStringElement::Literal(literal) if names_placeholder(&literal.value) => {
                            return holds;
                        }
                        InterpolatedStringElement::Literal(_) => {}
                        InterpolatedStringElement::Interpolation(part) => {
                            holds = holds.max(self.part(&part.expression, place));
                        }
                    }
                }
                holds
            }
            Expr::If(choice) => self.part(&choice.body, place).max(self.part(&choice.orelse, place)),
            Expr::BinOp(operation) => match &*operation.left {
                Expr::StringLiteral(text) if names_placeholder(text.value.to_str()) => Holds::Constants,
                left => self.part(left, place).max(self.part(&operation.right, place)),
            },
            Expr::Call(call) => match (callee(call), &*call.arguments.args) {
                ("str" | "repr", [part]) => self.part(part, place),
                ("strip" | "lower" | "upper", []) => match &*call.func {
                    Expr::Attribute(method) => self.part(&method.value, place),
                    _ => Holds::Unseen,
                },
                (name, _) if is_safe_call(name) => Holds::Constants,
                _ => Holds::Unseen,
            },
            _ => Holds::Unseen,
        }
    }

    fn named_part(&self, name: &str, place: Place<'a>) -> Holds {
        for around in place.loops {
            let (each, numbered) = match &around.iter {
                Expr::Call(call) if callee(call) == "enumerate" => (call.arguments.args.first(), true),
                iter => (Some(iter), false),
            };
            let is_it = |target: &Expr| target.as_name_expr().is_some_and(|n| n.id.as_str() == name);
            let holds = |iter: Option<&'a Expr>| {
                iter.map_or(Holds::Unseen, |iter| self.parts(iter, Place { loops: &[], ..place }))
            };
            match &around.target {
                target if is_it(target) => return holds(each),
                Expr::Tuple(pair) if numbered => match &*pair.elts {
                    [index, _] if is_it(index) => return Holds::Constants,
                    [_, part] if is_it(part) => return holds(each),
                    _ => {}
                },
                Expr::Tuple(pair) if pair.elts.iter().any(is_it) => return Holds::Unseen,
                _ => {}
            }
        }
        if is_said_safe(name) {
            return Holds::Constants;
        }
        match self.lookup(name) {
            Some(binding) if !binding.changes && matches!(binding.meaning, Meaning::Parameter) => {
                Holds::Values
            }
            Some(binding) => match binding.only_value() {
                Some(Expr::StringLiteral(_) | Expr::NumberLiteral(_)) => Holds::Constants,
                _ => Holds::Unseen,
            },
            None => Holds::Unseen,
        }
    }
}

/// Whether a value is a literal, or one of literals that stand side by side: `"a" if x else "b"`, `{"x": "a"}.get(x, "b")`.
fn is_choice_of_literals(value: &Expr) -> bool {
    match value {
        Expr::StringLiteral(_) => true,
        Expr::If(choice) => choice.body.is_string_literal_expr() && choice.orelse.is_string_literal_expr(),
        Expr::Call(call) => {
            let Expr::Attribute(method) = &*call.func else { return false };
            let Expr::Dict(choices) = &*method.value else { return false };
            method.attr.as_str() == "get"
                && choices.items.iter().all(|item| item.value.is_string_literal_expr())
                && call.arguments.args.iter().skip(1).all(Expr::is_string_literal_expr)
                && call.arguments.keywords.is_empty()
        }
        _ => false,
    }
}

/// The last part of what is called.
fn callee(call: &ExprCall) -> &str {
    match &*call.func {
        Expr::Attribute(method) => method.attr.as_str(),
        Expr::Name(function) => function.id.as_str(),
        _ => "",
    }
}

/// Whether a function gives a number, or quotes what it is given.
fn is_safe_call(name: &str) -> bool {
    matches!(name, "int" | "len" | "float") || name.contains("quote") || name.contains("escape")
}

fn is_text_or_list(expr: &Expr) -> bool {
    matches!(expr, Expr::StringLiteral(_) | Expr::List(_) | Expr::Tuple(_))
}

/// Whether a text is, or begins as, a placeholder that has a name or number.
fn names_placeholder(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with([':', '$', '@']) || text.starts_with("%(")
}

/// Whether a name is that of a constant.
fn is_constant(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a name says that it holds a constant, placeholders, or what was quoted.
fn is_said_safe(name: &str) -> bool {
    is_constant(name) || name.contains("placeholder") || name.contains("quoted")
}
