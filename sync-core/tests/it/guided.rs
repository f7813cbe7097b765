//! A person's word, and a content in doubt.
//!
//! Every way two versions can meet at one path, with every choice: made for the versions that are there it is carried
//! out and nothing is lost, made for any other it changes nothing. Contents that differ without a trace wait.

use std::collections::BTreeMap;

use sync_core::abilities::Abilities;
use sync_core::entry::{Entry, Kind};
use sync_core::guidance::{Choice, Guidance, Keep, Refusal, Second};
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::plan::Plan;
use sync_core::policy::{ConflictPolicy, Policy, SoftDelete};
use sync_core::scope::narrow;
use sync_core::side::{Side, Sides};

use crate::checks::{Adopted, Care, cycle, tell};
use crate::executor::{Until, apply};
use crate::mirror::{difference, flip_plan};
use crate::replica::{Node, START_NS};
use crate::tiny::path;
use crate::world::{World, dump_plan};

const KEEPS: [Keep; 4] = [Keep::Side(Side::Left), Keep::Side(Side::Right), Keep::Newer, Keep::Both];

/// What may lie at the path: nothing, files, one with another mode, a link, directories.
const THINGS: [&str; 8] = ["", "f=A", "f=B", "f=B!", "f=H", "f>1", "f/", "f/ f/x=C"];

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

fn worlds() -> impl Iterator<Item = World> {
    let triples = THINGS.iter().flat_map(|baseline| {
        THINGS.iter().flat_map(move |left| THINGS.iter().map(move |right| (*baseline, *left, *right)))
    });
    triples.flat_map(|(baseline, left, right)| {
        ConflictPolicy::ALL.into_iter().flat_map(move |all| {
            [true, false].into_iter().map(move |digests| {
                let mut world = World::new(Sides::from_fn(|_| Abilities::FULL));
                world.policy = policy(all);
                // A file that rests keeps the roots from being empty.
                let with = |text: &str| format!("zz=Z {text}");
                world.planted(&with(baseline), &with(left), &with(right), digests)
            })
        })
    })
}

fn entries(world: &World, at: &RelPath) -> Sides<Option<Entry>> {
    world.sides.as_ref().map(|side| side.look(at))
}

fn chosen(at: &RelPath, versions: Sides<Entry>, keep: Keep) -> Guidance {
    let choices = BTreeMap::from([(at.clone(), Choice { versions, keep })]);
    Guidance { choices, ..Guidance::default() }
}

fn flipped(guidance: &Guidance) -> Guidance {
    let mut flipped = guidance.clone();
    flipped.choices = guidance.choices.iter().map(|(path, one)| (path.clone(), one.flip())).collect();
    flipped.seconds = guidance.seconds.iter().map(|(path, one)| (path.clone(), one.clone().flip())).collect();
    flipped
}

/// Decides, and proves that neither side is treated otherwise than the other.
fn decided(world: &World, guidance: &Guidance) -> Plan {
    let plan =
        world.decide_guided(false, guidance).unwrap_or_else(|why| panic!("{why}\n{}", world.dump())).plan;
    let mirror =
        world.flip().decide_guided(false, &flipped(guidance)).unwrap_or_else(|why| panic!("{why}")).plan;
    if let Some(text) = difference(&plan, &flip_plan(&mirror)) {
        panic!("{guidance:?} is not mirrored:\n{text}\n{}", world.dump());
    }
    plan
}

fn carried_out(world: &World, plan: &Plan) -> World {
    let mut after = world.clone();
    let done = apply(&mut after, plan, Until::END);
    assert!(done.is_ok(), "{done:?}\n{}{}", world.dump(), dump_plan(plan));
    after
}

fn holds(world: &World, side: Side, node: &Node) -> bool {
    let same = |now: &Node| (now.kind, now.content) == (node.kind, node.content);
    let replica = &world.sides[side];
    replica.tree.values().any(same) || replica.trash.iter().any(|(_, now)| same(now))
}

