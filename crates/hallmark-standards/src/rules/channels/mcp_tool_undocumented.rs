//! ## What it does
//!
//! Finds a tool of an MCP server without a docstring.
//!
//! ## Why
//!
//! The docstring is all that a model knows of the tool: without it the tool is not called, or called wrongly.
//!
//! ## Example
//!
//! ```python
//! @server.tool()
//! def price(sku: str) -> int: ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @server.tool()
//! def price(sku: str) -> int:
//!     """The price of one product, in cents."""
//! ```
//!
//! ## Gold standard
//!
//! 2026: MCP guide.
//!
//! ## How to mend
//!
//! Write a docstring.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "mcp-tool-undocumented",
    family: Family::Channels,
    severity: Severity::Warning,
    why: "The docstring is all that a model knows of the tool: without it the tool is not called, or called wrongly.",
    action: "say what the tool does and what its parameters mean",
    source: include_str!("mcp_tool_undocumented.rs"),
    checks: &[Check::Function(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, function: &Function) {
    if function.documented || context.is_test_file() {
        return;
    }
    let is_tool =
        function.decorators.iter().filter(|d| d.path.as_deref().is_some_and(|p| p.ends_with(".tool"))).any(
            |d| {
                let path = context.canonical(d.path.as_deref().unwrap_or_default());
                ["FastMCP()", "MCPServer()", "SimpleServer()"].iter().any(|server| path.contains(server))
            },
        );
    if is_tool {
        context.report(
            function.span,
            function.scope,
            format!("the tool `{}` says nothing about itself", function.name),
        );
    }
}
