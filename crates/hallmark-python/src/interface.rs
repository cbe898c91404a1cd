//! What other files may know of a file: no places, no bodies. An edit inside a function leaves it as it was, so a change of
//! it tells which other files must be looked at again.

mod announced;

use std::hash::{Hash as _, Hasher};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use crate::facts::{Module, Name, Names, ScopeKind};
use crate::fixtures::{self, FixtureFace};
use crate::{clients, facts};
pub use announced::marker_name;

/// The outside of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interface {
    /// The path relative to the scanned root, with forward slashes.
    pub path: Name,
    /// The dotted name that Python would import it by.
    pub name: Name,
    /// Whether it is an `__init__.py`.
    pub is_package: bool,
    /// Module-level names and the paths they are bound to, sorted by name.
    pub exports: Vec<(Name, Name)>,
    /// Modules of `from x import *` at module level.
    pub stars: Vec<Name>,
    /// Classes in the order of [`Module::classes`].
    pub classes: Vec<ClassFace>,
    /// Functions and methods in the order of [`Module::functions`].
    pub functions: Vec<FunctionFace>,
    /// Whether it imports a client of PostgreSQL or names a server of it.
    pub uses_postgresql: bool,
    /// Whether it imports a client of SQLite or names a database of it that is not in memory.
    pub uses_sqlite: bool,
    /// The services whose clients it imports.
    pub services: Names,
    /// Modules that it names as plugins of pytest.
    pub plugins: Vec<Name>,
    /// Paths that are given to a call that registers.
    pub registers: Vec<Name>,
    /// What it registers with calls and gives to builders.
    pub announced: Announced,
}

/// What a file tells other programs about by calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Announced {
    /// Names under which it registers nodes, besides those of its classes; `*` for one that cannot be read.
    pub nodes: Vec<Name>,
    /// Types of nodes that it gives to `add_node`.
    pub node_types: Vec<Name>,
    /// Markers that it registers with pytest; `*` for one that cannot be read.
    pub markers: Vec<Name>,
}

/// The outside of a class.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClassFace {
    /// The name.
    pub name: Name,
    /// The path: module and name.
    pub path: Name,
    /// Paths of the bases; `None` for one that cannot be named.
    pub bases: ThinVec<Option<Name>>,
    /// Paths of the decorators that have one.
    pub decorators: Names,
    /// Indexes of its methods in [`Interface::functions`].
    pub methods: ThinVec<u32>,
    /// The name it is registered under by a decorator.
    pub registered_as: Option<Name>,
    /// Whether it says that it is abstract.
    pub is_abstract: bool,
    /// Whether it stands at module level.
    pub top_level: bool,
    /// The services that its methods call the clients of.
    pub services: Names,
}

/// The outside of a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FunctionFace {
    /// The name.
    pub name: Name,
    /// The class it is a method of.
    pub class: Option<u32>,
    /// Whether it is `async def`.
    pub is_async: bool,
    /// Whether it stands at module level.
    pub top_level: bool,
    /// Names of its parameters without `self`, `*args` and `**kwargs`.
    pub params: Names,
    /// Whether it takes `**kwargs`.
    pub has_kwarg: bool,
    /// Paths of the decorators that have one.
    pub decorators: Names,
    /// Paths of what it returns or yields, where they have one.
    pub returns: Names,
    /// The places of its parameters that it executes as they are.
    pub executes: ThinVec<u32>,
    /// Whether its body can fail a test: it asserts, raises, or calls something that does.
    pub can_fail: bool,
    /// For `get_parameters`: the keys it declares, and whether there may be more.
    pub declared: Option<Box<(Names, bool)>>,
    /// The services whose clients it calls.
    pub services: Names,
    /// What it says of itself as a fixture.
    pub fixture: Option<Box<FixtureFace>>,
}

impl Interface {
    /// What a module-level name is bound to.
    #[must_use]
    pub fn export(&self, name: &str) -> Option<&Name> {
        let at = self.exports.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        self.exports.get(at).map(|(_, path)| path)
    }

    /// A number that is equal for equal interfaces, and different for different ones but for bad luck in 2^64.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut bytes = Bytes::default();
        self.hash(&mut bytes);
        bytes.finish()
    }

    /// The methods of a class of this file.
    pub fn methods<'a>(&'a self, class: &'a ClassFace) -> impl Iterator<Item = &'a FunctionFace> {
        class.methods.iter().filter_map(|index| self.functions.get(*index as usize))
    }
}

/// What is hashed, put together first: there are thousands of short parts, and one long text is hashed many times quicker.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.0)
    }
}

