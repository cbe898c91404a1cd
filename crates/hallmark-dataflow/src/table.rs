//! A model as a table: columns with PostgreSQL types, those that the framework manages among them.

use std::collections::BTreeMap;

use hallmark_core::{Error, Result};
use hallmark_python::models::{Field, FieldDefault, FieldType, ModelDecl};
use hallmark_workflow::Sensitivity;
use serde_json::Value;

use crate::options::Options;
use crate::{codes, names, sensitivity};

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A declared field.
    Data,
    /// The primary key.
    Key,
    /// Set at insertion.
    CreatedAt,
    /// Set at every write.
    UpdatedAt,
    /// Set by a soft delete.
    DeletedAt,
    /// The tenant that the row belongs to; never shown.
    Tenant,
    /// Counts the updates of the row, for optimistic checks.
    Version,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// The declaration that it follows.
    pub field: Field,
    /// What it is for.
    pub role: Role,
    /// Its quoted name.
    pub ident: String,
    /// Its PostgreSQL type.
    pub sql_type: String,
    /// How its values may be shown.
    pub sensitivity: Sensitivity,
}

impl Column {
    fn new(field: Field, role: Role, options: &Options) -> Result<Self> {
        Ok(Self {
            ident: names::quote(&field.name)?,
            sql_type: sql_type(&field),
            sensitivity: if role == Role::Data {
                sensitivity::of(&field.name, options)
            } else {
                Sensitivity::Plain
            },
            field,
            role,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.field.name
    }

    /// Whether a create call must give a value.
    #[must_use]
    pub fn required(&self) -> bool {
        let no_default = matches!(self.field.default, None | Some(FieldDefault::Computed(_)));
        let given =
            matches!(self.role, Role::Data) || self.role == Role::Key && self.field.kind == FieldType::Text;
        given && no_default && !self.field.nullable
    }
}

/// The PostgreSQL type of a field. Lists of floats are `double precision[]`, all other lists and dictionaries `jsonb`.
fn sql_type(field: &Field) -> String {
    match field.kind {
        FieldType::Integer => "bigint".to_owned(),
        FieldType::Text => "text".to_owned(),
        FieldType::Float => "double precision".to_owned(),
        FieldType::Decimal => match (field.max_digits, field.decimal_places) {
            (Some(all), places) => format!("numeric({all},{})", places.unwrap_or(0)),
            (None, Some(places)) => format!("numeric({},{places})", 28 + places),
            (None, None) => "numeric".to_owned(),
        },
        FieldType::Boolean => "boolean".to_owned(),
        FieldType::Timestamp => "timestamp with time zone".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Time => "time without time zone".to_owned(),
        FieldType::Uuid => "uuid".to_owned(),
        FieldType::Bytes => "bytea".to_owned(),
        FieldType::FloatArray => "double precision[]".to_owned(),
        FieldType::Object | FieldType::Array | FieldType::Json => "jsonb".to_owned(),
    }
}

/// The name of the column that keeps a row's tenant.
pub const TENANT_COLUMN: &str = "tenant_id";
/// The name of the column that counts a row's updates.
pub const VERSION_COLUMN: &str = "row_version";

/// A resolved model.
#[derive(Clone, Debug)]
pub struct Table {
    /// The declaration.
    pub model: ModelDecl,
    /// The options that have an effect.
    pub options: Options,
    /// The schema's name.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// Schema and table, quoted.
    pub qualified: String,
    /// All columns: declared ones in order, then those that were added.
    pub columns: Vec<Column>,
    by_name: BTreeMap<String, usize>,
    key: usize,
}

impl Table {
    /// Resolves a model for this schema.
    ///
    /// # Errors
    /// `HM-D003` for a name that PostgreSQL cannot keep, `HM-D004` if the model contradicts itself.
    pub fn resolve(model: &ModelDecl, schema: &str) -> Result<Self> {
        let options = Options::of(model)?;
        let name = model.table.clone().unwrap_or_else(|| names::plural(&names::snake_case(&model.name)));
        let mut columns = Vec::new();
        let keys: Vec<&Field> = model.fields.iter().filter(|f| f.primary_key).collect();
        if keys.len() > 1 {
            let message = format!("{} declares {} primary keys; one is supported", model.name, keys.len());
            return Err(Error::new(&codes::BAD_MODEL, message));
        }
        let key = keys.first().map_or("id", |f| f.name.as_str()).to_owned();
        for field in &model.fields {
            let role = role(field, &key, &options);
            let mut field = field.clone();
            if role == Role::Key {
                (field.primary_key, field.nullable) = (true, false);
                if field.kind == FieldType::Uuid && field.default.is_none() {
                    field.default = Some(FieldDefault::Uuid);
                }
            }
            columns.push(Column::new(field, role, &options)?);
        }
        for (field, role) in added(model, &key, &options) {
            columns.push(Column::new(field, role, &options)?);
        }
        let by_name: BTreeMap<String, usize> =
            columns.iter().enumerate().map(|(i, c)| (c.name().to_owned(), i)).collect();
        let key = by_name.get(&key).copied().unwrap_or_default();
        if !matches!(columns[key].field.kind, FieldType::Integer | FieldType::Text | FieldType::Uuid) {
            let kind = columns[key].field.kind.name();
            let message =
                format!("the primary key of {} is {kind}; integer, text or uuid is supported", model.name);
            return Err(Error::new(&codes::BAD_MODEL, message));
        }
        let qualified = format!("{}.{}", names::quote(schema)?, names::quote(&name)?);
        let model = model.clone();
        Ok(Self { model, options, schema: schema.to_owned(), name, qualified, columns, by_name, key })
    }

    /// The primary key's column.
    #[must_use]
    pub fn key(&self) -> &Column {
        &self.columns[self.key]
    }

    /// The column of this name, the tenant's excepted.
    ///
    /// # Errors
    /// `HM-D010`, naming the fields that exist.
    pub fn column(&self, name: &str) -> Result<&Column> {
        match self.by_name.get(name).map(|i| &self.columns[*i]) {
            Some(column) if column.role != Role::Tenant => Ok(column),
            _ => {
                let known: Vec<&str> = self.shown().map(Column::name).collect();
                Err(Error::new(&codes::UNKNOWN_FIELD, format!("{} has no field {name:?}", self.model.name))
                    .next(format!("its fields are: {}", known.join(", "))))
            }
        }
    }

    /// The column with this role.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Option<&Column> {
        self.columns.iter().find(|c| c.role == role)
    }

    /// The columns that callers see.
    pub fn shown(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| c.role != Role::Tenant)
    }

