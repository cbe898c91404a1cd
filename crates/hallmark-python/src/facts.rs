//! What is known of one file after parsing: small structs that rules read, with every name resolved as far as the file goes.
//!
//! **Paths.** An expression that can be named has a symbolic path: `unittest.mock.patch` for an imported name under any
//! alias, `pkg.builder.WorkflowBuilder().build()` for a call on a variable bound to a construction, `$name` for a parameter
//! that has no annotation, `builtins.eval` for a builtin. What cannot be named has none.

mod calls;
mod noted;

use std::sync::Arc;

use thin_vec::ThinVec;

use crate::interface::Interface;
pub use crate::suppression::Suppression;
pub use calls::{Arg, Call, Role};
pub use noted::{
    Bind, Bound, Field, Given, IndexedField, Literal, ModelFacts, NodeCode, Setting, SqlText, StatementKind,
};

/// A shared text, one word wide; equal texts of one file share their bytes.
pub type Name = arcstr::ArcStr;

/// A list of texts, one word wide.
pub type Names = ThinVec<Name>;

/// A range of bytes in the decoded text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// An index into [`Module::scopes`].
pub type ScopeId = u32;

/// Everything that rules may ask of one file.
#[derive(Debug, Default)]
pub struct Module {
    /// What other files may know of it.
    pub interface: Arc<Interface>,
    /// The path relative to the scanned root, with forward slashes.
    pub path: Name,
    /// The dotted name that Python would import it by.
    pub name: Name,
    /// Whether it is an `__init__.py`.
    pub is_package: bool,
    /// The length of the decoded text, in bytes.
    pub length: u32,
    /// One entry for each imported name.
    pub imports: Vec<Import>,
    /// Classes in the order of their headers.
    pub classes: Vec<Class>,
    /// Functions and methods.
    pub functions: Vec<Function>,
    /// Calls whose callee has a path worth asking about.
    pub calls: Vec<Call>,
    /// Assignments of interest: literals bound to sensitive names, attributes of imported objects rebound.
    pub assigns: Vec<Assign>,
    /// Exception handlers.
    pub handlers: Vec<Handler>,
    /// String literals that hold user information in a URL.
    pub urls: Vec<Literal>,
    /// Variables whose names say that their values are made up.
    pub invented: Vec<Bound>,
    /// Texts built by formatting that begin like an SQL statement.
    pub statements: Vec<SqlText>,
    /// Builders that are given away.
    pub given: Vec<Given>,
    /// Attributes of a node's result, where the result is a dictionary; the text is the path of the results.
    pub result_attributes: Vec<Literal>,
    /// Subscripts by text of the pair that an execution gives; the text is the path of the pair.
    pub pair_subscripts: Vec<Literal>,
    /// Texts that a node runs as Python.
    pub codes: Vec<NodeCode>,
    /// Keyword arguments and dictionary entries whose names rules ask for.
    pub settings: Vec<Setting>,
    /// String literals of the shape of a token or key.
    pub tokens: Vec<Literal>,
    /// Addresses of SQLite databases in memory.
    pub memory_databases: Vec<Literal>,
    /// String literals that begin with a drive letter.
    pub drive_paths: Vec<Literal>,
    /// Console output that code page 1252 lacks; the text is empty.
    pub console: Vec<Literal>,
    /// Values under names of personal data that are logged or printed as they are; the text is the name.
    pub logged_persons: Vec<Literal>,
    /// Values under secret names that are logged or printed as they are; the text is the name.
    pub logged_secrets: Vec<Literal>,
    /// Literals that stand in where a secret is missing in the environment: `os.environ.get("X") or "text"`; the text is the
    /// variable's name.
    pub secret_fallbacks: Vec<Literal>,
    /// Names of `pytestmark` marks.
    pub marks: Vec<Name>,
    /// Every `pytest.mark.x`, wherever it stands; the text is `x`.
    pub markers: Vec<Literal>,
    /// Scopes; the first is the module's.
    pub scopes: Vec<Scope>,
    /// Comments that suppress findings.
    pub suppressions: Vec<Suppression>,
    /// Syntax errors and what else could not be followed.
    pub errors: Vec<SourceError>,
}

/// Something in the text that could not be read as Python.
#[derive(Clone, Debug)]
pub struct SourceError {
    /// The code to report.
    pub code: &'static hallmark_core::Code,
    /// The sentence.
    pub message: String,
    /// The line, from 1.
    pub line: u32,
}

/// A scope and the one around it.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// What opened it.
    pub kind: ScopeKind,
    /// The scope around it; the module's is its own.
    pub parent: ScopeId,
}

