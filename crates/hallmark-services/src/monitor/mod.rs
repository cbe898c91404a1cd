//! How each service is, at every moment: one monitor per service checks it four times a second, judges with
//! hysteresis, and tells whoever wants to know: the history on disk, alerts, metrics, traces.
//!
//! A monitor never waits for those it tells, and holds no lock while it waits for a service.

pub mod alerts;
mod bulletin;
pub(crate) mod endpoint;
pub mod histogram;
pub(crate) mod history;
pub mod limits;
pub mod machine;
pub(crate) mod metrics;
pub(crate) mod pulse;
pub(crate) mod sight;
mod task;
pub(crate) mod traces;

pub(crate) use bulletin::{Bulletin, News};
pub use bulletin::{Counts, Snapshot};
pub use histogram::Histogram;
pub use history::Entry;
pub use machine::{Beat, Change, Fault, Finding, Health, Machine};
pub use sight::age_ms;
/// A dashboard of Grafana for the metrics, ready to be imported.
pub const DASHBOARD: &str = include_str!("../../assets/grafana.json");

pub(crate) use task::{Complaint, Monitor, Subject};
