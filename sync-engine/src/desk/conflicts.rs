//! Looking at the inbox.
//!
//! Owns the list of conflicts and the close view of one. Nothing changes anywhere.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::entry::{Digest, Entry, Kind};
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_replica::{Problem, ProblemKind};
use sync_state::{Conflict, ConflictState, State, StateError};

use super::diff::{Text, unified};
use crate::error::SessionError;
use crate::report::{FORMAT, VersionReport, Versions, time};
use crate::session::Session;
use crate::watch::{Watch, Watched};

/// The inbox.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConflictList {
    /// The format of this document.
    pub format: u32,
    /// How many wait for somebody.
    pub open: u64,
    /// How many were settled by a clash copy or by the policy, and were not looked at since.
    pub settled: u64,
    /// Those that were asked for, by path.
    pub conflicts: Vec<ConflictItem>,
}

/// One conflict as it is on record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConflictItem {
    /// Where.
    pub path: String,
    /// `open` or `settled`.
    pub state: String,
    /// Such as `both-changed`.
    pub rule: String,
    /// Such as `6.2.1`; none where the requirements are silent.
    pub requirement: Option<String>,
    /// The side with the newer version.
    pub newer: Option<String>,
    /// When it was first seen.
    pub first_seen: String,
    /// When it was last seen.
    pub last_seen: String,
    /// Where the older version is kept.
    pub clash_path: Option<String>,
    /// The left version as it was seen.
    pub left: Option<VersionReport>,
    /// The right version as it was seen.
    pub right: Option<VersionReport>,
}

impl From<&Conflict> for ConflictItem {
    fn from(conflict: &Conflict) -> Self {
        let version = |side: Side| conflict.versions[side].as_ref().map(|one| (&one.entry).into());
        Self {
            path: conflict.path.display(),
            state: match conflict.state {
                ConflictState::Open => "open",
                ConflictState::Settled => "settled",
            }
            .to_owned(),
            rule: conflict.rule.clone(),
            requirement: rule_named(&conflict.rule).and_then(Rule::requirement).map(ToOwned::to_owned),
            newer: conflict.newer.map(|side| side.name().to_owned()),
            first_seen: time(conflict.first_seen_ns),
            last_seen: time(conflict.last_seen_ns),
            clash_path: conflict.clash_path.as_ref().map(RelPath::display),
            left: version(Side::Left),
            right: version(Side::Right),
        }
    }
}

/// One conflict with everything there is to see of it now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConflictView {
    /// The format of this document.
    pub format: u32,
    /// As it is on record.
    pub conflict: ConflictItem,
    /// Why it is one, in a sentence.
    pub why: String,
    /// By how many milliseconds the newer version is newer.
    pub newer_by_ms: Option<u64>,
    /// What both sides last agreed on, as each side has it on record.
    pub baseline: Option<Versions>,
    /// The left version now.
    pub left: ShownVersion,
    /// The right version now.
    pub right: ShownVersion,
    /// Whether both contents are the same now; none where that could not be told.
    pub same_content: Option<bool>,
    /// What differs, from the older to the newer, as a unified diff.
    pub diff: Option<String>,
    /// Why there is no diff.
    pub no_diff: Option<String>,
    /// What can be done about it.
    pub advice: String,
}

/// One side's version of a conflict, now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ShownVersion {
    /// Where it lies on its side.
    pub path: String,
    /// `as-recorded`, `changed`, `gone` or `unreadable`.
    pub standing: String,
    /// What is there now.
    pub now: Option<VersionReport>,
    /// The BLAKE3 of its content, read just now.
    pub digest: Option<String>,
    /// Whether that is the digest both sides once agreed on; none where no digest is on record.
    pub holds_agreed: Option<bool>,
    /// Why it could not be read.
    pub error: Option<String>,
}

impl ConflictList {
    /// The inbox of a pair that was never synced.
    pub(crate) const fn none() -> Self {
        Self { format: FORMAT, open: 0, settled: 0, conflicts: Vec::new() }
    }

