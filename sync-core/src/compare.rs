//! Three trees side by side.
//!
//! Owns the merge-join of both snapshots and the baseline, [`compare`], and its result, [`Comparison`]: the paths
//! at which anything is not exactly as it was when both sides last agreed. A quiet tree of a million files
//! compares to an empty list. Nothing is decided here.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::iter::Peekable;

use crate::abilities::Abilities;
use crate::baseline::{Agreed, AgreedDir, Was};
use crate::entry::{Entry, Kind, Reason, Trouble, held_and_differ};
use crate::fold::Equivalence;
use crate::guard::Taken;
use crate::guidance::Focus;
use crate::path::RelPath;
use crate::plan::Blocked;
use crate::side::{Side, Sides};
use crate::snapshot::{Listed, Listing, Snapshot, Unobserved};

/// What one side shows at one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sighting {
    /// Its directory was read, and it is not there.
    Absent,
    /// It is there.
    Present(Seen),
    /// It could not be observed. A trouble is told once, at its cause, and not at every path below it.
    Unknown {
        /// Why.
        trouble: Trouble,
        /// The path as the side spells it, when the name was seen.
        spelled: Option<RelPath>,
        /// Whether this path is the cause itself.
        cause: bool,
    },
}

impl Sighting {
    /// What was seen, if anything.
    pub fn seen(&self) -> Option<&Seen> {
        match self {
            Self::Present(seen) => Some(seen),
            _ => None,
        }
    }

    /// The entry that was seen, if any.
    pub fn entry(&self) -> Option<&Entry> {
        self.seen().map(|seen| &seen.entry)
    }

    /// Whether a directory was seen.
    pub fn is_dir(&self) -> bool {
        self.entry().is_some_and(Entry::is_dir)
    }
}

/// An entry that was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The entry.
    pub entry: Entry,
    /// The whole path as this side spells it, once the renames of the plan are made.
    pub spelled: RelPath,
    /// Where it lies before those renames, if elsewhere.
    pub lies_at: Option<RelPath>,
    /// A link's target.
    pub target: Option<Box<[u8]>>,
    /// Why a directory's inside could not be read; none when it was.
    pub unreadable: Option<Trouble>,
    /// Whether other names beside it are the same name to the other side: then it keeps its spelling.
    pub crowded: bool,
    /// Whether the side shows names as they were given. If not, its spelling is never a difference.
    pub shows_spelling: bool,
}

/// One path at which something differs from the baseline, or the sides from each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The key path.
    pub path: RelPath,
    /// What both sides last agreed on.
    pub agreed: Option<Box<Agreed>>,
    /// What each side shows now.
    pub sides: Sides<Sighting>,
}

/// The result of [`compare`].
#[derive(Debug, Default)]
pub struct Comparison {
    /// In path order.
    pub differences: Vec<Difference>,
    /// Names that are one name to the other side: one of them is synced, these are not.
    pub collisions: Vec<Blocked>,
    /// Key paths, in path order, of what the filters hide for its content and nothing else is known of.
    pub(crate) content_hidden: Sides<Vec<RelPath>>,
    /// Regular files in the baseline.
    pub baseline_files: u64,
    /// Entries of any kind in the baseline.
    pub baseline_entries: u64,
    /// What plans before this one have taken from each side lately, for the guard.
    pub taken_lately: Sides<Taken>,
    /// Whether something of the baseline is there that the filters hide: a root that shows nothing is none that was
    /// emptied then.
    pub hidden_there: Sides<bool>,
}

/// Joins both snapshots and the baseline, which must come in path order. What is kept of the baseline is copied from it.
///
/// With `everything`, paths at which nothing happened are listed too.
pub fn compare(
    snapshots: &Sides<Snapshot>,
    baseline: impl Iterator<Item = impl AgreedDir>,
    abilities: &Sides<Abilities>,
    everything: bool,
) -> Comparison {
    compare_closely(snapshots, baseline, abilities, everything, &Focus::default())
}

