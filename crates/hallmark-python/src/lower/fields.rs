//! The fields and indexes of classes that a decorator makes models of.

use ruff_python_ast::{Expr, ExprDict, Stmt, StmtClassDef};
use ruff_text_size::Ranged as _;

use super::{Lowerer, span};
use crate::facts::{Decorator, Field, IndexedField, Literal, ModelFacts, Name};

/// Whether a decorator makes a model of its class, as far as its name says.
pub(super) fn makes_model(decorators: &[Decorator]) -> bool {
    decorators.iter().filter_map(|d| d.path.as_deref()).any(|path| path.ends_with(".model"))
}

impl Lowerer<'_> {
    /// Reads the body of a model; called when the names around it are bound.
    pub(super) fn model(&mut self, class: &StmtClassDef) -> ModelFacts {
        let mut model = ModelFacts::default();
        for stmt in &class.body {
            match stmt {
                Stmt::AnnAssign(field) => {
                    let Expr::Name(name) = &*field.target else { continue };
                    let annotation = &*field.annotation;
                    let (name, place) = (self.name(name.id.as_str()), span(field.range));
                    let default =
                        field.value.as_deref().map(|value| (self.value(value), span(value.range())));
                    model.fields.push(Field {
                        name,
                        span: place,
                        is_float: self.is_float(annotation),
                        takes_none: self.takes_none(annotation),
                        default,
                    });
                }
                Stmt::Assign(assign) => {
                    if let [Expr::Name(name)] = &*assign.targets
                        && name.id.as_str() == "__indexes__"
                        && let Expr::List(list) = &*assign.value
                    {
                        list.elts.iter().for_each(|entry| self.index(entry, &mut model));
                    }
                }
                _ => {}
            }
        }
        model
    }

    fn index(&mut self, entry: &Expr, model: &mut ModelFacts) {
        let Expr::Dict(dict) = entry else { return };
        let elements = match value_of(dict, &["fields", "columns"]) {
            Some(Expr::List(list)) => list.elts.as_slice(),
            Some(Expr::Tuple(tuple)) => tuple.elts.as_slice(),
            _ => &[],
        };
        for element in elements {
            if let Expr::StringLiteral(text) = element {
                let name = self.name(text.value.to_str());
                model.indexed.push(IndexedField { name, span: span(element.range()) });
            }
        }
        if let Some(predicate) = value_of(dict, &["where", "condition", "predicate"])
            && let Expr::StringLiteral(text) = predicate
        {
            let text: Name = self.name(text.value.to_str());
            model.predicates.push(Literal { text, span: span(predicate.range()), scope: self.scope });
        }
    }

    /// Whether an annotation is `float`, with or without `None`.
    fn is_float(&mut self, annotation: &Expr) -> bool {
        let is_none = |kind: &Expr| kind.is_none_literal_expr();
        match annotation {
            Expr::Name(name) => name.id.as_str() == "float",
            Expr::StringLiteral(text) => matches!(text.value.to_str(), "float" | "float | None"),
            Expr::BinOp(either) if is_none(&either.right) => self.is_float(&either.left),
            Expr::BinOp(either) if is_none(&either.left) => self.is_float(&either.right),
            Expr::Subscript(generic) => match self.path(&generic.value).as_deref() {
                Some("typing.Optional") => self.is_float(&generic.slice),
                Some("typing.Union" | "typing.Annotated") => match &*generic.slice {
                    Expr::Tuple(kinds) => match &*kinds.elts {
                        [first, rest @ ..] => {
                            self.is_float(first) || is_none(first) && rest.iter().all(|k| self.is_float(k))
                        }
                        [] => false,
                    },
                    one => self.is_float(one),
                },
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether `None` fits an annotation.
    fn takes_none(&mut self, annotation: &Expr) -> bool {
        match annotation {
            Expr::NoneLiteral(_) => true,
            Expr::BinOp(either) => self.takes_none(&either.left) || self.takes_none(&either.right),
            Expr::StringLiteral(text) => {
                let text = text.value.to_str();
                text.contains("Optional") || text.contains("None") || text.contains("Any")
            }
            Expr::Subscript(generic) => {
                let head = self.path(&generic.value);
                match head.as_deref() {
                    Some("typing.Optional") => true,
                    Some("typing.Union") => match &*generic.slice {
                        Expr::Tuple(kinds) => kinds.elts.iter().any(|kind| self.takes_none(kind)),
                        one => self.takes_none(one),
                    },
                    Some("typing.Annotated") => match &*generic.slice {
                        Expr::Tuple(kinds) => kinds.elts.first().is_some_and(|kind| self.takes_none(kind)),
                        one => self.takes_none(one),
                    },
                    _ => false,
                }
            }
            // A name that is no builtin may stand for anything.
            Expr::Name(_) | Expr::Attribute(_) => self.path(annotation).is_none_or(|path| {
                !path.starts_with("builtins.")
                    && !matches!(
                        &*path,
                        "typing.Dict"
                            | "typing.List"
                            | "datetime.datetime"
                            | "datetime.date"
                            | "decimal.Decimal"
                            | "uuid.UUID"
                    )
            }),
            _ => true,
        }
    }
}

fn value_of<'d>(dict: &'d ExprDict, keys: &[&str]) -> Option<&'d Expr> {
    let matches =
        |key: &Expr| matches!(key, Expr::StringLiteral(text) if keys.contains(&text.value.to_str()));
    dict.items.iter().find(|item| item.key.as_ref().is_some_and(&matches)).map(|item| &item.value)
}