/// Takes the outside of a file from its facts; `exports` need no order.
pub(crate) fn of(
    module: &Module,
    mut exports: Vec<(Name, Name)>,
    stars: Vec<Name>,
    named: Named,
) -> Interface {
    exports.sort_unstable();
    let mut fixtures = fixtures::of(module);
    let (mut of_functions, mut of_classes) = services(module);
    let paths = |decorators: &[facts::Decorator]| -> Names {
        decorators.iter().filter_map(|d| d.path.clone()).collect()
    };
    let at_top = |scope: u32| {
        module.scopes.get(scope as usize).is_some_and(|scope| matches!(scope.kind, ScopeKind::Module))
    };
    let classes = module.classes.iter().enumerate().map(|(place, class)| ClassFace {
        name: class.name.clone(),
        path: class.path.clone(),
        bases: class.bases.clone(),
        decorators: paths(&class.decorators),
        methods: class.methods.clone(),
        registered_as: registered_as(module, class),
        is_abstract: class.is_abstract,
        top_level: at_top(class.scope),
        services: of_classes.remove(&place).unwrap_or_default(),
    });
    let functions = module.functions.iter().enumerate().map(|(place, function)| FunctionFace {
        name: function.name.clone(),
        class: function.class,
        is_async: function.is_async,
        top_level: at_top(function.scope),
        params: function.params.iter().map(|p| p.name.clone()).collect(),
        has_kwarg: function.kwarg.is_some(),
        decorators: paths(&function.decorators),
        returns: function.returns.clone(),
        executes: function.executes.clone(),
        can_fail: function.body.can_fail || function.body.asserts > 0,
        declared: function
            .declared
            .as_ref()
            .map(|d| Box::new((d.entries.iter().filter_map(|e| e.key.clone()).collect(), d.open))),
        services: of_functions.remove(&place).unwrap_or_default(),
        fixture: fixtures.remove(&place).map(Box::new),
    });
    let registering = module
        .calls
        .iter()
        .filter(|call| call.callee.ends_with("register") || call.callee.contains("register_node"));
    let registers =
        registering.flat_map(|call| call.args.iter().filter_map(|a| a.value.path().map(Name::from)));
    let mut imported = ThinVec::new();
    for import in &module.imports {
        if let Some(service) = clients::called(&import.module) {
            clients::add(&mut imported, service);
        }
    }
    Interface {
        path: module.path.clone(),
        name: module.name.clone(),
        is_package: module.is_package,
        exports,
        stars,
        classes: classes.collect(),
        functions: functions.collect(),
        uses_postgresql: named.postgresql || module.imports.iter().any(|i| is_client(&i.module)),
        uses_sqlite: named.sqlite
            || module
                .imports
                .iter()
                .any(|i| matches!(i.module.split('.').next(), Some("sqlite3" | "aiosqlite"))),
        services: imported,
        plugins: named.plugins,
        registers: registers.collect(),
        announced: announced::of(module),
    }
}

/// What the texts of a file name.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Whether one is the address of a PostgreSQL server.
    pub(crate) postgresql: bool,
    /// Whether one is the address of a SQLite database in a file.
    pub(crate) sqlite: bool,
    /// Those in `pytest_plugins`.
    pub(crate) plugins: Vec<Name>,
}

/// Services by the place of a function or class.
type Services = FxHashMap<usize, Names>;

/// The services that functions and classes call the clients of.
fn services(module: &Module) -> (Services, Services) {
    let (mut functions, mut classes) = (Services::default(), Services::default());
    for call in &module.calls {
        let Some(service) = clients::called(&call.callee) else { continue };
        for kind in module.walk(call.scope) {
            match kind {
                ScopeKind::Function(index) => {
                    clients::add(functions.entry(index as usize).or_default(), service);
                }
                ScopeKind::Class(index) => {
                    clients::add(classes.entry(index as usize).or_default(), service);
                }
                ScopeKind::Module | ScopeKind::Block => {}
            }
        }
    }
    (functions, classes)
}

/// Whether a module is a client of PostgreSQL.
fn is_client(module: &str) -> bool {
    matches!(module.split('.').next(), Some("asyncpg" | "psycopg" | "psycopg2" | "psycopg_pool" | "pg8000"))
}

/// The name that `@register_node(alias=...)` registers a class under: the alias, or its own.
fn registered_as(module: &Module, class: &facts::Class) -> Option<Name> {
    let decorator = class
        .decorators
        .iter()
        .find(|d| d.path.as_deref().is_some_and(|path| path.ends_with("register_node")))?;
    let call = module.calls.iter().find(|call| call.span == decorator.span);
    let alias = call.and_then(|call| call.keyword("alias").or_else(|| call.positional(0)));
    Some(alias.and_then(|alias| alias.value.text()).map_or_else(|| class.name.clone(), Name::from))
}
