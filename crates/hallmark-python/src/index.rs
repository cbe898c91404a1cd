//! The project's modules, and what a path means once imports, re-exports and base classes of other files are followed.
//!
//! An [`Index`] is made of the outsides of all files. A rule asks it through a [`View`], which notes the files that had a part
//! in the answers: as long as those stay as they are, and no file comes or goes, the answers stay too.

mod suffixes;

use std::cell::{OnceCell, RefCell};
use std::sync::{Arc, OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::Name;
use crate::interface::{ClassFace, FunctionFace, Interface};
use crate::limits;
use suffixes::Suffixes;

/// Gives the outside of the file at a place in the list of all.
pub type Loader = Box<dyn Fn(usize) -> Arc<Interface> + Send + Sync>;

/// Tells whether somebody has a module of this name at the top, besides the project.
pub type Elsewhere = Box<dyn Fn(&str, Owner) -> bool + Send + Sync>;

/// Who has a module that the project may have, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The standard library.
    Python,
    /// A distribution that is installed beside the project.
    Distribution,
}

/// All modules of a project by the names that they can be imported by.
#[derive(Default)]
pub struct Index {
    modules: Vec<Slot>,
    /// Where an outside comes from that is not at hand.
    loader: Option<Loader>,
    by_suffix: Suffixes,
    /// Folders that hold an `__init__.py`.
    packages: FxHashSet<String>,
    /// Who else has modules of these names.
    elsewhere: Option<Elsewhere>,
}

/// A file, and its outside once somebody asked for it.
struct Slot {
    path: Name,
    outside: OnceLock<Arc<Interface>>,
}

/// A class of the project.
#[derive(Clone, Copy)]
pub struct ClassRef<'a> {
    /// The module that defines it.
    pub module: &'a Interface,
    /// The class.
    pub class: &'a ClassFace,
}

/// What a path means.
#[derive(Clone)]
pub enum Resolved<'a> {
    /// A class of the project.
    Class(ClassRef<'a>),
    /// A path outside the project, or one that leads to no class: the path in its last form.
    Path(String),
}

impl Index {
    /// Joins the outsides of all files.
    #[must_use]
    pub fn new(modules: Vec<Arc<Interface>>) -> Self {
        let slot = |module: Arc<Interface>| Slot { path: module.path.clone(), outside: module.into() };
        Self::join(modules.into_iter().map(slot).collect(), None)
    }

    /// The files of these paths, whose outsides are loaded when somebody asks for them.
    #[must_use]
    pub fn lazy(paths: Vec<Name>, loader: Loader) -> Self {
        let slot = |path| Slot { path, outside: OnceLock::new() };
        Self::join(paths.into_iter().map(slot).collect(), Some(loader))
    }

    fn join(modules: Vec<Slot>, loader: Option<Loader>) -> Self {
        let by_suffix = Suffixes::of(modules.iter().map(|module| &*module.path));
        let packages = modules.iter().filter_map(|module| package_folder(&module.path).map(str::to_owned));
        let packages = packages.collect();
        Self { modules, loader, by_suffix, packages, elsewhere: None }
    }

    /// The same modules, with what there is besides them: an import is absolute, so that a file does not stand for a module of the
    /// standard library or of a distribution because it lies beside the importer.
    #[must_use]
    pub fn beside(self, elsewhere: Elsewhere) -> Self {
        Self { elsewhere: Some(elsewhere), ..self }
    }

    /// The modules, in the order they were given in.
    #[must_use]
    pub fn modules(&self) -> Vec<&Interface> {
        (0..self.modules.len()).filter_map(|place| self.module(place)).collect()
    }

    /// The module at this place.
    #[must_use]
    pub fn module(&self, place: usize) -> Option<&Interface> {
        let slot = self.modules.get(place)?;
        let load = || self.loader.as_ref().map(|load| load(place)).unwrap_or_default();
        Some(&**slot.outside.get_or_init(load))
    }

    fn get(&self, id: u32) -> Option<&Interface> {
        self.module(id as usize)
    }

    /// Puts a new outside in the place of that of the same file.
    pub fn replace(&mut self, place: usize, module: Arc<Interface>) {
        if let Some(old) = self.modules.get_mut(place).filter(|old| old.path == module.path) {
            old.outside = module.into();
        }
    }