#[test]
fn a_choice_for_what_is_there_is_carried_out_and_gives_up_to_the_trash() {
    let at = path("f");
    let mut counts = BTreeMap::<&str, usize>::new();
    for world in worlds() {
        let plain = decided(&world, &Guidance::default());
        let Some(conflict) = plain.conflicts.iter().find(|one| one.path == at).cloned() else { continue };
        for keep in KEEPS {
            let guidance = chosen(&at, conflict.versions, keep);
            let mut plan = decided(&world, &guidance);
            narrow(&mut plan, |action| action.path == at);
            let after = carried_out(&world, &plan);
            let told = || format!("{keep:?}\n{}{}{}", world.dump(), dump_plan(&plan), after.dump());
            for side in Side::BOTH {
                for (lies, node) in world.sides[side].tree.iter().filter(|(_, node)| node.kind != Kind::Dir) {
                    assert!(holds(&after, side, node), "{lies:?} of the {side} is lost: {}", told());
                }
            }
            let dirs = conflict.versions.map(|entry| entry.is_dir());
            let file_in_the_way = match keep.side(conflict.newer) {
                Some(side) => !dirs[side] && dirs[side.other()],
                None => false,
            };
            if file_in_the_way {
                assert!(plan.actions.is_empty(), "a choice emptied a directory: {}", told());
                *counts.entry("refused").or_default() += 1;
                continue;
            }
            let both_dirs = dirs.left && dirs.right;
            let wanted = keep.side(conflict.newer).map(|side| world.sides[side].tree[&at]);
            for side in Side::BOTH {
                let now = after.sides[side].tree.get(&at).unwrap_or_else(|| panic!("{}", told()));
                let mode = |node: &Node| (node.kind != Kind::Symlink).then_some(node.mode);
                let of = |node: &Node| (node.kind, node.content, mode(node));
                if let Some(wanted) = wanted {
                    assert_eq!(of(&wanted), of(now), "another version stands on the {side}: {}", told());
                }
            }
            let beside = after.sides.left.tree.keys().any(|path| path.display().contains("clash"));
            assert_eq!(beside, keep == Keep::Both && !both_dirs, "{}", told());
            // The next cycle finds what it would find after any other run.
            let mut after = after.clone();
            cycle(&mut after, &mut Adopted::new(), Care::Usual)
                .unwrap_or_else(|why| panic!("{}{why}", told()));
            *counts.entry(keep.name()).or_default() += 1;
        }
    }
    tell(&format!("choices carried out: {counts:?}"));
    assert_eq!(counts.len(), 5, "{counts:?}");
}

#[test]
fn a_choice_for_other_versions_changes_nothing() {
    let at = path("f");
    let mut count = 0;
    for world in worlds() {
        let plain = decided(&world, &Guidance::default());
        let now = entries(&world, &at);
        let seen = [now.left, now.right].into_iter().flatten().next();
        let Some(some) = seen else { continue };
        let there = now.map(|entry| entry.unwrap_or(some));
        for keep in KEEPS {
            for side in Side::BOTH {
                for what in 0..4 {
                    let mut versions = there;
                    let version = &mut versions[side];
                    match what {
                        0 if !version.is_dir() => version.size += 1,
                        1 if !version.is_dir() => version.mtime_ns += 1,
                        2 => version.file_id = std::num::NonZeroU64::new(77),
                        _ => version.kind = if version.is_dir() { Kind::File } else { Kind::Dir },
                    }
                    let plan = decided(&world, &chosen(&at, versions, keep));
                    assert_eq!(plan, plain, "{keep:?} {versions:?}\n{}", world.dump());
                    count += 1;
                }
            }
        }
    }
    tell(&format!("choices for other versions: {count}"));
}

#[test]
fn a_choice_where_there_is_no_conflict_changes_nothing() {
    let at = path("f");
    let mut count = 0;
    for world in worlds() {
        let plain = decided(&world, &Guidance::default());
        let Sides { left: Some(left), right: Some(right) } = entries(&world, &at) else { continue };
        if plain.conflicts.iter().any(|one| one.path == at) {
            continue;
        }
        for keep in KEEPS {
            let plan = decided(&world, &chosen(&at, Sides { left, right }, keep));
            assert_eq!(plan, plain, "{keep:?}\n{}", world.dump());
            count += 1;
        }
    }
    assert!(count > 0);
}

/// A conflict that a clash copy has settled, as the inbox has it.
fn settled(clash: &str, newer: Side, keep: Side, versions: Sides<Entry>) -> Guidance {
    let second = Second { clash: path(clash), newer, versions, keep };
    Guidance { seconds: BTreeMap::from([(path("f"), second)]), ..Guidance::default() }
}

