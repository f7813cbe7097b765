//! What real disks do: holes, attributes, no space, other users.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use sync_core::entry::Reason;
use sync_fs::{Access, LocalOptions, LocalReplica};
use sync_replica::{Displaced, Expect, Marker, ProblemKind, Replica, Uncontrolled};

use crate::basics::{copy, entry, open, p, scan, staged_left};

#[test]
fn a_file_with_holes_keeps_them() {
    let base = tempfile::tempdir().unwrap();
    for side in ["l", "r"] {
        fs::create_dir(base.path().join(side)).unwrap();
    }
    let (left, right) = (open(&base.path().join("l")), open(&base.path().join("r")));
    let file = File::create(base.path().join("l/image")).unwrap();
    file.write_all_at(b"start", 0).unwrap();
    file.write_all_at(b"middle", 40 << 20).unwrap();
    file.set_len(100 << 20).unwrap();
    drop(file);
    copy(&left, &right, "image", &Expect::Absent).unwrap();
    let (here, there) = (base.path().join("l/image"), base.path().join("r/image"));
    assert!(fs::read(&here).unwrap() == fs::read(&there).unwrap(), "the contents differ");
    let blocks = fs::metadata(&there).unwrap().blocks();
    assert!(blocks * 512 < 1 << 20, "{} bytes are taken up", blocks * 512);
    fs::write(base.path().join("l/hole only"), "").unwrap();
    File::options().write(true).open(base.path().join("l/hole only")).unwrap().set_len(1 << 20).unwrap();
    assert_eq!(copy(&left, &right, "hole only", &Expect::Absent).unwrap().size, 1 << 20);
}

#[test]
fn attributes_of_the_user_travel_and_others_stay() {
    let base = tempfile::tempdir().unwrap();
    for side in ["l", "r"] {
        fs::create_dir(base.path().join(side)).unwrap();
    }
    let (left, right) = (open(&base.path().join("l")), open(&base.path().join("r")));
    if !left.abilities().xattrs {
        println!("not tried: the file system holds no extended attributes");
        return;
    }
    let path = base.path().join("l/a");
    fs::write(&path, "a").unwrap();
    let set = |name: &str, value: &[u8]| {
        rustix::fs::setxattr(&path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
    };
    set("user.colour", b"blue");
    set("user.long", &[7; 2000]);
    let before = left.contents(&p("a"), &entry(&left, "a"), &Uncontrolled).unwrap();
    copy(&left, &right, "a", &Expect::Absent).unwrap();
    let after = right.contents(&p("a"), &entry(&right, "a"), &Uncontrolled).unwrap();
    assert_eq!(before, after);
    let mut properties = left.properties(&p("a"), &entry(&left, "a")).unwrap();
    properties.xattrs.as_mut().unwrap().0.pop();
    right.set_properties(&p("a"), &entry(&right, "a"), &properties).unwrap();
    let left_over = right.properties(&p("a"), &entry(&right, "a")).unwrap().xattrs.unwrap();
    assert_eq!(left_over.0, [(b"user.colour".as_slice().into(), b"blue".as_slice().into())]);
}

/// A small file system of its own, for as long as this lives.
struct Mounted(tempfile::TempDir);

impl Mounted {
    /// Gives it another size.
    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.0.path()).status().unwrap().success());
    }

    fn tmpfs(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=777");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(dir.path()).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(dir))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_keeps_what_it_holds_of_a_large_copy() {
    let Some(full) = Mounted::tmpfs("8m") else {
        println!("not tried: no file system can be mounted here (only root may)");
        return;
    };
    let base = tempfile::tempdir().unwrap();
    let mut content = vec![0; 20 << 20];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    fs::write(base.path().join("big"), &content).unwrap();
    let (left, right) = (open(base.path()), open(full.0.path()));
    let source = entry(&left, "big");
    let stage = || {
        let mut from = left.open(&p("big"), &source).unwrap();
        right.stage_resumable(&mut *from, &p("big"), true, &Uncontrolled)
    };
    let kept = || right.partials().unwrap().first().map_or(0, |one| one.bytes);
    assert_eq!(stage().map(|_| ()).unwrap_err().kind, ProblemKind::NoSpace);
    let first = kept();
    assert!(first >= 5 << 20, "only {first} bytes are kept");
    assert!(right.free_bytes().unwrap().unwrap() > 0, "not a page is left for anybody");
    // Tried again in vain.
    assert_eq!(stage().map(|_| ()).unwrap_err().kind, ProblemKind::NoSpace);
    assert!(kept() >= first - (1 << 20), "{} of {first} bytes are left", kept());
    let second = kept();
    full.resize("32m");
    let staged = stage().unwrap();
    assert_eq!(staged.resumed, second);
    right.settle(&[&staged]).unwrap();
    right.install(staged, &p("big"), &Expect::Absent, Displaced::Drop).unwrap();
    assert!(fs::read(full.0.path().join("big")).unwrap() == content, "other bytes");
    assert_eq!(right.partials().unwrap(), []);
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let Some(full) = Mounted::tmpfs("1m") else {
        println!("not tried: no file system can be mounted here (only root may)");
        return;
    };
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("big"), vec![1; 3 << 20]).unwrap();
    fs::write(base.path().join("small"), "fits").unwrap();
    let (left, right) = (open(base.path()), open(full.0.path()));
    assert_eq!(copy(&left, &right, "big", &Expect::Absent), Err(ProblemKind::NoSpace));
    assert!(staged_left(full.0.path()).is_empty());
    assert!(right.free_bytes().unwrap().unwrap() < 1 << 20);
    copy(&left, &right, "small", &Expect::Absent).unwrap();
    // Another file system mounted inside a root is seen and not entered.
    let inner = base.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&inner).status().unwrap();
    assert!(mounted.success());
    let seen = scan(&left);
    Command::new("umount").arg(&inner).status().unwrap();
    assert_eq!(seen.root().unobserved()[0].trouble.reason, Reason::OtherFileSystem);
}

