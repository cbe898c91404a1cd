//! The names of a file, and of the files that it imports from.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprCall, Keyword, ModModule, PySourceType, Stmt, StmtClassDef};
use ruff_python_parser::Parsed;
use ruff_source_file::LineIndex;
use ruff_text_size::{Ranged as _, TextRange, TextSize};
use serde_json::Value;

use super::ir::Place;
use super::literal;

/// Gives the sources of other modules, so that a base class or an enumeration of another file can be read.
pub trait Modules {
    /// Path and text of a module as an import in the file `from` names it: `level` dots, then dotted words.
    fn source(&self, from: &str, level: u32, module: &str) -> Option<(String, String)>;
}

/// No other file can be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModules;

impl Modules for NoModules {
    fn source(&self, _: &str, _: u32, _: &str) -> Option<(String, String)> {
        None
    }
}

/// How many names are looked up for one class: aliases of aliases could otherwise double at every step.
const LOOKUPS_MAX: u32 = 20_000;

/// The deepest nesting of a list or dictionary in which names are looked up.
const CONSTANT_DEPTH_MAX: usize = 8;

/// A parsed file.
pub(super) struct Unit {
    path: String,
    pub(super) text: String,
    pub(super) parsed: Parsed<ModModule>,
    index: LineIndex,
}

impl Unit {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let parsed = ruff_python_parser::parse_unchecked_source(&text, PySourceType::Python);
        let index = LineIndex::from_source_text(&text);
        Self { path: path.to_owned(), text, parsed, index }
    }

    /// The place where a range begins.
    pub(super) fn place(&self, range: TextRange) -> Place {
        let at = self.index.line_column(range.start(), &self.text);
        Place { path: self.path.clone(), line: at.line.get(), column: at.column.get() }
    }

    /// The source text of an expression, for messages.
    pub(super) fn slice(&self, expr: &Expr) -> String {
        let range = expr.range();
        self.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default().to_owned()
    }
}

/// The files read so far, and the means to read more.
pub(super) struct Library<'m> {
    modules: &'m dyn Modules,
    units: RefCell<BTreeMap<String, Rc<Unit>>>,
    lookups: Cell<u32>,
}

impl<'m> Library<'m> {
    pub(super) fn new(modules: &'m dyn Modules) -> Self {
        Self { modules, units: RefCell::new(BTreeMap::new()), lookups: Cell::new(0) }
    }

    fn load(&self, from: &str, level: u32, module: &str) -> Option<Rc<Unit>> {
        let (path, text) = self.modules.source(from, level, module)?;
        if let Some(unit) = self.units.borrow().get(&path) {
            return Some(Rc::clone(unit));
        }
        let unit = Rc::new(Unit::new(&path, &text));
        self.units.borrow_mut().insert(path, Rc::clone(&unit));
        Some(unit)
    }

    /// Whether one more name may be looked up.
    pub(super) fn spend(&self) -> bool {
        self.lookups.set(self.lookups.get().saturating_add(1));
        self.lookups.get() <= LOOKUPS_MAX
    }

    /// Begins the count of another class.
    pub(super) fn begin(&self) {
        self.lookups.set(0);
    }
}

/// A name that comes from another module.
#[derive(Clone, Copy)]
struct Import<'a> {
    level: u32,
    module: &'a str,
    /// The name there; empty for the module itself.
    name: &'a str,
}

/// What a file declares.
pub(super) struct File<'a> {
    pub(super) unit: &'a Unit,
    pub(super) library: &'a Library<'a>,
    pub(super) classes: Vec<&'a StmtClassDef>,
    pub(super) calls: Vec<&'a ExprCall>,
    assigns: BTreeMap<&'a str, Vec<&'a Expr>>,
    imports: BTreeMap<&'a str, Import<'a>>,
    bare_model: bool,
}

impl<'a> File<'a> {
    pub(super) fn of(unit: &'a Unit, library: &'a Library<'a>) -> Self {
        let mut file = Self {
            unit,
            library,
            classes: Vec::new(),
            calls: Vec::new(),
            assigns: BTreeMap::new(),
            imports: BTreeMap::new(),
            bare_model: false,
        };
        file.visit_body(unit.parsed.suite());
        file
    }

