//! The engine as a whole: over replicas in memory that fail, die and are edited at every step, and over real
//! folders.
//!
//! Start with `world.rs` and `story.rs` for the first, with `folders.rs` for the second. The numbers that a sweep
//! covers are printed (`--nocapture`), and so is the seed of everything that is drawn by chance.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up has failed; counts are results"
)]

mod alerts;
mod clashes;
mod desk;
#[cfg(unix)]
mod editors;
#[cfg(unix)]
mod fears;
#[cfg(unix)]
mod folders;
#[cfg(unix)]
mod hidden;
#[cfg(unix)]
mod near;
mod racing;
mod story;
mod sweep;
mod undo;
#[cfg(unix)]
mod unseen;
mod world;
