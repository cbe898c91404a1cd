//! The data that the agents stand on: embedded, or a project's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hallmark_core::{Error, Result, digest, fs};
use serde::Deserialize;

use crate::{codes, limits};

const CATEGORIES: &str = "categories.toml";
const HAZARDS: &str = "hazards.toml";
const PRODUCTS: &str = "products.csv";

/// A kind of product.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// What the other files refer to it by.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The department that it belongs to.
    pub department: String,
    /// What it holds, a sentence.
    pub description: String,
    /// Example product names.
    pub examples: Vec<String>,
    /// Names of kinds of product in it.
    #[serde(default)]
    pub terms: Vec<String>,
    /// The categories that are bought along with it.
    #[serde(default)]
    pub complements: Vec<String>,
}

/// A product of the catalogue.
#[derive(Clone, Debug, Deserialize)]
pub struct Product {
    /// Its stock-keeping unit, unique.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// What it is, a sentence.
    pub description: String,
    /// The id of its category.
    pub category: String,
    /// Its brand.
    pub brand: String,
    /// Its price in the catalogue's currency, above zero.
    pub price: f64,
}

/// A code of a public classification.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicCode {
    pub(crate) code: String,
    pub(crate) title: String,
    /// `exact`, or `representative` if the category is wider than the code.
    pub(crate) r#match: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Codes {
    pub(crate) unspsc_source: String,
    pub(crate) etim_source: String,
    pub(crate) unspsc: BTreeMap<String, PublicCode>,
    pub(crate) etim: BTreeMap<String, PublicCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CategoryFile {
    category: Vec<Category>,
    #[serde(default)]
    codes: Codes,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standard {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) body: String,
    /// `general`, `construction` or `any`.
    pub(crate) scope: String,
    pub(crate) kind: String,
    pub(crate) source: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Equipment {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) category: String,
    #[serde(default)]
    pub(crate) conforms_to: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Coverage {
    pub(crate) standard: String,
    pub(crate) why: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mitigation {
    pub(crate) equipment: String,
    /// `required` or `recommended`.
    pub(crate) level: String,
    #[serde(default)]
    pub(crate) by: Vec<String>,
    pub(crate) why: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hazard {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) covered_by: Vec<Coverage>,
    pub(crate) mitigated_by: Vec<Mitigation>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exposure {
    pub(crate) hazard: String,
    /// `low`, `medium`, `high` or `critical`.
    pub(crate) severity: String,
    pub(crate) why: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scope: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) hazards: Vec<Exposure>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SafetyFile {
    #[serde(rename = "standard")]
    pub(crate) standards: Vec<Standard>,
    pub(crate) equipment: Vec<Equipment>,
    #[serde(rename = "hazard")]
    pub(crate) hazards: Vec<Hazard>,
    #[serde(rename = "context")]
    pub(crate) settings: Vec<Setting>,
    pub(crate) category_hazards: BTreeMap<String, Vec<Exposure>>,
}

/// Categories, products and the safety graph, read and checked, with the digest that versions them.
#[derive(Clone, Debug)]
pub struct Data {
    pub(crate) categories: Vec<Category>,
    pub(crate) codes: Codes,
    pub(crate) safety: SafetyFile,
    pub(crate) products: Vec<Product>,
    digest: String,
}

impl Data {
    /// The embedded data, each file replaced by the one of the same name (`categories.toml`, `hazards.toml`,
    /// `products.csv`) in `folder` where that has one.
    ///
    /// # Errors
    /// `HM-A001` with file, line and column if a file cannot be read or parsed, `HM-A002` if the files contradict
    /// themselves or each other.
    pub fn load(folder: Option<&Path>) -> Result<Self> {
        if let Some(folder) = folder.filter(|f| !f.is_dir()) {
            return Err(Error::new(&codes::DATA_UNREADABLE, format!("{} is not a folder", folder.display()))
                .next("name a folder that holds categories.toml, hazards.toml or products.csv"));
        }
        let categories = source(folder, CATEGORIES, include_str!("../data/categories.toml"))?;
        let hazards = source(folder, HAZARDS, include_str!("../data/hazards.toml"))?;
        let products = source(folder, PRODUCTS, include_str!("../data/products.csv"))?;
        let file: CategoryFile = read_toml(&categories)?;
        let all = [&categories, &hazards, &products].map(|s| digest::sha256(s.text.as_bytes())).join(" ");
        let data = Self {
            categories: file.category,
            codes: file.codes,
            safety: read_toml(&hazards)?,
            products: read_products(&products)?,
            digest: digest::sha256(all.as_bytes()),
        };
        data.check([&categories.path, &hazards.path, &products.path])?;
        Ok(data)
    }

    /// The version that names in the services carry: the digest of all files.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.digest[..limits::VERSION_DIGITS]
    }

    /// The categories.
    #[must_use]
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The products.
    #[must_use]
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The category of this id.
    #[must_use]
    pub fn category(&self, id: &str) -> Option<&Category> {
        self.categories.iter().find(|c| c.id == id)
    }

    /// Every text whose category is known: examples, terms and the catalogue's names, with the category's index.
    pub(crate) fn references(&self) -> Vec<(usize, &str)> {
        let own = self
            .categories
            .iter()
            .enumerate()
            .flat_map(|(i, c)| c.examples.iter().chain(&c.terms).map(move |text| (i, text.as_str())));
        let index: BTreeMap<&str, usize> =
            self.categories.iter().enumerate().map(|(i, c)| (c.id.as_str(), i)).collect();
        let catalogue =
            self.products.iter().filter_map(|p| Some((*index.get(p.category.as_str())?, p.name.as_str())));
        own.chain(catalogue).collect()
    }

    fn check(&self, [categories, hazards, products]: [&str; 3]) -> Result<()> {
        let ids = unique(self.categories.iter().map(|c| c.id.as_str()), categories, "category")?;
        if ids.is_empty() || ids.len() > limits::CATEGORIES_MAX || self.products.len() > limits::PRODUCTS_MAX
        {
            let bound = format!(
                "1 to {} categories and at most {} products",
                limits::CATEGORIES_MAX,
                limits::PRODUCTS_MAX
            );
            return Err(invalid(categories, &format!("the data must hold {bound}")));
        }
        for category in &self.categories {
            if category.examples.is_empty() || category.name.trim().is_empty() {
                return Err(invalid(
                    categories,
                    &format!("category {} needs a name and examples", category.id),
                ));
            }
            known(&ids, category.complements.iter(), categories, &format!("category {}", category.id))?;
        }
        known(&ids, self.codes.unspsc.keys().chain(self.codes.etim.keys()), categories, "a code")?;
        unique(self.products.iter().map(|p| p.sku.as_str()), products, "sku")?;
        for product in &self.products {
            known(&ids, [&product.category], products, &format!("product {}", product.sku))?;
        }
        self.check_safety(&ids, hazards)
    }

    fn check_safety(&self, categories: &BTreeSet<&str>, file: &str) -> Result<()> {
        let safety = &self.safety;
        let standards = unique(safety.standards.iter().map(|s| s.id.as_str()), file, "standard")?;
        let equipment = unique(safety.equipment.iter().map(|e| e.id.as_str()), file, "equipment")?;
        let hazards = unique(safety.hazards.iter().map(|h| h.id.as_str()), file, "hazard")?;
        unique(safety.settings.iter().map(|s| s.id.as_str()), file, "context")?;
        known(categories, safety.category_hazards.keys(), file, "category_hazards")?;
        let scopes =
            safety.standards.iter().map(|s| &s.scope).chain(safety.settings.iter().map(|s| &s.scope));
        known(&BTreeSet::from(["general", "construction", "any"]), scopes, file, "a scope")?;
        for item in &safety.equipment {
            known(&standards, &item.conforms_to, file, &format!("equipment {}", item.id))?;
            known(categories, [&item.category], file, &format!("equipment {}", item.id))?;
        }
        for hazard in &safety.hazards {
            let name = format!("hazard {}", hazard.id);
            known(&standards, hazard.covered_by.iter().map(|c| &c.standard), file, &name)?;
            for mitigation in &hazard.mitigated_by {
                known(&equipment, [&mitigation.equipment], file, &name)?;
                known(&standards, &mitigation.by, file, &name)?;
                // A requirement without the rule that makes it one would be an invention.
                if (mitigation.level == "required") == mitigation.by.is_empty() {
                    return Err(invalid(
                        file,
                        &format!("{name}: `required` needs standards in `by`, `recommended` has none"),
                    ));
                }
            }
        }
        let exposures =
            safety.category_hazards.values().flatten().chain(safety.settings.iter().flat_map(|s| &s.hazards));
        for exposure in exposures {
            known(&hazards, [&exposure.hazard], file, "an exposure")?;
            known(
                &BTreeSet::from(["low", "medium", "high", "critical"]),
                [&exposure.severity],
                file,
                "a severity",
            )?;
        }
        Ok(())
    }
}

struct Source {
    path: String,
    text: String,
}

fn source(folder: Option<&Path>, name: &str, embedded: &str) -> Result<Source> {
    let Some(path) = folder.map(|f| f.join(name)).filter(|p| p.exists()) else {
        return Ok(Source { path: format!("embedded {name}"), text: embedded.to_owned() });
    };
    let size = std::fs::metadata(&path).map_or(0, |m| m.len());
    if size > limits::DATA_FILE_MAX_BYTES {
        let sentence =
            format!("{} has {size} bytes, more than {}", path.display(), limits::DATA_FILE_MAX_BYTES);
        return Err(Error::new(&codes::DATA_UNREADABLE, sentence));
    }
    let text = fs::read_text(&path).map_err(|e| unreadable(&path, &e))?;
    Ok(Source { path: path.display().to_string(), text })
}

fn unreadable(path: &Path, cause: &Error) -> Error {
    Error::new(&codes::DATA_UNREADABLE, format!("{} cannot be read", path.display())).because(cause)
}

fn read_toml<T: serde::de::DeserializeOwned>(source: &Source) -> Result<T> {
    toml::from_str(&source.text).map_err(|e| {
        let before = &source.text[..e.span().map_or(0, |s| s.start).min(source.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        Error::new(&codes::DATA_UNREADABLE, e.message().to_owned())
            .at(format!("{}:{line}:{column}", source.path))
    })
}

fn read_products(source: &Source) -> Result<Vec<Product>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source.text.as_bytes());
    let mut products = Vec::new();
    let headers = reader.headers().map_err(|e| row_error(source, &e))?.clone();
    for record in reader.records() {
        let record = record.map_err(|e| row_error(source, &e))?;
        let line = record.position().map_or(0, csv::Position::line);
        let product: Product = record.deserialize(Some(&headers)).map_err(|e| row_error(source, &e))?;
        let bad = if product.sku.is_empty() || product.name.is_empty() {
            Some("sku and name must not be empty".to_owned())
        } else if !product.price.is_finite() || product.price <= 0.0 {
            Some(format!("the price {} is not above zero", product.price))
        } else if product.name.chars().count() > limits::NAME_MAX_CHARS {
            Some(format!("the name is longer than {} characters", limits::NAME_MAX_CHARS))
        } else {
            None
        };
        if let Some(sentence) = bad {
            return Err(Error::new(&codes::DATA_UNREADABLE, sentence).at(format!("{}:{line}", source.path)));
        }
        products.push(product);
    }
    Ok(products)
}

fn row_error(source: &Source, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    Error::new(
        &codes::DATA_UNREADABLE,
        "a row is not a product: sku, name, description, category, brand, price",
    )
    .because(error)
    .at(format!("{}:{line}", source.path))
}

fn invalid(file: &str, sentence: &str) -> Error {
    Error::new(&codes::DATA_INVALID, sentence).at(file.to_owned()).next("mend the file, then load again")
}

fn unique<'a>(ids: impl Iterator<Item = &'a str>, file: &str, what: &str) -> Result<BTreeSet<&'a str>> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if id.trim().is_empty() || !seen.insert(id) {
            return Err(invalid(file, &format!("{what} {id:?} is empty or occurs twice")));
        }
    }
    Ok(seen)
}

