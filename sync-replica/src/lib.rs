//! What "a side" is.
//!
//! Owns the [`Replica`] trait with everything that crosses it: [`Problem`], [`Source`], [`Staged`], [`Partial`],
//! [`Expect`], [`Marker`], [`Filter`], [`Control`]; the in-memory replica that injects faults and loses unsynced writes;
//! and the conformance suite that every replica passes. Must never know a concrete file system or protocol.
//!
//! Start with [`Replica`].
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod control;
mod filter;
mod marker;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod partial;
mod problem;
mod replica;
mod source;
mod watching;

pub use control::{Control, Uncontrolled};
pub use filter::{Filter, ShowAll};
pub use marker::Marker;
pub use partial::{PARTIAL_KEPT, Partial};
pub use problem::{Operation, Problem, ProblemKind};
pub use replica::{
    Contents, Displaced, Expect, InTrash, Installed, Recovered, Replica, ScanRequest, Staged, TrashStamp,
    Trashed,
};
pub use source::{Properties, Source, Xattrs};
pub use watching::{LeftOut, News, Tell, Watching};
