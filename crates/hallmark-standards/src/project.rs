//! The project as rules see it: the index, and what all files together say of a class.

use std::sync::Arc;

use hallmark_python::facts::Name;
use hallmark_python::index::{Index, View};
use hallmark_python::interface::Interface;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::announced::Announced;
use crate::surroundings::Surroundings;
use crate::tier;

/// The project as rules see it: the index and what is known of all its classes.
#[derive(Default)]
pub(crate) struct Project {
    pub(crate) index: Index,
    pub(crate) joined: Joined,
    /// What lies around the files.
    pub(crate) surroundings: Arc<Surroundings>,
    /// One for each module of the index; none if the project was remembered.
    followed: Vec<Followed>,
}

/// What all files together say. It rests on what files show of themselves, but for functions, services and plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joined {
    /// Paths of classes that other classes derive from.
    pub(crate) subclassed: FxHashSet<String>,
    /// Paths of classes that are registered by a call.
    pub(crate) registered: FxHashSet<String>,
    /// Names that nodes of packages are registered under more than once, with the files.
    pub(crate) node_names: FxHashMap<Name, Vec<Name>>,
    /// Names of the classes that the product itself defines at module level.
    pub(crate) product: FxHashSet<Name>,
    /// Whether the product talks to PostgreSQL.
    pub(crate) postgresql: bool,
    /// Whether packages of the product keep data in SQLite too.
    pub(crate) sqlite: bool,
    /// What a file of the project takes from another's imports of a mocking library or of nodes, as `module.name`.
    pub(crate) handed_on: FxHashSet<String>,
    /// What files tell the registry of nodes and pytest.
    pub(crate) announced: Announced,
}

/// Where the paths that a module names lead.
struct Followed {
    /// Bases of its classes, in their last form.
    bases: Vec<String>,
    /// What it registers, in its last form.
    registers: Vec<String>,
    /// What it takes from other files' imports of a mocking library or of nodes: `path.name`, or `path.*` for a star.
    takes: Vec<String>,
    /// The modules that all of it rests on, sorted.
    seen: Vec<u32>,
}

impl Followed {
    fn new(index: &Index, module: &Interface, offering: &FxHashSet<&str>) -> Self {
        let view = index.view(module);
        let bases = module.classes.iter().flat_map(|c| c.bases.iter().flatten());
        let bases =
            bases.filter(|base| !base.starts_with("builtins.")).map(|base| view.canonical(base)).collect();
        let registers = module.registers.iter().map(|path| view.canonical(path)).collect();
        let takes = takes(&view, module, offering);
        Self { bases, registers, takes, seen: view.seen() }
    }

    /// Whether everything leads where it led, over whatever modules.
    fn leads_as(&self, before: &Self) -> bool {
        (&self.bases, &self.registers, &self.takes) == (&before.bases, &before.registers, &before.takes)
    }
}

impl Project {
    pub(crate) fn new(index: Index, surroundings: Arc<Surroundings>) -> Self {
        let index = beside(index, &surroundings);
        let followed = Self::follow(&index);
        Self::join(index, followed, surroundings)
    }

    /// A project of which it is known what all files together say.
    pub(crate) fn remembered(index: Index, joined: Joined, surroundings: Arc<Surroundings>) -> Self {
        let index = beside(index, &surroundings);
        Self { index, joined, surroundings, followed: Vec::new() }
    }

    fn follow(index: &Index) -> Vec<Followed> {
        let offering = offering(index);
        index.modules().par_iter().map(|module| Followed::new(index, module, &offering)).collect()
    }

    fn join(index: Index, followed: Vec<Followed>, surroundings: Arc<Surroundings>) -> Self {
        let (mut subclassed, mut registered) = (FxHashSet::default(), FxHashSet::default());
        let mut product = FxHashSet::default();
        let mut node_names: FxHashMap<Name, Vec<Name>> = FxHashMap::default();
        let (mut postgresql, mut sqlite) = (false, false);
        for module in index.modules() {
            if !tier::is_test_path(&module.path) {
                postgresql |= module.uses_postgresql;
                // Scripts are programs of their own: what two of them register never meets.
                let packaged = module.name.contains('.');
                sqlite |= packaged && module.uses_sqlite;
                for name in module
                    .classes
                    .iter()
                    .filter(|c| c.top_level && packaged)
                    .filter_map(|c| c.registered_as.clone())
                {
                    node_names.entry(name).or_default().push(module.path.clone());
                }
                product.extend(module.classes.iter().filter(|c| c.top_level).map(|c| c.name.clone()));
            }
        }
        for module in &followed {
            subclassed.extend(module.bases.iter().cloned());
            registered.extend(module.registers.iter().cloned());
        }
        let handed_on = followed.iter().flat_map(|module| module.takes.iter().cloned()).collect();
        node_names.retain(|_, files| files.len() > 1);
        let announced = Announced::new(&index);
        let joined =
            Joined { subclassed, registered, node_names, product, postgresql, sqlite, handed_on, announced };
        Self { index, joined, surroundings, followed }
    }

