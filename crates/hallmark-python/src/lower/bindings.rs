//! What the names of each scope of a file are bound to.

use std::cell::Cell;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use ruff_python_ast::Expr;

use super::names;
use crate::facts::ScopeId;

/// A path that is kept for a name that is bound to it; see [`Bindings::keep`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    start: usize,
    end: usize,
}

/// What a name is bound to. Most paths are never asked for, so those that can be put together are put together when they are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// Something without a path.
    Unknown,
    /// Something with this path.
    Path(Kept),
    /// An object of this class, or what this function gives.
    Instance(Kept),
    /// What this file defines under the name itself.
    Own,
    /// A parameter of this name that has no annotation.
    Parameter,
}

impl From<Option<Kept>> for Meaning {
    fn from(path: Option<Kept>) -> Self {
        path.map_or(Self::Unknown, Self::Path)
    }
}

/// A name in a scope.
pub(super) struct Binding<'a> {
    hash: u64,
    pub(super) scope: ScopeId,
    name: &'a str,
    /// Whether anything reads it.
    pub(super) used: Cell<bool>,
    pub(super) meaning: Meaning,
    /// What was assigned to it last, as far as that can be seen.
    pub(super) value: Option<&'a Expr>,
    /// Whether it is bound more than once, or added to.
    pub(super) changes: bool,
}

impl<'a> Binding<'a> {
    /// Whether it has a path.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self.meaning, Meaning::Unknown)
    }

    /// The one thing that is assigned to it.
    pub(super) fn only_value(&self) -> Option<&'a Expr> {
        self.value.filter(|_| !self.changes)
    }
}

/// All names of all scopes, in one table: most scopes have a few, and there are many.
#[derive(Default)]
pub(super) struct Bindings<'a> {
    table: HashTable<Binding<'a>>,
    /// Paths, one behind the other: most are never made names of.
    paths: String,
}

impl<'a> Bindings<'a> {
    /// What tells a name in every scope; see [`Bindings::find`].
    pub(super) fn key(name: &str) -> u64 {
        names::hash(name)
    }

    /// Keeps a path.
    pub(super) fn keep(&mut self, parts: &[&str]) -> Kept {
        let start = self.paths.len();
        self.paths.extend(parts.iter().copied());
        Kept { start, end: self.paths.len() }
    }

    /// A path that is kept.
    pub(super) fn path(&self, kept: Kept) -> &str {
        &self.paths[kept.start..kept.end]
    }

    /// Writes the path of a binding behind what there is; `module` is the name of the file.
    pub(super) fn write(&self, binding: &Binding<'_>, module: &str, out: &mut String) -> Option<()> {
        match binding.meaning {
            Meaning::Unknown => return None,
            Meaning::Path(path) => out.push_str(self.path(path)),
            Meaning::Instance(class) => out.extend([self.path(class), "()"]),
            Meaning::Own => out.extend([module, ".", binding.name]),
            Meaning::Parameter => out.extend(["$", binding.name]),
        }
        Some(())
    }

    /// The binding of a name in a scope; `key` is the name's.
    pub(super) fn find(&self, key: u64, scope: ScopeId, name: &str) -> Option<&Binding<'a>> {
        self.table.find(place(key, scope), |b| b.scope == scope && b.hash == key && b.name == name)
    }

    /// Binds a name, unless it is known and `keeps` says that what comes now must not hide that.
    pub(super) fn bind(
        &mut self,
        scope: ScopeId,
        name: &'a str,
        meaning: Meaning,
        keeps: bool,
    ) -> &mut Binding<'a> {
        let key = Self::key(name);
        let same = |b: &Binding<'_>| b.scope == scope && b.hash == key && b.name == name;
        let hash = |b: &Binding<'_>| place(b.hash, b.scope);
        match self.table.entry(place(key, scope), same, hash) {
            Entry::Occupied(known) => {
                let binding = known.into_mut();
                if !(keeps && binding.is_known()) {
                    binding.meaning = meaning;
                }
                (binding.value, binding.changes) = (None, true);
                binding
            }
            Entry::Vacant(place) => {
                let used = Cell::new(false);
                let binding = Binding { hash: key, scope, name, used, meaning, value: None, changes: false };
                place.insert(binding).into_mut()
            }
        }
    }

    /// Notes that a name of a scope is added to.
    pub(super) fn add_to(&mut self, scope: ScopeId, name: &str) {
        let key = Self::key(name);
        let same = |b: &Binding<'_>| b.scope == scope && b.hash == key && b.name == name;
        if let Some(binding) = self.table.find_mut(place(key, scope), same) {
            binding.changes = true;
        }
    }

    /// The names of a scope that are known, in no order.
    pub(super) fn known(&self, scope: ScopeId) -> impl Iterator<Item = (&'a str, &Binding<'a>)> {
        self.table.iter().filter(move |b| b.scope == scope && b.is_known()).map(|b| (b.name, b))
    }
}

/// Where a name of a scope stands in the table: names that many scopes have are spread.
fn place(hash: u64, scope: ScopeId) -> u64 {
    hash.wrapping_add(u64::from(scope).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
