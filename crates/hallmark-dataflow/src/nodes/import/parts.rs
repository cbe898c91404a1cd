//! An import in parts: each is a transaction of its own, with the note that it was done. What was killed goes on behind the last one.

use hallmark_core::{Error, Result};
use hallmark_services::postgres::Held;
use serde_json::{Value, json};
use tokio_postgres::{Client, Transaction};

use super::direct::{Asked, Ended, Feed, Outcome};
use super::ledger::{Ledger, Record, Step, Totals};
use super::rows::{Refusal, Tally};
use super::{Job, Stored, lock, long_statements};
use crate::engine::Engine;
use crate::files::{self, End, Mark, Reading, Source};
use crate::sql::{self, failure};
use crate::write::follow;
use crate::{codes, limits};

/// What to do with an import of the same file that was begun and did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    Refuse,
    Resume,
    Forget,
}

/// How far an import in parts is.
struct State {
    ledger: Ledger,
    /// The number of its record, from the first part on.
    id: Option<i64>,
    mark: Mark,
    totals: Totals,
    /// Rows that were in the table before this run.
    resumed_at: Option<u64>,
    parts: u64,
}

/// What a part did.
struct Done<'a> {
    mark: Mark,
    is_last: bool,
    stored: Stored,
    refused: &'a [Refusal],
}

