//! The state as its users meet it.
#![allow(clippy::unwrap_used, reason = "makers and checks that tests share may fail like tests")]

mod baseline;
mod damage;
#[cfg(target_os = "linux")]
mod full;
mod outbox;
mod processes;
mod records;
mod rekey;
mod support;
mod version_1;
