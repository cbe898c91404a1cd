//! A model as a table: columns with PostgreSQL types, those that the framework manages among them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use hallmark_core::{Error, Result};
use hallmark_python::models::{Field, FieldDefault, FieldType, ModelDecl};
use hallmark_workflow::Sensitivity;
use serde_json::{Map, Value};

use crate::options::{Options, Who};
use crate::{codes, decimal, key, limits, names, sensitivity};

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
    /// Whose row it is, by a rule of the model; set when the row is made.
    Ruled(Who),
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
    /// Whether the database makes the value where none is given.
    pub identity: bool,
    /// What its texts match, compiled; `None` too if the expression is one that Python alone understands.
    pub pattern: Option<regex::Regex>,
}

impl Column {
    fn new(field: Field, role: Role, (options, schema): (&Options, &str)) -> Result<Self> {
        Ok(Self {
            ident: names::quote(&field.name)?,
            sql_type: sql_type(&field, schema)?,
            sensitivity: if role == Role::Data {
                sensitivity::of(&field.name, options)
            } else {
                Sensitivity::Plain
            },
            identity: field.auto_increment == Some(true),
            pattern: field.pattern.as_deref().and_then(compiled),
            field,
            role,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.field.name
    }

    /// Its entry of a select list: types that the driver has no exact form for are cast to text.
    ///
    /// The text gets a name that no field has: `ORDER BY "price"` takes an output column of that name before the table's, and would
    /// sort decimals as texts.
    #[must_use]
    pub fn selected(&self) -> Cow<'_, str> {
        match self.field.kind {
            FieldType::Decimal | FieldType::Date | FieldType::Time => {
                Cow::Owned(format!("{}::text AS \"::text\"", self.ident))
            }
            FieldType::Text if self.is_enum() => Cow::Owned(format!("{}::text AS \"::text\"", self.ident)),
            _ => Cow::Borrowed(&self.ident),
        }
    }

    /// Whether its type is an enumeration of the database, whose labels are texts here.
    #[must_use]
    pub fn is_enum(&self) -> bool {
        self.field.enum_type.is_some()
    }

    /// The column as an operand of what works on texts.
    #[must_use]
    pub(crate) fn text(&self) -> Cow<'_, str> {
        if self.is_enum() { Cow::Owned(format!("{}::text", self.ident)) } else { Cow::Borrowed(&self.ident) }
    }

    /// Whether a create call must give a value.
    #[must_use]
    pub fn required(&self) -> bool {
        let no_default = matches!(self.field.default, None | Some(FieldDefault::Computed(_)));
        matches!(self.role, Role::Data | Role::Key) && !self.identity && no_default && !self.field.nullable
    }
}

/// A pattern compiled with a bound on its size; `None` for what has no linear matcher, such as look-around.
pub(crate) fn compiled(pattern: &str) -> Option<regex::Regex> {
    regex::RegexBuilder::new(pattern).size_limit(limits::PATTERN_BYTES_MAX).build().ok()
}

/// The PostgreSQL type of a field. Lists of floats are `double precision[]`, all other lists and dictionaries `jsonb`.
pub(crate) fn sql_type(field: &Field, schema: &str) -> Result<String> {
    if let Some(name) = &field.enum_type {
        let (schema, name) = enum_name(name, schema);
        return Ok(format!("{}.{}", names::quote(schema)?, names::quote(name)?));
    }
    Ok(match field.kind {
        FieldType::Integer => "bigint".to_owned(),
        FieldType::Text => "text".to_owned(),
        FieldType::Float => "double precision".to_owned(),
        FieldType::Decimal => match decimal::digits(field) {
            Some((all, places)) => format!("numeric({all},{places})"),
            None => "numeric".to_owned(),
        },
        FieldType::Boolean => "boolean".to_owned(),
        FieldType::Timestamp => "timestamp with time zone".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Time => "time without time zone".to_owned(),
        FieldType::Uuid => "uuid".to_owned(),
        FieldType::Bytes => "bytea".to_owned(),
        FieldType::FloatArray => "double precision[]".to_owned(),
        FieldType::Object | FieldType::Array | FieldType::Json => "jsonb".to_owned(),
    })
}

