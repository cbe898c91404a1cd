//! `hallmark bench`.

use clap::Args;

use super::Format;

/// `hallmark bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Only these services (comma-separated: postgres, neo4j, chromadb, redis, openai)
    #[arg(long, value_delimiter = ',', value_name = "SERVICE")]
    pub(crate) service: Vec<String>,
    /// User counts of the load
    #[arg(long, value_delimiter = ',', num_args = 0.., value_name = "N", default_value = "10,100")]
    pub(crate) users: Vec<usize>,
    /// Seconds of each measurement; longer where a hundred samples take longer
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(crate) duration: u64,
    /// Remove the data that earlier measurements left, and measure nothing
    #[arg(long)]
    pub(crate) purge: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}
