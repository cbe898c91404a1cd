//! What the bodies of functions and handlers do: whether they can fail, and what they give back.

use ruff_python_ast::{
    ExceptHandlerExceptHandler, Expr, ExprCall, Stmt, StmtAssert, StmtFunctionDef, StmtRaise,
};
use ruff_text_size::Ranged as _;

use super::{Lowerer, span, text};
use crate::Span;
use crate::facts::{Body, ScopeKind};
use crate::limits;

/// Calls that fail a test when what they look at is not so.
const CHECKS: &[&str] = &[
    "raises",
    "warns",
    "fail",
    "deprecated_call",
    "exit",
    "importorskip",
    "skip",
    "xfail",
    "check_call",
    "raise_for_status",
];

/// How the names of functions begin that check something for a test.
const CHECKING: &[&str] =
    &["assert", "check", "verify", "expect", "validate", "ensure", "_assert", "_check", "_verify", "should"];

impl<'a> Lowerer<'a> {
    /// The bodies of all functions around the current place, innermost first.
    fn bodies(&mut self, mut each: impl FnMut(&mut Body)) {
        let mut id = self.scope;
        loop {
            let scope = self.module.scopes[id as usize];
            if let ScopeKind::Function(index) = scope.kind
                && let Some(function) = self.module.functions.get_mut(index as usize)
            {
                each(&mut function.body);
            }
            if scope.parent == id {
                return;
            }
            id = scope.parent;
        }
    }

    /// The body of the innermost function around the current place.
    fn own_body(&mut self) -> Option<&mut Body> {
        let index = self.module.walk(self.scope).find_map(|kind| match kind {
            ScopeKind::Function(index) => Some(index as usize),
            _ => None,
        })?;
        self.module.functions.get_mut(index).map(|f| &mut f.body)
    }

    pub(super) fn note_assert(&mut self, statement: &StmtAssert) {
        let constant = is_constant(&statement.test).then(|| span(statement.range));
        self.bodies(|body| {
            body.asserts += 1;
            body.constant_asserts.extend(constant);
        });
        self.checks += 1;
        self.handler_can_fail();
    }

    /// How many statements and calls so far can fail a test.
    pub(super) fn checks(&self) -> u32 {
        self.checks
    }

    pub(super) fn note_raise(&mut self, _: &StmtRaise) {
        self.bodies(|body| body.can_fail = true);
        self.handler_can_fail();
        if let Some(handler) = self.handler.and_then(|h| self.module.handlers.get_mut(h)) {
            handler.reraises = true;
        }
    }

    pub(super) fn note_value_returned(&mut self, value: &Expr, place: Span) {
        if !value.is_none_literal_expr()
            && let Some(body) = self.own_body()
        {
            body.returned.get_or_insert(place);
        }
    }

    pub(super) fn note_yield(&mut self) {
        if let Some(body) = self.own_body() {
            body.yields = true;
        }
    }

    /// Keeps what a call in a body may fail by; `name` is the last part of its callee.
    pub(super) fn note_checking_call(&mut self, call: &ExprCall, name: &str) {
        if name.is_empty() || self.scope == 0 {
            return;
        }
        let checks = CHECKS.contains(&name) || text::begins_with_any(name, CHECKING);
        if checks {
            self.bodies(|body| body.can_fail = true);
            if name == "skip" {
                self.handler_skips();
            } else {
                self.checks += 1;
                self.handler_can_fail();
            }
            return;
        }
        // A plain call, or one of an own method, may lead to the function that checks.
        let leads = match &*call.func {
            Expr::Name(_) => true,
            Expr::Attribute(method) => method.value.as_name_expr().is_some_and(|n| n.id.as_str() == "self"),
            _ => false,
        };
        if !leads {
            return;
        }
        let is_test = self
            .module
            .walk(self.scope)
            .any(|kind| matches!(kind, ScopeKind::Function(i) if self.module.functions[i as usize].name.starts_with("test")));
        if is_test {
            let name = self.name(name);
            if let Some(body) = self.own_body()
                && body.calls.len() < limits::CALLS_OF_A_TEST
                && !body.calls.contains(&name)
            {
                body.calls.push(name);
            }
        }
    }

