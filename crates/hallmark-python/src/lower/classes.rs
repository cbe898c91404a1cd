//! Classes, functions, and what a `get_parameters` method declares.

use ruff_python_ast::{Decorator as AstDecorator, Expr, Stmt, StmtClassDef, StmtFunctionDef, StmtReturn};
use ruff_text_size::Ranged as _;
use thin_vec::ThinVec;

use super::bindings::Meaning;
use super::{Deferred, Lowerer, bodies, fields, span};
use crate::facts::{Bind, Body, Class, Declared, Decorator, Entry, Function, Name, Param, Role, ScopeKind};

impl<'a> Lowerer<'a> {
    pub(super) fn class(&mut self, class: &'a StmtClassDef) {
        let decorators = self.decorators(&class.decorator_list);
        let mut bases = ThinVec::new();
        let mut is_abstract = false;
        if let Some(arguments) = &class.arguments {
            for base in &arguments.args {
                self.expr(base);
                let named = if let Expr::Subscript(generic) = base { &*generic.value } else { base };
                let path = self.path(named);
                is_abstract |= path.as_deref().is_some_and(|p| {
                    matches!(p, "abc.ABC" | "typing.Protocol" | "typing_extensions.Protocol")
                });
                bases.push(path);
            }
            for keyword in &arguments.keywords {
                self.expr(&keyword.value);
                is_abstract |= self.path(&keyword.value).is_some_and(|p| &*p == "abc.ABCMeta");
            }
        }
        let name = self.name(class.name.as_str());
        let module = self.module.name.clone();
        let path = self.joined(&[&module, ".", &name]);
        let model = fields::makes_model(&decorators).then(|| Box::new(self.model(class)));
        let index = u32::try_from(self.module.classes.len()).unwrap_or(u32::MAX);
        self.module.classes.push(Class {
            name: name.clone(),
            path: path.clone(),
            span: span(class.name.range),
            bases,
            decorators,
            methods: ThinVec::new(),
            scope: self.scope,
            guard: self.guard,
            documented: documented(&class.body),
            model,
            is_abstract,
        });
        self.define_in_handler(&name, true, span(class.name.range));
        let kept = self.bindings.keep(&[&path]);
        self.bind(class.name.as_str(), Meaning::Path(kept));
        self.within(ScopeKind::Class(index), |this| this.body(&class.body));
    }

    pub(super) fn function(&mut self, function: &'a StmtFunctionDef) {
        let decorators = self.decorators(&function.decorator_list);
        for parameter in &*function.parameters {
            parameter.annotation().into_iter().for_each(|e| self.annotation(e));
            if let Some(default) = parameter.default() {
                self.expr(default);
                self.note_assign(parameter.name().as_str(), None, default, span(parameter.range()));
            }
        }
        function.returns.iter().for_each(|e| self.annotation(e));
        let class = match self.module.scopes[self.scope as usize].kind {
            ScopeKind::Class(index) => Some(index),
            _ => None,
        };
        let name = self.name(function.name.as_str());
        let index = u32::try_from(self.module.functions.len()).unwrap_or(u32::MAX);
        if let Some(class) = class {
            self.module.classes[class as usize].methods.push(index);
        }
        let mut params = ThinVec::with_capacity(function.parameters.len());
        for (place, parameter) in function.parameters.iter_non_variadic_params().enumerate() {
            if place > 0 || class.is_none() {
                let name = self.name(parameter.parameter.name.as_str());
                params.push(Param { name, span: span(parameter.parameter.range) });
            }
        }
        let kwarg = function.parameters.kwarg.as_ref().map(|p| self.name(p.name.as_str()));
        self.module.functions.push(Function {
            name: name.clone(),
            span: span(function.name.range),
            is_async: function.is_async,
            params,
            kwarg,
            decorators,
            class,
            scope: self.scope,
            opens: self.scope,
            reads: ThinVec::new(),
            documented: documented(&function.body),
            returns: ThinVec::new(),
            executes: ThinVec::new(),
            body: Body { not_implemented: bodies::not_implemented(function), ..Body::default() },
            declared: None,
        });
        if class.is_none() {
            self.define_in_handler(&name, false, span(function.name.range));
        }
        self.bind(function.name.as_str(), Meaning::Own);
        let scope = self.open_scope(ScopeKind::Function(index));
        self.module.functions[index as usize].opens = scope;
        self.queue.push_back(Deferred { function, index, scope });
    }

