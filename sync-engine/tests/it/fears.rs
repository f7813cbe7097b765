//! What users of such programs fear, played on real folders.

use std::fs::{self, File, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sync_core::side::{Side, Side::Left, Side::Right, Sides};
use sync_engine::ErrorKind;

use super::folders::{Pair, tree};
use super::story;
use super::world::{World, pairs};

/// `count` files with contents of their own.
fn many(count: usize) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("folder {}/file {n}.txt", n % 4), format!("content {n}"))).collect()
}

fn agreed_on_many(count: usize) -> Pair {
    let files = many(count);
    Pair::agreed(&files.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect::<Vec<_>>())
}

fn empty(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
}

#[test]
fn a_drive_that_is_not_mounted_deletes_nothing() {
    for side in Side::BOTH {
        let pair = agreed_on_many(8);
        let before = pair.tree(side.other());
        empty(&pair.root(side));
        assert_eq!(pair.halt(), "lost-marker");
        assert_eq!(pair.tree(side.other()), before);
        assert!(pair.tree(side).is_empty());
    }
}

#[test]
fn a_root_that_is_gone_means_try_again() {
    let pair = agreed_on_many(3);
    let before = pair.tree(Right);
    fs::rename(pair.root(Left), pair.place.path().join("elsewhere")).unwrap();
    let error = pair.run(false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TryAgain, "{error}");
    assert_eq!(pair.tree(Right), before);
    assert!(!pair.root(Left).exists());
}

#[test]
fn an_emptied_root_that_kept_its_marker_halts_until_approved() {
    let pair = agreed_on_many(4);
    for dir in 0..4 {
        fs::remove_dir_all(pair.at(Left, format!("folder {dir}"))).unwrap();
    }
    let before = pair.tree(Right);
    assert_eq!(pair.halt(), "empty-root");
    assert_eq!(pair.tree(Right), before);
    let report = pair.run(true).unwrap();
    assert!(report.halt.is_none() && pair.tree(Right).is_empty(), "{report:?}");
    assert_eq!(pair.trash(Right).len(), 4);
}

#[test]
fn a_lost_marker_halts_and_approval_merges_without_a_deletion() {
    let pair = agreed_on_many(6);
    fs::remove_file(pair.at(Right, ".bothways/root.json")).unwrap();
    fs::remove_file(pair.at(Right, "folder 0/file 0.txt")).unwrap();
    let before = pair.trees();
    assert_eq!(pair.halt(), "lost-marker");
    assert_eq!(pair.trees(), before);
    pair.run(true).unwrap();
    assert_eq!(pair.read(Right, "folder 0/file 0.txt").as_deref(), Some("content 0"));
    assert_eq!(pair.tree(Left), before.left);
    pair.sync();
}

#[test]
fn swapped_roots_halt() {
    let mut pair = agreed_on_many(3);
    pair.config.roots = pair.config.roots.clone().flip();
    fs::remove_file(pair.at(Left, "folder 0/file 0.txt")).unwrap();
    let before = pair.trees();
    assert_eq!(pair.halt(), "swapped-roots");
    assert_eq!(pair.trees(), before);
}

#[test]
fn roots_that_overlap_are_refused() {
    let mut pair = agreed_on_many(2);
    pair.config.roots.right = pair.at(Left, "folder 0");
    assert_eq!(pair.halt(), "nested-roots");
    pair.config.roots.right = pair.root(Left);
    assert_eq!(pair.halt(), "same-root");
}

#[test]
fn a_mass_deletion_halts_and_a_mass_rename_does_not() {
    let pair = agreed_on_many(60);
    for dir in 0..4 {
        fs::rename(pair.at(Left, format!("folder {dir}")), pair.at(Left, format!("moved {dir}"))).unwrap();
    }
    let report = pair.sync();
    assert_eq!(report.done.get("RENAME_RIGHT"), Some(&4), "{:?}", report.done);
    assert_eq!(report.bytes_copied, 0);

    for n in 0..40 {
        fs::remove_file(pair.at(Right, format!("moved {}/file {n}.txt", n % 4))).unwrap();
    }
    let before = pair.tree(Left);
    assert_eq!(pair.halt(), "too-many-changes");
    assert_eq!(pair.tree(Left), before);
    let report = pair.run(true).unwrap();
    assert_eq!(report.done.get("SOFT_DELETE_LEFT"), Some(&40));
    assert_eq!(pair.trash(Left).len(), 40);
}

