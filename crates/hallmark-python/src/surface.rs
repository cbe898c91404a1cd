//! The names that a module gives to `from module import name`, read from its text: what it defines, what it imports, and what
//! its `__getattr__` hands out. Where that cannot be told the module is open, and anything may be had from it.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprContext, PySourceType, Stmt, StmtFunctionDef};

/// What a module gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Surface {
    /// Names that it defines itself.
    pub defined: BTreeSet<String>,
    /// Names that its `__getattr__` may hand out.
    pub handed_out: BTreeSet<String>,
    /// Names that it imports, with the absolute path of each.
    pub imported: BTreeMap<String, String>,
    /// Absolute modules of `from x import *`.
    pub stars: Vec<String>,
    /// Names in `__all__`.
    pub public: BTreeSet<String>,
    /// Modules, or names in modules, that are imported whenever it is: what stands under no condition and in no `try`.
    pub loads: BTreeSet<String>,
    /// Whether it may give names that cannot be read here.
    pub open: bool,
}

/// Reads the text of the module of this dotted name. A text that is no Python gives an open module.
#[must_use]
pub fn read(name: &str, is_package: bool, text: &str) -> Surface {
    let parsed = ruff_python_parser::parse_unchecked_source(text, PySourceType::Python);
    let package = if is_package { name } else { name.rsplit_once('.').map_or("", |(up, _)| up) };
    let mut reader =
        Reader { package, surface: Surface::default(), texts: BTreeMap::new(), hook: None, inside: 0 };
    reader.visit_body(parsed.suite());
    if let Some(hook) = reader.hook.take() {
        reader.handed_out(hook);
    }
    for stmt in parsed.suite() {
        reader.loaded(stmt);
    }
    reader.surface.open |= !parsed.errors().is_empty();
    reader.surface
}

struct Reader<'a> {
    package: &'a str,
    surface: Surface,
    /// The texts in the values that names of the module are bound to.
    texts: BTreeMap<&'a str, BTreeSet<&'a str>>,
    hook: Option<&'a StmtFunctionDef>,
    /// How many functions and classes are around.
    inside: u32,
}

impl<'a> Visitor<'a> for Reader<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => {
                if self.inside == 0 {
                    self.define(function.name.as_str());
                    if function.name.as_str() == "__getattr__" {
                        self.hook = Some(function);
                    }
                }
                self.deeper(stmt);
            }
            Stmt::ClassDef(class) => {
                if self.inside == 0 {
                    self.define(class.name.as_str());
                }
                self.deeper(stmt);
            }
            Stmt::Global(global) => global.names.iter().for_each(|name| self.define(name.as_str())),
            Stmt::Import(import) if self.inside == 0 => {
                for alias in &import.names {
                    let module = alias.name.as_str();
                    let top = module.split('.').next().unwrap_or_default();
                    let (name, path) =
                        alias.asname.as_ref().map_or((top, top), |name| (name.as_str(), module));
                    self.surface.imported.insert(name.to_owned(), path.to_owned());
                }
            }
            Stmt::ImportFrom(import) if self.inside == 0 => {
                let module = self.absolute(import.module.as_deref(), import.level);
                for alias in &import.names {
                    let imported = alias.name.as_str();
                    if imported == "*" {
                        self.surface.stars.push(module.clone());
                    } else {
                        let name = alias.asname.as_ref().map_or(imported, |name| name.as_str());
                        self.surface.imported.insert(name.to_owned(), format!("{module}.{imported}"));
                    }
                }
            }
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    self.bound(target, &assign.value);
                }
                walk_stmt(self, stmt);
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.bound(&assign.target, value);
                }
                walk_stmt(self, stmt);
            }
            Stmt::AugAssign(assign) => {
                self.bound(&assign.target, &assign.value);
                walk_stmt(self, stmt);
            }
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            // Whatever binds a name at module level: an assignment, a loop, a `with`, `:=`.
            Expr::Name(name) if name.ctx == ExprContext::Store && self.inside == 0 => {
                self.define(name.id.as_str());
            }
            // `globals().update(...)`.
            Expr::Call(call) if is_call_of(&call.func, "globals", Some("update")) => self.surface.open = true,
            _ => {}
        }
        walk_expr(self, expr);
    }
}

impl<'a> Reader<'a> {
    fn define(&mut self, name: &str) {
        self.surface.defined.insert(name.to_owned());
    }

    fn deeper(&mut self, stmt: &'a Stmt) {
        self.inside += 1;
        walk_stmt(self, stmt);
        self.inside -= 1;
    }

    fn absolute(&self, module: Option<&str>, level: u32) -> String {
        let mut parts: Vec<&str> = Vec::new();
        if level > 0 {
            parts.extend(self.package.split('.'));
            parts.truncate(parts.len().saturating_sub(level as usize - 1));
        }
        parts.extend(module);
        parts.join(".")
    }