/// Schema and name of an enumeration; without a schema it is in the one of the table.
pub(crate) fn enum_name<'a>(name: &'a str, schema: &'a str) -> (&'a str, &'a str) {
    name.split_once('.').unwrap_or((schema, name))
}

/// Why a field cannot be an enumeration of the database, if it is to be one.
fn enum_refused(field: &Field) -> Option<&'static str> {
    field.enum_type.as_ref()?;
    let labels = !field.choices.is_empty() && field.choices.iter().all(Value::is_string);
    if field.kind != FieldType::Text {
        return Some("has an enum_type, and is no text");
    }
    (!labels).then_some("has an enum_type, and no choices that are its labels")
}

/// The name of the column that keeps a row's tenant.
pub const TENANT_COLUMN: &str = "tenant_id";
/// The name of the column that counts a row's updates.
pub const VERSION_COLUMN: &str = "row_version";

/// The columns that PostgreSQL gives every table; none of a table's own may have such a name.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

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
    keys: Vec<usize>,
    /// The columns of [`Table::row`], and their select list.
    row: (Vec<usize>, String),
    /// The columns that a row is usually inserted with, and the beginning of the statement for it: made once, as [`Table::row`] is.
    pub(crate) usual_insert: OnceLock<(Vec<usize>, String)>,
    /// The end of the statement that finds one row by its key, made once.
    pub(crate) usual_find: OnceLock<String>,
    /// The members of [`Table::row`] without their values, made once.
    pub(crate) blank: OnceLock<Map<String, Value>>,
    /// Columns of required fields that take nulls in the database, as a start found them.
    loose: OnceLock<Vec<String>>,
}

impl Table {
    /// Resolves a model for this schema.
    ///
    /// # Errors
    /// `HM-D003` for a name that PostgreSQL cannot keep, `HM-D004` if the model contradicts itself.
    pub fn resolve(model: &ModelDecl, schema: &str) -> Result<Self> {
        // What names no field of its own is wrong in the class.
        Self::resolved(model, schema).map_err(|error| match error.place() {
            Some(_) => error,
            None => error.at(place(model, None)),
        })
    }

    fn resolved(model: &ModelDecl, schema: &str) -> Result<Self> {
        let options = Options::of(model)?;
        let name = model.table.clone().unwrap_or_else(|| names::plural(&names::snake_case(&model.name)));
        let mut columns = Vec::new();
        let mut keys = model.key();
        if keys.is_empty() {
            keys.push("id".to_owned());
        }
        for declared in &model.fields {
            let role = role(declared, &keys, &options);
            nameable(model, declared)?;
            let mut field = declared.clone();
            if role == Role::Key {
                as_key(&mut field, keys.len() == 1);
            }
            if field.auto_increment == Some(true) && field.kind != FieldType::Integer {
                let message = format!(
                    "field {} of {} is {}; only an integer counts by itself",
                    field.name,
                    model.name,
                    field.kind.name()
                );
                return Err(refused(model, &field, message));
            }
            if let Some(message) = enum_refused(&field) {
                return Err(refused(
                    model,
                    &field,
                    format!("field {} of {} {message}", field.name, model.name),
                ));
            }
            let column = Column::new(field, role, (&options, schema));
            columns.push(column.map_err(|error| error.at(place(model, Some(declared))))?);
        }
        for (field, role) in added(model, &keys, &options) {
            columns.push(Column::new(field, role, (&options, schema))?);
        }
        let by_name: BTreeMap<String, usize> =
            columns.iter().enumerate().map(|(i, c)| (c.name().to_owned(), i)).collect();
        let keys: Vec<usize> = keys.iter().filter_map(|k| by_name.get(k).copied()).collect();
        if let Some(column) = keys.iter().map(|k| &columns[*k]).find(|c| !key::can_be_key(c.field.kind)) {
            let kind = column.field.kind.name();
            let message = format!("the primary key of {} is {kind}, which no key can be", model.name);
            return Err(refused(model, &column.field, message));
        }
        let ident = names::quote(&name).map_err(|e| e.next("give the model another __tablename__"))?;
        let qualified = format!("{}.{ident}", names::quote(schema)?);
        let shown = |at: &usize| columns[*at].role != Role::Tenant;
        let row: Vec<usize> = by_name.values().copied().filter(shown).collect();
        let list = select_list(&row.iter().map(|at| &columns[*at]).collect::<Vec<_>>());
        let (model, schema, row) = (model.clone(), schema.to_owned(), (row, list));
        let (usual_insert, usual_find) = (OnceLock::new(), OnceLock::new());
        let (blank, loose) = (OnceLock::new(), OnceLock::new());
        Ok(Self {
            model,
            options,
            schema,
            name,
            qualified,
            columns,
            by_name,
            keys,
            row,
            usual_insert,
            usual_find,
            blank,
            loose,
        })
    }