    /// Binds the parameters and walks the body; called when everything around the function is bound.
    pub(super) fn function_body(&mut self, function: &'a StmtFunctionDef, index: u32) {
        let class = self.module.functions[index as usize].class;
        for (place, parameter) in function.parameters.iter().enumerate() {
            let name = parameter.name().as_str();
            let meaning = match (parameter.annotation(), class) {
                (_, Some(class)) if place == 0 => {
                    let path = self.bindings.keep(&[&self.module.classes[class as usize].path]);
                    if name == "cls" { Meaning::Path(path) } else { Meaning::Instance(path) }
                }
                (Some(annotation), _) => match self.annotation_path(annotation) {
                    Some(path) if !self.bindings.path(path).starts_with("builtins.") => {
                        Meaning::Instance(path)
                    }
                    _ => Meaning::Parameter,
                },
                (None, _) => Meaning::Parameter,
            };
            self.bind(name, meaning);
        }
        self.body(&function.body);
        if function.name.as_str() == "get_parameters" && class.is_some() {
            let mut declared = Declared::default();
            let dicts = self.returned(&function.body, &mut declared);
            if !dicts {
                declared.open = true;
            }
            self.module.functions[index as usize].declared = Some(Box::new(declared));
        }
    }

    /// Reads the returned dictionaries; gives whether every `return` could be read.
    fn returned(&mut self, body: &'a [Stmt], declared: &mut Declared) -> bool {
        let mut seen = false;
        for stmt in body {
            match stmt {
                Stmt::Return(StmtReturn { value: Some(value), .. }) => {
                    seen = true;
                    match &**value {
                        Expr::Dict(_) => self.entries(value, declared),
                        Expr::Name(name) => self.built_up(body, name.id.as_str(), declared),
                        _ => declared.open = true,
                    }
                }
                Stmt::For(_)
                | Stmt::While(_)
                | Stmt::If(_)
                | Stmt::Try(_)
                | Stmt::With(_)
                | Stmt::Match(_) => {
                    declared.open = true;
                }
                _ => {}
            }
        }
        seen
    }

    /// Reads a dictionary that is bound to a name, added to by subscript, and returned.
    fn built_up(&mut self, body: &'a [Stmt], name: &str, declared: &mut Declared) {
        let mut found = false;
        for stmt in body {
            let (target, value) = match stmt {
                Stmt::Assign(assign) => (assign.targets.first(), Some(&*assign.value)),
                Stmt::AnnAssign(assign) => (Some(&*assign.target), assign.value.as_deref()),
                Stmt::Expr(_) => {
                    // A call such as `params.update(...)` or an unknown helper may add more.
                    declared.open |= found;
                    continue;
                }
                _ => continue,
            };
            match (target, value) {
                (Some(Expr::Name(target)), Some(value)) if target.id.as_str() == name => {
                    found = true;
                    if value.is_dict_expr() { self.entries(value, declared) } else { declared.open = true }
                }
                (Some(Expr::Subscript(target)), Some(value)) => {
                    let key = if let Expr::StringLiteral(key) = &*target.slice {
                        Some(key.value.to_str())
                    } else {
                        None
                    };
                    let key = key.map(|k| self.name(k));
                    declared.open |= key.is_none();
                    let value_of = self.value(value);
                    declared.entries.push(Entry { key, value: value_of, span: span(value.range()) });
                }
                _ => {}
            }
        }
        declared.open |= !found;
    }

    fn entries(&mut self, dict: &Expr, declared: &mut Declared) {
        let Expr::Dict(dict) = dict else { return };
        declared.literal = true;
        declared.span = span(dict.range);
        for item in &dict.items {
            let key =
                if let Some(Expr::StringLiteral(key)) = &item.key { Some(key.value.to_str()) } else { None };
            let key: Option<Name> = key.map(|k| self.name(k));
            declared.open |= key.is_none();
            let value = self.value(&item.value);
            if item.key.is_some() {
                declared.entries.push(Entry { key, value, span: span(item.value.range()) });
            }
        }
    }

    fn decorators(&mut self, list: &'a [AstDecorator]) -> ThinVec<Decorator> {
        let mut out = ThinVec::with_capacity(list.len());
        for decorator in list {
            self.call_in(&decorator.expression, Role { decorator: true, ..Role::default() });
            let (head, called) = match &decorator.expression {
                Expr::Call(call) => (&*call.func, true),
                other => (other, false),
            };
            let path = self.path(head);
            out.push(Decorator { path, called, span: span(decorator.expression.range()) });
        }
        out
    }

    fn define_in_handler(&mut self, name: &Name, is_class: bool, place: crate::Span) {
        if let Some(handler) = self.handler.and_then(|h| self.module.handlers.get_mut(h)) {
            handler.binds.push(Bind {
                name: name.clone(),
                value: None,
                is_class,
                is_definition: true,
                span: place,
            });
        }
    }
}

/// Whether a body begins with a text.
fn documented(body: &[Stmt]) -> bool {
    matches!(body.first(), Some(Stmt::Expr(first)) if first.value.is_string_literal_expr())
}