    /// The class of this name: of several the last one before a place, for that is the one which Python would see there.
    pub(super) fn class(&self, name: &str, before: Option<TextSize>) -> Option<&'a StmtClassDef> {
        let mut named = self.classes.iter().copied().filter(|c| c.name.as_str() == name);
        match before {
            Some(at) => named.clone().rfind(|c| c.start() < at).or_else(|| named.next()),
            None => named.next(),
        }
    }

    /// What a name is assigned, if it is assigned exactly once in the file.
    pub(super) fn assigned(&self, name: &str) -> Option<&'a Expr> {
        match self.assigns.get(name)?.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// What a name was assigned last before a place.
    pub(super) fn assigned_before(&self, name: &str, at: TextSize) -> Option<&'a Expr> {
        self.assigns.get(name)?.iter().copied().rfind(|e| e.start() < at)
    }

    /// Does something with the file that a name is imported from: it is given that file and the name there.
    pub(super) fn elsewhere<T>(
        &self,
        path: &Expr,
        work: impl FnOnce(&File<'_>, &str) -> Option<T>,
    ) -> Option<T> {
        let (first, rest) = dotted(path)?;
        let import = *self.imports.get(first.as_str())?;
        let from = &self.unit.path;
        let (unit, name) = match rest.split_last() {
            None if import.name.is_empty() => return None,
            None => (self.library.load(from, import.level, import.module)?, import.name.to_owned()),
            Some((last, between)) => {
                let words =
                    [import.module, import.name].into_iter().chain(between.iter().map(String::as_str));
                let module = words.filter(|w| !w.is_empty()).collect::<Vec<_>>().join(".");
                (self.library.load(from, import.level, &module)?, last.clone())
            }
        };
        work(&File::of(&unit, self.library), &name)
    }

    /// The value of a literal, or of a name that is assigned one literal, also inside lists and dictionaries.
    pub(super) fn constant(&self, expr: &Expr) -> Option<Value> {
        self.constant_at(expr, 0)
    }

    fn constant_at(&self, expr: &Expr, depth: usize) -> Option<Value> {
        if let Some(value) = literal::value(expr) {
            return Some(value);
        }
        let inner = |e: &Expr| if depth < CONSTANT_DEPTH_MAX { self.constant_at(e, depth + 1) } else { None };
        match expr {
            Expr::Name(name) => literal::value(self.assigned(name.id.as_str())?),
            Expr::List(list) => list.elts.iter().map(inner).collect::<Option<Vec<_>>>().map(Value::Array),
            Expr::Tuple(tuple) => tuple.elts.iter().map(inner).collect::<Option<Vec<_>>>().map(Value::Array),
            Expr::Dict(dict) => {
                let members = dict.items.iter().map(|item| {
                    let key = inner(item.key.as_ref()?)?;
                    Some((key.as_str()?.to_owned(), inner(&item.value)?))
                });
                members.collect::<Option<serde_json::Map<_, _>>>().map(Value::Object)
            }
            _ => None,
        }
    }

    /// The keywords of the class's model decorator; `None` if it has none.
    pub(super) fn model_keywords(&self, class: &'a StmtClassDef) -> Option<&'a [Keyword]> {
        class.decorator_list.iter().find_map(|d| self.decorator(&d.expression))
    }

    /// Whether the class is a model: by decorator, or passed to a model call.
    pub(super) fn is_model(&self, class: &'a StmtClassDef) -> bool {
        self.model_keywords(class).is_some()
            || self.calls.iter().any(|call| {
                matches!(&*call.arguments.args, [Expr::Name(name)] if name.id.as_str() == class.name.as_str())
            })
    }

    /// The keywords of a model decorator; `None` if it is another decorator.
    pub(super) fn decorator(&self, expr: &'a Expr) -> Option<&'a [Keyword]> {
        let (target, keywords): (&Expr, &[Keyword]) = match expr {
            Expr::Call(call) if call.arguments.args.is_empty() => (&call.func, &call.arguments.keywords),
            other => (other, &[]),
        };
        let bare = matches!(target, Expr::Name(name) if name.id.as_str() == "model") && self.bare_model;
        (bare || is_model_attribute(target)).then_some(keywords)
    }

    /// Whether a name is bound to `DataFlow(...)` in this file, or called as such objects usually are.
    pub(super) fn is_dataflow(&self, receiver: &Expr) -> bool {
        let Some(name) = literal::last_name(receiver) else { return false };
        let bound = self.assigns.get(name).into_iter().flatten().any(
            |value| matches!(value, Expr::Call(call) if literal::last_name(&call.func) == Some("DataFlow")),
        );
        bound || matches!(name, "db" | "df" | "dataflow")
    }
}

impl<'a> StatementVisitor<'a> for File<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::ClassDef(class) => self.classes.push(class),
            // `from dataflow import model`, `model = db.model`: only then is a bare `@model` one of ours.
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |m| m.as_str());
                let ours = module.contains("dataflow");
                self.bare_model |= ours && import.names.iter().any(|n| n.name.as_str() == "model");
                for alias in &import.names {
                    let name = alias.name.as_str();
                    let local = alias.asname.as_ref().map_or(name, |n| n.as_str());
                    self.imports.insert(local, Import { level: import.level, module, name });
                }
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let module = alias.name.as_str();
                    let local = match &alias.asname {
                        Some(name) => name.as_str(),
                        None => module.split('.').next().unwrap_or(module),
                    };
                    let module = if alias.asname.is_some() { module } else { local };
                    self.imports.insert(local, Import { level: 0, module, name: "" });
                }
            }
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    if let Expr::Name(name) = target {
                        self.assigns.entry(name.id.as_str()).or_default().push(&assign.value);
                        self.bare_model |= name.id.as_str() == "model" && is_model_attribute(&assign.value);
                    }
                    if let Expr::Attribute(attribute) = target {
                        self.assigns.entry(attribute.attr.as_str()).or_default().push(&assign.value);
                    }
                }
                Calls(&mut self.calls).visit_expr(&assign.value);
            }
            Stmt::AnnAssign(assign) => {
                if let (Expr::Name(name), Some(value)) = (&*assign.target, &assign.value) {
                    self.assigns.entry(name.id.as_str()).or_default().push(value);
                }
            }
            Stmt::TypeAlias(alias) => {
                if let Expr::Name(name) = &*alias.name {
                    self.assigns.entry(name.id.as_str()).or_default().push(&alias.value);
                }
            }
            Stmt::Expr(statement) => Calls(&mut self.calls).visit_expr(&statement.value),
            Stmt::Return(statement) => {
                if let Some(value) = &statement.value {
                    Calls(&mut self.calls).visit_expr(value);
                }
            }
            _ => {}
        }
        walk_stmt(self, stmt);
    }
}

/// Collects `X.model(...)` calls inside an expression.
struct Calls<'a, 'b>(&'b mut Vec<&'a ExprCall>);

impl<'a> Visitor<'a> for Calls<'a, '_> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr
            && is_model_attribute(&call.func)
        {
            self.0.push(call);
        }
        visitor::walk_expr(self, expr);
    }
}

pub(super) fn is_model_attribute(expr: &Expr) -> bool {
    matches!(expr, Expr::Attribute(attribute) if attribute.attr.as_str() == "model")
}

/// `a.b.c` as its first word and the rest; `None` for anything else.
fn dotted(expr: &Expr) -> Option<(String, Vec<String>)> {
    let mut words = Vec::new();
    let mut at = expr;
    loop {
        match at {
            Expr::Name(name) => {
                words.reverse();
                return Some((name.id.to_string(), words));
            }
            Expr::Attribute(attribute) => {
                words.push(attribute.attr.to_string());
                at = &attribute.value;
            }
            _ => return None,
        }
    }
}
