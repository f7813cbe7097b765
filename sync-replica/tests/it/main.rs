//! The in-memory replica against the conformance suite, and against its own fault model.

mod broken;
mod faults;
mod fixture;
mod moments;
mod scenario;
mod suite;
