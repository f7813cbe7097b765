//! Both ends of what was moved from one folder to another.
//!
//! Owns [`Moves`]: in which directory each thing was when both sides last agreed, by its identity, and what was found
//! gone and is not told yet, because it may be found elsewhere in a moment. Whoever finds something new asks whether it
//! was elsewhere before, looks there, and tells both ends together: then it is a move, and not a copy and a deletion.
//!
//! Eight bytes for each file, and a path for what is gone, for a limited time and of a limited number. That an identity
//! was given away anew costs a look; what it means is decided by whoever sees both ends. Knows no clock.

use std::collections::HashMap;
use std::num::NonZeroU64;

use sync_core::path::RelPath;

/// How long something that is gone is held back at the most, although no round has come to its end.
pub(super) const LONGEST_MS: u64 = 60_000;
/// How many are held back at the most.
const MANY: usize = 10_000;

/// Something that is gone, and until when it is held back.
#[derive(Debug)]
struct Gone {
    path: RelPath,
    until: u64,
}

#[derive(Debug, Default)]
pub(super) struct Moves {
    /// A short form of each identity with its directory's number, sorted.
    known: Vec<(u32, u32)>,
    /// As many were known when all were learnt.
    learnt: usize,
    /// What was learnt since.
    fresh: HashMap<u32, u32>,
    gone: HashMap<NonZeroU64, Gone>,
}

impl Moves {
    /// Everything that is known, in any order, for what was known before.
    pub(super) fn learn_all(&mut self, mut all: Vec<(u32, u32)>) {
        all.sort_unstable();
        all.shrink_to_fit();
        self.learnt = all.len();
        self.known = all;
        self.fresh = HashMap::new();
    }

    /// Something is in that directory.
    pub(super) fn learn(&mut self, id: NonZeroU64, directory: u32) {
        if self.directory(id) == Some(directory) {
            return;
        }
        self.fresh.insert(short(id), directory);
        if self.fresh.len() > 1024 + self.known.len() / 8 {
            let fresh = std::mem::take(&mut self.fresh);
            self.known.retain(|(id, _)| !fresh.contains_key(id));
            self.known.extend(fresh);
            self.known.sort_unstable();
        }
    }

    /// Whether so much of what is known may be over that it should be learnt anew.
    pub(super) fn is_stale(&self) -> bool {
        self.known.len() > self.learnt * 2 + 65_536
    }

    /// In which directory something may have been.
    pub(super) fn directory(&self, id: NonZeroU64) -> Option<u32> {
        let id = short(id);
        self.fresh.get(&id).copied().or_else(|| {
            let at = self.known.partition_point(|(known, _)| *known < id);
            self.known.get(at).filter(|(known, _)| *known == id).map(|(_, directory)| *directory)
        })
    }

    /// Something is gone, and is held back until then. What is to be told at once instead, if anything.
    pub(super) fn goes(&mut self, id: NonZeroU64, path: RelPath, until: u64) -> Option<RelPath> {
        if self.gone.len() >= MANY {
            return Some(path);
        }
        self.gone.insert(id, Gone { path, until }).map(|before| before.path)
    }

    /// Something is new: where it was, if that was found gone.
    pub(super) fn comes(&mut self, id: NonZeroU64) -> Option<RelPath> {
        self.gone.remove(&id).map(|gone| gone.path)
    }

    /// What is held back no longer.
    pub(super) fn overdue(&mut self, now: u64) -> Vec<RelPath> {
        let over = self.gone.extract_if(|_, gone| gone.until <= now);
        let mut paths: Vec<_> = over.map(|(_, gone)| gone.path).collect();
        paths.sort_unstable();
        paths
    }

    /// When something is held back no longer.
    pub(super) fn due(&self) -> Option<u64> {
        self.gone.values().map(|gone| gone.until).min()
    }
}

/// A short form of an identity. Two may share it, seldom.
pub(super) fn short(id: NonZeroU64) -> u32 {
    (id.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> NonZeroU64 {
        NonZeroU64::new(number).unwrap()
    }

    fn path(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    #[test]
    fn a_thing_is_known_by_where_it_was_seen_last() {
        let mut moves = Moves::default();
        moves.learn_all((1..=10_000).map(|number| (short(id(number)), number as u32 % 7)).collect());
        let mut wrong =
            (1..=10_000).filter(|number| moves.directory(id(*number)) != Some(*number as u32 % 7));
        assert_eq!(wrong.next(), None);
        assert_eq!(moves.directory(id(20_000)), None);
        for number in 5000..=30_000 {
            moves.learn(id(number), 9);
        }
        assert!(moves.fresh.len() < 10_000, "they are put together");
        assert!((5000..=30_000).all(|number| moves.directory(id(number)) == Some(9)));
        assert_eq!(moves.directory(id(1)), Some(1));
        assert!(!moves.is_stale());
    }

    #[test]
    fn what_is_gone_is_held_back_for_a_while_and_for_no_longer() {
        let mut moves = Moves::default();
        assert_eq!(moves.due(), None);
        assert_eq!(moves.goes(id(1), path("a/one"), 50), None);
        assert_eq!(moves.goes(id(2), path("a/two"), 40), None);
        assert_eq!(moves.goes(id(2), path("a/again"), 60), Some(path("a/two")), "nothing is forgotten");
        assert_eq!((moves.due(), moves.comes(id(3))), (Some(50), None));
        assert_eq!(moves.overdue(49), []);
        assert_eq!(moves.comes(id(2)), Some(path("a/again")));
        assert_eq!(moves.overdue(50), [path("a/one")]);
        assert_eq!((moves.due(), moves.comes(id(1))), (None, None));
        for number in 0..MANY as u64 {
            assert_eq!(moves.goes(id(100 + number), path("x"), 1), None);
        }
        assert_eq!(moves.goes(id(7), path("y"), 1), Some(path("y")), "there is an end to it");
    }
}
