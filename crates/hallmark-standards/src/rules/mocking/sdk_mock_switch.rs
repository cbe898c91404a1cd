//! ## What it does
//!
//! Finds a switch of the SDK that turns a stand-in on: `use_real_mcp=False`, `mock_response=...`, `provider="mock"`, as
//! an argument or in a node's configuration.
//!
//! ## Why
//!
//! The SDK then answers by itself. Nothing was asked of the service, whatever the run reports.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("LLMAgentNode", "ask", {"provider": "mock"})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("LLMAgentNode", "ask", {"provider": "openai"})
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide; 2026: `gold-mocking-policy` and `rules/testing`. Under `--profile strict` no
//! double is allowed in any tier.
//!
//! ## How to mend
//!
//! Use the OpenAI-compatible service of the stack.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Setting, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "sdk-mock-switch",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The SDK then answers by itself. Nothing was asked of the service, whatever the run reports.",
    action: "name the real provider; point it at the local model of the running stack",
    source: include_str!("sdk_mock_switch.rs"),
    checks: &[Check::Setting(&["use_real_mcp", "mock_response", "provider", "llm_provider"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, setting: &Setting) {
    let on = match &*setting.name {
        "use_real_mcp" => setting.value == Value::Bool(false),
        "provider" | "llm_provider" => {
            setting.value.text().is_some_and(|text| matches!(text, "mock" | "fake" | "dummy"))
        }
        _ => !matches!(setting.value, Value::Nothing | Value::Bool(false)),
    };
    // A keyword that is handed on is somebody else's choice.
    let handed_on = setting.value.path().is_some();
    if on && !handed_on {
        let shown = setting.value.text().map_or_else(String::new, |text| format!("={text:?}"));
        let shown = if &*setting.name == "mock_response" { String::new() } else { shown };
        context.report_double(
            setting.span,
            setting.scope,
            format!("`{}{shown}` makes the SDK answer by itself", setting.name),
        );
    }
}
