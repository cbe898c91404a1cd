//! ## What it does
//!
//! Finds a test that asks for a fixture which gives a mock or a hand-written fake: a fixture of its own file, of a
//! `conftest.py` above it, or an imported one, also through other fixtures.
//!
//! ## Why
//!
//! The double is out of sight: the test reads as if it talked to the service, and passes whatever the service does.
//!
//! ## Example
//!
//! ```python
//! # conftest.py
//! @pytest.fixture
//! def database():
//!     return MagicMock()
//!
//! # test_orders.py
//! def test_order(database):
//!     assert save(database)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! # conftest.py
//! @pytest.fixture
//! def database():
//!     with connect(os.environ["DATABASE_URL"]) as connection:
//!         yield connection
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide; 2026: `gold-mocking-policy` and `rules/testing`. Under `--profile strict` no
//! double is allowed in any tier.
//!
//! ## How to mend
//!
//! Connect in the fixture.

use hallmark_diagnostics::Severity;
use hallmark_python::Interface;
use hallmark_python::facts::Function;
use hallmark_python::interface::FunctionFace;
use hallmark_python::names::double_word;

use crate::Context;
use crate::doubles::member;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "mock-fixture",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The double is out of sight: the test reads as if it talked to the service, and passes whatever the service does.",
    action: "give the fixture a connection to the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("mock_fixture.rs"),
    checks: &[Check::Function(check)],
    ..Rule::STABLE
};

/// How many fixtures are followed from one to the next.
const STEPS: usize = 6;

fn check(context: &mut Context<'_>, function: &Function) {
    if !context.is_test_file() || !function.name.starts_with("test") || function.params.is_empty() {
        return;
    }
    let parametrized =
        function.decorators.iter().any(|d| d.path.as_deref() == Some("pytest.mark.parametrize"));
    let scope = context.scope_of(function);
    for param in &function.params {
        let Some((home, gives)) = given(context, &param.name, STEPS) else { continue };
        // A value of a parametrised test may bear the name of a fixture.
        if parametrized
            && home.path == context.module().path
            && !home.functions.iter().any(|f| f.name == param.name)
        {
            continue;
        }
        let label =
            sdk::service_of(&param.name.replace('_', ".")).map(|service| format!("replaces {service}"));
        let message = format!("the fixture `{}` gives `{gives}`", param.name);
        let raw = context.report_double(param.span, scope, message);
        raw.label(label.unwrap_or_default());
    }
}

/// The file of the fixture of this name that gives a double, and what it gives.
fn given<'a>(context: &Context<'a>, name: &str, steps: usize) -> Option<(&'a Interface, String)> {
    let steps = steps.checked_sub(1)?;
    let (home, fixture) = find(context, name)?;
    fixture.returns.iter().find_map(|path| {
        if let Some(other) = path.strip_prefix('$') {
            return (!other.contains(['.', '(']) && other != name)
                .then(|| given(context, other, steps))
                .flatten();
        }
        let canonical = sdk::normalise(&context.index().canonical_from(path, home));
        let built = canonical.strip_suffix("()")?;
        let last = built.rsplit('.').next().unwrap_or(built);
        let is_mock = member(context, built)
            .is_some_and(|m| m.ends_with("Mock") || matches!(m, "create_autospec" | "mock_open"));
        // A class of the tests whose name says that it is a double.
        let is_fake = double_word(last).is_some() && is_of_tests(context, built, home);
        (is_mock || is_fake).then(|| (home, last.to_owned()))
    })
}

/// The fixture of this name: of the file itself, of the nearest `conftest.py`, or imported into one of them.
fn find<'a>(context: &Context<'a>, name: &str) -> Option<(&'a Interface, &'a FunctionFace)> {
    let own: &'a Interface = context.index().from();
    let of = |home: &'a Interface| {
        home.functions.iter().find(|f| &*f.name == name && is_fixture(f)).map(|f| (home, f))
    };
    let imported = |home: &'a Interface| {
        let path = home.export(name)?;
        let (module, _) = path.rsplit_once('.')?;
        context.index().module(module).and_then(of)
    };
    let starred =
        |home: &'a Interface| home.stars.iter().find_map(|star| context.index().module(star).and_then(of));
    let look = |home: &'a Interface| of(home).or_else(|| imported(home)).or_else(|| starred(home));
    look(own).or_else(|| context.index().conftests().find_map(look))
}

fn is_fixture(function: &FunctionFace) -> bool {
    function.decorators.iter().any(|path| matches!(&**path, "pytest.fixture" | "pytest_asyncio.fixture"))
}

/// Whether a class is defined in a test or a helper of tests.
fn is_of_tests(context: &Context<'_>, path: &str, home: &Interface) -> bool {
    let defined_in = |module: &str| {
        context.index().module(module).is_some_and(|m| {
            m.path.split('/').any(|s| s == "tests" || s == "test") || m.path.ends_with("conftest.py")
        })
    };
    path.strip_prefix(&*home.name).is_some_and(|rest| rest.starts_with('.'))
        || path.rsplit_once('.').is_some_and(|(module, _)| defined_in(module))
}
