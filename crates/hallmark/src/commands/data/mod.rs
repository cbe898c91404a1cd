//! `hallmark data`: the rows of a model in and out, through its own nodes.

mod export;
mod import;
mod purge;
mod query;
mod slow;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hallmark_core::{Error, ExitClass, Result};
use hallmark_dataflow::{Progress, Role};
use hallmark_workflow::{Caller, Context, Registry};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::args::{DataAction, DataArgs, FileFormat, RowsOf, Which};
use crate::commands::{call, codes};
use crate::wiring::{self, Catalogue, Fallbacks};

/// How often it is said how far the work is.
const SAY_EVERY: Duration = Duration::from_millis(200);

pub(crate) fn run(app: &App<'_>, args: &DataArgs) -> Result<ExitClass> {
    match &args.action {
        DataAction::Import(args) => import::run(app, args),
        DataAction::Export(args) => export::run(app, args),
        DataAction::Query(args) => query::run(app, args),
        DataAction::Purge(args) => purge::run(app, args),
        DataAction::Slow(args) => slow::run(app, args),
    }
}

/// The nodes of the project's models, with this folder as the one that files may be in.
struct Rows {
    registry: Registry,
    context: Context,
    model: String,
    /// The fields of the model in the order of its declaration, the key first.
    fields: Vec<String>,
}

impl Rows {
    /// Opens the models on the project's services; the tables are made if they are missing.
    async fn open(app: &App<'_>, of: &RowsOf, folder: Option<&Path>) -> Result<Self> {
        let catalogue = open(app).await?;
        let dataflow = match folder {
            Some(folder) => catalogue.dataflow.with_folder(folder.to_path_buf())?,
            None => catalogue.dataflow,
        };
        let mut registry = Registry::new();
        dataflow.register(&mut registry)?;
        let table = dataflow.tables().iter().find(|table| table.model.name == of.model);
        let mut columns: Vec<_> = table.iter().flat_map(|table| table.shown()).collect();
        columns.sort_by_key(|column| column.role != Role::Key);
        let fields = columns.into_iter().map(|column| column.name().to_owned()).collect();
        Ok(Self { registry, context: context(of.tenant.as_deref()), model: of.model.clone(), fields })
    }

    /// Calls a node of the model.
    async fn call(&self, kind: &str, input: Map<String, Value>) -> Result<Value> {
        let name = format!("{}{kind}Node", self.model);
        self.registry.call(&name, &self.context, input).await.map_err(|error| {
            if error.is(&hallmark_workflow::codes::UNKNOWN_NODE) {
                error.next("hallmark models")
            } else {
                error
            }
        })
    }

    /// As [`Rows::call`], and says meanwhile how far it is.
    async fn call_long(
        &self,
        app: &App<'_>,
        (kind, doing): (&str, &str),
        input: Map<String, Value>,
    ) -> Result<(Value, Duration)> {
        let (progress, began) = (Progress::default(), Instant::now());
        let work = progress.scope(self.call(kind, input));
        tokio::pin!(work);
        let mut say = tokio::time::interval(SAY_EVERY);
        let answer = loop {
            tokio::select! {
                answer = &mut work => break answer,
                _ = say.tick() => {
                    let rows = progress.rows();
                    let rate = rows as f64 / began.elapsed().as_secs_f64().max(1e-9);
                    if rows > 0 {
                        app.ui.progress(&format!("{doing}: {rows} rows, {rate:.0} a second"));
                    }
                }
            }
        };
        app.ui.progress("");
        Ok((answer?, began.elapsed()))
    }
}

/// The folder and the name of a file.
///
/// # Errors
/// `HM-B003` if it names no file.
fn parts(file: &Path) -> Result<(PathBuf, String)> {
    let named = file.file_name().and_then(|name| name.to_str());
    let name = named.ok_or_else(|| {
        Error::new(&codes::UNKNOWN_VALUE, format!("{} is not the name of a file", file.display()))
    })?;
    let absolute = std::path::absolute(file).map_err(|e| {
        Error::new(&hallmark_core::codes::READ_FAILED, format!("{} cannot be found", file.display()))
            .because(&e)
    })?;
    Ok((absolute.parent().unwrap_or(Path::new("/")).to_path_buf(), name.to_owned()))
}

/// How a file is written: as said, or by its ending.
///
/// # Errors
/// `HM-B003` if its ending says nothing.
fn format(said: Option<FileFormat>, file: &Path) -> Result<FileFormat> {
    let lower =
        |path: &Path| path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    // What is compressed is what its name says before that.
    let inner = file.with_extension("");
    let ending = if lower(file) == "gz" { lower(&inner) } else { lower(file) };
    match (said, ending.as_str()) {
        (Some(format), _) => Ok(format),
        (None, "csv" | "txt") => Ok(FileFormat::Csv),
        (None, "jsonl" | "ndjson") => Ok(FileFormat::Jsonl),
        (None, "parquet" | "pq") => Ok(FileFormat::Parquet),
        (None, "arrow" | "feather") => Ok(FileFormat::Arrow),
        (None, "arrows") => Ok(FileFormat::ArrowStream),
        (None, "xlsx") => Ok(FileFormat::Xlsx),
        (None, _) => {
            let message =
                format!("{} does not end in .csv, .jsonl, .parquet, .arrow or .xlsx", file.display());
            Err(Error::new(&codes::UNKNOWN_VALUE, message).next("say it: --format csv"))
        }
    }
}

/// Who calls nodes from here: this command, for a tenant if one is named.
pub(super) fn context(tenant: Option<&str>) -> Context {
    let caller = Caller::new("cli");
    Context::new(&match tenant {
        Some(tenant) => caller.tenant(tenant),
        None => caller,
    })
}

/// The input that says which rows.
///
/// # Errors
/// Those of a filter that is no JSON.
fn which(which: &Which) -> Result<Map<String, Value>> {
    let mut input = Map::new();
    if let Some(filter) = &which.filter {
        input.insert("filter".to_owned(), call::of_option("--filter", filter)?);
    }
    for (name, given) in [("fields", &which.fields), ("sort", &which.sort)] {
        if !given.is_empty() {
            input.insert(name.to_owned(), json!(given));
        }
    }
    input.insert("include_pii".to_owned(), json!(which.include_pii));
    Ok(input)
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Rows, time and rate as a sentence's end.
fn took(rows: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.1 {
        return format!("in {:.0} ms", seconds * 1e3);
    }
    format!("in {seconds:.1} s, {} rows a second", grouped((rows as f64 / seconds.max(1e-9)) as u64))
}

/// The models on the project's services, without the rest of the platform; the tables are made if there are none.
pub(crate) async fn open(app: &App<'_>) -> Result<Catalogue> {
    let catalogue = Catalogue::open(app, &wiring::endpoints(app)?, Fallbacks::Never)?;
    catalogue.start(app).await?;
    Ok(catalogue)
}
