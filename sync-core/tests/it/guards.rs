//! Guards, free space, the cap of soft deletion, hidden names that may not go, and hard links.

use sync_core::guard::{self, Begun, Taken, fit, gives_way};
use sync_core::guidance::Focus;
use sync_core::plan::{Halt, Transition};
use sync_core::policy::Policy;
use sync_core::side::{Side, Sides};

use crate::checks::{Adopted, Care, cycle};
use crate::executor::{Until, apply};
use crate::table::{FULL, all_newer};
use crate::tiny::path;
use crate::world::World;

/// A world without the anchor that keeps roots from being empty.
fn bare(baseline: &str, left: &str, right: &str) -> World {
    World::new(FULL).planted(baseline, left, right, true)
}

/// So many files `f00`, `f01`, ..., in two folders.
fn many(count: usize, content: char) -> String {
    use std::fmt::Write;
    (0..count).fold(String::from("d/ e/"), |mut text, at| {
        let folder = if at % 3 == 0 { "e" } else { "d" };
        let _ = write!(text, " {folder}/f{at:02}={content}#{at}");
        text
    })
}

fn halt(world: &World) -> Option<Halt> {
    world.decide(false).unwrap_or_else(|why| panic!("{why}")).plan.halt
}

#[test]
fn an_emptied_root_halts_on_either_side() {
    let world = bare("f=A", "", "f=A");
    assert_eq!(halt(&world), Some(Halt::EmptyRoot { side: Side::Left }));
    assert_eq!(halt(&world.flip()), Some(Halt::EmptyRoot { side: Side::Right }));
    assert_eq!(halt(&bare("", "", "f=A")), None, "a first meeting with an empty root is none");
    assert_eq!(halt(&bare("f=A", "g=B", "f=A")), None);
    assert_eq!(halt(&bare("f=A", "f=A?", "f=A")), None, "unobserved is not gone");
}

#[test]
fn a_mass_deletion_halts_and_names_the_folders() {
    let folders = |world: &World| match halt(world) {
        Some(Halt::TooManyChanges { side, files, of, folders }) => {
            let folders: Vec<_> = folders.into_iter().map(|(path, count)| (path.display(), count)).collect();
            Some((side, files, of, folders))
        }
        _ => None,
    };
    let all = many(30, 'A');
    let gone = bare(&all, "d/ e/", &all);
    let wanted = Some((Side::Right, 30, 30, vec![("d".to_owned(), 20), ("e".to_owned(), 10)]));
    assert_eq!(folders(&gone), wanted);
    assert_eq!(folders(&gone.flip()).map(|one| one.0), Some(Side::Left));

    // Up to 20 files any plan may take, and half of the baseline.
    assert_eq!(halt(&bare(&many(20, 'A'), "d/ e/", &many(20, 'A'))), None);
    assert!(halt(&bare(&many(21, 'A'), "d/ e/", &many(21, 'A'))).is_some());
    let half = format!("{} {}", many(21, 'A'), kept(21));
    assert_eq!(halt(&bare(&half, &format!("d/ e/ {}", kept(21)), &half)), None);
    let more_than_half = format!("{} {}", many(22, 'A'), kept(21));
    assert!(halt(&bare(&more_than_half, &format!("d/ e/ {}", kept(21)), &more_than_half)).is_some());
}

