//! Sessions: observe, decide, act, remember.

pub mod config;
