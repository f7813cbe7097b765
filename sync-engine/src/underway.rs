//! What a run is about to do that would leave no trace of its meaning if the run were killed half way.
//!
//! Most of what a killed run did speaks for itself: a copy that arrived is the same on both sides and is adopted, a
//! deletion that was made is forgotten. Three things do not. A rename takes the baseline of everything inside it
//! along; a directory that its owner may not write to is open until it is filled; and properties are set one after
//! the other. So these are noted in the state before the first of them is done, and the next run, before it looks
//! at anything else, makes the baseline say what it would have said. Must never change a replica.
//!
//! The core's own pairing of renames that both sides show (`twins.rs` there) is no second copy of this: it reads
//! numbers, not notes, and so serves users who made the same rename twice by hand and a state that is older than its
//! sides, but neither sides without numbers, nor directories left open, nor properties half set.
//!
//! Start with [`Underway::remember`] and [`Session::recall_underway`].

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sync_core::baseline::{Agreed, BaselineChange, Record};
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::plan::{Action, Phase, Plan, Transition};
use sync_core::side::{Side, Sides};
use sync_replica::ProblemKind;
use sync_state::{Commit, State};

use crate::error::SessionError;
use crate::session::Session;

/// Under which the state keeps it.
pub(crate) const NOTE: &str = "underway";

/// A path in a form that any path fits into.
type Bytes = Vec<u8>;

/// A version as it was expected.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Version {
    kind: u8,
    attributes: Option<(bool, u16)>,
    size: u64,
    mtime_ns: i64,
    ctime_ns: i64,
    file_id: Option<std::num::NonZeroU64>,
}

impl From<&Entry> for Version {
    fn from(entry: &Entry) -> Self {
        Self {
            kind: match entry.kind {
                Kind::File => 0,
                Kind::Dir => 1,
                Kind::Symlink => 2,
            },
            attributes: match entry.attributes {
                Attributes::NotHeld => None,
                Attributes::Unix(bits) => Some((false, bits)),
                Attributes::Windows(bits) => Some((true, bits)),
            },
            size: entry.size,
            mtime_ns: entry.mtime_ns,
            ctime_ns: entry.ctime_ns,
            file_id: entry.file_id,
        }
    }
}

impl Version {
    fn entry(&self) -> Entry {
        Entry {
            kind: match self.kind {
                1 => Kind::Dir,
                2 => Kind::Symlink,
                _ => Kind::File,
            },
            attributes: match self.attributes {
                None => Attributes::NotHeld,
                Some((false, bits)) => Attributes::Unix(bits),
                Some((true, bits)) => Attributes::Windows(bits),
            },
            size: self.size,
            mtime_ns: self.mtime_ns,
            ctime_ns: self.ctime_ns,
            file_id: self.file_id,
        }
    }
}

/// One thing that is about to be done.
#[derive(Clone, Serialize, Deserialize)]
struct Promise {
    /// The key path of its action.
    key: Bytes,
    /// Whether the right side is the one that changes.
    on_right: bool,
    /// Where each side has it afterwards.
    left: Bytes,
    right: Bytes,
    what: What,
}

#[derive(Clone, Serialize, Deserialize)]
enum What {
    /// The entry at `from` gets another path.
    Rename { from: Bytes, from_key: Bytes, expect: Version },
    /// A directory is made that gets its permissions only when it is filled.
    Close { attributes: u16 },
    /// Properties become those of `source`, one after the other.
    Properties { expect: Version, source: Version },
}

/// The promises of a run that were not kept yet, in the order in which they are to be kept.
#[derive(Default)]
pub(crate) struct Underway {
    promises: Vec<Option<Promise>>,
    places: HashMap<(Phase, RelPath), usize>,
}

impl Underway {
    /// Notes it in the state, durably.
    pub(crate) fn remember(&self, state: &State) -> Result<(), SessionError> {
        if let Some(note) = self.note() {
            state.set_note(NOTE, Some(&note))?;
        }
        Ok(())
    }

    /// What of a plan has to be noted, beside what could not be judged yet of an earlier one.
    pub(crate) fn of(plan: &Plan, state: &State) -> Result<Self, SessionError> {
        let mut underway = Self::default();
        underway.promises.extend(noted(state)?.into_iter().flatten().map(Some));
        for action in &plan.actions {
            if let Some(promise) = promise_of(action) {
                underway.places.insert((action.phase, action.path.clone()), underway.promises.len());
                underway.promises.push(Some(promise));
            }
        }
        Ok(underway)
    }