#[test]
fn a_trash_on_another_file_system_is_refused_before_anything_moves() {
    let Some(other) = Mounted::tmpfs("1m") else {
        println!("not tried: no file system can be mounted here (only root may)");
        return;
    };
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("a"), "a").unwrap();
    let options = LocalOptions { trash_root: other.0.path().to_owned(), ..LocalOptions::new(base.path()) };
    let replica = LocalReplica::open(options, Access::ReadWrite).unwrap();
    let trash = Displaced::Trash(sync_replica::TrashStamp(0));
    let refused = replica.remove(&p("a"), &entry(&replica, "a"), trash).unwrap_err();
    assert_eq!(refused.kind, ProblemKind::Unsupported);
    assert!(base.path().join("a").exists());
}

#[test]
fn a_trash_beside_the_root_works() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir_all(base.path().join("root/sub")).unwrap();
    fs::write(base.path().join("root/sub/a"), "a").unwrap();
    let trash_root = base.path().join("trash");
    let options =
        LocalOptions { trash_root: trash_root.clone(), ..LocalOptions::new(base.path().join("root")) };
    let replica = LocalReplica::open(options, Access::ReadWrite).unwrap();
    let trash = Displaced::Trash(sync_replica::TrashStamp(0));
    let trashed = replica.remove(&p("sub/a"), &entry(&replica, "sub/a"), trash).unwrap().unwrap();
    assert_eq!(fs::read(trash_root.join(trashed.path.display())).unwrap(), b"a");
    replica.flush().unwrap();
}

#[test]
fn a_file_that_is_open_for_writing_waits() {
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("a"), "a").unwrap();
    fs::write(base.path().join("b"), "b").unwrap();
    let replica = open(base.path());
    let writer = File::options().append(true).open(base.path().join("a")).unwrap();
    let old = entry(&replica, "a");
    assert_eq!(replica.remove(&p("a"), &old, Displaced::Drop).unwrap_err().kind, ProblemKind::InUse);
    let mut source = replica.open(&p("b"), &entry(&replica, "b")).unwrap();
    let staged = replica.stage(&mut *source, false, &Uncontrolled).unwrap();
    let refused = replica.install(staged, &p("a"), &Expect::Is(old), Displaced::Drop);
    assert_eq!(refused.unwrap_err().kind, ProblemKind::InUse);
    assert_eq!(fs::read(base.path().join("a")).unwrap(), b"a");
    drop(writer);
    replica.remove(&p("a"), &old, Displaced::Drop).unwrap();
    assert!(staged_left(base.path()).is_empty());
}

