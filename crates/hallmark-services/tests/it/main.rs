//! Tests against real services, which `hallmark up` starts and `hallmark env` names.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backup;
mod clients;
mod containers;
mod controls;
mod doctor;
mod health;
mod planted;
mod probes;
mod stack;
mod support;
mod telling;
mod tuning;
mod verify;
