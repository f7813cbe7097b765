//! Others at work on the same folder at the same time: no version that anybody wrote is ever lost.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sync_fs::LocalReplica;
use sync_replica::{Displaced, Expect, ProblemKind, Properties, Replica, TrashStamp, Uncontrolled};

use crate::basics::{entry, open, p, scan};

/// How often each race is run; it was won 10,000 times as well, which takes longer than a test should.
const ROUNDS: u64 = 3000;
/// How much longer it goes on where a busy machine has let one of the two hardly do anything.
const A_WHILE: Duration = Duration::from_mins(2);

/// Every content that is to be found anywhere below the root, trash included.
fn contents(root: &Path, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            contents(&path, out);
        } else if path.is_file() {
            out.insert(fs::read_to_string(&path).unwrap());
        }
    }
}

/// One replica's own work on `file`: replacing it or removing it, whatever is there.
fn change(
    replica: &LocalReplica,
    source: &LocalReplica,
    round: u64,
    displaced: Displaced,
) -> Result<(), ProblemKind> {
    let now = replica.look(&p("file")).map_err(|problem| problem.kind)?;
    let kind = |problem: sync_replica::Problem| problem.kind;
    match now {
        Some(now) if round.is_multiple_of(3) => {
            replica.remove(&p("file"), &now, displaced).map(|_| ()).map_err(kind)
        }
        now => {
            let mut from = source.open(&p("ours"), &entry(source, "ours")).map_err(kind)?;
            let staged = replica.stage(&mut *from, false, &Uncontrolled).map_err(kind)?;
            let expect = now.map_or(Expect::Absent, Expect::Is);
            replica.install(staged, &p("file"), &expect, displaced).map(|_| ()).map_err(kind)
        }
    }
}

/// How the other one saves a file.
type Save = fn(&Path, &str) -> bool;

/// As most editors do: beside it, then renamed to it; what was there is kept aside, so that it can be counted.
fn by_rename(path: &Path, text: &str) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let aside = path.parent().unwrap().with_file_name("aside").join(text);
    fs::write(&aside, text).unwrap();
    loop {
        for how in [RenameFlags::EXCHANGE, RenameFlags::NOREPLACE] {
            if renameat_with(CWD, &aside, CWD, path, how).is_ok() {
                return true;
            }
        }
    }
}

/// In place, only if it is there.
fn in_place(path: &Path, text: &str) -> bool {
    let Ok(mut file) = File::options().append(true).open(path) else { return false };
    file.write_all(text.as_bytes()).unwrap();
    true
}

/// With the trash on, every version that the replica took away is in the trash, and what the other one took away
/// itself is aside: so all that was ever saved must be somewhere.
fn race(save: Save) {
    let base = tempfile::tempdir_in(shm()).unwrap();
    for name in ["root", "source", "aside"] {
        fs::create_dir(base.path().join(name)).unwrap();
    }
    let replica = open(&base.path().join("root"));
    let source = open(&base.path().join("source"));
    fs::write(base.path().join("source/ours"), "ours;").unwrap();
    let path = base.path().join("root/file");
    let stop = AtomicBool::new(false);
    let saved: Mutex<Vec<String>> = Mutex::default();
    let (mut done, mut refused) = (0_u64, 0_u64);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let text = format!("save {number};");
                if save(&path, &text) {
                    saved.lock().unwrap().push(text);
                    number += 1;
                }
                if number % 7 == 0 {
                    thread::sleep(Duration::from_micros(number % 5 * 40));
                }
            }
        });
        let began = Instant::now();
        for round in 0.. {
            // On, where the other has hardly come to anything.
            let disturbed = saved.lock().unwrap().len() > 10 && done > 100;
            if round >= ROUNDS && (disturbed || began.elapsed() > A_WHILE) {
                break;
            }
            match change(&replica, &source, round, Displaced::Trash(TrashStamp(round as i64 * 1_000_000))) {
                Ok(()) => done += 1,
                Err(
                    ProblemKind::Stale | ProblemKind::InUse | ProblemKind::Exists | ProblemKind::NotFound,
                ) => refused += 1,
                Err(other) => panic!("round {round}: {other:?}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let mut there = BTreeSet::new();
    contents(base.path(), &mut there);
    let all: String = there.into_iter().collect();
    let saved = saved.into_inner().unwrap();
    let all: BTreeSet<&str> = all.split_inclusive(';').collect();
    let lost: Vec<_> = saved.iter().filter(|text| !all.contains(text.as_str())).collect();
    println!("{done} changes done, {refused} refused, {} saves", saved.len());
    assert!(done > 100, "little was done");
    assert!(saved.len() > 10, "nobody disturbed");
    assert!(lost.is_empty(), "{} of {} saves are gone: {lost:?}", lost.len(), saved.len());
}

fn shm() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    if shm.is_dir() { shm } else { std::env::temp_dir() }
}

#[test]
fn no_edit_in_place_is_lost() {
    race(in_place);
}

#[test]
fn no_save_by_renaming_is_lost() {
    race(by_rename);
}

/// Somebody keeps turning a directory into a link that leads out of the root and back again.
#[test]
fn a_link_that_comes_and_goes_leads_nobody_out() {
    let base = tempfile::tempdir_in(shm()).unwrap();
    let (root, outside) = (base.path().join("root"), base.path().join("outside"));
    fs::create_dir_all(root.join("dir/sub")).unwrap();
    fs::write(root.join("dir/sub/seen"), "inside").unwrap();
    fs::create_dir_all(outside.join("sub")).unwrap();
    fs::write(outside.join("sub/seen"), "outside!").unwrap();
    fs::write(outside.join("sub/secret"), "outside!").unwrap();
    fs::write(root.join("source"), "ours").unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
    let replica = open(&root);
    let stop = AtomicBool::new(false);
    let swaps = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let (dir, link) = (root.join("dir"), root.join("link"));
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    &dir,
                    rustix::fs::CWD,
                    &link,
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        let properties =
            Properties { mtime_ns: 0, attributes: sync_core::entry::Attributes::NotHeld, xattrs: None };
        let began = Instant::now();
        for round in 0.. {
            let disturbed = swaps.load(Ordering::Relaxed) > 100;
            if round >= ROUNDS / 4 && (disturbed || began.elapsed() > A_WHILE) {
                break;
            }
            let seen = scan(&replica);
            assert!(seen.get(&p("dir/sub/secret")).is_none() && seen.get(&p("link/sub/secret")).is_none());
            for at in ["dir/sub/seen", "link/sub/seen"] {
                if let Some(found) = replica.look(&p(at)).unwrap() {
                    assert_eq!(found.size, 6, "{at} of outside was seen");
                }
            }
            let name = p(&format!("dir/sub/new {round}"));
            let mut from = replica.open(&p("source"), &entry(&replica, "source")).unwrap();
            let staged = replica.stage(&mut *from, false, &Uncontrolled).unwrap();
            let _ = replica.install(staged, &name, &Expect::Absent, Displaced::Drop);
            let _ = replica.make_dir(
                &p(&format!("dir/sub/d{round}")),
                &properties,
                &Expect::Absent,
                Displaced::Drop,
            );
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(swaps.load(Ordering::Relaxed) > 100);
    let mut names: Vec<_> =
        fs::read_dir(outside.join("sub")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["secret", "seen"], "something was written outside the root");
    let mut inside = BTreeSet::new();
    contents(&root, &mut inside);
}
