//! File systems that fold case, round times and hold less, mounted for the test where that can be done.

use std::fs;
use std::path::Path;
use std::process::Command;

use sync_core::abilities::AttributeKind;
use sync_replica::{Displaced, Expect, ProblemKind, Replica, Uncontrolled, conformance};

use crate::basics::{entry, open, p};
use crate::fixture::FolderFixture;

/// A file system in a file, mounted for as long as this lives.
struct Disk {
    dir: tempfile::TempDir,
    /// The block device that stands for the file, where one is needed.
    device: Option<std::path::PathBuf>,
}

fn ran(program: &str, arguments: &[&Path]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

impl Disk {
    fn new(make: &[&str], mount: &[&str], needs_device: bool) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (image, at) = (dir.path().join("image"), dir.path().join("at"));
        fs::create_dir(&at).unwrap();
        let file = fs::File::create(&image).unwrap();
        file.set_len(256 << 20).unwrap();
        let command = |words: &[&str], more: &[&Path]| {
            let paths: Vec<&Path> = words[1..].iter().map(Path::new).chain(more.iter().copied()).collect();
            ran(words[0], &paths)
        };
        if !command(make, &[&image]) {
            return None;
        }
        let mut disk = Self { dir, device: None };
        if needs_device {
            let output = Command::new("losetup").args(["--find", "--show"]).arg(&image).output().ok()?;
            let device = String::from_utf8(output.stdout).ok()?.trim().to_owned();
            disk.device = (!device.is_empty()).then(|| device.into());
            disk.device.as_ref()?;
        }
        command(mount, &[disk.device.as_deref().unwrap_or(&image), &at]).then_some(disk)
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("at")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = ran("umount", &[&self.path()]);
        if let Some(device) = &self.device {
            let _ = ran("losetup", &[Path::new("-d"), device]);
        }
    }
}

fn ntfs() -> Option<Disk> {
    let disk = Disk::new(&["mkntfs", "-q", "-F", "-Q"], &["lowntfs-3g", "-o", "ignore_case"], false);
    if disk.is_none() {
        println!("not tried: lowntfs-3g cannot be mounted here");
    }
    disk
}

fn exfat() -> Option<Disk> {
    let disk = Disk::new(&["mkfs.exfat"], &["mount.exfat-fuse"], true);
    if disk.is_none() {
        println!("not tried: exfat-fuse cannot be mounted here");
    }
    disk
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".bothways")
        .collect();
    names.sort();
    names
}

fn respell(root: &Path) {
    fs::create_dir(root.join("Folder")).unwrap();
    fs::write(root.join("Folder/x"), "x").unwrap();
    fs::write(root.join("report.txt"), "content").unwrap();
    let replica = open(root);
    let abilities = replica.abilities();
    assert!(abilities.equivalence.case && abilities.shows_spelling, "{abilities:?}");
    assert!(!replica.abilities().file_ids && !replica.abilities().ctimes);
    replica.rename(&p("report.txt"), &entry(&replica, "report.txt"), &p("REPORT.txt")).unwrap();
    replica.rename(&p("Folder"), &entry(&replica, "Folder"), &p("FOLDER")).unwrap();
    assert_eq!(names(root), ["FOLDER", "REPORT.txt"]);
    assert_eq!(fs::read_to_string(root.join("REPORT.txt")).unwrap(), "content");
    assert_eq!(fs::read_to_string(root.join("FOLDER/x")).unwrap(), "x");
    assert_eq!(fs::read_dir(root.join(".bothways/staged")).unwrap().count(), 0);
}

/// This driver shows every name in lower case when it folds, so that another spelling cannot be shown: the rename is
/// refused in so many words, and what was renamed is where it was.
#[test]
fn a_side_that_shows_no_spelling_says_so() {
    let Some(disk) = ntfs() else { return };
    let root = disk.path();
    fs::write(root.join("report.txt"), "content").unwrap();
    let replica = open(&root);
    let abilities = replica.abilities();
    assert!(abilities.equivalence.case && !abilities.shows_spelling, "{abilities:?}");
    let refused =
        replica.rename(&p("report.txt"), &entry(&replica, "report.txt"), &p("REPORT.txt")).unwrap_err();
    assert_eq!(refused.kind, ProblemKind::Unsupported, "{refused}");
    assert_eq!(names(&root), ["report.txt"]);
    assert_eq!(fs::read_to_string(root.join("report.txt")).unwrap(), "content");
    assert_eq!(fs::read_dir(root.join(".bothways/staged")).unwrap().count(), 0);
}

#[test]
fn case_only_renames_on_exfat_end_in_one_new_spelling() {
    if let Some(disk) = exfat() {
        respell(&disk.path());
        let measured = open(&disk.path()).abilities().clone();
        assert!(measured.mtime_precision_ns >= 1_000_000_000, "{measured:?}");
        assert!(!measured.symlinks && !measured.hard_links && !measured.xattrs, "{measured:?}");
        assert_eq!(measured.attributes, AttributeKind::None);
        assert!(measured.names.windows, "{measured:?}");
    }
}

#[test]
fn ntfs_conforms() {
    if let Some(disk) = ntfs() {
        // This driver's table of cases is older than ours.
        let outcome = conformance::run_some(
            || Box::new(FolderFixture::new(&disk.path(), &[])),
            |name| name != "another spelling of a name is taken where the side folds it",
        );
        println!("on ntfs: {outcome}");
        outcome.assert_passed();
        let spared = |name: &str| outcome.not_applicable.iter().any(|(check, _)| *check == name);
        assert!(!spared("a spelling that the side cannot show is refused and nothing moves"));
        // It is served by a program in user space.
        assert!(!open(&disk.path()).tells_everything());
    }
}

#[test]
fn exfat_conforms() {
    if let Some(disk) = exfat() {
        // The format's table of cases is older than ours.
        let outcome = conformance::run_some(
            || Box::new(FolderFixture::new(&disk.path(), &[])),
            |name| name != "another spelling of a name is taken where the side folds it",
        );
        println!("on exfat: {outcome}");
        outcome.assert_passed();
    }
}

#[test]
fn btrfs_shares_blocks_and_conforms() {
    let Some(disk) = Disk::new(&["mkfs.btrfs", "-q"], &["mount"], true) else {
        println!("not tried: btrfs cannot be mounted here");
        return;
    };
    let root = disk.path();
    for side in ["l", "r"] {
        fs::create_dir(root.join(side)).unwrap();
    }
    let (left, right) = (open(&root.join("l")), open(&root.join("r")));
    assert!(right.abilities().reflinks && right.abilities().file_ids, "{:?}", right.abilities());
    let content = b"0123456789abcdef".repeat(1 << 16);
    fs::write(root.join("l/big"), &content).unwrap();
    let mut source = left.open(&p("big"), &entry(&left, "big")).unwrap();
    let staged = right.stage(&mut *source, true, &Uncontrolled).unwrap();
    assert!(staged.digest.is_none(), "the bytes passed through");
    right.settle(&[&staged]).unwrap();
    right.install(staged, &p("big"), &Expect::Absent, Displaced::Drop).unwrap();
    assert!(fs::read(root.join("r/big")).unwrap() == content);
    let outcome = conformance::run(|| Box::new(FolderFixture::new(&root, &[])));
    println!("on btrfs: {outcome}");
    outcome.assert_passed();
}