    /// Whether rows may only be added.
    #[must_use]
    pub fn append_only(&self) -> bool {
        self.options.append_only
    }
}

fn role(field: &Field, key: &str, options: &Options) -> Role {
    let time = field.kind == FieldType::Timestamp;
    match field.name.as_str() {
        name if name == key => Role::Key,
        "created_at" if time => Role::CreatedAt,
        "updated_at" if time => Role::UpdatedAt,
        "deleted_at" if time && options.soft_delete => Role::DeletedAt,
        TENANT_COLUMN if options.multi_tenant && field.kind == FieldType::Text => Role::Tenant,
        VERSION_COLUMN if options.versioned && field.kind == FieldType::Integer => Role::Version,
        _ => Role::Data,
    }
}

/// The columns that a model's options ask for and its fields lack.
fn added(model: &ModelDecl, key: &str, options: &Options) -> Vec<(Field, Role)> {
    let mut added = Vec::new();
    let mut add = |wanted: bool, field: Field, role: Role| {
        if wanted && model.get(&field.name).is_none() {
            added.push((field, role));
        }
    };
    add(true, Field::new(key, FieldType::Integer).primary_key(), Role::Key);
    let now =
        |name: &str| Field { default: Some(FieldDefault::Now), ..Field::new(name, FieldType::Timestamp) };
    add(!options.append_only, now("created_at"), Role::CreatedAt);
    add(!options.append_only, now("updated_at"), Role::UpdatedAt);
    let deleted = Field::new("deleted_at", FieldType::Timestamp).nullable().default(Value::Null);
    add(options.soft_delete, deleted, Role::DeletedAt);
    add(options.versioned, Field::new(VERSION_COLUMN, FieldType::Integer).default(1), Role::Version);
    add(options.multi_tenant, Field::new(TENANT_COLUMN, FieldType::Text).default(""), Role::Tenant);
    added
}
