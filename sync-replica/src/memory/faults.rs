//! The steps of a run, and where it is made to fail.
//!
//! Owns [`Faults`]: one counter that several replicas, and whatever else dies with the process, can share. Must
//! never call back into a replica.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_core::path::RelPath;

use crate::problem::{Operation, Problem, ProblemKind};

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The process was killed: everything it did stays, what it held in memory is gone.
    Killed,
    /// The power went: what was not made durable may be gone as well, as the seed decides.
    PowerCut {
        /// Chooses what is lost.
        seed: u64,
    },
}

/// One step that is about to be taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its number, from 1.
    pub number: u64,
    /// What it belongs to.
    pub operation: Operation,
    /// What it does; `call` is the entry of a call, everything else is a change or a read.
    pub what: &'static str,
    /// The path it is about.
    pub path: RelPath,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} ({} `{}`: {})", self.number, self.operation.name(), self.path, self.what)
    }
}

/// A step that did not happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Injected {
    /// The kind of problem it fails with; none when the process is dead.
    pub kind: Option<ProblemKind>,
    /// The step's number.
    pub number: u64,
}

impl Injected {
    /// The problem a replica reports for it.
    pub fn problem(self, operation: Operation, path: &RelPath) -> Problem {
        match self.kind {
            Some(kind) => {
                Problem::new(operation, path, kind, format!("failure injected at step {}", self.number))
            }
            None => {
                Problem::new(operation, path, ProblemKind::Io, format!("crashed before step {}", self.number))
            }
        }
    }
}

#[derive(Default)]
struct Inner {
    steps: u64,
    fail: BTreeMap<u64, ProblemKind>,
    end_at: Option<(u64, End)>,
    ended: Option<End>,
    last_end: Option<End>,
    boot: u64,
    trace: Option<Vec<Step>>,
}

/// The step counter of a process and the failures planned for it. Clones share it.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Inner>>);

impl Faults {
    /// A counter at 0 and no failure.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the `n`-th step fail with `kind`. May be called for several steps.
    pub fn fail_at(&self, n: u64, kind: ProblemKind) {
        self.lock().fail.insert(n, kind);
    }

    /// Kills the process just before the `n`-th step: that one and all later ones fail.
    pub fn crash_at(&self, n: u64) {
        self.lock().end_at = Some((n, End::Killed));
    }

    /// As [`Faults::crash_at`]; the replicas lose unsynced changes when they are revived.
    pub fn power_cut_at(&self, n: u64, seed: u64) {
        self.lock().end_at = Some((n, End::PowerCut { seed }));
    }

    /// Ends the process now.
    pub fn end_now(&self, end: End) {
        self.lock().ended = Some(end);
    }

    /// Steps taken since the start, the last revival or the last [`Faults::reset_steps`].
    pub fn steps(&self) -> u64 {
        self.lock().steps
    }

    /// Counts from 0 again and forgets all planned failures.
    pub fn reset_steps(&self) {
        let mut inner = self.lock();
        inner.steps = 0;
        inner.fail.clear();
        inner.end_at = None;
        if let Some(trace) = &mut inner.trace {
            trace.clear();
        }
    }

    /// Whether the process has ended and was not revived yet.
    pub fn is_crashed(&self) -> bool {
        self.lock().ended.is_some()
    }

    /// Remembers every step from now on, for [`Faults::trace`].
    pub fn record(&self) {
        self.lock().trace.get_or_insert_default();
    }

    /// The steps taken since [`Faults::record`], with those that failed.
    pub fn trace(&self) -> Vec<Step> {
        self.lock().trace.clone().unwrap_or_default()
    }

    /// Takes a step of something that is no replica but dies with the process, a state store for example.
    pub fn step(&self) -> Result<(), Injected> {
        let number = self.begin()?;
        self.judge(number)
    }

    /// The number of the step that is about to be taken.
    pub(super) fn begin(&self) -> Result<u64, Injected> {
        let mut inner = self.lock();
        if inner.ended.is_some() {
            return Err(Injected { kind: None, number: inner.steps });
        }
        inner.steps += 1;
        Ok(inner.steps)
    }

    pub(super) fn note(&self, step: &Step) {
        if let Some(trace) = &mut self.lock().trace {
            trace.push(step.clone());
        }
    }

    /// Whether step `number` happens.
    pub(super) fn judge(&self, number: u64) -> Result<(), Injected> {
        let mut inner = self.lock();
        if let Some((n, end)) = inner.end_at
            && number >= n
        {
            inner.ended.get_or_insert(end);
        }
        if inner.ended.is_some() {
            return Err(Injected { kind: None, number });
        }
        match inner.fail.remove(&number) {
            Some(kind) => Err(Injected { kind: Some(kind), number }),
            None => Ok(()),
        }
    }

    /// The number of the process that runs now.
    pub(super) fn boot(&self) -> u64 {
        self.lock().boot
    }

    /// Starts the next process for a replica that belongs to process `boot`, unless another replica has done so
    /// already; says which process it is now and how the former one ended.
    pub(super) fn revive(&self, boot: u64) -> (u64, End) {
        let mut inner = self.lock();
        if inner.boot == boot {
            inner.boot += 1;
            inner.last_end = Some(inner.ended.take().unwrap_or(End::Killed));
            inner.steps = 0;
            inner.fail.clear();
            inner.end_at = None;
            if let Some(trace) = &mut inner.trace {
                trace.clear();
            }
        }
        (inner.boot, inner.last_end.unwrap_or(End::Killed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_once_and_a_crash_for_good() {
        let faults = Faults::new();
        faults.fail_at(2, ProblemKind::NoSpace);
        faults.crash_at(4);
        let seen: Vec<_> = (0..6).map(|_| faults.step()).collect();
        assert_eq!(seen[0], Ok(()));
        assert_eq!(seen[1].map_err(|injected| injected.kind), Err(Some(ProblemKind::NoSpace)));
        assert_eq!(seen[2], Ok(()));
        assert!(seen[3..].iter().all(|step| matches!(step, Err(Injected { kind: None, .. }))));
        assert!(faults.is_crashed());
    }

    #[test]
    fn replicas_of_one_process_are_revived_into_one_process() {
        let faults = Faults::new();
        faults.power_cut_at(1, 7);
        assert!(faults.step().is_err());
        assert_eq!(faults.revive(0), (1, End::PowerCut { seed: 7 }));
        assert_eq!(faults.revive(0), (1, End::PowerCut { seed: 7 }));
        assert!(faults.step().is_ok());
    }
}
