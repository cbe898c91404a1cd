//! Rows from CSV or JSON lines: checked one by one, staged through COPY, inserted in one transaction or not at all.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Map, Value, json};
use tokio_postgres::GenericClient;

use super::{Kind, long_statements};
use crate::engine::Engine;
use crate::files::{self, Encoding, Format, NewFile, Record, Source};
use crate::input::Ask;
use crate::sql::failure;
use crate::stage::Stage;
use crate::table::{Column, Role, Table};
use crate::write::{self, Cells, OnConflict};
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

/// A refused row.
struct Refusal {
    row: u64,
    line: u64,
    column: Option<String>,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn json(&self) -> Value {
        json!({"row": self.row, "line": self.line, "column": self.column, "code": self.code, "message": self.message})
    }
}

struct Job<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
    format: Format,
    update: bool,
    skip_errors: bool,
    /// The columns that the first row names, in update mode: every row must name the same.
    given: Option<Vec<String>>,
    ignored: Vec<String>,
    rows_read: u64,
    lines: Vec<u64>,
    refused: Vec<Refusal>,
}

impl<'a> Job<'a> {
    fn new(engine: &'a Engine, context: &'a Context, ask: Ask<'a>) -> Result<Self> {
        let update = ask.text("on_conflict") == Some("update");
        if update && engine.table.append_only() {
            let message = format!("rows of {} are never changed or removed", engine.table.model.name);
            return Err(Error::new(&codes::APPEND_ONLY, message));
        }
        let format = if ask.text("format") == Some("jsonl") { Format::Jsonl } else { Format::Csv };
        let skip_errors = ask.text("on_error") == Some("skip");
        Ok(Self {
            engine,
            context,
            ask,
            format,
            update,
            skip_errors,
            given: None,
            ignored: Vec::new(),
            rows_read: 0,
            lines: Vec::new(),
            refused: Vec::new(),
        })
    }

    fn source(&self) -> Result<Source> {
        match (self.ask.text("path"), self.ask.text("content")) {
            (Some(name), None) => files::existing(&self.engine.shared.export_dir, name).map(Source::File),
            (None, Some(text)) => Ok(Source::Text(text.to_owned())),
            _ => {
                Err(Error::new(&codes::MISSING_VALUE, "an import takes either `path` or `content`")
                    .at("path"))
            }
        }
    }

    async fn run(mut self) -> Result<Value> {
        let encoding =
            if self.ask.text("encoding") == Some("latin-1") { Encoding::Latin1 } else { Encoding::Utf8 };
        let mut batches = files::read(self.source()?, self.format, encoding);
        let engine = self.engine;
        let mut client = engine.client().await?;
        let transaction = client.transaction().await.map_err(failure)?;
        long_statements(&*transaction).await?;
        let stage = Stage::create(&*transaction, &engine.table).await?;
        let mut writer = stage.writer(&transaction).await?;
        while let Some(batch) = batches.recv().await {
            for record in batch? {
                let (line, at) = (record.line, self.rows_read + 1);
                self.rows_read = at;
                self.lines.push(line);
                match self.row(record) {
                    Ok(cells) => {
                        stage.write(&mut writer, i64::try_from(at).unwrap_or(i64::MAX), &cells).await?;
                    }
                    Err(error) => self.refuse(at, &error)?,
                }
            }
        }
        writer.as_mut().finish().await.map_err(failure)?;
        let (imported, updated, skipped) = self.store(&*transaction, &stage).await?;
        self.write_refusals().await?;
        let dry_run = self.ask.truth("dry_run");
        let committed = !dry_run && (self.refused.is_empty() || self.skip_errors);
        if !dry_run && !committed {
            return Err(self.aborted());
        }
        if committed {
            transaction.commit().await.map_err(failure)?;
        } else {
            transaction.rollback().await.map_err(failure)?;
        }
        Ok(self.answer((imported, updated, skipped), committed))
    }

    fn answer(&self, (imported, updated, skipped): (u64, u64, u64), committed: bool) -> Value {
        let shown: Vec<Value> =
            self.refused.iter().take(limits::IMPORT_ERRORS_SHOWN_MAX).map(Refusal::json).collect();
        json!({
            "operation": "import", "read": self.rows_read, "imported": imported, "updated": updated, "skipped": skipped,
            "refused": self.refused.len(), "errors": shown, "errors_limited": self.refused.len() > limits::IMPORT_ERRORS_SHOWN_MAX,
            "ignored_columns": self.ignored, "committed": committed, "dry_run": self.ask.truth("dry_run"),
        })
    }

    fn refuse(&mut self, row: u64, error: &Error) -> Result<()> {
        if self.refused.len() >= limits::IMPORT_ERRORS_MAX {
            return Err(Error::new(
                &codes::TOO_MUCH,
                format!("more than {} rows were refused", limits::IMPORT_ERRORS_MAX),
            ));
        }
        let line = usize::try_from(row - 1).ok().and_then(|i| self.lines.get(i)).copied().unwrap_or(0);
        let (column, code, message) =
            (error.place().map(str::to_owned), error.code().id, error.message().to_owned());
        self.refused.push(Refusal { row, line, column, code, message });
        Ok(())
    }

    fn aborted(&self) -> Error {
        let message = format!(
            "{} of {} rows were refused, and nothing was imported",
            self.refused.len(),
            self.rows_read
        );
        let mut error = Error::new(&codes::ROWS_REFUSED, message)
            .next("mend the rows, or import the good ones with \"on_error\": \"skip\"");
        for r in self.refused.iter().take(20) {
            let column = r.column.as_deref().map(|c| format!(", {c}")).unwrap_or_default();
            error = error
                .because_text(format!("row {} (line {}{column}): [{}] {}", r.row, r.line, r.code, r.message));
        }
        error
    }

