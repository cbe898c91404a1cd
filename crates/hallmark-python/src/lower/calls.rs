//! Expressions: calls with their arguments, names that are read, literals of interest.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Comprehension, Expr, ExprCall, ExprDict, InterpolatedStringElement, Operator};
use ruff_text_size::Ranged as _;
use thin_vec::ThinVec;

use super::bindings::Meaning;
use super::{Lowerer, span, text};
use crate::facts::{Arg, Call, Literal, Role, ScopeKind, Value};
use crate::limits;

/// Methods that are kept whatever object they are called on.
const METHODS: &[&str] = &["add_node", "add_connection", "addNode", "addConnection", "execute"];

/// Methods of builders, runtimes and nodes whose variable a rule asks for.
const RECEIVED: &[&str] = &["add_node", "add_connection", "connect", "execute", "run", "build"];

/// Builtins that a rule asks for.
const BUILTINS: &[&str] = &[
    "builtins.compile",
    "builtins.delattr",
    "builtins.eval",
    "builtins.exec",
    "builtins.open",
    "builtins.print",
    "builtins.setattr",
];

/// Calls of the ignored modules that a rule asks for all the same.
const WANTED: &[&str] = &["time.sleep", "datetime.datetime.utcnow", "datetime.datetime.utcfromtimestamp"];

/// Imported modules whose calls no rule asks for, and of which there are too many to keep.
const IGNORED: &[&str] = &[
    "logging.",
    "json.",
    "time.",
    "datetime.",
    "typing.",
    "pathlib.",
    "re.",
    "uuid.",
    "dataclasses.",
    "argparse.",
];

/// How the paths of functions begin that may start a shell.
const SHELLS: &[&str] = &["asyncio.create_subprocess_shell", "os.popen", "os.system", "subprocess."];

impl<'a> Visitor<'a> for Lowerer<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        self.expr(expr);
    }
}

impl<'a> Lowerer<'a> {
    pub(super) fn expr(&mut self, expr: &'a Expr) {
        self.call_in(expr, Role::default());
    }

    /// Walks an annotation, in which a text is code.
    pub(super) fn annotation(&mut self, expr: &'a Expr) {
        self.in_annotation = true;
        self.expr(expr);
        self.in_annotation = false;
    }

    /// Walks an expression; if it is a call, it stands in this role.
    pub(super) fn call_in(&mut self, expr: &'a Expr, role: Role) {
        self.deeper(expr, |this| this.walk_one(expr, role));
    }

