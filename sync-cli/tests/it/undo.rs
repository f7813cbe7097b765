//! What was put away comes back, through the real program.

use serde_json::Value;

use crate::schema;
use crate::world::{Outcome, World};

const ROOTS: [&str; 4] = ["--left", "left", "--right", "right"];

fn call(world: &World, args: &[&str]) -> Outcome {
    world.run(args.iter().chain(&ROOTS))
}

fn json(world: &World, name: &str, args: &[&str]) -> (i32, Value) {
    let (code, document) = world.json(args.iter().chain(&ROOTS));
    assert_eq!(schema::faults(name, &document), Vec::<String>::new(), "{document}");
    (code, document)
}

/// The place of the only thing in a side's trash.
fn only_in_trash(world: &World, side: &str) -> String {
    let names = world.names(&format!("{side}/.sync_trash"));
    let files: Vec<_> = names.iter().filter(|name| name.contains(" - deleted ")).collect();
    assert_eq!(files.len(), 1, "{names:?}");
    format!("{side}/.sync_trash/{}", files[0])
}

#[test]
fn a_wrong_mass_deletion_is_undone_and_stays_undone() {
    let world = World::new();
    for number in 0..30 {
        world.write(&format!("left/docs/sub {}/f{number:02}.txt", number % 3), &format!("content {number}"));
    }
    world.write("left/other.txt", "other");
    world.sync();
    let before = world.names("right");
    std::fs::remove_dir_all(world.path("left/docs")).unwrap();
    assert_eq!(world.run(["sync", "left", "right"]).code, 4);
    let (code, approved) = world.json(["sync", "--approve", "left", "right"]);
    assert_eq!(code, 0, "{approved}");
    assert!(!world.has("right/docs"));
    let number = approved["run"].as_u64().unwrap();
    let (run, next) = (number.to_string(), number + 1);

    let (code, asked) = json(&world, "undo", &["undo", &run, "--dry-run"]);
    assert_eq!((code, &asked["dry_run"], &asked["run"]), (0, &true.into(), &Value::Null));
    assert_eq!(asked["counts"]["RESTORE_RIGHT"], 30, "{asked}");
    assert_eq!(asked["counts"]["MKDIR_RIGHT"], 4, "{asked}");
    assert!(!world.has("right/docs"), "a dry run put something back");

    let refused = call(&world, &["undo", &run]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    assert!(!world.has("right/docs"));

    let undone = call(&world, &["undo", &run, "--yes"]);
    assert_eq!(undone.code, 0, "{}{}", undone.out, undone.err);
    assert!(undone.err.contains("right from the trash: docs/sub 0/f00.txt"), "{}", undone.err);
    let told = format!("Run {run} is undone (run {next}: `bothways undo {next}` takes it back)");
    assert!(undone.out.contains(&told), "{}", undone.out);
    assert_eq!(visible(&world.names("right")), before);
    assert_eq!(world.read("right/docs/sub 1/f07.txt"), "content 7");

    let next = world.run(["sync", "left", "right"]);
    assert_eq!(next.code, 0, "{}", next.out);
    assert_eq!(visible(&world.names("left")), before);
    assert_eq!(world.read("left/docs/sub 1/f07.txt"), "content 7");
    assert_eq!(world.run(["sync", "left", "right"]).code, 0);
    assert_eq!(visible(&world.names("left")), before);
    let (code, again) = json(&world, "undo", &["undo", &run, "--yes"]);
    assert_eq!((code, &again["run"], &again["already"]), (0, &Value::Null, &34.into()), "{again}");
    assert_eq!(call(&world, &["undo", "99"]).code, 2);
}

fn visible(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| !name.starts_with(".sync_trash")).cloned().collect()
}

