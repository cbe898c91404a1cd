//! Rows to files: in the allowed folder, or CSV and JSON lines inline while small. Rows are streamed, never collected.

#[cfg(feature = "columnar")]
mod binary;
mod cell;
#[cfg(feature = "columnar")]
mod columns;
mod form;
mod line;
#[cfg(feature = "columnar")]
mod sheet;

use std::pin::Pin;

use futures_util::TryStreamExt as _;
use hallmark_core::{Error, Result};
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio_postgres::RowStream;

use self::form::Written;
use self::line::Cell;
use super::{Kind, fields, filter, include_pii, long_statements, outward};
use crate::engine::Engine;
use crate::files::{self, Format, NewFile, Zipper};
use crate::input::Ask;
use crate::sql::{Sql, failure};
use crate::table::{Column, Table};
use crate::{Progress, codes, limits, names, page};

/// The kind `Export`.
pub(super) struct Export;

impl Kind for Export {
    fn name(&self) -> &'static str {
        "Export"
    }

    fn summary(&self) -> &'static str {
        "Writes rows of {} as CSV, JSON lines, Parquet, Arrow or xlsx, to a file or inline"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["export"]
    }

    fn params(&self, _: &Table) -> Vec<Param> {
        vec![
            Param::string("format")
                .describe("How rows are written; csv keeps no types, and all but csv and jsonl need a path")
                .choices(files::FORMATS.iter().copied())
                .default(files::FORMATS[0]),
            Param::string("path")
                .describe(
                    "A name inside the export folder; one that ends in .gz is compressed (csv, jsonl). Without it the text is returned (at most 1 MiB)",
                )
                .max_length(512),
            filter(),
            fields(),
            Param::any("sort").describe("Fields to sort by, `-` in front for descending"),
            Param::integer("limit").describe("The most rows").range(1.0, 50_000_000.0),
            Param::boolean("include_deleted").describe("Export soft-deleted rows too").default(false),
            include_pii(),
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
        Box::pin(run(engine, context, Ask(input)))
    }
}

/// Bytes that are collected before they are written.
const CHUNK_BYTES: usize = 256 * 1024;

/// Where the text goes.
enum Target {
    File(NewFile),
    Inline(Vec<u8>),
}

struct Writer {
    target: Target,
    /// What compresses the chunks, if they are.
    zipper: Option<Zipper>,
    chunk: Vec<u8>,
    bytes: u64,
    digest: Sha256,
}

impl Writer {
    /// Writes the chunk out if it is large enough.
    async fn end_row(&mut self, rows: u64, progress: &Progress) -> Result<()> {
        if self.chunk.len() < CHUNK_BYTES {
            return Ok(());
        }
        progress.set(rows);
        self.flush().await
    }

    async fn flush(&mut self) -> Result<()> {
        if let Some(zipper) = &mut self.zipper {
            zipper.replace(&mut self.chunk)?;
        }
        self.send().await
    }

