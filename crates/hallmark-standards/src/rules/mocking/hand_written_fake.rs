//! ## What it does
//!
//! Finds a class in a test file whose name begins or ends with Fake, Mock, Stub, Dummy, Spy or InMemory. Exceptions,
//! enumerations and test classes (of pytest or `unittest`) are left alone. Outside tests nothing is: `InMemory…` there is a product.
//!
//! A class without such a name is found when it is certain: an object of it is given to code of the product, and it either
//! overrides a method of a product class that talks to a service, or has the methods of such a class, and no others.
//!
//! ## Why
//!
//! A stand-in written by hand answers as its author believed the service does, and goes on answering so when the service
//! changes.
//!
//! ## Example
//!
//! ```python
//! class FakeRedis:
//!     def get(self, key):
//!         return self.data.get(key)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @pytest.fixture
//! def cache():
//!     return redis.Redis.from_url(os.environ["REDIS_URL"])
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier. Exempt is a class that satisfies a
//! `typing.Protocol` with deterministic output; say so with `# hallmark: allow[hand-written-fake] reason`.
//!
//! ## How to mend
//!
//! Use the running stack (`hallmark up`), or move the test to the unit tier.

use hallmark_diagnostics::Severity;
use hallmark_python::Interface;
use hallmark_python::facts::Class;
use hallmark_python::index::Resolved;
use hallmark_python::names::double_word;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;
use crate::tier::is_test_path;

pub(crate) static RULE: Rule = Rule {
    name: "hand-written-fake",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "A stand-in written by hand answers as its author believed the service does, and goes on answering so when the service changes.",
    action: "use the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("hand_written_fake.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    if !context.is_test_file() || class.name.starts_with("Test") {
        return;
    }
    let in_memory =
        || class.name.trim_start_matches('_').starts_with("InMemory").then_some("in-memory double");
    let Some(word) = double_word(&class.name).or_else(in_memory) else {
        check_unnamed(context, class);
        return;
    };
    let other_kind = class.bases.iter().flatten().any(|base| {
        let base = context.canonical(base);
        let last = base.rsplit('.').next().unwrap_or_default();
        // A class that derives from a mock is reported as one.
        base.starts_with("unittest.mock.")
            || ["Error", "Exception", "Warning", "Enum"].iter().any(|end| last.ends_with(end))
    });
    if !other_kind && !is_test_case(context, class) {
        let message = format!("`{}` is a hand-written {}", class.name, word.to_ascii_lowercase());
        let service = replaced(context, class)
            .map(|replaced| replaced.services.join(" and "))
            .or_else(|| sdk::service_of(&split_words(&class.name)).map(str::to_owned));
        let label = service.map(|service| format!("stands in for {service}"));
        context.report_double(class.span, class.scope, message).label(label.unwrap_or_default());
    }
}

/// Whether a class holds tests: it derives from `unittest.TestCase` or one of its kind.
fn is_test_case(context: &Context<'_>, class: &Class) -> bool {
    context.ancestors(class).iter().any(|ancestor| match ancestor {
        Resolved::Class(found) => found.class.name.ends_with("TestCase"),
        Resolved::Path(path) => path.ends_with("TestCase"),
    })
}

/// A class whose name does not say that it is a double.
fn check_unnamed(context: &mut Context<'_>, class: &Class) {
    let Some(replaced) = replaced(context, class).filter(|_| is_given_to_product(context, class)) else {
        return;
    };
    let services = replaced.services.join(" and ");
    let message =
        format!("`{}` takes the place of `{}`, which talks to {services}", class.name, replaced.name);
    context.report_double(class.span, class.scope, message).label(format!("stands in for {services}"));
}

/// What a class of a test takes the place of.
struct Replaced<'a> {
    /// The class, or its method that is overridden.
    name: String,
    /// The services that it talks to.
    services: Vec<&'a str>,
}

/// The class of the product that a class overrides in what talks to a service, or whose methods are all that it has.
fn replaced<'a>(context: &Context<'a>, class: &Class) -> Option<Replaced<'a>> {
    let names = methods(context, class);
    if names.is_empty() {
        return None;
    }
    for ancestor in context.ancestors(class) {
        let Resolved::Class(parent) = ancestor else { continue };
        let talking =
            parent.module.methods(parent.class).find(|m| !m.services.is_empty() && names.contains(&&*m.name));
        if let Some(method) = talking {
            let services = method.services.iter().map(|s| &**s).collect();
            return Some(Replaced { name: format!("{}.{}", parent.class.name, method.name), services });
        }
    }
    if names.len() < 2 || class.bases.iter().any(|base| base.as_deref() != Some("builtins.object")) {
        return None;
    }
    // Only what the file itself imports or what its imports show can be meant.
    let module = context.module();
    let imported = module.imports.iter().filter_map(|import| context.index().module(&import.module));
    let mut homes: Vec<&Interface> = imported.collect();
    let named: Vec<&Interface> =
        module.imports.iter().filter_map(|import| context.index().module(&import.path())).collect();
    homes.extend(named);
    let reached: Vec<&Interface> = homes
        .iter()
        .flat_map(|home| home.exports.iter().map(|(_, path)| (*home, path)))
        .filter_map(|(_, path)| context.index().module(path.rsplit_once('.')?.0))
        .collect();
    homes.extend(reached);
    homes.iter().filter(|home| !is_test_path(&home.path)).find_map(|home| {
        let found = home.classes.iter().filter(|c| c.top_level && !c.services.is_empty()).find(|c| {
            let talks = |name: &str| home.methods(c).any(|m| &*m.name == name && !m.services.is_empty());
            names.iter().all(|name| home.methods(c).any(|m| &*m.name == *name))
                && names.iter().any(|name| talks(name))
        })?;
        let services = found.services.iter().map(|s| &**s).collect();
        Some(Replaced { name: found.name.to_string(), services })
    })
}

/// The names of a class's own public methods.
fn methods<'a>(context: &Context<'a>, class: &Class) -> Vec<&'a str> {
    let functions = class.methods.iter().filter_map(|m| context.module().functions.get(*m as usize));
    functions.map(|f| &*f.name).filter(|name| !name.starts_with('_')).collect()
}

/// Whether an object of the class is an argument of a call of the product.
fn is_given_to_product(context: &Context<'_>, class: &Class) -> bool {
    let built = format!("{}()", class.path);
    context.module().calls.iter().any(|call| {
        call.args.iter().any(|arg| arg.value.path() == Some(built.as_str())) && {
            let callee = context.canonical(&call.callee.replace("()", ""));
            let mut holder = &*callee;
            let mut home = None;
            while let Some((up, _)) = holder.rsplit_once('.').filter(|_| home.is_none()) {
                home = context.index().module(up);
                holder = up;
            }
            home.is_some_and(|home| !is_test_path(&home.path))
        }
    })
}

/// `FakeRedisClient` as `Fake.Redis.Client`, so that its words can be looked up.
fn split_words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('.');
        }
        out.push(c);
    }
    out
}
