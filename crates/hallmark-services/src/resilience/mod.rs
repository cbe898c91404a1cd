//! What stands between a caller and a service that may fail: circuit breakers, bulkheads, time limits, repeats, fallbacks.
//!
//! Every read made here gives an [`Answer`]: a value with its [`Source`]. What a fallback gave says so and says how old it may be, and
//! can never become a [`Proof`]. Writes go to the service or fail. [`crate::Handles`] know none of this: whoever measures
//! holds handles, and is answered by the service itself or not at all.
//!
//! The state machines ([`Breaker`], [`RetryPolicy`], [`Shelf`]) are told the time and do no I/O.

pub mod answer;
pub mod breaker;
pub mod bulkhead;
pub mod config;
mod guarded;
pub mod ledger;
pub mod line;
pub mod report;
pub mod retry;
pub mod shelf;
pub mod tally;
mod ticker;

pub use answer::{Answer, Proof, Source, Stand};
pub use breaker::{Admission, Breaker, BreakerPolicy, BreakerState};
pub use bulkhead::Bulkhead;
pub use config::{FallbacksConfig, Policy, ServiceFallback};
pub use guarded::Guarded;
pub use ledger::Ledger;
pub use line::Line;
pub use report::{Report, Standing, sentences, standing};
pub use retry::{Repeat, RetryPolicy, is_outage, is_passing};
pub use shelf::Shelf;
pub use tally::{Count, Tally};