    /// The checked cells of a record.
    fn row(&mut self, record: Record) -> Result<Cells> {
        let mut data = Map::new();
        for (name, value) in record.cells? {
            let Some(field) = self.field(&name)? else { continue };
            let column = self.engine.table.column(&field).map_err(|e| e.at(name))?;
            if matches!(column.role, Role::UpdatedAt | Role::DeletedAt | Role::Version) {
                if !self.ignored.contains(&field) {
                    self.ignored.push(field);
                }
                continue;
            }
            match self.format {
                Format::Csv => {
                    let value = typed(column, value).map_err(|e| e.at(field.clone()))?;
                    // An empty cell of a required field means "not given": its default applies, or it is missing.
                    if !value.is_null() || column.field.nullable {
                        data.insert(field, value);
                    }
                }
                Format::Jsonl => {
                    data.insert(field, value);
                }
            }
        }
        if self.update {
            let names: Vec<String> = data.keys().cloned().collect();
            if *self.given.get_or_insert_with(|| names.clone()) != names {
                let message =
                    "the row gives other fields than the first row; an update needs the same in all";
                return Err(Error::new(&codes::BAD_PARAMETER, message));
            }
        }
        write::complete(&self.engine.table, &data)
    }

    /// The field that a column of the file goes to; `None` if the mapping leaves it out.
    fn field(&self, name: &str) -> Result<Option<String>> {
        let mapping = self.ask.get("mapping").and_then(Value::as_object);
        match mapping.and_then(|m| m.get(name)) {
            None => Ok(Some(name.to_owned())),
            Some(Value::Null) => Ok(None),
            Some(Value::String(field)) => Ok(Some(field.clone())),
            Some(_) => {
                Err(Error::new(&codes::BAD_PARAMETER, "mapping takes field names or null").at("mapping"))
            }
        }
    }

    /// Refuses colliding rows, then moves the others into the table: (new, updated, skipped).
    async fn store(&mut self, client: &impl GenericClient, stage: &Stage<'_>) -> Result<(u64, u64, u64)> {
        let table = &self.engine.table;
        let target = if self.update { write::target(table, self.ask.get("match_on"))? } else { Vec::new() };
        let skip = self.ask.text("on_conflict") == Some("skip");
        if !skip {
            let collisions = stage.collisions(client, self.context, &target).await?;
            for (row, fields) in &collisions {
                self.collide(*row, fields, "the values are already taken")?;
            }
            stage.remove(client, &collisions.into_keys().collect::<Vec<_>>()).await?;
        }
        if self.update {
            let repeated = stage.repeated(client, &target).await?;
            let fields: Vec<&str> = target.iter().map(|c| c.name()).collect();
            for row in &repeated {
                self.collide(*row, &fields.join(","), "an earlier row has the same values")?;
            }
            stage.remove(client, &repeated).await?;
        }
        if !self.refused.is_empty() && !self.skip_errors {
            return Ok((0, 0, 0));
        }
        let given = self.given.iter().flatten().map(|n| table.column(n)).collect::<Result<Vec<_>>>()?;
        let conflict = match (skip, self.update) {
            (true, _) => OnConflict::Skip,
            (_, true) => OnConflict::Update { target, given },
            _ => OnConflict::Error,
        };
        let rows = stage.insert(client, self.context, &conflict).await?;
        let mut new = 0;
        for row in &rows {
            new += u64::from(row.try_get::<_, bool>(table.keys().len()).map_err(failure)?);
        }
        let stored = rows.len() as u64;
        let staged = self.rows_read - self.refused.len() as u64;
        Ok((new, stored - new, staged.saturating_sub(stored)))
    }

    fn collide(&mut self, row: i64, fields: &str, why: &str) -> Result<()> {
        let error = Error::new(&codes::DUPLICATE, format!("{why}: {fields}")).at(fields.to_owned());
        self.refuse(row.unsigned_abs(), &error)
    }

    async fn write_refusals(&mut self) -> Result<()> {
        self.refused.sort_by_key(|r| r.row);
        let Some(name) = self.ask.text("error_path") else { return Ok(()) };
        let mut file = NewFile::create(&self.engine.shared.export_dir, name).await?;
        for refusal in &self.refused {
            file.write(format!("{}\n", refusal.json()).as_bytes()).await?;
        }
        file.finish().await.map(|_| ())
    }
}

/// The text of a CSV cell as a value of the column's type.
fn typed(column: &Column, cell: Value) -> Result<Value> {
    let Value::String(text) = cell else { return Ok(cell) };
    let trimmed = text.trim();
    let bad = |what: &str| Error::new(&codes::WRONG_VALUE, format!("expected {what}"));
    match column.field.kind {
        FieldType::Text => Ok(Value::String(text)),
        FieldType::Integer => trimmed.parse::<i64>().map(Value::from).map_err(|_| bad("integer")),
        FieldType::Float => {
            let number = trimmed.parse::<f64>().ok().filter(|f| f.is_finite());
            number
                .and_then(serde_json::Number::from_f64)
                .map(Value::Number)
                .ok_or_else(|| bad("a finite number"))
        }
        FieldType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => Ok(Value::Bool(true)),
            "false" | "f" | "no" | "n" | "0" => Ok(Value::Bool(false)),
            _ => Err(bad("true or false")),
        },
        FieldType::Object | FieldType::Array | FieldType::FloatArray | FieldType::Json => {
            serde_json::from_str(trimmed).map_err(|_| bad("JSON"))
        }
        _ => Ok(Value::from(trimmed)),
    }
}