#[test]
fn an_overwritten_version_comes_back_where_versions_are_kept() {
    let world = World::new();
    let config = "left_root = 'left'\nright_root = 'right'\n[versions]\nenabled = true\n";
    std::fs::write(world.path("bothways.toml"), config).unwrap();
    world.write("left/report.txt", "the good version");
    assert_eq!(world.run(["sync"]).code, 0);
    world.write("left/report.txt", "a bad edit, newer");
    world.age("left/report.txt", 60);
    assert_eq!(world.run(["sync"]).code, 0);
    let kept = only_in_trash(&world, "right");
    assert_eq!(world.read(&kept), "the good version");
    let (_, listed) = world.json(["trash"]);
    assert_eq!(schema::faults("trash", &listed), Vec::<String>::new());
    assert_eq!(listed["items"][0]["reason"], "replaced", "{listed}");

    let undone = world.run(["undo", "2", "-y"]);
    assert_eq!(undone.code, 0, "{}{}", undone.out, undone.err);
    assert_eq!(world.read("right/report.txt"), "the good version");
    assert_eq!(world.read(&only_in_trash(&world, "right")), "a bad edit, newer");
    assert_eq!(world.run(["sync"]).code, 0);
    assert_eq!(world.read("left/report.txt"), "the good version");
    assert_eq!(world.read(&only_in_trash(&world, "left")), "a bad edit, newer");
    assert_eq!(world.run(["sync"]).code, 0);
    assert_eq!(world.read("right/report.txt"), "the good version");
}

#[test]
fn what_changed_since_a_run_is_not_overwritten() {
    let world = World::new();
    world.write("left/stays", "x");
    world.write("left/a.txt", "deleted by mistake");
    world.sync();
    std::fs::remove_file(world.path("left/a.txt")).unwrap();
    world.sync();
    world.write("right/a.txt", "made anew");
    let (code, report) = json(&world, "undo", &["undo", "2", "--yes"]);
    assert_eq!((code, &report["left"][0]["reason"]), (1, &"taken".into()), "{report}");
    assert_eq!(world.read("right/a.txt"), "made anew");
    let both = call(&world, &["undo", "2", "--yes", "--keep-both"]);
    assert_eq!(both.code, 0, "{}{}", both.out, both.err);
    assert_eq!(world.read("right/a.txt"), "made anew");
    let names = visible(&world.names("right"));
    assert!(names.len() == 3 && names[0].starts_with("a - clash "), "{names:?}");
    assert_eq!(world.read(&format!("right/{}", names[0])), "deleted by mistake");
}

#[test]
fn a_deleted_file_is_restored_to_its_place_and_to_another() {
    let world = World::new();
    world.write("left/stays", "x");
    world.write("left/docs/a.txt", "first");
    world.write("left/docs/b.txt", "other");
    world.sync();
    std::fs::remove_dir_all(world.path("left/docs")).unwrap();
    world.sync();
    world.write("left/docs/a.txt", "second");
    world.sync();
    std::fs::remove_file(world.path("left/docs/a.txt")).unwrap();
    world.sync();
    let list = call(&world, &["trash", "list", "docs/*.txt"]);
    assert_eq!(list.code, 0);
    assert_eq!(list.out.matches("docs/a.txt").count(), 2, "{}", list.out);
    assert!(list.out.contains("right  3 things, 16 bytes"), "{}", list.out);

    let (code, dry) = json(&world, "restore", &["trash", "restore", "docs/a.txt", "--dry-run"]);
    assert_eq!((code, &dry["restored"][0]["left"], &dry["run"]), (0, &Value::Null, &Value::Null));
    assert!(!world.has("right/docs/a.txt"));
    let newest = call(&world, &["trash", "restore", "docs/a.txt"]);
    assert_eq!(newest.code, 0, "{}{}", newest.out, newest.err);
    assert!(newest.out.contains("1 thing came back"), "{}", newest.out);
    assert_eq!(world.read("right/docs/a.txt"), "second");

    let taken = call(&world, &["trash", "restore", "docs/a.txt"]);
    assert_eq!(taken.code, 1);
    assert!(taken.out.contains("something is there now"), "{}", taken.out);
    assert_eq!(world.read("right/docs/a.txt"), "second");
    let older = call(&world, &["trash", "restore", "docs/a.txt", "--to", "old/a (first).txt"]);
    assert_eq!(older.code, 0, "{}{}", older.out, older.err);
    assert_eq!(world.read("right/old/a (first).txt"), "first");

    world.sync();
    assert_eq!(world.read("left/docs/a.txt"), "second");
    assert_eq!(world.read("left/old/a (first).txt"), "first");
    assert_eq!(call(&world, &["trash", "restore", "nothing"]).code, 1);
    assert_eq!(call(&world, &["trash", "restore", "../x"]).code, 2);
    assert_eq!(call(&world, &["trash", "list", "--since", "whenever"]).code, 2);
}

