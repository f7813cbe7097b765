//! Copies that were interrupted and can go on.
//!
//! Owns what is told of them. How they are kept is each replica's own.

use std::time::Duration;

use sync_core::entry::Entry;
use sync_core::path::RelPath;

/// How long a partial copy is kept after somebody last worked on it.
pub const PARTIAL_KEPT: Duration = Duration::from_hours(7 * 24);

/// A copy that was interrupted, as [`crate::Replica::stage_resumable`] leaves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partial {
    /// Where the copy is wanted.
    pub at: RelPath,
    /// The version of the source that it is a copy of. Only the very same one is gone on with.
    pub source: Entry,
    /// Bytes from the start that are known to be durable.
    pub bytes: u64,
    /// When it was last worked on: UTC nanoseconds, by the side's clock.
    pub touched_ns: i64,
}
