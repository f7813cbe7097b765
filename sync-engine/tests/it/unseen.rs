//! What a side cannot show, and what a scan does not: spellings, attributes behind a rename, contents that a filter
//! hides, a root that is not to be touched.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sync_core::abilities::Abilities;
use sync_core::policy::Policy;
use sync_core::side::{Side, Side::Left, Side::Right, Sides};
use sync_engine::config::Config;
use sync_engine::report::SyncReport;
use sync_replica::memory::{Node, kinds};

use super::folders::Pair;
use super::world::World;

/// Runs until nothing is left to do, twice at most.
fn settled(world: &World) -> SyncReport {
    let first = world.run().unwrap();
    let second = world.run().unwrap();
    assert_eq!(second.run, None, "a second run is not quiet: {second:?}");
    first
}

fn names(world: &World, side: Side) -> Vec<String> {
    world.sides[side].dump().keys().map(ToString::to_string).collect()
}

#[test]
fn a_side_without_spelling_takes_contents_and_leaves_spellings() {
    let world = World::new(Sides::new(Abilities::FULL, kinds::LOWER_CASE), Policy::default());
    world.sides.left.write("Folder/Report.txt", "one");
    settled(&world);
    assert_eq!(names(&world, Right), ["folder", "folder/report.txt"]);
    world.sides.left.rename("Folder/Report.txt", "Folder/REPORT.TXT");
    let report = settled(&world);
    assert!(report.problems.is_empty() && report.done.is_empty(), "{report:?}");
    // Content and spelling at once.
    world.sides.left.rename("Folder/REPORT.TXT", "Folder/Report.Txt");
    world.sides.left.write("Folder/Report.Txt", "two");
    world.sides.left.rename("Folder", "FOLDER");
    let report = settled(&world);
    assert!(report.problems.is_empty(), "{report:?}");
    assert_eq!(world.sides.right.read("folder/report.txt").as_deref(), Some(&b"two"[..]));
    world.sides.right.write("folder/report.txt", "three");
    let report = settled(&world);
    assert!(report.problems.is_empty(), "{report:?}");
    assert_eq!(names(&world, Left), ["FOLDER", "FOLDER/Report.Txt"]);
    assert_eq!(world.sides.left.read("FOLDER/Report.Txt").as_deref(), Some(&b"three"[..]));
    // What comes back comes back as it was spelled.
    world.sides.left.remove("FOLDER/Report.Txt");
    world.sides.right.write("folder/report.txt", "four");
    settled(&world);
    assert_eq!(names(&world, Left), ["FOLDER", "FOLDER/Report.Txt"]);
}

struct Ntfs(PathBuf);

impl Ntfs {
    fn mount(place: &Path) -> Option<Self> {
        let (image, at) = (place.join("image"), place.join("ntfs"));
        fs::create_dir(&at).unwrap();
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let ran = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        (ran(Command::new("mkntfs").args(["-q", "-F", "-Q"]).arg(&image))
            && ran(Command::new("lowntfs-3g").args(["-o", "ignore_case"]).arg(&image).arg(&at)))
        .then_some(Self(at))
    }
}

impl Drop for Ntfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_shows_lower_case_alone_is_synced() {
    let mut pair = Pair::new();
    let Some(disk) = Ntfs::mount(pair.place.path()) else {
        println!("not tried: lowntfs-3g cannot be mounted here");
        return;
    };
    fs::create_dir(disk.0.join("root")).unwrap();
    pair.config = Config::for_roots(pair.root(Left), disk.0.join("root")).unwrap();
    let settled = |pair: &Pair| {
        let report = pair.run(false).unwrap();
        assert!(report.problems.is_empty(), "{report:?}");
        let again = pair.run(false).unwrap();
        assert_eq!(again.run, None, "a second run is not quiet: {again:?}");
    };
    pair.write(Left, "Folder/Report.txt", "one");
    settled(&pair);
    fs::rename(pair.at(Left, "Folder/Report.txt"), pair.at(Left, "Folder/REPORT.txt")).unwrap();
    settled(&pair);
    fs::rename(pair.at(Left, "Folder/REPORT.txt"), pair.at(Left, "Folder/report.TXT")).unwrap();
    fs::rename(pair.at(Left, "Folder"), pair.at(Left, "FOLDER")).unwrap();
    pair.write(Left, "FOLDER/report.TXT", "two, with another spelling");
    settled(&pair);
    let there = fs::read_to_string(disk.0.join("root/folder/report.txt")).unwrap();
    assert_eq!(there, "two, with another spelling");
    pair.write(Right, "folder/report.txt", "three, written there");
    settled(&pair);
    assert_eq!(pair.read(Left, "FOLDER/report.TXT").as_deref(), Some("three, written there"));
    drop(pair);
}

fn xattrs(world: &World, side: Side, at: &str) -> usize {
    match world.sides[side].node(at) {
        Some(Node::File { xattrs, .. }) => xattrs.0.len(),
        other => panic!("no file at `{at}` on the {side}: {other:?}"),
    }
}

#[test]
fn attributes_that_change_along_with_a_name_arrive() {
    for side in Side::BOTH {
        for case_alone in [false, true] {
            let right = if case_alone { kinds::FOLDING } else { Abilities::FULL };
            let world = World::new(Sides::new(Abilities::FULL, right), Policy::default());
            world.sides[side].write("a", "content");
            settled(&world);
            let to = if case_alone { "A" } else { "b" };
            world.sides[side].rename("a", to);
            world.sides[side].set_xattr(to, "user.colour", "blue");
            let report = world.run().unwrap();
            assert!(report.problems.is_empty(), "{report:?}");
            for one in Side::BOTH {
                assert_eq!(xattrs(&world, one, to), 1, "{side} renamed; {one}");
            }
            let again = world.run().unwrap();
            assert_eq!(again.run, None, "{side}: a second run is not quiet: {again:?}");
            // A rename alone sets nothing, and reads no content.
            world.sides[side].rename(to, "c");
            let report = settled(&world);
            assert_eq!(report.done.values().sum::<u64>(), 1, "{report:?}");
            assert_eq!(xattrs(&world, side.other(), "c"), 1);
        }
    }
}

