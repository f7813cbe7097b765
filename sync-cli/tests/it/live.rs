//! The live session as a user runs it: changes arrive by themselves.

use std::fs;
use std::time::Duration;

use super::running::{Running, content, wait, within};
use super::world::World;

#[test]
fn changes_arrive_on_the_other_side_by_themselves() {
    let world = World::new();
    world.write("left/folder/old.txt", "old");
    let running = Running::start(&world);
    wait("the first file", || world.has("right/folder/old.txt"));

    world.write("left/new.txt", "new");
    wait("a new file", || world.has("right/new.txt"));
    fs::write(world.path("right/new.txt"), "changed on the right").unwrap();
    wait("a change the other way", || content(&world.path("left/new.txt")) == "changed on the right");

    fs::create_dir_all(world.path("left/deep/deeper")).unwrap();
    fs::write(world.path("left/deep/deeper/file"), "deep").unwrap();
    wait("a file in new folders", || content(&world.path("right/deep/deeper/file")) == "deep");
    fs::rename(world.path("right/deep"), world.path("right/moved")).unwrap();
    wait("a moved folder", || world.has("left/moved/deeper/file") && !world.has("left/deep"));
    fs::remove_dir_all(world.path("left/moved")).unwrap();
    wait("a deleted folder", || !world.has("right/moved"));

    let mut running = Some(running);
    within(Duration::from_secs(5), "stopping", |_| {
        let (code, took) = running.take().unwrap_or_else(|| Running::start(&world)).stop();
        assert_eq!(code, 0);
        took
    });
    let quiet = world.run(["sync", "left", "right", "--state", "state"]);
    assert!(quiet.out.contains("Nothing to do"), "{}", quiet.out);
}

#[test]
fn a_folder_that_went_away_is_waited_for_and_never_taken_for_deletions() {
    let world = World::new();
    for number in 0..30 {
        world.write(&format!("left/{number}.txt"), "kept");
    }
    let running = Running::start(&world);
    wait("all files", || world.names("right").iter().filter(|name| name.ends_with(".txt")).count() == 30);
    fs::rename(world.path("right"), world.path("away")).unwrap();
    world.write("left/meanwhile.txt", "made while the folder was away");
    wait("that it waits", || {
        world.json(["status", "left", "right", "--state", "state"]).1["live"]["waits_for"].is_string()
    });
    assert!(!world.has("right"), "nothing is made where the folder was");
    assert_eq!(world.names("left").iter().filter(|name| name.ends_with(".txt")).count(), 31);
    fs::rename(world.path("away"), world.path("right")).unwrap();
    wait("what was made meanwhile", || world.has("right/meanwhile.txt"));
    world.write("left/after.txt", "and it goes on");
    wait("what is made afterwards", || world.has("right/after.txt"));
    assert_eq!(running.stop().0, 0);
}

#[test]
fn a_killed_session_starts_again_without_anybody() {
    let world = World::new();
    for number in 0..200 {
        world.write(&format!("left/{number}.txt"), &"content ".repeat(number));
    }
    for round in 0..3 {
        let running = Running::start(&world);
        world.write(&format!("left/round {round}.txt"), "new");
        std::thread::sleep(Duration::from_millis(150 + 200 * round));
        running.kill();
    }
    let running = Running::start(&world);
    wait("everything", || {
        let [left, right] = ["left", "right"].map(|side| world.names(side));
        left.iter().filter(|name| name.ends_with(".txt")).count() == 203 && left == right
    });
    assert_eq!(running.stop().0, 0);
}

#[test]
fn a_tree_that_is_deleted_little_by_little_is_not_deleted_on_the_other_side() {
    let world = World::new();
    for number in 0..100 {
        world.write(&format!("left/{number}.txt"), "kept");
    }
    let running = Running::start(&world);
    // Not those in the trash.
    let there =
        || world.names("right").iter().filter(|name| name.ends_with(".txt") && !name.contains('/')).count();
    wait("all files", || there() == 100);
    for number in 0..90 {
        fs::remove_file(world.path(&format!("left/{number}.txt"))).unwrap();
        if number % 10 == 9 {
            std::thread::sleep(Duration::from_millis(400));
        }
    }
    // Something that nobody holds up tells that the deletions were seen.
    world.write("left/after.txt", "afterwards");
    wait("a later change", || world.has("right/after.txt"));
    assert!(there() >= 50, "{} files are left", there());
    assert_eq!(running.stop().0, 0);
    let approved = world.run(["sync", "left", "right", "--state", "state", "--approve"]);
    assert!(approved.code <= 1, "{}", approved.err);
    assert_eq!(there(), 11);
}