impl Job<'_> {
    fn unfinished(&self) -> Unfinished {
        match self.ask.text("unfinished") {
            Some("resume") => Unfinished::Resume,
            Some("forget") => Unfinished::Forget,
            _ => Unfinished::Refuse,
        }
    }

    /// Whether it goes on in parts.
    pub(super) fn is_parted(&self) -> bool {
        !self.ask.truth("dry_run")
            && (self.ask.get("commit_every").is_some() || self.unfinished() == Unfinished::Resume)
    }

    /// What has to be the same when an import goes on.
    fn options(&self) -> Value {
        let text = |name| self.ask.text(name);
        json!({
            "format": text("format"), "encoding": text("encoding"), "mapping": self.rules.mapping,
            "on_conflict": text("on_conflict"), "match_on": self.ask.get("match_on"),
        })
    }

    fn ledger(&self) -> Result<Ledger> {
        let table = &self.engine.table;
        Ledger::new(&table.schema, &table.model.name, Engine::tenant(self.context))
    }

    /// The import of this source that is on record.
    async fn found(
        &self,
        client: &impl tokio_postgres::GenericClient,
        (ledger, source): (&Ledger, &Source),
        ended_too: bool,
    ) -> Result<Option<Record>> {
        let records = ledger.records(client, ended_too).await?;
        if records.is_empty() {
            return Ok(None);
        }
        let (source, encoding, grows) = (source.clone(), self.encoding(), self.rules.format.grows());
        let search = move || -> Result<Option<Record>> {
            let mut lengths: Vec<u64> = records.iter().map(|r| r.mark.offset).collect();
            lengths.sort_unstable();
            lengths.dedup();
            let prefixes = files::prefixes(&source, encoding, &lengths)?;
            let of = |record: &Record| {
                let at = lengths.binary_search(&record.mark.offset).ok();
                at.and_then(|at| prefixes[at].as_ref())
            };
            let found = records.iter().find(|record| record.is_of(of(record), grows)).cloned();
            match records.iter().find(|record| record.has_grown(of(record), grows)) {
                Some(record) if found.is_none() => Err(grown(record)),
                _ => Ok(found),
            }
        };
        tokio::task::spawn_blocking(search).await.map_err(|e| {
            Error::new(&hallmark_core::codes::INTERNAL, "the file could not be compared").because(&e)
        })?
    }

    /// Refuses an import, whole or in parts, of a file whose import was begun and did not end.
    ///
    /// # Errors
    /// `HM-D110`.
    pub(super) async fn refuse_begun(
        &self,
        client: &impl tokio_postgres::GenericClient,
        source: &Source,
    ) -> Result<()> {
        let ledger = self.ledger()?;
        let found = self.found(client, (&ledger, source), false).await?;
        match (found, self.unfinished()) {
            (None, _) => Ok(()),
            (Some(record), Unfinished::Forget) => ledger.forget(client, record.id).await,
            (Some(record), _) => Err(begun(&record)),
        }
    }

    /// Imports part by part.
    ///
    /// # Errors
    /// `HM-D110` to `HM-D113`; those of file and database, with what is in the table by then.
    pub(super) async fn in_parts(mut self, source: Source) -> Result<Value> {
        let engine = self.engine;
        // Reads that begin after this one is given back see what was imported.
        let _writer = engine.client().await?;
        let name = lock::name(engine, Engine::tenant(self.context), &source).await?;
        let patient = self.unfinished() == Unfinished::Resume;
        let mut session = lock::session(engine, name.as_deref(), patient).await?;
        let answer = self.under_lock(&mut session, source).await;
        lock::release(&session).await;
        answer
    }

    async fn under_lock(&mut self, session: &mut Held, source: Source) -> Result<Value> {
        let patient = self.unfinished() == Unfinished::Resume;
        let mut state = State {
            ledger: self.ledger()?,
            id: None,
            mark: Mark { line: 1, ..Mark::default() },
            totals: Totals::default(),
            resumed_at: None,
            parts: 0,
        };
        state.ledger.prepare(session).await?;
        if patient {
            if let Some(record) = self.found(&***session, (&state.ledger, &source), true).await? {
                self.take_up(&mut state, record)?;
            }
        } else {
            self.refuse_begun(&***session, &source).await?;
        }
        let updated = state.totals.updated;
        let done = self.all_parts(session, &mut state, source).await;
        if state.totals.updated > updated {
            crate::nodes::cache::forget_all(self.engine).await;
        }
        if let Err(error) = done {
            return Err(kept(error, &state));
        }
        self.tell(session, &state).await
    }

    /// Goes on with a record.
    fn take_up(&mut self, state: &mut State, record: Record) -> Result<()> {
        if record.options != self.options() {
            let message = format!("the import of {} was begun with other options", record.name);
            let differing = record.options.as_object().into_iter().flatten();
            let own = self.options();
            let differing: Vec<&str> = differing
                .filter(|(name, value)| own[name.as_str()] != **value)
                .map(|(n, _)| n.as_str())
                .collect();
            return Err(Error::new(&codes::IMPORT_OPTIONS, message)
                .at(differing.join(","))
                .next("give the options that it was begun with, or begin anew: \"unfinished\": \"forget\""));
        }
        self.rules.given.clone_from(&record.given);
        state.id = Some(record.id);
        state.resumed_at = Some(record.mark.rows);
        (state.mark, state.totals) = (record.mark, record.totals);
        Ok(())
    }

    fn part_reading(&self, state: &State, source: &Source) -> Result<Reading> {
        let most = limits::EXPORT_ROWS_MAX;
        let every = self.ask.count("commit_every", limits::IMPORT_PART_ROWS_DEFAULT, most)?;
        let from = (state.mark.offset > 0).then(|| state.mark.clone());
        Ok(Reading { from, part_rows: Some(every), ..self.reading(source.clone()) })
    }

    async fn all_parts(&mut self, client: &mut Client, state: &mut State, source: Source) -> Result<()> {
        if self.is_direct() && self.direct_parts(client, state, &source).await? {
            return Ok(());
        }
        self.staged_parts(client, state, &source).await
    }

    /// Copies part after part; `false` if the stage has to go on.
    async fn direct_parts(
        &mut self,
        client: &mut Client,
        state: &mut State,
        source: &Source,
    ) -> Result<bool> {
        let asked = Asked {
            reading: self.part_reading(state, source)?,
            rules: self.rules.clone(),
            engine: self.engine.clone(),
            context: self.context.clone(),
            skip_errors: self.skip_errors,
            refused_before: usize::try_from(state.totals.refused).unwrap_or(usize::MAX),
        };
        let mut feed = Feed::start(client, asked).await?;
        loop {
            let transaction = client.transaction().await.map_err(failure)?;
            long_statements(&transaction).await?;
            self.engine.sign(&transaction, self.context).await?;
            let Outcome::Copied(new, ended) = feed.part(&transaction).await? else {
                transaction.rollback().await.map_err(failure)?;
                return Ok(false);
            };
            let Ended { tally, highest, mark, is_last, .. } = ended;
            follow(&transaction, &self.engine.table, &highest).await?;
            let stored = Stored { new, ..Stored::default() };
            self.tally.ignored.extend(tally.ignored);
            self.keep(transaction, state, Done { mark, is_last, stored, refused: &tally.refused }).await?;
            if is_last {
                return Ok(true);
            }
        }
    }

    /// The same through the stage.
    async fn staged_parts(&mut self, client: &mut Client, state: &mut State, source: &Source) -> Result<()> {
        let ignored = std::mem::take(&mut self.tally.ignored);
        let refused = usize::try_from(state.totals.refused).unwrap_or(usize::MAX);
        self.tally = Tally { ignored, ..Tally::from(state.mark.rows, refused) };
        self.make_room().await?;
        let mut batches = files::read(self.part_reading(state, source)?);
        loop {
            let transaction = client.transaction().await.map_err(failure)?;
            long_statements(&transaction).await?;
            let (stored, End { mark, is_last }) = self.stage_part(&transaction, &mut batches).await?;
            if !self.tally.refused.is_empty() && !self.skip_errors {
                self.write_refusals().await?;
                return Err(self.part_refused(state));
            }
            let part = self.tally.next();
            self.keep(transaction, state, Done { mark, is_last, stored, refused: &part.refused }).await?;
            self.tally.ignored = part.ignored;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Notes a part and commits it.
    async fn keep(&self, transaction: Transaction<'_>, state: &mut State, done: Done<'_>) -> Result<()> {
        let before = state.mark.rows;
        let id = match state.id {
            Some(id) => id,
            None => state.ledger.begin(&transaction, &self.name(), &self.options()).await?,
        };
        let totals = Totals {
            new: state.totals.new + done.stored.new,
            updated: state.totals.updated + done.stored.updated,
            skipped: state.totals.skipped + done.stored.skipped,
            refused: state.totals.refused + done.refused.len() as u64,
        };
        let given = self.rules.given.as_deref();
        let step = Step { mark: &done.mark, given, totals, is_last: done.is_last, refused: done.refused };
        let known = if state.id.is_some() { before } else { 0 };
        state.ledger.advance(&transaction, (id, known), &step).await?;
        sql::commit(transaction.commit()).await?;
        (state.id, state.mark, state.totals) = (Some(id), done.mark, totals);
        state.parts += 1;
        Ok(())
    }

    /// The error of a part with refused rows.
    fn part_refused(&self, state: &State) -> Error {
        if state.mark.rows == 0 {
            return self.aborted();
        }
        let message = format!(
            "{} of the rows {} to {} were refused, and nothing of them was imported",
            self.tally.refused.len(),
            state.mark.rows + 1,
            self.tally.read
        );
        let error = Error::new(&codes::PART_REFUSED, message);
        self.tally.refused.iter().take(20).fold(error, |error, r| error.because_text(r.sentence()))
    }

    /// The answer, and the file of refused rows.
    async fn tell(&self, client: &mut Client, state: &State) -> Result<Value> {
        let most = i64::try_from(limits::IMPORT_ERRORS_SHOWN_MAX).unwrap_or(i64::MAX);
        let (mut shown, refused) = (Vec::new(), state.totals.refused);
        if let Some(id) = state.id.filter(|_| refused > 0) {
            shown = state.ledger.refused(client, id, (0, most)).await?;
        }
        if let (Some(name), Some(id)) = (self.ask.text("error_path"), state.id) {
            let mut file = files::NewFile::create(&self.engine.shared.export_dir, name).await?;
            let mut after = 0;
            loop {
                let rows = state.ledger.refused(client, id, (after, 10_000)).await?;
                let Some(last) = rows.last().and_then(|r| r["row"].as_i64()) else { break };
                after = last;
                for row in rows {
                    file.write(format!("{row}\n").as_bytes()).await?;
                }
            }
            file.finish().await?;
        }
        Ok(json!({
            "operation": "import", "read": state.mark.rows, "imported": state.totals.new, "updated": state.totals.updated,
            "skipped": state.totals.skipped, "refused": refused, "errors": shown,
            "errors_limited": refused > limits::IMPORT_ERRORS_SHOWN_MAX as u64, "ignored_columns": self.tally.ignored,
            "committed": true, "dry_run": false, "parts": state.parts, "resumed_at": state.resumed_at,
        }))
    }
}

/// The error of a file whose last line was imported and is another by now: to go on would leave its end out, to begin would store all
/// the others twice.
fn grown(record: &Record) -> Error {
    let message =
        format!("row {} of {} was imported, and its line is longer now", record.mark.rows, record.name);
    Error::new(&codes::LINE_GROWN, message)
        .next("change the row itself, and import what was added from a file of its own")
}

fn begun(record: &Record) -> Error {
    let message = format!(
        "an import of {} was begun at {} and did not end: its first {} rows are in the table",
        record.name, record.started_at, record.mark.rows
    );
    Error::new(&codes::IMPORT_BEGUN, message)
        .next("go on with it: \"unfinished\": \"resume\"; or begin anew: \"unfinished\": \"forget\"")
}

/// An error with what is in the table by then.
fn kept(error: Error, state: &State) -> Error {
    if state.mark.rows == 0 {
        return error;
    }
    error
        .because_text(format!(
            "the first {} rows of the file are in the table and stay there",
            state.mark.rows
        ))
        .next("mend what is wrong behind them, and go on: \"unfinished\": \"resume\"")
}