/// What opens a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// The file.
    Module,
    /// The class of this index.
    Class(u32),
    /// The function of this index.
    Function(u32),
    /// A lambda or a comprehension.
    Block,
}

/// Where in the control flow something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Inside a `try` whose handlers catch a failed import.
    pub import_try: bool,
    /// Inside an exception handler.
    pub handler: bool,
    /// Inside `if TYPE_CHECKING`.
    pub type_checking: bool,
    /// Inside another `if`.
    pub conditional: bool,
}

/// One imported name.
#[derive(Clone, Debug)]
pub struct Import {
    /// The imported alias.
    pub span: Span,
    /// The whole statement.
    pub statement: Span,
    /// The lines of the statement with their end, if it stands alone on them at module level under no condition.
    pub lines: Option<Span>,
    /// Whether it is the first name of its statement.
    pub first: bool,
    /// The module, absolute where it can be known.
    pub module: Name,
    /// The name taken from the module (`*` for all); `None` for `import module`.
    pub name: Option<Name>,
    /// The name it is bound to.
    pub bound: Name,
    /// The number of leading dots.
    pub level: u32,
    /// Where it stands.
    pub scope: ScopeId,
    /// In what control flow.
    pub guard: Guard,
    /// Whether anything in the file reads the bound name.
    pub used: bool,
}

impl Import {
    /// The full path of what is imported.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.name {
            Some(name) => format!("{}.{name}", self.module),
            None => self.module.to_string(),
        }
    }
}

/// A class.
#[derive(Clone, Debug)]
pub struct Class {
    /// The name.
    pub name: Name,
    /// The path: module and name.
    pub path: Name,
    /// The name's place.
    pub span: Span,
    /// Paths of the bases; `None` for one that cannot be named.
    pub bases: ThinVec<Option<Name>>,
    /// Decorators.
    pub decorators: ThinVec<Decorator>,
    /// Indexes of its methods in [`Module::functions`].
    pub methods: ThinVec<u32>,
    /// Where it stands.
    pub scope: ScopeId,
    /// In what control flow.
    pub guard: Guard,
    /// Whether it has a docstring.
    pub documented: bool,
    /// Its fields, if a decorator makes a model of it.
    pub model: Option<Box<ModelFacts>>,
    /// Whether a keyword such as `metaclass=` names `ABCMeta`, or a base is `Protocol` or `ABC`.
    pub is_abstract: bool,
}

/// A decorator.
#[derive(Clone, Debug)]
pub struct Decorator {
    /// The path of the decorator, without its call.
    pub path: Option<Name>,
    /// Whether it is called.
    pub called: bool,
    /// Its place, without the `@`.
    pub span: Span,
}

/// A function or method.
#[derive(Clone, Debug)]
pub struct Function {
    /// The name.
    pub name: Name,
    /// The name's place.
    pub span: Span,
    /// Whether it is `async def`.
    pub is_async: bool,
    /// Names of parameters without `self`, `*args` and `**kwargs`.
    pub params: ThinVec<Param>,
    /// The name of `**kwargs`.
    pub kwarg: Option<Name>,
    /// Decorators.
    pub decorators: ThinVec<Decorator>,
    /// The class it is a method of.
    pub class: Option<u32>,
    /// Where it stands.
    pub scope: ScopeId,
    /// The scope that it opens.
    pub opens: ScopeId,
    /// String keys that the body reads from its `**kwargs`.
    pub reads: ThinVec<Literal>,
    /// Whether it has a docstring.
    pub documented: bool,
    /// Paths of what it returns or yields, where they have one.
    pub returns: Names,
    /// The places of its parameters that it executes as they are.
    pub executes: ThinVec<u32>,
    /// What its body does, nested functions included.
    pub body: Body,
    /// For `get_parameters`: what it declares.
    pub declared: Option<Box<Declared>>,
}

/// What a function's body does, as far as rules ask.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// Statements `assert`.
    pub asserts: u32,
    /// Those of them that cannot fail: the condition is a constant.
    pub constant_asserts: ThinVec<Span>,
    /// Whether it raises, or calls something that fails a test: `raises`, `fail`, `assert_called_with` ...
    pub can_fail: bool,
    /// Last names of the functions it calls, if it is a test; a check may stand in one of them.
    pub calls: Names,
    /// The first `return` with a value other than `None`, of the function itself.
    pub returned: Option<Span>,
    /// Whether it yields.
    pub yields: bool,
    /// The `raise NotImplementedError` that is all it does.
    pub not_implemented: Option<Span>,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// The name.
    pub name: Name,
    /// The place.
    pub span: Span,
}

