//! `hallmark data` and `hallmark node explain`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

/// `hallmark data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// What to do with it
    #[command(subcommand)]
    pub(crate) action: DataAction,
}

/// What to do with the rows of a model.
#[derive(Debug, Subcommand)]
pub(crate) enum DataAction {
    /// Check the rows of a file and import all or none
    Import(DataImportArgs),
    /// Write rows into a file, or to standard output
    Export(DataExportArgs),
    /// Show rows as a table
    Query(DataQueryArgs),
    /// Remove the rows whose time is over, of every tenant and owner
    Purge(DataPurgeArgs),
    /// Show which statements of nodes took long, and why
    Slow(DataSlowArgs),
}

/// `hallmark data purge`.
#[derive(Debug, Args)]
pub(crate) struct DataPurgeArgs {
    /// The model; all that declare a ttl, if this is not said
    pub(crate) model: Option<String>,
}

/// `hallmark data slow`.
#[derive(Debug, Args)]
pub(crate) struct DataSlowArgs {
    /// Only what ended since: 2h, 3d, 2026-11-24, 2026-11-24T21:14:16Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// The most statements
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) limit: u64,
    /// Ask PostgreSQL how it goes about each of them, and say which index is missed; nothing is carried out
    #[arg(long)]
    pub(crate) explain: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Parquet.
    Parquet,
    /// Arrow's file.
    Arrow,
    /// Arrow's stream.
    ArrowStream,
    /// The first sheet of a workbook.
    Xlsx,
}

impl FileFormat {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrow-stream",
            Self::Xlsx => "xlsx",
        }
    }
}

/// Whose rows.
#[derive(Debug, Args)]
pub(crate) struct RowsOf {
    /// The model, for example ProductCatalog
    pub(crate) model: String,
    /// The tenant whose rows they are, for models that have tenants
    #[arg(long)]
    pub(crate) tenant: Option<String>,
}

/// `hallmark data import`.
#[derive(Debug, Args)]
pub(crate) struct DataImportArgs {
    #[command(flatten)]
    pub(crate) of: RowsOf,
    /// The file
    pub(crate) file: PathBuf,
    /// How it is written; by its ending, if this is not said
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
    /// Its encoding
    #[arg(long, default_value = "utf-8", value_parser = ["utf-8", "latin-1", "windows-1252", "utf-16", "utf-16le", "utf-16be"])]
    pub(crate) encoding: String,
    /// A column of the file and the field that it goes to; COLUMN= leaves it out
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub(crate) map: Vec<String>,
    /// What to do with a row whose unique values are taken
    #[arg(long, default_value = "error", value_parser = ["error", "skip", "update"])]
    pub(crate) on_conflict: String,
    /// The unique fields that `--on-conflict update` finds rows by; the key, if this is not said
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    pub(crate) match_on: Vec<String>,
    /// Import the good rows although some are bad
    #[arg(long)]
    pub(crate) skip_bad_rows: bool,
    /// Where to write the refused rows, as JSON lines beside the file
    #[arg(long, value_name = "NAME")]
    pub(crate) errors: Option<String>,
    /// Check everything, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Commit after so many rows, so that an import that ends early can be resumed; all or nothing, if this is not said
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(100..=50_000_000))]
    pub(crate) commit_every: Option<u64>,
    /// Go on behind the last rows that an import in parts of this file stored; begin it, if there was none
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) resume: bool,
    /// Begin anew although an import in parts of this file did not end; its rows stay
    #[arg(long, conflicts_with_all = ["resume", "dry_run"])]
    pub(crate) forget: bool,
}

/// Which rows.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Which rows: a JSON object, or @FILE
    #[arg(long, value_name = "JSON")]
    pub(crate) filter: Option<String>,
    /// The fields, all if this is not said
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    pub(crate) fields: Vec<String>,
    /// The fields to sort by, `-` in front for descending
    #[arg(long, value_delimiter = ',', value_name = "FIELD", allow_hyphen_values = true)]
    pub(crate) sort: Vec<String>,
    /// Show secrets and personal data instead of the mask
    #[arg(long)]
    pub(crate) include_pii: bool,
}

/// `hallmark data export`.
#[derive(Debug, Args)]
pub(crate) struct DataExportArgs {
    #[command(flatten)]
    pub(crate) of: RowsOf,
    /// The file; none: standard output, at most 1 MiB
    pub(crate) file: Option<PathBuf>,
    /// How to write; by the file's ending, if this is not said
    #[arg(long, value_enum)]
    pub(crate) format: Option<FileFormat>,
    #[command(flatten)]
    pub(crate) which: Which,
    /// The most rows
    #[arg(long)]
    pub(crate) limit: Option<u64>,
    /// Overwrite the file
    #[arg(long)]
    pub(crate) force: bool,
}

/// `hallmark data query`.
#[derive(Debug, Args)]
pub(crate) struct DataQueryArgs {
    #[command(flatten)]
    pub(crate) of: RowsOf,
    /// Words to search for, best match first
    pub(crate) query: Option<String>,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Rows of a page
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u64,
    /// The page after this one: `next_cursor` of the page before
    #[arg(long)]
    pub(crate) cursor: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Format,
}

/// `hallmark node explain`.
#[derive(Debug, Args)]
pub(crate) struct NodeExplainArgs {
    /// The node's full name, for example ProductCatalogSearchNode
    pub(crate) name: String,
    /// Its input: a JSON object, or @FILE, or - for standard input
    #[arg(long, default_value = "{}")]
    pub(crate) input: String,
    /// The tenant whose rows they are, for models that have tenants
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}