    fn walk_one(&mut self, expr: &'a Expr, role: Role) {
        match expr {
            Expr::Call(call) => self.call(call, role),
            Expr::Await(awaited) => self.call_in(&awaited.value, Role { awaited: true, ..role }),
            Expr::Name(name) => self.read_name(name.id.as_str()),
            Expr::YieldFrom(yielded) => {
                self.note_yield();
                self.expr(&yielded.value);
            }
            Expr::Yield(yielded) => {
                self.note_yield();
                if let Some(value) = &yielded.value {
                    self.expr(value);
                    self.note_returned(value);
                }
            }
            Expr::StringLiteral(literal) if self.in_annotation => self.read_quoted(literal.value.to_str()),
            Expr::StringLiteral(literal) => self.note_literal(literal.value.to_str(), expr),
            Expr::Dict(dict) => self.dict(dict),
            Expr::Named(named) => {
                self.expr(&named.value);
                let path = self.kept_path(&named.value);
                self.bind_target(&named.target, path);
            }
            Expr::Lambda(lambda) => self.within(ScopeKind::Block, |this| {
                if let Some(parameters) = &lambda.parameters {
                    for parameter in parameters.iter_non_variadic_params() {
                        parameter.default.iter().for_each(|d| this.expr(d));
                        this.bind(parameter.parameter.name.as_str(), Meaning::Unknown);
                    }
                }
                this.expr(&lambda.body);
            }),
            Expr::ListComp(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::SetComp(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::Generator(comp) => self.comprehension(&comp.generators, &[&comp.elt]),
            Expr::DictComp(comp) => {
                let parts: Vec<&'a Expr> = comp.key.iter().map(|k| &**k).chain([&*comp.value]).collect();
                self.comprehension(&comp.generators, &parts);
            }
            Expr::BoolOp(choice) if choice.op.is_or() => {
                self.note_fallback(choice);
                walk_expr(self, expr);
            }
            Expr::Attribute(attribute) => {
                self.note_result_attribute(attribute);
                self.note_marker(attribute);
                walk_expr(self, expr);
            }
            Expr::Subscript(subscript) => {
                self.note_pair_subscript(subscript);
                if let (Expr::Name(name), Expr::StringLiteral(key)) = (&*subscript.value, &*subscript.slice) {
                    self.note_read(name.id.as_str(), key.value.to_str(), expr);
                }
                walk_expr(self, expr);
            }
            _ => walk_expr(self, expr),
        }
    }

    fn comprehension(&mut self, generators: &'a [Comprehension], parts: &[&'a Expr]) {
        self.within(ScopeKind::Block, |this| {
            for generator in generators {
                this.expr(&generator.iter);
                this.bind_target(&generator.target, None);
                generator.ifs.iter().for_each(|e| this.expr(e));
            }
            for part in parts {
                this.expr(part);
            }
        });
    }

    fn dict(&mut self, dict: &'a ExprDict) {
        for item in &dict.items {
            item.key.iter().for_each(|k| self.expr(k));
            self.expr(&item.value);
            if let Some(Expr::StringLiteral(key)) = &item.key {
                let place = span(item.value.range());
                self.note_assign(key.value.to_str(), None, &item.value, place);
                self.note_setting(key.value.to_str(), &item.value, None);
                self.note_sql(&item.value, key.value.to_str());
            }
        }
    }

    fn call(&mut self, call: &'a ExprCall, role: Role) {
        self.note_call(call, role);
        self.note_log(call);
        self.expr(&call.func);
        let method = match &*call.func {
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            Expr::Name(name) => name.id.as_str(),
            _ => "",
        };
        if let Expr::Attribute(attribute) = &*call.func
            && matches!(method, "get" | "pop")
            && let (Expr::Name(name), Some(Expr::StringLiteral(key))) =
                (&*attribute.value, call.arguments.args.first())
        {
            self.note_read(name.id.as_str(), key.value.to_str(), &call.arguments.args[0]);
        }
        self.note_checking_call(call, method);
        self.note_console(call);
        self.note_given(call, method);
        self.note_code(call, method);
        self.note_connection(call, method);
        self.note_run(call, method);
        for arg in &call.arguments.args {
            self.expr(arg);
            self.note_sql(arg, method);
        }
        for keyword in &call.arguments.keywords {
            self.expr(&keyword.value);
            if let Some(name) = &keyword.arg {
                self.note_assign(name.as_str(), None, &keyword.value, span(keyword.range));
                self.note_setting(name.as_str(), &keyword.value, Some(&call.func));
                self.note_sql(&keyword.value, name.as_str());
            }
        }
    }

    fn note_call(&mut self, call: &'a ExprCall, role: Role) {
        // Most calls are of no interest: their paths are not kept either.
        let Some(callee) = self.path_if(&call.func, Self::is_kept) else { return };
        let mut args = ThinVec::with_capacity(call.arguments.len());
        for arg in &call.arguments.args {
            let value = self.value(arg);
            args.push(Arg { keyword: None, value, span: span(arg.range()) });
        }
        for keyword in &call.arguments.keywords {
            let name = keyword.arg.as_ref().map(|n| self.name(n.as_str()));
            let value = if name.is_none() { Value::Spread } else { self.value(&keyword.value) };
            args.push(Arg { keyword: name, value, span: span(keyword.value.range()) });
        }
        if text::begins_with_any(&callee, SHELLS) {
            self.note_commands(call, &mut args);
        }
        let followed = callee.rsplit('.').next().is_some_and(|method| RECEIVED.contains(&method));
        let receiver = if followed { self.receiver(&call.func) } else { None };
        let (scope, guard) = (self.scope, self.guard);
        let (place, head) = (span(call.range()), span(call.func.range()));
        self.module.calls.push(Call { callee, receiver, span: place, head, args, scope, role, guard });
    }

    /// Says of arguments that are put together of literals, or bound to them once, that they are constants.
    fn note_commands(&self, call: &'a ExprCall, args: &mut [Arg]) {
        let named = call.arguments.keywords.iter().map(|keyword| &keyword.value);
        for (value, arg) in call.arguments.args.iter().chain(named).zip(args) {
            let plain = matches!(arg.value, Value::Text(_) | Value::Bool(_));
            if !plain && self.is_source_text(value, limits::FOLLOWED_PARTS) {
                arg.value = Value::Constant;
            }
        }
    }

    /// Whether all of a text is written in this file.
    fn is_source_text(&self, expr: &'a Expr, steps: usize) -> bool {
        let Some(steps) = steps.checked_sub(1) else { return false };
        match expr {
            Expr::StringLiteral(_) => true,
            Expr::FString(formatted) => formatted.value.elements().all(|element| match element {
                InterpolatedStringElement::Literal(_) => true,
                InterpolatedStringElement::Interpolation(part) => {
                    self.is_source_text(&part.expression, steps)
                }
            }),
            Expr::If(choice) => {
                self.is_source_text(&choice.body, steps) && self.is_source_text(&choice.orelse, steps)
            }
            Expr::BinOp(sum) if sum.op == Operator::Add => {
                self.is_source_text(&sum.left, steps) && self.is_source_text(&sum.right, steps)
            }
            Expr::List(list) => {
                !list.elts.is_empty() && list.elts.iter().all(|e| self.is_source_text(e, steps))
            }
            Expr::Name(name) => {
                let value = self.lookup(name.id.as_str()).and_then(|binding| binding.only_value());
                // More may be appended to a list.
                value.is_some_and(|value| !value.is_list_expr() && self.is_source_text(value, steps))
            }
            _ => false,
        }
    }

    /// Whether a rule may ask for calls of this path.
    fn is_kept(&self, callee: &str) -> bool {
        let method = callee.rsplit('.').next().unwrap_or_default();
        if callee.starts_with('$') {
            return METHODS.contains(&method)
                || callee.contains("mock")
                || callee.starts_with("$monkeypatch")
                || matches!(method, "getfixturevalue" | "addinivalue_line");
        }
        if callee.starts_with("builtins.") {
            return BUILTINS.contains(&callee);
        }
        if text::begins_with_any(callee, IGNORED) {
            return WANTED.contains(&callee);
        }
        if method == "run" && callee.contains("()") {
            return true;
        }
        let own = callee.strip_prefix(&*self.module.name).is_some_and(|rest| rest.starts_with('.'));
        !own || METHODS.contains(&method)
    }

    pub(super) fn note_url(&mut self, value: &str, expr: &Expr) {
        let Some(at) = value.find("://") else { return };
        if value[at..].contains('@') {
            let text = self.literal_text(value);
            let (span, scope) = (span(expr.range()), self.scope);
            self.module.urls.push(Literal { text, span, scope });
        }
    }

    /// Keeps the path of what the function around returns or yields.
    pub(super) fn note_returned(&mut self, value: &Expr) {
        let Some(path) = self.path(value) else { return };
        let function = self.module.walk(self.scope).find_map(|kind| match kind {
            ScopeKind::Function(index) => Some(index as usize),
            _ => None,
        });
        if let Some(function) = function.and_then(|index| self.module.functions.get_mut(index))
            && !function.returns.contains(&path)
            && function.returns.len() < limits::RETURNED_PATHS
        {
            function.returns.push(path);
        }
    }

    /// Keeps a key that is read from the `**kwargs` of the function around.
    fn note_read(&mut self, object: &str, key: &str, at: &Expr) {
        let innermost = self.module.walk(self.scope).find_map(|kind| match kind {
            ScopeKind::Function(index) => Some(index as usize),
            _ => None,
        });
        let Some(index) = innermost else { return };
        if self.module.functions[index].kwarg.as_deref() != Some(object) {
            return;
        }
        let text = self.literal_text(key);
        let literal = Literal { text, span: span(at.range()), scope: self.scope };
        self.module.functions[index].reads.push(literal);
    }
}
