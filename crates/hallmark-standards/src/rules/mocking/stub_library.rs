//! ## What it does
//!
//! Finds the use of a library of stand-ins: `responses`, `respx`, `requests_mock`, `pytest_httpx`, `aioresponses`,
//! `aresponses`, `httpretty`, `httmock`, `mocket`, `vcr`, `betamax`, `pook`, `wiremock`, `moto`, `fakeredis`, `mongomock`,
//! `mongomock_motor`, `pyfakefs`, `flexmock`, `mockito`, `asynctest`, `pytest_mock`, `httpx.MockTransport`, the fake models of
//! LangChain, the markers `vcr` and `default_cassette`, and the fixtures `httpx_mock`, `respx_mock`, `requests_mock`,
//! `aresponses` and `vcr_cassette`. `httpx.ASGITransport` and containers of testcontainers run the real thing.
//!
//! ## Why
//!
//! The library answers in the place of the service. The test passes whatever the real service does, so it proves nothing
//! about it.
//!
//! ## Example
//!
//! ```python
//! import fakeredis
//! cache = fakeredis.FakeRedis()
//! ```
//!
//! ## Use instead
//!
//! ```python
//! cache = redis.Redis.from_url(os.environ["REDIS_URL"])
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier.
//!
//! ## How to mend
//!
//! Use the running stack (`hallmark up`), or move the test to the unit tier.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;
use hallmark_python::facts::{Call, Class, Decorator, Function, Import, ScopeId};

use crate::Context;
use crate::doubles::asked_fixture;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "stub-library",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The library answers in the place of the service. The test passes whatever the real service does, so it proves nothing about it.",
    action: "use the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("stub_library.rs"),
    checks: &[
        Check::Import(check_import),
        Check::Module(check_calls),
        Check::CallTo(&["MockTransport"], check_transport),
        Check::Function(check_function),
        Check::Class(check_class),
    ],
    ..Rule::STABLE
};

const LIBRARIES: &[(&str, &str)] = &[
    ("aioresponses", HTTP),
    ("aresponses", HTTP),
    ("asynctest", "anything"),
    ("betamax", HTTP),
    ("fakeredis", "Redis"),
    ("flexmock", "anything"),
    ("httmock", HTTP),
    ("httpretty", HTTP),
    ("mocket", "any service"),
    ("mockito", "anything"),
    ("mongomock", "MongoDB"),
    ("mongomock_motor", "MongoDB"),
    ("moto", "AWS"),
    ("pook", HTTP),
    ("pyfakefs", "the file system"),
    ("pytest_httpx", HTTP),
    ("pytest_mock", "anything"),
    ("requests_mock", HTTP),
    ("responses", HTTP),
    ("respx", HTTP),
    ("vcr", HTTP),
    ("wiremock", HTTP),
];

const HTTP: &str = "an HTTP service";

/// Fixtures of such libraries, which need no import.
const FIXTURES: &[&str] = &["aresponses", "httpx_mock", "requests_mock", "respx_mock", "vcr_cassette"];

/// Markers of such libraries, which need no import.
const MARKS: &[&str] = &["default_cassette", "vcr"];

fn check_import(context: &mut Context<'_>, import: &Import) {
    let root = import.module.split('.').next().unwrap_or_default();
    // LangChain has models that answer from a list.
    if root.starts_with("langchain")
        && import.used
        && context.is_test_file()
        && let Some(name) = import.name.as_deref()
        && (name.starts_with("Fake") || name.starts_with("GenericFake"))
    {
        let message = format!("`{name}` stands in for a language model");
        context.report_double(import.span, import.scope, message);
        return;
    }
    let Some((library, service)) = LIBRARIES.iter().find(|(name, _)| *name == root) else { return };
    // `MockerFixture` for an annotation says nothing that the fixture itself does not.
    let own = import.level > 0 || context.index().is_own(root);
    if !own && import.first && import.used {
        context.report_double(import.statement, import.scope, format!("`{library}` stands in for {service}"));
    }
}

fn check_calls(context: &mut Context<'_>, module: &Module) {
    let library = |path: &str| LIBRARIES.iter().find(|(name, _)| path.split('.').next() == Some(*name));
    if module.imports.iter().any(|import| library(&import.module).is_some()) {
        for call in module.calls.iter().filter(|call| !call.callee.contains("()")) {
            let Some((name, service)) = library(&call.callee) else { continue };
            if !context.index().is_own(name) {
                context.report_double(call.head, call.scope, format!("`{name}` stands in for {service}"));
            }
        }
    }
}

fn check_transport(context: &mut Context<'_>, call: &Call) {
    if context.is(&call.callee, "httpx.MockTransport") {
        context.report_double(call.head, call.scope, "`httpx.MockTransport` stands in for an HTTP service");
    }
}

fn check_class(context: &mut Context<'_>, class: &Class) {
    check_marks(context, &class.decorators, class.scope);
}

fn check_marks(context: &mut Context<'_>, decorators: &[Decorator], scope: ScopeId) {
    if decorators.is_empty() || !context.is_test_file() {
        return;
    }
    for decorator in decorators {
        check_decorator(context, decorator, scope);
        let mark = decorator.path.as_deref().and_then(|path| path.strip_prefix("pytest.mark."));
        if let Some(mark) = mark.filter(|mark| MARKS.contains(mark)) {
            let message = format!("the marker `{mark}` lets recorded answers stand in for an HTTP service");
            context.report_double(decorator.span, scope, message);
        }
    }
}

/// A tool of such a library that decorates without being called: `@respx.mock`.
fn check_decorator(context: &mut Context<'_>, decorator: &Decorator, scope: ScopeId) {
    let path = decorator.path.as_deref().filter(|path| !decorator.called && path.contains('.'));
    let Some(path) = path else { return };
    let Some((name, service)) = LIBRARIES.iter().find(|(name, _)| path.split('.').next() == Some(*name))
    else {
        return;
    };
    if !context.index().is_own(name) {
        context.report_double(decorator.span, scope, format!("`{path}` stands in for {service}"));
    }
}

fn check_function(context: &mut Context<'_>, function: &Function) {
    check_marks(context, &function.decorators, function.scope);
    if let Some(param) = asked_fixture(context, function, FIXTURES) {
        let message = format!("the fixture `{}` stands in for an HTTP service", param.name);
        let scope = function.opens;
        context.report_double(param.span, scope, message);
    }
}
