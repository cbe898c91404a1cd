//! DataFlow: a model becomes a table and nine executable nodes on PostgreSQL.
//!
//! A model is a [`ModelDecl`], read from Python (`hallmark_python::models::read`), TOML, SQL or a database ([`declare`]), derived
//! ([`trait@Model`]) or built in Rust. [`DataFlow::configure`] resolves
//! models into tables; [`DataFlow::start`] creates those of an empty schema and says what differs from others,
//! [`DataFlow::plan`] and [`DataFlow::migrate`] change them ([`migrate`]); [`DataFlow::nodes`] gives
//! `ProductCatalogCRUDNode` … `ProductCatalogCacheNode` for a registry. Identifiers come from the model only and are quoted;
//! values are always bound. A declared option without effect is listed, never dropped.

mod coherence;
mod dataflow;
mod decimal;
pub mod declare;
mod engine;
pub mod exercise;
pub mod explain;
mod files;
pub mod filter;
mod input;
mod instant;
mod key;
mod label;
pub mod limits;
mod model;
pub mod names;
pub mod nodes;
pub mod options;
pub mod page;
mod progress;
mod referable;
pub mod schema;
mod scope;
pub mod sensitivity;
pub mod slow;
pub mod sql;
mod stage;
pub mod table;
mod total;
mod trace;
pub mod value;
mod write;

pub use dataflow::{DataFlow, Settings};
pub use engine::Engine;
pub use exercise::{NodeExercise, exercise};
pub use explain::{Advice, Explanation};
/// See [`trait@Model`].
pub use hallmark_macros::Model;
pub use hallmark_python::models::{
    Check, Field, FieldDefault, FieldType, ForeignKey, Index, Limit, ModelDecl, OnDelete, Relation,
};
pub use model::Model;
pub use progress::Progress;
pub use schema::{Note, SchemaReport, migrate};
/// A JSON value: options and defaults are such.
pub use serde_json::Value;
pub use slow::{Slow, SlowLog};
pub use table::{Column, Role, Table};
pub use trace::Explained;

