//! A closer look: by content, whatever the metadata claims.
//!
//! Owns [`Session::resync`]. Every file below the named paths is read on both sides. What differs without a trace of a
//! change becomes a conflict that waits; what the metadata shows as changed follows its ordinary rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::entry::{Digest, Entry, Kind};
use sync_core::guard::halt;
use sync_core::guidance::{Focus, Guidance};
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::plan::{Answer, Conflict, Evidence};
use sync_core::scope::narrow;
use sync_core::side::{Side, Sides};
use sync_core::snapshot::Snapshot;
use sync_state::{Commit, ConflictChange};

use super::leave_the_rest;
use crate::clock::Began;
use crate::cycle::log_summary;
use crate::error::SessionError;
use crate::halt::HaltReport;
use crate::observe::Observation;
use crate::remember::reach::{NewRun, Reach};
use crate::report::{ConflictReport, FORMAT, ProblemReport, SyncReport, VersionReport, time};
use crate::session::Session;
use crate::watch::Watch;

/// What a look by content found and did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ResyncReport {
    /// The format of this document.
    pub format: u32,
    /// The run's number in the journal; none when there was nothing to do and nothing to learn.
    pub run: Option<u64>,
    /// When it started.
    pub started: String,
    /// When it ended.
    pub finished: String,
    /// Files that both sides have below the named paths.
    pub examined: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// How many of them have the same content.
    pub same: u64,
    /// Contents that differ although nothing shows that either was changed. Each is a conflict that waits.
    pub corrupt: Vec<Corruption>,
    /// How many transitions of each action were made.
    pub done: BTreeMap<String, u64>,
    /// Bytes that were copied.
    pub bytes_copied: u64,
    /// Other conflicts below the named paths.
    pub conflicts: Vec<ConflictReport>,
    /// What could not be dealt with below the named paths.
    pub problems: Vec<ProblemReport>,
    /// Why nothing was copied or deleted.
    pub halt: Option<HaltReport>,
    /// Actions that were planned and not tried.
    pub left_undone: u64,
    /// Whether it was stopped from outside.
    pub cancelled: bool,
}

impl ResyncReport {
    /// Whether nobody needs to look at anything.
    pub fn is_clean(&self) -> bool {
        self.corrupt.is_empty()
            && self.conflicts.is_empty()
            && self.problems.is_empty()
            && self.halt.is_none()
            && self.left_undone == 0
            && !self.cancelled
    }

    /// Whether no file was read and nothing was done: a path that was mistyped must not look like one that is in order.
    pub fn compared_nothing(&self) -> bool {
        self.is_clean() && self.examined == 0 && self.done.is_empty()
    }
}

/// A content that differs without a trace of a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Corruption {
    /// Where.
    pub path: String,
    /// The left version.
    pub left: VersionReport,
    /// The right version.
    pub right: VersionReport,
    /// The BLAKE3 of the left content.
    pub left_digest: Option<String>,
    /// The BLAKE3 of the right content.
    pub right_digest: Option<String>,
    /// The side that still holds the content both once agreed on; none when no digest of it is on record, or neither
    /// side holds it.
    pub intact: Option<String>,
}

impl Session {
    /// Reads every file at and below `paths` on both sides. Paths are relative to the roots, or lie in one of them.
    pub fn resync(&self, paths: &[PathBuf], watch: &dyn Watch) -> Result<ResyncReport, SessionError> {
        let began = Began::now();
        if let Some(halt) = &self.halt {
            return Err(SessionError::Halted(halt.clone()));
        }
        let mut examined = Focus::default();
        let mut tops = BTreeSet::new();
        for path in paths {
            let top = self.equivalence().path_key(&self.path_or_root(path)?);
            examined.add_below(top.clone());
            tops.insert(top);
        }
        self.recall_underway()?;
        let guidance = Guidance { examined: examined.clone(), ..Guidance::default() };
        let mut seen = self.observe_with(false, guidance, watch)?;
        let mut report = begin(began.ns);
        count(&seen, &examined, &mut report);
        let found = corruptions(&seen, &examined);
        report.corrupt = found.iter().map(Corruption::from).collect();
        narrow(&mut seen.plan, |action| examined.contains(&action.path));
        let halted = halt(&seen.plan, &seen.comparison, &seen.snapshots, &self.terms.policy);
        if let Some(halt) = &halted {
            report.halt = Some(halt.into());
            // What was found is still worth remembering; nothing is touched.
            seen.plan.actions.retain(|action| action.transitions.is_empty() && action.forget.is_empty());
        }
        leave_the_rest(&mut seen.plan, &self.open_conflicts()?);
        report.conflicts = seen
            .plan
            .conflicts
            .iter()
            .filter(|one| one.rule != Rule::SilentCorruption && examined.contains(&one.path))
            .map(ConflictReport::from)
            .collect();
        let pair = self.equivalence();
        let elsewhere: BTreeSet<String> = seen
            .plan
            .blocked
            .iter()
            .filter(|one| !examined.contains(&pair.path_key(&one.path)))
            .map(|one| one.path.display())
            .collect();
        seen.snapshots = Sides { left: Snapshot::empty(), right: Snapshot::empty() };
        seen.comparison.differences = Vec::new();
        let mut run = SyncReport::begin(began);
        let new = NewRun { kind: "resync", began, reach: Reach::Below(tops), answers: None };
        self.act(seen.plan, &new, watch, &mut run)?;
        self.remember_digests(&found)?;
        log_summary(&run);
        run.problems.retain(|problem| !elsewhere.contains(&problem.path));
        (report.run, report.problems) = (run.run, run.problems);
        (report.done, report.bytes_copied) = (run.done, run.bytes_copied);
        (report.left_undone, report.cancelled) = (run.left_undone, run.cancelled);
        report.finished = time(began.ended_ns());
        Ok(report)
    }