#[test]
fn what_cannot_be_read_is_not_deleted() {
    // In memory, as nothing is unreadable to root.
    for (name, abilities) in pairs() {
        for side in Side::BOTH {
            let world = World::new(abilities.clone(), story::policy());
            for n in 0..3 {
                world.sides.left.write(format!("dir/{n}").as_str(), format!("content {n}"));
            }
            world.settle().unwrap();
            world.sides[side].mark_unreadable("dir");
            world.sides[side.other()].write("dir/0", "changed meanwhile");
            world.sides[side.other()].write("dir/new", "new meanwhile");
            let before = world.picture();
            let report = world.settle().unwrap();
            assert!(!report.problems.is_empty(), "{name}: {report:?}");
            assert_eq!(world.picture(), before, "{name}");
            world.sides[side].mark_readable("dir");
            world.settle().unwrap();
            assert_eq!(world.sides[side].read("dir/new").as_deref(), Some(&b"new meanwhile"[..]), "{name}");
            assert_eq!(world.sides[side].read("dir/0").as_deref(), Some(&b"changed meanwhile"[..]), "{name}");
        }
    }
}

#[test]
fn what_office_programs_leave_beside_a_document_is_ignored() {
    let pair = agreed_on_many(1);
    for name in ["~$report.docx", ".~lock.report.odt#", "Thumbs.db", "half.part", "x.tmp"] {
        pair.write(Left, name, "mine");
    }
    let report = pair.run(false).unwrap();
    assert!(report.run.is_none() && report.problems.is_empty(), "{report:?}");
    assert!(!pair.at(Right, "~$report.docx").exists());
}

#[test]
fn pipes_and_sockets_are_told_and_skipped() {
    let pair = agreed_on_many(2);
    let status = Command::new("mkfifo").arg(pair.at(Left, "pipe")).status().unwrap();
    assert!(status.success());
    let _listener = std::os::unix::net::UnixListener::bind(pair.at(Right, "socket")).unwrap();
    pair.write(Left, "beside", "it");
    let report = pair.run(false).unwrap();
    let troubled: Vec<_> = report.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(troubled, ["pipe", "socket"]);
    assert_eq!(pair.read(Right, "beside").as_deref(), Some("it"));
    assert!(!pair.at(Right, "pipe").exists() && !pair.at(Left, "socket").exists());
}

#[test]
fn links_stay_links_and_lead_nothing_out_of_a_root() {
    let pair = Pair::new();
    let outside = pair.place.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "do not touch").unwrap();
    pair.write(Left, "dir/inside", "inside");
    for (name, target) in [("in", "dir/inside"), ("dangling", "nowhere"), ("out", "../outside")] {
        symlink(target, pair.at(Left, name)).unwrap();
    }
    symlink(&outside, pair.at(Left, "absolute")).unwrap();
    pair.sync();
    assert_eq!(fs::read_link(pair.at(Right, "absolute")).unwrap(), outside);
    assert_eq!(fs::read_link(pair.at(Right, "dangling")).unwrap(), PathBuf::from("nowhere"));

    // A directory that becomes a link to somewhere else, while its content changes on the other side.
    fs::remove_dir_all(pair.at(Right, "dir")).unwrap();
    symlink(&outside, pair.at(Right, "dir")).unwrap();
    pair.write(Left, "dir/precious", "from the left");
    pair.write(Left, "dir/new", "from the left");
    for _ in 0..3 {
        pair.run(false).unwrap();
    }
    fs::remove_file(pair.at(Left, "out")).unwrap();
    fs::remove_file(pair.at(Left, "absolute")).unwrap();
    pair.sync();
    assert_eq!(tree(&outside).len(), 1);
    assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "do not touch");
    assert_eq!(pair.read(Left, "dir/precious").as_deref(), Some("from the left"));
}

#[test]
fn a_file_becomes_a_folder_and_a_file_again() {
    let pair = Pair::agreed(&[("thing", "a file"), ("other/a", "in a folder")]);
    fs::remove_file(pair.at(Left, "thing")).unwrap();
    pair.write(Left, "thing/inside", "in a folder now");
    fs::remove_dir_all(pair.at(Right, "other")).unwrap();
    pair.write(Right, "other", "a file now");
    pair.sync();
    assert_eq!(pair.read(Right, "thing/inside").as_deref(), Some("in a folder now"));
    assert_eq!(pair.read(Left, "other").as_deref(), Some("a file now"));
    assert_eq!(pair.trash(Right), [b"a file".to_vec()]);
    assert_eq!(pair.trash(Left), [b"in a folder".to_vec()]);
    fs::remove_dir_all(pair.at(Right, "thing")).unwrap();
    pair.write(Right, "thing", "a file again");
    pair.sync();
    assert_eq!(pair.read(Left, "thing").as_deref(), Some("a file again"));
}

