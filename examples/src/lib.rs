//! Programs that embed Bothways: `embed_engine` runs whole sessions over real folders, `core_only` asks the pure core
//! what it would do. Run one with `cargo run -p bothways-examples --example embed_engine`.
