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
    /// Write models of the tables that the project's PostgreSQL has
    ImportDb(ImportDbArgs),
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
