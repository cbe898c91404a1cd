//! Statements: what they bind, and the control flow they stand in.

use ruff_python_ast::{Alias, ExceptHandler, Expr, Stmt, StmtIf, StmtImport, StmtImportFrom, StmtTry};
use ruff_text_size::Ranged as _;
use thin_vec::ThinVec;

use super::bindings::Meaning;
use super::{Lowerer, bodies, span};
use crate::facts::{Bind, Bound, Guard, Handler, Import, Name, Role, Span, Value};

impl<'a> Lowerer<'a> {
    pub(super) fn body(&mut self, body: &'a [Stmt]) {
        for stmt in body {
            self.deeper(stmt, |this| this.stmt(stmt));
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::Try(statement) => self.try_(statement),
            Stmt::If(statement) => self.if_(statement),
            Stmt::Assign(assign) => {
                self.expr(&assign.value);
                for target in &assign.targets {
                    self.assign(target, &assign.value, span(assign.range));
                }
            }
            Stmt::AnnAssign(assign) => {
                self.annotation(&assign.annotation);
                if let Some(value) = &assign.value {
                    self.expr(value);
                    self.assign(&assign.target, value, span(assign.range));
                } else {
                    self.bind_target(&assign.target, None);
                }
            }
            Stmt::AugAssign(assign) => {
                self.expr(&assign.value);
                self.expr(&assign.target);
                self.note_added(assign);
            }
            Stmt::Return(statement) => {
                if let Some(value) = &statement.value {
                    self.expr(value);
                    self.note_returned(value);
                    self.note_value_returned(value, span(statement.range));
                    self.bind_in_handler("return", value, span(statement.range));
                }
            }
            _ => self.block(stmt),
        }
    }

