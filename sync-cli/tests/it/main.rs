//! The real program over real folders.
#![allow(clippy::unwrap_used)]

#[cfg(unix)]
mod alerts;
mod check;
mod config;
mod conflicts;
#[cfg(unix)]
mod live;
mod logs;
mod machine;
mod morning;
mod plan_file;
mod records;
#[cfg(unix)]
mod reference;
mod resync;
mod schema;
mod screen;
mod sync;
mod undo;
mod world;
