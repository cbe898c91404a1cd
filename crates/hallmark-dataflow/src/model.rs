//! Models that are structs of Rust.

use crate::ModelDecl;

/// A struct whose fields are the columns of a table. Derive it:
///
/// ```
/// use hallmark_dataflow::{FieldType, Model};
///
/// /// A part that somebody sells.
/// #[derive(Model)]
/// #[model(table = "parts", primary_key = ["number", "maker"], soft_delete, search_fields = ["name"])]
/// #[model(index(fields = ["price"], condition = "price > 1"), check = "price >= 0")]
/// struct Part {
///     #[field(max_length = 20, references = "makers.code", on_delete = "cascade")]
///     maker: String,
///     number: i64,
///     name: String,
///     #[field(kind = "decimal", max_digits = 12, decimal_places = 2, default = "0.50")]
///     price: Option<String>,
///     #[field(default = 0, minimum = 0)]
///     stock: i32,
///     vector: Vec<f64>,
///     #[field(skip)]
///     loaded: bool,
/// }
///
/// let part = Part::declaration();
/// assert_eq!((part.name.as_str(), part.key()), ("Part", vec!["number".to_owned(), "maker".to_owned()]));
/// assert_eq!(part.get("vector").unwrap().kind, FieldType::FloatArray);
/// assert!(part.get("price").unwrap().nullable && part.get("loaded").is_none() && part.is_set("soft_delete"));
/// ```
///
/// A type that no column has is an error at its place:
///
/// ```compile_fail
/// #[derive(hallmark_dataflow::Model)]
/// struct Part {
///     place: std::path::PathBuf,
/// }
/// ```
pub trait Model {
    /// The description, the same as one read from Python.
    fn declaration() -> ModelDecl;
}
