//! A person's tools over replicas in memory: silent corruption on a bad disk, choices under every kind of failure, and
//! users who work while a choice is carried out.

use std::path::PathBuf;

use sync_core::guidance::Keep;
use sync_core::policy::{ConflictPolicy, Policy, SoftDelete};
use sync_core::side::{Side, Sides};
use sync_engine::{ResolveReport, ResyncReport, Silent, Which};
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
