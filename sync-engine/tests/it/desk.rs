//! A person's tools over replicas in memory: silent corruption on a bad disk, choices under every kind of failure, and
//! users who work while a choice is carried out.

use std::path::PathBuf;

use sync_core::guidance::Keep;
use sync_core::policy::{ConflictPolicy, Policy, SoftDelete};
use sync_core::side::{Side, Sides};
use sync_engine::records::{Records, StatusReport};
use sync_engine::{
    ResolveReport, RestoreOptions, ResyncReport, Silent, State, SyncOptions, TrashFilter, UndoOptions, Watch,
    Which,
};
use sync_replica::ProblemKind;

use super::world::{World, pairs};

fn policy(all: ConflictPolicy) -> Policy {
    Policy {
        same_file_changed_both: all,
        new_file_both_different: all,
        properties_conflict_both: all,
        // Everything is too large for the trash: what a person gives up goes there all the same.
        soft_delete: SoftDelete { enabled: true, max_size_bytes: 0 },
        ..Policy::default()
    }
}

fn resync(world: &World, path: &str) -> ResyncReport {
    world.session().unwrap().resync(&[PathBuf::from(path)], &Silent).unwrap()
}

fn resolve(world: &World, keep: Keep) -> ResolveReport {
    world.session().unwrap().resolve(&Which::All, keep, &Silent).unwrap()
}

fn open(world: &World) -> u64 {
    world.session().unwrap().conflicts(false).unwrap().open
}