    /// Statements that hold others, or only expressions.
    fn block(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::For(statement) => {
                self.expr(&statement.iter);
                self.bind_target(&statement.target, None);
                self.body(&statement.body);
                self.body(&statement.orelse);
            }
            Stmt::While(statement) => {
                self.expr(&statement.test);
                self.body(&statement.body);
                self.body(&statement.orelse);
            }
            Stmt::With(statement) => {
                for item in &statement.items {
                    self.call_in(&item.context_expr, Role { with: true, ..Role::default() });
                    if let Some(target) = &item.optional_vars {
                        let path = self.kept_path(&item.context_expr);
                        self.bind_target(target, path);
                    }
                }
                self.body(&statement.body);
            }
            Stmt::Match(statement) => {
                self.expr(&statement.subject);
                for case in &statement.cases {
                    if let Some(guard) = &case.guard {
                        self.expr(guard);
                    }
                    self.body(&case.body);
                }
            }
            // A text that stands alone is a docstring or a comment: nothing in it is code.
            Stmt::Expr(statement) if statement.value.is_string_literal_expr() => {}
            Stmt::Expr(statement) => self.expr(&statement.value),
            Stmt::Raise(statement) => {
                self.note_raise(statement);
                statement.exc.iter().chain(&statement.cause).for_each(|e| self.expr(e));
            }
            Stmt::Assert(statement) => {
                self.note_assert(statement);
                self.expr(&statement.test);
                statement.msg.iter().for_each(|e| self.expr(e));
            }
            Stmt::Delete(statement) => statement.targets.iter().for_each(|e| self.expr(e)),
            Stmt::TypeAlias(statement) => self.expr(&statement.value),
            _ => {}
        }
    }

    fn if_(&mut self, statement: &'a StmtIf) {
        let outer = self.guard;
        self.expr(&statement.test);
        let typing = is_type_checking(&statement.test);
        self.guard = Guard { type_checking: outer.type_checking || typing, conditional: true, ..outer };
        self.body(&statement.body);
        self.guard = Guard { conditional: true, ..outer };
        for clause in &statement.elif_else_clauses {
            clause.test.iter().for_each(|e| self.expr(e));
            self.body(&clause.body);
        }
        self.guard = outer;
    }

    fn try_(&mut self, statement: &'a StmtTry) {
        let outer = self.guard;
        let outer_tried = std::mem::take(&mut self.tried);
        let catches = statement
            .handlers
            .iter()
            .any(|ExceptHandler::ExceptHandler(handler)| handler.type_.as_deref().is_none_or(catches_import));
        self.guard.import_try |= catches;
        let checks_before = self.checks();
        self.body(&statement.body);
        let tries_check = self.checks() > checks_before;
        let tries_cleanup = bodies::is_cleanup(&statement.body);
        self.guard = outer;
        let tried = std::mem::replace(&mut self.tried, outer_tried);
        for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
            let mut exceptions = ThinVec::new();
            if let Some(kind) = &handler.type_ {
                self.expr(kind);
                let kinds: &[Expr] =
                    if let Expr::Tuple(tuple) = &**kind { &tuple.elts } else { std::slice::from_ref(kind) };
                exceptions = kinds.iter().filter_map(|k| self.path(k)).collect();
            }
            let start = handler.range.start().to_u32();
            let end = handler.type_.as_ref().map_or(start + 6, |t| t.range().end().to_u32());
            let index = self.module.handlers.len();
            let bound = handler.name.as_ref().map(|name| self.name(name.as_str()));
            self.module.handlers.push(Handler {
                span: Span { start, end },
                exceptions,
                tried_imports: tried.iter().cloned().collect(),
                binds: ThinVec::new(),
                is_bare: handler.type_.is_none(),
                is_empty: handler.body.iter().all(Stmt::is_pass_stmt),
                swallows: bodies::swallows(handler),
                can_fail: false,
                skips: false,
                reraises: false,
                tries_check,
                tries_cleanup,
                bound,
                scope: self.scope,
            });
            let outer_handler = self.handler.replace(index);
            self.guard = Guard { handler: true, ..outer };
            if let Some(name) = &handler.name {
                self.bind(name.as_str(), Meaning::Unknown);
            }
            self.body(&handler.body);
            self.guard = outer;
            self.handler = outer_handler;
        }
        self.body(&statement.orelse);
        self.body(&statement.finalbody);
    }

    fn import(&mut self, statement: &'a StmtImport) {
        for (index, alias) in statement.names.iter().enumerate() {
            let module = self.name(alias.name.as_str());
            let top = alias.name.as_str().split('.').next().unwrap_or_default();
            let (bound, path) = match &alias.asname {
                Some(name) => (name.as_str(), alias.name.as_str()),
                None => (top, top),
            };
            let path = self.bindings.keep(&[path]);
            let (bound_name, place) = (self.name(bound), span(statement.range));
            self.push_import(alias, (index == 0, place), (module, None, 0), bound_name);
            self.bind(bound, Meaning::Path(path));
        }
    }

    fn import_from(&mut self, statement: &'a StmtImportFrom) {
        let module = self.absolute_module(statement.module.as_deref(), statement.level);
        for (index, alias) in statement.names.iter().enumerate() {
            let imported = self.name(alias.name.as_str());
            let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            let (bound_name, place) = (self.name(bound), span(statement.range));
            let what = (module.clone(), Some(imported.clone()), statement.level);
            self.push_import(alias, (index == 0, place), what, bound_name);
            if &*imported == "*" {
                if self.scope == 0 {
                    self.stars.push(module.clone());
                }
                continue;
            }
            let path = self.bindings.keep(&[&module, ".", &imported]);
            self.bind(bound, Meaning::Path(path));
            if self.handler.is_some() {
                let path = self.joined(&[&module, ".", &imported]);
                self.bind_value_in_handler(bound, Some(path), span(alias.range));
            }
        }
    }

    fn push_import(
        &mut self,
        alias: &Alias,
        (first, statement): (bool, Span),
        (module, name, level): (Name, Option<Name>, u32),
        bound: Name,
    ) {
        self.tried.push(module.clone());
        self.module.imports.push(Import {
            span: span(alias.range),
            statement,
            lines: self.own_lines(statement),
            first,
            module,
            name,
            bound,
            level,
            scope: self.scope,
            guard: self.guard,
            used: false,
        });
    }

    /// The lines of a statement with the comment behind it, if it stands alone on them at module level under no condition.
    fn own_lines(&self, statement: Span) -> Option<Span> {
        if self.scope != 0 || self.guard != Guard::default() {
            return None;
        }
        let (start, end) = (statement.start as usize, statement.end as usize);
        let begins = start == 0 || self.text.as_bytes().get(start - 1) == Some(&b'\n');
        let rest = self.text.get(end..)?;
        let line = rest.split_inclusive('\n').next().unwrap_or_default();
        // A comment behind an import is about the import.
        let alone = line.trim().is_empty() || line.trim_start().starts_with('#');
        let end = u32::try_from(end + line.len()).ok()?;
        (begins && alone).then_some(Span { start: statement.start, end })
    }

    /// Records what a handler binds, if one is being walked.
    pub(super) fn bind_in_handler(&mut self, name: &str, value: &Expr, place: Span) {
        if self.handler.is_some() {
            let path = self.path(value);
            self.bind_value_in_handler(name, path, place);
        }
    }

    fn bind_value_in_handler(&mut self, name: &str, value: Option<Name>, place: Span) {
        let name = self.name(name);
        if let Some(handler) = self.handler.and_then(|h| self.module.handlers.get_mut(h)) {
            handler.binds.push(Bind { name, value, is_class: false, is_definition: false, span: place });
        }
    }

    fn assign(&mut self, target: &'a Expr, value: &'a Expr, place: Span) {
        let path = self.kept_path(value);
        if let Expr::Attribute(attribute) = target {
            self.expr(&attribute.value);
            let base = self.path(target);
            self.note_assign(attribute.attr.as_str(), base, value, place);
        } else if let Expr::Name(name) = target {
            let text = name.id.as_str();
            self.note_assign(text, None, value, place);
            if crate::names::is_invented(text)
                && !value.is_none_literal_expr()
                && !value.is_boolean_literal_expr()
            {
                let (name, scope) = (self.name(text), self.scope);
                self.module.invented.push(Bound { name, span: span(target.range()), scope });
            }
            self.note_named_sql(value, text);
            self.bind_in_handler(text, value, place);
            if self.scope == 0 {
                self.module_name(text, value);
            }
            self.bind_value(text, path, value);
            return;
        } else if let Expr::Subscript(subscript) = target {
            self.expr(&subscript.value);
            self.expr(&subscript.slice);
            let holder = self.path_if(&subscript.value, |_, path| path == "sys.modules");
            match &*subscript.slice {
                Expr::StringLiteral(key) => self.note_assign(key.value.to_str(), holder, value, place),
                _ if holder.is_some() => self.note_assign("", holder, value, place),
                _ => {}
            }
        }
        if let (Expr::Tuple(targets), Expr::Tuple(values)) = (target, value)
            && targets.elts.len() == values.elts.len()
        {
            self.note_pairs(&targets.elts, &values.elts);
        }
        self.bind_target(target, path);
    }

    /// Keeps the secrets of `user, password = "a", "b"`.
    fn note_pairs(&mut self, targets: &[Expr], values: &[Expr]) {
        // Behind a starred one the places are others.
        let pairs = targets.iter().zip(values).take_while(|(target, _)| !target.is_starred_expr());
        for (target, value) in pairs {
            let name = match target {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => continue,
            };
            self.note_assign(name, None, value, span(value.range()));
        }
    }

    /// `pytestmark`, `pytest_plugins` and `__all__`.
    fn module_name(&mut self, name: &str, value: &Expr) {
        let elements: &[Expr] = match value {
            Expr::List(list) => &list.elts,
            Expr::Tuple(tuple) => &tuple.elts,
            _ => std::slice::from_ref(value),
        };
        if name == "pytestmark" {
            for element in elements {
                let mark = self.path(element);
                self.module.marks.extend(mark);
            }
        } else if name == "pytest_plugins" {
            for element in elements {
                if let Expr::StringLiteral(text) = element {
                    let text = self.name(text.value.to_str());
                    self.named.plugins.push(text);
                }
            }
        } else if name == "__all__" {
            for element in elements {
                if let Expr::StringLiteral(text) = element {
                    let text = self.name(text.value.to_str());
                    self.public.insert(text);
                }
            }
        }
    }

    /// Keeps an assignment if a rule may ask for it.
    pub(super) fn note_assign(&mut self, name: &str, target: Option<Name>, value: &Expr, place: Span) {
        let is_text = value.is_string_literal_expr() || value.is_bytes_literal_expr();
        let secret = is_text && crate::names::is_secret(name);
        let rebinds =
            target.as_deref().is_some_and(|t| t.contains("()") || !t.starts_with(&*self.module.name));
        // Nearly every binding ends here; only those that are kept are looked at further.
        if secret || rebinds || matches!(name, "verify_mode" | "check_hostname") {
            let kept = match value {
                Expr::BytesLiteral(bytes) if secret => {
                    let bytes: Vec<u8> = bytes.value.bytes().collect();
                    match std::str::from_utf8(&bytes) {
                        Ok(text) => Value::Text(self.literal_text(text)),
                        Err(_) => Value::Constant,
                    }
                }
                _ => self.value(value),
            };
            let (name, value_span) = (self.name(name), span(value.range()));
            self.module.assigns.push(crate::facts::Assign {
                name,
                target,
                value: kept,
                span: place,
                value_span,
                scope: self.scope,
            });
        }
    }
}

fn is_type_checking(test: &Expr) -> bool {
    match test {
        Expr::Name(name) => name.id.as_str() == "TYPE_CHECKING",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "TYPE_CHECKING",
        _ => false,
    }
}

/// Whether an `except` clause of this type catches a failed import.
fn catches_import(kind: &Expr) -> bool {
    match kind {
        Expr::Name(name) => {
            matches!(name.id.as_str(), "ImportError" | "ModuleNotFoundError" | "Exception" | "BaseException")
        }
        Expr::Tuple(tuple) => tuple.elts.iter().any(catches_import),
        _ => false,
    }
}
