//! The real program over real folders.

mod config;
mod logs;
mod machine;
mod schema;
mod screen;
mod sync;
mod world;
