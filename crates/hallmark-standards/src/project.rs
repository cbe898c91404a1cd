//! The project as rules see it: the index, and what all files together say of a class.

use std::sync::Arc;

use hallmark_python::facts::Name;
use hallmark_python::index::Index;
use hallmark_python::interface::Interface;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::announced::Announced;
use crate::surroundings::Surroundings;
use crate::tier;

/// The project as rules see it: the index and what is known of all its classes.
#[derive(Default)]
pub(crate) struct Project {
    pub(crate) index: Index,
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
    /// What lies around the files.
    pub(crate) surroundings: Arc<Surroundings>,
    /// One for each module of the index.
    followed: Vec<Followed>,
}

/// Where the paths that a module names lead.
struct Followed {
    /// Bases of its classes, in their last form.
    bases: Vec<String>,
    /// What it registers, in its last form.
    registers: Vec<String>,
    /// The modules that both rest on, sorted.
    seen: Vec<u32>,
}

impl Followed {
    fn new(index: &Index, module: &Interface) -> Self {
        let view = index.view(module);
        let bases = module.classes.iter().flat_map(|c| c.bases.iter().flatten());
        let bases =
            bases.filter(|base| !base.starts_with("builtins.")).map(|base| view.canonical(base)).collect();
        let registers = module.registers.iter().map(|path| view.canonical(path)).collect();
        Self { bases, registers, seen: view.seen() }
    }
}

impl Project {
    pub(crate) fn new(index: Index, surroundings: Arc<Surroundings>) -> Self {
        let followed = index.modules().par_iter().map(|module| Followed::new(&index, module)).collect();
        Self::join(index, followed, surroundings)
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
        let handed_on = handed_on(&index);
        let announced = Announced::new(&index);
        node_names.retain(|_, files| files.len() > 1);
        Self {
            index,
            subclassed,
            registered,
            node_names,
            product,
            postgresql,
            sqlite,
            handed_on,
            announced,
            surroundings,
            followed,
        }
    }

    /// Puts another outside in the place of a file's. Gives whether what the project says of classes may be another now.
    ///
    /// [`Project::new`] and the paths that it follows look at everything but functions, services and plugins: while only those
    /// change, as they do when somebody types in a signature, nothing of it has to be worked out again.
    pub(crate) fn replace(&mut self, place: usize, old: &Interface, new: &Arc<Interface>) -> bool {
        // Spelled out, so that a new field has to be thought of here.
        let Interface {
            path,
            name,
            is_package,
            exports,
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
        let same = (path, name, is_package) == (&new.path, &new.name, &new.is_package)
            && (exports, stars, classes) == (&new.exports, &new.stars, &new.classes)
            && (uses_postgresql, uses_sqlite) == (&new.uses_postgresql, &new.uses_sqlite)
            && (registers, announced) == (&new.registers, &new.announced);
        self.index.replace(place, new.clone());
        if same {
            return false;
        }
        let mut followed = std::mem::take(&mut self.followed);
        let id = u32::try_from(place).unwrap_or(u32::MAX);
        for (at, (module, followed)) in self.index.modules().iter().zip(&mut followed).enumerate() {
            // Somebody waits at the keyboard: only paths that lead through this file are followed again.
            if at == place || followed.seen.binary_search(&id).is_ok() {
                *followed = Followed::new(&self.index, module);
            }
        }
        let joined = Self::join(std::mem::take(&mut self.index), followed, self.surroundings.clone());
        let says_more = (&joined.subclassed, &joined.registered, &joined.product, &joined.handed_on)
            != (&self.subclassed, &self.registered, &self.product, &self.handed_on)
            || (joined.postgresql, joined.sqlite) != (self.postgresql, self.sqlite)
            || joined.node_names != self.node_names
            || (joined.announced.digest, joined.announced.markers_digest)
                != (self.announced.digest, self.announced.markers_digest);
        *self = joined;
        says_more
    }

    /// What the project says of the classes of a file, as one number: which are derived from, and which are registered by
    /// calls elsewhere, which bear the name of a class of the product, and what the product is made of.
    pub(crate) fn answers(&self, file: &Interface) -> u64 {
        let mut hasher = rustc_hash::FxHasher::default();
        std::hash::Hash::hash(&(self.postgresql, self.sqlite), &mut hasher);
        // Who builds workflows rests on every node of the project, who writes tests on every marker.
        let announced = &self.announced;
        let nodes = if file.announced.node_types.is_empty() { 0 } else { announced.digest };
        std::hash::Hash::hash(&(nodes, announced.markers_digest), &mut hasher);
        for (name, _) in file.exports.iter().filter(|(_, path)| is_followed(path)) {
            std::hash::Hash::hash(&self.is_handed_on(file, name), &mut hasher);
        }
        for class in &file.classes {
            let said = (
                self.subclassed.contains(&*class.path),
                self.registered.contains(&*class.path),
                self.product.contains(&*class.name),
                class.registered_as.as_ref().and_then(|name| self.node_names.get(name)),
            );
            std::hash::Hash::hash(&said, &mut hasher);
        }
        std::hash::Hasher::finish(&hasher)
    }
}

impl Project {
    /// Whether another file takes this name from the file's imports.
    pub(crate) fn is_handed_on(&self, file: &Interface, name: &str) -> bool {
        !self.handed_on.is_empty() && self.handed_on.contains(&format!("{}.{name}", file.path))
    }
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

/// What files take from other files' imports of a mocking library or of nodes: `path.name`, or `path.*` for a star.
fn handed_on(index: &Index) -> FxHashSet<String> {
    let offers = |module: &Interface| {
        module.exports.iter().any(|(_, path)| is_followed(path))
            || module.stars.iter().any(|star| is_followed(star))
    };
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let offering: FxHashSet<String> =
        index.modules().iter().filter(|m| offers(m)).map(|m| last(&m.name)).collect();
    let mut taken = FxHashSet::default();
    for module in index.modules() {
        let view = index.view(module);
        for (_, path) in &module.exports {
            // The file as a whole: whatever it imports may be used through it.
            if offering.contains(&last(path))
                && let Some(home) = view.module(path)
            {
                taken.extend(home.exports.iter().map(|(name, _)| format!("{}.{name}", home.path)));
                taken.insert(format!("{}.*", home.path));
            }
            let Some((holder, name)) = path.rsplit_once('.') else { continue };
            if offering.contains(&last(holder))
                && let Some(home) = view.module(holder)
            {
                taken.insert(format!("{}.{name}", home.path));
            }
        }
        for star in module.stars.iter().filter(|star| offering.contains(&last(star))) {
            if let Some(home) = view.module(star) {
                taken.extend(home.exports.iter().map(|(name, _)| format!("{}.{name}", home.path)));
                taken.insert(format!("{}.*", home.path));
            }
        }
    }
    taken
}
