//! Scopes and bindings: what a name stands for where it is read.

use ruff_python_ast::{Expr, ExprCall};
use smallvec::SmallVec;

use super::Lowerer;
use super::bindings::{Binding, Bindings, Kept, Meaning};
use crate::facts::{Name, ScopeKind};
use crate::limits;

/// The most parts that a path has, dots and calls among them; twice as many as its bytes allow for names of ordinary length.
const PARTS: usize = 64;

/// As many parts as nearly every path has.
const FEW_PARTS: usize = 8;

impl<'a> Lowerer<'a> {
    /// Binds a name in the current scope. A fallback in a handler, or `None`, never hides what was bound before it.
    pub(super) fn bind(&mut self, name: &'a str, meaning: Meaning) {
        let keeps = self.guard.handler || (matches!(meaning, Meaning::Unknown) && self.guard.conditional);
        self.bindings.bind(self.scope, name, meaning, keeps);
    }

    /// Binds a name to a value that can be seen.
    pub(super) fn bind_value(&mut self, name: &'a str, path: Option<Kept>, value: &'a Expr) {
        let meaning = Meaning::from(path);
        let keeps = self.guard.handler || (path.is_none() && self.guard.conditional);
        self.bindings.bind(self.scope, name, meaning, keeps).value = Some(value);
    }

    /// Binds every name in a target to something unknown, or, for a plain name, to `path`.
    pub(super) fn bind_target(&mut self, target: &'a Expr, path: Option<Kept>) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), path.into()),
            Expr::Tuple(tuple) => {
                // The pair that an execution gives: results and the run's id.
                let pair =
                    path.map(|path| self.bindings.path(path)).filter(|path| path.ends_with("execute()"));
                let results = pair.map(str::to_owned).map(|pair| self.bindings.keep(&[&pair, "[0]"]));
                for (place, element) in tuple.elts.iter().enumerate() {
                    self.bind_target(element, results.filter(|_| place == 0));
                }
            }
            Expr::List(list) => list.elts.iter().for_each(|e| self.bind_target(e, None)),
            Expr::Starred(starred) => self.bind_target(&starred.value, None),
            Expr::Attribute(attribute) => {
                if let Some(class) = self.self_class(&attribute.value) {
                    let known = self.attributes.entry((class, attribute.attr.as_str())).or_default();
                    if path.is_some() {
                        *known = path;
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

    /// What a name is bound to where it is read. Class scopes are seen from their own level only.
    pub(super) fn lookup(&self, name: &str) -> Option<&Binding<'a>> {
        let key = Bindings::key(name);
        let mut id = self.scope;
        loop {
            let scope = self.module.scopes[id as usize];
            let visible = id == self.scope || !matches!(scope.kind, ScopeKind::Class(_));
            if visible && let Some(binding) = self.bindings.find(key, id, name) {
                return Some(binding);
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
        if let Some(binding) = self.lookup(name) {
            binding.used.set(true);
        }
    }

    /// The path of an expression, if it can be named.
    pub(super) fn path(&mut self, expr: &Expr) -> Option<Name> {
        self.path_if(expr, |_, _| true)
    }

    /// [`Lowerer::path`], if it is wanted; what is not is never allocated.
    pub(super) fn path_if(&mut self, expr: &Expr, wanted: impl Fn(&Self, &str) -> bool) -> Option<Name> {
        if let Expr::Name(name) = expr
            && let Some(binding) = self.lookup(name.id.as_str())
        {
            match binding.meaning {
                Meaning::Unknown => return None,
                Meaning::Path(kept) => {
                    // Nothing has to be put together.
                    let path = self.bindings.path(kept);
                    let fits = path.len() <= limits::PATH_BYTES && wanted(self, path);
                    return fits.then(|| self.names.get(path));
                }
                _ => {}
            }
        }
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

    /// The path of an expression, kept for names that are bound to it.
    pub(super) fn kept_path(&mut self, expr: &Expr) -> Option<Kept> {
        if let Expr::Name(name) = expr
            && let Some(binding) = self.lookup(name.id.as_str())
        {
            match binding.meaning {
                Meaning::Unknown => return None,
                Meaning::Path(kept) => {
                    return Some(kept).filter(|kept| self.bindings.path(*kept).len() <= limits::PATH_BYTES);
                }
                _ => {}
            }
        }
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let named = self.write_path(expr, &mut out).filter(|()| out.len() <= limits::PATH_BYTES);
        let kept = named.map(|()| self.bindings.keep(&[&out]));
        self.scratch = out;
        kept
    }

    /// Whether an expression has this path.
    pub(super) fn is_path(&mut self, expr: &Expr, path: &str) -> bool {
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let is = self.write_path(expr, &mut out).is_some() && out == path;
        self.scratch = out;
        is
    }

    fn write_path(&self, expr: &Expr, out: &mut String) -> Option<()> {
        // Chains are walked in a loop: their depth is bounded by the input alone.
        let mut tail: SmallVec<[&str; FEW_PARTS]> = SmallVec::new();
        let mut expr = expr;
        loop {
            if tail.len() > PARTS {
                return None;
            }
            match expr {
                Expr::Attribute(attribute) => {
                    if let Some(class) = self.self_class(&attribute.value)
                        && let Some(path) = self.attributes.get(&(class, attribute.attr.as_str()))
                    {
                        out.push_str(self.bindings.path((*path)?));
                        break;
                    }
                    tail.extend([attribute.attr.as_str(), "."]);
                    expr = &attribute.value;
                }
                Expr::Call(call) => {
                    if let Some(module) = self.imported_by_call(call) {
                        out.push_str(module);
                        break;
                    }
                    tail.push("()");
                    expr = &call.func;
                }
                Expr::Await(awaited) => expr = &awaited.value,
                Expr::Name(name) => {
                    match self.lookup(name.id.as_str()) {
                        Some(binding) => self.bindings.write(binding, &self.module.name, out)?,
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
        out.extend(tail.into_iter().rev());
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
        let Meaning::Path(path) = self.lookup(holder.id.as_str())?.meaning else { return None };
        if !matches!(self.bindings.path(path), "pytest" | "importlib") {
            return None;
        }
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
    pub(super) fn annotation_path(&mut self, expr: &Expr) -> Option<Kept> {
        match expr {
            Expr::Subscript(subscript) if self.is_path(&subscript.value, "typing.Optional") => {
                self.annotation_path(&subscript.slice)
            }
            Expr::BinOp(either) if either.right.is_none_literal_expr() => self.annotation_path(&either.left),
            Expr::Name(_) | Expr::Attribute(_) => self.kept_path(expr),
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
        // A root that is a package itself has no name in the project: what lies in it is at the top.
        let is_root = self.module.is_package && &*own == "__init__";
        let mut parts: Vec<&str> = if is_root { Vec::new() } else { own.split('.').collect() };
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