    fn handler_skips(&mut self) {
        if let Some(handler) = self.handler.and_then(|h| self.module.handlers.get_mut(h)) {
            handler.skips = true;
        }
    }

    fn handler_can_fail(&mut self) {
        if let Some(handler) = self.handler.and_then(|h| self.module.handlers.get_mut(h)) {
            handler.can_fail = true;
        }
    }
}

/// The `raise NotImplementedError` that is all a function does.
pub(super) fn not_implemented(function: &StmtFunctionDef) -> Option<Span> {
    let mut rest = function.body.iter().filter(|stmt| match stmt {
        Stmt::Expr(only) => !only.value.is_string_literal_expr(),
        _ => true,
    });
    let (Some(Stmt::Raise(raise)), None) = (rest.next(), rest.next()) else { return None };
    let raised = match raise.exc.as_deref()? {
        Expr::Call(call) => &*call.func,
        other => other,
    };
    let named = raised.as_name_expr().is_some_and(|name| name.id.as_str() == "NotImplementedError");
    named.then(|| span(raise.range))
}

/// Whether a handler does nothing but go on.
pub(super) fn swallows(handler: &ExceptHandlerExceptHandler) -> bool {
    handler.body.iter().all(|stmt| match stmt {
        Stmt::Pass(_) | Stmt::Continue(_) | Stmt::Break(_) => true,
        Stmt::Expr(only) => only.value.is_ellipsis_literal_expr() || only.value.is_string_literal_expr(),
        Stmt::Return(back) => back.value.as_deref().is_none_or(is_empty_constant),
        _ => false,
    })
}

/// Whether a body is one call that puts things in order.
pub(super) fn is_cleanup(body: &[Stmt]) -> bool {
    const CALLS: &[&str] = &[
        "aclose",
        "cancel",
        "cleanup",
        "close",
        "delete",
        "disconnect",
        "drop",
        "kill",
        "release",
        "remove",
        "rmdir",
        "rmtree",
        "rollback",
        "shutdown",
        "stop",
        "terminate",
        "unlink",
        "wait",
    ];
    let [Stmt::Expr(only)] = body else { return false };
    let mut expr = &*only.value;
    while let Expr::Await(awaited) = expr {
        expr = &awaited.value;
    }
    let Expr::Call(call) = expr else { return false };
    let name = match &*call.func {
        Expr::Attribute(method) => method.attr.as_str(),
        Expr::Name(name) => name.id.as_str(),
        _ => return false,
    };
    CALLS.iter().any(|word| name.trim_start_matches('_').starts_with(word))
}

fn is_empty_constant(value: &Expr) -> bool {
    match value {
        Expr::NoneLiteral(_) => true,
        Expr::BooleanLiteral(value) => !value.value,
        Expr::StringLiteral(text) => text.value.is_empty(),
        Expr::List(list) => list.elts.is_empty(),
        Expr::Tuple(tuple) => tuple.elts.is_empty(),
        Expr::Dict(dict) => dict.items.is_empty(),
        _ => false,
    }
}

/// Whether a condition is always true, whatever the code under test does.
fn is_constant(test: &Expr) -> bool {
    match test {
        Expr::BooleanLiteral(value) => value.value,
        Expr::StringLiteral(text) => !text.value.is_empty(),
        Expr::NumberLiteral(_) => true,
        Expr::Tuple(tuple) => !tuple.elts.is_empty(),
        Expr::BoolOp(operation) => operation.op.is_or() && operation.values.iter().any(is_constant),
        Expr::Compare(compare) => match (&*compare.left, &*compare.comparators) {
            (left, [right]) => is_literal(left) && is_literal(right),
            _ => false,
        },
        _ => false,
    }
}

fn is_literal(expr: &Expr) -> bool {
    expr.range().len().to_usize() > 0
        && matches!(
            expr,
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::BooleanLiteral(_) | Expr::NoneLiteral(_)
        )
}