    /// A path as a user writes it; the root itself may be meant.
    fn path_or_root(&self, given: &Path) -> Result<RelPath, SessionError> {
        let is_here = given.components().all(|part| part == Component::CurDir);
        let real = given.canonicalize().ok().filter(|_| given.is_absolute());
        let is_root = |location: &String| {
            let location = Path::new(location);
            given == location || real.as_deref().is_some_and(|real| real == location)
        };
        if is_here || self.locations().either(is_root) {
            return Ok(RelPath::root());
        }
        self.path_of(given)
    }

    /// The inbox learns what was read, so that the next sync need not read it again.
    fn remember_digests(&self, found: &[Found]) -> Result<(), SessionError> {
        let Some(state) = &self.state else { return Ok(()) };
        let mut changes = Vec::new();
        for one in found {
            let Some(mut conflict) = state.conflict(&one.path)? else { continue };
            for side in Side::BOTH {
                if let Some(version) = &mut conflict.versions[side]
                    && version.entry == one.versions[side]
                {
                    version.digest = one.digests[side];
                }
            }
            changes.push(ConflictChange::Put(conflict));
        }
        if changes.is_empty() {
            return Ok(());
        }
        Ok(state.commit(&Commit { conflicts: &changes, ..Commit::default() })?)
    }
}

/// A silent corruption that was found.
struct Found {
    path: RelPath,
    shown: String,
    versions: Sides<Entry>,
    digests: Sides<Option<Digest>>,
    agreed: Option<Digest>,
}

impl From<&Found> for Corruption {
    fn from(found: &Found) -> Self {
        let holds = |side: &Side| found.agreed.is_some() && found.digests[*side] == found.agreed;
        let digests = found.digests.map(|digest| digest.map(|digest| digest.to_string()));
        Self {
            path: found.shown.clone(),
            left: (&found.versions.left).into(),
            right: (&found.versions.right).into(),
            left_digest: digests.left,
            right_digest: digests.right,
            intact: Side::BOTH.into_iter().find(holds).map(|side| side.name().to_owned()),
        }
    }
}

fn corruptions(seen: &Observation, examined: &Focus) -> Vec<Found> {
    let is_here = |one: &&Conflict| one.rule == Rule::SilentCorruption && examined.contains(&one.path);
    let agreed = |path: &RelPath| {
        let all = &seen.comparison.differences;
        let at = all.binary_search_by(|one| one.path.cmp(path)).ok()?;
        all.get(at)?.agreed.as_ref()?.digest
    };
    let found = seen.plan.conflicts.iter().filter(is_here).map(|one| Found {
        path: one.path.clone(),
        shown: one.shown.display(),
        versions: one.versions,
        digests: Sides::from_fn(|side| digest(&seen.evidence, side, &one.path)),
        agreed: agreed(&one.path),
    });
    found.collect()
}

fn digest(evidence: &Evidence, side: Side, path: &RelPath) -> Option<Digest> {
    match evidence.get(side, path) {
        Some(Answer::Read(digest, _)) => Some(*digest),
        _ => None,
    }
}

fn begin(started: i64) -> ResyncReport {
    ResyncReport {
        format: FORMAT,
        run: None,
        started: time(started),
        finished: String::new(),
        examined: 0,
        bytes_read: 0,
        same: 0,
        corrupt: Vec::new(),
        done: BTreeMap::new(),
        bytes_copied: 0,
        conflicts: Vec::new(),
        problems: Vec::new(),
        halt: None,
        left_undone: 0,
        cancelled: false,
    }
}

/// What was read, and what came of it.
fn count(seen: &Observation, examined: &Focus, report: &mut ResyncReport) {
    for one in seen.comparison.differences.iter().filter(|one| examined.contains(&one.path)) {
        let digests = Sides::from_fn(|side| digest(&seen.evidence, side, &one.path));
        for side in Side::BOTH {
            if digests[side].is_some() {
                report.bytes_read += one.sides[side].entry().map_or(0, |entry| entry.size);
            }
        }
        if digests.both(Option::is_some) {
            report.examined += 1;
            report.same += u64::from(digests.left == digests.right);
        } else if one.sides.both(|sighting| sighting.entry().is_some_and(|entry| entry.kind == Kind::File)) {
            // Sizes that differ, or a content that nobody had to read to know that it was changed.
            report.examined += 1;
        }
    }
}