fn texts(world: &World, at: &str) -> Sides<Option<String>> {
    world.sides.as_ref().map(|side| side.read(at).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn both(text: &str) -> Sides<Option<String>> {
    Sides { left: Some(text.to_owned()), right: Some(text.to_owned()) }
}

fn lies_in_the_trash(world: &World, side: Side, text: &str) -> bool {
    let trash = world.sides[side].trash_dump();
    trash.values().any(|node| format!("{node:?}").contains(&format!("b\"{text}\"")))
}

#[test]
fn a_bad_disk_is_found_waits_and_is_never_spread() {
    for (name, able) in pairs() {
        for rotten in Side::BOTH {
            let world = World::new(able.clone(), policy(ConflictPolicy::Clash));
            world.sides.left.write("docs/report", "the agreed text");
            world.sides.left.write("other", "other");
            world.settle().unwrap();
            world.sides[rotten].rot("docs/report", "the agreXd text");
            let report = world.run().unwrap();
            assert!(report.run.is_none() && report.is_clean(), "{name}: nothing shows it");

            let found = resync(&world, "docs");
            assert_eq!(found.examined, 1, "{name}");
            let [one] = &found.corrupt[..] else { panic!("{name}: {found:?}") };
            assert_eq!(one.intact.as_deref(), Some(rotten.other().name()), "{name}: the digest tells");
            assert!(!found.is_clean() && found.done.is_empty());
            assert_eq!(open(&world), 1);

            // No sync spreads it: neither a quiet one, nor after either version was touched.
            let before = texts(&world, "docs/report");
            for touched in [None, Some(rotten), Some(rotten.other())] {
                if let Some(side) = touched {
                    let now = world.sides[side].clock() + 60_000_000_000;
                    world.sides[side].touch("docs/report", now);
                }
                let report = world.run().unwrap();
                assert_eq!(report.conflicts.len(), 1, "{name} {touched:?}");
                assert_eq!(report.conflicts[0].rule, "silent-corruption");
                assert_eq!(texts(&world, "docs/report"), before, "{name} {touched:?}");
                assert_eq!(open(&world), 1);
            }

            let done = resolve(&world, Keep::Side(rotten.other()));
            assert!(done.is_clean(), "{name}: {done:?}");
            assert_eq!(texts(&world, "docs/report"), both("the agreed text"));
            assert!(lies_in_the_trash(&world, rotten, "the agreXd text"), "{name}");
            assert_eq!(open(&world), 0);
            let found = resync(&world, ".");
            assert!(found.is_clean() && found.same == 2, "{name}: {found:?}");
            assert!(world.run().unwrap().run.is_none());
        }
    }
}

#[test]
fn a_corruption_that_somebody_mends_leaves_the_inbox() {
    let world = World::new(pairs()[0].1.clone(), policy(ConflictPolicy::Clash));
    world.sides.left.write("a", "good");
    world.sides.left.write("stays", "stays");
    world.settle().unwrap();
    world.sides.right.rot("a", "bad!");
    assert_eq!(resync(&world, "a").corrupt.len(), 1);
    // From a backup, with a time of its own.
    world.sides.right.write("a", "good");
    world.settle().unwrap();
    assert_eq!((open(&world), texts(&world, "a")), (0, both("good")));

    world.sides.right.rot("a", "bad!");
    assert_eq!(resync(&world, "a").corrupt.len(), 1);
    world.sides.right.remove("a");
    world.settle().unwrap();
    assert_eq!(open(&world), 0);
    assert_eq!(texts(&world, "a"), Sides { left: None, right: None });
}

/// A conflict that waits; the right version is newer.
fn quarrel(able: &Sides<sync_core::abilities::Abilities>) -> World {
    let world = World::new(able.clone(), policy(ConflictPolicy::Notify));
    world.sides.left.write("dir/file", "agreed");
    world.sides.left.write("bystander", "bystander");
    world.settle().unwrap();
    for (side, text, later) in [(Side::Left, "left version", 1), (Side::Right, "right version", 2)] {
        let at = world.sides[side].clock() + later * 60_000_000_000;
        world.sides[side].write_at("dir/file", text, at);
    }
    let report = world.run().unwrap();
    assert_eq!(report.conflicts.len(), 1);
    world
}

#[test]
fn every_choice_on_every_pair_of_sides() {
    for (name, able) in pairs() {
        for keep in [Keep::Side(Side::Left), Keep::Side(Side::Right), Keep::Newer, Keep::Both] {
            let world = quarrel(&able);
            // Something else is due: it is left to the next sync.
            world.sides.left.write("new", "new");
            let done = resolve(&world, keep);
            assert!(done.is_clean() && done.resolved.len() == 1, "{name} {keep:?}: {done:?}");
            assert!(world.sides.right.read("new").is_none());
            let stands = if keep == Keep::Side(Side::Left) { "left version" } else { "right version" };
            assert_eq!(texts(&world, "dir/file"), both(stands), "{name} {keep:?}");
            assert_eq!(open(&world), 0, "{name} {keep:?}");
            if let Some(kept) = keep.side(Side::Right) {
                let given_up = if kept == Side::Left { "right version" } else { "left version" };
                assert!(lies_in_the_trash(&world, kept.other(), given_up), "{name} {keep:?}");
            }
            world.settle().unwrap();
            world.check_at_rest().unwrap();
            assert_eq!(texts(&world, "new"), both("new"));
        }
    }
}

#[test]
fn a_choice_that_is_cut_off_anywhere_loses_nothing() {
    let (mut failed, mut killed) = (0, 0);
    for (name, able) in pairs() {
        for keep in [Keep::Side(Side::Left), Keep::Both] {
            let start = quarrel(&able);
            let whole = start.fork();
            whole.faults.reset_steps();
            resolve(&whole, keep);
            let steps = whole.faults.steps();
            for step in 1..=steps {
                for kill in [false, true] {
                    let world = start.fork();
                    world.faults.reset_steps();
                    if kill {
                        world.faults.crash_at(step);
                        killed += 1;
                    } else {
                        world.faults.fail_at(step, ProblemKind::Io);
                        failed += 1;
                    }
                    // Whatever comes of it.
                    if let Ok(session) = world.session() {
                        let _ = session.resolve(&Which::All, keep, &Silent);
                    }
                    world.revive();
                    let again = world.session().unwrap().resolve(&Which::All, keep, &Silent);
                    assert!(again.is_ok(), "{name} {keep:?} at {step}: {again:?}");
                    world.settle().unwrap_or_else(|why| panic!("{name} {keep:?} at {step}: {why}"));
                    let picture = world.picture();
                    for text in ["left version", "right version", "bystander"] {
                        let held = picture.contents.iter().any(|held| **held == *text.as_bytes());
                        assert!(
                            held,
                            "{name} {keep:?} at {step}, killed {kill}: `{text}` is lost: {picture:?}"
                        );
                    }
                }
            }
        }
    }
    println!("choices cut off: {failed} failures, {killed} kills");
}

#[test]
fn a_user_who_writes_meanwhile_is_never_overwritten() {
    let start = quarrel(&pairs()[0].1);
    let whole = start.fork();
    whole.faults.record();
    resolve(&whole, Keep::Side(Side::Left));
    let steps = whole.faults.trace().len();
    assert!(steps > 5);
    let mut written_meanwhile = 0;
    for step in 0..steps {
        for side in Side::BOTH {
            let world = start.fork();
            let count = std::sync::atomic::AtomicUsize::new(0);
            world.sides[side].between(move |replica, _| {
                if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == step {
                    replica.write("dir/file", "what the user wrote meanwhile");
                }
            });
            let report = world.session().unwrap().resolve(&Which::All, Keep::Side(Side::Left), &Silent);
            world.sides[side].undisturbed();
            let written = world.sides[side].read("dir/file");
            let other = world.sides[side.other()].read("dir/file");
            let shows = |bytes: &Option<std::sync::Arc<[u8]>>| {
                bytes.as_ref().is_some_and(|bytes| **bytes == *b"what the user wrote meanwhile")
            };
            let happened =
                world.picture().contents.iter().any(|held| **held == *b"what the user wrote meanwhile");
            written_meanwhile += usize::from(happened);
            assert!(!happened || shows(&written) || shows(&other), "step {step} on the {side}: {report:?}");
        }
    }
    println!("users who wrote meanwhile: {written_meanwhile}");
    assert!(written_meanwhile > steps / 2);
}

fn status(world: &World) -> StatusReport {
    let state = State::open(&world.state_folder()).unwrap().state;
    Records::new(&state).status(24).unwrap()
}

/// Stops a run as soon as it has done anything.
#[derive(Default)]
struct StopsEarly(std::sync::atomic::AtomicBool);

impl Watch for StopsEarly {
    fn begin(&self, phase: sync_engine::Phase, _: Option<u64>, _: Option<u64>) {
        if phase == sync_engine::Phase::Act {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[test]
fn what_a_stopped_run_left_is_not_forgotten() {
    let world = quarrel(&pairs()[0].1);
    // The quarrel ends by itself: what is left of it is an ordinary copy.
    let agreed = world.sides.left.read("dir/file").unwrap();
    let later = world.sides.right.clock() + 60_000_000_000;
    world.sides.right.write_at("dir/file", agreed, later);
    world.sides.left.write_at("dir/file", "left version, once more", later + 60_000_000_000);
    world.sides.left.write("new", "new");
    let stopped = world.session().unwrap().sync(&SyncOptions::default(), &StopsEarly::default()).unwrap();
    assert!(stopped.cancelled && stopped.left_undone > 0, "{stopped:?}");
    let status = status(&world);
    assert_eq!(status.left_undone, stopped.left_undone);
    assert!(!status.in_sync && status.needs_person);
    // Another part of the pair that is well tells nothing of that.
    world.sides.left.write("elsewhere", "elsewhere");
    let told =
        std::collections::BTreeMap::from([(sync_core::path::RelPath::try_from("elsewhere").unwrap(), false)]);
    world.session().unwrap().sync_near(&told, &SyncOptions::default(), &Silent).unwrap();
    assert!(!self::status(&world).in_sync);
    world.settle().unwrap();
    assert_eq!(self::status(&world).left_undone, 0);
}

#[test]
fn what_was_put_back_on_one_side_waits_for_the_other() {
    let world = World::new(pairs()[0].1.clone(), policy(ConflictPolicy::Clash));
    world.sides.left.write("kept", "kept");
    world.settle().unwrap();
    world.sides.left.write("file", "new here");
    let copied = world.run().unwrap().run.unwrap();
    assert!(status(&world).in_sync);

    let undone = world.session().unwrap().undo(copied, &UndoOptions::default(), &Silent).unwrap();
    assert!(undone.is_whole(), "{undone:?}");
    let waits = status(&world);
    assert_eq!((waits.in_sync, waits.put_back, waits.since), (false, 1, None));
    let filter = TrashFilter { paths: vec!["file".to_owned()], ..TrashFilter::default() };
    let back = RestoreOptions { filter, ..RestoreOptions::default() };
    let back = world.session().unwrap().restore_from_trash(&back, &Silent).unwrap();
    assert!(back.run.is_some(), "{back:?}");
    assert_eq!(status(&world).put_back, 2);
    // Nothing has to be carried over in the end: also a look that finds so is one.
    world.settle().unwrap();
    let rests = status(&world);
    assert!(rests.in_sync && rests.put_back == 0 && rests.since.is_some(), "{rests:?}");
}

#[test]
fn a_pattern_means_the_same_for_conflicts_and_for_the_trash() {
    let start = World::new(pairs()[0].1.clone(), policy(ConflictPolicy::Notify));
    for at in ["top.txt", "sub/deep.txt", "sub/other", "odd[1].txt"] {
        start.sides.left.write(at, "agreed");
    }
    start.settle().unwrap();
    let trashed = start.fork();
    for at in ["top.txt", "sub/deep.txt", "sub/other", "odd[1].txt"] {
        trashed.sides.left.remove(at);
        for (side, text) in [(Side::Left, "left version"), (Side::Right, "the right version")] {
            start.sides[side].write(at, text);
        }
    }
    // Something has to stay, and everything went to the trash whatever its size.
    trashed.sides.left.write("stays", "stays");
    let mut trashed = trashed;
    trashed.policy.soft_delete.max_size_bytes = u64::MAX;
    trashed.settle().unwrap();
    start.run().unwrap();
    for (pattern, wanted) in [
        ("*.txt", vec!["odd[1].txt", "sub/deep.txt", "top.txt"]),
        ("/*.txt", vec!["odd[1].txt", "top.txt"]),
        ("sub/*", vec!["sub/deep.txt", "sub/other"]),
        ("**/*.txt", vec!["odd[1].txt", "sub/deep.txt", "top.txt"]),
        ("odd[1].txt", vec!["odd[1].txt"]),
    ] {
        let which = Which::These(vec![pattern.to_owned()]);
        let done = start.fork().session().unwrap().resolve(&which, Keep::Side(Side::Left), &Silent).unwrap();
        let mut met: Vec<_> = done.resolved.iter().map(|one| &one.path).collect();
        met.sort();
        assert_eq!(met, wanted, "conflicts, {pattern}");
        let filter = TrashFilter { paths: vec![pattern.to_owned()], ..TrashFilter::default() };
        let held = trashed.session().unwrap().trash(&filter).unwrap();
        let met: Vec<_> = held.items.iter().map(|one| &one.path).collect();
        assert_eq!(met, wanted, "trash, {pattern}");
    }
}
