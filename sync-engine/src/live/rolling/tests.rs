//! A round over a side in memory: what is told, and what is not told again.

use std::collections::BTreeSet;

use crossbeam_channel::unbounded;
use sync_core::abilities::Abilities;
use sync_core::policy::Policy;
use sync_core::side::Sides;
use sync_replica::memory::{Faults, MemoryReplica};
use sync_replica::{Replica, ShowAll};
use tempfile::TempDir;

use super::*;
use crate::config::Performance;
use crate::session::{SessionOptions, SessionParts};
use crate::{Silent, SyncOptions};

struct World {
    sides: Sides<MemoryReplica>,
    session: Session,
    _folder: TempDir,
}

impl World {
    /// Two sides that have agreed on these files.
    fn new(files: &[&str]) -> Self {
        let faults = Faults::new();
        let side = || MemoryReplica::with_faults(Abilities::FULL, faults.clone());
        let sides = Sides { left: side(), right: side() };
        for file in files {
            sides.left.write(*file, file.as_bytes());
        }
        let folder = tempfile::tempdir().unwrap();
        let parts = SessionParts {
            replicas: sides.as_ref().map(|side| Arc::new(side.clone()) as Arc<dyn Replica>),
            filter: Box::new(ShowAll),
            state: Some(State::open(folder.path()).unwrap().state),
            policy: Policy::default(),
            performance: Performance::default(),
        };
        let session = Session::assemble(parts, &SessionOptions::default()).unwrap();
        let world = Self { sides, session, _folder: folder };
        world.sync();
        world
    }

    fn sync(&self) {
        assert!(self.session.sync(&SyncOptions::default(), &Silent).unwrap().is_clean());
    }
}

/// A round, walked by hand.
struct Walk<'a> {
    round: Round<'a>,
    news: Receiver<News>,
}

impl<'a> Walk<'a> {
    fn new(world: &'a World) -> Self {
        let (send, news) = unbounded();
        let pace = Pace { per_second: 1000, interval_ms: 1000 };
        let mut round = Round {
            session: &world.session,
            side: Side::Right,
            pace,
            tell: Box::new(move |news| drop(send.send(news))),
            shown: Arc::default(),
            start: Instant::now(),
            order: Order::new(pace, ACTIVE_FOR_MS),
            folders: Folders::default(),
            moves: Moves::default(),
            searches: false,
        };
        round.folders.put(round.order.add(None, round.now()), ROOT, b"");
        round.know(world.session.state.as_ref().unwrap()).unwrap();
        Self { round, news }
    }

    /// Visits every directory that is known, once, and waits until nothing is held back; what is told.
    fn once(&mut self) -> BTreeSet<String> {
        let mut told = self.round();
        told.extend(self.later());
        told
    }

    /// Visits every directory that is known, once; what is told.
    fn round(&mut self) -> BTreeSet<String> {
        for number in 0..64 {
            self.visit(number);
        }
        self.told()
    }

    fn visit(&mut self, number: u32) {
        if self.round.folders.path(number).is_some() {
            self.round.visit(number);
        }
    }

    /// What is told because it was held back for long enough.
    fn later(&mut self) -> BTreeSet<String> {
        assert!(self.round.moves.due().is_none_or(|due| due <= self.round.now() + LONGEST_MS));
        self.round.start -= Duration::from_millis(LONGEST_MS);
        self.round.tell_overdue();
        assert_eq!(self.round.moves.due(), None);
        self.told()
    }

    fn told(&self) -> BTreeSet<String> {
        self.news
            .try_iter()
            .map(|news| match news {
                News::At(path) => format!("at {path}"),
                News::Below(path) => format!("below {path}"),
                News::Moved(path) => format!("moved {path}"),
                other => format!("{other:?}"),
            })
            .collect()
    }

    /// The number of the directory at a path.
    fn number(&self, path: &str) -> u32 {
        let found = (0..64)
            .find(|number| self.round.folders.path(*number).is_some_and(|there| there.to_string() == path));
        found.unwrap()
    }

    fn directories(&self) -> u32 {
        self.round.order.standing().directories
    }
}

fn told<const N: usize>(paths: [&str; N]) -> BTreeSet<String> {
    paths.map(str::to_owned).into()
}

#[test]
fn what_happened_is_told_once_and_again_when_it_is_something_else() {
    let world = World::new(&["a/one", "a/two", "b/c/three"]);
    let right = &world.sides.right;
    let mut walk = Walk::new(&world);
    assert_eq!(walk.directories(), 4, "known from the baseline");
    assert_eq!(walk.once(), told([]), "nothing happened");
    right.write("a/one", "changed");
    right.remove("b/c/three");
    right.write("new/folder/file", "new");
    let begun = told(["at a/one", "at b/c/three", "at new"]);
    let first = walk.once();
    assert!(first.is_superset(&begun), "{first:?}");
    // What is in a new folder may be found in the same go or the next.
    let second = walk.once();
    assert!(second.iter().all(|one| one.starts_with("at new/")), "{second:?}");
    walk.once();
    assert_eq!(walk.once(), told([]), "it stands, and is not told again");
    assert_eq!(walk.directories(), 6);
    right.write("a/one", "and again");
    assert_eq!(walk.once(), told(["at a/one"]), "another version");
    world.sync();
    assert_eq!(walk.once(), told([]), "both sides agree");
    world.sides.left.write("a/from here", "ours");
    world.sync();
    assert_eq!(walk.once(), told([]), "what was written from here is no news");
}

