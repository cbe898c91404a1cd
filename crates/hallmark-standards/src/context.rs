//! What a check may ask, and how it reports.

use std::cell::RefCell;

use hallmark_diagnostics::{Fix, Severity};
use hallmark_python::Module;
use hallmark_python::facts::{Call, Class, Import, Name, ScopeId, Span};
use hallmark_python::index::{ClassRef, Resolved, View};
use hallmark_python::interface::{ClassFace, Interface};
use rustc_hash::FxHashMap;

use crate::announced::Announced;
use crate::project::Project;
use crate::rule::Rule;
use crate::surroundings::Surroundings;
use crate::tier::{self, Tier};
use crate::{Edition, Profile, ScanOptions, follow, sdk};

/// A finding before its place is turned into lines and columns.
pub struct Raw {
    pub(crate) rule: &'static Rule,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) action: Option<String>,
    pub(crate) label: String,
    pub(crate) span: Span,
    pub(crate) tier: Tier,
    pub(crate) masked: bool,
    pub(crate) fix: Option<Fix>,
    /// The place, among the file's suppressions, of the one that accepts it.
    pub(crate) accepted: Option<usize>,
}

impl Raw {
    /// What to do here, instead of the rule's general advice.
    pub fn action(&mut self, text: impl Into<String>) -> &mut Self {
        self.action = Some(text.into());
        self
    }

    /// A short remark under the caret.
    pub fn label(&mut self, text: impl Into<String>) -> &mut Self {
        self.label = text.into();
        self
    }

    /// Marks the place as a secret: it is shown as asterisks.
    pub fn masked(&mut self) -> &mut Self {
        self.masked = true;
        self
    }

    /// The edit that mends it.
    pub fn fix(&mut self, fix: Fix) -> &mut Self {
        self.fix = Some(fix);
        self
    }

    /// How much it weighs here.
    pub fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }
}

/// What the checks of all rules see of one file.
pub(crate) struct File<'a> {
    pub(crate) module: &'a Module,
    pub(crate) project: &'a Project,
    pub(crate) options: &'a ScanOptions,
    pub(crate) tier: Tier,
    pub(crate) view: View<'a>,
    /// Last forms of the paths that were asked for.
    canonical: RefCell<FxHashMap<Name, Name>>,
}

impl<'a> File<'a> {
    pub(crate) fn new(
        module: &'a Module,
        project: &'a Project,
        options: &'a ScanOptions,
        tier: Tier,
    ) -> Self {
        let view = project.index.view(&module.interface);
        Self { module, project, options, tier, view, canonical: RefCell::default() }
    }
}

/// What a check sees: one file, the project around it, and the options.
pub struct Context<'a> {
    pub(crate) file: &'a File<'a>,
    pub(crate) rule: &'static Rule,
    pub(crate) found: Vec<Raw>,
}