fn kept(count: usize) -> String {
    (0..count).map(|at| format!("k{at:02}=B#k{at}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn overwriting_counts_renames_and_clashes_do_not() {
    let before = many(30, 'A');
    let overwritten = many(30, 'B');
    assert!(halt(&bare(&before, &overwritten, &before)).is_some(), "overwriting counts");

    let renamed = before.replace("/f", "/g");
    let world = bare(&before, &renamed, &before);
    let plan = world.decide(false).unwrap().plan;
    assert!(plan.halt.is_none() && plan.transitions().count() == 30, "a rename takes nothing away");

    let mut clashing = bare(&before, &overwritten, &many(30, 'C'));
    let plan = clashing.decide(false).unwrap().plan;
    assert!(plan.halt.is_none() && plan.conflicts.len() == 30, "a clash keeps both");
    all_newer(&mut clashing.policy);
    assert!(halt(&clashing).is_some(), "the newer version overwrites the other");
}

#[test]
fn a_tree_that_goes_little_by_little_halts_as_well() {
    // 60 of 90 files went a moment ago, 10 more go now; and the same with files that were overwritten.
    let before = many(30, 'A');
    let now = format!("d/ e/ {}", before.split(' ').skip(12).collect::<Vec<_>>().join(" "));
    let world = bare(&before, &now, &before);
    assert_eq!(halt(&world), None, "ten of thirty");
    let decision = world.decide(false).unwrap();
    let (snapshots, mut comparison) = world.observe(false, &Focus::default());
    let mut again = |files: u64, gone: u64| {
        comparison.taken_lately.right = Taken { files, gone };
        guard::halt(&decision.plan, &comparison, &snapshots, &Policy::default())
    };
    assert_eq!(again(0, 0), None);
    assert_eq!(again(4, 4), None, "fourteen of thirty-four");
    let halted = again(60, 60);
    assert!(
        matches!(halted, Some(Halt::TooManyChanges { side: Side::Right, files: 70, of: 90, .. })),
        "{halted:?}"
    );
    assert!(again(11, 0).is_some(), "of thirty files, eleven overwritten and ten gone");
    let mut all = Policy::default();
    all.guard.max_change_percent = 100;
    comparison.taken_lately.right = Taken { files: 600, gone: 0 };
    assert_eq!(
        guard::halt(&decision.plan, &comparison, &snapshots, &all),
        None,
        "a hundred per cent is no limit"
    );
    comparison.taken_lately.right = Taken { files: 60, gone: 60 };
    let quiet = bare(&before, &before, &before).decide(false).unwrap().plan;
    assert_eq!(guard::halt(&quiet, &comparison, &snapshots, &Policy::default()), None, "nothing goes now");
}

#[test]
fn what_does_not_fit_is_left_out_and_small_files_go() {
    let world = bare("z=Z", "z=Z a=A h=H x/ x/y=B", "z=Z");
    let mut plan = world.decide(false).unwrap().plan;
    // A and B take 10 bytes each, H takes 11.
    let left_out = fit(&mut plan, Sides { left: None, right: Some(20) }, |_| 0);
    assert_eq!(left_out.iter().map(|one| one.path.display()).collect::<Vec<_>>(), ["h"]);
    let copied: Vec<String> = plan
        .transitions()
        .filter(|(_, one)| matches!(one, Transition::Copy { .. }))
        .map(|(_, one)| one.path().display())
        .collect();
    assert_eq!(copied, ["a", "x/y"]);
    let blocked: Vec<_> = plan.blocked.iter().map(|one| (one.path.display(), one.side)).collect();
    assert_eq!(blocked, [("h".to_owned(), Side::Left)]);
    let mut enough = world.decide(false).unwrap().plan;
    let whole = enough.clone();
    assert_eq!(fit(&mut enough, Sides { left: None, right: Some(31) }, |_| 0), []);
    assert_eq!(enough, whole);
}

#[test]
fn a_copy_that_was_begun_gives_way_to_small_files_alone() {
    let world = bare("z=Z", "z=Z a=A h=H x/ x/y=B", "z=Z");
    let plan = world.decide(false).unwrap().plan;
    let begun = |bytes, missing| Begun { to: Side::Right, at: path("film"), bytes, missing };
    let way = |free: u64, large: u64, begun: &[Begun]| {
        gives_way(&plan, Sides { left: None, right: Some(free) }, |_| 0, begun, large)
    };
    // A and B take 10 bytes each, H takes 11: 31 in all.
    let film = [begun(50, 40)];
    assert_eq!(way(31, 100, &film), [0_usize; 0], "all of them have room");
    assert_eq!(way(30, 100, &film), [0]);
    assert_eq!(way(30, 100, &[begun(50, 30)]), [0_usize; 0], "it can be finished");
    assert_eq!(way(20, 11, &film), [0_usize; 0], "the large one waits for it");
    assert_eq!(way(19, 11, &film), [0]);
    assert_eq!(way(0, 100, &[begun(9, 40)]), [0_usize; 0], "not one of them would have room");
    assert_eq!(way(0, 100, &[begun(12, 40)]), [0], "one of them has");
    let several = [begun(500, 40), begun(31, 40), begun(30, 40)];
    assert_eq!(way(0, 100, &several), [1], "no more than it takes");
    assert_eq!(way(1, 100, &several), [2]);
    assert_eq!(way(0, 100, &[begun(20, 40), begun(5, 40), begun(10, 40)]), [0, 2, 1]);
    let elsewhere = [Begun { to: Side::Left, ..begun(50, 40) }];
    assert_eq!(way(0, 100, &elsewhere), [0_usize; 0]);
    let nobody_tells = gives_way(&plan, Sides { left: None, right: None }, |_| 0, &film, 100);
    assert_eq!(nobody_tells, [0_usize; 0]);
}

#[test]
fn above_the_cap_a_deletion_is_for_good() {
    let mut world = bare("z=Z f=A h=H", "z=Z", "z=Z f=A h=H");
    world.policy.soft_delete.max_size_bytes = 10;
    let plan = world.decide(false).unwrap().plan;
    apply(&mut world, &plan, Until::END).unwrap();
    assert_eq!(world.shown(), Sides { left: "z=Z".into(), right: "z=Z".into() });
    assert_eq!(world.trash_shown().right, "f=A");
}

#[test]
fn without_a_trash_hidden_names_keep_their_directory() {
    let mut world = bare("z=Z d/ d/f=A", "z=Z", "z=Z d/ d/f=A d/x.tmp=B");
    world.policy = Policy::default();
    world.policy.soft_delete.enabled = false;
    let plan = world.decide(false).unwrap().plan;
    let applied = apply(&mut world, &plan, Until::END).unwrap();
    assert_eq!(applied.refused.len(), 1);
    assert_eq!(world.shown().right, "d/ d/x.tmp=B z=Z");
}

#[test]
fn several_names_of_one_file_keep_their_content_and_come_to_rest() {
    // Replacing one name moves the change time of the others, so that a plan may find them changed: then the next
    // cycle goes on. Nothing is lost, and it ends.
    for (baseline, left, right) in [
        ("a=A#x b=A#x", "a=A#x b=A#x", "a=B b=A"),
        ("a=A#x b=A#x", "a=A#x b=A#x", "a=A"),
        ("a=A", "a=A#x b=A#x", "a=A"),
        ("a=A#x b=A#x", "a=B#x b=B#x", "a=A b=A"),
    ] {
        let mut world = bare(&format!("z=Z {baseline}"), &format!("z=Z {left}"), &format!("z=Z {right}"));
        let mut cycles = 0;
        loop {
            let plan = world.decide(false).unwrap().plan;
            if plan.actions.is_empty() {
                break;
            }
            cycles += 1;
            assert!(cycles < 4, "{left} | {right}");
            // A refusal stops the model where a real run would only leave that action out.
            let _ = apply(&mut world, &plan, Until::END);
        }
        let shown = world.shown();
        assert_eq!(shown.left, shown.right, "{left} | {right}");
        cycle(&mut world, &mut Adopted::new(), Care::Usual).unwrap();
    }
}

#[test]
fn a_directory_that_its_owner_may_not_write_to_is_closed_last() {
    let mut world = bare("z=Z", "z=Z d/ d/f=A d/s/ d/s/g=B", "z=Z");
    for dir in ["d", "d/s"] {
        if let Some(node) = world.sides.left.tree.get_mut(&path(dir)) {
            node.mode = 0o555;
        }
    }
    let plan = cycle(&mut world, &mut Adopted::new(), Care::Thorough).unwrap();
    let words: Vec<String> = plan
        .transitions()
        .map(|(action, one)| format!("{} {}", action.word(one), one.path().display()))
        .collect();
    assert_eq!(
        words,
        [
            "MKDIR_RIGHT d",
            "MKDIR_RIGHT d/s",
            "COPY_LEFT_TO_RIGHT d/f",
            "COPY_LEFT_TO_RIGHT d/s/g",
            "SET_PROPS_RIGHT d/s",
            "SET_PROPS_RIGHT d",
        ]
    );
    assert_eq!(world.sides.right.tree[&path("d")].mode, 0o555);
}
