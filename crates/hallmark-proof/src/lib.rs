//! Proof at run time: which test reached which real service, and which one met a double.
//!
//! [`run()`] runs a project's tests with a relay before every service of the stack. The relays count what the servers answered, the
//! servers are asked about the connections, and a plugin in pytest says which test was running and what it noticed: doubles,
//! patches, skips. The [`Report`] joins the three. A test is proven on a real service if, while its body ran, a server that was then
//! verified answered a request that asked something of it. A client's word alone proves nothing.
//!
//! The plugin never changes a result, the relays never change a byte, and nothing is written into the project but the report.

mod channel;
mod events;
mod ledger;
pub mod limits;
mod meter;
mod owner;
pub mod plugin;
mod python;
pub mod record;
mod relay;
pub mod report;
mod run;
pub mod template;
mod witness;

pub use python::Python;
pub use record::Record;
pub use report::Report;
pub use run::{Request, refuse_elsewhere, run};

hallmark_core::codes! {
    /// Errors of running a project's tests.
    pub mod codes {
        NO_PYTHON = "HM-T001", "the interpreter of the tests does not start", Usage;
        NO_PYTEST = "HM-T002", "the interpreter of the tests has no pytest", Usage;
        NOT_STARTED = "HM-T003", "pytest could not be started", Usage;
        TEMPLATE = "HM-T004", "a variable for the tests cannot be filled", Usage;
        RELAY = "HM-T005", "no relay before a service could be opened", Internal;
        NOT_ON_THIS_SYSTEM = "HM-T006", "this system does not tell whose a connection is", Usage;
        NO_PROOF = "HM-T010", "a test reached no real service, or not it alone", Findings;
        USAGE = "HM-T011", "pytest refused its arguments or its configuration", Usage;
        BROKEN_OFF = "HM-T012", "the test run did not come to its end", Unreadable;
    }
}