#[test]
fn a_second_thought_puts_the_other_version_back_and_both_trashes_hold_what_goes() {
    for (baseline, left, right) in
        [("f=A", "f=B", "f=C"), ("", "f=C", "f=B"), ("f=A", "f=H", "f=B"), ("", "f>1", "f=B")]
    {
        let mut world = World::new(Sides::from_fn(|_| Abilities::FULL));
        world.policy = policy(ConflictPolicy::Clash);
        let with = |text: &str| format!("zz=Z {text}");
        let mut world = world.planted(&with(baseline), &with(left), &with(right), true);
        let before = world.clone();
        let plan = cycle(&mut world, &mut Adopted::new(), Care::Usual).unwrap_or_else(|why| panic!("{why}"));
        let conflict = plan.conflicts.first().unwrap_or_else(|| panic!("{}", dump_plan(&plan))).clone();
        let clash = conflict.clash_path.as_ref().map(RelPath::display).unwrap_or_default();
        for keep in Side::BOTH {
            let guidance = settled(&clash, conflict.newer, keep, conflict.versions);
            let mut plan = decided(&world, &guidance);
            narrow(&mut plan, |action| action.path == path("f"));
            let after = carried_out(&world, &plan);
            let wanted = before.sides[keep].tree[&path("f")];
            for side in Side::BOTH {
                let replica = &after.sides[side];
                let now = replica.tree[&path("f")];
                assert_eq!((now.kind, now.content), (wanted.kind, wanted.content), "{}", after.dump());
                assert!(!replica.tree.contains_key(&path(&clash)), "{}", after.dump());
                for node in world.sides[side].tree.values().filter(|node| node.kind != Kind::Dir) {
                    assert!(holds(&after, side, node), "lost on the {side}: {}", after.dump());
                }
            }
            let mut after = after;
            cycle(&mut after, &mut Adopted::new(), Care::Usual).unwrap_or_else(|why| panic!("{why}"));

            // Stopped anywhere, nothing is lost and the choice is carried on.
            for transitions in 0..plan.transitions().count() {
                let mut stopped = world.clone();
                let until = Until { transitions, keeps_baseline: true };
                apply(&mut stopped, &plan, until).unwrap_or_else(|why| panic!("{why}"));
                // What is left to do is a deletion like any other.
                stopped.policy.soft_delete = SoftDelete::default();
                cycle(&mut stopped, &mut Adopted::new(), Care::Usual).unwrap_or_else(|why| panic!("{why}"));
                for node in world.sides.left.tree.values().filter(|node| node.kind != Kind::Dir) {
                    let held = Side::BOTH.into_iter().any(|side| holds(&stopped, side, node));
                    assert!(held, "stopped after {transitions}: {}", stopped.dump());
                }
            }

            // Somebody has worked on either file since: nothing is touched.
            for (touched, side) in [
                ("f", Side::Left),
                ("f", Side::Right),
                (clash.as_str(), Side::Left),
                (clash.as_str(), Side::Right),
            ] {
                let mut edited = world.clone();
                if let Some(node) = edited.sides[side].tree.get_mut(&path(touched)) {
                    node.mtime += 7_000_000_000;
                    node.ctime += 7_000_000_000;
                    node.content = if node.kind == Kind::File { 20 } else { 2 };
                }
                let plain = decided(&edited, &Guidance::default());
                assert_eq!(decided(&edited, &guidance).actions, plain.actions, "{touched} on the {side}");
            }
        }
    }
}

/// One file on both sides, agreed on, of which one side's content has changed without any trace.
fn rotten(digests: bool, on: Side) -> World {
    let world = World::new(Sides::from_fn(|_| Abilities::FULL));
    let mut world = world.planted("f=A zz=Z", "f=A zz=Z", "f=A zz=Z", digests);
    world.policy = policy(ConflictPolicy::Clash);
    if let Some(node) = world.sides[on].tree.get_mut(&path("f")) {
        // The same size, as B has.
        node.content = 2;
    }
    world
}

fn examining() -> Guidance {
    let mut guidance = Guidance::default();
    guidance.examined.add_below(RelPath::root());
    guidance
}

fn doubting() -> Guidance {
    let mut guidance = Guidance::default();
    guidance.doubted.insert(path("f"));
    guidance
}