/// Every byte below a folder with every time that tells of a change.
fn everything(root: &Path) -> BTreeMap<PathBuf, (i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let changed = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
        found.insert(path, (metadata.mtime_nsec(), changed, content));
    }
    found
}

#[test]
fn a_damaged_marker_leaves_every_byte_whatever_is_approved() {
    for side in Side::BOTH {
        let pair = Pair::agreed(&[("a", "1"), ("d/b", "2")]);
        fs::write(pair.at(side, ".bothways/root.json"), "{ no marker").unwrap();
        fs::remove_file(pair.at(side, ".bothways/lock")).unwrap();
        pair.write(side.other(), "new", "3");
        let before = Side::BOTH.map(|side| everything(&pair.root(side)));
        for approve in [false, true] {
            let report = pair.run(approve).unwrap();
            assert_eq!(report.halt.map(|halt| halt.reason).as_deref(), Some("foreign-root"));
            assert_eq!(Side::BOTH.map(|side| everything(&pair.root(side))), before, "approve: {approve}");
        }
    }
}

const BINARY: &[u8] = b"\x7fELF\0\0\0\x01 no text any more";

#[test]
fn a_text_that_becomes_binary_is_not_a_deletion() {
    for side in Side::BOTH {
        let mut pair = Pair::new();
        pair.config.ignore.text_only = true;
        pair.write(Left, "d/notes.txt", "text");
        pair.write(Left, "kept.txt", "kept");
        pair.write(Left, "picture", BINARY);
        pair.run(false).unwrap();
        assert_eq!(pair.read(Right, "picture"), None, "what was never text is synced");
        assert!(pair.run(false).unwrap().problems.is_empty());

        fs::write(pair.at(side, "d/notes.txt"), BINARY).unwrap();
        for _ in 0..2 {
            let report = pair.run(false).unwrap();
            assert!(report.problems.iter().any(|one| one.path == "d/notes.txt"), "{report:?}");
            assert_eq!(pair.read(side.other(), "d/notes.txt").as_deref(), Some("text"));
            assert_eq!(fs::read(pair.at(side, "d/notes.txt")).unwrap(), BINARY);
            assert!(pair.trash(Left).is_empty() && pair.trash(Right).is_empty());
        }
        // Also where its folder moves meanwhile.
        fs::rename(pair.at(side, "d"), pair.at(side, "e")).unwrap();
        pair.run(false).unwrap();
        let twin = pair.read(side.other(), "e/notes.txt").or_else(|| pair.read(side.other(), "d/notes.txt"));
        assert_eq!(twin.as_deref(), Some("text"));
        assert!(pair.trash(Left).is_empty() && pair.trash(Right).is_empty());
        // Text again, it goes on where it stopped.
        fs::write(pair.at(side, "e/notes.txt"), "text once more").unwrap();
        pair.run(false).unwrap();
        let report = pair.run(false).unwrap();
        assert!(report.run.is_none() && report.problems.is_empty(), "{report:?}");
        assert_eq!(pair.read(side.other(), "e/notes.txt").as_deref(), Some("text once more"));
        // Binary on both sides it is nobody's any more, and nothing happens.
        for side in Side::BOTH {
            fs::write(pair.at(side, "kept.txt"), BINARY).unwrap();
        }
        assert!(pair.run(false).unwrap().problems.is_empty());
        assert!(pair.run(false).unwrap().run.is_none());
        assert_eq!(fs::read(pair.at(Left, "kept.txt")).unwrap(), BINARY);
        assert_eq!(fs::read(pair.at(Right, "kept.txt")).unwrap(), BINARY);
    }
}

#[test]
fn a_hidden_content_is_not_overwritten_by_a_new_text() {
    let mut pair = Pair::new();
    pair.config.ignore.text_only = true;
    pair.write(Left, "a", BINARY);
    pair.write(Right, "a", "text");
    pair.write(Right, "b", "text");
    let report = pair.run(false).unwrap();
    assert_eq!(report.problems.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(fs::read(pair.at(Left, "a")).unwrap(), BINARY);
    assert_eq!(pair.read(Left, "b").as_deref(), Some("text"));
    // The filter's own change of heart.
    pair.config.ignore.text_only = false;
    assert!(pair.run(false).unwrap().problems.is_empty());
}

#[test]
fn a_folder_that_both_users_moved_alike_keeps_its_history() {
    let world = World::new(Sides::new(Abilities::FULL, Abilities::FULL), Policy::default());
    for (path, content) in [("d/changed", "old"), ("d/deleted", "x"), ("d/kept", "kept")] {
        world.sides.left.write(path, content);
    }
    settled(&world);
    world.sides.left.rename("d", "e");
    world.sides.right.rename("d", "e");
    world.sides.left.write("e/changed", "new");
    world.sides.right.remove("e/deleted");
    let report = settled(&world);
    assert!(report.conflicts.is_empty() && report.problems.is_empty(), "{report:?}");
    for side in Side::BOTH {
        assert_eq!(names(&world, side), ["e", "e/changed", "e/kept"]);
        assert_eq!(world.sides[side].read("e/changed").as_deref(), Some(&b"new"[..]));
    }
}