#[test]
fn what_was_changed_before_the_round_began_is_told_too() {
    let world = World::new(&["a/one", "b/two"]);
    world.sides.right.write("b/two", "while nobody looked");
    let mut walk = Walk::new(&world);
    assert_eq!(walk.once(), told(["at b/two"]));
    assert_eq!(walk.round.order.standing().active, 1);
}

#[test]
fn a_folder_that_went_is_told_of_and_forgotten_with_all_below() {
    let world = World::new(&["a/b/c/deep", "kept/file"]);
    let mut walk = Walk::new(&world);
    world.sides.right.remove_tree("a");
    let news = walk.once();
    assert!(news.contains("at a"), "{news:?}");
    assert_eq!(walk.directories(), 2);
}

#[test]
fn a_root_that_is_away_is_nobodys_deletion() {
    let world = World::new(&["a/one", "b/c/two"]);
    let mut walk = Walk::new(&world);
    world.sides.right.set_root_gone(true);
    assert_eq!(walk.once(), told(["below "]), "the root, and nothing else");
    assert_eq!(walk.directories(), 4);
    world.sides.right.set_root_gone(false);
    assert_eq!(walk.once(), told([]));
}

#[test]
fn a_folder_that_cannot_be_read_is_told_of_once() {
    let world = World::new(&["dark/one", "light/two"]);
    let mut walk = Walk::new(&world);
    world.sides.right.mark_unreadable("dark");
    assert_eq!(walk.once(), told(["below dark"]));
    assert_eq!(walk.once(), told([]));
    world.sides.right.mark_readable("dark");
    assert_eq!(walk.once(), told([]), "nothing in it has changed");
}

#[test]
fn both_ends_of_a_move_are_told_together_whichever_is_seen_first() {
    for first in ["a", "b"] {
        let world = World::new(&["a/one", "a/kept", "b/two", "c/three"]);
        let mut walk = Walk::new(&world);
        assert_eq!(walk.round(), told([]));
        world.sides.right.rename("a/one", "b/renamed");
        walk.visit(walk.number(first));
        if first == "a" {
            assert_eq!(walk.told(), told([]), "it may be found elsewhere");
            walk.visit(walk.number("c"));
            assert_eq!(walk.told(), told([]));
            walk.visit(walk.number("b"));
        }
        assert_eq!(walk.told(), told(["moved a/one", "moved b/renamed"]), "{first} first");
        assert_eq!(walk.once(), told([]), "and not again");
        world.sync();
        assert_eq!(world.sides.left.read("b/renamed").as_deref(), Some(&b"a/one"[..]));
        // Back, and to a name beside it: it is known where it is now.
        assert_eq!(walk.once(), told([]));
        world.sides.right.rename("b/renamed", "c/again");
        walk.visit(walk.number("c"));
        assert_eq!(walk.told(), told(["moved b/renamed", "moved c/again"]));
        world.sides.right.rename("b/two", "b/also");
        walk.visit(walk.number("b"));
        assert_eq!(walk.told(), told(["moved b/also", "moved b/two"]));
    }
}

#[test]
fn a_folder_that_moved_is_told_of_with_both_its_places() {
    for seen in ["from/folder", "from", "to"] {
        let world = World::new(&["from/folder/one", "from/folder/deep/two", "from/kept", "to/three"]);
        let mut walk = Walk::new(&world);
        assert_eq!(walk.round(), told([]));
        let number = walk.number(seen);
        world.sides.right.rename("from/folder", "to/moved");
        walk.visit(number);
        let first = walk.told();
        let both = told(["moved from/folder", "moved to/moved"]);
        assert!(first == both || first.is_empty(), "{first:?}");
        walk.visit(walk.number("to"));
        let then = walk.told();
        assert_eq!(&first | &then, both, "{seen} first");
        assert!(first.is_empty() || then.is_empty(), "both are told at once");
        let rest = walk.once();
        assert!(rest.iter().all(|one| one.starts_with("at to/moved/")), "{rest:?}");
    }
}

#[test]
fn what_is_gone_for_good_is_told_after_a_while() {
    let world = World::new(&["a/one", "a/two", "b/three"]);
    let mut walk = Walk::new(&world);
    assert_eq!(walk.round(), told([]));
    world.sides.right.remove("a/one");
    world.sides.right.write("b/new", "something else");
    let first = walk.round();
    assert_eq!(first, told(["at b/new"]), "what is new waits for nothing");
    assert_eq!(walk.round(), told([]));
    assert_eq!(walk.later(), told(["at a/one"]));
    assert_eq!(walk.once(), told([]));
}
