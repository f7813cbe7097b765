//! The first two steps: observe both replicas and the baseline, and decide.
//!
//! Owns [`Observation`]. Contents are read only where the plan asks for a digest.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use sync_core::baseline::BaselineDir;
use sync_core::compare::{Comparison, compare_closely};
use sync_core::decide::decide_with;
use sync_core::entry::{Reason, Trouble};
use sync_core::guard::is_emptied;
use sync_core::guidance::{Focus, Guidance};
use sync_core::matrix::Rule;
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::plan::{Answer, Asked, Evidence, Plan, Question};
use sync_core::side::{Side, Sides};
use sync_core::snapshot::Snapshot;
use sync_replica::{Control, Problem, ProblemKind, ScanRequest, ShowAll, Xattrs};
use sync_state::{ConflictState, State, StateError};

use crate::error::SessionError;
use crate::near::baseline_part;
use crate::session::Session;
use crate::watch::{Phase, Watch, Watched};

/// How often a plan may ask for more digests before what is still open counts as unreadable. Each round answers
/// everything that was asked, so more than a few rounds mean that files keep changing.
const MAX_ROUNDS: usize = 12;

/// Everything that was seen, and what follows from it.
pub(crate) struct Observation {
    pub(crate) snapshots: Sides<Snapshot>,
    pub(crate) comparison: Comparison,
    pub(crate) evidence: Evidence,
    pub(crate) plan: Plan,
    pub(crate) scan_ms: u64,
    pub(crate) decide_ms: u64,
}

pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Session {
    /// How this session scans.
    pub(crate) fn scan_request<'a>(&'a self, control: &'a dyn Control) -> ScanRequest<'a> {
        ScanRequest {
            equivalence: self.equivalence(),
            filter: &*self.filter,
            control,
            threads: thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
        }
    }

    /// Scans a part of both sides at the same time.
    pub(crate) fn scan_both(&self, part: &Part, watch: &dyn Watch) -> Result<Sides<Snapshot>, SessionError> {
        watch.begin(Phase::Scan, None, None);
        let control = Watched { watch, throttle: None };
        let request = self.scan_request(&control);
        let scanned = thread::scope(|scope| {
            let right = scope.spawn(|| self.replicas.right.scan_part(&request, part));
            let left = self.replicas.left.scan_part(&request, part);
            let right = right.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Sides { left, right }
        });
        let mut snapshots = Sides { left: None, right: None };
        for (side, result) in Side::BOTH.into_iter().zip([scanned.left, scanned.right]) {
            match result {
                Ok(snapshot) => snapshots[side] = Some(snapshot),
                Err(problem) if problem.is_cancelled() => return Err(SessionError::Cancelled),
                Err(problem) => return Err(self.root_error(side, problem)),
            }
        }
        let snapshots = snapshots.map(|snapshot| snapshot.unwrap_or_else(Snapshot::empty));
        for side in Side::BOTH {
            if let Some(trouble) = snapshots[side].root().trouble() {
                let problem = Problem::new(
                    sync_replica::Operation::Scan,
                    &sync_core::path::RelPath::root(),
                    ProblemKind::RootGone,
                    trouble.to_string(),
                );
                return Err(self.root_error(side, problem));
            }
        }
        Ok(snapshots)
    }

    /// Observes and decides. With `everything`, paths at which nothing happened are compared in full too.
    pub(crate) fn observe(&self, everything: bool, watch: &dyn Watch) -> Result<Observation, SessionError> {
        self.observe_with(everything, Guidance::default(), watch)
    }

    /// Observes a part of both trees and decides what becomes of it.
    pub(crate) fn observe_part(&self, part: &Part, watch: &dyn Watch) -> Result<Observation, SessionError> {
        self.observe_in(part, false, Guidance::default(), watch)
    }

    /// The same, told what a person chose and what shall be examined.
    pub(crate) fn observe_with(
        &self,
        everything: bool,
        guidance: Guidance,
        watch: &dyn Watch,
    ) -> Result<Observation, SessionError> {
        self.observe_in(&Part::Everything, everything, guidance, watch)
    }

    fn observe_in(
        &self,
        part: &Part,
        everything: bool,
        mut guidance: Guidance,
        watch: &dyn Watch,
    ) -> Result<Observation, SessionError> {
        let start = Instant::now();
        let snapshots = self.scan_both(part, watch)?;
        let scan_ms = millis(start);
        let start = Instant::now();
        let mut evidence = Evidence::default();
        self.recall_doubts(&snapshots, &mut guidance, &mut evidence)?;
        let mut comparison = self.compare(part, &snapshots, everything, &guidance.focus())?;
        for side in Side::BOTH {
            let emptied = is_emptied(&snapshots[side], comparison.baseline_entries);
            comparison.hidden_there[side] = emptied && self.holds_hidden(side, watch)?;
        }
        let planned = comparison.differences.iter().map(|difference| &difference.path);
        comparison.taken_lately = self.lately.taken(Instant::now(), planned);
        let mut plan = decide_with(&comparison, &snapshots, &evidence, &self.terms, &guidance);
        for round in 0.. {
            if plan.questions.is_empty() {
                break;
            }
            if round < MAX_ROUNDS {
                self.answer(&plan.questions, &mut evidence, watch)?;
            } else {
                for (question, _) in &plan.questions {
                    let trouble = Trouble::new(Reason::Changing, "");
                    evidence.add(question.clone(), Answer::Failed(trouble));
                }
            }
            plan = decide_with(&comparison, &snapshots, &evidence, &self.terms, &guidance);
        }
        Ok(Observation { snapshots, comparison, evidence, plan, scan_ms, decide_ms: millis(start) })
    }

    /// Whether something at the top of what both sides agreed on is there, whatever the rules hide. What lies in a folder
    /// that is no longer the one that was synced bears other names, or none.
    pub(crate) fn holds_hidden(&self, side: Side, watch: &dyn Watch) -> Result<bool, SessionError> {
        let Some(state) = &self.state else { return Ok(false) };
        let control = Watched { watch, throttle: None };
        let request = ScanRequest { filter: &ShowAll, ..self.scan_request(&control) };
        let listed = self.replicas[side].list(&RelPath::root(), &request);
        let listed = listed.map_err(|problem| self.root_error(side, problem))?;
        let agreed = state.baseline_dir(&RelPath::root())?;
        Ok(agreed.children.iter().any(|(key, _)| listed.find(key).is_some()))
    }

    /// Files at which silent corruption was found stay in doubt until it is settled. What was read of them then holds
    /// for the very versions it was read from, unless they are to be read again.
    fn recall_doubts(
        &self,
        snapshots: &Sides<Snapshot>,
        guidance: &mut Guidance,
        evidence: &mut Evidence,
    ) -> Result<(), SessionError> {
        let Some(state) = &self.state else { return Ok(()) };
        for conflict in state.conflicts()? {
            if conflict.rule != Rule::SilentCorruption.name() || conflict.state != ConflictState::Open {
                continue;
            }
            let again = guidance.examined.contains(&conflict.path);
            for (side, version) in conflict.versions.iter() {
                if let Some(version) = version.as_ref().filter(|_| !again)
                    && let Some(digest) = version.digest
                    && snapshots[side].get(&conflict.path).is_some_and(|now| now.entry == version.entry)
                {
                    let question = Question { side, path: conflict.path.clone() };
                    evidence.add(question, Answer::Read(digest, None));
                }
            }
            guidance.doubted.insert(conflict.path);
        }
        Ok(())
    }

    fn compare(
        &self,
        part: &Part,
        snapshots: &Sides<Snapshot>,
        everything: bool,
        focus: &Focus,
    ) -> Result<Comparison, SessionError> {
        if *part != Part::Everything {
            return self.compare_part(part, snapshots, focus);
        }
        let mut failed = None;
        let baseline = self.state.as_ref().map(State::baseline).transpose()?;
        let rows =
            baseline.into_iter().flatten().map_while(|row| row.map_err(|error| failed = Some(error)).ok());
        let comparison = compare_closely(snapshots, rows, &self.terms.abilities, everything, focus);
        match failed {
            None => Ok(comparison),
            Some(error) => self.restart_from(error, snapshots, everything, focus),
        }
    }

    /// A baseline that turns out damaged here is the next whole cycle's to mend.
    fn compare_part(
        &self,
        part: &Part,
        snapshots: &Sides<Snapshot>,
        focus: &Focus,
    ) -> Result<Comparison, SessionError> {
        let Some(state) = &self.state else {
            let nothing = std::iter::empty::<BaselineDir>();
            return Ok(compare_closely(snapshots, nothing, &self.terms.abilities, false, focus));
        };
        let counts = state.counts()?;
        let rows = baseline_part(state, part)?.into_iter();
        let mut comparison = compare_closely(snapshots, rows, &self.terms.abilities, false, focus);
        // Guards judge a change against the whole pair.
        (comparison.baseline_entries, comparison.baseline_files) = (counts.entries, counts.files);
        Ok(comparison)
    }

    /// A damaged baseline is set aside and built anew from what both sides agree on, as at a first meeting.
    fn restart_from(
        &self,
        error: StateError,
        snapshots: &Sides<Snapshot>,
        everything: bool,
        focus: &Focus,
    ) -> Result<Comparison, SessionError> {
        let Some(state) = self.state.as_ref().filter(|_| error.is_corrupt() && !self.read_only) else {
            return Err(error.into());
        };
        let pair = state.pair()?;
        let aside = state.set_aside_and_restart()?;
        if let Some(pair) = pair {
            state.set_pair(&pair)?;
        }
        log::warn!(
            operation = "open", path:% = aside.display();
            "the state was damaged ({error}); it was set aside and is built anew: nothing is deleted in this run"
        );
        let empty = std::iter::empty::<BaselineDir>();
        Ok(compare_closely(snapshots, empty, &self.terms.abilities, everything, focus))
    }

    /// Reads the contents the plan asks for, on as many threads as the machine has.
    fn answer(
        &self,
        questions: &[(Question, Asked)],
        evidence: &mut Evidence,
        watch: &dyn Watch,
    ) -> Result<(), SessionError> {
        let bytes =
            questions.iter().filter(|(_, asked)| asked.content).map(|(_, asked)| asked.expect.size).sum();
        watch.begin(Phase::Digest, Some(questions.len() as u64), Some(bytes));
        let control = Watched { watch, throttle: None };
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(Vec::with_capacity(questions.len()));
        let work = || {
            while let Some((question, asked)) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
                if watch.is_cancelled() {
                    return;
                }
                let replica = &self.replicas[question.side];
                let read = if asked.content {
                    let contents = replica.contents(&asked.at, &asked.expect, &control);
                    contents.map(|contents| Answer::Read(contents.digest, contents.xattrs))
                } else {
                    let properties = replica.properties(&asked.at, &asked.expect);
                    properties.map(|held| Answer::Xattrs(held.xattrs.as_ref().map(Xattrs::digest)))
                };
                let answer = read.unwrap_or_else(|problem| Answer::Failed(trouble_of(&problem)));
                watch.advance(1, 0);
                answers.lock().unwrap_or_else(PoisonError::into_inner).push((question.clone(), answer));
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.threads().min(questions.len()) {
                scope.spawn(work);
            }
            work();
        });
        if watch.is_cancelled() {
            return Err(SessionError::Cancelled);
        }
        for (question, answer) in answers.into_inner().unwrap_or_else(PoisonError::into_inner) {
            evidence.add(question, answer);
        }
        Ok(())
    }

    /// How many threads copy and read.
    pub(crate) fn threads(&self) -> usize {
        self.pace.copies()
    }
}

fn trouble_of(problem: &Problem) -> Trouble {
    let reason = match problem.kind {
        ProblemKind::Stale | ProblemKind::NotFound => Reason::Changing,
        ProblemKind::InUse => Reason::InUse,
        _ => Reason::Unreadable,
    };
    Trouble::new(reason, problem.explain())
}