hallmark_core::codes! {
    /// Errors of models, schema and generated nodes.
    pub mod codes {
        DUPLICATE_MODEL = "HM-D001", "two models have the same name or table", Usage;
        BAD_IDENTIFIER = "HM-D003", "a name cannot be an identifier", Usage;
        BAD_MODEL = "HM-D004", "a model contradicts itself", Usage;
        UNKNOWN_FIELD = "HM-D010", "the model has no such field", Usage;
        WRONG_VALUE = "HM-D011", "a value has the wrong type or form, or is null where none may be", Usage;
        OUT_OF_RANGE = "HM-D012", "a number is out of range", Usage;
        TEXT_REFUSED = "HM-D013", "a text is too long or has a character that cannot be kept", Usage;
        NOT_A_CHOICE = "HM-D014", "a value is not one of the field's choices", Usage;
        BAD_FILTER = "HM-D015", "a filter is malformed", Usage;
        BAD_SORT = "HM-D016", "a sort order is malformed", Usage;
        BAD_CURSOR = "HM-D017", "a cursor is not one of this list", Usage;
        MISSING_VALUE = "HM-D018", "a required field or parameter is missing", Usage;
        MANAGED_FIELD = "HM-D019", "the field is set by the framework", Usage;
        DUPLICATE = "HM-D020", "the values are already taken", Usage;
        REFERENCE = "HM-D021", "a row that is referred to is missing", Usage;
        VERSION_CONFLICT = "HM-D022", "the row was changed by someone else", Findings;
        APPEND_ONLY = "HM-D023", "rows of this model are never changed or removed", Usage;
        TOO_MUCH = "HM-D024", "a request exceeds a bound", Usage;
        BAD_PARAMETER = "HM-D025", "a parameter does not fit the operation", Usage;
        NOT_FOUND = "HM-D026", "no row has this key", Findings;
        NO_TABLE = "HM-D030", "the model's table does not exist", Unavailable;
        SCHEMA_DIFFERS = "HM-D031", "the table differs from the model", Usage;
        DESTRUCTIVE = "HM-D040", "a difference that would lose data is reported, not applied", Usage;
        INDEX_PREDICATE = "HM-D041", "an index predicate is not immutable", Usage;
        INDEX_METHOD = "HM-D042", "an index method or operator class is not available", Usage;
        INDEX_REFUSED = "HM-D043", "an index could not be created", Usage;
        INDEX_INCLUDE = "HM-D044", "a covering index cannot carry a field of unbounded size", Usage;
        REFERENCE_UNRESOLVED = "HM-D045", "a foreign key could not be made a constraint", Usage;
        NOT_ENFORCED = "HM-D046", "an option is declared and has no effect", Usage;
        TYPE_CHANGE = "HM-D047", "a column has another type than the model says", Usage;
        NULLS_KEPT = "HM-D048", "a required column was added without its not-null constraint", Usage;
        CONSTRAINT_REFUSED = "HM-D049", "a constraint could not be created", Usage;
        PATH_REFUSED = "HM-D050", "a path is outside the allowed folder", Usage;
        FILE_FAILED = "HM-D051", "a file could not be read or written", Unreadable;
        INPUT_UNREADABLE = "HM-D052", "the data to import cannot be read", Unreadable;
        ROWS_REFUSED = "HM-D053", "rows were refused, and nothing was imported", Findings;
        BAD_EXPRESSION = "HM-D060", "an expression cannot be understood", Usage;
        BAD_STEP = "HM-D061", "a transformation step is malformed or does not fit a row", Usage;
        CACHE_FAILED = "HM-D070", "the cache answered in an unexpected way", Unavailable;
        NOT_EXPLAINED = "HM-D081", "a node cannot be explained", Usage;
        EFFECT_NOT_SEEN = "HM-D080", "a node was executed and its effect was not seen", Findings;
        DECLARATION = "HM-D095", "a declaration of models cannot be read", Unreadable;
        NOT_WRITABLE = "HM-D096", "a model cannot be written in this form", Usage;
        NOT_TAKEN = "HM-D097", "a database has something that no model declares", Usage;
        BAD_BACKFILL = "HM-D084", "a value for rows that have none is malformed", Usage;
        BAD_RENAME = "HM-D085", "a rename is malformed or contradicts the models", Usage;
        WOULD_BLOCK = "HM-D086", "a migration would keep readers and writers out of a large table", Usage;
        PLAN_CHANGED = "HM-D087", "a plan is not the one that was agreed to", Usage;
        GZIP_BROKEN = "HM-D109", "a compressed file is cut off or damaged", Unreadable;
        ENUM_DIFFERS = "HM-D115", "an enumeration of the database lacks a label", Usage;
        SLOW_LOG = "HM-D108", "the log of slow statements cannot be read", Unreadable;
        BEHIND = "HM-D090", "the tables are not those of the models", Usage;
        NEEDS_DESTRUCTIVE = "HM-D091", "a migration would lose values", Usage;
        DRIFT = "HM-D092", "the tables are not what the last migration left", Usage;
        KEY_CHANGED = "HM-D093", "a primary key changes to columns that the rows do not have", Usage;
        UNKNOWN_RELATION = "HM-D170", "a model has no such relation", Usage;
        NEEDS_VALUE = "HM-D094", "rows have no value for a column that takes no nulls", Usage;
        STEP_FAILED = "HM-D098", "PostgreSQL refused a step of a migration", Findings;
        STEP_TOO_LONG = "HM-D099", "a step of a migration took too long", Unavailable;
        NOTHING_TO_REVERT = "HM-D100", "no migration can be taken back", Usage;
        NOT_REACHED = "HM-D101", "a migration did not lead to what was planned", Internal;
        HISTORY = "HM-D102", "the records of migrations cannot be read", Usage;
        ROWS_DO_NOT_FIT = "HM-D105", "rows break what a migration would make a rule", Usage;
        LOCKED = "HM-D106", "a lock on a table was not granted", Unavailable;
        NOT_AUDITED = "HM-D150", "the model keeps no audit rows", Usage;
        NO_TTL = "HM-D151", "rows of the model do not expire", Usage;
        MIGRATOR_BUSY = "HM-D107", "another migration is under way", Unavailable;
        IMPORT_BEGUN = "HM-D110", "an import of the file was begun and did not end", Usage;
        IMPORT_BUSY = "HM-D111", "another import of the file is under way", Unavailable;
        PART_REFUSED = "HM-D112", "rows were refused, and those before them are in the table", Findings;
        DISK_FULL = "HM-D114", "the disk of the database server is full", Unavailable;
        IMPORT_OPTIONS = "HM-D113", "an import cannot go on with other options", Usage;
        LINE_GROWN = "HM-D120", "the last line of a file was imported, and is longer now", Usage;
        DEADLOCK = "HM-D119", "others changed the same rows in another order", Unavailable;
        UNKNOWN_LANGUAGE = "HM-D130", "the server has no such language of texts", Usage;
        NO_TRIGRAMS = "HM-D131", "the database does not have the extension pg_trgm", Unavailable;
        NO_PGVECTOR = "HM-D132", "the database does not have the extension pgvector", Unavailable;
        BAD_VECTOR = "HM-D133", "a vector is malformed", Usage;
        NOT_INDEXED = "HM-D134", "the rows of a model have no vectors yet", Findings;
        UNKNOWN_TIME_ZONE = "HM-D135", "there is no such time zone", Usage;
        BAD_WINDOW = "HM-D136", "a window function is malformed", Usage;
        BAD_RULE = "HM-D137", "a rule is malformed", Usage;
        BAD_TYPES = "HM-D138", "an expression does not fit the fields of the model", Usage;
        NOT_ENRICHED = "HM-D139", "rows cannot be enriched so", Usage;
    }
}
