//! How long work can be watched and stopped from outside.

/// Watches over long work. Every method is cheap and may be called from several threads.
pub trait Control: Sync {
    /// Whether the work should end at its next safe point, with [`crate::ProblemKind::Cancelled`].
    fn is_cancelled(&self) -> bool {
        false
    }

    /// `bytes` more have been read, written or hashed. May block to hold a bandwidth limit.
    fn bytes_done(&self, bytes: u64) {
        let _ = bytes;
    }

    /// `entries` more have been scanned.
    fn entries_seen(&self, entries: u64) {
        let _ = entries;
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uncontrolled;

impl Control for Uncontrolled {}