impl<'a> Context<'a> {
    /// The file.
    #[must_use]
    pub fn module(&self) -> &'a Module {
        self.file.module
    }

    /// The project's modules, as they are seen from this file.
    #[must_use]
    pub fn index(&self) -> &'a View<'a> {
        &self.file.view
    }

    /// The edition in force.
    #[must_use]
    pub fn edition(&self) -> Edition {
        self.file.options.edition
    }

    /// The day on which suppressions are judged, as `YYYY-MM-DD`, if one is given.
    #[must_use]
    pub fn today(&self) -> Option<&'a str> {
        self.file.options.today.as_deref()
    }

    /// Whether every node must derive from a governed base class.
    #[must_use]
    pub fn is_governed(&self) -> bool {
        self.file.options.governed
    }

    /// The tier of a place.
    #[must_use]
    pub fn tier(&self, scope: ScopeId) -> Tier {
        tier::of_place(self.file.tier, self.file.module, scope)
    }

    /// Whether the file is a test file or helps tests.
    #[must_use]
    pub fn is_test_file(&self) -> bool {
        self.file.tier.is_test()
    }

    /// The path in its last form: re-exports, fixtures and helpers followed, core names of the SDK spelled by their own module.
    #[must_use]
    pub fn canonical(&self, path: &str) -> Name {
        if let Some(known) = self.file.canonical.borrow().get(path) {
            return known.clone();
        }
        let last: Name = if path.starts_with("builtins.") {
            path.into()
        } else {
            follow::canonical(&self.file.view, path, self.is_test_file()).into()
        };
        self.file.canonical.borrow_mut().insert(path.into(), last.clone());
        last
    }

    /// Whether the path, in its last form, is this one.
    #[must_use]
    pub fn is(&self, path: &str, expected: &str) -> bool {
        &*self.canonical(path) == expected
    }

    /// Reports a finding of the rule that is running.
    pub fn report(&mut self, span: Span, scope: ScopeId, message: impl Into<String>) -> &mut Raw {
        let tier = self.tier(scope);
        let at = self.found.len();
        self.found.push(Raw {
            rule: self.rule,
            severity: self.rule.severity,
            message: message.into(),
            action: None,
            label: String::new(),
            span,
            tier,
            masked: false,
            fix: None,
            accepted: None,
        });
        &mut self.found[at]
    }

    /// Reports something that a test may do with less harm: a note there, and what the rule says elsewhere.
    pub fn report_milder_in_tests(
        &mut self,
        span: Span,
        scope: ScopeId,
        message: impl Into<String>,
    ) -> &mut Raw {
        let is_test = self.tier(scope).is_test();
        let raw = self.report(span, scope, message);
        if is_test {
            raw.severity(Severity::Info);
        }
        raw
    }

    /// Reports a test double, weighed by the profile: `tiered` forgives it in a unit test, `strict` nowhere.
    pub fn report_double(&mut self, span: Span, scope: ScopeId, message: impl Into<String>) -> &mut Raw {
        let forgiven = self.file.options.profile == Profile::Tiered && self.tier(scope) == Tier::Unit;
        let raw = self.report(span, scope, message);
        if forgiven {
            raw.severity(Severity::Info)
                .action("allowed in a unit test; use the real thing in every other tier");
        }
        raw
    }

    /// Whether a class derives, through any number of files, from a node of the SDK.
    #[must_use]
    pub fn is_node(&self, class: &Class) -> bool {
        self.ancestors(class).iter().any(|ancestor| match ancestor {
            Resolved::Class(found) => &*found.class.path == sdk::NODE || sdk::is_node_base(&found.class.path),
            Resolved::Path(path) => sdk::is_node_base(path),
        })
    }

    /// Every ancestor of a class of this file.
    #[must_use]
    pub fn ancestors(&self, class: &Class) -> Vec<Resolved<'a>> {
        if class.bases.iter().all(Option::is_none) {
            return Vec::new();
        }
        let module = &self.file.module.interface;
        self.face(class).map(|class| self.file.view.ancestors(ClassRef { module, class })).unwrap_or_default()
    }

    /// The outside of a class of this file.
    #[must_use]
    pub fn face(&self, class: &Class) -> Option<&'a ClassFace> {
        // The outside has the classes in the same order.
        let module = self.file.module;
        let place = module.classes.iter().position(|c| c.span == class.span)?;
        module.interface.classes.get(place)
    }

    /// Whether a decorator of DataFlow makes a model of it.
    #[must_use]
    pub fn is_model(&self, class: &Class) -> bool {
        let models =
            class.decorators.iter().filter_map(|d| d.path.as_deref()).filter(|p| p.ends_with(".model"));
        models.into_iter().any(|path| {
            let path = self.canonical(path);
            path.starts_with("dataflow.") && path.ends_with("DataFlow().model")
        })
    }

    /// Whether this is a call of the method on a builder of workflows, however deep in a chain.
    #[must_use]
    pub fn is_builder_method(&self, call: &Call, method: &str) -> bool {
        if !call.callee.ends_with(method) {
            return false;
        }
        let path = self.canonical(&call.callee);
        let rest = path.strip_prefix(sdk::BUILDER).and_then(|rest| rest.strip_prefix("()"));
        // Methods that give the builder back may stand in between.
        rest.and_then(|rest| rest.strip_suffix(method)).is_some_and(|between| {
            between
                .split("()")
                .all(|part| matches!(part, "." | "" | ".add_node" | ".add_connection" | ".connect"))
        })
    }

    /// The file and the name of the function that a path leads to, if it is one of the project.
    #[must_use]
    pub fn function_path(&self, path: &str) -> Option<(&'a Interface, String)> {
        let canonical = self.file.view.canonical(path);
        let (module, name) = canonical.rsplit_once('.')?;
        let own: &'a Interface = &self.file.module.interface;
        let home = if module == &*own.name { own } else { self.file.view.module(module)? };
        Some((home, name.to_owned()))
    }

    /// Another file that registers a node under this name.
    #[must_use]
    pub fn other_registered(&self, name: &str) -> Option<&'a str> {
        let files = self.file.project.joined.node_names.get(name)?;
        // Twice in this very file counts as well.
        let other = files.iter().find(|path| ***path != *self.file.module.path).or(files.first())?;
        self.file.module.name.contains('.').then_some(&**other)
    }

    /// Whether a class of the project derives, through any number of files, from a node of the SDK.
    #[must_use]
    pub fn is_node_class(&self, class: ClassRef<'a>) -> bool {
        &*class.class.path == sdk::NODE
            || self.file.view.ancestors(class).iter().any(|ancestor| match ancestor {
                Resolved::Class(found) => {
                    &*found.class.path == sdk::NODE || sdk::is_node_base(&found.class.path)
                }
                Resolved::Path(path) => sdk::is_node_base(path),
            })
    }

    /// Whether a class is an agent: it derives from `Node` for its interface, and `run` is what its callers call.
    #[must_use]
    pub fn is_agent(&self, class: ClassRef<'a>) -> bool {
        &*class.class.name == "BaseAgent"
            || self.file.view.ancestors(class).iter().any(|ancestor| match ancestor {
                Resolved::Class(found) => found.class.name.ends_with("Agent"),
                Resolved::Path(path) => path.ends_with("Agent"),
            })
    }

    /// Whether the product, as apart from its tests, has a class of this name.
    #[must_use]
    pub fn is_product_class(&self, class: &Class) -> bool {
        self.file.project.joined.product.contains(&*class.name)
    }

    /// Whether the product, as apart from its tests, talks to PostgreSQL.
    #[must_use]
    pub fn project_uses_postgresql(&self) -> bool {
        self.file.project.joined.postgresql
    }

    /// Whether another file takes this name from the imports of this one.
    #[must_use]
    pub fn is_handed_on(&self, name: &str) -> bool {
        self.file.project.is_handed_on(&self.file.module.interface, name)
    }

    /// Whether packages of the product keep data in SQLite too.
    #[must_use]
    pub fn project_uses_sqlite(&self) -> bool {
        self.file.project.joined.sqlite
    }

    /// What the files of the project tell the registry of nodes and pytest.
    #[must_use]
    pub(crate) fn announced(&self) -> &'a Announced {
        &self.file.project.joined.announced
    }

    /// What lies around the Python files of the project.
    #[must_use]
    pub(crate) fn surroundings(&self) -> &'a Surroundings {
        &self.file.project.surroundings
    }

    /// Whether an import is of a module that the configuration names as a patch of the SDK for one operating system.
    #[must_use]
    pub(crate) fn is_platform_shim(&self, import: &Import) -> bool {
        let top = import.module.split('.').next().unwrap_or_default();
        import.level == 0 && self.file.options.platform_shims.iter().any(|shim| shim == top)
    }

    /// Whether a test asks for the failure of what begins at this place: `with pytest.raises(...)` in the same function.
    #[must_use]
    pub(crate) fn is_expected_to_fail(&self, span: Span, scope: ScopeId) -> bool {
        self.is_test_file()
            && self.file.module.calls.iter().any(|call| {
                call.scope == scope && call.span.start < span.start && call.callee.ends_with(".raises")
            })
    }

    /// Whether another class of the project derives from it.
    #[must_use]
    pub fn is_subclassed(&self, class: &Class) -> bool {
        self.file.project.joined.subclassed.contains(&*class.path)
    }

    /// Whether a call somewhere in the project registers this class.
    #[must_use]
    pub fn is_registered_by_call(&self, class: &Class) -> bool {
        self.file.project.joined.registered.contains(&*class.path)
    }

    /// Whether a node class is one that a workflow could name: concrete, public, and not only a base of others.
    #[must_use]
    pub fn is_concrete_node(&self, class: &Class) -> bool {
        let private = class.name.starts_with('_')
            || ["Base", "Abstract", "Mixin"].iter().any(|w| class.name.contains(w));
        let abstract_method = class.methods.iter().any(|m| {
            let decorators = self
                .file
                .module
                .functions
                .get(*m as usize)
                .map(|f| f.decorators.as_slice())
                .unwrap_or_default();
            decorators.iter().any(|d| d.path.as_deref().is_some_and(|p| p.starts_with("abc.abstract")))
        });
        !class.is_abstract
            && !private
            && !abstract_method
            && !self.file.project.joined.subclassed.contains(&*class.path)
            && self.is_node(class)
    }

    /// Whether the class itself defines a method of one of these names.
    #[must_use]
    pub fn defines(&self, class: &Class, names: &[&str]) -> bool {
        class
            .methods
            .iter()
            .any(|m| self.file.module.functions.get(*m as usize).is_some_and(|f| names.contains(&&*f.name)))
    }
}
