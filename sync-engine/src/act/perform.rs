//! Carrying out one action, transition by transition.
//!
//! Owns [`Job`]: one action under way, with what each of its transitions found to be true afterwards. Later
//! transitions of the same action expect what earlier ones have left. A transition that fails ends its action; what
//! was done before stays, and the next cycle decides anew from there.

use std::borrow::Cow;

use sync_core::entry::{Attributes, Digest, Entry, XattrDigest};
use sync_core::path::RelPath;
use sync_core::plan::{Action, Transition};
use sync_core::side::{Side, Sides};
use sync_replica::{
    Displaced, Expect, Operation, Problem, ProblemKind, Properties, Replica, Source, Staged, TrashStamp,
    Trashed,
};
use sync_state::{JournalRow, RowResult, TrashReason};

use super::{Executor, Failure, InTrash, Outcome};
use crate::clock::now_ns;

/// One action under way.
pub(crate) struct Job<'a> {
    pub(crate) action: &'a Action,
    found: Vec<(Side, RelPath, Entry)>,
    copied: Vec<Copied>,
    pub(crate) outcome: Outcome,
}

/// What copying learned about a content.
struct Copied {
    to: Side,
    at: RelPath,
    digest: Option<Digest>,
    xattrs: Option<XattrDigest>,
}

/// A copy that is staged and not yet in place.
pub(crate) struct Ready {
    pub(crate) staged: Staged,
    pub(crate) to: Side,
}

impl<'a> Job<'a> {
    pub(crate) fn new(action: &'a Action) -> Self {
        Self { action, found: Vec::new(), copied: Vec::new(), outcome: Outcome::default() }
    }

    fn last_found(&self, side: Side, path: &RelPath) -> Option<Entry> {
        self.found.iter().rev().find(|(s, p, _)| *s == side && p == path).map(|(_, _, entry)| *entry)
    }

    fn finds(&mut self, side: Side, path: &RelPath, entry: Entry) {
        self.found.push((side, path.clone(), entry));
    }
}

