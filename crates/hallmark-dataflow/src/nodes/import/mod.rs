//! Rows from CSV or JSON lines: checked one by one, copied in one transaction or not at all.
//!
//! Rows go straight into the table ([`direct`]) where nothing there may be in the way; what is to be skipped, changed or listed goes
//! through a temporary table ([`staged`]).

mod binary;
mod direct;
mod rows;
mod staged;

use hallmark_core::{Error, Result};
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Value, json};

use self::direct::{Asked, Outcome};
use self::rows::{Refusal, Rules, Tally};
use super::{Kind, long_statements};
use crate::engine::Engine;
use crate::files::{self, Encoding, Format, NewFile, Source};
use crate::input::Ask;
use crate::sql::failure;
use crate::table::Table;
use crate::write::follow;
use crate::{codes, limits};

/// The kind `Import`.
pub(super) struct Import;

impl Kind for Import {
    fn name(&self) -> &'static str {
        "Import"
    }

    fn summary(&self) -> &'static str {
        "Reads rows of {} from CSV or JSON lines, checks each, and inserts all or none"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["import"]
    }

    fn params(&self, table: &Table) -> Vec<Param> {
        vec![
            Param::string("format")
                .describe("csv (with a header) or jsonl")
                .choices(["csv", "jsonl"])
                .default("csv"),
            Param::string("path").describe("A file inside the export folder").max_length(512),
            Param::string("content")
                .describe("The data itself, instead of a path")
                .max_length(limits::VALUE_BYTES_MAX)
                .pii(),
            Param::string("encoding")
                .describe("The encoding of the file")
                .choices(["utf-8", "latin-1"])
                .default("utf-8"),
            Param::object("mapping")
                .describe("Column of the file to field, where the names differ; null leaves a column out"),
            Param::string("on_conflict")
                .describe("What to do with a row whose unique values are taken")
                .choices(["error", "skip", "update"])
                .default("error"),
            Param::array("match_on").describe(format!(
                "The unique fields that `update` matches by; {} by default",
                table.key_label()
            )),
            Param::string("on_error")
                .describe("abort: nothing is imported if a row is bad; skip: the good rows are")
                .choices(["abort", "skip"])
                .default("abort"),
            Param::boolean("dry_run").describe("Check everything, change nothing").default(false),
            Param::string("error_path")
                .describe("Where to write the refused rows as JSON lines, inside the export folder")
                .max_length(512),
        ]
    }

    fn read_only(&self) -> bool {
        false
    }

    fn timeout_ms(&self) -> Option<u64> {
        Some(limits::FILE_WORK_TIMEOUT_MS)
    }

    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        context: &'a Context,
        _: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move { Job::new(engine, context, Ask(input))?.run().await })
    }
}

/// How many rows were stored, and how.
#[derive(Default)]
struct Stored {
    new: u64,
    updated: u64,
    skipped: u64,
}

struct Job<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
    rules: Rules,
    skip_errors: bool,
    tally: Tally,
}

impl<'a> Job<'a> {
    fn new(engine: &'a Engine, context: &'a Context, ask: Ask<'a>) -> Result<Self> {
        let update = ask.text("on_conflict") == Some("update");
        if update && engine.table.append_only() {
            let message = format!("rows of {} are never changed or removed", engine.table.model.name);
            return Err(Error::new(&codes::APPEND_ONLY, message));
        }
        let format = if ask.text("format") == Some("jsonl") { Format::Jsonl } else { Format::Csv };
        let mapping = ask.get("mapping").and_then(Value::as_object).cloned().unwrap_or_default();
        let rules = Rules { table: engine.table.clone(), format, update, mapping, given: None };
        let skip_errors = ask.text("on_error") == Some("skip");
        Ok(Self { engine, context, ask, rules, skip_errors, tally: Tally::default() })
    }

    fn source(&self) -> Result<Source> {
        match (self.ask.text("path"), self.ask.text("content")) {
            (Some(name), None) => files::existing(&self.engine.shared.export_dir, name).map(Source::File),
            (None, Some(text)) => Ok(Source::Text(text.into())),
            _ => {
                Err(Error::new(&codes::MISSING_VALUE, "an import takes either `path` or `content`")
                    .at("path"))
            }
        }
    }

    fn encoding(&self) -> Encoding {
        if self.ask.text("encoding") == Some("latin-1") { Encoding::Latin1 } else { Encoding::Utf8 }
    }

    async fn run(mut self) -> Result<Value> {
        let source = self.source()?;
        let stored = match self.directly(source.clone()).await? {
            Some(stored) => stored,
            None => self.staged(source).await?,
        };
        Ok(self.answer(&stored))
    }

    /// Copies the rows straight into the table; `None` if that does not do, and nothing has happened.
    async fn directly(&mut self, source: Source) -> Result<Option<Stored>> {
        // What is done with a row that is in the way, `COPY` cannot do.
        if self.ask.text("on_conflict").is_some_and(|what| what != "error") {
            return Ok(None);
        }
        let engine = self.engine;
        let mut client = engine.client().await?;
        let transaction = client.transaction().await.map_err(failure)?;
        long_statements(&*transaction).await?;
        let asked = Asked {
            source,
            encoding: self.encoding(),
            rules: self.rules.clone(),
            tenant: Engine::tenant(self.context).to_owned(),
            skip_errors: self.skip_errors,
        };
        let outcome = direct::copy(&transaction, asked).await?;
        let Outcome::Copied { rows: new, tally, highest } = outcome else {
            transaction.rollback().await.map_err(failure)?;
            return Ok(None);
        };
        self.tally = tally;
        self.write_refusals().await?;
        if self.ask.truth("dry_run") {
            transaction.rollback().await.map_err(failure)?;
        } else {
            // Not taken back with a transaction: a dry run must not come here.
            follow(&*transaction, &engine.table, &highest).await?;
            transaction.commit().await.map_err(failure)?;
        }
        Ok(Some(Stored { new, ..Stored::default() }))
    }

    /// Whether what was read is kept.
    fn is_committed(&self) -> bool {
        !self.ask.truth("dry_run") && (self.tally.refused.is_empty() || self.skip_errors)
    }

    fn answer(&self, stored: &Stored) -> Value {
        let (refused, most) = (&self.tally.refused, limits::IMPORT_ERRORS_SHOWN_MAX);
        let shown: Vec<Value> = refused.iter().take(most).map(Refusal::json).collect();
        json!({
            "operation": "import", "read": self.tally.read, "imported": stored.new, "updated": stored.updated,
            "skipped": stored.skipped, "refused": refused.len(), "errors": shown,
            "errors_limited": refused.len() > most, "ignored_columns": self.tally.ignored,
            "committed": self.is_committed(), "dry_run": self.ask.truth("dry_run"),
        })
    }

    fn aborted(&self) -> Error {
        let message = format!(
            "{} of {} rows were refused, and nothing was imported",
            self.tally.refused.len(),
            self.tally.read
        );
        let error = Error::new(&codes::ROWS_REFUSED, message)
            .next("mend the rows, or import the good ones with \"on_error\": \"skip\"");
        self.tally.refused.iter().take(20).fold(error, |error, r| error.because_text(r.sentence()))
    }

    async fn write_refusals(&mut self) -> Result<()> {
        self.tally.refused.sort_by_key(|r| r.row);
        let Some(name) = self.ask.text("error_path") else { return Ok(()) };
        let mut file = NewFile::create(&self.engine.shared.export_dir, name).await?;
        for refusal in &self.tally.refused {
            file.write(format!("{}\n", refusal.json()).as_bytes()).await?;
        }
        file.finish().await.map(|_| ())
    }
}
