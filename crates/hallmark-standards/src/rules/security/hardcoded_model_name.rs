//! ## What it does
//!
//! Finds the name of a language model written at a call or in a configuration: `model="gpt-4o"`.
//!
//! ## Why
//!
//! Models are retired and differ by environment. A name in the source must be found and changed everywhere, and keeps
//! tests from running against the model that is there.
//!
//! ## Example
//!
//! ```python
//! agent = Agent(model="gpt-4o")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import os
//!
//! agent = Agent(model=os.environ["OPENAI_MODEL"])
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/env-models`.
//!
//! ## How to mend
//!
//! Use a variable such as `OPENAI_MODEL`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Setting;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "hardcoded-model-name",
    family: Family::Security,
    severity: Severity::Warning,
    why: "Models are retired and differ by environment. A name in the source must be found and changed everywhere, and keeps tests from running against the model that is there.",
    action: "read the name from the environment",
    source: include_str!("hardcoded_model_name.rs"),
    checks: &[Check::Setting(&["model", "model_name", "default_model", "embedding_model"], check)],
    ..Rule::STABLE
};

const MODELS: &[&str] = &[
    "gpt-",
    "o1-",
    "o3-",
    "o4-",
    "chatgpt-",
    "claude-",
    "gemini-",
    "gemma",
    "llama",
    "mistral",
    "mixtral",
    "text-embedding-",
    "text-davinci",
    "deepseek-",
    "qwen",
    "command-r",
    "whisper-",
    "dall-e",
    "phi-",
    "nomic-embed",
    "mxbai-embed",
    "sonar",
];

/// Parts of names that no vendor gives.
const INVENTED: &[&str] = &[
    "custom",
    "deployment",
    "dummy",
    "example",
    "fake",
    "my",
    "nonexistent",
    "placeholder",
    "unknown",
    "x",
    "xyz",
    "your",
];

fn check(context: &mut Context<'_>, setting: &Setting) {
    let Some(name) = setting.value.text() else { return };
    let bare = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let is_model = MODELS.iter().any(|start| bare.starts_with(start))
        || matches!(bare.as_str(), "o1" | "o3" | "o3-mini");
    // A deployment of one's own, or a name made up for a test, is no vendor's model.
    let invented = bare.split(['-', '_', ':', '.']).any(|part| INVENTED.contains(&part));
    if is_model && !invented && !bare.contains(' ') {
        context.report_milder_in_tests(
            setting.span,
            setting.scope,
            format!("the model `{name}` is named in the source"),
        );
    }
}