#[test]
fn a_damaged_marker_is_said_and_never_overwritten() {
    let base = tempfile::tempdir().unwrap();
    let replica = open(base.path());
    let marker = Marker { pair: "0123456789abcdef".repeat(2), side: sync_core::side::Side::Left };
    replica.set_marker(&marker).unwrap();
    let path = base.path().join(".bothways/root.json");
    for damaged in [
        "",
        "{",
        "{\"format\":9,\"pair\":\"x\",\"side\":\"left\"}",
        "{\"format\":1,\"pair\":\"x\",\"side\":\"left\"}",
    ] {
        fs::write(&path, damaged).unwrap();
        assert_eq!(replica.marker().unwrap_err().kind, ProblemKind::Corrupt, "{damaged}");
        assert_eq!(replica.set_marker(&marker).unwrap_err().kind, ProblemKind::Corrupt);
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
}

#[test]
fn another_directory_in_the_roots_place_is_noticed() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a"), "a").unwrap();
    let replica = open(&root);
    let a = entry(&replica, "a");
    fs::rename(&root, base.path().join("away")).unwrap();
    fs::create_dir(&root).unwrap();
    assert_eq!(replica.marker().unwrap_err().kind, ProblemKind::RootGone);
    assert_eq!(replica.remove(&p("a"), &a, Displaced::Drop).unwrap_err().kind, ProblemKind::RootGone);
    assert!(base.path().join("away/a").exists());
    for (missing, words) in [("none", "does not exist"), ("away/a", "is not a directory")] {
        let refused =
            LocalReplica::open(LocalOptions::new(base.path().join(missing)), Access::ReadWrite).unwrap_err();
        assert_eq!(refused.kind, ProblemKind::RootGone);
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[test]
fn roots_are_compared_as_directories() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir_all(base.path().join("a/b")).unwrap();
    fs::create_dir(base.path().join("ab")).unwrap();
    std::os::unix::fs::symlink("a", base.path().join("link")).unwrap();
    let at =
        |name: &str| LocalReplica::open(LocalOptions::new(base.path().join(name)), Access::ReadOnly).unwrap();
    assert!(LocalReplica::same_directory(&at("a"), &at("link")));
    assert!(!LocalReplica::same_directory(&at("a"), &at("ab")));
    assert!(
        LocalReplica::is_inside(&at("link"), &at("a/b")) && LocalReplica::is_inside(&at("a/b"), &at("a"))
    );
    assert!(!LocalReplica::is_inside(&at("a"), &at("ab")) && !LocalReplica::is_inside(&at("a"), &at("link")));
}

#[test]
fn a_state_folder_inside_the_root_is_not_seen() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir_all(base.path().join("x/state")).unwrap();
    let reserved = vec![base.path().join("x/state"), base.path().join("x/later/state")];
    let options = LocalOptions { reserved, ..LocalOptions::new(base.path()) };
    let replica = LocalReplica::open(options, Access::ReadWrite).unwrap();
    fs::create_dir_all(base.path().join("x/later/state")).unwrap();
    let seen = scan(&replica);
    assert!(seen.get(&p("x/state")).is_none() && seen.get(&p("x/later/state")).is_none());
    assert!(seen.get(&p("x/later")).is_some());
}

/// Runs this very test again as nobody, who is denied what root never is.
#[test]
fn an_unreadable_directory_is_unknown_and_not_empty() {
    const AGAIN: &str = "BOTHWAYS_TEST_AS_NOBODY";
    if let Some(root) = std::env::var_os(AGAIN) {
        return as_nobody(Path::new(&root));
    }
    let base = tempfile::tempdir_in("/tmp").unwrap();
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
        // The build folder may not be open to everybody, so the program is copied to where it can be run from.
        let program = base.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::create_dir(base.path().join("root")).unwrap();
        fs::set_permissions(base.path().join("root"), fs::Permissions::from_mode(0o777)).unwrap();
        let output = Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&program)
            .args(["--exact", "disks::an_unreadable_directory_is_unknown_and_not_empty", "--nocapture"])
            .env(AGAIN, base.path().join("root"))
            .current_dir("/")
            .output();
        match output {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success() && said.contains("1 passed"), "{said}");
            }
            Err(error) => println!("not tried: setpriv cannot be run ({error})"),
        }
    } else {
        as_nobody(base.path());
    }
}

fn as_nobody(root: &Path) {
    fs::create_dir_all(root.join("closed/inner")).unwrap();
    fs::write(root.join("closed/file"), "x").unwrap();
    fs::write(root.join("secret"), "x").unwrap();
    let replica = open(root);
    let secret = entry(&replica, "secret");
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o0)).unwrap();
    let seen = scan(&replica);
    let closed = seen.root().find(b"closed").unwrap();
    let listing = seen.dir(closed.child.unwrap()).unwrap();
    assert_eq!(listing.trouble().unwrap().reason, Reason::UnreadableDir);
    // A directory that may be listed but not entered: every name is seen and none can be looked at.
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o444)).unwrap();
    let seen = scan(&replica);
    let listing = seen.dir(seen.root().find(b"closed").unwrap().child.unwrap()).unwrap();
    assert_eq!(listing.unobserved().len(), 2);
    assert!(listing.unobserved().iter().all(|name| name.trouble.reason == Reason::Unreadable));
    let mut now = entry(&replica, "secret");
    now.attributes = sync_core::entry::Attributes::Unix(0);
    assert_ne!(now, secret);
    let refused = replica.open(&p("secret"), &now).err().unwrap();
    assert_eq!(refused.kind, ProblemKind::PermissionDenied);
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_root_takes_one_session_at_a_time() {
    let base = tempfile::tempdir().unwrap();
    let open = |access| LocalReplica::open(LocalOptions::new(base.path()), access);
    let first = open(Access::ReadWrite).unwrap();
    let refused = open(Access::ReadWrite).unwrap_err();
    assert_eq!(refused.kind, ProblemKind::InUse, "{refused}");
    open(Access::ReadOnly).unwrap();
    drop(first);
    open(Access::ReadWrite).unwrap();
}
