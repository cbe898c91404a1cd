//! ## What it does
//!
//! Finds the use of a library of stand-ins: `responses`, `respx`, `requests_mock`, `pytest_httpx`, `aioresponses`,
//! `httpretty`, `vcr`, `betamax`, `pook`, `wiremock`, `moto`, `fakeredis`, `mongomock`, `pytest_mock`, `httpx.MockTransport`,
//! and the fixtures `httpx_mock`, `respx_mock` and `requests_mock`. `freezegun` and `time_machine` stop the clock, which is no
//! service: they are information only.
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
use hallmark_python::facts::{Call, Function, Import};

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
    ],
    ..Rule::STABLE
};

const LIBRARIES: &[(&str, &str)] = &[
    ("aioresponses", "an HTTP service"),
    ("betamax", "an HTTP service"),
    ("fakeredis", "Redis"),
    ("httpretty", "an HTTP service"),
    ("mongomock", "MongoDB"),
    ("moto", "AWS"),
    ("pook", "an HTTP service"),
    ("pytest_httpx", "an HTTP service"),
    ("pytest_mock", "anything"),
    ("requests_mock", "an HTTP service"),
    ("responses", "an HTTP service"),
    ("respx", "an HTTP service"),
    ("vcr", "an HTTP service"),
    ("wiremock", "an HTTP service"),
];

/// Libraries that stop the clock of a test.
const CLOCKS: &[&str] = &["freezegun", "time_machine"];

/// Fixtures of such libraries, which need no import.
const FIXTURES: &[&str] = &["httpx_mock", "requests_mock", "respx_mock"];

fn check_import(context: &mut Context<'_>, import: &Import) {
    let root = import.module.split('.').next().unwrap_or_default();
    if CLOCKS.contains(&root) && import.level == 0 && import.first && import.used {
        context
            .report(import.statement, import.scope, format!("`{root}` stops the clock"))
            .severity(Severity::Info)
            .action("nothing, unless the code under test can be told the time");
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

fn check_function(context: &mut Context<'_>, function: &Function) {
    if let Some(param) = asked_fixture(context, function, FIXTURES) {
        let message = format!("the fixture `{}` stands in for an HTTP service", param.name);
        let scope = context.scope_of(function);
        context.report_double(param.span, scope, message);
    }
}
