//! The arguments of `backup`, `restore`, `reset`, `seed`, `compose` and `kubernetes`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// Where the passphrase of a backup comes from.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// The file that holds the passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_env")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The environment variable that holds the passphrase
    #[arg(long, value_name = "NAME")]
    pub(crate) passphrase_env: Option<String>,
}

/// `hallmark backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Only these services: postgres, neo4j, chromadb, redis (default: all)
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// The folder of the backups (default: .hallmark/backups)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
    /// Do not try it in a scratch instance; it is listed as unverified
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Where the passphrase is; with one the backup is encrypted
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// List the backups
    #[arg(long, conflicts_with_all = ["services", "no_verify"])]
    pub(crate) list: bool,
    /// Try this backup in scratch instances (default: the newest)
    #[arg(long, value_name = "BACKUP", num_args = 0..=1, conflicts_with_all = ["list", "services"])]
    #[expect(clippy::option_option, reason = "the option may stand without a value")]
    pub(crate) verify: Option<Option<String>>,
    /// Say when the next backup of the schedule is due and how the last one went
    #[arg(long, conflicts_with_all = ["list", "verify", "services"])]
    pub(crate) schedule: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup's name or folder (default: the newest verified one of this project that was asked for or scheduled)
    pub(crate) backup: Option<String>,
    /// Only these services (comma-separated: postgres, neo4j, chromadb, redis)
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// The folder of the backups (default: .hallmark/backups)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
    /// Overwrite without a question
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Do not back up first what is there
    #[arg(long)]
    pub(crate) no_safety: bool,
    /// Where the passphrase of an encrypted backup is
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark seed`.
#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    /// The files: .sql, .csv, .cypher, .jsonl, .redis (default: those of [stack.seed])
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Load a file again that has changed since it was loaded, on top of what is there
    #[arg(long)]
    pub(crate) again: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark compose` and `hallmark kubernetes`.
#[derive(Debug, Args)]
pub(crate) struct ContainersArgs {
    /// Only these services: postgres, neo4j, chromadb, redis (default: all)
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// The file to write (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `hallmark reset`.
#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// Only these services: postgres, neo4j, chromadb, redis (default: all that this stack runs)
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Empty them without a question
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Do not back up first what is there
    #[arg(long)]
    pub(crate) no_safety: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}
