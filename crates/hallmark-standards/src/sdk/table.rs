//! Which modules, names and nodes the SDK has in each edition. The tables are written by `cargo xtask gen-sdk` and read once,
//! when a file of the project first names the SDK.

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::Edition;

static E2025: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../../resources/sdk/0.9.txt")));
static E2026: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../../resources/sdk/2.65.txt")));

/// The public names of one version of the SDK.
#[derive(Default)]
pub(crate) struct Table {
    /// Modules at the top, with the distribution that has each.
    packages: FxHashMap<&'static str, &'static str>,
    /// Names that modules of the SDK import from elsewhere.
    outside: FxHashSet<&'static str>,
    /// Registered names of nodes.
    nodes: FxHashMap<&'static str, Node>,
    /// Modules, sorted, each with the text that begins with its own line. Nothing else of that is read until it is asked for:
    /// the table is large, and a scan may be small.
    modules: Vec<(&'static str, &'static str)>,
}

/// A node of the SDK.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    /// The module that registers it.
    pub(crate) module: &'static str,
    /// Whether whatever builds and executes a workflow registers it; the others are registered when their module is imported.
    pub(crate) first: bool,
}

/// A module of the SDK.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// Names that it defines, between blanks.
    defined: &'static str,
    /// Names that it imports from the SDK or loads when it is asked for, between blanks.
    imported: &'static str,
    /// Whether it may give other names as well.
    open: bool,
}

/// What the table says of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is there, or nobody can tell.
    There,
    /// The SDK has no such module.
    NoModule,
    /// The module has no such name.
    NoName,
}

impl Table {
    /// The table of an edition.
    pub(crate) fn of(edition: Edition) -> &'static Self {
        match edition {
            Edition::E2025 => &E2025,
            Edition::E2026 => &E2026,
        }
    }

    fn parse(text: &'static str) -> Self {
        let mut table = Self::default();
        let starts: Vec<usize> =
            memchr::memmem::find_iter(text.as_bytes(), "\nmodule ").map(|at| at + 1).collect();
        for line in text[..starts.first().copied().unwrap_or(text.len())].lines() {
            let Some((kind, rest)) = line.split_once(' ') else { continue };
            match kind {
                "package" => table.packages.extend(rest.split_once(' ')),
                "node" => table.nodes.extend(rest.split_once(' ').map(|(name, rest)| {
                    let module = rest.strip_suffix(" first");
                    (name, Node { module: module.unwrap_or(rest), first: module.is_some() })
                })),
                "outside" => table.outside.extend(rest.split(' ')),
                _ => {}
            }
        }
        table.modules = starts.iter().map(|start| (name_at(&text[*start..]), &text[*start..])).collect();
        table
    }

    /// What the table says of a module.
    fn entry(&self, module: &str) -> Option<Entry> {
        let at = self.modules.binary_search_by(|(name, _)| (*name).cmp(module)).ok()?;
        self.modules.get(at).map(|(_, text)| Entry::parse(text))
    }

    /// The distribution that a module belongs to.
    pub(crate) fn distribution(&self, module: &str) -> Option<&'static str> {
        self.packages.get(module.split('.').next().unwrap_or_default()).copied()
    }

    /// What the table knows of `from module import name`, or without a name of `import module`. Modules outside the SDK and
    /// private names are taken to be there.
    pub(crate) fn look_up(&self, module: &str, name: Option<&str>) -> Known {
        if self.distribution(module).is_none() {
            return Known::There;
        }
        let Some(entry) = self.entry(module) else {
            return if self.may_hide(module) { Known::There } else { Known::NoModule };
        };
        match name {
            None | Some("*") => Known::There,
            Some(name) if name.starts_with('_') || entry.open || entry.has(name) => Known::There,
            Some(name) if self.outside.contains(name) => Known::There,
            Some(name) if self.is_module(&format!("{module}.{name}")) => Known::There,
            Some(_) => Known::NoName,
        }
    }

    /// Whether a module that is not listed may be there all the same: as a folder without `__init__.py`, under a module that
    /// is open, or under a private name.
    fn may_hide(&self, module: &str) -> bool {
        if self.is_module(module) || module.contains("._") {
            return true;
        }
        let mut up = module;
        while let Some((holder, name)) = up.rsplit_once('.') {
            if let Some(entry) = self.entry(holder) {
                return entry.open || entry.has(name);
            }
            up = holder;
        }
        false
    }

    /// Whether it is a module, or a folder with modules in it.
    fn is_module(&self, module: &str) -> bool {
        // What lies in a module follows it, or stands where it would stand: `.` comes before every letter.
        let at = self.modules.partition_point(|(name, _)| *name < module);
        let below = |name: &str| {
            name.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.modules.get(at).is_some_and(|(name, _)| below(name))
    }

    /// Whether the module surely gives this name.
    pub(crate) fn gives(&self, module: &str, name: &str) -> bool {
        self.entry(module).is_some_and(|entry| entry.has(name))
    }

    /// The one module that defines this name, if there is one alone.
    pub(crate) fn home(&self, name: &str) -> Option<&'static str> {
        let mut homes = self.modules.iter().filter(|(_, text)| is_word_of(Entry::parse(text).defined, name));
        let (home, _) = homes.next()?;
        homes.next().is_none().then_some(*home)
    }

    /// The public names of a module.
    pub(crate) fn names(&self, module: &str) -> impl Iterator<Item = &'static str> {
        let entry = self.entry(module).unwrap_or_default();
        entry.defined.split(' ').chain(entry.imported.split(' '))
    }

    /// Every module, sorted.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &'static str> {
        self.modules.iter().map(|(name, _)| *name)
    }

    /// The node that is registered under this name.
    pub(crate) fn node(&self, name: &str) -> Option<Node> {
        self.nodes.get(name).copied()
    }

    /// Every registered name, in no order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &'static str> {
        self.nodes.keys().copied()
    }
}

