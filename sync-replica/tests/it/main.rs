//! The in-memory replica against the conformance suite, and against its own fault model.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]
#![allow(clippy::print_stdout, reason = "what did not apply is shown, not only counted")]

mod broken;
mod faults;
mod fixture;
mod moments;
mod resuming;
mod scenario;
mod suite;
