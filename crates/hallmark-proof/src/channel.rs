//! The socket on which the plugin talks.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallmark_core::{Error, Result};
use hallmark_services::platform::{LocalListener, LocalStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::codes;
use crate::events::{Event, Phase};
use crate::ledger::Ledger;
use crate::limits::{CHUNK_BYTES, DRAIN_TIMEOUT, MESSAGE_BYTES_MAX};
use crate::witness::Witness;

/// Listens for the processes of the test run; ends when it is dropped.
pub(crate) struct Channel {
    open: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Channel {
    /// Listens at this path.
    ///
    /// # Errors
    /// `HM-T005` if it cannot.
    pub(crate) fn listen(path: &Path, ledger: Arc<Ledger>, witness: Arc<Witness>) -> Result<Self> {
        let listener = LocalListener::bind(path).map_err(|e| {
            Error::new(&codes::RELAY, format!("no socket could be made at {}", path.display())).because(&e)
        })?;
        let open = Arc::new(AtomicUsize::new(0));
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Arc::clone(&open), ledger, witness));
        Ok(Self { open, _task: task })
    }

    /// Waits until every process has said its last word, or a while.
    pub(crate) async fn drain(&self) {
        let ended = async {
            while self.open.load(Ordering::Acquire) > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, ended).await;
    }
}

async fn accept(listener: LocalListener, open: Arc<AtomicUsize>, ledger: Arc<Ledger>, witness: Arc<Witness>) {
    let mut processes = JoinSet::new();
    loop {
        while processes.try_join_next().is_some() {}
        let Ok(stream) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        open.fetch_add(1, Ordering::AcqRel);
        let (open, ledger, witness) = (Arc::clone(&open), Arc::clone(&ledger), Arc::clone(&witness));
        processes.spawn(async move {
            let _ = converse(stream, &ledger, &witness).await;
            open.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

/// Hears one process to its end.
async fn converse(mut stream: LocalStream, ledger: &Ledger, witness: &Witness) -> std::io::Result<()> {
    let mut pid = 0;
    let mut pending: Vec<u8> = Vec::new();
    let mut buffer = vec![0_u8; CHUNK_BYTES];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..count];
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            pending.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            if hear(&mut pid, &pending, ledger, witness).await {
                stream.write_all(b"\n").await?;
            }
            pending.clear();
        }
        if pending.len() + rest.len() > MESSAGE_BYTES_MAX {
            return Ok(());
        }
        pending.extend_from_slice(rest);
    }
}

/// Takes in one message; whether it waits for an answer. What is not understood is left out, and answered in case it waits.
async fn hear(pid: &mut u32, line: &[u8], ledger: &Ledger, witness: &Witness) -> bool {
    let Ok(event) = serde_json::from_slice::<Event>(line) else { return true };
    let asks = matches!(event, Event::Phase { .. });
    if matches!(event, Event::Phase { was: Phase::Call, .. }) {
        let active = ledger.lock().active(*pid);
        if let Some((test, numbers)) = active {
            witness.confirm(ledger, &numbers, Some(test)).await;
        }
    }
    ledger.lock().hear(pid, event);
    asks
}
