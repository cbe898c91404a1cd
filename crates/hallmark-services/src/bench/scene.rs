//! What every piece of work finds: the handles, and the names under which the data lie.

use std::sync::atomic::{AtomicU64, Ordering};

use hallmark_core::{Error, Result, digest};
use tokio::sync::OnceCell;

use crate::chroma::CollectionId;
use crate::verify::Fresh;
use crate::{Endpoints, Handles, codes};

/// Products of the data set, unless a smaller one is asked for.
pub const PRODUCTS: u32 = 100_000;

/// Categories that the products fall into.
pub(super) const CATEGORIES: u32 = 250;

/// Makers of the products.
pub(super) const BRANDS: u32 = 300;

/// Changed whenever the data that [`super::SUBJECTS`] load are made in another way.
const EDITION: u32 = 1;

/// The handles, and the project's own names on each service.
pub(crate) struct Scene {
    pub(super) handles: Handles,
    /// Lower-case letters, digits and underscores: a schema, and the beginning of a collection's name and of keys.
    pub(super) name: String,
    /// The beginning of the labels.
    pub(super) label: String,
    /// Products of the data set.
    pub(super) products: u32,
    /// What the data are made from.
    pub(super) fingerprint: String,
    /// The collection that is searched, once it is known.
    pub(super) searched: OnceCell<CollectionId>,
    /// The collection that is written to.
    pub(super) written: OnceCell<CollectionId>,
    serial: AtomicU64,
}

impl Scene {
    /// Names of the project `id` (hexadecimal digits), and data of so many products.
    pub(super) fn new(endpoints: &Endpoints, id: &str, products: u32) -> Result<Self> {
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            return Err(Error::new(&codes::PARAMETER, format!("{id:?} is no identifier of a project")));
        }
        let products = products.max(CATEGORIES);
        let print = format!("{EDITION} {products} {CATEGORIES} {BRANDS}");
        Ok(Self {
            handles: Handles::connect(endpoints)?,
            name: format!("hallmark_bench_{id}"),
            label: format!("HallmarkBench_{id}_"),
            products,
            fingerprint: digest::sha256(print.as_bytes())[..12].to_owned(),
            searched: OnceCell::new(),
            written: OnceCell::new(),
            serial: AtomicU64::new(0),
        })
    }

    /// A number that no other call of this run got.
    pub(super) fn serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// A product that this number chooses.
    pub(super) fn product(&self, number: u64) -> i32 {
        let chosen = Fresh::seeded(number).below(u64::from(self.products));
        i32::try_from(chosen).unwrap_or_default()
    }

    /// A category that this number chooses.
    pub(super) fn category(&self, number: u64) -> i32 {
        self.product(number) % i32::try_from(CATEGORIES).unwrap_or(1)
    }
}

/// The error of data that do not say what was written.
pub(super) fn unexpected(what: impl Into<String>) -> Error {
    Error::new(&codes::CANARY, what).next("hallmark bench --purge, then: hallmark bench")
}
