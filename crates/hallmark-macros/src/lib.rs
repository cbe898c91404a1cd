//! Attribute and derive macros of Hallmark. They implement traits; registering stays explicit.

mod node;
mod options;

use proc_macro::TokenStream;

/// Makes a governed node of an `async fn`, or of the `async fn run` of an `impl` block (for nodes that hold something).
///
/// The arguments are the parameters: `T` is required, `Option<T>` and `#[param(default = …)]` are not. A leading `&Context`
/// is the execution's context. The input is governed before the function is called. A function becomes a unit struct of its
/// name; give it to the registry like any node: `registry.register(Arc::new(HvacSuitability))`.
///
/// Options of the node: `name = "…"` (else the function's or type's name), `summary = "…"` (else the doc comment's first
/// paragraph), `group = "agent" | "builtin" | "custom"`, `read_only`, `branching`, `timeout_ms = …`.
///
/// Options of a parameter, in `#[param(…)]`: `describe = "…"` (else its doc comment), `name = "…"`, `default = …`,
/// `choices = […]`, `min = …`, `max = …`, `max_length = …`, `pii`, `secret`.
///
/// An example that runs is in `hallmark_workflow::register_node`.
#[proc_macro_attribute]
pub fn register_node(options: TokenStream, item: TokenStream) -> TokenStream {
    node::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
