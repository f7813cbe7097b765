//! What undoing a run takes.
//!
//! Owns [`undo`]: from what a run did, in its order, and from what both sides and their trash hold now, to a plan
//! that takes it back step by step, last things first, and to what cannot be taken back and why.
//!
//! # What undoing means
//!
//! It acts on the side that the run had changed, path by path:
//!
//! | the run | the undo |
//! | --- | --- |
//! | deleted a file, link or folder | puts it back from the trash; an empty folder is made anew |
//! | replaced a version | puts the kept one back; the one in its place goes to the trash |
//! | made a copy or a folder | moves the copy to the trash; removes the folder when nothing is left in it |
//! | renamed | renames back |
//! | set properties | sets those that the journal has of before: time and permissions |
//! | kept an older version beside | gives it its own name again, and takes the copies away |
//! | undid or restored something | the same table, since that is recorded like anything else |
//!
//! Nothing is touched that is not exactly as the run left it. The baseline is not touched at all: it goes on saying
//! what both sides last agreed on, so that what was put back counts as the newest edit of its side, and the next
//! sync carries it over to the other one. A file that comes back after a deletion is new there; an older version
//! that came back replaces the newer one on the other side, which the undo has put in the trash of this side,
//! whatever its size; a copy that was taken away is deleted on the other side as well. What the other side's user
//! has changed meanwhile meets it as a conflict. So no version is lost to an undo while the trash holds it.
//!
//! Must never plan anything over a version that it has not seen. Start with [`undo`].

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::clash::clash_name;
use crate::entry::{Attributes, Entry, Kind};
use crate::fold::Equivalence;
use crate::matrix::{Rule, State};
use crate::path::RelPath;
use crate::plan::{Action, Phase, Plan, Transition};
use crate::side::{Side, Sides};

/// What kind of thing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Something was put at a path: a copy, a folder, a version from the trash.
    Put,
    /// A version was given a second name, or moved out of the way.
    Beside,
    /// Something was renamed.
    Renamed,
    /// Properties were set.
    Dressed,
    /// Something was taken away.
    Took,
}

impl Deed {
    /// What an action's word in the journal stands for; `renames` tells whether another path came with it. None for
    /// words that change nothing.
    pub fn of(word: &str, renames: bool) -> Option<Self> {
        Some(match word {
            "CLASH_CREATE" if renames => Self::Beside,
            "CLASH_CREATE" | "COPY_LEFT_TO_RIGHT" | "COPY_RIGHT_TO_LEFT" | "MKDIR_LEFT" | "MKDIR_RIGHT"
            | "RESTORE_LEFT" | "RESTORE_RIGHT" => Self::Put,
            "RENAME_LEFT" | "RENAME_RIGHT" => Self::Renamed,
            "SET_PROPS_LEFT" | "SET_PROPS_RIGHT" => Self::Dressed,
            "DELETE_LEFT" | "DELETE_RIGHT" | "SOFT_DELETE_LEFT" | "SOFT_DELETE_RIGHT" | "RMDIR_LEFT"
            | "RMDIR_RIGHT" => Self::Took,
            _ => return None,
        })
    }
}

/// One thing that a run has done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// What kind of thing.
    pub deed: Deed,
    /// On which side.
    pub side: Side,
    /// Where.
    pub path: RelPath,
    /// The other path, for [`Deed::Beside`] and [`Deed::Renamed`].
    pub to: Option<RelPath>,
    /// The version that was there before.
    pub before: Option<Entry>,
    /// The version that was there afterwards.
    pub after: Option<Entry>,
    /// Where the version of before went in the side's trash.
    pub trashed: Option<RelPath>,
}

/// What is at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// This version.
    Version(Entry),
    /// It could not be looked at.
    Unseen(Box<str>),
}

/// What an undo can see of the world.
pub trait Sight {
    /// What a side holds at a path.
    fn look(&self, side: Side, at: &RelPath) -> Found;
    /// What lies at a place in a side's trash.
    fn in_trash(&self, side: Side, place: &RelPath) -> Option<Entry>;
}

/// How to undo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manner<'a> {
    /// Where something else is at a path now, the old version is put beside it.
    pub keep_both: bool,
    /// How such a version is called, as for clash copies.
    pub clash_name: &'a str,
    /// How the pair compares names.
    pub equivalence: Equivalence,
}

/// Why something cannot be taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Why {
    /// The old version was not kept.
    NotKept,
    /// The old version is no longer in the trash.
    Purged,
    /// It was changed since.
    Changed,
    /// Something else is there now.
    Taken,
    /// It is gone.
    Gone,
    /// The journal does not tell enough.
    NotRecorded,
    /// It could not be looked at.
    Unseen(Box<str>),
}

