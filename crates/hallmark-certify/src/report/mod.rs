//! The report of a certificate: one HTML file that needs nothing else, and a page of text for the terminal.
//!
//! Both show what the certificate says and conclude nothing of their own.

pub mod text;
mod view;

use hallmark_core::{Error, Result};
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use crate::Certificate;
use crate::codes;

const TEMPLATE: &str = include_str!("template.html");
const STYLE: &str = include_str!("style.css");

/// The report as one self-contained HTML file: inline style and drawings, no script, no outside asset.
///
/// # Errors
/// `HM-Z008` if the template does not fit the certificate.
pub fn html(certificate: &Certificate) -> Result<String> {
    let failed =
        |e: minijinja::Error| Error::new(&codes::REPORT, "the report could not be rendered").because(&e);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.add_template("report.html", TEMPLATE).map_err(failed)?;
    let template = environment.get_template("report.html").map_err(failed)?;
    let values = context! {
        c => Value::from(Serde(certificate.to_json()?)),
        v => Value::from(Serde(view::View::of(certificate))),
        style => STYLE,
    };
    template.render(values).map_err(failed)
}
