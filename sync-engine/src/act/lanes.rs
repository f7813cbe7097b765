//! The two lanes.
//!
//! Owns the windows of small files and the lane for large ones. Staged copies are made durable many at a time, and
//! only then put in place: so no name ever stands for data that a power cut can take back, at the price of one
//! flush for many files. While one batch is flushed the next one is staged already.
//!
//! The plan's order is by size. Within a window of little total size the order is by directory instead, because a
//! disk and a server answer much faster for neighbours; nothing waits for more than a window's worth of bytes.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use sync_core::plan::{Action, Transition};
use sync_core::side::Side;

use super::perform::{Job, Ready};
use super::{Executor, Failure, Outcome};

/// How many bytes of small files may change their order among each other.
const WINDOW_BYTES: u64 = 64 << 20;
/// How many actions a thread takes, and hands on, at a time.
const CHUNK: usize = 64;
/// A batch is put in place once it is this large, or its first copy has waited this long.
const BATCH_FILES: usize = 8192;
const BATCH_BYTES: u64 = 128 << 20;
const BATCH_AGE: Duration = Duration::from_secs(2);

/// A copy on its way from staging to its place.
struct Waiting<'a> {
    job: Job<'a>,
    transition: &'a Transition,
    ready: Ready,
}

/// The one transition of an action that is nothing but one copy.
fn sole_copy(action: &Action) -> Option<&Transition> {
    match &*action.transitions {
        [one @ Transition::Copy { .. }] => Some(one),
        _ => None,
    }
}

/// The actions in windows, each ordered by directory.
fn windows<'a>(actions: &[&'a Action]) -> Vec<&'a Action> {
    let mut ordered = actions.to_vec();
    let mut start = 0;
    while start < ordered.len() {
        let mut bytes = 0_u64;
        let mut fits = |action: &&Action| {
            bytes = bytes.saturating_add(action.bytes());
            bytes <= WINDOW_BYTES
        };
        let len = ordered[start..].iter().take_while(|action| fits(action)).count().max(1);
        ordered[start..start + len].sort_unstable_by(|a, b| a.path.cmp(&b.path));
        start += len;
    }
    ordered
}

impl<'a> Executor<'a> {
    /// Everything below the size for the slow lane, over several threads.
    pub(super) fn small_lane(&self, actions: &[&'a Action]) {
        if actions.is_empty() {
            return;
        }
        let actions = windows(actions);
        let next = AtomicUsize::new(0);
        // Little work is spread over all threads all the same.
        let chunk = actions.len().div_ceil(self.threads).clamp(1, CHUNK);
        let take = || {
            let start = next.fetch_add(chunk, Ordering::Relaxed);
            (start < actions.len()).then(|| start..(start + chunk).min(actions.len()))
        };
        let (send, receive) = bounded::<Vec<Waiting<'a>>>(BATCH_FILES / CHUNK);
        std::thread::scope(|scope| {
            for _ in 0..self.threads.min(actions.len()) {
                let (send, actions, take) = (send.clone(), &actions, &take);
                scope.spawn(move || self.stage_from(actions, take, &send));
            }
            drop(send);
            self.install_from(&receive);
        });
    }

    fn stage_from(
        &self,
        actions: &[&'a Action],
        take: &impl Fn() -> Option<Range<usize>>,
        send: &Sender<Vec<Waiting<'a>>>,
    ) {
        while let Some(range) = take() {
            let mut staged = Vec::with_capacity(range.len());
            let mut failed = Vec::new();
            for action in &actions[range] {
                if self.stops() {
                    break;
                }
                let Some(transition) = sole_copy(action).filter(|_| !self.is_barred(action)) else {
                    self.one(action);
                    continue;
                };
                let mut job = Job::new(action);
                match self.stage(&job, transition) {
                    Ok(ready) => staged.push(Waiting { job, transition, ready }),
                    Err(failure) => {
                        Self::failed(&mut job, transition, failure);
                        failed.push((*action, job.outcome));
                    }
                }
            }
            self.report_all(failed);
            // The receiver is gone only when it panicked, which surfaces by itself.
            let _ = send.send(staged);
            if self.stops() {
                return;
            }
        }
    }

    fn install_from(&self, receive: &Receiver<Vec<Waiting<'a>>>) {
        let mut open = true;
        while open {
            let mut batch = Vec::new();
            let mut bytes = 0;
            let mut until = None;
            while batch.len() < BATCH_FILES && bytes < BATCH_BYTES {
                let received = match until {
                    None => receive.recv().map_err(|_| RecvTimeoutError::Disconnected),
                    Some(until) => receive.recv_deadline(until),
                };
                match received {
                    Ok(mut chunk) => {
                        until.get_or_insert_with(|| Instant::now() + BATCH_AGE);
                        bytes += chunk.iter().map(|one| one.transition.bytes()).sum::<u64>();
                        batch.append(&mut chunk);
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => {
                        open = false;
                        break;
                    }
                }
            }
            self.finish(batch);
        }
    }

    /// Makes a batch durable and puts it in place.
    fn finish(&self, batch: Vec<Waiting<'a>>) {
        let mut refused = None;
        for side in Side::BOTH {
            let staged: Vec<_> =
                batch.iter().filter(|one| one.ready.to == side).map(|one| &one.ready.staged).collect();
            if staged.is_empty() {
                continue;
            }
            if let Err(problem) = self.replicas[side].settle(&staged) {
                refused = Some((side, problem.kind, problem.explain()));
            }
        }
        let mut outcomes: Vec<(&'a Action, Outcome)> = Vec::with_capacity(batch.len());
        for Waiting { mut job, transition, ready } in batch {
            let result = match &refused {
                Some((side, kind, why)) if *side == ready.to => {
                    self.replicas[*side].discard(ready.staged);
                    let operation = sync_replica::Operation::Flush;
                    let problem =
                        sync_replica::Problem::new(operation, transition.path(), *kind, why.clone());
                    Err(Failure { side: *side, problem })
                }
                _ => self.install(&mut job, transition, ready),
            };
            match result {
                Ok(()) => self.conclude(&mut job),
                Err(failure) => Self::failed(&mut job, transition, failure),
            }
            outcomes.push((job.action, job.outcome));
        }
        self.report_all(outcomes);
    }

    /// Large files one after the other, beside everything else.
    pub(super) fn large_lane(&self, actions: &[&'a Action]) {
        for action in actions {
            if self.stops() {
                return;
            }
            self.one(action);
        }
    }
}
