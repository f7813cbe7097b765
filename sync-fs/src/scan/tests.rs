//! Both walks over trees that bite.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sync_core::entry::{Kind, Reason};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::snapshot::{Listing, Snapshot};
use sync_replica::{Control, Filter, ProblemKind, ScanRequest, ShowAll, Uncontrolled};

use super::{linux, portable};
use crate::{Access, IgnoreRules, IgnoreSpec, LocalOptions, LocalReplica};

fn open(root: &Path) -> LocalReplica {
    LocalReplica::open(LocalOptions::new(root), Access::ReadWrite).unwrap()
}

/// Everything a listing says, in words that compare.
fn tell(snapshot: &Snapshot) -> Vec<String> {
    fn dir(snapshot: &Snapshot, listing: &Listing, path: &str, out: &mut Vec<String>) {
        if let Some(trouble) = listing.trouble() {
            out.push(format!("{path}/ {:?}", trouble.reason));
        }
        if listing.ignored() > 0 {
            out.push(format!("{path}/ hides {}", listing.ignored()));
        }
        for unobserved in listing.unobserved() {
            out.push(format!("{path}/{} {:?}", unobserved.name.escape_ascii(), unobserved.trouble.reason));
        }
        for listed in listing.iter() {
            let name = format!("{path}/{}", listed.name.escape_ascii());
            out.push(format!("{name} {:?} {:?} {}", listed.entry, listed.target, listed.key.escape_ascii()));
            if let Some(child) = listed.child {
                dir(snapshot, snapshot.dir(child).unwrap(), &name, out);
            }
        }
    }
    let mut out = vec![format!("{:?}", snapshot.totals())];
    dir(snapshot, snapshot.root(), "", &mut out);
    out
}

fn both(replica: &LocalReplica, filter: &dyn Filter, equivalence: Equivalence) -> Snapshot {
    let mut first = None;
    for threads in [1, 2, 5] {
        let request = ScanRequest { equivalence, filter, control: &Uncontrolled, threads };
        let fast = linux::scan(replica, &request).unwrap();
        let portable = portable::scan(replica, &request).unwrap();
        assert_eq!(tell(&fast), tell(&portable), "{threads} threads");
        first = Some(fast);
    }
    first.unwrap()
}

fn nasty(root: &Path) {
    let name = |bytes: &[u8]| root.join(OsStr::from_bytes(bytes));
    fs::write(name(b"caf\xe9 \xff"), "latin").unwrap();
    fs::write(name(b"line\nbreak\ttab"), "").unwrap();
    fs::write(name(b"-rf"), "").unwrap();
    fs::write(name(b"back\\slash"), "").unwrap();
    fs::create_dir(name(b"empty")).unwrap();
    let mut deep = root.to_owned();
    for level in 0..60 {
        deep.push(format!("level {level}"));
        fs::create_dir(&deep).unwrap();
        fs::write(deep.join("file"), "x".repeat(level)).unwrap();
    }
    for i in 0..3000 {
        fs::write(root.join("empty").join(format!("n{i}")), "").unwrap();
    }
    std::os::unix::fs::symlink("/etc", name(b"link to a directory")).unwrap();
    std::os::unix::fs::symlink("nowhere", name(b"dangling")).unwrap();
    std::os::unix::fs::symlink(".", name(b"loop")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, name(b"pipe"), rustix::fs::Mode::RUSR).unwrap();
    std::os::unix::net::UnixListener::bind(name(b"socket")).unwrap();
    fs::create_dir_all(name(b".hidden/.bothways")).unwrap();
    fs::create_dir_all(name(b".sync_trash/x")).unwrap();
    fs::create_dir_all(name(b"sub/.sync_trash")).unwrap();
    fs::write(name(b"sub/UPPER"), "").unwrap();
    fs::write(name(b"sub/a.tmp"), "").unwrap();
    fs::write(name(b"sub/binary"), b"\0\x01\x02\0".repeat(100)).unwrap();
    fs::create_dir_all(name(b"sub/build/x/y")).unwrap();
    fs::write(name(b"sub/build/x/y/z"), "").unwrap();
}

