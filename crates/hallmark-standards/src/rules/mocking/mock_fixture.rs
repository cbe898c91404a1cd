//! ## What it does
//!
//! Finds a test that asks for a fixture which gives a mock, a patch or a hand-written fake, or rests on a fixture that does:
//! a fixture of its own file, of a `conftest.py` above it, of a plugin named in `pytest_plugins`, or an imported one, under
//! any name; asked for as a parameter, by the marker `usefixtures` or by `getfixturevalue`. Helper functions that build the
//! double are followed. A fixture with `autouse` that replaces code is found where it stands: no test asks for it.
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
use hallmark_python::facts::{Call, Function, ScopeId, Span};
use hallmark_python::fixtures::is_fixture;
use hallmark_python::interface::FunctionFace;
use hallmark_python::names::double_word;

use crate::Context;
use crate::doubles::{BUILT, PATCHES, member};
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "mock-fixture",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The double is out of sight: the test reads as if it talked to the service, and passes whatever the service does.",
    action: "give the fixture a connection to the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("mock_fixture.rs"),
    checks: &[Check::Function(check), Check::CallTo(&["usefixtures", "getfixturevalue"], check_named)],
    ..Rule::STABLE
};

/// How many fixtures are followed from one to the next.
const STEPS: usize = 6;

fn check(context: &mut Context<'_>, function: &Function) {
    if !context.is_test_file() {
        return;
    }
    if !function.decorators.is_empty() {
        check_autouse(context, function);
    }
    if !function.name.starts_with("test") || function.params.is_empty() {
        return;
    }
    let parametrized =
        function.decorators.iter().any(|d| d.path.as_deref() == Some("pytest.mark.parametrize"));
    let scope = function.opens;
    for param in &function.params {
        let Some(given) = given(context, &param.name, STEPS) else { continue };
        // A value of a parametrised test may bear the name of a fixture.
        if parametrized
            && given.home.path == context.module().path
            && !given.home.functions.iter().any(|f| f.name == param.name)
        {
            continue;
        }
        report(context, &param.name, &given, (param.span, scope));
    }
}

/// `@pytest.mark.usefixtures("name")` and `request.getfixturevalue("name")`.
fn check_named(context: &mut Context<'_>, call: &Call) {
    let known = matches!(&*call.callee, "pytest.mark.usefixtures" | "$request.getfixturevalue");
    if !known || !context.is_test_file() {
        return;
    }
    for arg in &call.args {
        if let Some(name) = arg.value.text()
            && let Some(given) = given(context, name, STEPS)
        {
            report(context, name, &given, (arg.span, call.scope));
        }
    }
}

fn report(context: &mut Context<'_>, name: &str, given: &Given<'_>, (span, scope): (Span, ScopeId)) {
    let named = |name: &str| sdk::service_of(&name.replace('_', "."));
    let service = given.through.as_deref().and_then(named).or_else(|| named(name));
    let label = service.map(|service| format!("replaces {service}"));
    let (does, what) = &given.double;
    let message = match &given.through {
        Some(other) => format!("the fixture `{name}` rests on `{other}`, which {does} `{what}`"),
        None => format!("the fixture `{name}` {does} `{what}`"),
    };
    context.report_double(span, scope, message).label(label.unwrap_or_default());
}

/// A fixture that every test around it gets without asking, and that replaces code.
fn check_autouse(context: &mut Context<'_>, function: &Function) {
    if !function.decorators.iter().any(|d| d.called && d.path.as_deref().is_some_and(is_fixture)) {
        return;
    }
    let place = context.module().functions.iter().position(|f| f.span == function.span);
    let home = context.index().from();
    let Some(face) = place.and_then(|place| home.functions.get(place)) else { return };
    if face.fixture.as_ref().is_some_and(|fixture| fixture.autouse)
        && let Some((does, what)) = patches(context, home, face)
    {
        let message =
            format!("the fixture `{}` {does} `{what}` for tests that do not ask for it", function.name);
        let scope = function.opens;
        context.report_double(function.span, scope, message);
    }
}

/// A double that a fixture gives.
struct Given<'a> {
    /// The file of the fixture that builds it.
    home: &'a Interface,
    /// What the fixture does, and with what.
    double: (&'static str, String),
    /// The fixture that gives it, if it is another one.
    through: Option<String>,
}

/// The double that the fixture of this name gives or rests on.
fn given<'a>(context: &Context<'a>, name: &str, steps: usize) -> Option<Given<'a>> {
    let steps = steps.checked_sub(1)?;
    let (home, fixture) = context.index().fixture(name)?;
    let given_back = returned(context, home, fixture, steps).map(|what| ("gives", what));
    if let Some(double) = given_back.or_else(|| patches(context, home, fixture)) {
        return Some(Given { home, double, through: None });
    }
    let asked = fixture.params.iter().filter(|param| &***param != name);
    asked.into_iter().find_map(|param| {
        let inner = given(context, param, steps)?;
        let through = inner.through.or_else(|| Some(param.to_string()));
        Some(Given { through, ..inner })
    })
}

/// The double that a fixture or a function that helps it returns.
fn returned<'a>(
    context: &Context<'a>,
    home: &'a Interface,
    function: &'a FunctionFace,
    steps: usize,
) -> Option<String> {
    let steps = steps.checked_sub(1)?;
    function.returns.iter().find_map(|path| {
        if let Some(rest) = path.strip_prefix('$') {
            let is_mocker = rest.strip_prefix("mocker.").is_some_and(|rest| rest.ends_with(')'));
            return is_mocker.then(|| rest.trim_end_matches("()").to_owned());
        }
        let canonical = sdk::normalise(&context.index().canonical_from(path, home));
        let built = canonical.strip_suffix("()")?;
        let last = built.rsplit('.').next().unwrap_or(built);
        let is_mock = member(context, built).is_some_and(|m| BUILT.contains(&m) || PATCHES.contains(&m));
        // A class of the tests whose name says that it is a double.
        let is_fake = double_word(last).is_some() && is_of_tests(context, built, home);
        if is_mock || is_fake {
            return Some(last.to_owned());
        }
        let (module, name) = built.rsplit_once('.')?;
        let helper_home = if *module == *home.name { home } else { context.index().module(module)? };
        let helper =
            helper_home.functions.iter().find(|f| f.top_level && &*f.name == name && f.fixture.is_none())?;
        if std::ptr::eq(helper, function) {
            return None;
        }
        returned(context, helper_home, helper, steps)
    })
}

/// What a fixture builds doubles with, or puts in the place of code while the test runs.
fn patches<'a>(
    context: &Context<'a>,
    home: &'a Interface,
    fixture: &FunctionFace,
) -> Option<(&'static str, String)> {
    let face = fixture.fixture.as_ref()?;
    if let Some(path) = face.builds.as_deref()
        && let Some(name) = member(context, &context.index().canonical_from(path, home))
        && BUILT.contains(&name)
    {
        return Some(("builds", name.to_owned()));
    }
    let by = "replaces code by";
    let path = face.replaces.as_deref()?;
    if path.starts_with('$') {
        return Some((by, path.trim_start_matches('$').to_owned()));
    }
    let canonical = context.index().canonical_from(path, home);
    let is_patch = member(context, &canonical).is_some_and(|m| PATCHES.contains(&m));
    let by_monkeypatch = canonical.contains("MonkeyPatch");
    let method = canonical.rsplit('.').next().unwrap_or_default();
    if by_monkeypatch {
        return Some((by, format!("monkeypatch.{method}")));
    }
    is_patch.then(|| (by, canonical.rsplit("mock.").next().unwrap_or(&canonical).to_owned()))
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