    /// Writes out all that is left.
    async fn finish(&mut self) -> Result<()> {
        self.flush().await?;
        if let Some(zipper) = self.zipper.take() {
            self.chunk = zipper.finish()?;
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        self.digest.update(&self.chunk);
        self.bytes += self.chunk.len() as u64;
        match &mut self.target {
            Target::File(file) => file.write(&self.chunk).await?,
            Target::Inline(text) => {
                text.extend_from_slice(&self.chunk);
                if text.len() > limits::EXPORT_INLINE_BYTES_MAX {
                    let message =
                        format!("the export is larger than {} bytes", limits::EXPORT_INLINE_BYTES_MAX);
                    return Err(
                        Error::new(&codes::TOO_MUCH, message).next("give a `path`, or a filter or limit")
                    );
                }
            }
        }
        self.chunk.clear();
        Ok(())
    }
}

async fn run(engine: &Engine, context: &Context, ask: Ask<'_>) -> Result<Value> {
    let format = Format::named(ask.text("format"));
    if !format.is_text() && ask.text("path").is_none() {
        let message = format!("{} is written to a file: give a `path`", format.name());
        return Err(Error::new(&codes::BAD_PARAMETER, message).at("path"));
    }
    let zipped = ask.text("path").is_some_and(files::is_gzip);
    if zipped && !format.is_text() {
        let message = format!("{} is compressed by itself: leave .gz out of the name", format.name());
        return Err(Error::new(&codes::BAD_PARAMETER, message).at("path"));
    }
    let masking = outward(ask.0);
    let columns = engine.columns(ask.get("fields"))?;
    let cells: Vec<Cell> = columns.iter().map(|column| Cell::new(column, masking)).collect();
    let keys = page::order(&engine.table, ask.get("sort"), masking)?;
    let limit = ask.count("limit", limits::EXPORT_ROWS_MAX, limits::EXPORT_ROWS_MAX)?;
    let list: Vec<String> = columns.iter().zip(&cells).map(|(column, cell)| selected(column, cell)).collect();
    let mut sql = Sql::new(format!("SELECT {}", list.join(", ")));
    engine.push_from(&mut sql, context, ask.filter(), ask.truth("include_deleted"))?;
    page::push_order(&mut sql, &keys);
    sql.push(&format!(" LIMIT {}", limit.saturating_add(1)));

    let target = match ask.text("path") {
        Some(name) => Target::File(NewFile::create(&engine.shared.export_dir, name).await?),
        None => Target::Inline(Vec::new()),
    };
    let zipper = zipped.then(Zipper::new);
    let mut writer = Writer { target, zipper, chunk: Vec::new(), bytes: 0, digest: Sha256::new() };
    let mut form = Written::begin(format, (&columns, &cells), &mut writer.chunk)?;
    let mut client = engine.client().await?;
    let transaction = client.transaction().await.map_err(failure)?;
    long_statements(&*transaction).await?;
    let clock = sql.clock();
    let stream = sql.stream(&*transaction).await?;
    futures_util::pin_mut!(stream);
    let written = write_rows(stream, limit, (&mut form, &cells), &mut writer).await;
    let (rows, limited) = clock.end(written, |(rows, _)| *rows)?;
    form.finish(&mut writer.chunk)?;
    writer.finish().await?;
    let digest = hallmark_core::digest::to_hex(&writer.digest.finalize());
    let masked: Vec<&str> =
        columns.iter().zip(&cells).filter(|(_, cell)| cell.masked).map(|(column, _)| column.name()).collect();
    let mut answer = json!({
        "operation": "export", "format": format.name(), "rows": rows,
        "bytes": writer.bytes, "sha256": digest, "masked": masked, "limited": limited,
    });
    match writer.target {
        Target::File(file) => {
            file.finish().await?;
            answer["path"] = json!(ask.text("path"));
        }
        Target::Inline(text) => answer["content"] = Value::from(String::from_utf8_lossy(&text)),
    }
    Ok(answer)
}

/// Writes the rows as they come; gives how many, and whether there are more.
async fn write_rows(
    mut stream: Pin<&mut RowStream>,
    limit: u64,
    (form, cells): (&mut Written, &[Cell]),
    writer: &mut Writer,
) -> Result<(u64, bool)> {
    let (mut rows, progress) = (0_u64, Progress::current());
    while let Some(row) = stream.try_next().await.map_err(failure)? {
        if rows == limit {
            return Ok((rows, true));
        }
        form.push(&row, cells, &mut writer.chunk)?;
        rows += 1;
        writer.end_row(rows, &progress).await?;
    }
    Ok((rows, false))
}

/// The select-list entry of a column. What is masked does not leave the server.
fn selected(column: &Column, cell: &Cell) -> String {
    if cell.masked {
        let mask = names::literal(hallmark_core::secret::MASK);
        format!("CASE WHEN {} IS NULL THEN NULL ELSE {mask} END AS \"::text\"", column.ident)
    } else {
        column.selected().into_owned()
    }
}
