//! The work itself, and how the program ends.

#[cfg(unix)]
use crate::running::{send, wait};
use crate::world::World;

#[test]
fn a_first_sync_copies_both_ways_and_a_second_one_rests() {
    let world = World::new();
    world.write("left/a/b.txt", "from the left");
    world.write("right/c.txt", "from the right");
    let first = world.sync();
    assert_eq!(first.code, 0, "{}", first.out);
    assert_eq!(world.names("left"), world.names("right"));
    assert_eq!(world.read("right/a/b.txt"), "from the left");
    assert_eq!(world.read("left/c.txt"), "from the right");
    assert!(first.out.contains("Both sides are the same now"), "{}", first.out);
    let second = world.sync();
    assert_eq!(second.code, 0);
    assert!(second.out.starts_with("Nothing to do: both sides are the same."), "{}", second.out);
}

#[test]
fn a_conflict_is_for_a_person_even_when_it_is_settled() {
    let world = World::new();
    world.write("left/a.txt", "older");
    world.age("left/a.txt", 7200);
    world.write("right/a.txt", "newer one");
    let outcome = world.sync();
    assert_eq!(outcome.code, 1, "{}", outcome.out);
    assert!(outcome.out.contains("1 conflict"), "{}", outcome.out);
    assert!(outcome.out.contains("new on both sides, with other contents (6.2.2)"), "{}", outcome.out);
    assert!(
        outcome.out.contains("the right one stands at the path, the left one is kept as"),
        "{}",
        outcome.out
    );
    assert_eq!(world.read("left/a.txt"), "newer one");
    assert_eq!(world.names("left").len(), 2, "{:?}", world.names("left"));
    assert_eq!(world.sync().code, 0);
}

#[test]
fn a_plan_changes_nothing_anywhere() {
    let world = World::new();
    world.write("left/a.txt", "x");
    for args in
        [&["plan", "left", "right"][..], &["sync", "--dry-run", "left", "right"], &["scan", "left", "right"]]
    {
        let outcome = world.run(args);
        assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
        assert!(!world.has("home-state"), "{args:?} left a state");
        assert!(!world.has("left/.bothways") && !world.has("right/.bothways"), "{args:?} left a marker");
        assert!(world.names("right").is_empty());
    }
    let plan = world.run(["plan", "left", "right"]);
    assert!(plan.out.contains("new on the left (6.2.9)"), "{}", plan.out);
    assert!(plan.out.contains("copy left to right: a.txt"), "{}", plan.out);
    assert!(plan.out.contains("This is a plan: nothing was changed."), "{}", plan.out);
}

#[test]
fn a_long_group_is_cut_and_shown_whole_when_asked() {
    let world = World::new();
    for number in 0..30 {
        world.write(&format!("left/f{number:02}.txt"), "x");
    }
    let short = world.run(["plan", "left", "right"]);
    assert!(short.out.contains("… and 22 more (-v shows all)"), "{}", short.out);
    assert!(!short.out.contains("f29.txt"));
    let long = world.run(["plan", "left", "right", "-v"]);
    assert!(long.out.contains("f29.txt") && !long.out.contains("more (-v"), "{}", long.out);
}

#[test]
fn a_root_that_is_away_means_try_again() {
    let world = World::new();
    for command in ["sync", "plan", "scan"] {
        let outcome = world.run([command, "left", "nowhere"]);
        assert_eq!(outcome.code, 3, "{command}: {}{}", outcome.out, outcome.err);
        assert!(outcome.err.contains("right root") && outcome.err.contains("nowhere"), "{}", outcome.err);
        assert!(outcome.err.contains("hint: "), "{}", outcome.err);
        assert!(outcome.out.is_empty(), "{}", outcome.out);
    }
}

#[test]
fn an_emptied_root_halts_and_can_be_approved() {
    let world = World::new();
    for number in 0..5 {
        world.write(&format!("left/docs/f{number}.txt"), "x");
    }
    assert_eq!(world.sync().code, 0);
    std::fs::remove_dir_all(world.path("right/docs")).unwrap();
    let halted = world.run(["sync", "left", "right"]);
    assert_eq!(halted.code, 4, "{}{}", halted.out, halted.err);
    assert!(halted.out.contains("HALTED: the right root is empty"), "{}", halted.out);
    assert!(
        halted.out.contains("Nothing was touched.") && halted.out.contains("--approve"),
        "{}",
        halted.out
    );
    assert_eq!(world.names("left").len(), 6, "nothing may be deleted by a halted run");
    assert_eq!(world.run(["plan", "left", "right"]).code, 4);
    let approved = world.run(["sync", "left", "right", "--approve"]);
    assert_eq!(approved.code, 0, "{}{}", approved.out, approved.err);
    assert!(!world.has("left/docs"));
    assert!(
        world.names("left").iter().any(|name| name.starts_with(".sync_trash/")),
        "{:?}",
        world.names("left")
    );
}

#[test]
fn a_mount_point_whose_drive_is_away_is_left_exactly_as_it_is() {
    let world = World::new();
    world.write("left/docs/plan.txt", "x");
    assert_eq!(world.sync().code, 0);
    std::fs::rename(world.path("right"), world.path("drive")).unwrap();
    std::fs::create_dir(world.path("right")).unwrap();
    let halted = world.run(["sync", "left", "right"]);
    assert_eq!(halted.code, 4, "{}{}", halted.out, halted.err);
    assert!(halted.out.contains("lost its identity marker"), "{}", halted.out);
    // Not even a folder of ours may be in it: the drive comes back over it.
    std::fs::remove_dir(world.path("right")).unwrap();
    let away = world.run(["sync", "left", "right"]);
    assert_eq!(away.code, 3, "{}{}", away.out, away.err);
    std::fs::rename(world.path("drive"), world.path("right")).unwrap();
    assert_eq!(world.sync().code, 0);
    assert_eq!(world.read("left/docs/plan.txt"), "x");
}

