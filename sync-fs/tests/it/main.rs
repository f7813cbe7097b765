//! The local replica against real folders.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

#[cfg(target_os = "linux")]
mod basics;
#[cfg(target_os = "linux")]
mod conform;
#[cfg(target_os = "linux")]
mod disks;
#[cfg(target_os = "linux")]
mod fixture;
#[cfg(target_os = "linux")]
mod folding;
#[cfg(target_os = "linux")]
mod races;
#[cfg(target_os = "linux")]
mod watching;
#[cfg(target_os = "linux")]
mod writers;