    fn loaded(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Import(import) => {
                self.surface.loads.extend(import.names.iter().map(|alias| alias.name.to_string()));
            }
            Stmt::ImportFrom(import) => {
                let module = self.absolute(import.module.as_deref(), import.level);
                self.surface
                    .loads
                    .extend(import.names.iter().map(|alias| format!("{module}.{}", alias.name)));
                self.surface.loads.insert(module);
            }
            _ => {}
        }
    }

    /// Keeps what a value that is bound says of the module's names.
    fn bound(&mut self, target: &'a Expr, value: &'a Expr) {
        match target {
            Expr::Name(name) if self.inside == 0 => {
                let mut found = Texts::default();
                found.visit_expr(value);
                let mut texts: BTreeSet<&str> =
                    found.texts.into_iter().filter(|t| is_identifier(t)).collect();
                if name.id.as_str() == "__all__" {
                    self.surface.public.extend(texts.iter().map(|text| (*text).to_owned()));
                }
                // A list that is made of another one has its texts.
                texts.extend(found.names.iter().filter_map(|other| self.texts.get(other)).flatten());
                self.texts.entry(name.id.as_str()).or_default().extend(texts);
            }
            // `globals()[name] = ...` and `sys.modules[__name__] = ...`.
            Expr::Subscript(subscript) => {
                let literal = subscript.slice.is_string_literal_expr();
                let holder = is_call_of(&subscript.value, "globals", None);
                let replaced =
                    matches!(&*subscript.slice, Expr::Name(name) if name.id.as_str() == "__name__");
                self.surface.open |= (holder && !literal) || replaced;
                if let (true, Expr::StringLiteral(name)) = (holder, &*subscript.slice) {
                    self.define(name.value.to_str());
                }
            }
            _ => {}
        }
    }

    /// Adds every name that a `__getattr__` may know: the texts in it and in the collections that it names. One that does not
    /// end by refusing what it does not know leaves the module open.
    fn handed_out(&mut self, hook: &'a StmtFunctionDef) {
        let mut texts = Texts::default();
        texts.visit_body(&hook.body);
        let named = texts.names.iter().filter_map(|name| self.texts.get(name)).flatten();
        let known: Vec<String> =
            texts.texts.iter().chain(named).filter(|t| is_identifier(t)).map(|t| (*t).to_owned()).collect();
        self.surface.handed_out.extend(known);
        let refuses = hook.body.last().is_some_and(is_refusal)
            || hook.body.iter().any(|stmt| {
                matches!(stmt, Stmt::If(unknown)
                    if matches!(&*unknown.test, Expr::Compare(test) if test.comparators.iter().any(Expr::is_none_literal_expr))
                        && unknown.body.last().is_some_and(is_refusal))
            });
        self.surface.open |= !refuses;
    }
}

/// The texts and names in a piece of code.
#[derive(Default)]
struct Texts<'a> {
    texts: Vec<&'a str>,
    names: BTreeSet<&'a str>,
}

impl<'a> Visitor<'a> for Texts<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::StringLiteral(text) => self.texts.push(text.value.to_str()),
            Expr::Name(name) => {
                self.names.insert(name.id.as_str());
            }
            _ => {}
        }
        walk_expr(self, expr);
    }
}

/// Whether it is `name()`, or with a method the attribute `name().method`.
fn is_call_of(expr: &Expr, name: &str, method: Option<&str>) -> bool {
    match (expr, method) {
        (Expr::Attribute(attribute), Some(method)) => {
            attribute.attr.as_str() == method && is_call_of(&attribute.value, name, None)
        }
        (Expr::Call(call), None) => matches!(&*call.func, Expr::Name(own) if own.id.as_str() == name),
        _ => false,
    }
}

/// Whether it is `raise AttributeError(...)`.
fn is_refusal(stmt: &Stmt) -> bool {
    let Stmt::Raise(raise) = stmt else { return false };
    let raised = match raise.exc.as_deref() {
        Some(Expr::Call(call)) => Some(&*call.func),
        other => other,
    };
    matches!(raised, Some(Expr::Name(name)) if name.id.as_str() == "AttributeError")
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        read("kailash.nodes", true, text).defined.into_iter().collect()
    }

    #[test]
    fn every_way_to_bind_a_name_counts() {
        let text = "class A: inner = 1\ndef f():\n    global G\n    local = 2\nB: int = 1\nif B:\n    C = D = 3\nfor E in ():\n    pass\nwith f() as F:\n    pass\n";
        assert_eq!(names(text), ["A", "B", "C", "D", "E", "F", "G", "f"]);
    }

    #[test]
    fn imports_are_absolute() {
        let surface = read(
            "kailash.nodes.data",
            true,
            "from ..base import Node as N\nfrom .x import *\nimport a.b\nimport c.d as e\n",
        );
        let imported: Vec<(&str, &str)> =
            surface.imported.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect();
        assert_eq!(imported, [("N", "kailash.nodes.base.Node"), ("a", "a"), ("e", "c.d")]);
        assert_eq!(surface.stars, ["kailash.nodes.data.x"]);
        assert!(surface.loads.contains("kailash.nodes.base") && surface.loads.contains("a.b"));
        assert!(read("m", false, "if x:\n    import y\n").loads.is_empty());
    }

    #[test]
    fn a_getattr_that_refuses_the_rest_is_read() {
        let text = "KINDS = ['data', 'logic']\nLAZY = {kind: None for kind in KINDS}\ndef __getattr__(name):\n    if name == 'app':\n        return 1\n    if name in LAZY:\n        return 2\n    raise AttributeError(name)\n";
        let surface = read("kailash.nodes", true, text);
        assert!(!surface.open);
        assert!(["app", "data", "logic"].iter().all(|name| surface.handed_out.contains(*name)));
    }

    #[test]
    fn what_cannot_be_read_leaves_the_module_open() {
        assert!(read("m", false, "def __getattr__(name):\n    return load(name)\n").open);
        assert!(read("m", false, "globals().update(found)\n").open);
        assert!(read("m", false, "for n in found:\n    globals()[n] = 1\n").open);
        assert!(read("m", false, "import sys\nsys.modules[__name__] = Lazy()\n").open);
        assert!(read("m", false, "def broken(:\n").open);
        assert!(!read("m", false, "globals()['known'] = 1\n").open);
    }
}