    /// An action was carried out whole.
    pub(crate) fn keep(&mut self, action: &Action) {
        if self.promises.is_empty() {
            return;
        }
        if let Some(place) = self.places.remove(&(action.phase, action.path.clone())) {
            self.promises[place] = None;
        }
    }

    /// The note; none when there is nothing to note.
    pub(crate) fn note(&self) -> Option<Vec<u8>> {
        written(&self.promises.iter().flatten().collect::<Vec<_>>())
    }
}

fn written(promises: &[&Promise]) -> Option<Vec<u8>> {
    if promises.is_empty() { None } else { serde_json::to_vec(promises).ok() }
}

/// The promises in the state. A note that cannot be read is of another version of the program: without it, at worst
/// a path clashes.
fn noted(state: &State) -> Result<Option<Vec<Promise>>, SessionError> {
    Ok(state.note(NOTE)?.map(|note| serde_json::from_slice(&note).unwrap_or_default()))
}

fn promise_of(action: &Action) -> Option<Promise> {
    let memo = action.agree.iter().find(|memo| memo.path == action.path)?;
    let what = action.transitions.iter().find_map(|transition| match transition {
        Transition::Rename { from, expect, .. } if matches!(action.rule, Rule::Renamed(_)) => {
            Some(What::Rename {
                from: from.as_bytes().to_vec(),
                from_key: action.forget.first()?.as_bytes().to_vec(),
                expect: expect.into(),
            })
        }
        Transition::SetProperties { source, .. } if action.phase == Phase::Replacements => {
            let Attributes::Unix(attributes) = source.attributes else { return None };
            Some(What::Close { attributes })
        }
        Transition::SetProperties { expect, source, .. } => {
            Some(What::Properties { expect: expect.into(), source: source.into() })
        }
        _ => None,
    })?;
    Some(Promise {
        key: action.path.as_bytes().to_vec(),
        on_right: action.transitions.first()?.side() == Side::Right,
        left: memo.spelled.left.as_bytes().to_vec(),
        right: memo.spelled.right.as_bytes().to_vec(),
        what,
    })
}

impl Session {
    /// Makes the baseline say what the last run would have said of what it had noted and done.
    pub(crate) fn recall_underway(&self) -> Result<(), SessionError> {
        let Some(state) = self.state.as_ref().filter(|_| !self.read_only) else { return Ok(()) };
        let Some(promises) = noted(state)? else { return Ok(()) };
        let mut recall = Recall { session: self, state, changes: BTreeMap::new(), blind: false };
        let mut unjudged = Vec::new();
        for promise in &promises {
            recall.blind = false;
            recall.one(promise)?;
            if recall.blind {
                unjudged.push(promise);
            }
        }
        let changes: Vec<_> =
            recall.changes.into_iter().map(|(path, agreed)| BaselineChange { path, agreed }).collect();
        if !changes.is_empty() {
            for side in Side::BOTH {
                self.replicas[side].flush().map_err(|problem| self.root_error(side, problem))?;
            }
            log::info!(operation = "recover"; "{} rows of the baseline follow an interrupted run", changes.len());
        }
        if changes.is_empty() && unjudged.len() == promises.len() && !promises.is_empty() {
            return Ok(());
        }
        let left = written(&unjudged);
        state.commit(&Commit {
            baseline: &changes,
            notes: &[(NOTE, left.as_deref())],
            ..Commit::default()
        })?;
        Ok(())
    }
}

struct Recall<'a> {
    session: &'a Session,
    state: &'a State,
    /// What earlier promises have changed already.
    changes: BTreeMap<RelPath, Option<Agreed>>,
    /// Something could not be looked at, so that the promise has to wait.
    blind: bool,
}