    /// The project as it is seen from one of its files.
    #[must_use]
    pub fn view<'a>(&'a self, from: &'a Interface) -> View<'a> {
        View {
            index: self,
            from,
            seen: RefCell::default(),
            meant: RefCell::default(),
            conftests: OnceCell::new(),
            no_fixtures: RefCell::default(),
        }
    }

    /// A folder can be on Python's path if it is no package itself, or holds the importer (a script's own folder). A module that others
    /// have comes before one in a package, and the standard library before one in any folder that is not around the importer's.
    fn is_root(&self, folder: &str, name: &str, importer: &str) -> bool {
        if folder.is_empty() {
            return true;
        }
        let below = importer.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        let top = name.split('.').next().unwrap_or(name);
        let has = |owner| self.elsewhere.as_ref().is_some_and(|has| has(top, owner));
        if self.packages.contains(folder) {
            below.is_some() && !has(Owner::Python) && !has(Owner::Distribution)
        } else {
            below.is_some_and(|rest| rest.contains('/')) || !has(Owner::Python)
        }
    }

    /// The one of these files of the same dotted name that an importer means by it.
    fn nearest(&self, candidates: &[u32], name: &str, importer: &str) -> Option<u32> {
        let path = |id: u32| self.modules.get(id as usize).map_or("", |m| &*m.path);
        if let [only] = candidates {
            return self.is_root(base(path(*only), name), name, importer).then_some(*only);
        }
        candidates
            .iter()
            .copied()
            .filter(|id| self.is_root(base(path(*id), name), name, importer))
            .max_by_key(|id| {
                // A folder inside a package is on the path of scripts only; a proper root always comes first.
                let path = path(*id);
                (
                    !self.packages.contains(base(path, name)),
                    shared(path, importer),
                    std::cmp::Reverse(path.len()),
                )
            })
    }
}

/// The project as it is seen from one file; notes which files its answers rest on.
pub struct View<'a> {
    index: &'a Index,
    from: &'a Interface,
    seen: RefCell<FxHashSet<u32>>,
    /// What names that several files have mean in a file, by the places in memory of these files and of that.
    meant: RefCell<FxHashMap<(usize, usize), Option<u32>>>,
    conftests: OnceCell<Vec<u32>>,
    /// Names that are no fixtures: to know that, most had to be looked at.
    no_fixtures: RefCell<FxHashSet<Name>>,
}

/// A fixture and its file.
pub type Fixture<'a> = (&'a Interface, &'a FunctionFace);