#[test]
fn both_walks_see_the_same() {
    let dir = tempfile::tempdir().unwrap();
    nasty(dir.path());
    let replica = open(dir.path());
    let seen = both(&replica, &ShowAll, Equivalence::EXACT);
    assert_eq!(seen.totals().links, 3);
    assert_eq!(seen.root().unobserved().len(), 2);
    assert!(seen.root().unobserved().iter().all(|name| name.trouble.reason == Reason::Special));
    assert!(seen.root().find(b".sync_trash").is_none() && seen.root().find(b".bothways").is_none());
    assert!(seen.get(&RelPath::try_from("sub/.sync_trash").unwrap()).is_some());
    assert!(seen.get(&RelPath::try_from(".hidden/.bothways").unwrap()).is_some());
    assert_eq!(seen.root().find(b"link to a directory").unwrap().entry.kind, Kind::Symlink);
    let folded = both(&replica, &ShowAll, Equivalence { case: true, form: true });
    assert!(folded.get(&RelPath::try_from("sub/upper").unwrap()).is_some());
    let rules = IgnoreRules::new(&IgnoreSpec {
        extensions: vec!["tmp".to_owned()],
        globs: vec!["build/".to_owned()],
        text_only: true,
        ..IgnoreSpec::default()
    })
    .unwrap();
    let filtered = both(&replica, &rules, Equivalence::EXACT);
    let sub = filtered.listing(&RelPath::try_from("sub").unwrap()).unwrap();
    assert_eq!((sub.ignored(), sub.len()), (3, 2));
}

#[test]
fn a_path_longer_than_the_kernel_takes_is_walked() {
    let dir = tempfile::tempdir().unwrap();
    let replica = open(dir.path());
    // Made step by step, as no single call could name it.
    let name = "d".repeat(200);
    let mut at = replica.root.reopen().unwrap();
    for _ in 0..40 {
        at.mkdir(name.as_bytes(), sync_core::entry::Attributes::NotHeld).unwrap();
        at = at.open_beneath(name.as_bytes()).unwrap();
    }
    drop(at.create(b"end", sync_core::entry::Attributes::NotHeld).unwrap());
    let request =
        ScanRequest { equivalence: Equivalence::EXACT, filter: &ShowAll, control: &Uncontrolled, threads: 2 };
    let seen = linux::scan(&replica, &request).unwrap();
    assert_eq!((seen.totals().dirs, seen.totals().files), (40, 1));
    let end = RelPath::new((vec![name.as_str(); 40].join("/") + "/end").into_bytes()).unwrap();
    assert!(replica.look_at(&end).unwrap().is_some());
}

#[test]
fn a_mounted_file_system_is_not_entered() {
    // `/proc` and `/dev` are mounted on every Linux machine; the root of the file system holds both.
    let Ok(replica) = LocalReplica::open(LocalOptions::new("/"), Access::ReadOnly) else {
        println!("not tried: the root directory cannot be opened here");
        return;
    };
    struct OnlyProc;
    impl Filter for OnlyProc {
        fn hides(&self, _: &RelPath, name: &[u8], _: Kind) -> bool {
            name != b"proc"
        }
    }
    let request = ScanRequest {
        equivalence: Equivalence::EXACT,
        filter: &OnlyProc,
        control: &Uncontrolled,
        threads: 1,
    };
    let seen = linux::scan(&replica, &request).unwrap();
    let names = seen.root().unobserved();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].trouble.reason, Reason::OtherFileSystem);
}

#[test]
fn a_scan_that_is_stopped_says_so() {
    struct Stop;
    impl Control for Stop {
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let replica = open(dir.path());
    let request =
        ScanRequest { equivalence: Equivalence::EXACT, filter: &ShowAll, control: &Stop, threads: 2 };
    assert_eq!(replica.scan_tree(&request).unwrap_err().kind, ProblemKind::Cancelled);
}
