//! The monitors as somebody sees them who watches: those of the supervisor, or, without one, monitors of one's own.

use hallmark_core::Result;

use super::Stack;
use super::supervisor::Monitors;
use crate::monitor::Snapshot;

/// A view of the monitors.
pub struct Watched {
    stack: Stack,
    /// Monitors of one's own, as long as no supervisor answers.
    own: Option<Monitors>,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("own", &self.own.is_some()).finish_non_exhaustive()
    }
}

impl Stack {
    /// Watches the services. If the supervisor died while its servers live, a new one adopts them first; where there is
    /// none, because others run everything, the same monitors run here, as long as the value lives.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken.
    pub async fn watch(&self) -> Result<Watched> {
        self.adopt().await?;
        Ok(Watched { stack: self.clone(), own: None })
    }
}

impl Watched {
    /// What the monitors know at this moment.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken.
    pub async fn look(&mut self) -> Result<Vec<Snapshot>> {
        if let Some(all) = self.stack.health().await? {
            self.own = None;
            return Ok(all);
        }
        let own = self.own.get_or_insert_with(|| Monitors::begin(&self.stack, None));
        Ok(own.bulletin.snapshots())
    }

    /// Whether the monitors run here, because no supervisor does.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }
}
