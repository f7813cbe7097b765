//! The real program over real folders.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stdout, reason = "what was typed and seen is shown on request")]
#![allow(clippy::case_sensitive_file_extension_comparisons, reason = "the tests know their own names")]

#[cfg(unix)]
mod alerts;
mod check;
mod config;
mod conflicts;
#[cfg(unix)]
mod control;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(unix)]
mod lanes;
#[cfg(target_os = "linux")]
mod leftovers;
#[cfg(unix)]
mod live;
#[cfg(target_os = "linux")]
mod live_faults;
mod logs;
mod machine;
mod morning;
#[cfg(unix)]
mod moves;
mod plan_file;
mod records;
#[cfg(unix)]
mod reference;
#[cfg(unix)]
mod reload;
mod resync;
#[cfg(unix)]
mod running;
mod schema;
mod screen;
#[cfg(unix)]
mod service;
mod sync;
mod undo;
mod world;
