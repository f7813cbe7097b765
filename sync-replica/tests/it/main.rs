//! The in-memory replica against the conformance suite, and against its own fault model.

mod faults;
mod fixture;
mod moments;
mod suite;
