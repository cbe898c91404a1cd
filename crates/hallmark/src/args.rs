//! The command line.

mod backup;
mod bench;
mod data;
mod models;
mod standards;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::UndoArgs;
use crate::ui::ColorChoice;
pub(crate) use backup::*;
pub(crate) use bench::*;
pub(crate) use data::*;
pub(crate) use models::*;
pub(crate) use standards::*;

/// Production readiness that is proven, never claimed.
#[derive(Debug, Parser)]
#[command(name = "hallmark", version, about, max_term_width = 80, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// The project's folder (default: the nearest one with a hallmark.toml, else the current folder)
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) project: Option<PathBuf>,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Write ASCII only, whatever the terminal takes
    #[arg(long, global = true)]
    pub(crate) ascii: bool,
    /// Say more on standard error; twice: everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// What to do; without one: where you are and what to do next
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 ok, 1 findings or a gate failed, 2 usage or configuration, 3 some inputs unreadable,
4 a required service unavailable, 101 internal error. The highest class wins: 101 > 2 > 4 > 3 > 1 > 0.
`hallmark explain CODE` prints the page of an error code, `hallmark rule NAME` that of a rule.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find violations of the gold standards
    Check(CheckArgs),
    /// Bring back what `check --fix` wrote, byte for byte
    Undo(UndoArgs),
    /// Show how the compliance went, and what moved it
    Progress(ProgressArgs),
    /// Make, shrink or explain the file of known findings
    Baseline(BaselineArgs),
    /// Show the configuration in force, or explain a setting
    Config(ConfigArgs),
    /// Print the page of a rule, or list the rules
    Rule(RuleArgs),
    /// Print the page of an error code, of `score` or of `exit-codes`
    Explain(ExplainArgs),
    /// Install, start and prove the five services
    Up(UpArgs),
    /// Stop what `up` started; data survives unless --purge
    Down(DownArgs),
    /// Say how each service stands
    Status(StatusArgs),
    /// Try on the wire whether each server is real, and no stand-in
    Verify(VerifyServicesArgs),
    /// Measure the targets of the services on the running stack
    Bench(BenchArgs),
    /// Run the project's tests on the stack and say which reached a real service
    Test(TestArgs),
    /// Print what a test run needs to reach the services
    Env(EnvArgs),
    /// Show the last lines of a service's log
    Logs(LogsArgs),
    /// Examine this machine: what works, what does not, what mends it
    Doctor(DoctorArgs),
    /// Back up the services' data; a backup counts only after a test restore
    Backup(BackupArgs),
    /// Bring a backup back
    Restore(RestoreArgs),
    /// Empty the services that this stack runs
    Reset(ResetArgs),
    /// Load the project's own data into the services, each file once
    Seed(SeedArgs),
    /// Write a compose file of the services, for machines with containers
    Compose(ContainersArgs),
    /// Write Kubernetes manifests of the services
    Kubernetes(ContainersArgs),
    /// List the models that the project declares, migrate their tables, or write those of a database
    Models(ModelsArgs),
    /// List the nodes, or describe one
    Nodes(NodesArgs),
    /// Import, export and query the rows of a model
    Data(DataArgs),
    /// Run or explain one node
    Node(NodeArgs),
    /// Run a workflow
    Run(RunArgs),
    /// Make, show, list or revoke sessions
    Session(SessionArgs),
    /// Call any operation of the operation table
    Call(CallArgs),
    /// Serve REST, MCP and WebSocket on loopback
    Serve(ServeArgs),
    /// Speak to an editor over standard input and output (Language Server Protocol)
    Lsp,
    /// Speak MCP over standard input and output
    Mcp,
    /// Run all gates and issue a certificate, or refuse it with reasons
    Certify(CertifyArgs),
    /// Check a certificate's signature, evidence and expiry, offline
    VerifyCertificate(VerifyArgs),
    /// The supervisor of a project's services
    #[command(name = "__supervise", hide = true)]
    Supervise(SuperviseArgs),
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// Stable and versioned, for programs.
    Json,
}

/// `hallmark doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Weigh what was found: probability, impact, mitigation, and who else could provide each service
    #[arg(long)]
    pub(crate) risks: bool,
    /// Measure what the way to another host adds: the address of the supervisor that runs there
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Why this service is as it is: timeline, last log lines, cause, and what mends it
    #[arg(long, value_name = "SERVICE", conflicts_with = "watch")]
    pub(crate) why: Option<String>,
    /// Show the services live until Ctrl-C; piped: a line for each change
    #[arg(long)]
    pub(crate) watch: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: StatusFormat,
}

/// How to print the state of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// For people.
    Text,
    /// Stable and versioned, for programs.
    Json,
    /// The monitors' metrics as Prometheus reads them.
    Prometheus,
    /// A dashboard for these metrics, to be imported into Grafana.
    Grafana,
}

/// `hallmark up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Install what is missing without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Stay, and stop the services at the end
    #[arg(long)]
    pub(crate) foreground: bool,
    /// Only these services (comma-separated: postgres, neo4j, chromadb, redis, openai)
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Take another port where a kept one is held by somebody else
    #[arg(long)]
    pub(crate) new_ports: bool,
}

/// `hallmark down`.
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// Remove the services' data, logs and credentials too
    #[arg(long)]
    pub(crate) purge: bool,
    /// With --purge: remove the downloads shared between projects too
    #[arg(long, requires = "purge")]
    pub(crate) cache: bool,
}