/// What a `get_parameters` method returns, as far as it can be read.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The entries of the dictionaries it returns.
    pub entries: Vec<Entry>,
    /// Whether more may be declared than `entries` holds (merges, loops, calls of `super()`).
    pub open: bool,
    /// Whether the dictionary is written as a literal somewhere.
    pub literal: bool,
    /// The place of the last such literal.
    pub span: Span,
}

/// One entry of a dictionary.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key, if it is a string literal.
    pub key: Option<Name>,
    /// The value.
    pub value: Value,
    /// The place of the value.
    pub span: Span,
}

/// What an expression is, as far as rules ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string literal, cut at a bound.
    Text(Name),
    /// A text with interpolated parts.
    Formatted,
    /// `None`.
    Nothing,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another constant.
    Constant,
    /// Something with a path.
    Path(Name),
    /// A dictionary literal with these string keys.
    Dict(Names),
    /// A list, tuple or set literal.
    Sequence,
    /// A lambda.
    Lambda,
    /// `*x` or `**x`.
    Spread,
    /// Anything else.
    Other,
}

impl Value {
    /// Whether it is written out where it stands, and is no `None`: a setting rather than code.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(
            self,
            Self::Text(_)
                | Self::Formatted
                | Self::Bool(_)
                | Self::Integer(_)
                | Self::Constant
                | Self::Dict(_)
                | Self::Sequence
        )
    }

    /// The path, if it has one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        if let Self::Path(path) = self { Some(path) } else { None }
    }

    /// The text, if it is a literal.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// An assignment, a keyword argument or a dictionary entry that binds a value to a name.
#[derive(Clone, Debug)]
pub struct Assign {
    /// The last part of the target: a name, an attribute or a string key.
    pub name: Name,
    /// The path of the target, if it is an attribute of something with a path; `sys.modules` for an item of that,
    /// whose name is empty if the key is no literal.
    pub target: Option<Name>,
    /// The value.
    pub value: Value,
    /// The place of the whole binding.
    pub span: Span,
    /// The place of the value.
    pub value_span: Span,
    /// Where it stands.
    pub scope: ScopeId,
}

/// An exception handler.
#[derive(Clone, Debug)]
pub struct Handler {
    /// The place of `except ...` without its body.
    pub span: Span,
    /// Paths of the exceptions; empty for a bare `except`.
    pub exceptions: Names,
    /// Modules that the `try` body imports.
    pub tried_imports: Names,
    /// What the handler binds or returns.
    pub binds: ThinVec<Bind>,
    /// Whether it is `except:` without an exception.
    pub is_bare: bool,
    /// Whether the body does nothing but `pass`.
    pub is_empty: bool,
    /// Whether the body does nothing but go on: `pass`, `continue`, `break`, `...`, or the return of an empty constant.
    pub swallows: bool,
    /// Whether it raises.
    pub reraises: bool,
    /// Whether what is tried is one call that puts things in order: `close`, `stop`, `unlink` ...
    pub tries_cleanup: bool,
    /// Whether something that is tried can fail a test.
    pub tries_check: bool,
    /// Whether a failure can leave it: it raises, asserts, fails or ends the process.
    pub can_fail: bool,
    /// Whether it skips the test.
    pub skips: bool,
    /// The name that the exception is bound to.
    pub bound: Option<Name>,
    /// Where it stands.
    pub scope: ScopeId,
}

impl Module {
    /// The innermost function around a scope.
    #[must_use]
    pub fn function_of(&self, scope: ScopeId) -> Option<&Function> {
        self.walk(scope).find_map(|kind| match kind {
            ScopeKind::Function(index) => self.functions.get(index as usize),
            _ => None,
        })
    }

    /// The innermost class around a scope.
    #[must_use]
    pub fn class_of(&self, scope: ScopeId) -> Option<&Class> {
        self.walk(scope).find_map(|kind| match kind {
            ScopeKind::Class(index) => self.classes.get(index as usize),
            _ => None,
        })
    }

    /// The kinds of the scopes from this one outwards.
    pub fn walk(&self, scope: ScopeId) -> impl Iterator<Item = ScopeKind> + '_ {
        let mut next = Some(scope);
        std::iter::from_fn(move || {
            let id = next?;
            let scope = self.scopes.get(id as usize)?;
            next = (scope.parent != id).then_some(scope.parent);
            Some(scope.kind)
        })
    }
}
