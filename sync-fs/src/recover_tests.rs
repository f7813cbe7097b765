//! Every kind of change, ended as if killed before each of its steps, and recovered.
//!
//! After recovery nothing is left in the staging area, every version anybody wrote is somewhere a user finds it,
//! and doing the change again ends as an undisturbed change would have.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests fail by panicking and say what they did")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{Displaced, Expect, Filter, Problem, Properties, Replica, TrashStamp, Uncontrolled};

use crate::local::{Access, LocalOptions, LocalReplica};
use crate::sys::kill;

fn p(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

/// What the side below can do.
#[derive(Clone, Copy, Debug)]
struct Side {
    exchange: bool,
    hard_links: bool,
}

const SIDES: [Side; 3] = [
    Side { exchange: true, hard_links: true },
    Side { exchange: false, hard_links: true },
    Side { exchange: false, hard_links: false },
];

fn open(root: &Path, side: Side) -> LocalReplica {
    let mut replica = LocalReplica::open(LocalOptions::new(root), Access::ReadWrite).unwrap();
    replica.abilities.exchange = side.exchange;
    replica.abilities.hard_links = side.hard_links;
    replica
}

struct HideTmp;
impl Filter for HideTmp {
    fn hides(&self, _: &RelPath, name: &[u8], kind: Kind) -> bool {
        kind == Kind::File && name.ends_with(b".tmp")
    }
}

/// Every file and link below the root, and empty directories, without those of Bothways' own directory.
fn tree(root: &Path) -> BTreeMap<String, String> {
    fn walk(dir: &Path, root: &Path, out: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if name == ".bothways" {
            } else if kind.is_dir() {
                out.insert(name, "directory".to_owned());
                walk(&path, root, out);
            } else if kind.is_symlink() {
                out.insert(name, format!("to {}", fs::read_link(&path).unwrap().display()));
            } else {
                out.insert(name, String::from_utf8(fs::read(&path).unwrap()).unwrap());
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(root, root, &mut out);
    out
}

fn staged_left(root: &Path) -> usize {
    fs::read_dir(root.join(".bothways/staged")).unwrap().count()
}

fn entry(replica: &LocalReplica, path: &str) -> Result<Entry, Problem> {
    Ok(replica.look(&p(path))?.unwrap_or_else(|| panic!("{path} is not there")))
}

/// One change, from looking to having done it. Run again after a recovery it is what the next cycle would do.
type Change = fn(&LocalReplica) -> Result<(), Problem>;

fn expect_at(replica: &LocalReplica, path: &str) -> Result<Expect, Problem> {
    Ok(replica.look(&p(path))?.map_or(Expect::Absent, Expect::Is))
}

fn copy_over(replica: &LocalReplica, displaced: Displaced) -> Result<(), Problem> {
    let expect = expect_at(replica, "old")?;
    let mut source = replica.open(&p("source"), &entry(replica, "source")?)?;
    let staged = replica.stage(&mut *source, false, &Uncontrolled)?;
    replica.settle(&[&staged])?;
    replica.install(staged, &p("old"), &expect, displaced)?;
    Ok(())
}

fn is_done(replica: &LocalReplica, path: &str) -> Result<bool, Problem> {
    Ok(replica.look(&p(path))?.is_none())
}

const STAMP: Displaced = Displaced::Trash(TrashStamp(0));

const CHANGES: [(&str, Change); 11] = [
    ("install over, dropped", |replica| copy_over(replica, Displaced::Drop)),
    ("install over, to the trash", |replica| copy_over(replica, STAMP)),
    ("install anew", |replica| {
        let mut source = replica.open(&p("source"), &entry(replica, "source")?)?;
        let staged = replica.stage(&mut *source, true, &Uncontrolled)?;
        match replica.install(staged, &p("dir/new"), &expect_at(replica, "dir/new")?, Displaced::Drop) {
            Ok(_) => Ok(()),
            Err(problem) => Err(problem),
        }
    }),
    ("a link over a file", |replica| {
        let expect = expect_at(replica, "old")?;
        let mut source = replica.open(&p("link"), &entry(replica, "link")?)?;
        let staged = replica.stage(&mut *source, false, &Uncontrolled)?;
        replica.install(staged, &p("old"), &expect, STAMP).map(|_| ())
    }),
    ("remove, dropped", |replica| {
        if is_done(replica, "old")? {
            return Ok(());
        }
        replica.remove(&p("old"), &entry(replica, "old")?, Displaced::Drop).map(|_| ())
    }),
    ("remove, to the trash", |replica| {
        if is_done(replica, "old")? {
            return Ok(());
        }
        replica.remove(&p("old"), &entry(replica, "old")?, STAMP).map(|_| ())
    }),
    ("a directory over a file", |replica| {
        let properties = Properties { mtime_ns: 0, attributes: Attributes::Unix(0o700), xattrs: None };
        let old = entry(replica, "old")?;
        if old.is_dir() {
            return Ok(());
        }
        replica.make_dir(&p("old"), &properties, &Expect::Is(old), STAMP).map(|_| ())
    }),
    ("a directory with hidden files, to the trash", |replica| {
        if is_done(replica, "hiding")? {
            return Ok(());
        }
        replica.remove_dir(&p("hiding"), &entry(replica, "hiding")?, &HideTmp, STAMP).map(|_| ())
    }),
    ("keep beside and replace", |replica| {
        if fs::read(replica.root().join("old")).unwrap() == b"source" {
            return Ok(());
        }
        let old = entry(replica, "old")?;
        replica.keep_beside(&p("old"), &old, &p("old - clash"))?;
        copy_over(replica, Displaced::Drop)
    }),
    ("rename", |replica| {
        if is_done(replica, "old")? {
            return Ok(());
        }
        replica.rename(&p("old"), &entry(replica, "old")?, &p("dir/renamed")).map(|_| ())
    }),
    ("properties", |replica| {
        let properties = Properties { mtime_ns: 77, attributes: Attributes::Unix(0o600), xattrs: None };
        replica.set_properties(&p("old"), &entry(replica, "old")?, &properties).map(|_| ())
    }),
];

fn fill(root: &Path) {
    fs::write(root.join("source"), "source").unwrap();
    fs::write(root.join("old"), "the old version").unwrap();
    fs::create_dir(root.join("dir")).unwrap();
    fs::create_dir(root.join("hiding")).unwrap();
    fs::write(root.join("hiding/x.tmp"), "hidden").unwrap();
    std::os::unix::fs::symlink("nowhere", root.join("link")).unwrap();
}

fn fresh(base: &Path, name: &str) -> PathBuf {
    let root = base.join(name);
    fs::create_dir(&root).unwrap();
    fill(&root);
    root
}

#[test]
fn a_kill_before_any_step_is_made_good() {
    let base = tempfile::tempdir().unwrap();
    let mut kills = 0;
    for side in SIDES {
        for (name, change) in CHANGES {
            let undisturbed = fresh(base.path(), &format!("{name} {side:?}"));
            change(&open(&undisturbed, side)).unwrap();
            let wanted = tree(&undisturbed);
            for step in 0.. {
                let root = fresh(base.path(), &format!("{name} {side:?} {step}"));
                let replica = open(&root, side);
                let case = format!("{name}, {side:?}, killed before step {step}");
                let Some(done) = kill::at_step(step, || change(&replica)) else {
                    kills += 1;
                    // What a process held ends with it.
                    drop(replica);
                    let next = open(&root, side);
                    let recovered = next.recover().unwrap_or_else(|problem| panic!("{case}: {problem}"));
                    assert_eq!(recovered.restored, [], "{case}: everything had been seen");
                    assert_eq!(staged_left(&root), 0, "{case}: leftovers");
                    let twice = next.recover().unwrap();
                    assert_eq!(
                        (twice.removed, twice.restored.len()),
                        (0, 0),
                        "{case}: not recovered at once"
                    );
                    change(&next).unwrap_or_else(|problem| panic!("{case}: {problem}"));
                    let mut now = tree(&root);
                    if wanted.keys().any(|path| path.starts_with(".sync_trash")) {
                        // The same version may be in the trash, and the trash may have been made.
                        now.retain(|path, _| wanted.contains_key(path) || !path.starts_with(".sync_trash"));
                    }
                    assert_eq!(now, wanted, "{case}");
                    assert_eq!(staged_left(&root), 0, "{case}: leftovers at the end");
                    continue;
                };
                done.unwrap_or_else(|problem| panic!("{case}: {problem}"));
                assert!(step > 0, "{name} takes no step");
                break;
            }
        }
    }
    println!("{kills} kills recovered");
    assert!(kills > 100, "only {kills} steps were tried");
}

/// A kill while an unseen version is being put back: it must come out of any recovery, itself killed at any step.
#[test]
fn an_unseen_version_survives_kills_of_the_change_and_of_the_recovery() {
    let base = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for side in SIDES {
        for change in [true, false] {
            for first in 0..8 {
                for second in 0..7 {
                    let root = fresh(base.path(), &format!("{side:?} {change} {first} {second}"));
                    let replica = open(&root, side);
                    let old = entry(&replica, "old").unwrap();
                    let staged = change.then(|| {
                        let mut source =
                            replica.open(&p("source"), &entry(&replica, "source").unwrap()).unwrap();
                        replica.stage(&mut *source, false, &Uncontrolled).unwrap()
                    });
                    // The version is swapped for an unseen one right after it was looked at the last time.
                    let unseen = root.join("unseen");
                    fs::write(&unseen, "an unseen edit").unwrap();
                    let ended = kill::at_step_with(
                        first,
                        {
                            let to = root.join("old");
                            move || fs::rename(unseen, to).unwrap()
                        },
                        || match staged {
                            Some(staged) => replica
                                .install(staged, &p("old"), &Expect::Is(old), Displaced::Drop)
                                .map(|_| ()),
                            None => replica.remove(&p("old"), &old, Displaced::Drop).map(|_| ()),
                        },
                    );
                    if let Some(done) = ended {
                        done.unwrap_err();
                    }
                    drop(replica);
                    let next = open(&root, side);
                    let _ = kill::at_step(second, || next.recover().unwrap());
                    drop(next);
                    open(&root, side).recover().unwrap();
                    let now = tree(&root);
                    let held = now.iter().filter(|(_, content)| *content == "an unseen edit").count();
                    assert_eq!(held, 1, "{side:?}, install {change}, kills at {first} and {second}: {now:?}");
                    assert_eq!(staged_left(&root), 0, "{side:?} {change} {first} {second}");
                    tried += 1;
                }
            }
        }
    }
    println!("{tried} pairs of kills");
}

/// What lies in the trash, by content.
fn in_trash(replica: &LocalReplica) -> Vec<String> {
    let held = replica.list_trash().unwrap();
    let read = |place: &RelPath| {
        let path = replica.root().join(".sync_trash").join(place.display());
        fs::read_to_string(&path).unwrap_or_else(|_| format!("{}", fs::read_link(&path).unwrap().display()))
    };
    let mut contents: Vec<_> = held.iter().map(|one| read(&one.place)).collect();
    contents.sort();
    contents
}

/// Puts `thrown` back from the trash to `at` as a caller would that was perhaps killed before: what is there already
/// is not put there again, and what is left of it in the trash goes.
fn bring_back(replica: &LocalReplica, at: &str) -> Result<(), Problem> {
    let held = replica.list_trash()?;
    let Some(thrown) = held.iter().find(|one| one.was == p("thrown")) else { return Ok(()) };
    let there = replica.look(&p(at))?;
    // Where it came as a copy it has another number.
    let known = Entry { file_id: None, ..thrown.entry };
    if there.is_some_and(|there| known.is_same_version_moved(&there)) {
        return replica.purge(&thrown.place).map(|_| ());
    }
    let expect = there.map_or(Expect::Absent, Expect::Is);
    replica.restore(&thrown.place, &thrown.entry, &p(at), &expect, STAMP).map(|_| ())
}

#[test]
fn a_kill_while_a_version_comes_back_from_the_trash_loses_neither_version() {
    let base = tempfile::tempdir().unwrap();
    let mut kills = 0;
    for side in SIDES {
        for (at, link) in [("dir/back", false), ("old", false), ("dir/back", true), ("old", true)] {
            for step in 0.. {
                let root = fresh(base.path(), &format!("{side:?} {at} {link} {step}").replace('/', "-"));
                let case = format!("{at}, link {link}, {side:?}, killed before step {step}");
                if link {
                    std::os::unix::fs::symlink("thrown version", root.join("thrown")).unwrap();
                } else {
                    fs::write(root.join("thrown"), "thrown version").unwrap();
                }
                let replica = open(&root, side);
                replica.remove(&p("thrown"), &entry(&replica, "thrown").unwrap(), STAMP).unwrap();
                let ended = kill::at_step(step, || bring_back(&replica, at));
                drop(replica);
                let next = open(&root, side);
                let killed = ended.is_none();
                if let Some(done) = ended {
                    done.unwrap_or_else(|problem| panic!("{case}: {problem}"));
                } else {
                    kills += 1;
                    let recovered = next.recover().unwrap_or_else(|problem| panic!("{case}: {problem}"));
                    assert_eq!(recovered.restored, [], "{case}: everything had been seen");
                    for one in &recovered.trashed {
                        assert_eq!((&one.was, one.deleted_ns), (&p("old"), 0), "{case}");
                        let lies_there = next.look_in_trash(&one.place).unwrap();
                        let is_it = |there: Entry| one.entry.is_same_version_moved(&there);
                        assert!(lies_there.is_some_and(is_it), "{case}: {lies_there:?}");
                    }
                    bring_back(&next, at).unwrap_or_else(|problem| panic!("{case}: {problem}"));
                }
                let now = tree(&root);
                let wanted = if link { "to thrown version" } else { "thrown version" };
                assert_eq!(now.get(at).map(String::as_str), Some(wanted), "{case}");
                let displaced = if at == "old" { vec!["the old version".to_owned()] } else { Vec::new() };
                assert_eq!(in_trash(&next), displaced, "{case}: the trash");
                assert_eq!(staged_left(&root), 0, "{case}: leftovers");
                if !killed {
                    assert!(step > 0, "{case}: it takes no step");
                    break;
                }
            }
        }
    }
    println!("{kills} kills recovered");
    assert!(kills > 30, "only {kills} steps were tried");
}