impl Executor<'_> {
    /// The version to expect: what this action or an earlier rename left there, else what was planned on.
    fn expected(&self, job: &Job<'_>, side: Side, path: &RelPath, planned: &Entry) -> Entry {
        job.last_found(side, path).or_else(|| self.left_by_rename(side, path)).unwrap_or(*planned)
    }

    fn displaced(&self, soft: bool) -> Displaced {
        if soft { Displaced::Trash(self.stamp) } else { Displaced::Drop }
    }

    /// Carries out every transition of an action, each copy settled by itself.
    pub(crate) fn perform(&self, action: &Action) -> Outcome {
        let mut job = Job::new(action);
        for transition in &action.transitions {
            let done = match transition {
                Transition::Copy { to, .. } => self.stage(&job, transition).and_then(|ready| {
                    match self.replicas[*to].settle(&[&ready.staged]) {
                        Ok(()) => self.install(&mut job, transition, ready),
                        Err(problem) => {
                            self.replicas[*to].discard(ready.staged);
                            Err(Failure { side: *to, problem })
                        }
                    }
                }),
                other => self.step(&mut job, other),
            };
            if let Err(failure) = done {
                Self::failed(&mut job, transition, failure);
                return job.outcome;
            }
        }
        self.conclude(&mut job);
        job.outcome
    }

    /// The first half of a copy: everything that takes long, and nothing that shows.
    pub(crate) fn stage(&self, job: &Job<'_>, transition: &Transition) -> Result<Ready, Failure> {
        let Transition::Copy { to, from, source, at, expect, .. } = transition else {
            return Err(misuse(transition));
        };
        let (to, giver) = (*to, to.other());
        let expected = self.expected(job, giver, from, source);
        if let Some(prepared) = self.session.prepared.take(to, at, &expected) {
            return self.still_wanted(prepared?, to, from, &expected);
        }
        let mut open: Box<dyn Source> =
            self.replicas[giver].open(from, &expected).map_err(|problem| Failure { side: giver, problem })?;
        let reread = self.verify.rereads(expect.is_some());
        let control = self.control(job.action, to);
        let staged = if self.is_large(job.action) {
            self.replicas[to].stage_resumable(&mut *open, at, reread, &control)
        } else {
            self.replicas[to].stage(&mut *open, reread, &control)
        };
        staged.map(|staged| Ready { staged, to }).map_err(|problem| staging_failed(to, at, problem))
    }

    /// A copy that was prepared is only put in place while its source is the version that was copied.
    fn still_wanted(
        &self,
        staged: Staged,
        to: Side,
        from: &RelPath,
        expected: &Entry,
    ) -> Result<Ready, Failure> {
        let giver = to.other();
        let problem = match self.replicas[giver].look(from) {
            Ok(Some(now)) if expected.is_same_version(&now) => {
                return Ok(Ready { staged: Staged { source: now, ..staged }, to });
            }
            Ok(_) => Problem::stale(Operation::Read, from, "another version is there"),
            // Nothing is known against it: it stays where the next attempt goes on with it.
            Err(problem) => return Err(Failure { side: giver, problem }),
        };
        self.replicas[to].discard(staged);
        Err(Failure { side: giver, problem })
    }

    /// The second half of a copy: the staged version takes its place.
    pub(crate) fn install(
        &self,
        job: &mut Job<'_>,
        transition: &Transition,
        ready: Ready,
    ) -> Result<(), Failure> {
        let Transition::Copy { from, at, expect, soft, .. } = transition else {
            self.replicas[ready.to].discard(ready.staged);
            return Err(misuse(transition));
        };
        let to = ready.to;
        let copied = Copied { to, at: at.clone(), digest: ready.staged.digest, xattrs: ready.staged.xattrs };
        let source = ready.staged.source;
        let expect = match expect {
            Some(planned) => Expect::Is(self.expected(job, to, at, planned)),
            None => Expect::Absent,
        };
        let installed = self.replicas[to]
            .install(ready.staged, at, &expect, self.displaced(*soft))
            .map_err(|problem| Failure { side: to, problem })?;
        job.finds(to.other(), from, source);
        job.finds(to, at, installed.entry);
        job.copied.push(copied);
        self.done(job, transition, Some(installed.entry), installed.trashed);
        Ok(())
    }

    fn step(&self, job: &mut Job<'_>, transition: &Transition) -> Result<(), Failure> {
        let side = transition.side();
        let replica = self.replicas[side];
        let fail = |problem| Failure { side, problem };
        let (after, trashed) = match transition {
            Transition::Copy { .. } => return Err(misuse(transition)),
            Transition::MakeDir { at, like, source, expect, soft, .. } => {
                let properties = self.properties(job, side.other(), like, source)?;
                let expect = match expect {
                    Some(planned) => Expect::Is(self.expected(job, side, at, planned)),
                    None => Expect::Absent,
                };
                let made = replica
                    .make_dir(at, &open_to_owner(&properties), &expect, self.displaced(*soft))
                    .map_err(fail)?;
                job.finds(side, at, made.entry);
                (Some(made.entry), made.trashed)
            }
            Transition::KeepBeside { at, expect, clash, .. } => {
                let expected = self.expected(job, side, at, expect);
                let kept = replica.keep_beside(at, &expected, clash).map_err(fail)?;
                job.finds(side, clash, kept);
                // A second name moves the change time of the first.
                if let Some(now) = replica.look(at).map_err(fail)? {
                    if !expected.is_same_version_moved(&now) {
                        return Err(fail(Problem::stale(Operation::Clash, at, "another version is there")));
                    }
                    job.finds(side, at, now);
                }
                (Some(kept), None)
            }
            Transition::Rename { from, expect, to, .. } => {
                let expected = self.expected(job, side, from, expect);
                let renamed = replica.rename(from, &expected, to).map_err(fail)?;
                job.finds(side, to, renamed);
                self.remember_rename(side, to, renamed);
                (Some(renamed), None)
            }
            Transition::SetProperties { at, expect, from, source, .. } => {
                let properties = self.properties(job, side.other(), from, source)?;
                let expected = match job.last_found(side, at).or_else(|| self.left_by_rename(side, at)) {
                    Some(entry) => entry,
                    // A directory that this run has made is told by its kind alone.
                    None if expect.is_dir() => replica.look(at).map_err(fail)?.unwrap_or(*expect),
                    None => *expect,
                };
                let now = replica.set_properties(at, &expected, &properties).map_err(fail)?;
                job.finds(side, at, now);
                (Some(now), None)
            }
            Transition::Remove { at, expect, soft, .. } => {
                let expected = self.expected(job, side, at, expect);
                let trashed = replica.remove(at, &expected, self.displaced(*soft)).map_err(fail)?;
                (None, trashed)
            }
            Transition::RemoveDir { at, expect, soft, .. } => {
                let expected = self.expected(job, side, at, expect);
                let trashed =
                    replica.remove_dir(at, &expected, self.filter, self.displaced(*soft)).map_err(fail)?;
                (None, trashed)
            }
            Transition::PutBack { from, was, version, at, expect, .. } => {
                let expect = match expect {
                    Some(planned) => Expect::Is(self.expected(job, side, at, planned)),
                    None => Expect::Absent,
                };
                let back = replica.restore(from, version, at, &expect, self.displaced(true)).map_err(fail)?;
                job.finds(side, at, back.entry);
                self.remember_rename(side, at, back.entry);
                job.outcome.untrashed.push((side, was.clone(), from.clone()));
                (Some(back.entry), back.trashed)
            }
            Transition::RemakeDir { at, attributes, .. } => {
                let properties = Properties { mtime_ns: 0, attributes: *attributes, xattrs: None };
                let made = replica
                    .make_dir(at, &open_to_owner(&properties), &Expect::Absent, Displaced::Drop)
                    .map_err(fail)?;
                job.finds(side, at, made.entry);
                self.remember_rename(side, at, made.entry);
                (Some(made.entry), None)
            }
            Transition::Reset { at, expect, to, .. } => {
                let expected = self.expected(job, side, at, expect);
                let properties =
                    Properties { mtime_ns: to.mtime_ns, attributes: to.attributes, xattrs: None };
                let now = replica.set_properties(at, &expected, &properties).map_err(fail)?;
                job.finds(side, at, now);
                self.remember_rename(side, at, now);
                (Some(now), None)
            }
        };
        self.done(job, transition, after, trashed);
        Ok(())
    }

    fn properties(
        &self,
        job: &Job<'_>,
        side: Side,
        at: &RelPath,
        planned: &Entry,
    ) -> Result<Properties, Failure> {
        let expected = self.expected(job, side, at, planned);
        self.replicas[side].properties(at, &expected).map_err(|problem| Failure { side, problem })
    }

    /// All transitions are made: what may the baseline say?
    pub(crate) fn conclude(&self, job: &mut Job<'_>) {
        if job.action.clash.is_some() && !job.action.transitions.is_empty() {
            self.look_again(job);
        }
        for memo in &job.action.agree {
            let mut memo = Cow::Borrowed(memo);
            let alone = job.copied.len() == 1 && job.action.agree.len() == 1;
            let lands = |copied: &&Copied| alone || memo.spelled[copied.to] == copied.at;
            if let Some(copied) = job.copied.iter().find(lands) {
                let memo = memo.to_mut();
                memo.digest = copied.digest.or(memo.digest);
                memo.xattrs = Sides::from_fn(|_| copied.xattrs);
            }
            let found = Sides::from_fn(|side| job.last_found(side, &memo.spelled[side]));
            match memo.agreed(found) {
                Some(agreed) => job.outcome.agree(memo.path.clone(), agreed),
                None => log::debug!(path:% = memo.path; "nothing to agree on"),
            }
        }
        let renamed = matches!(job.action.rule, sync_core::matrix::Rule::Renamed(_));
        for path in &job.action.forget {
            job.outcome.forget(path.clone(), !renamed);
        }
        job.outcome.changes.extend(job.action.carried.iter().cloned());
        job.outcome.ok = true;
    }

    /// Two names of one file share its change time, which moves when one of them goes.
    fn look_again(&self, job: &mut Job<'_>) {
        for (side, path, entry) in job.found.clone() {
            if let Ok(Some(now)) = self.replicas[side].look(&path)
                && entry.is_same_version_moved(&now)
            {
                job.finds(side, &path, now);
            }
        }
    }

    fn done(
        &self,
        job: &mut Job<'_>,
        transition: &Transition,
        after: Option<Entry>,
        trashed: Option<Trashed>,
    ) {
        let word = job.action.word(transition);
        let (side, path) = (transition.side(), transition.path());
        let size = size_of(transition);
        log::info!(
            run = self.run_number(), operation = operation_of(transition, word), rule = job.action.rule.name(),
            side = side.name(), path:% = path, to = transition.to().map(RelPath::display).as_deref(),
            size = size, result = "done";
            "{word} {path}"
        );
        if let Some(trashed) = &trashed {
            let taken = matches!(transition, Transition::Remove { .. } | Transition::RemoveDir { .. });
            job.outcome.trashed.push(InTrash {
                side,
                path: path.clone(),
                place: trashed.path.clone(),
                size: transition.expect().map_or(0, |entry| entry.size),
                reason: if taken { TrashReason::Deleted } else { TrashReason::Replaced },
            });
        }
        job.outcome.bytes += transition.bytes();
        *job.outcome.counts.entry(word).or_default() += 1;
        let row = row(job.action, transition, word, RowResult::Done);
        job.outcome.rows.push(JournalRow { after, trashed: trashed.map(|trashed| trashed.path), ..row });
    }

    pub(crate) fn failed(job: &mut Job<'_>, transition: &Transition, failure: Failure) {
        let word = job.action.word(transition);
        let skipped = matches!(failure.problem.kind, ProblemKind::Stale | ProblemKind::Cancelled);
        let result = if skipped { RowResult::Skipped } else { RowResult::Failed };
        let row = row(job.action, transition, word, result);
        job.outcome.rows.push(JournalRow { error: Some(failure.problem.explain().into()), ..row });
        job.outcome.failure = Some(failure);
    }
}

