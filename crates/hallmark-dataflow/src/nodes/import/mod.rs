//! Rows from files: checked one by one, copied in one transaction or not at all, or in parts that can be gone on with ([`parts`]).
//!
//! Rows go straight into the table ([`direct`]) where nothing there may be in the way; what is to be skipped, changed or listed goes
//! through a temporary table ([`staged`]).

mod binary;
mod direct;
mod ledger;
mod lock;
mod parts;
mod referred;
mod refusals;
mod rows;
mod staged;
mod work;

pub(crate) use ledger::{IMPORTS, REFUSALS};

use hallmark_core::{Error, Result};
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Value, json};

use self::direct::{Asked, Feed, Outcome};
use self::rows::{Refusal, Rules, Tally};
use super::{Kind, long_statements};
use crate::engine::Engine;
use crate::files::{self, Encoding, Format, NewFile, Reading, Source};
use crate::input::Ask;
use crate::sql::{self, failure};
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
        "Reads rows of {} from CSV, JSON lines, Parquet, Arrow or xlsx, checks each, and inserts all or none, or part by part"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["import"]
    }

    fn params(&self, table: &Table) -> Vec<Param> {
        vec![
            Param::string("format")
                .describe("How the data is written; csv and xlsx have a header. All but csv and jsonl are read from a path")
                .choices(files::FORMATS.iter().copied())
                .default(files::FORMATS[0]),
            Param::string("path")
                .describe("A file inside the export folder; what is compressed with gzip is read as it was before")
                .max_length(512),
            Param::string("content")
                .describe("The data itself, instead of a path")
                .max_length(limits::VALUE_BYTES_MAX)
                .pii(),
            Param::string("encoding")
                .describe("The encoding of the text; a mark in front of UTF-8 or UTF-16 is left out")
                .choices(files::ENCODINGS)
                .default(files::ENCODINGS[0]),
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
            Param::integer("commit_every")
                .describe(
                    "Commit after so many rows, so that an import that ends early can be resumed; all or nothing, if this is not given",
                )
                .range(limits::IMPORT_PART_ROWS_MIN as f64, limits::EXPORT_ROWS_MAX as f64),
            Param::string("unfinished")
                .describe(
                    "What to do with an import of the same file that was begun and did not end: refuse to begin, resume it (or begin it; \
                     nothing is done if it ended), or forget it and begin anew",
                )
                .choices(["refuse", "resume", "forget"])
                .default("refuse"),
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
        if update {
            engine.table.refuse_append_only()?;
        }
        let format = Format::named(ask.text("format"));
        let mapping = ask.get("mapping").and_then(Value::as_object).cloned().unwrap_or_default();
        if ask.get("match_on").is_some() && !update {
            return Err(Error::new(&codes::BAD_PARAMETER, "`match_on` has no effect without `update`")
                .at("match_on")
                .next("leave it out, or give \"on_conflict\": \"update\""));
        }
        let unmet = mapping.keys().cloned().collect();
        let rules = Rules {
            table: engine.table.clone(),
            format,
            update,
            mapping,
            unmet,
            has_names: false,
            given: None,
        };
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
        Encoding::named(self.ask.text("encoding"))
    }

    /// What the file is called.
    fn name(&self) -> String {
        self.ask.text("path").unwrap_or("content").to_owned()
    }

    /// The whole of a source.
    fn reading(&self, source: Source) -> Reading {
        let (format, encoding) = (self.rules.format, self.encoding());
        Reading { source, format, encoding, from: None, part_rows: None }
    }

    /// Whether rows may be copied straight into the table: what is done with one that is in the way, `COPY` cannot do; nor does it know
    /// whose the rows are.
    fn is_direct(&self) -> bool {
        let ruled = !self.engine.table.options.row_rules.is_empty();
        !ruled && self.ask.text("on_conflict").is_none_or(|what| what == "error")
    }

    /// The lock that keeps two imports of a file apart; a dry run needs none.
    async fn lock_name(&self, source: &Source) -> Result<Option<String>> {
        if self.ask.truth("dry_run") {
            return Ok(None);
        }
        lock::name(self.engine, Engine::tenant(self.context), source).await
    }

    async fn run(self) -> Result<Value> {
        let name = self.ask.text("path").map(str::to_owned);
        self.imported().await.map_err(|error| in_file(error, name.as_deref()))
    }

    async fn imported(mut self) -> Result<Value> {
        let source = self.source()?;
        if let Some(name) = self.ask.text("error_path") {
            refusals::refuse_other(&self.engine.shared.export_dir, name).await?;
        }
        if self.is_parted() {
            return self.in_parts(source).await;
        }
        let stored = match self.directly(source.clone()).await? {
            Some(stored) => stored,
            None => self.staged(source).await?,
        };
        if stored.updated > 0 && self.is_committed() {
            super::cache::forget_all(self.engine).await;
        }
        Ok(self.answer(&stored))
    }

    /// Copies the rows straight into the table; `None` if that does not do, and nothing has happened.
    async fn directly(&mut self, source: Source) -> Result<Option<Stored>> {
        let engine = self.engine;
        let name = self.lock_name(&source).await?;
        let mut client = engine.client().await?;
        if name.is_some() {
            self.refuse_begun(&**client, &source).await?;
        }
        if !self.is_direct() {
            return Ok(None);
        }
        let transaction = client.transaction().await.map_err(failure)?;
        lock::for_transaction(&*transaction, name.as_deref()).await?;
        long_statements(&*transaction).await?;
        engine.sign(&*transaction, self.context).await?;
        let asked = Asked {
            reading: self.reading(source),
            rules: self.rules.clone(),
            engine: engine.clone(),
            context: self.context.clone(),
            skip_errors: self.skip_errors,
            refused_before: 0,
        };
        let mut feed = Feed::start(&*transaction, asked).await?;
        let Outcome::Copied(new, ended) = feed.part(&transaction).await? else {
            transaction.rollback().await.map_err(failure)?;
            return Ok(None);
        };
        self.tally = ended.tally;
        self.write_refusals().await?;
        if self.ask.truth("dry_run") {
            transaction.rollback().await.map_err(failure)?;
        } else {
            // Not taken back with a transaction: a dry run must not come here.
            follow(&*transaction, &engine.table, &ended.highest).await?;
            sql::commit(transaction.commit()).await?;
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

/// An error with the name of the file that it is about.
fn in_file(error: Error, name: Option<&str>) -> Error {
    let of_file = error.is(&codes::INPUT_UNREADABLE)
        || error.is(&codes::GZIP_BROKEN)
        || error.place().is_some_and(|place| place.starts_with("row ") || place == "the header");
    match (name, error.place().map(str::to_owned)) {
        (Some(name), Some(place)) if of_file => error.at(format!("{name}: {place}")),
        (Some(name), None) if of_file => error.at(name),
        _ => error,
    }
}