#[test]
fn too_many_changes_halt_and_name_the_folders() {
    let world = World::new();
    for number in 0..40 {
        world.write(&format!("left/docs/f{number}.txt"), "x");
    }
    world.write("left/keep.txt", "x");
    assert_eq!(world.sync().code, 0);
    std::fs::remove_dir_all(world.path("left/docs")).unwrap();
    let halted = world.run(["sync", "left", "right"]);
    assert_eq!(halted.code, 4, "{}{}", halted.out, halted.err);
    assert!(halted.out.contains("40 of 41 files on the right"), "{}", halted.out);
    assert!(halted.out.lines().any(|line| line.trim() == "40 files  docs"), "{}", halted.out);
}

#[test]
fn folders_that_are_no_pair_are_refused() {
    let world = World::new();
    for (left, right) in [("left", "left"), ("left", "left/sub"), ("left", "./left")] {
        let outcome = world.run(["sync", left, right]);
        assert_eq!(outcome.code, 2, "{left} {right}: {}", outcome.err);
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("left", world.path("link")).unwrap();
        let outcome = world.run(["sync", "left", "link"]);
        assert_eq!(outcome.code, 4, "{}", outcome.err);
        assert!(outcome.err.contains("halted: both roots are the same directory"), "{}", outcome.err);
    }
}

#[cfg(unix)]
#[test]
fn a_state_that_is_in_use_means_try_again() {
    let world = World::new();
    world.write("left/a.txt", "x");
    assert_eq!(world.run(["sync", "left", "right", "--state", "st"]).code, 0);
    let holder = sync_engine::State::open(&world.path("st")).unwrap();
    let outcome = world.run(["sync", "left", "right", "--state", "st"]);
    assert_eq!(outcome.code, 3, "{}{}", outcome.out, outcome.err);
    assert!(outcome.err.contains("hint: "), "{}", outcome.err);
    drop(holder);
    assert_eq!(world.run(["sync", "left", "right", "--state", "st"]).code, 0);
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let world = World::new();
    for args in [
        &["sync", "left"][..],
        &["sync"],
        &["nonsense"],
        &["sync", "left", "right", "--color", "blue"],
        &["sync", "left", "right", "-v", "-q"],
        &["sync", "left", "right", "--dry-run", "--approve"],
        &["explain"],
        &["explain", "a", "--left", "left"],
        &["sync", "left", "right", "--config", "missing.toml"],
        &["explain", "../x", "--left", "left", "--right", "right"],
        &[],
    ] {
        let outcome = world.run(args);
        assert_eq!(outcome.code, 2, "{args:?}: {}{}", outcome.out, outcome.err);
        assert!(!outcome.err.is_empty() && outcome.out.is_empty(), "{args:?}: {}", outcome.out);
    }
}

#[cfg(unix)]
#[test]
fn what_cannot_be_synced_is_a_problem_and_the_rest_goes_on() {
    let world = World::new();
    world.write("left/a.txt", "x");
    let made = std::process::Command::new("mkfifo").arg(world.path("left/pipe")).status().unwrap();
    assert!(made.success());
    let outcome = world.sync();
    assert_eq!(outcome.code, 1, "{}{}", outcome.out, outcome.err);
    assert!(outcome.out.contains("1 problem") && outcome.out.contains("pipe on the left"), "{}", outcome.out);
    assert_eq!(world.read("right/a.txt"), "x");
}

#[test]
fn explain_says_what_was_seen_and_what_will_happen() {
    let world = World::new();
    world.write("left/a.txt", "one");
    assert_eq!(world.sync().code, 0);
    std::fs::remove_file(world.path("left/a.txt")).unwrap();
    let explain = |path: &str| world.run(["explain", path, "--left", "left", "--right", "right"]);
    let outcome = explain("a.txt");
    assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
    for part in [
        "last agreed on",
        "deleted: nothing",
        "unchanged: 3 bytes",
        "requirement 6.2.7",
        "right to the trash: a.txt",
    ] {
        assert!(outcome.out.contains(part), "{part}\n{}", outcome.out);
    }
    let whole = world.path("right/a.txt");
    assert_eq!(explain(whole.to_str().unwrap()).out, outcome.out);
}

/// A signal while a run works: it ends by itself, and the next run finishes the work.
#[cfg(unix)]
#[test]
fn ctrl_c_stops_cleanly_and_the_next_run_goes_on() {
    const SIZE: usize = 300_000;
    let names: Vec<_> = (0..8).map(|number| format!("big{number}.bin")).collect();
    let world = World::new();
    // Slow enough to be met in the middle: all of it takes minutes.
    for name in &names {
        world.write(&format!("left/{name}"), &"x".repeat(SIZE));
    }
    world.write(
        "c.toml",
        "left_root = 'left'\nright_root = 'right'\n[performance]\nbandwidth_limit = \"10 KB\"\n",
    );
    let mut child = world.command(["sync", "--config", "c.toml"]).spawn().unwrap();
    wait("the copy to begin", || world.bytes("right/.bothways") >= 30_000);
    send("-INT", child.id());
    wait("its end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(1), "something was left undone");
    let done = world.names("right");
    assert!(done.len() < names.len(), "{done:?}");
    for name in &done {
        assert_eq!(world.read(&format!("right/{name}")).len(), SIZE, "never half");
    }
    let rest = world.run(["sync", "left", "right"]);
    assert_eq!(rest.code, 0, "{}{}", rest.out, rest.err);
    assert_eq!(world.names("right"), names);
    assert!(world.bytes("right/.bothways") < 30_000, "nothing is left over");
}
