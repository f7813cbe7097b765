//! The local replica: a real folder as a side of a pair.
//!
//! Owns everything that touches a real disk on behalf of a replica: the root's identity, the probe of what the
//! side can do, the scan and its filters, digests, staged and partial copies, the replacement of one version by
//! another, the trash, and the cleaning up after a run that was killed. Must never follow a link out of its root, and
//! never decide what should be done: it does what it is told, on the version it is told, or refuses.
//!
//! Start with [`LocalReplica`], then `install.rs` for the heart of it. Inside each root Bothways keeps one
//! directory, `.bothways`; `layout.rs` says what is in it.
#![deny(unsafe_code)]

mod clock;
mod displace;
mod durable;
mod folders;
mod identity;
mod ignore_rules;
mod install;
mod intent;
mod layout;
mod local;
mod lock;
mod partial;
mod place;
mod probe;
mod properties;
mod read;
mod recover;
#[cfg(all(test, target_os = "linux"))]
mod recover_tests;
mod rename;
mod restore;
mod scan;
mod stage;
mod stamp;
mod stored;
mod sys;
#[cfg(test)]
mod testing;
mod trash;
mod watch;

pub use clock::ClockReading;
pub use ignore_rules::{IgnoreError, IgnoreRules, IgnoreSpec};
pub use layout::OWN;
pub use local::{Access, LocalOptions, LocalReplica};

/// Gives memory that is free back to the system, where the allocator would keep it. For who runs for long; costs some
/// milliseconds.
pub fn trim_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    sys::trim_memory();
}
