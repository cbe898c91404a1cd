//! Scopes and bindings: what a name stands for where it is read.

use ruff_python_ast::{Expr, ExprCall};
use rustc_hash::FxHashMap;

use super::Lowerer;
use crate::facts::{Name, ScopeId, ScopeKind};
use crate::limits;

/// What the names of one scope are bound to.
#[derive(Default)]
pub(super) struct Bindings(FxHashMap<Name, Binding>);

/// What a name is bound to.
struct Binding {
    path: Option<Name>,
    /// Whether anything reads it.
    used: bool,
}

impl Bindings {
    pub(super) fn into_paths(self) -> impl Iterator<Item = (Name, Option<Name>)> {
        self.0.into_iter().map(|(name, binding)| (name, binding.path))
    }

    /// Whether anything reads this name.
    pub(super) fn is_used(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|binding| binding.used)
    }
}

/// The most attributes and calls that a path is made of; twice as many as its bytes allow for names of ordinary length.
const PARTS: usize = 64;

impl Lowerer<'_> {
    /// Binds a name in the current scope. A fallback in a handler, or `None`, never hides what was bound before it.
    pub(super) fn bind(&mut self, name: &str, path: Option<Name>) {
        let name = self.name(name);
        let keeps = self.guard.handler || (path.is_none() && self.guard.conditional);
        let binding = self.bindings[self.scope as usize].0.entry(name);
        let binding = binding.or_insert(Binding { path: None, used: false });
        if !(keeps && binding.path.is_some()) {
            binding.path = path;
        }
    }

    /// Binds every name in a target to something unknown, or, for a plain name, to `path`.
    pub(super) fn bind_target(&mut self, target: &Expr, path: Option<Name>) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), path),
            Expr::Tuple(tuple) => {
                // The pair that an execution gives: results and the run's id.
                let results =
                    path.filter(|p| p.ends_with("execute()")).map(|p| self.name(&format!("{p}[0]")));
                for (place, element) in tuple.elts.iter().enumerate() {
                    self.bind_target(element, results.clone().filter(|_| place == 0));
                }
            }
            Expr::List(list) => list.elts.iter().for_each(|e| self.bind_target(e, None)),
            Expr::Starred(starred) => self.bind_target(&starred.value, None),
            Expr::Attribute(attribute) => {
                if let Some(class) = self.self_class(&attribute.value) {
                    let name = self.name(attribute.attr.as_str());
                    let own = self.attributes.entry(class).or_default();
                    if path.is_some() || !own.contains_key(&name) {
                        own.insert(name, path);
                    }
                }
            }
            _ => {}
        }
    }

    /// The class whose instance an expression is, if the expression is the `self` of one of its methods.
    fn self_class(&self, expr: &Expr) -> Option<u32> {
        let Expr::Name(name) = expr else { return None };
        if name.id.as_str() != "self" {
            return None;
        }
        self.module.walk(self.scope).find_map(|kind| match kind {
            ScopeKind::Function(index) => self.module.functions.get(index as usize)?.class,
            _ => None,
        })
    }

    /// The scope in which a name is found, and its path. Class scopes are seen from their own level only.
    fn lookup(&self, name: &str) -> Option<(ScopeId, Option<&Name>)> {
        let mut id = self.scope;
        loop {
            let scope = self.module.scopes[id as usize];
            let visible = id == self.scope || !matches!(scope.kind, ScopeKind::Class(_));
            if visible && let Some(binding) = self.bindings[id as usize].0.get(name) {
                return Some((id, binding.path.as_ref()));
            }
            if scope.parent == id {
                return None;
            }
            id = scope.parent;
        }
    }

    /// Marks a name as read.
    pub(super) fn read_name(&mut self, name: &str) {
        if !self.stars.is_empty() && crate::names::is_mock_tool(name) {
            self.reads_starred = true;
        }
        if let Some((scope, _)) = self.lookup(name)
            && let Some(binding) = self.bindings[scope as usize].0.get_mut(name)
        {
            binding.used = true;
        }
    }

    /// The path of an expression, if it can be named.
    pub(super) fn path(&mut self, expr: &Expr) -> Option<Name> {
        self.path_if(expr, |_, _| true)
    }

    /// [`Lowerer::path`], if it is wanted; what is not is never allocated.
    pub(super) fn path_if(&mut self, expr: &Expr, wanted: impl Fn(&Self, &str) -> bool) -> Option<Name> {
        // The text is written over and over into the same place.
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let named = self
            .write_path(expr, &mut out)
            .filter(|()| out.len() <= limits::PATH_BYTES && wanted(self, &out));
        let path = named.map(|()| self.name(&out));
        self.scratch = out;
        path
    }

    fn write_path(&self, expr: &Expr, out: &mut String) -> Option<()> {
        // Chains are walked in a loop: their depth is bounded by the input alone.
        let (mut tail, mut length) = ([""; PARTS], 0);
        let mut expr = expr;
        loop {
            match expr {
                Expr::Attribute(attribute) => {
                    if let Some(class) = self.self_class(&attribute.value)
                        && let Some(path) =
                            self.attributes.get(&class).and_then(|own| own.get(attribute.attr.as_str()))
                    {
                        out.push_str(path.as_deref()?);
                        break;
                    }
                    *tail.get_mut(length)? = attribute.attr.as_str();
                    *tail.get_mut(length + 1)? = ".";
                    length += 2;
                    expr = &attribute.value;
                }
                Expr::Call(call) => {
                    if let Some(module) = self.imported_by_call(call) {
                        out.push_str(module);
                        break;
                    }
                    *tail.get_mut(length)? = "()";
                    length += 1;
                    expr = &call.func;
                }
                Expr::Await(awaited) => expr = &awaited.value,
                Expr::Name(name) => {
                    match self.lookup(name.id.as_str()) {
                        Some((_, path)) => out.push_str(path?),
                        None => {
                            out.push_str(self.starred(name.id.as_str()).unwrap_or("builtins"));
                            out.push('.');
                            out.push_str(name.id.as_str());
                        }
                    }
                    break;
                }
                _ => return None,
            }
        }
        for part in tail[..length].iter().rev() {
            out.push_str(part);
        }
        Some(())
    }

    /// The module that a tool of `unittest.mock` comes from where `*` was imported: no builtin has such a name.
    fn starred(&self, name: &str) -> Option<&str> {
        let last = self.stars.last().filter(|_| crate::names::is_mock_tool(name))?;
        let library = self.stars.iter().find(|star| matches!(&***star, "unittest.mock" | "mock"));
        Some(library.unwrap_or(last))
    }

    /// The module that `importlib.import_module("x")` or `pytest.importorskip("x")` gives.
    fn imported_by_call<'e>(&self, call: &'e ExprCall) -> Option<&'e str> {
        let Expr::Attribute(function) = &*call.func else { return None };
        if !matches!(function.attr.as_str(), "importorskip" | "import_module") {
            return None;
        }
        let Expr::Name(holder) = &*function.value else { return None };
        let known = |path: &Name| matches!(&**path, "pytest" | "importlib");
        self.lookup(holder.id.as_str())?.1.filter(|path| known(path))?;
        match call.arguments.args.first()? {
            Expr::StringLiteral(module) => Some(module.value.to_str()),
            _ => None,
        }
    }

    /// Marks the names in a quoted annotation as read.
    pub(super) fn read_quoted(&mut self, text: &str) {
        for name in text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|n| !n.is_empty()) {
            self.read_name(name);
        }
    }

    /// The path that an annotation stands for, with `Optional[X]` and `X | None` read as `X`.
    pub(super) fn annotation_path(&mut self, expr: &Expr) -> Option<Name> {
        match expr {
            Expr::Subscript(subscript) => {
                let head = self.path(&subscript.value)?;
                if &*head == "typing.Optional" { self.annotation_path(&subscript.slice) } else { None }
            }
            Expr::BinOp(either) if either.right.is_none_literal_expr() => self.annotation_path(&either.left),
            Expr::Name(_) | Expr::Attribute(_) => self.path(expr),
            _ => None,
        }
    }

    /// The absolute module that `from ..x import y` means in this file.
    pub(super) fn absolute_module(&mut self, module: Option<&str>, level: u32) -> Name {
        let module = module.unwrap_or_default();
        if level == 0 {
            return self.name(module);
        }
        let own = self.module.name.clone();
        let mut parts: Vec<&str> = own.split('.').collect();
        let up = level - u32::from(self.module.is_package);
        for _ in 0..up {
            parts.pop();
        }
        if !module.is_empty() {
            parts.push(module);
        }
        let joined = parts.join(".");
        self.name(&joined)
    }
}