#[test]
fn what_differs_without_a_trace_is_found_by_looking_and_waits() {
    for on in Side::BOTH {
        for digests in [true, false] {
            let world = rotten(digests, on);
            let blind = decided(&world, &Guidance::default());
            assert!(blind.actions.is_empty() && blind.conflicts.is_empty(), "metadata shows nothing");
            let plan = decided(&world, &examining());
            let conflict = plan.conflicts.first().unwrap_or_else(|| panic!("{}", dump_plan(&plan)));
            assert_eq!((conflict.rule, conflict.policy), (Rule::SilentCorruption, ConflictPolicy::Notify));
            assert!(plan.transitions().next().is_none(), "{}", dump_plan(&plan));

            for keep in Side::BOTH {
                let mut guidance = chosen(&path("f"), conflict.versions, Keep::Side(keep));
                guidance.doubted.insert(path("f"));
                let plan = decided(&world, &guidance);
                let after = carried_out(&world, &plan);
                let wanted = world.sides[keep].tree[&path("f")].content;
                let given_up = world.sides[keep.other()].tree[&path("f")];
                for side in Side::BOTH {
                    assert_eq!(after.sides[side].tree[&path("f")].content, wanted);
                }
                assert!(holds(&after, keep.other(), &given_up));
                assert!(decided(&after, &doubting()).conflicts.is_empty());
            }
        }
    }
}

#[test]
fn a_doubt_keeps_either_content_from_being_spread_until_it_is_settled() {
    for on in Side::BOTH {
        for touched in Side::BOTH {
            let mut world = rotten(true, on);
            if let Some(node) = world.sides[touched].tree.get_mut(&path("f")) {
                node.mtime = START_NS + 900_000_000_000;
                node.ctime += 900_000_000_000;
            }
            let plan = decided(&world, &doubting());
            assert!(plan.transitions().next().is_none(), "{}", dump_plan(&plan));
            assert_eq!(plan.conflicts.len(), 1);

            // Somebody brings the other content in by hand, or deletes one: then it is over.
            let healed = {
                let mut world = world.clone();
                let good = world.sides[on.other()].tree[&path("f")];
                if let Some(node) = world.sides[on].tree.get_mut(&path("f")) {
                    *node = Node { id: node.id, ctime: node.ctime + 5, ..good };
                }
                world
            };
            assert!(decided(&healed, &doubting()).conflicts.is_empty());
            let mut deleted = world.clone();
            deleted.sides[on].tree.remove(&path("f"));
            assert!(decided(&deleted, &doubting()).conflicts.is_empty());
        }
    }
}

#[test]
fn looking_closely_at_what_is_the_same_teaches_the_baseline_its_digest() {
    let world = World::new(Sides::from_fn(|_| Abilities::FULL));
    let world = world.planted("f=A zz=Z", "f=A zz=Z", "f=A zz=Z", false);
    let plan = decided(&world, &examining());
    assert_eq!((plan.actions.len(), plan.transitions().count()), (2, 0), "{}", dump_plan(&plan));
    let after = carried_out(&world, &plan);
    assert!(after.baseline.values().all(|agreed| agreed.digest.is_some()));
    assert!(decided(&after, &examining()).actions.is_empty());
}

#[test]
fn looking_closely_changes_nothing_about_what_metadata_shows() {
    for world in worlds() {
        let plain = decided(&world, &Guidance::default());
        let plan = decided(&world, &examining());
        let moves = |plan: &Plan| -> Vec<_> {
            plan.actions.iter().filter(|one| !one.transitions.is_empty()).cloned().collect()
        };
        let without_what_was_read = |mut actions: Vec<sync_core::plan::Action>| {
            for memo in actions.iter_mut().flat_map(|action| &mut action.agree) {
                (memo.digest, memo.xattrs) = (None, Sides { left: None, right: None });
            }
            actions
        };
        assert_eq!(
            without_what_was_read(moves(&plan)),
            without_what_was_read(moves(&plain)),
            "{}",
            world.dump()
        );
        assert_eq!(plan.conflicts, plain.conflicts);
    }
}

#[test]
fn refusals_say_what_is_the_matter() {
    let world = World::new(Sides::from_fn(|_| Abilities::FULL)).planted("", "f=A", "f=B", false);
    let at = path("f");
    let Sides { left: Some(left), right: Some(right) } = entries(&world, &at) else {
        panic!("both are there")
    };
    let choice = Choice { versions: Sides { left, right }, keep: Keep::Newer };
    let why = |world: &World| {
        let seen = world.decide(false).unwrap_or_else(|why| panic!("{why}")).comparison;
        choice.refusal(seen.differences.iter().find(|one| one.path == at))
    };
    assert_eq!(why(&world), None);
    let mut gone = world.clone();
    gone.sides.left.tree.remove(&at);
    assert_eq!(why(&gone), Some(Refusal::Gone(Side::Left)));
    gone.sides.right.tree.remove(&at);
    assert_eq!(why(&gone), Some(Refusal::NoConflict));
    let mut blind = world.clone();
    blind.sides.right.unobserved.insert(at.clone());
    assert_eq!(why(&blind), Some(Refusal::Unknown(Side::Right)));
}
