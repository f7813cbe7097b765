//! The numbers of the runs that are under way in this session.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync_state::{RunId, State, StateError};

use super::Records;

/// A session that never rests is believed in the end.
const MOST_ROUNDS: u32 = 20;

/// Who acts in a session right now. A run is entered as it gets its number, and leaves when it is closed.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<BTreeSet<u64>>);

impl Running {
    /// A run begins; it is under way until what is returned is dropped.
    pub(crate) fn begin(
        &self,
        begin: impl FnOnce() -> Result<RunId, StateError>,
    ) -> Result<Entered<'_>, StateError> {
        // Held until the number is noted: whoever sees the run in the state finds it here.
        let mut runs = self.runs();
        let number = begin()?;
        runs.insert(number.0);
        Ok(Entered { all: self, number })
    }

    /// Asks the records of a session that may be in the middle of something.
    pub(crate) fn ask<T>(
        &self,
        state: &State,
        mut question: impl FnMut(Records<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let mut rounds = 0;
        loop {
            rounds += 1;
            let before: Vec<u64> = self.runs().iter().copied().collect();
            let answer = question(Records::while_running(state, &before))?;
            // A run that began or ended meanwhile may have been taken for one that was cut short.
            if rounds == MOST_ROUNDS || self.runs().iter().eq(&before) {
                return Ok(answer);
            }
        }
    }

    fn runs(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is under way.
pub(crate) struct Entered<'a> {
    all: &'a Running,
    pub(crate) number: RunId,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.all.runs().remove(&self.number.0);
    }
}
