//! Attribute and derive macros of Hallmark. They implement traits; registering stays explicit.

mod model;
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

/// Makes a struct a model: `hallmark_dataflow::Model` gives the same description as one read from Python.
///
/// `#[model(table = "…", primary_key = ["a", "b"], unique = ["a", "b"], check = "…", index(fields = ["a"], …))]`; any other word is an
/// option, as in `__dataflow__`: `#[model(soft_delete, cache_ttl = 60, search_fields = ["name"])]`.
///
/// `#[field(primary_key, auto_increment = false, unique, index, max_length = 5, min_length = 1, minimum = 0, maximum = 9, above = 0,
/// below = 9, pattern = "…", max_digits = 12, decimal_places = 2, choices = […], references = "users.id", on_delete = "cascade",
/// default = …, default_now, default_today, default_uuid, renamed_from = "…", enum_type = "…", kind = "…", name = "…", skip)]`.
/// `Option<T>` may be null.
///
/// An example that runs is in `hallmark_dataflow::Model`.
#[proc_macro_derive(Model, attributes(model, field))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    model::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
