//! How a face follows a session and stops it.
//!
//! Owns the [`Watch`] trait, with a silent default, and the adapter that hands it to a replica.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use sync_replica::Control;

use crate::throttle::{Lane, Throttle};

/// What a session is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Phase {
    /// Scanning both replicas. Counts entries.
    Scan,
    /// Reading contents that metadata could not tell apart. Counts files and bytes.
    Digest,
    /// Making transitions. Counts actions and bytes.
    Act,
}

/// Follows a session. Every method is cheap, may be called from several threads, and does nothing by default.
pub trait Watch: Sync {
    /// A phase begins, with as many things and bytes to do as are known.
    fn begin(&self, phase: Phase, count: Option<u64>, bytes: Option<u64>) {
        let _ = (phase, count, bytes);
    }

    /// So much more of the current phase is done.
    fn advance(&self, count: u64, bytes: u64) {
        let _ = (count, bytes);
    }

    /// Whether the session should end at its next safe point. Whoever is at work, or waits, asks several times a second,
    /// so that a face may take it for a sign of life.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {}

/// A request to stop that can be shared between threads.
#[derive(Debug, Default)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// Asks the session to end at its next safe point.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A [`Watch`] as a replica sees it.
pub(crate) struct Watched<'a> {
    pub(crate) watch: &'a dyn Watch,
    pub(crate) throttle: Option<(&'a Throttle, Lane)>,
}

impl Control for Watched<'_> {
    fn is_cancelled(&self) -> bool {
        self.watch.is_cancelled()
    }

    fn bytes_done(&self, bytes: u64) {
        self.watch.advance(0, bytes);
        if let Some((throttle, lane)) = self.throttle {
            throttle.take(lane, bytes, || self.watch.is_cancelled());
        }
    }

    fn entries_seen(&self, entries: u64) {
        self.watch.advance(entries, 0);
    }
}
