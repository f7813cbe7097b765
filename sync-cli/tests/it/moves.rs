//! Folders that are moved while a session runs and people work in them: a move is never made a deletion and a copy.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::running::{Running, content, wait};
use super::world::World;

/// The numbers of all files below a folder: one that was copied has another.
fn numbers(folder: &Path) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        all.insert(name, entry.metadata().unwrap().ino());
    }
    all
}

#[test]
fn a_folder_that_is_moved_right_after_something_in_it_was_saved_is_moved_on_the_other_side() {
    let world = World::new();
    for number in 0..40 {
        world.write(&format!("left/projects/mill 0/{number}.txt"), "kept");
    }
    world.write("left/projects/mill 0/report.txt", "report");
    let running = Running::start(&world);
    wait("the first sync", || content(&world.path("right/projects/mill 0/report.txt")) == "report");
    wait("all of it", || numbers(&world.path("right/projects/mill 0")).len() == 41);
    let mut before = numbers(&world.path("right/projects/mill 0"));
    before.remove("report.txt");
    for round in 0..12_u64 {
        let (old, new) = (format!("projects/mill {round}"), format!("projects/mill {}", round + 1));
        let report = format!("version {round}");
        fs::write(world.path(&format!("left/{old}/report.txt")), &report).unwrap();
        // Somewhere between the save and the moment at which it is looked at.
        std::thread::sleep(Duration::from_millis(round * 29));
        fs::rename(world.path(&format!("left/{old}")), world.path(&format!("left/{new}"))).unwrap();
        wait("the moved folder", || content(&world.path(&format!("right/{new}/report.txt"))) == report);
        wait("the old name", || !world.has(&format!("right/{old}")));
        let mut after = numbers(&world.path(&format!("right/{new}")));
        after.remove("report.txt");
        assert_eq!(after, before, "round {round}");
    }
    assert_eq!(running.stop().0, 0);
}

#[test]
fn a_folder_that_is_moved_past_a_look_at_everything_arrives_and_as_a_rule_as_a_move() {
    let world = World::new();
    for number in 0..3000 {
        world.write(&format!("left/m{:02}/{number}.txt", number % 50), "beside");
    }
    for number in 0..40 {
        world.write(&format!("left/a/project/{number}.txt"), "kept");
    }
    fs::create_dir(world.path("left/z")).unwrap();
    world.write("many.toml", "left_root = 'left'\nright_root = 'right'\n[guard]\nmax_change_percent = 100\n");
    let running = Running::with(&world, &["--config", "many.toml"]);
    let files = |at: &str| if world.has(at) { numbers(&world.path(at)).len() } else { 0 };
    wait("the first sync", || files("right/a/project") == 40 && files("right/m49") == 60);
    let mut moved = 0;
    for round in 0..10_u64 {
        // Moved to where the look was already, the folder is found nowhere, and that is doubted. Moved to where it has yet
        // to come, the folder may be found twice, and is copied then.
        let (old, new) = if round % 2 == 0 { ("a", "z") } else { ("z", "a") };
        let before = numbers(&world.path(&format!("right/{old}/project")));
        // A look at everything that somebody asks for, and a move while it goes on.
        let look =
            world.command(["sync", "--config", "many.toml", "--state", "state", "-q"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + round * 9));
        fs::rename(world.path(&format!("left/{old}/project")), world.path(&format!("left/{new}/project")))
            .unwrap();
        assert!(look.wait_with_output().unwrap().status.success());
        wait("the moved folder", || files(&format!("right/{new}/project")) == 40);
        wait("the old place", || !world.has(&format!("right/{old}/project")));
        let after = numbers(&world.path(&format!("right/{new}/project")));
        moved += usize::from(new == "a" && after == before);
    }
    // One whose news came a moment too late is no fault.
    assert!(moved >= 3, "{moved} of 5 moves were moves");
    assert_eq!(running.stop().0, 0);
}