impl Why {
    /// A stable identifier.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::NotKept => "not-kept",
            Self::Purged => "purged",
            Self::Changed => "changed-since",
            Self::Taken => "taken",
            Self::Gone => "gone",
            Self::NotRecorded => "not-recorded",
            Self::Unseen(_) => "unseen",
        }
    }

    /// In words.
    pub fn describe(&self) -> String {
        match self {
            Self::NotKept => "the version of before was not kept".into(),
            Self::Purged => "the version of before is no longer in the trash".into(),
            Self::Changed => "it was changed since".into(),
            Self::Taken => "something else is there now".into(),
            Self::Gone => "it is gone".into(),
            Self::NotRecorded => "the journal does not tell enough of it".into(),
            Self::Unseen(detail) => alloc::format!("it could not be looked at: {detail}"),
        }
    }
}

/// Something that stays as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Left {
    /// On which side.
    pub side: Side,
    /// Where.
    pub path: RelPath,
    /// Why.
    pub why: Why,
}

/// What undoing takes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Undoing {
    /// What is done, in order.
    pub plan: Plan,
    /// What cannot be taken back.
    pub left: Vec<Left>,
    /// How many things are as they were before already.
    pub already: u64,
}

/// Decides how to take back what a run has done, given in its order.
pub fn undo(done: &[Done], sight: &dyn Sight, manner: &Manner<'_>) -> Undoing {
    let mut undoer = Undoer {
        done,
        sight,
        manner,
        held: BTreeMap::new(),
        moves: Vec::new(),
        home: Vec::new(),
        consumed: BTreeSet::new(),
        closing: Vec::new(),
        undoing: Undoing::default(),
    };
    undoer.find_home();
    for index in (0..done.len()).rev() {
        undoer.one(index);
    }
    let mut closing = core::mem::take(&mut undoer.closing);
    // Children before parents: a closed directory keeps its owner out of what is in it.
    closing.reverse();
    undoer.undoing.plan.actions.append(&mut closing);
    undoer.undoing
}

/// Whether two looks saw the same version, whatever became of its names.
fn same(a: &Entry, b: &Entry) -> bool {
    a.is_same_version_moved(b) && (a.is_dir() || !a.attributes.differ(b.attributes))
}

/// The same where a version may have come as a copy, which has a number of its own.
fn looks_same(a: &Entry, b: &Entry) -> bool {
    same(&Entry { file_id: None, ..*a }, b)
}

const fn directory(attributes: Attributes) -> Entry {
    Entry { kind: Kind::Dir, attributes, size: 0, mtime_ns: 0, ctime_ns: 0, file_id: None }
}

type Verdict<T> = Result<T, Why>;

struct Undoer<'a> {
    done: &'a [Done],
    sight: &'a dyn Sight,
    manner: &'a Manner<'a>,
    /// What paths hold once the steps so far are made, by key.
    held: BTreeMap<(Side, RelPath), Option<Entry>>,
    /// Directories that the steps so far rename: from, to.
    moves: Vec<(Side, RelPath, RelPath)>,
    /// Renames of directories that an earlier undo has taken back: by index, with what the run renamed them to.
    home: Vec<(usize, Side, RelPath, RelPath)>,
    /// Second names that were given back their own.
    consumed: BTreeSet<usize>,
    /// Permissions that come last.
    closing: Vec<Action>,
    undoing: Undoing,
}

