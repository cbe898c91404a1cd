//! ## What it does
//!
//! Finds data read by `pickle`, `marshal`, `shelve`, `dill`, `jsonpickle`, or by `yaml.load` without a safe loader.
//!
//! ## Why
//!
//! Reading such data runs whatever code its writer put into it.
//!
//! ## Example
//!
//! ```python
//! import pickle
//!
//! state = pickle.loads(body)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import json
//!
//! state = json.loads(body)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`, must not.
//!
//! ## How to mend
//!
//! Use a format that holds data only.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "unsafe-deserialization",
    family: Family::Security,
    severity: Severity::Error,
    why: "Reading such data runs whatever code its writer put into it.",
    action: "read JSON, or YAML with yaml.safe_load",
    source: include_str!("unsafe_deserialization.rs"),
    checks: &[Check::CallTo(NAMES, check)],
    ..Rule::STABLE
};

const NAMES: &[&str] = &[
    "load",
    "loads",
    "Unpickler",
    "unsafe_load",
    "unsafe_load_all",
    "full_load",
    "load_all",
    "open",
    "decode",
];

const READERS: &[&str] = &[
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "_pickle.load",
    "_pickle.loads",
    "cPickle.load",
    "cPickle.loads",
    "marshal.load",
    "marshal.loads",
    "dill.load",
    "dill.loads",
    "cloudpickle.load",
    "cloudpickle.loads",
    "shelve.open",
    "jsonpickle.decode",
    "yaml.unsafe_load",
    "yaml.unsafe_load_all",
];

fn check(context: &mut Context<'_>, call: &Call) {
    let path = context.canonical(&call.callee);
    let unsafe_yaml = || {
        let loader = call.keyword("Loader").or_else(|| call.positional(1));
        matches!(&*path, "yaml.load" | "yaml.load_all")
            && !loader.is_some_and(|l| {
                matches!(&l.value, Value::Path(p) if p.contains("Safe") || p.contains("BaseLoader"))
                    || l.value == Value::Other
            })
    };
    if READERS.contains(&&*path) || unsafe_yaml() {
        context.report_milder_in_tests(
            call.span,
            call.scope,
            format!("`{path}` runs code that the data names"),
        );
    }
}
