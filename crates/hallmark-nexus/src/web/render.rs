//! Templates: compiled into the binary, escaped by default.

use std::sync::LazyLock;

use hallmark_core::{Error, Result};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde_json::Value;

/// A rendered page and the nonce that its own scripts and styles carry.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) nonce: String,
}

/// Every template, sorted by name.
const TEMPLATES: &[(&str, &str)] = &[
    ("docs.html", include_str!("docs.html")),
    ("layout.html", include_str!("layout.html")),
    ("main.html", include_str!("main.html")),
    ("page.css", include_str!("page.css")),
    ("page.html", include_str!("page.html")),
    ("page.js", include_str!("page.js")),
    ("sign-in.html", include_str!("sign-in.html")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
    });
    for (name, text) in TEMPLATES {
        // A template that does not parse is missed by name below, and by the tests before that.
        let _ = environment.add_template(name, text);
    }
    environment
});

/// Renders a template with this context.
pub(super) fn template(name: &str, mut context: Value) -> Result<Page> {
    let nonce = super::nonce()?;
    context["nonce"] = Value::String(nonce.clone());
    context["version"] = Value::String(env!("CARGO_PKG_VERSION").to_owned());
    let failed = |e: minijinja::Error| {
        Error::new(&hallmark_core::codes::INTERNAL, "a page could not be rendered").because(&e)
    };
    let text = ENVIRONMENT.get_template(name).and_then(|t| t.render(Serde(&context))).map_err(failed)?;
    Ok(Page { text, nonce })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_parses() {
        for (name, _) in TEMPLATES {
            assert!(ENVIRONMENT.get_template(name).is_ok(), "{:?}", ENVIRONMENT.get_template(name).err());
        }
    }
}