impl Recall<'_> {
    fn agreed(&self, key: &RelPath) -> Result<Option<Agreed>, SessionError> {
        match self.changes.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => Ok(self.state.agreed(key)?),
        }
    }

    /// What is at a path.
    fn look(&mut self, side: Side, at: &RelPath) -> Option<Entry> {
        match self.session.replicas[side].look(at) {
            Ok(found) => found,
            // A pipe in its place: whatever the run did there is gone.
            Err(problem) if problem.kind == ProblemKind::Unsupported => None,
            Err(_) => {
                self.blind = true;
                None
            }
        }
    }

    fn one(&mut self, promise: &Promise) -> Result<(), SessionError> {
        let path = |bytes: &Bytes| RelPath::new(bytes.clone()).ok().filter(|path| !path.is_root());
        let (Some(key), Some(left), Some(right)) =
            (path(&promise.key), path(&promise.left), path(&promise.right))
        else {
            return Ok(());
        };
        let spelled = Sides { left, right };
        let on = if promise.on_right { Side::Right } else { Side::Left };
        match &promise.what {
            What::Rename { from, from_key, expect } => match (path(from), path(from_key)) {
                (Some(from), Some(from_key)) => {
                    self.renamed(on, &key, &spelled, &from, &from_key, &expect.entry())
                }
                _ => Ok(()),
            },
            What::Close { attributes } => self.left_open(on, key, &spelled, *attributes),
            What::Properties { expect, source } => {
                self.half_set(on, key, &spelled, &expect.entry(), &source.entry())
            }
        }
    }

    fn renamed(
        &mut self,
        on: Side,
        to_key: &RelPath,
        spelled: &Sides<RelPath>,
        from: &RelPath,
        from_key: &RelPath,
        expect: &Entry,
    ) -> Result<(), SessionError> {
        let is_it = |found: Option<Entry>| found.is_some_and(|found| expect.is_same_version_moved(&found));
        if from_key == to_key
            || !is_it(self.look(on, &spelled[on]))
            || is_it(self.look(on, from))
            || self.blind
            || self.agreed(to_key)?.is_some()
        {
            return Ok(());
        }
        let Some(mut moved) = self.agreed(from_key)? else { return Ok(()) };
        for side in Side::BOTH {
            let name = spelled[side].name();
            moved.sides[side].name = (name != to_key.name()).then(|| name.into());
        }
        let mut rows = BTreeMap::new();
        if moved.kind == Kind::Dir {
            for dir in self.state.baseline_below(from_key)? {
                let dir = dir?;
                for (name, agreed) in dir.children {
                    if let Ok(path) = dir.path.join(&name) {
                        rows.insert(path, Some(agreed));
                    }
                }
            }
            let changed = self.changes.iter().filter(|(path, _)| path.starts_with(from_key));
            rows.extend(changed.map(|(path, agreed)| (path.clone(), agreed.clone())));
        }
        rows.insert(from_key.clone(), Some(moved));
        for (path, agreed) in rows {
            if let Some(agreed) = agreed {
                self.changes.insert(path.rebased(from_key, to_key), Some(agreed));
            }
            self.changes.insert(path, None);
        }
        Ok(())
    }

    /// The other side's permissions count as a change made since, which the next plan carries over.
    fn left_open(
        &mut self,
        on: Side,
        key: RelPath,
        spelled: &Sides<RelPath>,
        wanted: u16,
    ) -> Result<(), SessionError> {
        let found = Sides::from_fn(|side| self.look(side, &spelled[side]).filter(Entry::is_dir));
        let Sides { left: Some(left), right: Some(right) } = found else { return Ok(()) };
        let found = Sides { left, right };
        let open = found[on].attributes;
        if found[on.other()].attributes != Attributes::Unix(wanted) || !open.differ(Attributes::Unix(wanted))
        {
            return Ok(());
        }
        let mut agreed = match self.agreed(&key)? {
            Some(agreed) if agreed.kind != Kind::Dir => return Ok(()),
            Some(agreed) => agreed,
            None => Agreed {
                kind: Kind::Dir,
                size: 0,
                digest: None,
                target: None,
                sides: Sides::from_fn(|side| {
                    Record::of(&found[side], spelled[side].name(), key.name(), None)
                }),
            },
        };
        agreed.sides[on].attributes = open;
        agreed.sides[on.other()].attributes = open;
        self.changes.insert(key, Some(agreed));
        Ok(())
    }

    /// What was set already is no change of the user's.
    fn half_set(
        &mut self,
        on: Side,
        key: RelPath,
        spelled: &Sides<RelPath>,
        before: &Entry,
        source: &Entry,
    ) -> Result<(), SessionError> {
        let Some(mut agreed) = self.agreed(&key)? else { return Ok(()) };
        let Some(found) = self.look(on, &spelled[on]) else { return Ok(()) };
        let record = &mut agreed.sides[on];
        let step = self.session.terms.abilities[on].mtime_precision_ns;
        let is_uncommitted = record.mtime_ns == before.mtime_ns && record.attributes == before.attributes;
        let is_ours = found.kind == before.kind
            && found.size == before.size
            && (before.file_id.is_none() || found.file_id == before.file_id)
            && (found.attributes == before.attributes || !found.attributes.differ(source.attributes))
            && (found.is_dir()
                || found.mtime_ns == before.mtime_ns
                || found.mtime_ns.abs_diff(source.mtime_ns) < step.max(1));
        if !is_uncommitted || !is_ours || found == *before {
            return Ok(());
        }
        *record = Record { name: record.name.take(), ..Record::of(&found, b"", b"", None) };
        self.changes.insert(key, Some(agreed));
        Ok(())
    }
}
