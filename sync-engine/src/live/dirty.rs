//! What is to be looked at, and when.
//!
//! Owns [`Dirty`]: paths that somebody told of, each until it has rested for a moment or has waited long enough. Knows no
//! clock: it is told what time it is.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, Instant};

use sync_core::path::RelPath;

/// So many paths are no longer worth telling apart.
const MANY: usize = 20_000;

/// One path that was told of.
#[derive(Clone, Copy, Debug)]
struct Mark {
    below: bool,
    /// One end of a move.
    moved: bool,
    first: Instant,
    last: Instant,
}

/// Everything that was told and not yet looked at.
#[derive(Debug)]
pub(super) struct Dirty {
    /// How long a path must rest.
    rest: Duration,
    /// How long it may wait at most.
    longest: Duration,
    marks: BTreeMap<RelPath, Mark>,
}

/// What was taken, with since when it waits.
#[derive(Debug)]
pub(super) struct Marks(BTreeMap<RelPath, Mark>);

impl Dirty {
    pub(super) fn new(rest: Duration, longest: Duration) -> Self {
        Self { rest, longest: longest.max(rest), marks: BTreeMap::new() }
    }

    /// Somebody told of a path.
    pub(super) fn mark(&mut self, path: RelPath, below: bool, now: Instant) {
        self.add(path, Mark { below, moved: false, first: now, last: now });
    }

    /// Somebody told of one end of a move.
    pub(super) fn moved(&mut self, path: RelPath, now: Instant) {
        self.add(path, Mark { below: true, moved: true, first: now, last: now });
    }

    fn add(&mut self, path: RelPath, new: Mark) {
        if self.marks.len() >= MANY {
            self.marks.clear();
            self.marks.insert(RelPath::root(), Mark { below: true, moved: false, ..new });
            return;
        }
        let mark = self.marks.entry(path).or_insert(new);
        mark.below |= new.below;
        mark.moved |= new.moved;
        mark.last = new.last;
    }

    /// How many paths wait.
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// When something is due; none while nothing waits.
    pub(super) fn due(&self) -> Option<Instant> {
        self.marks.values().map(|mark| self.ripe_at(mark)).min()
    }

    fn ripe_at(&self, mark: &Mark) -> Instant {
        (mark.last + self.rest).min(mark.first + self.longest)
    }

    /// Takes what has rested, or waited, long enough. Whoever looks at one end of a move, or at what lay below it, must
    /// look at the other end too: alone, it is a deletion. A move is over when it is told of and needs no rest.
    pub(super) fn take(&mut self, now: Instant) -> BTreeMap<RelPath, bool> {
        let (rest, longest) = (self.rest, self.longest);
        let ripe = move |mark: &Mark| (mark.last + rest).min(mark.first + longest) <= now;
        let is_moved = |path: &RelPath| self.marks.get(path).is_some_and(|mark| mark.moved);
        let moves = self.marks.iter().filter(|(_, mark)| ripe(mark)).any(|(path, mark)| {
            let inside = |(_, inside): (&RelPath, &Mark)| inside.moved;
            mark.moved
                || path.ancestors().any(|above| is_moved(&above))
                || (mark.below && below(&self.marks, path).any(inside))
        });
        self.extract(|mark| ripe(mark) || (moves && mark.moved))
    }

    /// Takes both ends of all moves.
    pub(super) fn take_moves(&mut self) -> BTreeMap<RelPath, bool> {
        self.extract(|mark| mark.moved)
    }

    fn extract(&mut self, goes: impl Fn(&Mark) -> bool) -> BTreeMap<RelPath, bool> {
        let taken = self.marks.extract_if(.., |_, mark| goes(mark));
        taken.map(|(path, mark)| (path, mark.below)).collect()
    }

    /// Takes everything: all of it is looked at now.
    pub(super) fn take_all(&mut self) -> Marks {
        Marks(std::mem::take(&mut self.marks))
    }

    /// Nothing came of that look.
    pub(super) fn put_back(&mut self, Marks(marks): Marks) {
        for (path, mark) in marks {
            self.add(path, mark);
        }
    }
}

/// The marks below a path.
fn below<'a>(
    marks: &'a BTreeMap<RelPath, Mark>,
    path: &'a RelPath,
) -> impl Iterator<Item = (&'a RelPath, &'a Mark)> {
    let later = marks.range::<RelPath, _>((Bound::Excluded(path), Bound::Unbounded));
    later.take_while(move |(other, _)| other.starts_with(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_millis(300);
    const LONGEST: Duration = Duration::from_secs(10);

    fn path(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    #[test]
    fn a_path_waits_until_it_rests_but_not_for_ever() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut dirty = Dirty::new(REST, LONGEST);
        assert_eq!(dirty.due(), None);
        dirty.mark(path("a"), false, at(0));
        dirty.mark(path("b"), false, at(0));
        for ms in (0..12_000).step_by(200) {
            dirty.mark(path("a"), ms == 400, at(ms));
            let taken = dirty.take(at(ms));
            match ms {
                400 => assert_eq!(taken, BTreeMap::from([(path("b"), false)]), "it rested"),
                10_000 => assert_eq!(taken, BTreeMap::from([(path("a"), true)]), "it waited long enough"),
                _ => assert!(taken.is_empty(), "{ms}: {taken:?}"),
            }
        }
        assert_eq!(dirty.due(), Some(at(11_800) + REST));
    }

    #[test]
    fn both_ends_of_a_move_go_together_and_with_what_lay_there() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let names = |taken: BTreeMap<RelPath, bool>| taken.keys().map(RelPath::display).collect::<Vec<_>>();
        let mut dirty = Dirty::new(REST, LONGEST);
        dirty.mark(path("old/report"), false, at(0));
        dirty.moved(path("old"), at(100));
        dirty.moved(path("new"), at(101));
        dirty.mark(path("beside"), true, at(102));
        // Somebody goes on working there.
        dirty.moved(path("new"), at(250));
        assert_eq!(names(dirty.take(at(300))), ["new", "old", "old/report"]);
        assert_eq!(names(dirty.take(at(402))), ["beside"]);
        dirty.mark(path("a"), false, at(1000));
        dirty.moved(path("b"), at(1100));
        dirty.moved(path("c"), at(1200));
        assert_eq!(names(dirty.take(at(1300))), ["a"], "it has nothing to do with them");
        assert_eq!(names(dirty.take(at(1400))), ["b", "c"]);
        dirty.mark(path("d"), true, at(2000));
        dirty.moved(path("d/old"), at(2100));
        dirty.moved(path("e"), at(2100));
        assert_eq!(names(dirty.take(at(2300))), ["d", "d/old", "e"]);
    }

    #[test]
    fn a_flood_becomes_one_look_at_everything() {
        let now = Instant::now();
        let mut dirty = Dirty::new(REST, LONGEST);
        for number in 0..=MANY {
            dirty.mark(path(&format!("f{number}")), false, now);
        }
        assert_eq!(dirty.take(now + REST), BTreeMap::from([(RelPath::root(), true)]));
    }
}