#[test]
fn a_case_only_rename_is_a_rename() {
    let pair = Pair::agreed(&[("report.txt", "text"), ("folder/a", "a"), ("folder/b", "b")]);
    fs::rename(pair.at(Left, "report.txt"), pair.at(Left, "Report.TXT")).unwrap();
    fs::rename(pair.at(Right, "folder"), pair.at(Right, "FOLDER")).unwrap();
    let report = pair.sync();
    assert_eq!(report.bytes_copied, 0, "{:?}", report.done);
    assert!(pair.at(Right, "Report.TXT").exists() && !pair.at(Right, "report.txt").exists());
    assert!(pair.at(Left, "FOLDER/b").exists() && !pair.at(Left, "folder").exists());
}

#[test]
fn names_of_any_bytes_any_length_and_any_depth_arrive() {
    let pair = Pair::new();
    let odd: [&[u8]; 9] = [
        b"new\nline",
        b"tab\tand\rreturn",
        b"\xff\xfe not text",
        b" leading and trailing ",
        b"...",
        b"-rf *",
        b"quote'\"\\",
        "e\u{301} and \u{e9}".as_bytes(),
        b"\x1b[31mred",
    ];
    for (number, name) in odd.iter().enumerate() {
        let side = if number % 2 == 0 { Left } else { Right };
        fs::write(pair.at(side, std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    fs::write(pair.at(Left, "x".repeat(255)), "long").unwrap();
    fs::write(pair.at(Right, "ä".repeat(127)), "long").unwrap();
    // Deeper than any single path the system takes.
    let deep = pair.place.path().join("deep");
    fs::create_dir(&deep).unwrap();
    for _ in 0..25 {
        let inner = pair.place.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::rename(&deep, inner.join("d".repeat(200))).unwrap();
        fs::rename(inner, &deep).unwrap();
    }
    fs::rename(deep, pair.at(Left, "deep")).unwrap();
    let report = pair.run(false).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert!(pair.run(false).unwrap().run.is_none());
    for name in odd {
        for side in Side::BOTH {
            assert_eq!(fs::read(pair.at(side, std::ffi::OsStr::from_bytes(name))).unwrap(), name);
        }
    }
    let mut depth = 0;
    let mut dir = pair.at(Right, "deep");
    while let Some(next) = fs::read_dir(&dir).ok().and_then(|mut entries| entries.next()) {
        dir = next.unwrap().path();
        depth += 1;
        if depth == 15 {
            break;
        }
    }
    assert_eq!(depth, 15, "the deep tree stops early on the right");
    fs::rename(pair.at(Left, "deep"), pair.at(Left, "deeper")).unwrap();
    assert_eq!(pair.run(false).unwrap().done.get("RENAME_RIGHT"), Some(&1));
}

#[test]
fn files_of_every_kind_keep_what_makes_them() {
    let pair = Pair::new();
    fs::create_dir_all(pair.at(Left, "empty/within")).unwrap();
    pair.write(Left, "nothing in it", "");
    pair.write(Left, "one", "two names");
    fs::hard_link(pair.at(Left, "one"), pair.at(Left, "two")).unwrap();
    pair.write(Right, "run.sh", "#!/bin/sh\n");
    fs::set_permissions(pair.at(Right, "run.sh"), Permissions::from_mode(0o755)).unwrap();
    pair.write(Right, "read only", "kept");
    fs::set_permissions(pair.at(Right, "read only"), Permissions::from_mode(0o444)).unwrap();
    let mut sparse = File::create(pair.at(Left, "sparse")).unwrap();
    sparse.seek(SeekFrom::Start(8 << 20)).unwrap();
    sparse.write_all(b"the end").unwrap();
    drop(sparse);
    pair.sync();
    let arrived = fs::metadata(pair.at(Right, "sparse")).unwrap();
    assert_eq!(arrived.len(), (8 << 20) + 7);
    assert!(arrived.blocks() * 512 < 1 << 20, "a hole was filled: {} blocks", arrived.blocks());
    assert_eq!(pair.read(Right, "two").as_deref(), Some("two names"));
    pair.write(Right, "two", "changed under one of its names");
    // That the other name's file has one name less now shows in its change time, which the next run looks into.
    pair.run(false).unwrap();
    let done = pair.run(false).unwrap().done;
    assert!(done.is_empty(), "{done:?}");
    pair.sync();
    assert_eq!(pair.read(Left, "two").as_deref(), Some("changed under one of its names"));
    assert_eq!(pair.read(Left, "one").as_deref(), pair.read(Right, "one").as_deref());
}

/// Number, change time and size of everything, Bothways' own included.
fn fingerprint(root: &Path) -> Vec<(PathBuf, u64, i64, i64, u64)> {
    let mut all = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        let metadata = fs::symlink_metadata(&dir).unwrap();
        all.push((dir.clone(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec(), metadata.size()));
        if metadata.is_dir() {
            todo.extend(fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    all.sort();
    all
}

#[test]
fn a_run_with_nothing_to_do_writes_nothing_to_either_side() {
    let pair = agreed_on_many(40);
    symlink("nowhere", pair.at(Left, "link")).unwrap();
    fs::remove_file(pair.at(Right, "folder 1/file 1.txt")).unwrap();
    pair.sync();
    let session = pair.open(false).unwrap();
    // What opening a session may touch is not the run's.
    let before = Sides::from_fn(|side| fingerprint(&pair.root(side)));
    let report = session.sync(&sync_engine::SyncOptions::default(), &sync_engine::Silent).unwrap();
    assert!(report.run.is_none());
    assert_eq!(Sides::from_fn(|side| fingerprint(&pair.root(side))), before);
    drop(session);
    let after_opening = pair.run(false).unwrap();
    assert!(after_opening.run.is_none());
    let users = |side: Side, all: Vec<(PathBuf, u64, i64, i64, u64)>| {
        let own = pair.at(side, ".bothways");
        all.into_iter().filter(move |(path, ..)| !path.starts_with(&own)).collect::<Vec<_>>()
    };
    for side in Side::BOTH {
        assert_eq!(users(side, fingerprint(&pair.root(side))), users(side, before[side].clone()));
    }
}

#[test]
fn other_filters_delete_nothing() {
    let mut pair = agreed_on_many(12);
    pair.config.ignore.extensions.push("txt".to_owned());
    let before = pair.trees();
    for _ in 0..2 {
        let report = pair.run(false).unwrap();
        assert!(
            report.done.keys().all(|word| !word.contains("DELETE") && !word.contains("COPY")),
            "{report:?}"
        );
    }
    assert_eq!(pair.trees(), before);
    fs::remove_file(pair.at(Left, "folder 0/file 0.txt")).unwrap();
    pair.run(false).unwrap();
    assert!(pair.at(Right, "folder 0/file 0.txt").exists(), "an ignored file followed a deletion");
    pair.config.ignore.extensions.pop();
    pair.sync();
    assert!(pair.at(Left, "folder 0/file 0.txt").exists(), "it was not ignored any more, and met anew");
}

#[test]
fn a_state_in_use_means_try_again() {
    let pair = agreed_on_many(2);
    let held = pair.open(false).unwrap();
    let error = pair.run(false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TryAgain, "{error}");
    drop(held);
    pair.sync();
}

#[test]
fn a_lost_state_adopts_what_is_there_and_deletes_nothing() {
    let pair = agreed_on_many(20);
    fs::remove_dir_all(pair.state()).unwrap();
    fs::remove_file(pair.at(Left, "folder 0/file 0.txt")).unwrap();
    let report = pair.sync();
    assert_eq!(report.done.keys().filter(|word| word.contains("DELETE")).count(), 0);
    assert!(report.done["ADOPT"] >= 19, "{:?}", report.done);
    assert_eq!(report.bytes_copied, "content 0".len() as u64);
    assert!(pair.at(Left, "folder 0/file 0.txt").exists());
}

#[test]
fn a_damaged_state_is_set_aside_and_nothing_is_deleted() {
    let pair = agreed_on_many(20);
    let file = pair.state().join("state.redb");
    let length = fs::metadata(&file).unwrap().len() as usize;
    fs::write(&file, vec![0x5a; length]).unwrap();
    fs::remove_file(pair.at(Right, "folder 2/file 2.txt")).unwrap();
    let report = pair.run(false).unwrap();
    assert!(report.notices.iter().any(|notice| notice.contains("set aside")), "{:?}", report.notices);
    assert!(pair.at(Right, "folder 2/file 2.txt").exists());
    assert!(fs::read_dir(pair.state()).unwrap().count() > 2, "the damaged file is gone");
    pair.sync();
}

/// The same edits with the sides exchanged lead to the same trees, exchanged.
#[test]
fn swapped_sides_end_mirrored() {
    let tell = |left: Side| {
        let right = left.other();
        let pair = Pair::new();
        for (minute, name) in ["a", "b", "c", "d", "e/f", "e/g", "h"].into_iter().enumerate() {
            pair.write_at(left, name, format!("{name} at first"), minute as u64);
        }
        pair.sync();
        pair.write_at(left, "a", "changed here", 100);
        pair.write_at(right, "a", "changed there, later", 101);
        fs::remove_file(pair.at(left, "b")).unwrap();
        pair.write_at(right, "b", "changed where it was deleted", 102);
        fs::remove_file(pair.at(right, "c")).unwrap();
        fs::rename(pair.at(left, "e"), pair.at(left, "moved")).unwrap();
        pair.write_at(left, "n", "made here", 103);
        pair.write_at(right, "n", "made there", 104);
        pair.write_at(left, "k", "a file", 105);
        pair.write_at(right, "k/inside", "a folder", 106);
        fs::set_permissions(pair.at(left, "h"), Permissions::from_mode(0o600)).unwrap();
        let report = pair.run(false).unwrap();
        pair.sync();
        let times = |tree: super::folders::Tree| tree.into_iter().collect::<Vec<_>>();
        (times(pair.tree(left)), times(pair.tree(right)), report.conflicts.len())
    };
    assert_eq!(tell(Left), tell(Right));
}

/// A small file system, taken away again.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output().ok()?;
        done.status.success().then(|| Self(at.to_owned()))
    }

    fn grow(&self, options: &str) {
        let done = Command::new("mount").args(["-o", options]).arg(&self.0).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_takes_the_small_files_and_the_rest_when_there_is_room() {
    let pair = Pair::new();
    let Some(mount) = Mount::tmpfs(&pair.root(Right), "size=2m") else {
        println!("not applicable here: nothing can be mounted");
        return;
    };
    for n in 0..20 {
        pair.write(Left, &format!("small {n}"), format!("small {n}"));
    }
    pair.write(Left, "much too large", vec![7; 5 << 20]);
    pair.write(Right, "of the right", vec![8; 1 << 20]);
    let report = pair.run(false).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert_eq!(report.problems[0].path, "much too large");
    assert_eq!(pair.read(Right, "small 19").as_deref(), Some("small 19"));
    assert_eq!(fs::read(pair.at(Left, "of the right")).unwrap().len(), 1 << 20);
    assert!(!pair.at(Right, "much too large").exists());
    assert_eq!(fs::read(pair.at(Left, "much too large")).unwrap().len(), 5 << 20);
    mount.grow("remount,size=20m");
    pair.sync();
    assert_eq!(fs::read(pair.at(Right, "much too large")).unwrap(), vec![7; 5 << 20]);
    drop(mount);
    // The drive is away now: what is below it is an empty folder.
    let before = pair.tree(Left);
    assert_eq!(pair.halt(), "lost-marker");
    assert_eq!(pair.tree(Left), before);
}

/// A folder that folds case, by NTFS as Linux has it.
fn folding(at: &Path, image: &Path) -> Option<Mount> {
    let file = File::create(image).ok()?;
    file.set_len(16 << 20).ok()?;
    let made = Command::new("mkntfs").args(["-F", "-f", "-q"]).arg(image).output().ok()?;
    let mounted = made.status.success()
        && Command::new("lowntfs-3g")
            .args(["-o", "ignore_case"])
            .arg(image)
            .arg(at)
            .output()
            .ok()?
            .status
            .success();
    mounted.then(|| Mount(at.to_owned()))
}

#[test]
fn a_side_that_folds_case_never_loses_one_of_two_names() {
    let pair = Pair::new();
    let Some(_mount) = folding(&pair.root(Right), &pair.place.path().join("image")) else {
        println!("not applicable here: no NTFS can be mounted");
        return;
    };
    pair.write(Left, "report.txt", "text");
    pair.write(Left, "folder/inside", "inside");
    let report = pair.run(false).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);

    pair.write(Left, "REPORT.txt", "another file to the left");
    let report = pair.run(false).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert_eq!(pair.read(Left, "REPORT.txt").as_deref(), Some("another file to the left"));
    assert_eq!(pair.read(Left, "report.txt").as_deref(), Some("text"));
    assert_eq!(pair.read(Right, "report.txt").as_deref(), Some("text"));
    assert_eq!(
        pair.run(false).unwrap().run,
        None,
        "the collision is told, and nothing is done about it again"
    );
}
