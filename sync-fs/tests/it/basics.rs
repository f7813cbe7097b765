//! Each change in its plainest form.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::snapshot::Snapshot;
use sync_fs::{Access, LocalOptions, LocalReplica};
use sync_replica::{
    Displaced, Expect, ProblemKind, Properties, Replica, ScanRequest, ShowAll, TrashStamp, Uncontrolled,
};

pub(crate) fn p(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

pub(crate) fn open(root: &Path) -> LocalReplica {
    LocalReplica::open(LocalOptions::new(root), Access::ReadWrite).unwrap()
}

pub(crate) fn scan(replica: &LocalReplica) -> Snapshot {
    let request =
        ScanRequest { equivalence: Equivalence::EXACT, filter: &ShowAll, control: &Uncontrolled, threads: 2 };
    replica.scan(&request).unwrap()
}

pub(crate) fn entry(replica: &LocalReplica, path: &str) -> Entry {
    replica.look(&p(path)).unwrap().unwrap_or_else(|| panic!("{path} is not there"))
}

/// Copies one path from one replica to the other.
pub(crate) fn copy(
    from: &LocalReplica,
    to: &LocalReplica,
    path: &str,
    expect: &Expect,
) -> Result<Entry, ProblemKind> {
    let mut source = from.open(&p(path), &entry(from, path)).map_err(|problem| problem.kind)?;
    let staged = to.stage(&mut *source, true, &Uncontrolled).map_err(|problem| problem.kind)?;
    to.settle(&[&staged]).unwrap();
    let installed = to.install(staged, &p(path), expect, Displaced::Drop).map_err(|problem| problem.kind)?;
    Ok(installed.entry)
}

pub(crate) fn staged_left(root: &Path) -> Vec<String> {
    let names = fs::read_dir(root.join(".bothways/staged")).unwrap();
    names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn two() -> (tempfile::TempDir, LocalReplica, LocalReplica) {
    let dir = tempfile::tempdir().unwrap();
    for side in ["l", "r"] {
        fs::create_dir(dir.path().join(side)).unwrap();
    }
    let (left, right) = (open(&dir.path().join("l")), open(&dir.path().join("r")));
    (dir, left, right)
}

#[test]
fn a_new_file_arrives_whole_with_its_properties() {
    let (dir, left, right) = two();
    let path = dir.path().join("l/report.txt");
    fs::write(&path, "hello").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o754)).unwrap();
    let entry = copy(&left, &right, "report.txt", &Expect::Absent).unwrap();
    let there = fs::metadata(dir.path().join("r/report.txt")).unwrap();
    let here = fs::metadata(&path).unwrap();
    assert_eq!(fs::read(dir.path().join("r/report.txt")).unwrap(), b"hello");
    assert_eq!((there.mtime(), there.mtime_nsec()), (here.mtime(), here.mtime_nsec()));
    assert_eq!(there.mode() & 0o7777, 0o754);
    assert_eq!(Some(entry), right.look(&p("report.txt")).unwrap());
    assert!(staged_left(&dir.path().join("r")).is_empty());
    assert_eq!(copy(&left, &right, "report.txt", &Expect::Absent), Err(ProblemKind::Stale));
    assert!(staged_left(&dir.path().join("r")).is_empty());
}

#[test]
fn an_old_version_goes_to_the_trash_and_another_one_stays() {
    let (dir, left, right) = two();
    fs::write(dir.path().join("l/a"), "new").unwrap();
    fs::write(dir.path().join("r/a"), "old").unwrap();
    let old = entry(&right, "a");
    let mut source = left.open(&p("a"), &entry(&left, "a")).unwrap();
    let staged = right.stage(&mut *source, false, &Uncontrolled).unwrap();
    let stamp = Displaced::Trash(TrashStamp(0));
    let installed = right.install(staged, &p("a"), &Expect::Is(old), stamp).unwrap();
    let trashed = installed.trashed.unwrap();
    assert_eq!(trashed.path, p("a - deleted 19700101T000000000Z"));
    assert_eq!(fs::read(dir.path().join("r/.sync_trash").join(trashed.path.display())).unwrap(), b"old");
    assert_eq!(fs::read(dir.path().join("r/a")).unwrap(), b"new");
    assert_eq!(scan(&right).totals().files, 1);
    // The same expectation again is of a version that is gone.
    assert_eq!(copy(&left, &right, "a", &Expect::Is(old)), Err(ProblemKind::Stale));
    assert_eq!(fs::read(dir.path().join("r/a")).unwrap(), b"new");
    assert!(staged_left(&dir.path().join("r")).is_empty());
}

#[test]
fn removing_takes_the_expected_version_and_no_other() {
    let (dir, left, _) = two();
    fs::write(dir.path().join("l/a"), "seen").unwrap();
    let seen = entry(&left, "a");
    fs::write(dir.path().join("l/a"), "edited").unwrap();
    assert_eq!(left.remove(&p("a"), &seen, Displaced::Drop).unwrap_err().kind, ProblemKind::Stale);
    assert_eq!(fs::read(dir.path().join("l/a")).unwrap(), b"edited");
    let now = entry(&left, "a");
    let trashed = left.remove(&p("a"), &now, Displaced::Trash(TrashStamp(1_000_000))).unwrap().unwrap();
    assert_eq!(trashed.path, p("a - deleted 19700101T000000001Z"));
    assert_eq!(left.look(&p("a")).unwrap(), None);
    fs::write(dir.path().join("l/a"), "again").unwrap();
    assert_eq!(left.remove(&p("a"), &entry(&left, "a"), Displaced::Drop).unwrap(), None);
    assert!(staged_left(&dir.path().join("l")).is_empty());
    left.flush().unwrap();
}

