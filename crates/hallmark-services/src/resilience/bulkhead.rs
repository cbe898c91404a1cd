//! The bulkhead: a bounded number of requests at a time to one service, and a bounded wait for a place.

use std::time::Duration;

use hallmark_core::{Error, Result};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{ServiceKind, codes};

/// Places for requests that are under way.
#[derive(Debug)]
pub struct Bulkhead {
    service: ServiceKind,
    places: Semaphore,
    count: usize,
    wait: Duration,
}

impl Bulkhead {
    /// A bulkhead with this many places, for each of which a request waits at most this long.
    #[must_use]
    pub fn new(service: ServiceKind, count: usize, wait: Duration) -> Self {
        Self { service, places: Semaphore::new(count), count, wait }
    }

    /// A place, given back when the value is dropped.
    ///
    /// # Errors
    /// `HM-S033` if none becomes free in time.
    pub async fn enter(&self) -> Result<SemaphorePermit<'_>> {
        // A free place needs no clock.
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        match tokio::time::timeout(self.wait, self.places.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Error::new(
                &codes::BULKHEAD_FULL,
                format!(
                    "{} requests to {} are under way, and none ended within {} ms",
                    self.count,
                    self.service.title(),
                    self.wait.as_millis()
                ),
            )
            .next("try again later, or raise `concurrency` in [fallbacks] of hallmark.toml")),
        }
    }

    /// Requests that are under way.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.count - self.places.available_permits().min(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_one_refuses_with_its_code_and_a_place_that_is_given_back_is_taken() {
        let bulkhead = Bulkhead::new(ServiceKind::Redis, 2, Duration::from_millis(5));
        let first = bulkhead.enter().await.unwrap();
        let _second = bulkhead.enter().await.unwrap();
        let error = bulkhead.enter().await.unwrap_err();
        assert!(error.is(&codes::BULKHEAD_FULL), "{error:?}");
        assert!(error.next_step().is_some());
        drop(first);
        let _third = bulkhead.enter().await.unwrap();
        assert_eq!(bulkhead.taken(), 2);
    }
}