/// The same, with the paths of `focus` listed whether anything happened there or not.
pub fn compare_closely(
    snapshots: &Sides<Snapshot>,
    baseline: impl Iterator<Item = impl AgreedDir>,
    abilities: &Sides<Abilities>,
    everything: bool,
    focus: &Focus,
) -> Comparison {
    let mut join = Join {
        snapshots,
        baseline: baseline.peekable(),
        abilities,
        everything,
        focus,
        result: Comparison::default(),
    };
    let views = snapshots.as_ref().map(|snapshot| view_of(snapshot.root()));
    let root = RelPath::root();
    join.dir(&root, &Sides::from_fn(|_| root.clone()), &views);
    join.result
}

/// What a pair folds together: what either side does.
pub fn equivalence(abilities: &Sides<Abilities>) -> Equivalence {
    abilities.left.equivalence.union(abilities.right.equivalence)
}

/// One side of a directory that is being joined.
#[derive(Clone, Copy)]
enum View<'a> {
    /// Nothing there, or no directory.
    Nothing,
    Listing(&'a Listing),
    /// Nothing is known of what lies below.
    Unknown(&'a Trouble),
}

fn view_of(listing: &Listing) -> View<'_> {
    listing.trouble().map_or(View::Listing(listing), View::Unknown)
}

struct Join<'a, B: Iterator<Item: AgreedDir>> {
    snapshots: &'a Sides<Snapshot>,
    baseline: Peekable<B>,
    abilities: &'a Sides<Abilities>,
    everything: bool,
    focus: &'a Focus,
    result: Comparison,
}

