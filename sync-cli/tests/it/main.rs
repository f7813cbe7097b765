//! The real program over real folders.
#![allow(clippy::unwrap_used)]

mod config;
mod logs;
mod machine;
mod schema;
mod screen;
mod sync;
mod world;
