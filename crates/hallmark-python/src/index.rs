//! The project's modules, and what a path means once imports, re-exports and base classes of other files are followed.

use rustc_hash::FxHashMap;

use crate::facts::{Class, Module, Name};
use crate::limits;

/// All modules of a project by the names that they can be imported by.
pub struct Index {
    modules: Vec<Module>,
    /// Every dotted suffix of every module's path.
    by_suffix: FxHashMap<String, Vec<u32>>,
    /// Folders that hold an `__init__.py`.
    packages: rustc_hash::FxHashSet<String>,
}

/// A class of the project.
#[derive(Clone, Copy)]
pub struct ClassRef<'a> {
    /// The module that defines it.
    pub module: &'a Module,
    /// The class.
    pub class: &'a Class,
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
    /// Joins the facts of all files.
    #[must_use]
    pub fn new(modules: Vec<Module>) -> Self {
        let mut by_suffix: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        let mut packages = rustc_hash::FxHashSet::default();
        for (id, module) in modules.iter().enumerate() {
            let stem = module.path.strip_suffix(".py").unwrap_or(&module.path);
            let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
            packages.extend(package_folder(&module.path).map(str::to_owned));
            let dotted = stem.replace('/', ".");
            let mut rest = dotted.as_str();
            loop {
                by_suffix.entry(rest.to_owned()).or_default().push(u32::try_from(id).unwrap_or(u32::MAX));
                match rest.split_once('.') {
                    Some((_, tail)) => rest = tail,
                    None => break,
                }
            }
        }
        Self { modules, by_suffix, packages }
    }

    /// The modules, in the order they were given in.
    #[must_use]
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The module that `import name` means in this file: the candidate that shares most of the importer's path and whose
    /// first segment lies where Python would look for it.
    #[must_use]
    pub fn module(&self, name: &str, importer: &Module) -> Option<&Module> {
        let candidates = self.by_suffix.get(name)?;
        candidates
            .iter()
            .filter_map(|id| self.modules.get(*id as usize))
            .filter(|candidate| self.is_root(base(&candidate.path, name), &importer.path))
            .max_by_key(|candidate| {
                // A folder inside a package is on the path of scripts only; a proper root always comes first.
                let proper = !self.packages.contains(base(&candidate.path, name));
                (proper, shared(&candidate.path, &importer.path), std::cmp::Reverse(candidate.path.len()))
            })
    }

    /// Whether a file or package of this dotted name exists anywhere in the project, whatever the import roots are.
    pub fn anywhere(&self, name: &str) -> impl Iterator<Item = &Module> {
        self.by_suffix.get(name).into_iter().flatten().filter_map(|id| self.modules.get(*id as usize))
    }

    /// A folder can be on Python's path if it is no package itself, or holds the importer (a script's own folder).
    fn is_root(&self, folder: &str, importer: &str) -> bool {
        folder.is_empty() || !self.packages.contains(folder) || importer.starts_with(&format!("{folder}/"))
    }

    /// Whether this folder holds an `__init__.py`.
    #[must_use]
    pub fn is_package_folder(&self, folder: &str) -> bool {
        self.packages.contains(folder)
    }

    /// Follows imports and re-exports until a class of the project or a path outside it is reached.
    #[must_use]
    pub fn resolve<'a>(&'a self, path: &str, from: &'a Module) -> Resolved<'a> {
        let mut path = path.to_owned();
        let mut from = from;
        for _ in 0..limits::RESOLVE_STEPS {
            let Some((module, rest)) = self.split(&path, from) else { return Resolved::Path(path) };
            let (head, tail) = match rest.split_once('.') {
                Some((head, tail)) => (head, Some(tail)),
                None => (rest, None),
            };
            if tail.is_none()
                && let Some(class) = module.classes.iter().find(|c| &*c.name == head && c.scope == 0)
            {
                let own = format!("{}.{head}", module.name);
                if module.exports.get(head).is_none_or(|p| **p == *own) {
                    return Resolved::Class(ClassRef { module, class });
                }
            }
            let Some(next) = self.export(module, head) else { return Resolved::Path(path) };
            let next = match tail {
                Some(tail) => format!("{next}.{tail}"),
                None => next.to_string(),
            };
            if next == path {
                return Resolved::Path(path);
            }
            path = next;
            from = module;
        }
        Resolved::Path(path)
    }

    fn export<'a>(&'a self, module: &'a Module, name: &str) -> Option<Name> {
        if let Some(path) = module.exports.get(name) {
            return Some(path.clone());
        }
        module.stars.iter().find_map(|star| {
            let source = self.module(star, module)?;
            source.exports.contains_key(name).then(|| format!("{star}.{name}").into())
        })
    }

    /// Splits a path into the longest module of the project and the rest.
    fn split<'a, 'p>(&'a self, path: &'p str, from: &'a Module) -> Option<(&'a Module, &'p str)> {
        if let Some(rest) = path.strip_prefix(from.name.as_str()).and_then(|r| r.strip_prefix('.')) {
            let head = rest.split('.').next().unwrap_or_default();
            if from.exports.contains_key(head) || from.classes.iter().any(|c| &*c.name == head) {
                return Some((from, rest));
            }
        }
        let mut end = path.len();
        while let Some(dot) = path[..end].rfind('.') {
            if let Some(module) = self.module(&path[..dot], from) {
                return Some((module, &path[dot + 1..]));
            }
            end = dot;
        }
        None
    }

    /// The path in its last form: re-exports are followed, what is called on the result is kept.
    #[must_use]
    pub fn canonical(&self, path: &str, from: &Module) -> String {
        let (head, tail) = match path.find("()") {
            Some(at) => path.split_at(at),
            None => (path, ""),
        };
        match self.resolve(head, from) {
            Resolved::Class(found) => format!("{}{tail}", found.class.path),
            Resolved::Path(path) => path + tail,
        }
    }

    /// Every path and class that a class derives from, nearest first, itself not included.
    #[must_use]
    pub fn ancestors<'a>(&'a self, class: ClassRef<'a>) -> Vec<Resolved<'a>> {
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
                    None => self.resolve(base, next.module),
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
    let stem = path.strip_suffix(".py").unwrap_or(path);
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    stem.get(..stem.len().saturating_sub(name.len())).unwrap_or_default().trim_end_matches('/')
}

/// The number of leading path segments that two files share.
fn shared(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(x, y)| x == y).count()
}