/// What one side shows under one key, before it is worth a [`Sighting`].
enum Found<'a> {
    Nothing,
    Listed(Listed<'a>),
    Unobserved(&'a Unobserved),
}

impl<B: Iterator<Item: AgreedDir>> Join<'_, B> {
    fn dir(&mut self, path: &RelPath, spelled: &Sides<RelPath>, views: &Sides<View<'_>>) {
        let taken = self.take_baseline(path);
        let key_at = |row: usize| taken.as_ref().and_then(|dir| dir.key(row));
        let mut row = 0;
        let mut cursors = views.map(Cursor::new);
        let looks_closely = !self.focus.is_empty() && self.focus.touches(path);
        loop {
            let known = key_at(row);
            // Nearly every path of nearly every run takes this turn, and copies nothing.
            if !self.everything
                && !looks_closely
                && let (Some(key), Some(dir)) = (known, &taken)
                && let (Some(left), Some(right)) = (cursors.left.sole_leaf(key), cursors.right.sole_leaf(key))
                && dir.leaf(row, Side::Left).is_some_and(|was| self.is_settled(&was, Side::Left, &left))
                && dir.leaf(row, Side::Right).is_some_and(|was| self.is_settled(&was, Side::Right, &right))
            {
                row += 1;
                cursors.left.next += 1;
                cursors.right.next += 1;
                continue;
            }
            let Some(key) = [known, cursors.left.key(), cursors.right.key()].into_iter().flatten().min()
            else {
                break;
            };
            let mut agreed = None;
            if known == Some(key) {
                agreed = taken.as_ref().and_then(|dir| dir.agreed(row)).map(Box::new);
                row += 1;
            }
            let groups = Sides { left: cursors.left.take(key), right: cursors.right.take(key) };
            self.path(path, spelled, views, key, agreed, &groups);
        }
    }

    fn is_settled(&self, was: &Was<'_>, side: Side, listed: &Listed<'_>) -> bool {
        is_settled(was, listed, self.abilities[side].shows_spelling)
    }

    /// What each side shows under a key. What a filter hides for its content is unknown where it was synced or where
    /// the other side shows something; hidden on both sides, or never heard of, it is nothing to the pair.
    fn found<'g>(
        &mut self,
        parent: &RelPath,
        key: &[u8],
        agreed: Option<&Agreed>,
        groups: &Sides<Group<'g>>,
    ) -> Sides<Found<'g>> {
        let mut found = Sides::from_fn(|side| choose(side, agreed, groups));
        let hidden = found.as_ref().map(|one| match one {
            Found::Unobserved(one) => one.trouble.reason == Reason::ContentHidden,
            _ => false,
        });
        for side in Side::BOTH {
            let nothing_there = matches!(found[side.other()], Found::Nothing);
            if hidden[side] && (hidden[side.other()] || (agreed.is_none() && nothing_there)) {
                self.result.content_hidden[side].push(parent.join_checked(key));
            }
        }
        for side in Side::BOTH {
            let is_last = |path: &RelPath| path.name() == key && path.parent().as_ref() == Some(parent);
            if hidden[side] && self.result.content_hidden[side].last().is_some_and(is_last) {
                found[side] = Found::Nothing;
            }
        }
        found
    }

    fn take_baseline(&mut self, path: &RelPath) -> Option<B::Item> {
        while self.baseline.next_if(|dir| dir.path() < path).is_some() {}
        let taken = self.baseline.next_if(|dir| dir.path() == path)?;
        let (entries, files) = taken.counts();
        self.result.baseline_entries += entries as u64;
        self.result.baseline_files += files as u64;
        Some(taken)
    }

    fn path(
        &mut self,
        parent: &RelPath,
        parents: &Sides<RelPath>,
        views: &Sides<View<'_>>,
        key: &[u8],
        agreed: Option<Box<Agreed>>,
        groups: &Sides<Group<'_>>,
    ) {
        let found = self.found(parent, key, agreed.as_deref(), groups);
        let inner = Sides::from_fn(|side| match (&found[side], views[side]) {
            (Found::Listed(listed), _) => match listed.child.and_then(|id| self.snapshots[side].dir(id)) {
                Some(listing) => view_of(listing),
                None => View::Nothing,
            },
            (Found::Unobserved(one), _) => View::Unknown(&one.trouble),
            (Found::Nothing, View::Unknown(trouble)) => View::Unknown(trouble),
            (Found::Nothing, _) => View::Nothing,
        });

        let path = parent.join_checked(key);
        // Nearly always a side spells the path as its key, and shares its bytes.
        let spelled_as = |side: Side, name: &[u8]| {
            let as_key = name == key && parents[side] == *parent;
            if as_key { path.clone() } else { parents[side].join_checked(name) }
        };
        let quiet = agreed.as_ref().is_some_and(|agreed| {
            Side::BOTH.into_iter().all(|side| match (&found[side], views[side]) {
                (Found::Listed(listed), _) => {
                    self.is_settled(&agreed.was(side), side, listed)
                        && !matches!(inner[side], View::Unknown(_))
                }
                // Below an unreadable directory only the other side's changes are worth a word.
                (Found::Nothing, View::Unknown(_)) => true,
                _ => false,
            })
        });
        let unknown_alone = agreed.is_none()
            && Side::BOTH.into_iter().all(|side| match (&found[side], views[side]) {
                (Found::Nothing, _) => true,
                (Found::Listed(_) | Found::Unobserved(_), _) => false,
            });
        let crowded = groups.either(|group| !group.others.is_empty());
        let mut refused = None;
        if crowded || (!quiet && !unknown_alone) || self.everything || self.focus.contains(&path) {
            let mut sides = Sides::from_fn(|side| {
                sighting(&found[side], &inner[side], views[side], |name| spelled_as(side, name))
            });
            for side in Side::BOTH {
                if let Sighting::Present(seen) = &mut sides[side] {
                    seen.crowded = !groups[side].others.is_empty();
                    seen.shows_spelling = self.abilities[side].shows_spelling;
                }
            }
            refused = self.refuse_unholdable(agreed.is_none(), &mut sides);
            self.result.differences.push(Difference { path: path.clone(), agreed, sides });
        }
        for side in Side::BOTH {
            self.collisions(side, &parents[side], &groups[side], &found[side]);
        }
        let mut inner = inner;
        if let Some((side, trouble)) = &refused {
            inner[*side] = View::Unknown(trouble);
        }
        if Side::BOTH.into_iter().any(|side| matches!(inner[side], View::Listing(_)))
            || self.baseline_has_below(&path)
        {
            let spelled = Sides::from_fn(|side| match &found[side] {
                Found::Listed(listed) => spelled_as(side, listed.name),
                _ => spelled_as(side, key),
            });
            // Below one of several names nothing can be looked up by key alone.
            let everything = self.everything;
            self.everything |= crowded;
            self.dir(&path, &spelled, &inner);
            self.everything = everything;
        }
    }

    fn baseline_has_below(&mut self, path: &RelPath) -> bool {
        while self.baseline.next_if(|dir| dir.path() < path).is_some() {}
        self.baseline.peek().is_some_and(|dir| dir.path().starts_with(path))
    }

    /// An entry that the other side cannot hold is unknown as a whole, with everything below it. A name that both
    /// sides have had can be held; a link may be new under such a name.
    fn refuse_unholdable(&self, is_new: bool, sides: &mut Sides<Sighting>) -> Option<(Side, Trouble)> {
        for side in Side::BOTH {
            let (Sighting::Present(seen), theirs) = (&sides[side], &sides[side.other()]) else {
                continue;
            };
            let other = &self.abilities[side.other()];
            let is_link = |entry: &Entry| entry.kind == Kind::Symlink;
            let trouble = if is_link(&seen.entry) && !other.symlinks && !theirs.entry().is_some_and(is_link) {
                Trouble::new(Reason::KindNotHeld, "a symbolic link")
            } else if is_new
                && *theirs == Sighting::Absent
                && let Err(why) = other.names.check(seen.spelled.name())
            {
                Trouble::new(Reason::NameNotHeld, why)
            } else {
                continue;
            };
            let spelled = Some(seen.spelled.clone());
            sides[side] = Sighting::Unknown { trouble: trouble.clone(), spelled, cause: true };
            return Some((side, trouble));
        }
        None
    }

    /// Names that are one name to the other side: the chosen one is synced, the others are a problem.
    fn collisions(&mut self, side: Side, parent: &RelPath, group: &Group<'_>, chosen: &Found<'_>) {
        if group.others.is_empty() {
            return;
        }
        let Found::Listed(chosen) = chosen else { return };
        for listed in group.listed().filter(|listed| listed.name != chosen.name) {
            let detail = alloc::format!("it collides with `{}`", crate::path::show(chosen.name));
            let trouble = Trouble::new(Reason::NameCollision, detail);
            let path = parent.join_checked(listed.name);
            self.result.collisions.push(Blocked { path, side, trouble });
        }
    }
}

