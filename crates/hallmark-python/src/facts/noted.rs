//! Facts about single values: settings, literals, statements in texts, fields of models, builders that are given away.

use super::{Name, Names, ScopeId, Span, Value};

/// A builder of workflows that is given to a call.
#[derive(Clone, Debug)]
pub struct Given {
    /// The path of the builder.
    pub builder: Name,
    /// The path of what is called, if it has one.
    pub to: Option<Name>,
    /// The place among the positional arguments, from 0.
    pub position: u32,
    /// The place of the argument.
    pub span: Span,
    /// Where it stands.
    pub scope: ScopeId,
}

/// A text that a node runs as Python.
#[derive(Clone, Debug, Default)]
pub struct NodeCode {
    /// The number of its lines that are not empty.
    pub lines: u32,
    /// Whether parts are interpolated into it.
    pub formatted: bool,
    /// Why it is not valid Python.
    pub error: Option<String>,
    /// Whether the name `result` occurs in it.
    pub binds_result: bool,
    /// Whether it reads `inputs`, which such code does not have.
    pub reads_inputs: bool,
    /// The place of the text.
    pub span: Span,
    /// Where it stands.
    pub scope: ScopeId,
}

/// A value that is given to a name that rules ask for.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The keyword or key.
    pub name: Name,
    /// The value.
    pub value: Value,
    /// The texts of a list.
    pub items: Names,
    /// The path of what it is an argument of, if it has one.
    pub of: Option<Name>,
    /// The last name of what it is an argument of; none for an entry of a dictionary.
    pub method: Option<Name>,
    /// The place of the value.
    pub span: Span,
    /// Where it stands.
    pub scope: ScopeId,
}

/// What the body of a model declares.
#[derive(Clone, Debug, Default)]
pub struct ModelFacts {
    /// Its annotated fields in order.
    pub fields: Vec<Field>,
    /// The fields that its indexes name.
    pub indexed: Vec<IndexedField>,
    /// The predicates of its partial indexes.
    pub predicates: Vec<Literal>,
}

/// A field of a model.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name.
    pub name: Name,
    /// The whole declaration.
    pub span: Span,
    /// Whether its type is `float`.
    pub is_float: bool,
    /// Whether its type has room for `None`.
    pub takes_none: bool,
    /// The default and its place.
    pub default: Option<(Value, Span)>,
}

/// A field that an index names.
#[derive(Clone, Debug)]
pub struct IndexedField {
    /// The name.
    pub name: Name,
    /// The place of the name.
    pub span: Span,
}

/// A variable where it is bound.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The name.
    pub name: Name,
    /// The place of the name.
    pub span: Span,
    /// Where it stands.
    pub scope: ScopeId,
}

/// What a handler binds or returns.
#[derive(Clone, Debug)]
pub struct Bind {
    /// The name that is bound; `return` for a returned value.
    pub name: Name,
    /// A path for values and imports, `None` for a class or function defined there.
    pub value: Option<Name>,
    /// Whether it is a class definition.
    pub is_class: bool,
    /// Whether it is the definition of a class or function.
    pub is_definition: bool,
    /// The place.
    pub span: Span,
}

/// A string literal with its place.
#[derive(Clone, Debug)]
pub struct Literal {
    /// The text, cut at a bound.
    pub text: Name,
    /// The place.
    pub span: Span,
    /// Where it stands.
    pub scope: ScopeId,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// Reads or changes rows.
    Data,
    /// Changes tables, indexes, schemas.
    Definition,
    /// Cypher.
    Graph,
}

/// A text that begins like an SQL statement and is built by formatting.
#[derive(Clone, Debug)]
pub struct SqlText {
    /// How it is built: `f-string`, `%`, `+` or `format`.
    pub built_by: &'static str,
    /// What kind of statement it is.
    pub kind: StatementKind,
    /// Whether all that is interpolated stands where a name of a table or column stands.
    pub names_only: bool,
    /// The last part of what it is given to: a method, a keyword or key, or a variable's name.
    pub sink: Name,
    /// The method that the variable is given to, if that runs statements.
    pub run_by: Option<Name>,
    /// The place.
    pub span: Span,
    /// Where it stands.
    pub scope: ScopeId,
}

impl SqlText {
    /// What it is given to, in small letters, if that runs statements as `runs` says.
    pub fn runner(&self, runs: impl Fn(&str) -> bool) -> Option<String> {
        let sinks = std::iter::once(&self.sink).chain(&self.run_by);
        sinks.map(|sink| sink.to_ascii_lowercase()).find(|sink| runs(sink))
    }
}
