//! The two lanes.
//!
//! Owns the batching of small files and the lane for large ones. A batch is staged by several threads, made durable
//! as a whole, and only then put in place: so no name ever stands for data that a power cut can take back, at the
//! price of one flush for many files. While one batch is flushed the next one is staged already.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use sync_core::plan::{Action, Transition};
use sync_core::side::Side;

use super::perform::{Job, Ready};
use super::{Executor, Failure};

/// A batch is full with this many files or this many bytes.
const BATCH_FILES: usize = 4096;
const BATCH_BYTES: u64 = 256 << 20;

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

impl<'a> Executor<'a> {
    /// Everything below the size for the slow lane, in the plan's order, over several threads.
    pub(super) fn small_lane(&self, actions: &[&'a Action]) {
        if actions.is_empty() {
            return;
        }
        let next = AtomicUsize::new(0);
        let (send, receive) = bounded::<Waiting<'a>>(BATCH_FILES);
        let threads = self.threads.min(actions.len());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let send = send.clone();
                let next = &next;
                scope.spawn(move || self.stage_from(actions, next, &send));
            }
            drop(send);
            self.install_from(&receive);
        });
    }

    fn stage_from(&self, actions: &[&'a Action], next: &AtomicUsize, send: &Sender<Waiting<'a>>) {
        while let Some(action) = actions.get(next.fetch_add(1, Ordering::Relaxed)) {
            if self.stops() {
                return;
            }
            let Some(transition) = sole_copy(action).filter(|_| !self.is_barred(action)) else {
                self.one(action);
                continue;
            };
            let mut job = Job::new(action);
            match self.stage(&job, transition) {
                Ok(ready) => {
                    // The receiver is gone only when it panicked, which surfaces by itself.
                    let _ = send.send(Waiting { job, transition, ready });
                }
                Err(failure) => {
                    Self::failed(&mut job, transition, failure);
                    self.report(action, job.outcome);
                }
            }
        }
    }

    fn install_from(&self, receive: &Receiver<Waiting<'a>>) {
        loop {
            let mut batch = Vec::new();
            let mut bytes = 0;
            while let Ok(waiting) = receive.recv() {
                bytes += waiting.transition.bytes();
                batch.push(waiting);
                if batch.len() >= BATCH_FILES || bytes >= BATCH_BYTES {
                    break;
                }
            }
            if batch.is_empty() {
                return;
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
            self.report(job.action, job.outcome);
        }
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
