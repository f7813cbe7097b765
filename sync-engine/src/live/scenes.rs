//! Single things that happen to a live session, over two sides in memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sync_core::side::Sides;
use sync_replica::Replica;

use super::storm::{Stops, World};
use crate::control::{Answer, Contact, Needs, Request};
use crate::watch::Silent;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

#[track_caller]
fn wait(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what} took too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Plays a scene in a session that runs.
fn play(world: &World, scene: impl FnOnce()) {
    struct Ends<'a>(&'a Stops);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.0.store(true, Ordering::SeqCst);
        }
    }
    let stops = Stops(AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| world.live(&stops, &Mutex::default()));
        // Also when the scene fails.
        let _ends = Ends(&stops);
        scene();
    });
}

/// The guard that stands, and the kinds of the problems that do.
fn stands(world: &World) -> (Option<String>, Vec<String>) {
    let begun = Instant::now();
    loop {
        let asked = Contact::open(&world.settings.config, &world.options(), Needs::Running)
            .and_then(|contact| contact.ask(&Request::Status { hours: 1 }, &Silent));
        if let Ok(Answer::Status(status)) = asked {
            let kinds = status.problems.iter().map(|problem| problem.kind.clone()).collect();
            return (status.halt.map(|halt| halt.reason), kinds);
        }
        // It has not begun yet, or is busy.
        assert!(begun.elapsed() < PATIENCE, "it does not answer");
        std::thread::sleep(Duration::from_millis(10));
    }
}

const MIB: u64 = 1 << 20;

/// A film of six pieces is on its way to the right, and the disk there is full when two of them have arrived.
fn a_film_without_room(world: &World) {
    world.sides.right.between(|side, step| {
        let partials = side.partials().unwrap_or_default();
        if step.what == "write" && partials.iter().any(|one| one.bytes == 2 * MIB) {
            // Nothing more than this fits.
            side.set_capacity(Some(2 * MIB + 100));
        }
    });
    world.sides.left.write("film", vec![b'.'; 6 << 20]);
}

fn kept(world: &World) -> u64 {
    world.sides.right.partials().unwrap_or_default().iter().map(|one| one.bytes).sum()
}

#[test]
fn a_full_disk_keeps_what_it_has_of_a_large_copy() {
    let world = World::new();
    a_film_without_room(&world);
    let right = &world.sides.right;
    play(&world, || {
        wait("that there is no room", || stands(&world).1 == ["no-space"]);
        // It is tried again several times meanwhile, and other things go on.
        world.sides.left.write("small", "fits");
        wait("a small file", || right.read("small").is_some());
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(kept(&world), 2 * MIB);
        let again = std::sync::Arc::new(Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&again);
        right.between(move |side, step| {
            if step.what == "write" {
                seen.lock()
                    .unwrap()
                    .push(side.partials().unwrap_or_default().first().map_or(0, |one| one.bytes));
            }
        });
        right.set_capacity(None);
        wait("the film", || right.read("film").is_some_and(|film| film.len() == 6 << 20));
        assert_eq!(again.lock().unwrap().iter().min(), Some(&(2 * MIB)), "it went on from where it was");
    });
}

#[test]
fn what_was_copied_of_a_large_file_gives_way_to_a_small_one() {
    let world = World::new();
    a_film_without_room(&world);
    let right = &world.sides.right;
    play(&world, || {
        wait("that there is no room", || stands(&world).1 == ["no-space"]);
        assert_eq!(kept(&world), 2 * MIB);
        world.sides.left.write("document", vec![b'd'; 300_000]);
        wait("the document", || right.read("document").is_some());
        assert_eq!(kept(&world), 0);
        assert_eq!(stands(&world).1, ["no-space"], "the film still has no room");
        right.undisturbed();
        right.set_capacity(None);
        wait("the film", || right.read("film").is_some());
    });
}

#[test]
fn a_large_copy_that_nobody_wants_any_more_is_dropped() {
    let world = World::new();
    a_film_without_room(&world);
    play(&world, || {
        wait("that there is no room", || stands(&world).1 == ["no-space"]);
        world.sides.left.remove("film");
        wait("that it is dropped", || kept(&world) == 0 && stands(&world).1.is_empty());
    });
}

#[test]
fn a_guard_stands_no_more_when_the_files_are_put_back() {
    let mut world = World::new();
    world.guard.max_change_percent = 50;
    world.guard.max_change_min_files = 20;
    let content = |number: u32| format!("file {number}");
    let name = |number: u32| format!("folder/{number}");
    for number in 0..60 {
        world.sides.left.write(&*name(number), content(number));
    }
    world.sides.left.write("kept", "so that the root is not empty");
    let Sides { left, right } = &world.sides;
    play(&world, || {
        wait("all files", || right.files().len() == 61);
        left.remove_tree("folder");
        wait("the guard", || stands(&world).0.is_some());
        left.write("other", "goes on");
        wait("what the guard has nothing against", || right.read("other").is_some());
        assert_eq!(stands(&world), (Some("too-many-changes".to_owned()), Vec::new()));
        assert!(right.read("folder/7").is_some());
        for number in 0..60 {
            left.write(&*name(number), content(number));
        }
        wait("that it stands no more", || stands(&world).0.is_none());
    });
    assert_eq!(world.differences(), Vec::<String>::new());
    assert_eq!(left.files().len(), 62);
}

#[test]
fn what_belongs_into_a_folder_that_a_guard_stops_waits_with_it() {
    let mut world = World::new();
    world.guard.max_change_percent = 1;
    world.guard.max_change_min_files = 0;
    for number in 0..20 {
        world.sides.left.write(&*format!("file {number}"), "a file");
    }
    let Sides { left, right } = &world.sides;
    play(&world, || {
        wait("all files", || right.files().len() == 20);
        left.remove("file 7");
        left.write("file 7/inside", "a folder now");
        left.write("file 7/deeper/inside", "a folder now");
        wait("the guard", || stands(&world).0.is_some());
        left.write("other", "goes on");
        wait("what the guard has nothing against", || right.read("other").is_some());
        // It is told of again, and looked at again.
        left.write("file 7/another", "a folder now");
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(stands(&world), (Some("too-many-changes".to_owned()), Vec::new()));
        assert_eq!(right.read("file 7").as_deref(), Some(&b"a file"[..]));
        left.rename("file 7", "folder");
        left.write("file 7", "a file");
        wait("that it stands no more", || stands(&world).0.is_none());
        wait("what waited", || world.differences().is_empty());
    });
    assert_eq!(right.files().len(), 24);
}