    /// The inbox as the state has it.
    pub(crate) fn of(state: &State, all: bool) -> Result<Self, StateError> {
        let known = state.conflicts()?;
        let open = known.iter().filter(|one| one.state == ConflictState::Open).count() as u64;
        Ok(Self {
            format: FORMAT,
            open,
            settled: known.len() as u64 - open,
            conflicts: known
                .iter()
                .filter(|one| all || one.state == ConflictState::Open)
                .map(ConflictItem::from)
                .collect(),
        })
    }
}

/// The rule of a conflict by its stable name.
fn rule_named(name: &str) -> Option<Rule> {
    Rule::CONFLICTS.into_iter().find(|rule| rule.name() == name)
}

/// Why a rule met, in a sentence.
fn why(rule: &str) -> String {
    match rule_named(rule) {
        Some(Rule::BothChanged) => "the content changed on both sides since they last agreed",
        Some(Rule::BothCreated) => "both sides have it, they never agreed on it, and the contents differ",
        Some(Rule::PropsBoth) => {
            "the content is the same, but its time, attributes or spelling changed on both sides in different ways"
        }
        Some(Rule::SilentCorruption) => {
            "the contents differ although neither side shows a trace of a change since they last agreed: one of the \
             two was damaged silently, by a bad disk say"
        }
        _ => "both versions may be wanted",
    }
    .to_owned()
}

/// What was found of one version.
struct Looked {
    at: RelPath,
    now: Option<Entry>,
    digest: Option<Digest>,
    problem: Option<Problem>,
    as_recorded: bool,
}

impl Session {
    /// The inbox: what waits, and with `all` also what a clash copy has settled.
    pub fn conflicts(&self, all: bool) -> Result<ConflictList, SessionError> {
        Ok(match &self.state {
            Some(state) => ConflictList::of(state, all)?,
            None => ConflictList::none(),
        })
    }

    /// One conflict closely: both contents are read now. `path` is relative to the roots, or lies in one of them.
    pub fn conflict(&self, path: &Path, watch: &dyn Watch) -> Result<ConflictView, SessionError> {
        let path = self.path_of(path)?;
        let key = self.equivalence().path_key(&path);
        let state = self.state.as_ref();
        let Some(conflict) = state.map(|state| state.conflict(&key)).transpose()?.flatten() else {
            return Err(SessionError::NoConflict { path: path.display() });
        };
        let agreed = state.map(|state| state.agreed(&key)).transpose()?.flatten();
        // Once a clash copy was made, the older version lies there.
        let places = Sides::from_fn(|side| match (&conflict.clash_path, conflict.newer) {
            (Some(clash), Some(newer)) if conflict.state == ConflictState::Settled && side != newer => {
                self.equivalence().path_key(clash)
            }
            _ => key.clone(),
        });
        let places = self.as_spelled(places, watch)?;
        let looked = Sides::from_fn(|side| {
            let recorded = conflict.versions[side].as_ref().map(|version| version.entry);
            self.look_closely(side, places[side].clone(), recorded, conflict.state, watch)
        });
        let settled = conflict.state == ConflictState::Settled;
        let agreed_digest = agreed.as_ref().filter(|_| !settled).and_then(|agreed| agreed.digest);
        let shown = looked.as_ref().map(|one| ShownVersion {
            path: one.at.display(),
            standing: match (&one.now, &one.problem) {
                (_, Some(_)) => "unreadable",
                (None, None) => "gone",
                (Some(_), None) if one.as_recorded => "as-recorded",
                (Some(_), None) => "changed",
            }
            .to_owned(),
            now: one.now.as_ref().map(VersionReport::from),
            digest: one.digest.map(|digest| digest.to_string()),
            holds_agreed: one.digest.zip(agreed_digest).map(|(now, then)| now == then),
            error: one.problem.as_ref().map(Problem::explain),
        });
        let (diff, no_diff) = match self.difference(&looked, conflict.newer) {
            Ok(diff) => (Some(diff), None),
            Err(reason) => (None, Some(reason)),
        };
        let times = Sides::from_fn(|side| conflict.versions[side].as_ref().map(|one| one.entry.mtime_ns));
        let apart = times.left.zip(times.right).map(|(left, right)| left.abs_diff(right) / 1_000_000);
        let digests = looked.as_ref().map(|one| one.digest);
        Ok(ConflictView {
            format: FORMAT,
            why: why(&conflict.rule),
            newer_by_ms: apart,
            baseline: agreed
                .as_ref()
                .filter(|_| !settled)
                .map(|agreed| Sides::from_fn(|side| Some(VersionReport::from(&agreed.entry(side)))).into()),
            same_content: digests.left.zip(digests.right).map(|(left, right)| left == right),
            diff,
            no_diff,
            advice: advice(&looked, settled),
            left: shown.left,
            right: shown.right,
            conflict: (&conflict).into(),
        })
    }

