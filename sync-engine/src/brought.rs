//! Trees that the caller brings along: a scanner and a database of its own, our decision, and our executor if wanted.
//!
//! Owns [`Brought`], the decision about such trees, and [`Session::apply`], which carries it out on the two roots. The
//! decision is `sync-core`'s, and the executor that of every cycle. Must never believe the caller's rows where it can
//! look: a version is replaced only while it is the one that the rows tell of.

use sync_core::baseline::PackedDir;
use sync_core::compare::{Comparison, compare, equivalence};
use sync_core::decide::{Terms, decide};
use sync_core::entry::Entry;
use sync_core::explain::{Explanation, explain};
use sync_core::path::RelPath;
use sync_core::plan::{Action, Answer, Asked, Evidence, Plan, Question, Transition};
use sync_core::rows::{AgreedRow, BadRows, Gathered, Row};
use sync_core::side::{Side, Sides};
use sync_core::snapshot::Snapshot;

use crate::clock::Began;
use crate::config::SoftDelete;
use crate::cycle::{SyncOptions, log_summary};
use crate::error::SessionError;
use crate::halt::HaltReport;
use crate::put_back::nothing_else;
use crate::remember::reach::NewRun;
use crate::report::{SyncReport, time};
use crate::session::Session;
use crate::watch::Watch;

/// The names in a root that are never synced unless a configuration says otherwise: what Bothways keeps there, and
/// the trash.
pub fn reserved() -> Vec<RelPath> {
    let trash = SoftDelete::default().trash_roots;
    let names =
        [sync_fs::OWN, trash.left.as_os_str().as_encoded_bytes(), trash.right.as_os_str().as_encoded_bytes()];
    let mut paths: Vec<RelPath> = names.into_iter().filter_map(|name| RelPath::new(name).ok()).collect();
    paths.dedup();
    paths
}

/// What somebody brings along.
#[derive(Clone, Debug)]
pub struct Rows {
    /// What both sides last agreed on, in any order.
    pub baseline: Vec<AgreedRow>,
    /// What each side shows now, in any order.
    pub scans: Sides<Vec<Row>>,
    /// Digests that are known already.
    pub evidence: Evidence,
    /// Paths that are left out with everything below them: see [`reserved`].
    pub reserved: Vec<RelPath>,
}

/// Three trees and what is decided of them.
#[derive(Debug)]
pub struct Brought {
    snapshots: Sides<Snapshot>,
    baseline: Vec<PackedDir>,
    comparison: Comparison,
    evidence: Evidence,
    terms: Terms,
    plan: Plan,
}

impl Brought {
    /// Decides. While the plan has questions, it is not final: [`Self::answer`] them.
    ///
    /// # Errors
    /// The rows of one tree contradict each other; the side is that of the scan, none for the baseline.
    pub fn decide(rows: Rows, terms: Terms) -> Result<Self, (Option<Side>, BadRows)> {
        let Rows { baseline, scans, evidence, reserved } = rows;
        let mut gathered = Gathered::new(equivalence(&terms.abilities), &reserved);
        for row in baseline {
            gathered.add_agreed(row);
        }
        for (side, rows) in [(Side::Left, scans.left), (Side::Right, scans.right)] {
            for row in rows {
                gathered.add(side, row);
            }
        }
        Self::decide_gathered(gathered, evidence, terms)
    }

    /// The same for rows that were gathered one by one. `evidence` are digests that are known already.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub fn decide_gathered(
        rows: Gathered,
        evidence: Evidence,
        terms: Terms,
    ) -> Result<Self, (Option<Side>, BadRows)> {
        let made = rows.trees()?;
        let baseline = made.baseline;
        let comparison = compare(&made.snapshots, baseline.iter(), &terms.abilities, false);
        let plan = decide(&comparison, &made.snapshots, &evidence, &terms);
        Ok(Self { snapshots: made.snapshots, baseline, comparison, evidence, terms, plan })
    }

    /// What is to be done.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What it was decided on.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The contents that must be known before the plan is final.
    pub fn questions(&self) -> &[(Question, Asked)] {
        &self.plan.questions
    }

    /// Files answers and decides again.
    pub fn answer(&mut self, answers: impl IntoIterator<Item = (Question, Answer)>) {
        for (question, answer) in answers {
            self.evidence.add(question, answer);
        }
        self.plan = decide(&self.comparison, &self.snapshots, &self.evidence, &self.terms);
    }

    /// Why a path is treated as it is.
    pub fn explain(&self, path: &RelPath) -> Explanation {
        let everything = compare(&self.snapshots, self.baseline.iter(), &self.terms.abilities, true);
        let key = equivalence(&self.terms.abilities).path_key(path);
        explain(&key, &everything, &self.evidence, &self.plan)
    }
}

