//! A conflict that was cut short half way, and is looked at again at its own path alone.

use std::collections::BTreeMap;

use sync_core::abilities::Abilities;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_engine::report::SyncReport;
use sync_engine::{Session, Silent, SyncOptions};
use sync_replica::ProblemKind;

use super::story::{path, policy};
use super::world::{World, mismatches, pairs};

/// Both sides agree on a report, and then change it, the right one later.
fn told(abilities: Sides<Abilities>) -> World {
    let world = World::new(abilities, policy());
    world.sides.left.write("report.txt", "at first");
    world.settle().unwrap();
    world.sides.left.write_at("report.txt", "of the left", 1_800_000_000_000_000_000);
    world.sides.right.write_at("report.txt", "of the right, later", 1_800_000_600_000_000_000);
    world.faults.reset_steps();
    world
}

fn near(session: &Session) -> SyncReport {
    let told = BTreeMap::from([(path("report.txt"), false)]);
    session.sync_near(&told, &SyncOptions::default(), &Silent).unwrap()
}

/// Both versions are there, once each, on both sides.
fn check(world: &World, copies: usize, case: &str) {
    assert_eq!(
        mismatches(world, &std::collections::BTreeSet::<RelPath>::new()),
        Vec::<String>::new(),
        "{case}"
    );
    for side in Side::BOTH {
        let files = world.sides[side].files();
        assert_eq!(files[&path("report.txt")].as_ref(), b"of the right, later", "{case}, {side}");
        let older = files.values().filter(|content| ***content == *b"of the left").count();
        assert_eq!((files.len(), older), (copies + 1, 1), "{case}, {side}: {:?}", files.keys());
    }
}

#[test]
fn a_conflict_that_was_cut_short_anywhere_is_settled_by_the_next_look_at_its_path() {
    let mut cut = 0;
    for (name, abilities) in pairs() {
        for step in 1.. {
            let world = told(abilities.clone());
            let session = world.session().unwrap();
            world.faults.reset_steps();
            world.faults.fail_at(step, ProblemKind::Io);
            let told = BTreeMap::from([(path("report.txt"), false)]);
            let first = session.sync_near(&told, &SyncOptions::default(), &Silent);
            if world.faults.steps() < step {
                break;
            }
            let case = format!("{name}, a failure at step {step}");
            let again = near(&session);
            assert!(again.problems.is_empty(), "{case}: {:?}\nbefore: {first:?}", again.problems);
            check(&world, 1, &case);
            assert_eq!(near(&session).run, None, "{case}: nothing is left to do");
            cut += u64::from(first.is_ok_and(|report| !report.problems.is_empty()));
        }
    }
    assert!(cut > 20, "only {cut} were cut short");
}

#[test]
fn a_name_that_is_taken_is_seen_from_the_path_alone() {
    for (name, abilities) in pairs() {
        let world = World::new(abilities, policy());
        let left = &world.sides.left;
        left.write("report.txt", "at first");
        left.write("report - clash 202701150800.txt", "something else");
        left.write("report - clash 202701150800 (2).txt", "and something else");
        world.settle().unwrap();
        left.write_at("report.txt", "of the left", 1_800_000_000_000_000_000);
        world.sides.right.write_at("report.txt", "of the right, later", 1_800_000_600_000_000_000);
        let session = world.session().unwrap();
        let report = near(&session);
        assert!(report.problems.is_empty(), "{name}: {:?}", report.problems);
        check(&world, 3, name);
        assert!(left.files().contains_key(&path("report - clash 202701150800 (3).txt")), "{name}");
    }
}