fn known<'a>(
    all: &BTreeSet<&str>,
    used: impl IntoIterator<Item = &'a String>,
    file: &str,
    by: &str,
) -> Result<()> {
    match used.into_iter().find(|id| !all.contains(id.as_str())) {
        None => Ok(()),
        Some(id) => Err(invalid(file, &format!("{by} names {id:?}, which does not exist"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_data_is_sound_and_large_enough() {
        let data = Data::load(None).unwrap();
        assert!(data.categories.len() >= 36 && data.products.len() >= 300);
        assert!(data.categories.iter().all(|c| c.examples.len() >= 8));
        assert!(data.safety.hazards.len() >= 30 && data.safety.equipment.len() >= 20);
        assert!(data.categories.iter().all(|c| data.safety.category_hazards.contains_key(&c.id)));
        assert!(data.safety.standards.iter().all(|s| s.source.len() > 10));
    }

    #[test]
    fn held_out_names_are_not_among_the_references() {
        let data = Data::load(None).unwrap();
        let known: BTreeSet<String> = data.references().iter().map(|(_, text)| text.to_lowercase()).collect();
        let mut reader = csv::Reader::from_reader(include_str!("../data/eval.csv").as_bytes());
        let names: Vec<String> = reader.records().map(|r| r.unwrap()[0].to_lowercase()).collect();
        assert!(names.len() >= 100);
        assert_eq!(names.iter().find(|n| known.contains(*n)), None);
    }

    #[test]
    fn errors_name_file_and_line() {
        let folder = std::env::temp_dir().join(format!("hallmark-agents-{}", std::process::id()));
        let write = |name: &str, text: &str| {
            fs::write_atomic(&folder.join(name), text.as_bytes(), fs::Mode::Default).unwrap();
        };
        write(
            PRODUCTS,
            "sku,name,description,category,brand,price\nA,Hammer,x,hammers,b,9\nB,Saw,x,hammers,b,free\n",
        );
        let error = Data::load(Some(&folder)).unwrap_err();
        assert!(
            error.is(&codes::DATA_UNREADABLE) && error.place().unwrap().ends_with("products.csv:3"),
            "{error:?}"
        );
        write(PRODUCTS, "sku,name,description,category,brand,price\nA,Hammer,x,nowhere,b,9\n");
        let error = Data::load(Some(&folder)).unwrap_err();
        assert!(error.is(&codes::DATA_INVALID) && error.message().contains("nowhere"), "{error:?}");
        write(PRODUCTS, "sku,name,description,category,brand,price\nA,Hammer,x,hammers,b,9\n");
        let one = Data::load(Some(&folder)).unwrap();
        assert_ne!(one.version(), Data::load(None).unwrap().version());
        write(CATEGORIES, "[[category]]\nid = 7\n");
        let error = Data::load(Some(&folder)).unwrap_err();
        assert!(error.place().unwrap().ends_with("categories.toml:2:6"), "{error:?}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