/// A copy to `at` could not be staged: whose trouble that is.
pub(crate) fn staging_failed(to: Side, at: &RelPath, mut problem: Problem) -> Failure {
    // Staging knows no path of its own.
    if problem.path.is_root() {
        problem.path = at.clone();
    }
    // A source that moved or cannot be read is the giver's trouble.
    let at_source =
        matches!(problem.operation, Operation::Read) || matches!(problem.kind, ProblemKind::Stale);
    Failure { side: if at_source { to.other() } else { to }, problem }
}

fn misuse(transition: &Transition) -> Failure {
    let path = transition.path();
    let words = "this transition cannot be made here";
    let problem = Problem::new(Operation::Install, path, ProblemKind::Unsupported, words);
    Failure { side: transition.side(), problem }
}

/// What goes into a directory comes before its permissions, which may forbid it.
fn open_to_owner(properties: &Properties) -> Properties {
    let mut properties = properties.clone();
    if let Attributes::Unix(mode) = &mut properties.attributes {
        *mode |= 0o700;
    }
    properties
}

fn size_of(transition: &Transition) -> u64 {
    match transition {
        Transition::Copy { source, .. } => source.size,
        Transition::PutBack { version, .. } => version.size,
        other => other.expect().map_or(0, |entry| entry.size),
    }
}