impl<'a> View<'a> {
    /// The file it is seen from.
    #[must_use]
    pub fn from(&self) -> &'a Interface {
        self.from
    }

    /// The files that the answers so far rest on, as places in [`Index::modules`], sorted.
    #[must_use]
    pub fn seen(&self) -> Vec<u32> {
        let mut seen: Vec<u32> = self.seen.borrow().iter().copied().collect();
        seen.sort_unstable();
        seen
    }

    /// The module that `import name` means in this file: the candidate that shares most of the importer's path and whose
    /// first segment lies where Python would look for it.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<&'a Interface> {
        self.module_from(name, self.from)
    }

    /// Whether `import name` means a file of the project.
    #[must_use]
    pub fn is_own(&self, name: &str) -> bool {
        // Which files there are is not a matter of what they hold: nothing to note.
        self.find(name, self.from).is_some()
    }

    fn find(&self, name: &str, from: &Interface) -> Option<u32> {
        let candidates = self.index.by_suffix.get(name)?;
        if candidates.len() == 1 {
            return self.index.nearest(candidates, name, &from.path);
        }
        let key = (candidates.as_ptr().addr(), std::ptr::from_ref(from).addr());
        *self
            .meant
            .borrow_mut()
            .entry(key)
            .or_insert_with(|| self.index.nearest(candidates, name, &from.path))
    }

    fn module_from(&self, name: &str, from: &Interface) -> Option<&'a Interface> {
        let id = self.find(name, from)?;
        self.seen.borrow_mut().insert(id);
        self.index.get(id)
    }

    /// The files of this dotted name anywhere in the project, whatever the import roots are.
    pub fn anywhere(&self, name: &str) -> impl Iterator<Item = &'a Interface> {
        let ids = self.index.by_suffix.get(name);
        self.seen.borrow_mut().extend(ids.into_iter().flatten());
        ids.into_iter().flatten().filter_map(|id| self.index.get(*id))
    }

    /// Whether a file of this dotted name lies anywhere in the project, whatever the import roots are.
    #[must_use]
    pub fn is_somewhere(&self, name: &str) -> bool {
        // Which files there are is not a matter of what they hold: nothing to note.
        self.index.by_suffix.get(name).is_some()
    }

    /// The dotted names of all files.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.index.modules().into_iter().map(|module| &*module.name)
    }

    /// Whether this folder holds an `__init__.py`.
    #[must_use]
    pub fn is_package_folder(&self, folder: &str) -> bool {
        self.index.packages.contains(folder)
    }

    /// The `conftest.py` files whose fixtures this file sees, nearest first.
    pub fn conftests(&self) -> impl Iterator<Item = &'a Interface> {
        let ids = self.conftests.get_or_init(|| self.find_conftests());
        ids.iter().filter_map(|id| {
            self.seen.borrow_mut().insert(*id);
            self.index.get(*id)
        })
    }

    fn find_conftests(&self) -> Vec<u32> {
        let mut folder = Some(self.from.path.rsplit_once('/').map_or("", |(folder, _)| folder));
        let paths = std::iter::from_fn(move || {
            let here = folder?;
            folder =
                if here.is_empty() { None } else { Some(here.rsplit_once('/').map_or("", |(up, _)| up)) };
            Some(if here.is_empty() { "conftest.py".to_owned() } else { format!("{here}/conftest.py") })
        });
        paths.filter(|path| **path != *self.from.path).filter_map(|path| self.id_of_path(&path)).collect()
    }

    /// The fixture of this name: of the file itself, of the nearest `conftest.py`, imported into one of them, or of a plugin.
    #[must_use]
    pub fn fixture(&self, name: &str) -> Option<Fixture<'a>> {
        if self.no_fixtures.borrow().contains(name) {
            return None;
        }
        let found = self.find_fixture(name);
        if found.is_none() {
            self.no_fixtures.borrow_mut().insert(name.into());
        }
        found
    }

    fn find_fixture(&self, name: &str) -> Option<Fixture<'a>> {
        let of = |home: &'a Interface| {
            let named = |function: &FunctionFace| {
                let fixture = function.fixture.as_ref();
                fixture.is_some_and(|fixture| fixture.name.as_ref().unwrap_or(&function.name) == name)
            };
            home.functions.iter().find(|f| named(f)).map(|f| (home, f))
        };
        let imported = |home: &'a Interface| {
            let path = home.export(name)?;
            let (module, _) = path.rsplit_once('.')?;
            self.module(module).and_then(of)
        };
        let listed = |modules: &'a [Name]| modules.iter().find_map(|module| self.module(module).and_then(of));
        let look = |home: &'a Interface| {
            of(home)
                .or_else(|| imported(home))
                .or_else(|| listed(&home.stars))
                .or_else(|| listed(&home.plugins))
        };
        look(self.from).or_else(|| self.conftests().find_map(look))
    }

    /// The file of this path.
    #[must_use]
    pub fn by_path(&self, path: &str) -> Option<&'a Interface> {
        let id = self.id_of_path(path)?;
        self.seen.borrow_mut().insert(id);
        self.index.get(id)
    }

    fn id_of_path(&self, path: &str) -> Option<u32> {
        let ids = self.index.by_suffix.get(&stem(path).replace('/', "."))?;
        ids.iter().copied().find(|id| self.index.modules.get(*id as usize).is_some_and(|m| *m.path == *path))
    }

    /// Follows imports and re-exports until a class of the project or a path outside it is reached.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Resolved<'a> {
        self.resolve_from(path, self.from)
    }

    /// [`View::resolve`] for a path that another file names.
    #[must_use]
    pub fn resolve_from(&self, path: &str, from: &'a Interface) -> Resolved<'a> {
        let mut path = path.to_owned();
        let mut from = from;
        for _ in 0..limits::RESOLVE_STEPS {
            let Some((module, rest)) = self.split(&path, from) else { return Resolved::Path(path) };
            let (head, tail) = match rest.split_once('.') {
                Some((head, tail)) => (head, Some(tail)),
                None => (rest, None),
            };
            if tail.is_none()
                && let Some(class) = module.classes.iter().find(|c| &*c.name == head && c.top_level)
                && module.export(head).is_none_or(|path| *path == class.path)
            {
                return Resolved::Class(ClassRef { module, class });
            }
            let Some(next) = self.export(module, head) else { return Resolved::Path(path) };
            let next = match tail {
                Some(tail) => format!("{next}.{tail}"),
                None => next,
            };
            if next == path {
                return Resolved::Path(path);
            }
            path = next;
            from = module;
        }
        Resolved::Path(path)
    }

    fn export(&self, module: &'a Interface, name: &str) -> Option<String> {
        if let Some(path) = module.export(name) {
            return Some(path.to_string());
        }
        module.stars.iter().find_map(|star| {
            // The names of this library are known without looking into it.
            if matches!(&**star, "unittest.mock" | "mock") && crate::names::is_mock_tool(name) {
                return Some(format!("{star}.{name}"));
            }
            let source = self.module_from(star, module)?;
            source.export(name).map(|_| format!("{star}.{name}"))
        })
    }

    /// Splits a path into the longest module of the project and the rest.
    fn split<'p>(&self, path: &'p str, from: &'a Interface) -> Option<(&'a Interface, &'p str)> {
        if let Some(rest) = path.strip_prefix(&*from.name).and_then(|r| r.strip_prefix('.')) {
            let head = rest.split('.').next().unwrap_or_default();
            if from.export(head).is_some() || from.classes.iter().any(|c| &*c.name == head) {
                return Some((from, rest));
            }
        }
        let mut end = path.len();
        while let Some(dot) = path[..end].rfind('.') {
            if let Some(module) = self.module_from(&path[..dot], from) {
                return Some((module, &path[dot + 1..]));
            }
            end = dot;
        }
        None
    }

    /// The path in its last form: re-exports are followed, what is called on the result is kept.
    #[must_use]
    pub fn canonical(&self, path: &str) -> String {
        self.canonical_from(path, self.from)
    }

    /// [`View::canonical`] for a path that another file names.
    #[must_use]
    pub fn canonical_from(&self, path: &str, from: &'a Interface) -> String {
        let (head, tail) = match path.find("()") {
            Some(at) => path.split_at(at),
            None => (path, ""),
        };
        match self.resolve_from(head, from) {
            Resolved::Class(found) => format!("{}{tail}", found.class.path),
            Resolved::Path(path) => path + tail,
        }
    }

    /// Every path and class that a class derives from, nearest first, itself not included.
    #[must_use]
    pub fn ancestors(&self, class: ClassRef<'a>) -> Vec<Resolved<'a>> {
        let mut out: Vec<Resolved<'a>> = Vec::new();
        let mut queue = vec![class];
        let mut steps = 0;
        while let Some(next) = queue.pop() {
            steps += 1;
            if steps > limits::RESOLVE_STEPS {
                break;
            }
            for base in next.class.bases.iter().flatten() {
                let local =
                    next.module.classes.iter().find(|c| c.path == *base && !std::ptr::eq(*c, next.class));
                let resolved = match local {
                    Some(class) => Resolved::Class(ClassRef { module: next.module, class }),
                    None => self.resolve_from(base, next.module),
                };
                if let Resolved::Class(parent) = &resolved
                    && !std::ptr::eq(parent.class, next.class)
                {
                    queue.push(*parent);
                }
                out.push(resolved);
            }
        }
        out
    }
}

/// The path of a file, or of the folder that it stands for, without the ending.
fn stem(path: &str) -> &str {
    let stem = path.strip_suffix(".py").or_else(|| path.strip_suffix(".pyw")).unwrap_or(path);
    stem.strip_suffix("/__init__").unwrap_or(stem)
}

/// The folder of an `__init__.py`, if its name is one that Python can import: `kailash-dataflow` is no package, whatever lies
/// in it.
#[must_use]
pub fn package_folder(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("/__init__.py")?;
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    (starts && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(folder)
}

/// The folder that the first segment of a dotted name lies in.
fn base<'a>(path: &'a str, name: &str) -> &'a str {
    let stem = stem(path);
    stem.get(..stem.len().saturating_sub(name.len())).unwrap_or_default().trim_end_matches('/')
}

/// The number of leading path segments that two files share.
fn shared(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(x, y)| x == y).count()
}
