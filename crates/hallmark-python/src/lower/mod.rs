//! From the parser's tree to [`Module`]: names are resolved while walking, then the tree is dropped.

mod bindings;
mod bodies;
mod calls;
mod classes;
mod fields;
mod flows;
mod literals;
mod logs;
mod names;
mod scopes;
mod settings;
mod sql;
mod sql_parts;
mod statements;
mod suppressions;
mod text;
mod values;

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use ruff_python_ast::{PySourceType, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{Guard, Import, Module, Name, Scope, ScopeId, ScopeKind, SourceError, Span};
use crate::{codes, interface, limits};
use bindings::{Bindings, Kept};
use names::Names;

/// The facts of one file. Never fails: syntax errors are in [`Module::errors`], with the facts of the rest beside them.
///
/// `path` is relative to the project with forward slashes; `name` is the dotted name that Python would import the file by.
/// Call this on a thread with a stack of [`limits::PARSER_STACK_BYTES`].
#[must_use]
pub fn read(path: &str, name: &str, text: &str) -> Module {
    let parsed = ruff_python_parser::parse_unchecked_source(text, PySourceType::Python);
    let mut lowerer = Lowerer::new(path, name, text);
    // The first error is the one to mend; those behind it are often its echoes.
    if let Some(error) = parsed.errors().first() {
        let line = text::line_of(text, error.location.start().to_usize());
        let more = match parsed.errors().len() - 1 {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        let message = format!("not valid Python: {}{more}", error.error);
        lowerer.module.errors.push(SourceError { code: &codes::SYNTAX, message, line });
    }
    lowerer.comments(parsed.tokens());
    lowerer.body(parsed.suite());
    lowerer.deferred();
    let too_deep = lowerer.too_deep;
    let module = lowerer.finish();
    if too_deep {
        // Dropping a tree this deep would overflow the stack, and nothing can catch that: one leaked tree is the lesser evil.
        std::mem::forget(parsed);
    }
    module
}

/// A function whose body is walked after everything around it is bound, as Python does.
struct Deferred<'a> {
    function: &'a StmtFunctionDef,
    index: u32,
    scope: ScopeId,
}

thread_local! {
    /// What the files before left.
    static NAMES: Cell<Names> = Cell::default();
}

struct Lowerer<'a> {
    text: &'a str,
    module: Module,
    names: Names,
    bindings: Bindings<'a>,
    /// Paths of `self.x`, by class and name.
    attributes: FxHashMap<(u32, &'a str), Option<Kept>>,
    scope: ScopeId,
    guard: Guard,
    handler: Option<usize>,
    /// Modules imported in the `try` body being walked.
    tried: Vec<Name>,
    queue: VecDeque<Deferred<'a>>,
    /// What texts name.
    named: interface::Named,
    /// Variables that hold a statement that is built, with its place among those of the module.
    built: Vec<(ScopeId, &'a str, usize)>,
    /// How many statements and calls so far can fail a test.
    checks: u32,
    /// Names in `__all__`.
    public: FxHashSet<Name>,
    /// Where paths are put together.
    scratch: String,
    /// Modules of `from x import *` at module level.
    stars: Vec<Name>,
    /// Whether a tool of `unittest.mock` is read that `*` may have brought.
    reads_starred: bool,
    depth: u32,
    in_annotation: bool,
    too_deep: bool,
}

impl<'a> Lowerer<'a> {
    fn new(path: &str, name: &str, text: &'a str) -> Self {
        let module = Module {
            path: path.into(),
            name: name.into(),
            is_package: path.ends_with("__init__.py"),
            length: u32::try_from(text.len()).unwrap_or(u32::MAX),
            scopes: vec![Scope { kind: ScopeKind::Module, parent: 0 }],
            ..Module::default()
        };
        Self {
            text,
            module,
            names: NAMES.take(),
            bindings: Bindings::default(),
            attributes: FxHashMap::default(),
            scope: 0,
            guard: Guard::default(),
            handler: None,
            tried: Vec::new(),
            queue: VecDeque::new(),
            named: interface::Named::default(),
            built: Vec::new(),
            checks: 0,
            public: FxHashSet::default(),
            scratch: String::new(),
            stars: Vec::new(),
            reads_starred: false,
            depth: 0,
            in_annotation: false,
            too_deep: false,
        }
    }

    fn name(&mut self, text: &str) -> Name {
        self.names.get(text)
    }

    /// The text of a literal. A sentence seldom comes again, and is not looked for.
    fn literal_text(&mut self, text: &str) -> Name {
        let text = text::cut(text, limits::LITERAL_BYTES);
        if memchr::memchr(b' ', text.as_bytes()).is_some() { Name::from(text) } else { self.names.get(text) }
    }

    /// The name that these parts make.
    fn joined(&mut self, parts: &[&str]) -> Name {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        text.extend(parts.iter().copied());
        let name = self.names.get(&text);
        self.scratch = text;
        name
    }

    /// Runs `walk` one level deeper, unless that is too deep; says so once.
    fn deeper(&mut self, at: &impl Ranged, walk: impl FnOnce(&mut Self)) {
        if self.depth >= limits::NESTING_DEPTH {
            if !self.too_deep {
                self.too_deep = true;
                let line = text::line_of(self.text, at.range().start().to_usize());
                let message =
                    format!("nested deeper than {} levels: the rest was not followed", limits::NESTING_DEPTH);
                self.module.errors.push(SourceError { code: &codes::NESTING, message, line });
            }
            return;
        }
        self.depth += 1;
        walk(self);
        self.depth -= 1;
    }

    /// Runs `walk` in a new scope inside the current one.
    fn within(&mut self, kind: ScopeKind, walk: impl FnOnce(&mut Self)) {
        let outer = self.scope;
        self.scope = self.open_scope(kind);
        walk(self);
        self.scope = outer;
    }

    fn open_scope(&mut self, kind: ScopeKind) -> ScopeId {
        let id = u32::try_from(self.module.scopes.len()).unwrap_or(u32::MAX);
        self.module.scopes.push(Scope { kind, parent: self.scope });
        id
    }

    fn deferred(&mut self) {
        while let Some(next) = self.queue.pop_front() {
            self.scope = next.scope;
            self.guard = Guard::default();
            self.handler = None;
            self.tried.clear();
            self.function_body(next.function, next.index);
        }
        self.scope = 0;
    }

    /// What the names at module level are bound to.
    fn exports(&mut self) -> Vec<(Name, Name)> {
        let mut path = std::mem::take(&mut self.scratch);
        let known = self.bindings.known(0);
        let exports = known.filter_map(|(name, binding)| {
            path.clear();
            self.bindings.write(binding, &self.module.name, &mut path)?;
            Some((self.names.get(name), self.names.get(&path)))
        });
        exports.collect()
    }

    fn finish(mut self) -> Module {
        let whole_package = self.module.is_package;
        let is_used = |import: &Import| {
            let key = Bindings::key(&import.bound);
            self.bindings.find(key, import.scope, &import.bound).is_some_and(|binding| binding.used.get())
        };
        for import in &mut self.module.imports {
            import.used = whole_package
                || (self.reads_starred && import.name.as_deref() == Some("*"))
                || (import.scope == 0 && self.public.contains(&import.bound))
                || is_used(import);
        }
        let exports = self.exports();
        self.names.next_file();
        NAMES.set(self.names);
        let mut module = self.module;
        module.interface = Arc::new(interface::of(&module, exports, self.stars, self.named));
        module.imports.shrink_to_fit();
        module.calls.shrink_to_fit();
        module.functions.shrink_to_fit();
        module.assigns.shrink_to_fit();
        module
    }
}

fn span(range: TextRange) -> Span {
    Span { start: range.start().to_u32(), end: range.end().to_u32() }
}