    /// Puts another outside in the place of a file's. Gives whether what the project says of classes may be another now.
    pub(crate) fn replace(&mut self, place: usize, old: &Interface, new: &Arc<Interface>) -> bool {
        let same = says_the_same(old, new);
        // Somebody types an import: while nobody takes it from this file, only the paths that lead through it can change.
        let imports_only = says_the_same_but_exports(old, new) && !offers(old) && !offers(new);
        self.index.replace(place, new.clone());
        if same {
            return false;
        }
        let mut followed = std::mem::take(&mut self.followed);
        let modules = self.index.modules();
        // What others take is looked up with those alone that offer something.
        if followed.len() == modules.len() && offers(old) == offers(new) {
            let offering = offering(&self.index);
            let id = u32::try_from(place).unwrap_or(u32::MAX);
            let mut leads_elsewhere = false;
            for (at, (module, followed)) in modules.into_iter().zip(&mut followed).enumerate() {
                if at == place || followed.seen.binary_search(&id).is_ok() {
                    let next = Followed::new(&self.index, module, &offering);
                    leads_elsewhere |= !next.leads_as(followed);
                    *followed = next;
                }
            }
            if imports_only && !leads_elsewhere {
                self.followed = followed;
                return false;
            }
        } else {
            followed = Self::follow(&self.index);
        }
        let next = Self::join(std::mem::take(&mut self.index), followed, self.surroundings.clone());
        let says_more = next.joined != self.joined;
        *self = next;
        says_more
    }

    /// What the project says of the classes of a file, as one number: which are derived from, and which are registered by
    /// calls elsewhere, which bear the name of a class of the product, and what the product is made of.
    pub(crate) fn answers(&self, file: &Interface) -> u64 {
        let mut hasher = rustc_hash::FxHasher::default();
        let joined = &self.joined;
        std::hash::Hash::hash(&(joined.postgresql, joined.sqlite), &mut hasher);
        // Who builds workflows rests on every node of the project, who writes tests on every marker.
        let announced = &joined.announced;
        let nodes = if file.announced.node_types.is_empty() { 0 } else { announced.digest };
        std::hash::Hash::hash(&(nodes, announced.markers_digest), &mut hasher);
        for (name, _) in file.exports.iter().filter(|(_, path)| is_followed(path)) {
            std::hash::Hash::hash(&self.is_handed_on(file, name), &mut hasher);
        }
        for class in &file.classes {
            let said = (
                joined.subclassed.contains(&*class.path),
                joined.registered.contains(&*class.path),
                joined.product.contains(&*class.name),
                class.registered_as.as_ref().and_then(|name| joined.node_names.get(name)),
            );
            std::hash::Hash::hash(&said, &mut hasher);
        }
        std::hash::Hasher::finish(&hasher)
    }
}

impl Project {
    /// Whether another file takes this name from the file's imports.
    pub(crate) fn is_handed_on(&self, file: &Interface, name: &str) -> bool {
        let taken = &self.joined.handed_on;
        !taken.is_empty() && taken.contains(&format!("{}.{name}", file.path))
    }
}

/// The modules with what there is besides them.
fn beside(index: Index, surroundings: &Arc<Surroundings>) -> Index {
    let surroundings = surroundings.clone();
    index.beside(Box::new(move |module, owner| surroundings.has_owner(module, owner)))
}

/// Whether two outsides of one file differ in nothing that [`Joined`] rests on, which is everything but functions, services and
/// plugins: while only those change, as they do when somebody types in a signature, nothing of it has to be worked out again.
pub(crate) fn says_the_same(old: &Interface, new: &Interface) -> bool {
    says_the_same_but_exports(old, new) && old.exports == new.exports
}

/// [`says_the_same`], whatever names the module binds.
fn says_the_same_but_exports(old: &Interface, new: &Interface) -> bool {
    // Spelled out, so that a new field has to be thought of here.
    let Interface {
        path,
        name,
        is_package,
        exports: _,
        stars,
        classes,
        functions: _,
        uses_postgresql,
        uses_sqlite,
        services: _,
        plugins: _,
        registers,
        announced,
    } = old;
    (path, name, is_package) == (&new.path, &new.name, &new.is_package)
        && (stars, classes) == (&new.stars, &new.classes)
        && (uses_postgresql, uses_sqlite) == (&new.uses_postgresql, &new.uses_sqlite)
        && (registers, announced) == (&new.registers, &new.announced)
}

/// Whether a path leads into a mocking library.
fn is_mock_path(path: &str) -> bool {
    path.strip_prefix("unittest.mock")
        .or_else(|| path.strip_prefix("mock"))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether it matters who takes what is imported by this path from another file.
fn is_followed(path: &str) -> bool {
    is_mock_path(path) || path.starts_with("kailash.nodes.")
}

/// Whether a file has imports that it matters for who takes them.
fn offers(module: &Interface) -> bool {
    module.exports.iter().any(|(_, path)| is_followed(path)) || module.stars.iter().any(|s| is_followed(s))
}

/// The last parts of the names of the files that offer something.
fn offering(index: &Index) -> FxHashSet<&str> {
    index.modules().into_iter().filter(|module| offers(module)).map(|module| last(&module.name)).collect()
}

/// What a file takes from other files' imports of a mocking library or of nodes.
fn takes(view: &View<'_>, module: &Interface, offering: &FxHashSet<&str>) -> Vec<String> {
    let mut taken = Vec::new();
    let mut whole = |home: &Interface| {
        taken.extend(home.exports.iter().map(|(name, _)| format!("{}.{name}", home.path)));
        taken.push(format!("{}.*", home.path));
    };
    for (_, path) in &module.exports {
        // The file as a whole: whatever it imports may be used through it.
        if offering.contains(last(path))
            && let Some(home) = view.module(path)
        {
            whole(home);
        }
    }
    for star in module.stars.iter().filter(|star| offering.contains(last(star))) {
        if let Some(home) = view.module(star) {
            whole(home);
        }
    }
    for (_, path) in &module.exports {
        let Some((holder, name)) = path.rsplit_once('.') else { continue };
        if offering.contains(last(holder))
            && let Some(home) = view.module(holder)
        {
            taken.push(format!("{}.{name}", home.path));
        }
    }
    taken
}

/// The last part of a dotted name.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