    /// Notes that these columns take nulls, whatever the model says.
    pub(crate) fn loosen(&self, columns: Vec<String>) {
        if !columns.is_empty() {
            // A later start of the same models finds no more: what was noted costs an index, never a row.
            let _ = self.loose.set(columns);
        }
    }

    /// Whether rows may have no value in this column, by the model or as the database is.
    #[must_use]
    pub fn takes_nulls(&self, column: &Column) -> bool {
        let is_loose = || self.loose.get().is_some_and(|all| all.iter().any(|name| name == column.name()));
        column.field.nullable || is_loose()
    }

    /// The columns of the primary key in its order; there is at least one.
    #[must_use]
    pub fn keys(&self) -> Vec<&Column> {
        self.keys.iter().map(|k| &self.columns[*k]).collect()
    }

    /// The column of a key that has only one.
    #[must_use]
    pub fn single_key(&self) -> Option<&Column> {
        match self.keys.as_slice() {
            [one] => Some(&self.columns[*one]),
            _ => None,
        }
    }

    /// The column of this name, the tenant's excepted.
    ///
    /// # Errors
    /// `HM-D010`, naming the fields that exist.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.position(name).map(|at| &self.columns[at])
    }

    /// Where in [`Table::columns`] the column of this name stands.
    ///
    /// # Errors
    /// As [`Table::column`].
    pub(crate) fn position(&self, name: &str) -> Result<usize> {
        match self.by_name.get(name) {
            Some(at) if self.columns[*at].role != Role::Tenant => Ok(*at),
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

    /// The columns of a whole row, and their select list, which is made once. They stand in the order of their names, as the members
    /// of an object do: nothing has to be sorted for each row.
    #[must_use]
    pub fn row(&self) -> (Vec<&Column>, &str) {
        let (columns, list) = &self.row;
        (columns.iter().map(|at| &self.columns[*at]).collect(), list)
    }

    /// Whether these columns are those of [`Table::row`], in its order.
    pub(crate) fn is_row(&self, columns: &[&Column]) -> bool {
        let all = &self.row.0;
        let same = |(column, at): (&&Column, &usize)| std::ptr::eq(*column, &raw const self.columns[*at]);
        columns.len() == all.len() && columns.iter().zip(all).all(same)
    }

    /// Whether rows may only be added.
    #[must_use]
    pub fn append_only(&self) -> bool {
        self.options.append_only
    }

    /// Refuses to change or remove rows where they may only be added.
    ///
    /// # Errors
    /// `HM-D023`.
    pub(crate) fn refuse_append_only(&self) -> Result<()> {
        if !self.append_only() {
            return Ok(());
        }
        let message = format!("rows of {} are never changed or removed", self.model.name);
        Err(Error::new(&codes::APPEND_ONLY, message))
    }
}

/// The select list of these columns.
#[must_use]
pub fn select_list(columns: &[&Column]) -> String {
    let mut list = String::with_capacity(columns.len() * 16);
    for column in columns {
        list.push_str(if list.is_empty() { "" } else { ", " });
        list.push_str(&column.selected());
    }
    list
}

/// What being the key, or a part of it, means for a field.
fn as_key(field: &mut Field, whole: bool) {
    (field.primary_key, field.nullable) = (true, false);
    // A key that is the same for every row is none; `id: int = None` says that the database makes it.
    let null = field.default == Some(FieldDefault::Value(Value::Null));
    if null || whole && matches!(field.default, Some(FieldDefault::Value(_))) {
        field.default = None;
    }
    if whole
        && field.kind == FieldType::Uuid
        && field.default.is_none()
        && field.auto_increment != Some(false)
    {
        field.default = Some(FieldDefault::Uuid);
    }
    if whole && field.kind == FieldType::Integer {
        field.auto_increment.get_or_insert(true);
    }
}

fn refused(model: &ModelDecl, field: &Field, message: String) -> Error {
    Error::new(&codes::BAD_MODEL, message).at(place(model, Some(field)))
}

/// Where a field is declared, as near as its reader knows; without one, where the model is.
fn place(model: &ModelDecl, field: Option<&Field>) -> String {
    match (&model.source, field) {
        (Some(source), Some(field)) if field.line > 0 => {
            format!("{}:{}:{}", source.path, field.line, field.column)
        }
        (Some(source), _) => source.to_string(),
        (None, _) => model.name.clone(),
    }
}

/// Refuses a field whose name cannot be a column's.
fn nameable(model: &ModelDecl, field: &Field) -> Result<()> {
    let error = match names::quote(&field.name) {
        Err(error) => error,
        Ok(_) if SYSTEM_COLUMNS.contains(&field.name.as_str()) => {
            let message = format!(
                "field {} of {} has the name of a column that PostgreSQL gives every table",
                field.name, model.name
            );
            Error::new(&codes::BAD_IDENTIFIER, message)
        }
        Ok(_) => return Ok(()),
    };
    Err(error.at(place(model, Some(field))).next("give the field another name"))
}

fn role(field: &Field, keys: &[String], options: &Options) -> Role {
    let time = field.kind == FieldType::Timestamp;
    match field.name.as_str() {
        name if keys.iter().any(|k| k == name) => Role::Key,
        "created_at" if time => Role::CreatedAt,
        "updated_at" if time => Role::UpdatedAt,
        "deleted_at" if time && options.soft_delete => Role::DeletedAt,
        TENANT_COLUMN if options.multi_tenant && field.kind == FieldType::Text => Role::Tenant,
        name if options.row_rules.iter().any(|(f, _)| f == name) => {
            let rule = options.row_rules.iter().find(|(f, _)| f == name);
            rule.map_or(Role::Data, |(_, who)| Role::Ruled(*who))
        }
        VERSION_COLUMN if options.versioned && field.kind == FieldType::Integer => Role::Version,
        _ => Role::Data,
    }
}

/// The columns that a model's options ask for and its fields lack.
fn added(model: &ModelDecl, keys: &[String], options: &Options) -> Vec<(Field, Role)> {
    let mut added = Vec::new();
    let mut add = |wanted: bool, field: Field, role: Role| {
        if wanted && model.get(&field.name).is_none() {
            added.push((field, role));
        }
    };
    let own = matches!(keys, [one] if one == "id");
    add(own, Field::new("id", FieldType::Integer).primary_key().auto_increment(true), Role::Key);
    let now =
        |name: &str| Field { default: Some(FieldDefault::Now), ..Field::new(name, FieldType::Timestamp) };
    // What expires needs a time that its life counts from.
    let created = options.timestamps || options.ttl_seconds.is_some() && options.ttl_field.is_none();
    add(created, now("created_at"), Role::CreatedAt);
    add(options.timestamps, now("updated_at"), Role::UpdatedAt);
    let deleted = Field::new("deleted_at", FieldType::Timestamp).nullable().default(Value::Null);
    add(options.soft_delete, deleted, Role::DeletedAt);
    add(options.versioned, Field::new(VERSION_COLUMN, FieldType::Integer).default(1), Role::Version);
    add(options.multi_tenant, Field::new(TENANT_COLUMN, FieldType::Text).default(""), Role::Tenant);
    added
}
