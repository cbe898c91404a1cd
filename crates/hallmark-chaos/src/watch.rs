//! What the supervisor's monitors say, asked again and again for everybody at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_services::ServiceKind;
use hallmark_services::monitor::Snapshot;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::stage::Stage;

/// The pause between two questions: what is noticed is known to this much.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// When it was asked for.
    pub(crate) asked: Instant,
    /// When it was there.
    pub(crate) at: Instant,
    all: Arc<Vec<Snapshot>>,
}

impl Sight {
    /// The monitor's word on a service.
    pub(crate) fn of(&self, service: ServiceKind) -> Option<&Snapshot> {
        self.all.iter().find(|snapshot| snapshot.service == service)
    }
}

/// The questions go on as long as the value lives.
pub(crate) struct Watch {
    sights: watch::Receiver<Sight>,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Clone for Watch {
    fn clone(&self) -> Self {
        Self { sights: self.sights.clone(), _task: Arc::clone(&self._task) }
    }
}

impl Watch {
    /// Begins to ask.
    pub(crate) fn begin(stage: &Arc<Stage>) -> Self {
        let now = Instant::now();
        let (sender, sights) = watch::channel(Sight { asked: now, at: now, all: Arc::default() });
        let stage = Arc::clone(stage);
        let task = tokio::spawn(async move {
            loop {
                let asked = Instant::now();
                if let Some(all) = stage.health().await {
                    sender.send_replace(Sight { asked, at: Instant::now(), all: Arc::new(all) });
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { sights, _task: Arc::new(AbortOnDropHandle::new(task)) }
    }

    /// Waits until an answer that was asked for after this moment fits; `None` if the time is over.
    pub(crate) async fn until(
        &mut self,
        service: ServiceKind,
        after: Instant,
        patience: Duration,
        fits: impl Fn(&Snapshot) -> bool,
    ) -> Option<(Instant, Snapshot)> {
        let wanted = |sight: &Sight| sight.asked > after && sight.of(service).is_some_and(&fits);
        let found = tokio::time::timeout(patience, self.sights.wait_for(wanted)).await.ok()?.ok()?;
        found.of(service).map(|snapshot| (found.at, snapshot.clone()))
    }

    /// The monitor's last word on a service.
    pub(crate) fn last(&self, service: ServiceKind) -> Option<Snapshot> {
        self.sights.borrow().of(service).cloned()
    }
}