/// The word for the log: what kind of operation it is.
fn operation_of(transition: &Transition, word: &str) -> &'static str {
    match transition {
        _ if word == "CLASH_CREATE" => "clash",
        Transition::Copy { .. } => "copy",
        Transition::MakeDir { .. } => "mkdir",
        Transition::KeepBeside { .. } => "clash",
        Transition::Rename { .. } => "rename",
        Transition::SetProperties { .. } => "props",
        Transition::Remove { soft: true, .. } => "soft_delete",
        Transition::Remove { soft: false, .. } => "delete",
        Transition::RemoveDir { .. } => "rmdir",
        Transition::PutBack { .. } => "restore",
        Transition::RemakeDir { .. } => "mkdir",
        Transition::Reset { .. } => "props",
    }
}

fn row(action: &Action, transition: &Transition, word: &'static str, result: RowResult) -> JournalRow {
    JournalRow {
        time_ns: now_ns(),
        action: word.into(),
        rule: action.rule.name().into(),
        path: transition.path().clone(),
        to: transition.to().cloned(),
        side: Some(transition.side()),
        size: size_of(transition),
        result,
        error: None,
        trashed: None,
        before: transition.expect().copied(),
        after: None,
    }
}

/// A replica, as the executor holds it.
pub(crate) type Held<'a> = Sides<&'a dyn Replica>;

/// The stamp that everything this run deletes carries.
pub(crate) fn stamp() -> TrashStamp {
    TrashStamp(now_ns())
}
