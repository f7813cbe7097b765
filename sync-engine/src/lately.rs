//! What this session has taken from each side lately.
//!
//! Owns [`Lately`]. A live session sees the deletion of a tree in many small parts, none of which would trouble the guard;
//! so each of its plans is judged together with what was done just before it. Must not count what a person approved.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sync_core::guard::{Taken, takes};
use sync_core::plan::Action;
use sync_core::side::{Side, Sides};

/// How long something counts.
const WINDOW: Duration = Duration::from_mins(10);
/// What is closer together is counted together.
const STEP: Duration = Duration::from_secs(5);

/// Files that were deleted or overwritten in the last minutes.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<Steps>);

#[derive(Debug, Default)]
struct Steps {
    all: VecDeque<(Instant, Sides<Taken>)>,
    /// Nothing is forgotten until a person has looked.
    stay: bool,
}

impl Lately {
    /// An action was carried out.
    pub(crate) fn note(&self, action: &Action, now: Instant) {
        let taken = takes(action);
        if taken.both(|side| side.files == 0) {
            return;
        }
        let mut steps = self.lock();
        let steps = &mut steps.all;
        if steps.back().is_none_or(|(since, _)| now.duration_since(*since) > STEP) {
            steps.push_back((now, Sides::default()));
        }
        if let Some((_, sum)) = steps.back_mut() {
            for side in Side::BOTH {
                sum[side].files += taken[side].files;
                sum[side].gone += taken[side].gone;
            }
        }
    }

    /// What counts now.
    pub(crate) fn taken(&self, now: Instant) -> Sides<Taken> {
        let mut steps = self.lock();
        while !steps.stay && steps.all.front().is_some_and(|(since, _)| now.duration_since(*since) > WINDOW) {
            steps.all.pop_front();
        }
        Sides::from_fn(|side| Taken {
            files: steps.all.iter().map(|(_, sum)| sum[side].files).sum(),
            gone: steps.all.iter().map(|(_, sum)| sum[side].gone).sum(),
        })
    }

    /// A person has looked: nothing counts any more.
    pub(crate) fn forget(&self) {
        *self.lock() = Steps::default();
    }

    /// A guard has stopped something: what counts now counts until a person has looked.
    pub(crate) fn stay(&self) {
        self.lock().stay = true;
    }

    fn lock(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