fn sighting(
    found: &Found<'_>,
    inner: &View<'_>,
    view: View<'_>,
    spelled_as: impl Fn(&[u8]) -> RelPath,
) -> Sighting {
    match (found, view) {
        (Found::Listed(listed), _) => Sighting::Present(Seen {
            entry: listed.entry,
            spelled: spelled_as(listed.name),
            lies_at: None,
            target: listed.target.map(Into::into),
            unreadable: match inner {
                View::Unknown(trouble) if listed.entry.is_dir() => Some((*trouble).clone()),
                _ => None,
            },
            crowded: false,
            shows_spelling: true,
        }),
        (Found::Unobserved(one), _) => Sighting::Unknown {
            trouble: one.trouble.clone(),
            spelled: Some(spelled_as(&one.name)),
            cause: true,
        },
        (Found::Nothing, View::Unknown(trouble)) => {
            Sighting::Unknown { trouble: trouble.clone(), spelled: None, cause: false }
        }
        (Found::Nothing, _) => Sighting::Absent,
    }
}

/// All names of one side that share a key.
struct Group<'a> {
    first: Option<Listed<'a>>,
    /// Nearly always none.
    others: Vec<Listed<'a>>,
    unobserved: Option<&'a Unobserved>,
}

impl<'a> Group<'a> {
    fn listed(&self) -> impl Iterator<Item = &Listed<'a>> {
        self.first.iter().chain(&self.others)
    }
}

