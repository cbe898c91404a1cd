//! The options of a model that have an effect, and the list of those that have none.

use hallmark_core::{Error, Result};
use hallmark_python::models::{Field, FieldType, ModelDecl};
use serde_json::Value;

use crate::nodes::Expression;
use crate::table::compiled;
use crate::{codes, limits};

/// What a model's `__dataflow__` asks for and gets.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Rows belong to a tenant; every statement is limited to the caller's.
    pub multi_tenant: bool,
    /// Deleting sets `deleted_at`; reading passes over such rows.
    pub soft_delete: bool,
    /// Updates count in `row_version`, and may insist on the version they saw.
    pub versioned: bool,
    /// Rows are never changed or removed (`immutable`, `append_only`).
    pub append_only: bool,
    /// The fields of the full-text search.
    pub search_fields: Vec<String>,
    /// The text-search configuration.
    pub search_language: String,
    /// How long the cache node keeps a row.
    pub cache_ttl_seconds: u64,
    /// The fields that upserts match on (`conflict_resolution: upsert_on_X`).
    pub conflict_fields: Vec<String>,
    /// Fields that say something about a person, beside those known by name.
    pub pii_fields: Vec<String>,
    /// How alike texts are to be, where a search does not say it.
    pub similarity_threshold: Option<f64>,
    /// Rules over several fields, by name: expressions that the validate node keeps.
    pub conditions: Vec<(String, String)>,
    /// Whether `created_at` and `updated_at` are added where they are not declared.
    pub timestamps: bool,
    /// How long rows live (`ttl`), in seconds; older ones are not seen, and are purged.
    pub ttl_seconds: Option<u64>,
    /// The field that the life of a row counts from (`ttl_field`); `created_at` by default.
    pub ttl_field: Option<String>,
    /// Whether each changed row is put on record (`audit_log`).
    pub audited: bool,
    /// Fields that say whose row it is (`row_rules`): set to who asks, and only such rows are seen and changed.
    pub row_rules: Vec<(String, Who)>,
    /// Whether the database tells every process which cached rows have changed (`cache_invalidation: notify`).
    pub cache_notify: bool,
    /// Options that act, in order.
    pub honoured: Vec<String>,
    /// Options that are declared and have no effect, in order.
    pub not_enforced: Vec<String>,
}

/// Who a rule of rows ties them to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The caller's name.
    Caller,
    /// The session of the caller; a caller without one has the empty one.
    Session,
}

/// The text-search configurations that PostgreSQL always has.
const LANGUAGES: [&str; 8] =
    ["simple", "english", "german", "french", "spanish", "italian", "dutch", "portuguese"];

impl Options {
    /// Reads the options of a model.
    ///
    /// # Errors
    /// `HM-D004` if one that has an effect is malformed.
    pub fn of(model: &ModelDecl) -> Result<Self> {
        let mut options = Self {
            search_language: "english".to_owned(),
            cache_ttl_seconds: limits::CACHE_TTL_SECONDS_DEFAULT,
            ..Self::default()
        };
        for (name, value) in &model.options {
            if options.take(model, name, value)? {
                options.honoured.push(name.clone());
            } else {
                options.not_enforced.push(name.clone());
            }
        }
        options.check_ttl(model)?;
        let declared = model.options.get("timestamps").or_else(|| model.options.get("auto_timestamps"));
        options.timestamps = declared.and_then(Value::as_bool).unwrap_or(!options.append_only);
        options.not_enforced.extend(without_effect(model));
        for field in model.fields.iter().filter(|f| !f.unread.is_empty()) {
            options.not_enforced.extend(field.unread.iter().map(|k| format!("{}: Field({k})", field.name)));
        }
        for index in &model.indexes {
            let name = index.name.as_deref().unwrap_or("index");
            options.not_enforced.extend(index.unread.iter().map(|k| format!("{name}: {k}")));
        }
        Ok(options)
    }

    /// Takes one option; false if it has no effect here.
    fn take(&mut self, model: &ModelDecl, name: &str, value: &Value) -> Result<bool> {
        let bad = |what: &str| bad(model, name, what);
        let truth = || value.as_bool().ok_or_else(|| bad("true or false"));
        match name {
            "multi_tenant" => self.multi_tenant = truth()?,
            "soft_delete" => self.soft_delete = truth()?,
            "versioned" => self.versioned = truth()?,
            "timestamps" | "auto_timestamps" => {
                truth()?;
            }
            "immutable" | "append_only" => self.append_only |= truth()?,
            "cache_ttl" => {
                let seconds = value.as_u64().filter(|s| (1..=limits::CACHE_TTL_SECONDS_MAX).contains(s));
                self.cache_ttl_seconds =
                    seconds.ok_or_else(|| bad("a number of seconds, at most 30 days"))?;
            }
            "ttl" => {
                let seconds = value.as_u64().filter(|s| (1..=limits::ROW_TTL_SECONDS_MAX).contains(s));
                self.ttl_seconds =
                    Some(seconds.ok_or_else(|| bad("a number of seconds, at most a hundred years"))?);
            }
            "ttl_field" => {
                self.ttl_field =
                    Some(value.as_str().ok_or_else(|| bad("the name of a timestamp"))?.to_owned());
            }
            "audit_log" | "audit" => self.audited |= truth()?,
            "row_rules" => self.row_rules = row_rules(model, value)?,
            "cache_invalidation" => match value.as_str() {
                Some("notify") => self.cache_notify = true,
                Some("ttl") => {}
                _ => return Err(bad("\"notify\" or \"ttl\"")),
            },
            // The cache node reads through and its `put` writes through.
            "cache_strategy" => return Ok(value == "write_through" || value == "read_through"),
            "jsonb_fields" => {
                let all_json =
                    fields(model, name)?.iter().all(|f| model.get(f).is_some_and(|f| f.kind.is_json()));
                return Ok(all_json);
            }
            "pii_fields" => self.pii_fields = fields(model, name)?,
            "conditions" => {
                let named = value.as_object().ok_or_else(|| bad("a dictionary from names to expressions"))?;
                for (rule, text) in named {
                    let text = text.as_str().ok_or_else(|| bad("a dictionary from names to expressions"))?;
                    Expression::parse(text)
                        .map_err(|e| bad("a dictionary from names to expressions").because(&e))?;
                    self.conditions.push((rule.clone(), text.to_owned()));
                }
            }
            // For migrations: former names, and values for rows that have none.
            "renamed_from" if value.is_string() => {}
            "renamed_from" | "backfill" => named(model, name, value)
                .ok_or_else(|| bad("a dictionary from fields of the model to texts or numbers"))?,
            // Personal fields are always masked in logs, exports and profiles.
            "privacy_compliant" => return Ok(true),
            "conflict_resolution" => match value.as_str().and_then(|v| v.strip_prefix("upsert_on_")) {
                Some(field) if model.get(field).is_some() => self.conflict_fields = vec![field.to_owned()],
                _ => return Ok(false),
            },
            _ => return self.take_search(model, name, value),
        }
        Ok(true)
    }

