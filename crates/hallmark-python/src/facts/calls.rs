//! Calls and their arguments.

use thin_vec::ThinVec;

use super::{Guard, Name, ScopeId, Span, Value};

/// How a call stands in its statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// It is a decorator.
    pub decorator: bool,
    /// It is the context of a `with`.
    pub with: bool,
    /// It is awaited.
    pub awaited: bool,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The path of what is called.
    pub callee: Name,
    /// The name of the variable that its chain begins with, for calls of builders, runtimes and nodes.
    pub receiver: Option<Name>,
    /// The place of the whole call.
    pub span: Span,
    /// The place of what is called.
    pub head: Span,
    /// The arguments in order.
    pub args: ThinVec<Arg>,
    /// Where it stands.
    pub scope: ScopeId,
    /// How it stands there.
    pub role: Role,
    /// In what control flow.
    pub guard: Guard,
}

impl Call {
    /// The positional argument at this place.
    #[must_use]
    pub fn positional(&self, index: usize) -> Option<&Arg> {
        self.args.iter().filter(|a| a.keyword.is_none()).nth(index)
    }

    /// The keyword argument of this name.
    #[must_use]
    pub fn keyword(&self, name: &str) -> Option<&Arg> {
        self.args.iter().find(|a| a.keyword.as_deref() == Some(name))
    }

    /// Whether an argument is spread, so that the number of arguments is unknown.
    #[must_use]
    pub fn has_spread(&self) -> bool {
        self.args.iter().any(|a| a.value == Value::Spread)
    }
}

/// An argument.
#[derive(Clone, Debug)]
pub struct Arg {
    /// The keyword.
    pub keyword: Option<Name>,
    /// The value.
    pub value: Value,
    /// The place.
    pub span: Span,
}