/// `hallmark test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The interpreter (default: [certify.tests] python, VIRTUAL_ENV, .venv, venv, python3)
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<String>,
    /// One more variable for the tests, such as DB_HOST={postgres.host} (may be repeated)
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
    /// Bring up only these services (comma-separated: postgres, neo4j, chromadb, redis, openai)
    #[arg(long, value_delimiter = ',', value_name = "SERVICES")]
    pub(crate) only: Vec<String>,
    /// Use the services as they stand
    #[arg(long, conflicts_with = "only")]
    pub(crate) no_up: bool,
    /// Install what is missing without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// The longest the tests may take, in seconds (default: [certify.tests] timeout-s where it is set, else as long as they take)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// How to print the report; what pytest writes goes to standard error
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Arguments for pytest (default: arguments and paths of [certify.tests])
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) arguments: Vec<String>,
}

/// `hallmark env`.
#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    /// How to print
    #[arg(long, value_enum, default_value = "shell")]
    pub(crate) format: EnvFormat,
}

/// How to print variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvFormat {
    /// `export NAME='value'` lines for `eval`.
    Shell,
    /// One object.
    Json,
    /// `NAME=value` lines.
    Dotenv,
}

/// `hallmark logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The service: postgres, neo4j, chromadb, redis or openai
    pub(crate) service: String,
    /// How many lines from the end
    #[arg(short = 'n', long, default_value_t = 50)]
    pub(crate) lines: usize,
}

/// `hallmark nodes`.
#[derive(Debug, Args)]
pub(crate) struct NodesArgs {
    /// Describe this node: its parameters and their bounds
    pub(crate) name: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark node`.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// What to do with it
    #[command(subcommand)]
    pub(crate) action: NodeAction,
}

/// What to do with a node.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeAction {
    /// Run a node
    Run(NodeRunArgs),
    /// Show what a model's node asks of PostgreSQL, and the plan of each statement
    Explain(NodeExplainArgs),
}

/// `hallmark node run`.
#[derive(Debug, Args)]
pub(crate) struct NodeRunArgs {
    /// The node's full name, for example ProductCatalogSearchNode
    pub(crate) name: String,
    /// Its input: a JSON object, or @FILE, or - for standard input
    #[arg(long, default_value = "{}")]
    pub(crate) input: String,
    /// The session that the run belongs to
    #[arg(long)]
    pub(crate) session: Option<String>,
}

/// `hallmark run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The workflow's name; none: list the workflows
    pub(crate) workflow: Option<String>,
    /// Its input: a JSON object, or @FILE, or - for standard input
    #[arg(long, default_value = "{}")]
    pub(crate) input: String,
    /// The session that the run belongs to
    #[arg(long)]
    pub(crate) session: Option<String>,
    /// Show a run that was made before, on whatever channel
    #[arg(long, value_name = "RUN", conflicts_with = "workflow")]
    pub(crate) show: Option<String>,
}

/// `hallmark session`.
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    /// What to do
    #[command(subcommand)]
    pub(crate) action: SessionAction,
}

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionAction {
    /// Make a session; prints its handle
    Create {
        /// A label for people
        #[arg(long)]
        label: Option<String>,
    },
    /// Show a session and its runs
    Show {
        /// The handle
        session: String,
    },
    /// List the sessions
    List,
    /// End a session at once, on every channel
    Revoke {
        /// The handle
        session: String,
    },
}

/// `hallmark call`.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The operation, for example nodes.search; none: list them
    pub(crate) operation: Option<String>,
    /// Its input: a JSON object, or @FILE, or - for standard input
    #[arg(long, default_value = "{}")]
    pub(crate) input: String,
    /// Lets nothing answer in a service's place: a service that does not answer is an error
    #[arg(long)]
    pub(crate) no_fallbacks: bool,
}

/// `hallmark serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The port of REST and of the page
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// The port of MCP over HTTP and WebSocket
    #[arg(long, default_value_t = 8001)]
    pub(crate) mcp_port: u16,
    /// Offer every node as a tool of its own instead of one tool per kind
    #[arg(long)]
    pub(crate) flat_tools: bool,
    /// Print a new one-time URL of the page of the server that runs already
    #[arg(long)]
    pub(crate) url: bool,
}

/// `hallmark certify`.
#[derive(Debug, Args)]
pub(crate) struct CertifyArgs {
    /// The project to certify (default: the current one)
    pub(crate) path: Option<PathBuf>,
    /// Install what is missing without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// The edition of the policy: 2025 or 2026
    #[arg(long)]
    pub(crate) edition: Option<String>,
    /// `tiered` allows test doubles in unit tests; `strict` forbids them everywhere
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Where certificate.json and report.html go (default: .hallmark/certificates/latest)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// How to print the verdict
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyServicesArgs {
    /// The services: postgres, neo4j, chromadb, redis, openai (default: all)
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Stop and start each server of this stack while it is written to, and look whether the data are there
    #[arg(long)]
    pub(crate) restart: bool,
    /// The same with a server that is killed
    #[arg(long)]
    pub(crate) crash: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark verify-certificate`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The certificate
    pub(crate) certificate: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// `hallmark __supervise`.
#[derive(Debug, Args)]
pub(crate) struct SuperviseArgs {
    /// The project's folder
    pub(crate) root: PathBuf,
}
