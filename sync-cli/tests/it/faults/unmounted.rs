//! A root that is unmounted in the middle of the work, and mounted again.

use std::fs;
use std::time::{Duration, Instant};

use super::{Dice, Disk, MIB, STATE, configure, ends_clean, in_sync, is_root, status, tell, tree, wait};
use crate::running::Running;
use crate::world::World;

/// Unmounts the right side and waits until that was noticed.
fn goes_away(world: &World, session: &Running, disk: &Disk) {
    disk.unmount();
    wait("that it waits", || status(world)["live"]["waits_for"].is_string());
    session.says("waiting:", 1);
}

/// What must not have happened while it was away.
fn nothing_happened(world: &World, session: &Running, left: usize) {
    assert_eq!(fs::read_dir(world.path("right")).unwrap().count(), 0, "the mount point stays empty");
    assert_eq!(tree(&world.path("left")).len(), left, "nothing is taken for deleted");
    assert_eq!(session.count("waiting:"), 1, "{}", session.words());
    assert_eq!(world.log().matches("waiting until it can be used again").count(), 1, "said once");
}

#[test]
fn a_root_that_is_unmounted_while_it_is_filled_is_waited_for() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let disk = Disk::of_image(&world, "right", 64);
    // It takes half a minute and more.
    configure(&world, "right", "[performance]\nbandwidth_limit = '256 KiB'\n");
    for number in 0..1500 {
        let content = format!("content {number} ").repeat(500);
        world.write(&format!("left/folder {}/file {number}", number % 20), &content);
    }
    let session = Running::configured(&world, |_| {});
    let files = |side: &str| tree(&world.path(side)).values().flatten().count();
    wait("some files", || files("right") > 100);
    goes_away(&world, &session, &disk);
    assert_eq!(files("left"), 1500);
    world.write("left/folder 3/meanwhile", "made while it was away");
    world.write("left/folder 4/file 4", "changed while it was away");
    fs::remove_file(world.path("left/folder 5/file 5")).unwrap();
    fs::rename(world.path("left/folder 6/file 6"), world.path("left/folder 7/moved")).unwrap();
    let wanted = tree(&world.path("left"));
    // Long enough that it has looked for it more than once.
    std::thread::sleep(Duration::from_secs(4));
    nothing_happened(&world, &session, wanted.len());

    let begun = Instant::now();
    configure(&world, "right", "");
    disk.mount();
    let arrived = files("right");
    assert!(arrived < 1500, "it was in the middle: {arrived}");
    in_sync(&world, "right");
    let again = begun.elapsed();
    assert!(tree(&world.path("left")) == wanted, "the side that stayed is as it was left");
    ends_clean(&world, session, "right");
    tell(
        "a root unmounted while it is filled",
        &format!("{arrived} of 1500 there, waited, said once"),
        again,
    );
}

#[test]
fn a_large_copy_goes_on_when_its_root_is_mounted_again() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let disk = Disk::of_image(&world, "right", 96);
    let line = |limit: &str| {
        let line = format!("[performance]\nlarge_file_bytes = '8 MiB'\nbandwidth_limit = '{limit}'\n");
        configure(&world, "right", &line);
    };
    line("1 MiB");
    let film = Dice::new(3).bytes(36 * MIB);
    fs::write(world.path("left/film"), &film).unwrap();
    world.write("left/note", "arrives at once");
    let session = Running::configured(&world, |_| {});
    wait("some of the film", || world.bytes("right/.bothways/partial") > 3 * MIB as u64);
    goes_away(&world, &session, &disk);
    world.write("left/meanwhile", "made while it was away");
    std::thread::sleep(Duration::from_secs(2));
    nothing_happened(&world, &session, 3);

    let begun = Instant::now();
    disk.mount();
    wait("what was made meanwhile", || world.has("right/meanwhile"));
    assert!(!world.has("right/film"), "nobody sees half of it");
    line("0");
    in_sync(&world, "right");
    let again = begun.elapsed();
    assert!(fs::read(world.path("right/film")).unwrap() == film);
    let resumed = world.log().matches("did not have to be copied again").count();
    ends_clean(&world, session, "right");
    let seen = if resumed > 0 { "waited, the copy went on" } else { "waited, the copy began anew" };
    tell("a root unmounted under a large copy", seen, again);
}

#[test]
fn a_mount_point_with_something_in_it_halts_until_the_root_is_back() {
    if !is_root() {
        return;
    }
    let world = World::new();
    world.write("right/NOT MOUNTED", "a warning of the administrator's");
    let disk = Disk::of_image(&world, "right", 64);
    configure(&world, "right", "");
    world.write("left/file", "kept");
    let session = Running::configured(&world, |_| {});
    in_sync(&world, "right");
    disk.unmount();
    wait("the halt", || status(&world)["halt"]["reason"] == "lost-marker");
    world.write("left/meanwhile", "made while it was away");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(tree(&world.path("right")).into_keys().collect::<Vec<_>>(), ["NOT MOUNTED"]);
    assert!(!world.has("left/NOT MOUNTED") && !world.has("right/.bothways"));

    let begun = Instant::now();
    disk.mount();
    wait("what was made meanwhile", || world.has("right/meanwhile"));
    in_sync(&world, "right");
    let again = begun.elapsed();
    assert_eq!(tree(&world.path("left")).into_keys().collect::<Vec<_>>(), ["file", "meanwhile"]);
    assert_eq!(status(&world)["halt"], serde_json::Value::Null);
    ends_clean(&world, session, "right");
    tell("another folder where the root was", "halted, went on when it was back", again);
}

#[test]
fn an_emptied_root_is_waited_for_until_somebody_says_that_it_is_right_so() {
    let world = World::new();
    configure(&world, "right", "");
    world.write("left/file", "kept");
    let session = Running::configured(&world, |_| {});
    in_sync(&world, "right");
    assert_eq!(session.stop().0, 0);
    fs::remove_dir_all(world.path("right")).unwrap();
    fs::create_dir(world.path("right")).unwrap();
    let session = Running::configured(&world, |_| {});
    session.says("waiting:", 1);
    let refused = world.run(["sync"].iter().chain(&STATE));
    assert!(refused.code == 3 && refused.err.contains("its drive"), "{}: {}", refused.code, refused.err);
    assert_eq!(fs::read_dir(world.path("right")).unwrap().count(), 0);
    let approved = world.run(["sync", "--approve"].iter().chain(&STATE));
    assert_eq!(approved.code, 0, "{}{}", approved.out, approved.err);
    assert_eq!((world.read("left/file"), world.read("right/file")), ("kept".into(), "kept".into()));
    in_sync(&world, "right");
    ends_clean(&world, session, "right");
}
