//! The calls that are under way on a session.
//!
//! Owns how they are stopped from another thread, and what a forked process may still do with the session: everything,
//! if no call was under way when it was made, and nothing otherwise, because those who would have ended the calls and
//! given back their locks exist in the parent alone.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::follow::Follow;

/// Calls under way.
pub(crate) struct Current {
    calls: Mutex<Vec<One>>,
    /// Held by each call, and by each thread that works for one.
    under_way: Arc<()>,
    /// The process they belong to.
    process: AtomicU32,
}

struct One {
    follow: Arc<Follow>,
    is_run: bool,
}

/// Held while something works for a call.
pub(crate) type Token = Arc<()>;

/// The process was forked in the middle of a call.
pub(crate) struct Forked;

impl Current {
    pub(crate) fn new() -> Self {
        let process = AtomicU32::new(std::process::id());
        Self { calls: Mutex::default(), under_way: Arc::default(), process }
    }

    /// Takes the session over into this process, if it is a forked one.
    ///
    /// # Errors
    /// When that cannot be.
    pub(crate) fn here(&self) -> Result<(), Forked> {
        let process = std::process::id();
        if self.process.load(Ordering::SeqCst) == process {
            return Ok(());
        }
        if Arc::strong_count(&self.under_way) > 1 {
            return Err(Forked);
        }
        self.process.store(process, Ordering::SeqCst);
        Ok(())
    }

    /// A call begins; it ends when what is returned is dropped.
    pub(crate) fn begin(&self, is_run: bool) -> Call<'_> {
        let token = Arc::clone(&self.under_way);
        let follow = Arc::<Follow>::default();
        self.calls().push(One { follow: Arc::clone(&follow), is_run });
        Call { current: self, follow, token }
    }

    /// Stops what is being done; or, of that, only what runs.
    pub(crate) fn stop(&self, only_runs: bool) {
        if self.here().is_ok() {
            self.calls().iter().filter(|one| one.is_run || !only_runs).for_each(|one| one.follow.stop());
        }
    }

    fn calls(&self) -> MutexGuard<'_, Vec<One>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way.
pub(crate) struct Call<'a> {
    current: &'a Current,
    pub(crate) follow: Arc<Follow>,
    pub(crate) token: Token,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.current.calls().retain(|one| !Arc::ptr_eq(&one.follow, &self.follow));
    }
}