/// Walks one side's listing by key.
struct Cursor<'a> {
    listing: Option<&'a Listing>,
    next: usize,
    next_unobserved: usize,
}

impl<'a> Cursor<'a> {
    fn new(view: View<'a>) -> Self {
        let listing = match view {
            View::Listing(listing) => Some(listing),
            View::Nothing | View::Unknown(_) => None,
        };
        Self { listing, next: 0, next_unobserved: 0 }
    }

    fn unobserved(&self) -> Option<&'a Unobserved> {
        self.listing?.unobserved().get(self.next_unobserved)
    }

    fn key(&self) -> Option<&'a [u8]> {
        let listed = self.listing?.key_at(self.next);
        let unobserved = self.unobserved().map(|one| &*one.key);
        listed.into_iter().chain(unobserved).min()
    }

    /// The next entry, if it is no directory and alone under `key`, and nothing comes before it.
    fn sole_leaf(&self, key: &[u8]) -> Option<Listed<'a>> {
        let listing = self.listing?;
        let listed = listing.at(self.next).filter(|listed| listed.key == key && listed.child.is_none())?;
        let alone = listing.key_at(self.next + 1).is_none_or(|after| after != key)
            && self.unobserved().is_none_or(|one| *one.key > *key);
        (alone && !listed.entry.is_dir()).then_some(listed)
    }

    fn take(&mut self, key: &[u8]) -> Group<'a> {
        let mut group = Group { first: None, others: Vec::new(), unobserved: None };
        while let Some(listed) = self.listing.and_then(|l| l.at(self.next)).filter(|l| l.key == key) {
            match group.first {
                None => group.first = Some(listed),
                Some(_) => group.others.push(listed),
            }
            self.next += 1;
        }
        while let Some(one) = self.unobserved().filter(|one| *one.key == *key) {
            group.unobserved = Some(one);
            self.next_unobserved += 1;
        }
        group
    }
}

/// Of several names under one key: the one the baseline knows, else the one the other side has, else the first.
fn choose<'a>(side: Side, agreed: Option<&Agreed>, groups: &Sides<Group<'a>>) -> Found<'a> {
    let group = &groups[side];
    let hides_only = |one: &Unobserved| one.trouble.reason == Reason::ContentHidden;
    if let Some(one) = group.unobserved.filter(|one| group.first.is_none() || !hides_only(one)) {
        return Found::Unobserved(one);
    }
    let Some(first) = &group.first else { return Found::Nothing };
    if group.others.is_empty() {
        return Found::Listed(*first);
    }
    let known = agreed.map(|agreed| agreed.sides[side].name.as_deref().unwrap_or(first.key));
    let by_name = |name: &[u8]| group.listed().find(|listed| listed.name == name);
    let chosen = known
        .and_then(by_name)
        .or_else(|| groups[side.other()].listed().find_map(|other| by_name(other.name)))
        .unwrap_or(first);
    Found::Listed(*chosen)
}

/// Whether a side still shows exactly the fingerprint and spelling it had when both sides agreed.
pub(crate) fn is_settled(was: &Was<'_>, listed: &Listed<'_>, shows_spelling: bool) -> bool {
    let spelled_same = || match was.name {
        None => listed.name == listed.key,
        Some(name) => name == listed.name,
    };
    is_recorded(&was.entry, &listed.entry) && (spelled_same() || !shows_spelling)
}

/// Whether an entry has exactly the fingerprint on record.
pub(crate) fn is_recorded(was: &Entry, now: &Entry) -> bool {
    if now.kind != was.kind || was.attributes.differ(now.attributes) {
        return false;
    }
    let same_id = match (was.file_id, now.file_id) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    match was.kind {
        Kind::Dir => true,
        Kind::File | Kind::Symlink => {
            now.size == was.size
                && now.mtime_ns == was.mtime_ns
                && same_id
                && !held_and_differ(was.ctime_ns, now.ctime_ns)
        }
    }
}
