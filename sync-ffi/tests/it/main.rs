//! The interface as C sees it: the header, the numbers, and programs in C under two checkers.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod header;
mod numbers;
mod programs;
mod toolchain;