#[test]
fn of_several_versions_the_one_of_a_time_is_restored() {
    let world = World::new();
    world.write("left/stays", "x");
    world.write("left/a.txt", "first");
    world.sync();
    std::fs::remove_file(world.path("left/a.txt")).unwrap();
    world.sync();
    std::thread::sleep(std::time::Duration::from_millis(50));
    let (_, listed) = json(&world, "trash", &["trash", "list"]);
    let then = listed["items"][0]["deleted"].as_str().unwrap().to_owned();
    world.write("left/a.txt", "second");
    world.sync();
    std::fs::remove_file(world.path("left/a.txt")).unwrap();
    world.sync();
    let back = call(&world, &["trash", "restore", "a.txt", "--at", &then]);
    assert_eq!(back.code, 0, "{}{}", back.out, back.err);
    assert_eq!(world.read("right/a.txt"), "first");
}

#[test]
fn only_what_is_meant_is_purged_and_nothing_that_is_not_ours() {
    let world = World::new();
    for name in ["a.txt", "b.txt", "c.txt", "d.txt"] {
        world.write(&format!("left/dir/{name}"), name);
    }
    world.write("left/stays.txt", "x");
    world.sync();
    std::fs::remove_dir_all(world.path("left/dir")).unwrap();
    world.sync();
    world.write("right/.sync_trash/dir/a note of the user.txt", "not ours");

    let (code, dry) = json(&world, "purge", &["trash", "purge", "dir/a.txt", "--dry-run"]);
    assert_eq!((code, dry["purged"].as_array().unwrap().len()), (0, 1), "{dry}");
    let refused = call(&world, &["trash", "purge", "dir/a.txt"]);
    assert_eq!(refused.code, 2, "what is dropped for good is dropped on a word alone: {}", refused.out);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    let (code, one) = json(&world, "purge", &["trash", "purge", "dir/a.txt", "--yes"]);
    assert_eq!((code, &one["bytes"]), (0, &5.into()), "{one}");

    // What somebody took away by hand is gone, which is no error, and is forgotten.
    let (_, listed) = json(&world, "trash", &["trash", "list"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 3, "{listed}");
    let place = listed["items"][0]["place"].as_str().unwrap();
    std::fs::remove_file(world.path(&format!("right/.sync_trash/{place}"))).unwrap();
    let (code, listed) = json(&world, "trash", &["trash", "list"]);
    assert_eq!(
        (code, &listed["items"][0]["presence"], &listed["right"]["gone"]),
        (0, &"gone".into(), &1.into())
    );
    let shown = call(&world, &["trash"]);
    assert_eq!(shown.code, 2, "without a configuration nobody knows which trash: {}", shown.err);

    let (_, none) = json(&world, "purge", &["trash", "purge", "--older-than", "30d"]);
    assert_eq!(none["purged"].as_array().unwrap().len(), 0, "{none}");
    let (_, none) = json(&world, "purge", &["trash", "purge", "--expired"]);
    assert_eq!(none["purged"].as_array().unwrap().len(), 0, "{none}");
    let (code, all) = json(&world, "purge", &["trash", "purge", "--all", "--yes"]);
    assert_eq!(
        (code, all["purged"].as_array().unwrap().len(), &all["forgotten"]),
        (0, 2, &1.into()),
        "{all}"
    );
    let (_, listed) = json(&world, "trash", &["trash", "list"]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 0, "{listed}");
    assert_eq!(world.names("right/.sync_trash"), ["dir", "dir/a note of the user.txt"]);
    assert_eq!(world.read("right/stays.txt"), "x");
    assert_eq!(call(&world, &["trash", "purge"]).code, 2);
}

#[test]
fn a_lost_state_still_finds_what_is_in_the_trash_by_its_name() {
    let world = World::new();
    world.write("left/dir/a.tar.gz", "precious");
    world.write("left/b", "x");
    world.sync();
    std::fs::remove_dir_all(world.path("left/dir")).unwrap();
    world.sync();
    std::fs::remove_dir_all(world.path("home-state")).unwrap();
    world.sync();
    let (_, listed) = json(&world, "trash", &["trash", "list"]);
    let item = &listed["items"][0];
    assert_eq!((&item["presence"], &item["path"]), (&"found".into(), &"dir/a.tar.gz".into()), "{listed}");
    let back = call(&world, &["trash", "restore", "dir"]);
    assert_eq!(back.code, 0, "{}{}", back.out, back.err);
    assert_eq!(world.read("right/dir/a.tar.gz"), "precious");
    assert_eq!(json(&world, "trash", &["trash", "list"]).1["items"].as_array().unwrap().len(), 0);
}

#[test]
fn what_has_been_kept_for_long_enough_goes_at_the_end_of_a_sync_once_a_day() {
    let world = World::new();
    let config = "left_root = 'left'\nright_root = 'right'\n[soft_delete]\nretention_days = 1\n";
    std::fs::write(world.path("bothways.toml"), config).unwrap();
    world.write("left/a.txt", "x");
    // What an earlier installation left: its name tells its age.
    let old = "right/.sync_trash/old - deleted 20200101T000000000Z.txt";
    world.write(old, "years ago");
    assert_eq!(world.run(["sync"]).code, 0);
    assert!(!world.has(old));
    world.write(old, "years ago");
    std::fs::remove_file(world.path("left/a.txt")).unwrap();
    world.write("left/b.txt", "so that a side is not empty");
    assert_eq!(world.run(["sync"]).code, 0);
    assert!(world.has(old), "the trash was looked through twice in a day");
    assert_eq!(world.run(["trash", "purge", "--expired"]).code, 0);
    assert!(!world.has(old));
    assert_eq!(world.read(&only_in_trash(&world, "right")), "x");
}

#[test]
fn a_purge_drops_nothing_that_is_not_ours_and_forgets_nothing_it_cannot_see() {
    let world = World::new();
    world.write("left/a.txt", "deleted on purpose");
    world.sync();
    std::fs::remove_file(world.path("left/a.txt")).unwrap();
    world.write("left/b.txt", "another");
    world.sync();
    let place = only_in_trash(&world, "right");

    // The whole trash cannot be looked at: its index stays.
    std::fs::rename(world.path("right/.sync_trash"), world.path("aside")).unwrap();
    world.write("right/.sync_trash", "a file in its place");
    let (_, purged) = json(&world, "purge", &["trash", "purge", "--all", "--yes"]);
    assert_eq!(
        (&purged["forgotten"], purged["purged"].as_array().map(Vec::len)),
        (&0.into(), Some(0)),
        "{purged}"
    );
    std::fs::remove_file(world.path("right/.sync_trash")).unwrap();
    std::fs::rename(world.path("aside"), world.path("right/.sync_trash")).unwrap();
    let (_, listed) = json(&world, "trash", &["trash", "list"]);
    assert_eq!(listed["items"][0]["presence"], "there", "{listed}");

    // A folder that somebody made where the file lay is his own.
    std::fs::remove_file(world.path(&place)).unwrap();
    world.write(&format!("{place}/inside.txt"), "somebody's own");
    let (_, purged) = json(&world, "purge", &["trash", "purge", "a.txt", "--yes"]);
    assert_eq!(
        (&purged["forgotten"], purged["purged"].as_array().map(Vec::len)),
        (&1.into(), Some(0)),
        "{purged}"
    );
    assert_eq!(world.read(&format!("{place}/inside.txt")), "somebody's own");
}
