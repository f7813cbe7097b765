//! The local replica against real folders.

#[cfg(target_os = "linux")]
mod basics;