impl Undoer<'_> {
    fn key(&self, path: &RelPath) -> RelPath {
        self.manner.equivalence.path_key(path)
    }

    fn find_home(&mut self) {
        for (index, row) in self.done.iter().enumerate() {
            let (Deed::Renamed, Some(to), Some(after)) = (row.deed, &row.to, &row.after) else { continue };
            if !after.is_dir() || self.key(to) == self.key(&row.path) {
                continue;
            }
            let (path, to) = (self.at_home(index, row.side, &row.path), self.at_home(index, row.side, to));
            let is_home = self.sight.look(row.side, &to) == Found::Nothing
                && matches!(self.sight.look(row.side, &path), Found::Version(now) if same(after, &now));
            if is_home {
                self.home.push((index, row.side, to, path));
            }
        }
    }

    /// A path of the row at `index`, as it is called after renames that were taken back already.
    fn at_home(&self, index: usize, side: Side, path: &RelPath) -> RelPath {
        let before = self.home.iter().filter(|(at, on, ..)| *at < index && *on == side);
        before.fold(path.clone(), |path, (_, _, to, from)| path.rebased(to, from))
    }

    fn look(&self, side: Side, at: &RelPath) -> Found {
        let known = |path: &RelPath| {
            self.held.get(&(side, self.key(path))).map(|held| held.map_or(Found::Nothing, Found::Version))
        };
        if let Some(found) = known(at) {
            return found;
        }
        let mut path = at.clone();
        for (_, from, to) in self.moves.iter().rev().filter(|(on, ..)| *on == side) {
            if path.starts_with(to) {
                path = path.rebased(to, from);
            } else if path.starts_with(from) {
                return Found::Nothing;
            }
        }
        self.sight.look(side, &path)
    }

    /// What is there, where it can be looked at.
    fn now(&self, side: Side, at: &RelPath) -> Verdict<Option<Entry>> {
        match self.look(side, at) {
            Found::Nothing => Ok(None),
            Found::Version(entry) => Ok(Some(entry)),
            Found::Unseen(detail) => Err(Why::Unseen(detail)),
        }
    }

    fn hold(&mut self, side: Side, at: &RelPath, entry: Option<Entry>) {
        let key = self.key(at);
        self.held.insert((side, key), entry);
    }

    fn action(&self, path: &RelPath, transitions: Vec<Transition>) -> Action {
        Action {
            path: self.key(path),
            rule: Rule::Undone,
            states: Sides { left: State::Unchanged, right: State::Unchanged },
            // All of it in this one phase, which keeps to its order.
            phase: Phase::Deletes,
            transitions,
            agree: Vec::new(),
            forget: Vec::new(),
            carried: Vec::new(),
            clash: None,
            after: None,
        }
    }

    fn push(&mut self, path: &RelPath, transitions: Vec<Transition>) {
        let action = self.action(path, transitions);
        self.undoing.plan.actions.push(action);
    }

    fn one(&mut self, index: usize) {
        let row = &self.done[index];
        let side = row.side;
        let path = self.at_home(index, side, &row.path);
        let to = row.to.as_ref().map(|to| self.at_home(index, side, to));
        let verdict = match (row.deed, &to) {
            (Deed::Put, _) => self.put(index, row, &path),
            (Deed::Took, _) => self.took(row, &path),
            (Deed::Renamed, Some(to)) => self.renamed(index, row, &path, to),
            (Deed::Beside, Some(to)) => self.beside(index, row, &path, to),
            (Deed::Dressed, _) => self.dressed(row, &path),
            (Deed::Renamed | Deed::Beside, None) => Err(Why::NotRecorded),
        };
        match verdict {
            Ok(true) => {}
            Ok(false) => self.undoing.already += 1,
            Err(why) => self.undoing.left.push(Left { side, path, why }),
        }
    }

    // ---- something was put at a path ---------------------------------------------------------------------

    fn put(&mut self, index: usize, row: &Done, path: &RelPath) -> Verdict<bool> {
        let side = row.side;
        let now = self.now(side, path)?;
        match (now, &row.before) {
            (None, None) => Ok(false),
            (None, Some(before)) => {
                let (from, version) = self.kept(row, before)?;
                self.put_back(row, path, from, version, None)
            }
            (Some(now), before) => {
                if before.is_some_and(|before| looks_same(&before, &now)) {
                    return Ok(false);
                }
                let as_left = row.after.is_some_and(|after| same(&after, &now));
                match before {
                    None if as_left => {
                        self.push(path, alloc::vec![take(side, path, now)]);
                        self.hold(side, path, None);
                        Ok(true)
                    }
                    None => Err(Why::Changed),
                    Some(before) if as_left => self.put_over(index, row, path, now, before),
                    Some(before) => self.put_beside(row, path, before, Why::Changed),
                }
            }
        }
    }

    /// The version of before takes the place of the one that the run has put there.
    fn put_over(
        &mut self,
        index: usize,
        row: &Done,
        path: &RelPath,
        now: Entry,
        before: &Entry,
    ) -> Verdict<bool> {
        let side = row.side;
        match self.kept(row, before) {
            Ok((from, version)) if now.is_dir() => {
                self.push(path, alloc::vec![take(side, path, now)]);
                self.hold(side, path, None);
                self.put_back(row, path, from, version, None)
            }
            Ok((from, version)) => self.put_back(row, path, from, version, Some(now)),
            Err(why) => {
                // An older version that was kept beside it is as good.
                let (other, clash, kept) = self.second_name(index, row, path, before).ok_or(why)?;
                let transitions = alloc::vec![
                    take(side, path, now),
                    Transition::Rename { on: side, from: clash.clone(), expect: kept, to: path.clone() },
                ];
                self.push(path, transitions);
                self.hold(side, path, Some(kept));
                self.hold(side, &clash, None);
                self.consumed.insert(other);
                Ok(true)
            }
        }
    }

    /// The clash copy of the version that a row has replaced, where it is as it was made.
    fn second_name(
        &self,
        index: usize,
        row: &Done,
        path: &RelPath,
        before: &Entry,
    ) -> Option<(usize, RelPath, Entry)> {
        self.done[..index].iter().enumerate().rev().find_map(|(other, made)| {
            let fits = made.deed == Deed::Beside
                && made.side == row.side
                && self.at_home(other, made.side, &made.path) == *path
                && made.before.is_some_and(|seen| looks_same(&seen, before));
            let clash = self.at_home(other, made.side, made.to.as_ref().filter(|_| fits)?);
            match (self.look(row.side, &clash), made.after) {
                (Found::Version(now), Some(after)) if same(&after, &now) => Some((other, clash, now)),
                _ => None,
            }
        })
    }

    // ---- something was taken away ------------------------------------------------------------------------

    fn took(&mut self, row: &Done, path: &RelPath) -> Verdict<bool> {
        let side = row.side;
        let before = row.before.ok_or(Why::NotRecorded)?;
        match self.now(side, path)? {
            Some(now) if before.is_dir() && now.is_dir() => Ok(false),
            Some(now) if looks_same(&before, &now) => Ok(false),
            Some(_) => self.put_beside(row, path, &before, Why::Taken),
            None if before.is_dir() && row.trashed.is_none() => {
                self.make_parents(side, path)?;
                self.remake(side, path, before.attributes);
                Ok(true)
            }
            None => {
                let (from, version) = self.kept(row, &before)?;
                self.put_back(row, path, from, version, None)
            }
        }
    }

    /// Where the version of before lies in the trash.
    fn kept(&self, row: &Done, before: &Entry) -> Verdict<(RelPath, Entry)> {
        let place = row.trashed.as_ref().ok_or(Why::NotKept)?;
        let held = self.sight.in_trash(row.side, place);
        let version = held.filter(|held| looks_same(before, held)).ok_or(Why::Purged)?;
        Ok((place.clone(), version))
    }

    fn put_back(
        &mut self,
        row: &Done,
        at: &RelPath,
        from: RelPath,
        version: Entry,
        expect: Option<Entry>,
    ) -> Verdict<bool> {
        let (on, was) = (row.side, row.path.clone());
        self.make_parents(on, at)?;
        self.push(at, alloc::vec![Transition::PutBack { on, from, was, version, at: at.clone(), expect }]);
        self.hold(on, at, Some(version));
        Ok(true)
    }

    /// The version of before is put beside what is at its path, where that is wanted.
    fn put_beside(&mut self, row: &Done, path: &RelPath, before: &Entry, why: Why) -> Verdict<bool> {
        if !self.manner.keep_both || before.is_dir() {
            return Err(why);
        }
        let (from, version) = self.kept(row, before)?;
        for number in 1..1000 {
            let name = clash_name(self.manner.clash_name, path.name(), before.mtime_ns, number);
            let Ok(beside) = path.with_name(&name) else { return Err(why) };
            if self.now(row.side, &beside)?.is_none() {
                return self.put_back(row, &beside, from, version, None);
            }
        }
        Err(why)
    }

    fn make_parents(&mut self, side: Side, path: &RelPath) -> Verdict<()> {
        let mut above: Vec<RelPath> = path.ancestors().filter(|above| !above.is_root()).collect();
        above.reverse();
        for dir in above {
            match self.now(side, &dir)? {
                Some(entry) if entry.is_dir() => {}
                Some(_) => return Err(Why::Taken),
                None => self.remake(side, &dir, Attributes::NotHeld),
            }
        }
        Ok(())
    }

    fn remake(&mut self, on: Side, at: &RelPath, attributes: Attributes) {
        self.push(at, alloc::vec![Transition::RemakeDir { on, at: at.clone(), attributes }]);
        let made = directory(attributes);
        self.hold(on, at, Some(made));
        if matches!(attributes, Attributes::Unix(mode) if mode & 0o300 != 0o300) {
            let reset = Transition::Reset { on, at: at.clone(), expect: made, to: made };
            let action = self.action(at, alloc::vec![reset]);
            self.closing.push(action);
        }
    }

    // ---- names and properties ----------------------------------------------------------------------------

    fn renamed(&mut self, index: usize, row: &Done, path: &RelPath, to: &RelPath) -> Verdict<bool> {
        let on = row.side;
        if self.home.iter().any(|(at, ..)| *at == index) {
            return Ok(false);
        }
        let after = row.after.ok_or(Why::NotRecorded)?;
        let respelled = self.key(to) == self.key(path);
        let there = self.now(on, to)?;
        let back = if respelled { None } else { self.now(on, path)? };
        match (there, back) {
            (Some(there), None) if same(&after, &there) => {
                self.make_parents(on, path)?;
                self.rename(on, to, there, path);
                Ok(true)
            }
            (None, Some(back)) if same(&after, &back) => Ok(false),
            (Some(there), Some(_)) if same(&after, &there) => Err(Why::Taken),
            (None, _) => Err(Why::Gone),
            (Some(_), _) => Err(Why::Changed),
        }
    }

    fn rename(&mut self, on: Side, from: &RelPath, expect: Entry, to: &RelPath) {
        let rename = Transition::Rename { on, from: from.clone(), expect, to: to.clone() };
        self.push(to, alloc::vec![rename]);
        // What was foreseen for anything inside goes along.
        let inside: Vec<_> = self
            .held
            .iter()
            .filter(|((side, path), _)| *side == on && path.starts_with(&self.key(from)))
            .map(|((_, path), held)| (path.clone(), *held))
            .collect();
        let (from_key, to_key) = (self.key(from), self.key(to));
        for (path, held) in inside {
            self.held.remove(&(on, path.clone()));
            self.held.insert((on, path.rebased(&from_key, &to_key)), held);
        }
        self.hold(on, from, None);
        self.hold(on, to, Some(expect));
        if expect.is_dir() {
            self.moves.push((on, from.clone(), to.clone()));
        }
    }

    fn beside(&mut self, index: usize, row: &Done, path: &RelPath, clash: &RelPath) -> Verdict<bool> {
        let side = row.side;
        if self.consumed.contains(&index) {
            return Ok(true);
        }
        let (before, after) = row.before.zip(row.after).ok_or(Why::NotRecorded)?;
        let kept = match self.now(side, clash)? {
            None => return Ok(false),
            Some(now) if same(&after, &now) => now,
            Some(_) => return Err(Why::Changed),
        };
        match self.now(side, path)? {
            Some(now) if looks_same(&before, &now) => {
                self.push(clash, alloc::vec![take(side, clash, kept)]);
                self.hold(side, clash, None);
                Ok(true)
            }
            None => {
                self.make_parents(side, path)?;
                self.rename(side, clash, kept, path);
                Ok(true)
            }
            Some(_) => Err(Why::Taken),
        }
    }

    fn dressed(&mut self, row: &Done, path: &RelPath) -> Verdict<bool> {
        let on = row.side;
        let (before, after) = row.before.zip(row.after).ok_or(Why::NotRecorded)?;
        let now = self.now(on, path)?.ok_or(Why::Gone)?;
        let dressed_as = |wanted: &Entry| {
            (now.is_dir() || now.mtime_ns == wanted.mtime_ns) && !now.attributes.differ(wanted.attributes)
        };
        let is_it = same(
            &Entry { attributes: Attributes::NotHeld, mtime_ns: now.mtime_ns, ..after },
            &Entry { attributes: Attributes::NotHeld, ..now },
        );
        // Each may be as before or as after: whoever stops in between leaves a mix.
        let known_time = now.is_dir() || [before.mtime_ns, after.mtime_ns].contains(&now.mtime_ns);
        let known_bits =
            [before.attributes, after.attributes].iter().any(|bits| !now.attributes.differ(*bits));
        if !is_it || !known_time || !known_bits {
            return Err(Why::Changed);
        }
        if dressed_as(&before) {
            return Ok(false);
        }
        self.push(path, alloc::vec![Transition::Reset { on, at: path.clone(), expect: now, to: before }]);
        let (attributes, mtime_ns) = (before.attributes, before.mtime_ns);
        self.hold(on, path, Some(Entry { attributes, mtime_ns, ..now }));
        Ok(true)
    }
}

/// Takes something away, to the trash.
fn take(on: Side, at: &RelPath, expect: Entry) -> Transition {
    let at = at.clone();
    if expect.is_dir() {
        Transition::RemoveDir { on, at, expect, soft: true }
    } else {
        Transition::Remove { on, at, expect, soft: true }
    }
}