    /// Key paths as each side spells them. Only where names fold does that take a scan.
    fn as_spelled(&self, keys: Sides<RelPath>, watch: &dyn Watch) -> Result<Sides<RelPath>, SessionError> {
        if self.equivalence().is_exact() {
            return Ok(keys);
        }
        let snapshots = self.scan_both(&sync_core::part::Part::Everything, watch)?;
        Ok(Sides::from_fn(|side| snapshots[side].spelled(&keys[side]).unwrap_or_else(|| keys[side].clone())))
    }

    fn look_closely(
        &self,
        side: Side,
        at: RelPath,
        recorded: Option<Entry>,
        state: ConflictState,
        watch: &dyn Watch,
    ) -> Looked {
        let replica = &self.replicas[side];
        let mut looked = Looked { at, now: None, digest: None, problem: None, as_recorded: false };
        match replica.look(&looked.at) {
            Ok(now) => looked.now = now,
            Err(problem) if problem.kind == ProblemKind::NotFound => {}
            Err(problem) => looked.problem = Some(problem),
        }
        let Some(now) = looked.now else { return looked };
        looked.as_recorded = recorded.is_some_and(|then| match state {
            ConflictState::Open => then.is_same_version(&now),
            // What was kept beside may be a copy: another file with the same time.
            ConflictState::Settled => {
                let step = self.terms.abilities[side].mtime_precision_ns;
                then.kind == now.kind && then.size == now.size && then.mtime_ns.abs_diff(now.mtime_ns) <= step
            }
        });
        if now.kind == Kind::File {
            let control = Watched { watch, throttle: None };
            match replica.contents(&looked.at, &now, &control) {
                Ok(contents) => looked.digest = Some(contents.digest),
                Err(problem) => looked.problem = Some(problem),
            }
        }
        looked
    }

    fn difference(&self, looked: &Sides<Looked>, newer: Option<Side>) -> Result<String, String> {
        let new_side = newer.unwrap_or(Side::Left);
        let text = |side: Side| {
            let one = &looked[side];
            match (&one.now, &one.problem) {
                (_, Some(problem)) => {
                    Err(format!("the {side} version could not be read: {}", problem.explain()))
                }
                (None, None) => Err(format!("the {side} version is gone")),
                (Some(entry), None) => Ok(Text {
                    replica: &*self.replicas[side],
                    at: &one.at,
                    entry,
                    title: format!("{side} version"),
                }),
            }
        };
        let (old, new) = (text(new_side.other())?, text(new_side)?);
        if looked.left.digest.is_some() && looked.left.digest == looked.right.digest {
            return Err("both contents are the same".to_owned());
        }
        unified(&old, &new)
    }
}

fn advice(looked: &Sides<Looked>, settled: bool) -> String {
    let same = looked.left.digest.is_some() && looked.left.digest == looked.right.digest;
    if !settled && looked.either(|one| one.now.is_none() && one.problem.is_none()) {
        "one version is gone: the next sync sees to the rest".to_owned()
    } else if !looked.both(|one| one.as_recorded) {
        "a version has changed since: run `bothways sync`, then look again".to_owned()
    } else if settled {
        "`bothways conflicts resolve PATH --keep left|right|newer` puts that content at the path and the other one \
         into the trash, on both sides; `--keep both` leaves everything as it is"
            .to_owned()
    } else if same {
        "both contents are the same: `--keep left` or `--keep right` takes over that side's properties"
            .to_owned()
    } else {
        "`bothways conflicts resolve PATH --keep left|right|newer|both`; a version that is given up goes to the trash"
            .to_owned()
    }
}
