//! Tests against real services, which `hallmark up` starts and `hallmark env` names.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backup;
mod bench;
mod clients;
mod containers;
mod controls;
mod doctor;
mod health;
mod lanes;
mod planted;
mod probes;
mod replicas;
mod resilience;
mod soak;
mod stack;
mod support;
mod survive;
mod telling;
mod tuning;
mod verify;