impl Session {
    /// Carries out a plan that was made of the caller's own rows, as a recorded run of kind `apply`, which can be
    /// undone. Every change is made only while the version it was planned on is there. `slack_ns` is how far a
    /// modification time may be from the one in the rows, for rows that hold it less precisely than the disk does.
    ///
    /// # Errors
    /// Nothing could be done at all, or what was done could not be remembered. A halt of the plan is in the report.
    pub fn apply(
        &self,
        plan: &Plan,
        slack_ns: u64,
        options: &SyncOptions,
        watch: &dyn Watch,
    ) -> Result<SyncReport, SessionError> {
        self.ready()?;
        self.recall_underway()?;
        let began = Began::now();
        let mut report = SyncReport::begin(began);
        report.notices = self.notices().to_vec();
        report.halt = plan.halt.as_ref().filter(|_| !options.approve).map(HaltReport::from);
        if report.halt.is_none() {
            let mut plan = plan.clone();
            for action in &mut plan.actions {
                self.look_again(action, slack_ns);
            }
            let run = NewRun { kind: "apply", began, reach: nothing_else(), answers: None };
            self.act(plan, &run, watch, &mut report)?;
        }
        report.finished = time(began.ended_ns());
        log_summary(&report);
        Ok(report)
    }

    /// Replaces what the rows tell of a version by the whole of it, where that is the version that is there. What is
    /// not stays as it is told, and is refused when its turn comes.
    fn look_again(&self, action: &mut Action, slack_ns: u64) {
        let complete = |side: Side, at: &RelPath, told: &mut Entry| {
            let Ok(Some(now)) = self.replicas[side].look(at) else { return };
            let near = told.mtime_ns.abs_diff(now.mtime_ns) <= slack_ns;
            let timed = Entry { mtime_ns: if near { now.mtime_ns } else { told.mtime_ns }, ..*told };
            if timed.is_same_version(&now) {
                *told = now;
            }
        };
        for one in &mut action.transitions {
            let side = one.side();
            match one {
                Transition::MakeDir { at, like, source, expect, .. } => {
                    complete(side.other(), like, source);
                    if let Some(expect) = expect {
                        complete(side, at, expect);
                    }
                }
                Transition::Copy { from, source, at, expect, .. } => {
                    complete(side.other(), from, source);
                    if let Some(expect) = expect {
                        complete(side, at, expect);
                    }
                }
                Transition::SetProperties { at, expect, from, source, .. } => {
                    complete(side, at, expect);
                    complete(side.other(), from, source);
                }
                Transition::KeepBeside { at, expect, .. }
                | Transition::Rename { from: at, expect, .. }
                | Transition::Remove { at, expect, .. }
                | Transition::RemoveDir { at, expect, .. } => complete(side, at, expect),
                Transition::PutBack { .. } | Transition::RemakeDir { .. } | Transition::Reset { .. } => {}
            }
        }
        // Rows of files alone do not tell of a directory that is there already and holds none.
        action.transitions.retain(|one| match one {
            Transition::MakeDir { on, at, expect: None, .. } => {
                !matches!(self.replicas[*on].look(at), Ok(Some(now)) if now.is_dir())
            }
            _ => true,
        });
        for memo in &mut action.agree {
            for side in Side::BOTH {
                if let Some(seen) = &mut memo.seen[side] {
                    complete(side, &memo.spelled[side], seen);
                }
            }
        }
    }
}
