//! ## What it does
//!
//! Finds `@pytest.mark.x` where `x` is neither a marker of pytest, nor one of a well-known plugin, nor registered: under `markers`
//! in `pytest.ini`, `pyproject.toml`, `tox.ini` or `setup.cfg` in a folder above the file, or by
//! `config.addinivalue_line("markers", ...)` in a `conftest.py` above the file or in a plugin. Each marker is reported once in a file.
//!
//! ## Why
//!
//! With `--strict-markers` pytest collects no test of the file. Without it a mistyped marker selects nothing, and nobody is told
//! but by a warning.
//!
//! ## Example
//!
//! ```python
//! @pytest.mark.intergration
//! def test_orders(): ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @pytest.mark.integration
//! def test_orders(): ...
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. Tiers are chosen by markers. It is an error where the nearest configuration is strict, and a warning elsewhere, as
//! it is in pytest, which also knows no configuration at all.
//!
//! ## How to mend
//!
//! Correct the marker, or register it.

use rustc_hash::FxHashMap;

use hallmark_core::nearest;
use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "unregistered-marker",
    family: Family::Testing,
    severity: Severity::Warning,
    why: "With `--strict-markers` pytest collects no test of the file. Without it a mistyped marker selects nothing, and nobody is told but by a warning.",
    action: "register the marker under `markers` in the configuration of pytest",
    source: include_str!("unregistered_marker.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

/// Markers of pytest itself.
const BUILTIN: &[&str] =
    &["filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast", "usefixtures", "xfail"];

/// Markers that well-known plugins register.
const PLUGINS: &[&str] = &[
    "allow_hosts",
    "anyio",
    "asyncio",
    "asyncio_cooperative",
    "benchmark",
    "block_network",
    "browser_context_args",
    "celery",
    "default_cassette",
    "dependency",
    "disable_socket",
    "django_db",
    "enable_socket",
    "faker",
    "flaky",
    "forked",
    "freeze_time",
    "gen_test",
    "hookwrapper",
    "httpx_mock",
    "hypothesis",
    "ignore_template_errors",
    "limit_leaks",
    "limit_memory",
    "mpl_image_compare",
    "no_cover",
    "only_browser",
    "order",
    "qt_log_ignore",
    "random_order",
    "repeat",
    "run",
    "skip_browser",
    "thread_unsafe",
    "timeout",
    "trio",
    "twisted",
    "urls",
    "vcr",
    "xdist_group",
];

fn check(context: &mut Context<'_>, module: &Module) {
    let (announced, around) = (context.announced(), context.surroundings());
    let mut first: FxHashMap<&str, (usize, usize)> = FxHashMap::default();
    for (at, marker) in module.markers.iter().enumerate() {
        let name = &*marker.text;
        // `pytest.mark.__getattr__(name)` is no marker.
        let known = name.starts_with('_')
            || BUILTIN.contains(&name)
            || PLUGINS.contains(&name)
            || announced.has_marker(&module.path, name)
            || around.has_marker(&module.path, name);
        if !known {
            first.entry(name).or_insert((at, 0)).1 += 1;
        }
    }
    let strict = around.is_strict(&module.path);
    for (name, (at, uses)) in first {
        let marker = &module.markers[at];
        let times = if uses > 1 { format!(" ({uses} uses in this file)") } else { String::new() };
        let message = format!("the marker `{name}` is not registered with pytest{times}");
        let registered = around.markers(&module.path).chain(BUILTIN.iter().copied());
        // Of short words every other one is near.
        let near = if name.len() < 5 { None } else { nearest(name, registered) };
        let action = match near {
            Some(near) => format!(
                "did you mean `{near}`? or register `{name}` under `markers` in the configuration of pytest"
            ),
            None => format!("register `{name}` under `markers` in the configuration of pytest"),
        };
        let raw = context.report(marker.span, marker.scope, message);
        raw.action(action);
        if strict {
            raw.severity(Severity::Error);
        }
    }
}
