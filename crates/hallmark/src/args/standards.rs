//! Arguments of the commands about the gold standards.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;
use crate::commands::FixArgs;

/// `hallmark check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files and folders to scan (default: the project)
    pub(crate) paths: Vec<PathBuf>,
    /// How to print the findings
    #[arg(long, value_enum, default_value = "full", help_heading = "Output")]
    pub(crate) format: CheckFormat,
    /// Neither read nor write the cache under .hallmark/cache
    #[arg(long, help_heading = "How to run")]
    pub(crate) no_cache: bool,
    /// Print how long each rule takes over the project, and nothing else
    #[arg(long, help_heading = "Output")]
    pub(crate) timings: bool,
    /// The edition of the policy: 2025 or 2026
    #[arg(long, help_heading = "What to look for")]
    pub(crate) edition: Option<String>,
    /// `tiered` allows test doubles in unit tests; `strict` forbids them everywhere
    #[arg(long, help_heading = "What to look for")]
    pub(crate) profile: Option<String>,
    /// Only these rules and families, or ALL (comma-separated)
    #[arg(long, value_delimiter = ',', help_heading = "What to look for")]
    pub(crate) select: Vec<String>,
    /// Not these rules and families (comma-separated)
    #[arg(long, value_delimiter = ',', help_heading = "What to look for")]
    pub(crate) ignore: Vec<String>,
    /// Run rules too that have still to prove themselves
    #[arg(long, help_heading = "What to look for")]
    pub(crate) preview: bool,
    /// The most findings to show; 0 shows all
    #[arg(long, default_value_t = 50, help_heading = "Output")]
    pub(crate) limit: usize,
    /// Show informational findings too, such as doubles in unit tests
    #[arg(long, help_heading = "Output")]
    pub(crate) show_info: bool,
    /// Write the report into this file instead of the standard output
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output_file: Option<PathBuf>,
    /// Hide what is known in this file, and only that (default: hallmark-baseline.json)
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, help_heading = "What is known")]
    pub(crate) baseline: Option<Option<PathBuf>>,
    /// Apply no baseline, even if the configuration names one
    #[arg(long, conflicts_with = "baseline", help_heading = "What is known")]
    pub(crate) no_baseline: bool,
    /// Judge the standard input as this file of the project
    #[arg(long, value_name = "PATH", conflicts_with_all = ["paths", "fix", "diff", "add_suppression", "watch"], help_heading = "How to run")]
    pub(crate) stdin_filename: Option<PathBuf>,
    /// Scan again whenever a file changes, until Ctrl-C
    #[arg(short, long, conflicts_with_all = ["fix", "diff", "add_suppression", "timings", "output_file"], help_heading = "How to run")]
    pub(crate) watch: bool,
    /// Write a suppression comment with this reason for each finding; `hallmark undo` takes them back
    #[arg(long, value_name = "REASON", conflicts_with_all = ["fix", "diff", "statistics"], help_heading = "What is known")]
    pub(crate) add_suppression: Option<String>,
    /// With --add-suppression: who answers for it
    #[arg(long, value_name = "NAME", requires = "add_suppression", help_heading = "What is known")]
    pub(crate) owner: Option<String>,
    /// With --add-suppression: the last day on which it holds, as YYYY-MM-DD
    #[arg(long, value_name = "DAY", requires = "add_suppression", help_heading = "What is known")]
    pub(crate) until: Option<String>,
    /// Do not note this check for `hallmark progress`
    #[arg(long, help_heading = "How to run")]
    pub(crate) no_history: bool,
    /// Print a count per rule instead of the findings
    #[arg(long, help_heading = "Output")]
    pub(crate) statistics: bool,
    /// End with 0 even if there are findings
    #[arg(long, help_heading = "Output")]
    pub(crate) exit_zero: bool,
    /// End with 1 on warnings too
    #[arg(long, conflicts_with = "exit_zero", help_heading = "Output")]
    pub(crate) exit_non_zero_on_warning: bool,
    /// Whether and how to mend
    #[command(flatten)]
    pub(crate) fix: FixArgs,
}

/// How to print findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// Code frames with why and what to do.
    Full,
    /// A line each.
    Concise,
    /// Each file once, its findings below it.
    Grouped,
    /// Stable and versioned.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// SARIF 2.1.0.
    Sarif,
    /// `JUnit` XML.
    Junit,
    /// GitHub annotations.
    Github,
    /// GitLab Code Quality.
    Gitlab,
    /// One self-contained page.
    Html,
}

impl CheckFormat {
    /// Whether people read it, so that a summary below it is welcome.
    pub(crate) fn is_for_people(self) -> bool {
        matches!(self, Self::Full | Self::Concise | Self::Grouped)
    }
}

/// `hallmark progress`.
#[derive(Debug, Args)]
pub(crate) struct ProgressArgs {
    /// Compare with this entry: how many changes ago, a day or time (2026-11-20), or a commit (default: the one before)
    #[arg(long, value_name = "ENTRY")]
    pub(crate) since: Option<String>,
    /// The most rules and files to show; 0 shows all
    #[arg(long, default_value_t = 10)]
    pub(crate) limit: usize,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark baseline`.
#[derive(Debug, Args)]
pub(crate) struct BaselineArgs {
    /// What to do
    #[command(subcommand)]
    pub(crate) action: BaselineAction,
    /// The file (default: what the configuration names, else hallmark-baseline.json)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// What to do with the baseline.
#[derive(Debug, Subcommand)]
pub(crate) enum BaselineAction {
    /// Make the first one from what is found now
    Create {
        /// Why these findings may stay for now
        #[arg(long)]
        reason: Option<String>,
    },
    /// Remove what was mended; with --grow also take in what is new
    Update {
        /// Take in new findings
        #[arg(long, requires = "reason")]
        grow: bool,
        /// Why new findings may stay for now
        #[arg(long, requires = "grow")]
        reason: Option<String>,
    },
    /// Say why findings are in it: by fingerprint, path, or path:line
    Why {
        /// The fingerprint, or the file, or the file and the line
        what: String,
    },
}

/// `hallmark config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// A setting or a section, for example standards.edition; none: all
    pub(crate) key: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Print the JSON schema of hallmark.toml, for editors
    #[arg(long, conflicts_with_all = ["key", "format"])]
    pub(crate) schema: bool,
}

/// `hallmark rule`.
#[derive(Debug, Args)]
pub(crate) struct RuleArgs {
    /// The name of a rule or of a family; none: list all
    pub(crate) name: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// An error code such as HM-S012, a rule's name, or score, exit-codes, suppressions, baseline, configuration; none: list all
    pub(crate) topic: Option<String>,
}
