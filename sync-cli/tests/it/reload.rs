//! Another configuration while a session runs.

use std::fs;
use std::time::Duration;

use super::running::{READY, Running, wait};
use super::world::World;

const ROOTS: &str = "left_root = 'left'\nright_root = 'right'\n";
const CHANGED: &str = "the configuration has changed";
const STAYS: &str = "what held before still does";

fn configure(world: &World, text: &str) {
    fs::write(world.path("pair.toml"), format!("{ROOTS}{text}")).unwrap();
}

fn start(world: &World) -> Running {
    let session = Running::configured(world, |_| {});
    session.says(READY, 1);
    session
}

#[test]
fn what_is_ignored_and_how_often_is_looked_changes_while_it_runs() {
    let world = World::new();
    configure(
        &world,
        "sync_interval_seconds = 3600\n[ignore]\nextensions = ['draft']\n[live]\nwatch = 'off'\n",
    );
    world.write("left/letter.draft", "a draft");
    world.write("left/letter.txt", "a letter");
    let session = start(&world);
    wait("the first look", || world.has("right/letter.txt"));
    assert!(!world.has("right/letter.draft"));

    configure(&world, "sync_interval_seconds = 1\n[live]\nwatch = 'off'\n");
    session.says(&format!("{CHANGED}: sync_interval_seconds, ignore.extensions"), 1);
    session.says(READY, 2);
    wait("what was ignored", || world.has("right/letter.draft"));
    // Nobody watches: only an interval that is short now brings it.
    world.write("left/later.txt", "later");
    wait("a look soon after", || world.has("right/later.txt"));
    assert_eq!(session.stop().0, 0);
    let log = world.log();
    assert!(
        log.contains("\"operation\":\"reload\"") && log.contains("sync_interval_seconds, ignore.extensions"),
        "{log}"
    );
}

#[test]
fn another_limit_holds_for_a_copy_that_is_under_way() {
    let world = World::new();
    let limit = |limit: &str| {
        configure(
            &world,
            &format!("[performance]\nbandwidth_limit = '{limit}'\nlarge_file_bytes = '1 MB'\n"),
        );
    };
    limit("20 KB");
    // At that pace it takes five minutes.
    fs::write(world.path("left/large.bin"), vec![7; 6_000_000]).unwrap();
    let session = start(&world);
    wait("the copy to begin", || world.bytes("right/.bothways") > 0);
    assert!(!world.has("right/large.bin"));
    limit("0");
    session.says(&format!("{CHANGED}: performance.bandwidth_limit"), 1);
    // No wait of these tests lasts as long as the rest would at the old pace.
    wait("the rest of the copy", || world.has("right/large.bin"));
    assert_eq!(world.bytes("right/large.bin"), 0, "it is a file");
    assert_eq!(fs::metadata(world.path("right/large.bin")).unwrap().len(), 6_000_000);
    assert_eq!(session.count(READY), 1, "the pair was not opened again for it");

    // And a timetable, which holds all day here.
    configure(
        &world,
        "[[schedule.hours]]\nbandwidth_limit_right = '10 KB'\nmax_concurrent_copies = 1\n[[schedule.hours]]\nto = '12:00'\n",
    );
    session.says(CHANGED, 2);
    wait("the log", || {
        world.log().contains("no limit to the left, 9.8 KiB/s to the right, one copy at a time")
    });
    assert_eq!(session.stop().0, 0);
}

#[test]
fn a_broken_file_and_a_missing_one_change_nothing_and_are_told_once() {
    let world = World::new();
    configure(&world, "");
    world.write("left/always.md", "there is always something");
    let session = start(&world);
    configure(&world, "[ignore]\nextensions = ['txt']\nglbs = []\n");
    session.says(STAYS, 1);
    session.says("pair.toml:5:1: unknown key `glbs` in [ignore]", 1);
    session.says("did you mean `globs`?", 1);
    world.write("left/one.txt", "synced as before");
    wait("a change after a mistake", || world.has("right/one.txt"));

    fs::remove_file(world.path("pair.toml")).unwrap();
    session.says(STAYS, 2);
    session.says("cannot read the configuration", 1);
    world.write("left/two.txt", "synced as before");
    wait("a change without a file", || world.has("right/two.txt"));

    // A pattern that only the session understands.
    configure(&world, "[ignore]\nglobs = ['a[']\n");
    session.says(STAYS, 3);
    world.write("left/three.txt", "synced as before");
    wait("a change after a bad pattern", || world.has("right/three.txt"));
    // Nobody repeats it while nothing happens to the file: two looks pass.
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(session.count(STAYS), 3, "{}", session.words());

    configure(&world, "");
    session.says("the configuration says what it said before", 1);
    configure(&world, "[ignore]\nextensions = ['txt']\n");
    session.says(&format!("{CHANGED}: ignore.extensions"), 1);
    session.says(READY, 2);
    world.write("left/four.txt", "no longer synced");
    world.write("left/four.md", "synced");
    wait("what is not ignored", || world.has("right/four.md"));
    assert!(!world.has("right/four.txt"));
    assert_eq!(session.stop().0, 0);
    let log = world.log();
    assert!(
        log.contains("\"result\":\"refused\"") && log.contains("pair.toml:5:1: unknown key `glbs`"),
        "{log}"
    );
}

#[test]
fn a_hangup_asks_for_a_look_and_what_cannot_change_is_said() {
    let world = World::new();
    configure(&world, "");
    let session = start(&world);
    session.signal("-HUP");
    session.says("the configuration says what it said before", 1);
    let text = "left_root = 'other'\nright_root = 'right'\n[guard]\nmax_change_percent = 40\n[logging]\nlog_level = 'debug'\n";
    fs::write(world.path("pair.toml"), text).unwrap();
    session.signal("-HUP");
    session.says(&format!("{CHANGED}: guard.max_change_percent"), 1);
    session.says("not yet: left_root and logging.log_level hold when the session is started again", 1);
    world.write("left/one.txt", "the folders are the same as before");
    wait("a change", || world.has("right/one.txt"));
    fs::write(world.path("pair.toml"), "left_root = \n").unwrap();
    session.signal("-HUP");
    session.says(STAYS, 1);
    assert_eq!(session.stop().0, 0);
}