/// The name in the line of a module.
fn name_at(text: &'static str) -> &'static str {
    let line = text.split('\n').next().unwrap_or_default();
    line.split(' ').nth(1).unwrap_or_default()
}

impl Entry {
    /// Reads the lines of one module.
    fn parse(text: &'static str) -> Self {
        let mut lines = text.split('\n');
        let mut entry =
            Self { open: lines.next().is_some_and(|line| line.ends_with(" !")), ..Self::default() };
        for line in lines {
            match line.split_once(' ') {
                Some(("=", names)) => entry.defined = names,
                Some(("+", names)) => entry.imported = names,
                _ => break,
            }
        }
        entry
    }

    fn has(&self, name: &str) -> bool {
        is_word_of(self.defined, name) || is_word_of(self.imported, name)
    }
}

/// Whether a text of words between blanks has this one.
fn is_word_of(words: &str, word: &str) -> bool {
    let bytes = words.as_bytes();
    memchr::memmem::find_iter(bytes, word).any(|at| {
        let (before, after) = (at.checked_sub(1).map(|b| bytes[b]), bytes.get(at + word.len()));
        before.is_none_or(|b| b == b' ') && after.is_none_or(|b| *b == b' ')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment\npackage sdk sdk-dist\noutside Any\nnode ReadNode sdk.nodes\nnode CodeNode sdk.code first\nmodule sdk\n+ Reader\nmodule sdk.folder.inner\n= Reader2\nmodule sdk.nodes !\n= ReadNode\nmodule sdk.read\n= Reader Readers\nmodule sdk.read.deep\n+ X\n";

    #[test]
    fn a_table_tells_what_is_there() {
        let table = Table::parse(TEXT);
        let cases = [
            ("sdk.read", Some("Reader"), Known::There),
            ("sdk.read", Some("Read"), Known::NoName),
            ("sdk.read", Some("_private"), Known::There),
            ("sdk.read", Some("Any"), Known::There),
            ("sdk", Some("read"), Known::There),
            ("sdk", Some("folder"), Known::There),
            ("sdk.folder", Some("Anything"), Known::There),
            ("sdk.nodes", Some("Anything"), Known::There),
            ("sdk.nodes.below", None, Known::There),
            ("sdk.gone", None, Known::NoModule),
            ("sdk.gone.below", Some("X"), Known::NoModule),
            ("sdk.fold", None, Known::NoModule),
            ("other", Some("X"), Known::There),
        ];
        for (module, name, expected) in cases {
            assert_eq!(table.look_up(module, name), expected, "{module} {name:?}");
        }
        assert_eq!(table.home("Reader"), Some("sdk.read"));
        assert_eq!(table.home("Read"), None);
        assert_eq!(table.node("ReadNode").map(|n| (n.module, n.first)), Some(("sdk.nodes", false)));
        assert_eq!(table.node("CodeNode").map(|n| (n.module, n.first)), Some(("sdk.code", true)));
    }

    #[test]
    fn the_editions_disagree_as_the_policy_says() {
        let (old, new) = (Table::of(Edition::E2025), Table::of(Edition::E2026));
        assert_eq!(old.look_up("kailash.nodes.ai", Some("LLMAgentNode")), Known::There);
        assert_eq!(new.look_up("kailash.nodes.ai", Some("LLMAgentNode")), Known::NoModule);
        assert_eq!(new.look_up("kailash.nodes.governance", Some("SecureGovernedNode")), Known::There);
        assert!(old.node("CSVReaderNode").is_some() && new.node("CSVReaderNode").is_some());
        for table in [old, new] {
            assert_eq!(table.look_up("kailash.nodes.base", Some("Node")), Known::There);
            assert_eq!(table.look_up("kailash.nodes.base", Some("BaseNode")), Known::NoName);
        }
    }
}