    /// Takes one option of what is searched, and how; false if it has no effect here.
    fn take_search(&mut self, model: &ModelDecl, name: &str, value: &Value) -> Result<bool> {
        match name {
            // `search_fields` alone already gives the index and the search; this says the same again.
            "full_text_search" if value == &Value::Bool(true) => return Ok(model.is_set("search_fields")),
            "search_ranking" => return Ok(value == "ts_rank"),
            "search_fields" => self.search_fields = fields(model, name)?,
            "search_language" => {
                let known = value.as_str().filter(|l| LANGUAGES.contains(l));
                known
                    .ok_or_else(|| bad(model, name, "a known language"))?
                    .clone_into(&mut self.search_language);
            }
            "similarity_threshold" => {
                self.similarity_threshold = value.as_f64().filter(|n| (0.0..=1.0).contains(n));
                return Ok(self.similarity_threshold.is_some());
            }
            // The search node indexes and finds by the cosine; nothing indexes by itself.
            "enable_vector_search" => return Ok(value == &Value::Bool(true) && model.is_set("search_fields")),
            "vector_similarity_method" => return Ok(value == "cosine"),
            "vector_fields" => {
                let vectors = |f: &String| model.get(f).is_some_and(|f| f.kind == FieldType::FloatArray);
                return Ok(model.list(name).iter().all(vectors));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn bad(model: &ModelDecl, name: &str, what: &str) -> Error {
    Error::new(&codes::BAD_MODEL, format!("option {name} of {} must be {what}", model.name))
}

impl Options {
    /// The life of a row counts from a timestamp that every row has.
    fn check_ttl(&self, model: &ModelDecl) -> Result<()> {
        let Some(name) = &self.ttl_field else { return Ok(()) };
        let is_time = model.get(name).is_some_and(|f| f.kind == FieldType::Timestamp && !f.nullable);
        if is_time && self.ttl_seconds.is_some() {
            return Ok(());
        }
        let message = format!(
            "ttl_field of {} is {name:?}: it names a timestamp that is never null, beside a ttl",
            model.name
        );
        Err(Error::new(&codes::BAD_MODEL, message))
    }
}

/// Reads `{"owner": "caller"}`.
fn row_rules(model: &ModelDecl, value: &Value) -> Result<Vec<(String, Who)>> {
    let rule = |(field, who): (&String, &Value)| {
        let text = model.get(field).is_some_and(|f| f.kind == FieldType::Text && !f.primary_key);
        let who = match who.as_str() {
            Some("caller") if text => Who::Caller,
            Some("session") if text => Who::Session,
            _ => return None,
        };
        Some((field.clone(), who))
    };
    let rules: Option<Vec<_>> = value.as_object().and_then(|rules| rules.iter().map(rule).collect());
    rules.filter(|rules| !rules.is_empty()).ok_or_else(|| {
        let message = format!(
            "option row_rules of {} must map texts of the model that are no key to \"caller\" or \"session\"",
            model.name
        );
        Error::new(&codes::BAD_MODEL, message)
    })
}

/// What a model declares in other ways than options, and what nothing here acts on.
fn without_effect(model: &ModelDecl) -> Vec<String> {
    let mut listed = Vec::new();
    for relation in &model.relations {
        let through = format!("{}_id", relation.name);
        if relation.many || model.get(&through).is_none() {
            listed.push(format!("{}: relation to {}", relation.name, relation.target));
        }
    }
    let beyond = |f: &&Field| f.pattern.as_deref().is_some_and(|p| compiled(p).is_none());
    listed.extend(model.fields.iter().filter(beyond).map(|f| format!("{}: pattern", f.name)));
    listed
}

/// Whether an option says something of fields that the model has.
fn named(model: &ModelDecl, option: &str, value: &Value) -> Option<()> {
    let simple = |v: &Value| v.is_string() || option == "backfill" && (v.is_number() || v.is_boolean());
    value.as_object()?.iter().all(|(field, v)| model.get(field).is_some() && simple(v)).then_some(())
}

fn fields(model: &ModelDecl, option: &str) -> Result<Vec<String>> {
    let listed = model.list(option);
    match listed.iter().find(|f| model.get(f).is_none()) {
        Some(missing) => {
            let message = format!("option {option} of {} names {missing:?}, which is no field", model.name);
            Err(Error::new(&codes::BAD_MODEL, message))
        }
        None => Ok(listed),
    }
}
