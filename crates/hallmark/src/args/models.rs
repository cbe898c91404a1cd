//! `hallmark models`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

/// `hallmark models`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ModelsArgs {
    /// What to do with them; without one: list them
    #[command(subcommand)]
    pub(crate) action: Option<ModelsAction>,
    /// A file, or a folder, to read instead of the project
    pub(crate) path: Option<PathBuf>,
    /// Read tests too, and list every declaration of a name (with PATH)
    #[arg(long, requires = "path")]
    pub(crate) all: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// What to do with the models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsAction {
    /// Show what a migration would change, with class, lock and reason; exit 1 if there is something
    Diff(DiffArgs),
    /// Bring the database's tables to what the models say, or take that back
    Migrate(MigrateArgs),
    /// Write models of the tables that the project's PostgreSQL has
    ImportDb(ImportDbArgs),
}

/// What a plan is told.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// A rename: TABLE.OLD=NEW for a column, OLD=NEW for a table (may be repeated)
    #[arg(long, value_name = "RENAME")]
    pub(crate) rename: Vec<String>,
    /// A value for rows that have none: TABLE.COLUMN=VALUE (may be repeated)
    #[arg(long, value_name = "VALUE")]
    pub(crate) backfill: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark models diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Print the statements alone
    #[arg(long, conflicts_with = "format")]
    pub(crate) sql: bool,
}

/// `hallmark models migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would be done, and whether it would be permitted
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// List the migrations that were made
    #[arg(long, conflicts_with_all = ["yes", "dry_run", "down"])]
    pub(crate) status: bool,
    /// Take back the last migrations (default: one)
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", conflicts_with = "rename", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) down: Option<u16>,
    /// Values may be lost
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Large tables may be closed while their rows are written anew
    #[arg(long)]
    pub(crate) allow_blocking: bool,
    /// What others changed since the last migration is taken as it is
    #[arg(long)]
    pub(crate) accept_drift: bool,
    /// The longest that a statement waits for its lock, in milliseconds, and so that others wait behind it
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) lock_timeout_ms: Option<u64>,
    /// How often a lock is tried for
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) lock_attempts: Option<u32>,
    /// The longest that a statement over all rows may take, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) statement_timeout: Option<u64>,
}

/// `hallmark models import-db`.
#[derive(Debug, Args)]
pub(crate) struct ImportDbArgs {
    /// The schema whose tables are read
    #[arg(long, default_value = "public")]
    pub(crate) schema: String,
    /// The form of the declarations
    #[arg(long = "format", value_enum, default_value = "python")]
    pub(crate) form: Form,
    /// The file to write; the standard output by default
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// A form of declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Classes with annotations.
    Python,
    /// Tables of TOML.
    Toml,
}
