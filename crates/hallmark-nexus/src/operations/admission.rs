//! How much may be under way at once: in the process, and for one principal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hallmark_core::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{codes, limits};

pub(super) struct Admission {
    all: Arc<Semaphore>,
    principals: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// Held while an operation is under way.
pub(super) struct Permits {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl Default for Admission {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(limits::OPERATIONS_MAX)), principals: Mutex::default() }
    }
}

impl Admission {
    /// Admits one operation, or refuses it at once: who waits in a queue here would wait behind the same callers.
    pub(super) fn enter(&self, principal: &str) -> Result<Permits> {
        let busy = || {
            Error::new(
                &codes::BUSY,
                format!("{} operations are under way, which is the most", limits::OPERATIONS_MAX),
            )
            .next("try again in a second")
        };
        let own = self.own(principal).ok_or_else(busy)?.try_acquire_owned().map_err(|_| {
            let most = limits::OPERATIONS_PER_PRINCIPAL_MAX;
            Error::new(
                &codes::TOO_MANY,
                format!("{principal} has {most} operations under way, which is the most"),
            )
            .next("wait for one of them to end")
        })?;
        let all = self.all.clone().try_acquire_owned().map_err(|_| busy())?;
        Ok(Permits { _all: all, _own: own })
    }

    fn own(&self, principal: &str) -> Option<Arc<Semaphore>> {
        let mut principals = self.principals.lock().unwrap_or_else(PoisonError::into_inner);
        if !principals.contains_key(principal) && principals.len() >= limits::PRINCIPALS_MAX {
            principals.retain(|_, own| own.available_permits() < limits::OPERATIONS_PER_PRINCIPAL_MAX);
            if principals.len() >= limits::PRINCIPALS_MAX {
                return None;
            }
        }
        let fresh = || Arc::new(Semaphore::new(limits::OPERATIONS_PER_PRINCIPAL_MAX));
        Some(principals.entry(principal.to_owned()).or_insert_with(fresh).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_principal_does_not_crowd_out_another() {
        let admission = Admission::default();
        let held: Vec<Permits> =
            (0..limits::OPERATIONS_PER_PRINCIPAL_MAX).map(|_| admission.enter("a").unwrap()).collect();
        assert!(admission.enter("a").map(drop).unwrap_err().is(&codes::TOO_MANY));
        assert!(admission.enter("b").is_ok());
        drop(held);
        assert!(admission.enter("a").is_ok());
    }

    #[test]
    fn the_whole_has_a_bound() {
        let admission = Admission::default();
        let held: Vec<Permits> =
            (0..limits::OPERATIONS_MAX).map(|n| admission.enter(&format!("p{}", n % 10)).unwrap()).collect();
        assert!(admission.enter("another").map(drop).unwrap_err().is(&codes::BUSY));
        drop(held);
    }
}
