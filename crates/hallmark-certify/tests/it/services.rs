//! The stack that integration tests run on.

use hallmark_services::{Endpoints, Handles, ServiceKind};

/// The running services; says what to do if one is missing.
pub(crate) fn stack() -> (Endpoints, Handles) {
    let endpoints = Endpoints::from_env().unwrap();
    for kind in ServiceKind::ALL {
        assert!(endpoints.has(kind), "set {}: run `hallmark up` and `eval $(hallmark env)`", kind.variable());
    }
    let handles = Handles::connect(&endpoints).unwrap();
    (endpoints, handles)
}
