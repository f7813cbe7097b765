//! Somebody who asked for a whole cycle, and waits until all of it is done.
//!
//! Owns [`Asked`]. A cycle of a live session leaves large copies and most of a large backlog for later; whoever asks for
//! a sync wants to know when that is done too. What somebody is still writing, and what a guard has stopped, is not
//! waited for.

use std::collections::BTreeSet;

use sync_core::path::RelPath;

use super::waiting::Waiting;
use crate::act::hold::Why;
use crate::control::Call;
use crate::report::SyncReport;

pub(super) struct Asked {
    call: Call,
    /// What was done so far.
    report: SyncReport,
    /// The key paths of what was left for later.
    left: BTreeSet<RelPath>,
    /// Those of them that are waited for.
    awaited: BTreeSet<RelPath>,
}

impl Asked {
    /// After the cycle that was asked for.
    pub(super) fn new(call: Call, report: &SyncReport) -> Self {
        let keys = |soon: &dyn Fn(Why) -> bool| {
            report.held.iter().filter(|held| soon(held.why)).map(|held| held.key.clone()).collect()
        };
        let stopped = report.halt.is_some() || report.cancelled;
        let awaited = keys(&|why| !stopped && matches!(why, Why::Large | Why::Enough | Why::Gone));
        Self { call, report: report.clone(), left: keys(&|_| true), awaited }
    }

    /// Another cycle has ended, and what it was asked to do may be among what it did.
    pub(super) fn hear(&mut self, report: &SyncReport) {
        for (word, count) in &report.done {
            *self.report.done.entry(word.clone()).or_default() += count;
        }
        self.report.bytes_copied = self.report.bytes_copied.saturating_add(report.bytes_copied);
        self.report.act_ms = self.report.act_ms.saturating_add(report.act_ms);
        self.report.run = self.report.run.or(report.run);
        self.report.finished.clone_from(&report.finished);
        for problem in &report.problems {
            if !self.report.problems.contains(problem) {
                self.report.problems.push(problem.clone());
            }
        }
        for conflict in &report.conflicts {
            if !self.report.conflicts.contains(conflict) {
                self.report.conflicts.push(conflict.clone());
            }
        }
        if self.report.halt.is_none() {
            self.report.halt.clone_from(&report.halt);
        }
    }

    /// Whether there is something to tell: all of it is done, or nobody waits for it any more.
    pub(super) fn is_over(&mut self, waiting: &Waiting) -> bool {
        self.awaited.retain(|key| waiting.comes_by_itself(key));
        self.awaited.is_empty() || self.report.halt.is_some() || self.call.is_over()
    }

    /// Tells what was done.
    pub(super) fn reply(mut self, waiting: &Waiting) {
        self.report.cancelled |= self.call.is_over();
        self.report.waiting = self.left.iter().filter(|key| waiting.knows(key)).count() as u64;
        self.call.reply(Ok(self.report.into()));
    }
}
