//! The options of `#[register_node(…)]` and `#[param(…)]`, read with errors at the word that is wrong.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::{Attribute, Error, Expr, ExprArray, Lit, LitInt, LitStr, Meta, Result};

/// What may stand in `#[register_node(…)]`.
#[derive(Default)]
pub(crate) struct NodeOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) summary: Option<LitStr>,
    pub(crate) group: Option<LitStr>,
    pub(crate) timeout_ms: Option<LitInt>,
    pub(crate) read_only: bool,
    pub(crate) branching: bool,
}

impl NodeOptions {
    pub(crate) fn read(tokens: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        let parser = syn::meta::parser(|meta| {
            match word(&meta).as_str() {
                "name" => once(&meta, &mut options.name)?,
                "summary" => once(&meta, &mut options.summary)?,
                "group" => once(&meta, &mut options.group)?,
                "timeout_ms" => once(&meta, &mut options.timeout_ms)?,
                "read_only" => options.read_only = true,
                "branching" => options.branching = true,
                _ => {
                    return Err(
                        meta.error("expected name, summary, group, timeout_ms, read_only or branching")
                    );
                }
            }
            Ok(())
        });
        parser.parse2(tokens)?;
        Ok(options)
    }
}

/// What may stand in `#[param(…)]`.
#[derive(Default)]
pub(crate) struct ParamOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) describe: Option<LitStr>,
    pub(crate) default: Option<Expr>,
    pub(crate) choices: Option<ExprArray>,
    pub(crate) min: Option<Expr>,
    pub(crate) max: Option<Expr>,
    pub(crate) max_length: Option<Expr>,
    pub(crate) pii: bool,
    pub(crate) secret: bool,
}

impl ParamOptions {
    /// Takes the `#[param(…)]` attributes out of the list.
    pub(crate) fn take(attributes: &mut Vec<Attribute>) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| {
                match word(&meta).as_str() {
                    "name" => once(&meta, &mut options.name)?,
                    "describe" => once(&meta, &mut options.describe)?,
                    "default" => once(&meta, &mut options.default)?,
                    "choices" => once(&meta, &mut options.choices)?,
                    "min" => once(&meta, &mut options.min)?,
                    "max" => once(&meta, &mut options.max)?,
                    "max_length" => once(&meta, &mut options.max_length)?,
                    "pii" => options.pii = true,
                    "secret" => options.secret = true,
                    _ => {
                        return Err(meta.error(
                            "expected name, describe, default, choices, min, max, max_length, pii or secret",
                        ));
                    }
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

fn word(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.get_ident().map(ToString::to_string).unwrap_or_default()
}

fn once<T: syn::parse::Parse>(meta: &ParseNestedMeta<'_>, place: &mut Option<T>) -> Result<()> {
    let value = meta.value()?.parse()?;
    if place.replace(value).is_some() { Err(meta.error("given twice")) } else { Ok(()) }
}

/// Takes the doc comments out of the list: their text, line by line.
pub(crate) fn take_docs(attributes: &mut Vec<Attribute>) -> Vec<String> {
    attributes.extract_if(.., |attribute| attribute.path().is_ident("doc")).filter_map(|a| doc(&a)).collect()
}

/// The first paragraph of the doc comment, on one line.
pub(crate) fn first_paragraph(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(doc).map(|line| line.trim().to_owned()).collect();
    lines
        .into_iter()
        .skip_while(String::is_empty)
        .take_while(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn doc(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &meta.value else { return None };
    let Lit::Str(text) = &literal.lit else { return None };
    attribute.path().is_ident("doc").then(|| text.value())
}

/// An error at these tokens.
pub(crate) fn wrong<T>(at: &impl syn::spanned::Spanned, why: &str) -> Result<T> {
    Err(Error::new(at.span(), why))
}