#[test]
fn a_link_stays_a_link() {
    let (dir, left, right) = two();
    symlink("../outside", dir.path().join("l/link")).unwrap();
    let entry = copy(&left, &right, "link", &Expect::Absent).unwrap();
    assert_eq!(entry.kind, Kind::Symlink);
    assert_eq!(fs::read_link(dir.path().join("r/link")).unwrap(), Path::new("../outside"));
    assert_eq!(scan(&right).root().find(b"link").unwrap().target, Some(b"../outside".as_slice()));
}

#[test]
fn renames_never_overwrite() {
    let (dir, left, _) = two();
    fs::write(dir.path().join("l/a"), "a").unwrap();
    fs::write(dir.path().join("l/b"), "b").unwrap();
    let a = entry(&left, "a");
    assert_eq!(left.rename(&p("a"), &a, &p("b")).unwrap_err().kind, ProblemKind::Exists);
    let renamed = left.rename(&p("a"), &a, &p("c")).unwrap();
    assert_eq!(renamed, entry(&left, "c"));
    assert_eq!(left.rename(&p("a"), &a, &p("d")).unwrap_err().kind, ProblemKind::Stale);
    assert_eq!(fs::read(dir.path().join("l/b")).unwrap(), b"b");
}

#[test]
fn directories_are_made_and_removed_when_empty() {
    let (dir, left, _) = two();
    let properties = Properties { mtime_ns: 0, attributes: Attributes::Unix(0o2775), xattrs: None };
    let made = left.make_dir(&p("d"), &properties, &Expect::Absent, Displaced::Drop).unwrap();
    assert_eq!(made.entry.attributes, Attributes::Unix(0o2775));
    fs::write(dir.path().join("l/d/x"), "").unwrap();
    let gone = left.remove_dir(&p("d"), &made.entry, &ShowAll, Displaced::Drop);
    assert_eq!(gone.unwrap_err().kind, ProblemKind::NotEmpty);
    fs::remove_file(dir.path().join("l/d/x")).unwrap();
    left.remove_dir(&p("d"), &made.entry, &ShowAll, Displaced::Drop).unwrap();
    fs::write(dir.path().join("l/d"), "a file").unwrap();
    let file = entry(&left, "d");
    let stamp = Displaced::Trash(TrashStamp(0));
    let made = left.make_dir(&p("d"), &properties, &Expect::Is(file), stamp).unwrap();
    assert!(made.entry.is_dir() && made.trashed.is_some());
    assert!(dir.path().join("l/d").is_dir());
    assert!(staged_left(&dir.path().join("l")).is_empty());
}

#[test]
fn the_older_version_is_kept_beside_and_then_replaced() {
    let (dir, left, right) = two();
    fs::write(dir.path().join("l/a"), "newer").unwrap();
    fs::write(dir.path().join("r/a"), "older").unwrap();
    let older = entry(&right, "a");
    let beside = p("a - clash 202611201543");
    right.keep_beside(&p("a"), &older, &beside).unwrap();
    // Again, as after a kill.
    right.keep_beside(&p("a"), &older, &beside).unwrap();
    copy(&left, &right, "a", &Expect::Is(older)).unwrap();
    assert_eq!(fs::read(dir.path().join("r/a")).unwrap(), b"newer");
    assert_eq!(fs::read(dir.path().join("r/a - clash 202611201543")).unwrap(), b"older");
    let other = p("b");
    fs::write(dir.path().join("r/b"), "taken").unwrap();
    let now = entry(&right, "a");
    assert_eq!(right.keep_beside(&p("a"), &now, &other).unwrap_err().kind, ProblemKind::Exists);
}

#[test]
fn properties_are_set_on_the_expected_version() {
    let (dir, left, _) = two();
    fs::write(dir.path().join("l/a"), "a").unwrap();
    let before = entry(&left, "a");
    let properties = Properties { mtime_ns: 123_456_789, attributes: Attributes::Unix(0o600), xattrs: None };
    let after = left.set_properties(&p("a"), &before, &properties).unwrap();
    assert_eq!(after, entry(&left, "a"));
    assert_eq!((after.mtime_ns, after.attributes), (123_456_789, Attributes::Unix(0o600)));
    let stale = left.set_properties(&p("a"), &before, &properties);
    assert_eq!(stale.unwrap_err().kind, ProblemKind::Stale);
}

#[test]
fn what_belongs_to_bothways_is_neither_seen_nor_changed() {
    let (dir, left, right) = two();
    fs::create_dir_all(dir.path().join("l/sub/.sync_trash")).unwrap();
    fs::create_dir_all(dir.path().join("l/.sync_trash")).unwrap();
    let seen = scan(&left);
    assert_eq!(seen.root().iter().map(|listed| listed.name.to_vec()).collect::<Vec<_>>(), [b"sub".to_vec()]);
    assert!(seen.get(&p("sub/.sync_trash")).is_some());
    let properties = Properties { mtime_ns: 0, attributes: Attributes::NotHeld, xattrs: None };
    for own in [".bothways", ".bothways/staged/x", ".sync_trash/x"] {
        let refused = right.make_dir(&p(own), &properties, &Expect::Absent, Displaced::Drop);
        assert_eq!(refused.unwrap_err().kind, ProblemKind::Unsupported, "{own}");
    }
}

#[test]
fn reading_alone_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "").unwrap();
    let replica = LocalReplica::open(LocalOptions::new(dir.path()), Access::ReadOnly).unwrap();
    assert_eq!(scan(&replica).totals().files, 1);
    assert_eq!(replica.marker().unwrap(), None);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a"]);
    assert!(replica.remove(&p("a"), &entry(&replica, "a"), Displaced::Drop).is_err());
    assert!(dir.path().join("a").exists());
}
