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
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use sync_core::plan::{Action, Transition};
use sync_core::side::Side;
use sync_replica::{Operation, Problem, ProblemKind};

use super::perform::{Job, Ready};
use super::{Executor, Failure, Outcome};

/// How many bytes of small files may change their order among each other.
const WINDOW_BYTES: u64 = 64 << 20;
/// How many actions a thread takes, and hands on, at a time.
const CHUNK: usize = 64;
/// A batch is put in place once it is this large, or its first copy has waited this long.
const BATCH_FILES: usize = 16_384;
const BATCH_BYTES: u64 = 128 << 20;
const BATCH_AGE: Duration = Duration::from_secs(2);

/// A copy on its way from staging to its place.
struct Waiting<'a> {
    job: Job<'a>,
    transition: &'a Transition,
    ready: Ready,
}

/// Closed until it is opened once.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn wait(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(open, |open| !*open).unwrap_or_else(PoisonError::into_inner));
    }

    /// Opens when what this returns is dropped.
    fn opened_at_the_end(&self) -> impl Drop {
        struct Opens<'g>(&'g Gate);
        impl Drop for Opens<'_> {
            fn drop(&mut self) {
                *self.0.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
                self.0.opened.notify_all();
            }
        }
        Opens(self)
    }
}

/// What the threads of the small lane share.
struct Work<'a> {
    actions: Vec<&'a Action>,
    /// How many are taken at a time.
    chunk: usize,
    next: AtomicUsize,
    /// How many threads there are.
    crew: AtomicUsize,
    prepared: Gate,
}

impl Work<'_> {
    /// The next actions for who asks.
    fn take(&self) -> Option<Range<usize>> {
        let start = self.next.fetch_add(self.chunk, Ordering::Relaxed);
        (start < self.actions.len()).then(|| start..(start + self.chunk).min(self.actions.len()))
    }

    /// Whether one more thread is to be started, of so many at most.
    fn grows(&self, most: usize) -> bool {
        let most = most.min(self.actions.len());
        let one_more = |count| (count < most).then_some(count + 1);
        self.crew.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }
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
    /// Everything below the size for the slow lane, over several threads. `prepare` makes what the copies go into;
    /// staging needs none of that and begins at once, but for what builds on another action: making room for a
    /// directory moves the very file that is to be copied.
    pub(super) fn small_lane(&self, actions: &[&'a Action], prepare: impl FnOnce()) {
        if actions.is_empty() {
            return prepare();
        }
        let actions = windows(actions);
        let (send, receive) = bounded::<Vec<Waiting<'a>>>(BATCH_FILES / CHUNK);
        let work = Work {
            // Little work is spread over all threads all the same.
            chunk: actions.len().div_ceil(self.session.threads()).clamp(1, CHUNK),
            actions,
            next: AtomicUsize::new(0),
            crew: AtomicUsize::new(0),
            prepared: Gate::default(),
        };
        std::thread::scope(|scope| {
            self.man(scope, &work, &send);
            drop(send);
            {
                // Opens also when preparing panics, so that nobody waits for ever.
                let _opened = work.prepared.opened_at_the_end();
                prepare();
            }
            self.install_from(&receive);
        });
    }

    /// Starts as many threads as there may be, and are not there yet.
    fn man<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        work: &'env Work<'a>,
        send: &Sender<Vec<Waiting<'a>>>,
    ) {
        while work.grows(self.session.threads()) {
            let send = send.clone();
            scope.spawn(move || self.stage_from(scope, work, &send));
        }
    }

    fn stage_from<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        work: &'env Work<'a>,
        send: &Sender<Vec<Waiting<'a>>>,
    ) {
        let prepared = &work.prepared;
        while let Some(range) = work.take() {
            let mut staged = Vec::with_capacity(range.len());
            let mut failed = Vec::new();
            for action in &work.actions[range] {
                if self.stops() {
                    break;
                }
                if action.after.is_some() {
                    prepared.wait();
                }
                // The limit may have changed since the last file, up or down.
                self.man(scope, work, send);
                let Some(_turn) = self.session.pace.turn(|| self.stops()) else { break };
                let Some(transition) = sole_copy(action).filter(|_| !self.is_barred(action)) else {
                    prepared.wait();
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
        let put = |one: Waiting<'a>| {
            let refused = refused.as_ref().filter(|(side, ..)| *side == one.ready.to);
            let refused = refused.map(|(_, kind, why)| (*kind, why.clone()));
            self.put_in_place(one, refused)
        };
        // Little is done sooner than threads are started for it.
        if batch.len() < CHUNK {
            return self.report_all(batch.into_iter().map(put).collect());
        }
        let share = batch.len().div_ceil(self.session.threads());
        let mut rest = batch;
        std::thread::scope(|scope| {
            while !rest.is_empty() {
                let more = rest.split_off(share.min(rest.len()));
                let own = std::mem::replace(&mut rest, more);
                let put = &put;
                scope.spawn(move || self.report_all(own.into_iter().map(put).collect()));
            }
        });
    }

    /// Puts one settled copy in place, unless it was `refused` durability.
    fn put_in_place(
        &self,
        one: Waiting<'a>,
        refused: Option<(ProblemKind, String)>,
    ) -> (&'a Action, Outcome) {
        let Waiting { mut job, transition, ready } = one;
        let result = match refused {
            Some((kind, why)) => {
                let side = ready.to;
                self.replicas[side].discard(ready.staged);
                let problem = Problem::new(Operation::Flush, transition.path(), kind, why);
                Err(Failure { side, problem })
            }
            None => self.install(&mut job, transition, ready),
        };
        match result {
            Ok(()) => self.conclude(&mut job),
            Err(failure) => Self::failed(&mut job, transition, failure),
        }
        (job.action, job.outcome)
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
