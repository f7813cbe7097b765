//! The fault model itself: what a power cut may take, and what it may not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use sync_core::abilities::Abilities;
use sync_core::path::RelPath;
use sync_replica::memory::{End, Faults, MemoryReplica};
use sync_replica::{Displaced, Expect, ProblemKind, Replica, TrashStamp, Uncontrolled};

use super::fixture::sides;
use super::scenario::{CHANGES, Change, OLD, fresh, nothing_is_lost, p, side, tree};

const SEEDS: u64 = 24;

fn cut(replica: &MemoryReplica, seed: u64) {
    replica.faults().end_now(End::PowerCut { seed });
    replica.revive();
}

/// Stages what lies at `source` and installs it, settled or not.
fn install(replica: &MemoryReplica, at: &str, settle: bool) {
    let from = p("source");
    let entry = replica.look(&from).unwrap().unwrap();
    let mut source = replica.open(&from, &entry).unwrap();
    let staged = replica.stage(source.as_mut(), false, &Uncontrolled).unwrap();
    if settle {
        replica.settle(&[&staged]).unwrap();
    }
    let expect = replica.look(&p(at)).unwrap().map_or(Expect::Absent, Expect::Is);
    replica.install(staged, &p(at), &expect, Displaced::Drop).unwrap();
}

#[test]
fn a_power_cut_at_any_step_of_any_change_loses_no_version() {
    let mut cuts = 0;
    for (name, abilities) in sides() {
        let base = MemoryReplica::new(abilities);
        tree(&base);
        for change in CHANGES {
            let run = |replica: &MemoryReplica| {
                let seen = replica.look(&change.at()).unwrap();
                replica.faults().reset_steps();
                seen
            };
            let probe = fresh(&base);
            let seen = run(&probe);
            change.make(&probe, seen.as_ref()).unwrap();
            for n in 1..=probe.steps() + 1 {
                for seed in 0..SEEDS {
                    let replica = fresh(&base);
                    let seen = run(&replica);
                    replica.power_cut_at(n, seed);
                    let result = change.make(&replica, seen.as_ref());
                    replica.faults().end_now(End::PowerCut { seed });
                    replica.revive();
                    replica.recover().unwrap();
                    let when = format!("{name}, {change:?}, cut before {n}, seed {seed}: {result:?}");
                    nothing_is_lost(&replica, change, &when);
                    if matches!(change, Change::Replace(_) | Change::KeepThenReplace) {
                        assert!(replica.read(change.at()).is_some(), "{when}: nothing is at the path");
                    }
                    cuts += 1;
                }
            }
        }
    }
    assert!(cuts > 5_000, "{cuts}");
}

#[test]
fn what_was_not_settled_may_be_torn_in_every_way() {
    let base = MemoryReplica::new(Abilities::FULL);
    let content = vec![b'x'; 1000];
    base.write("source", &content);
    base.make_durable();
    let mut fates = BTreeSet::new();
    for seed in 0..300 {
        let replica = fresh(&base);
        install(&replica, "new", false);
        cut(&replica, seed);
        fates.insert(match replica.read("new") {
            None => "absent",
            Some(bytes) if *bytes == *content => "whole",
            Some(bytes) if bytes.is_empty() => "empty",
            Some(bytes) if bytes.len() < content.len() => "short",
            Some(bytes) if bytes.len() == content.len() && bytes.ends_with(&[0]) => "zeros",
            Some(bytes) => panic!("seed {seed}: {}", bytes.escape_ascii()),
        });
    }
    assert_eq!(fates, BTreeSet::from(["absent", "whole", "empty", "short", "zeros"]));
}

#[test]
fn what_was_settled_is_whole_wherever_it_is() {
    let base = MemoryReplica::new(Abilities::FULL);
    let content = vec![b'x'; 1000];
    base.write("source", &content);
    base.write("there", b"old");
    base.make_durable();
    let mut fates = BTreeSet::new();
    for seed in 0..200 {
        let replica = fresh(&base);
        install(&replica, "new", true);
        install(&replica, "there", true);
        cut(&replica, seed);
        let new = replica.read("new");
        assert!(new.as_deref().is_none_or(|bytes| *bytes == *content), "seed {seed}: torn");
        let there = replica.read("there").unwrap();
        assert!(*there == *content || *there == *b"old", "seed {seed}: torn");
        fates.insert((new.is_some(), *there == *content));
    }
    assert_eq!(fates.len(), 4, "the two files do not fare independently: {fates:?}");
}

#[test]
fn what_was_flushed_is_there() {
    let base = MemoryReplica::new(Abilities::FULL);
    tree(&base);
    for change in CHANGES {
        let done = fresh(&base);
        let seen = done.look(&change.at()).unwrap();
        change.make(&done, seen.as_ref()).unwrap();
        done.flush().unwrap();
        for seed in 0..SEEDS {
            let replica = fresh(&done);
            cut(&replica, seed);
            assert_eq!(replica.dump(), done.dump(), "{change:?}, seed {seed}");
            assert_eq!(replica.trash_dump(), done.trash_dump(), "{change:?}, seed {seed}");
        }
    }
}

#[test]
fn an_unflushed_rename_is_undone_whole_or_kept_whole() {
    let base = MemoryReplica::new(Abilities::FULL);
    tree(&base);
    let mut fates = BTreeSet::new();
    for seed in 0..50 {
        let replica = fresh(&base);
        let entry = replica.look(&p("dir")).unwrap().unwrap();
        side(&replica).rename(&p("dir"), &entry, &p("moved")).unwrap();
        cut(&replica, seed);
        let (old, new) = (replica.read("dir/file"), replica.read("moved/file"));
        assert!(old.is_some() != new.is_some(), "seed {seed}: {:?}", replica.dump());
        fates.insert(new.is_some());
    }
    assert_eq!(fates.len(), 2, "always the same: {fates:?}");
}

#[test]
fn moves_of_directories_into_each_other_never_make_a_ring() {
    let base = MemoryReplica::new(Abilities::FULL);
    base.write("a/b/c/file", OLD);
    base.mkdir("other");
    base.make_durable();
    for seed in 0..200 {
        let replica = fresh(&base);
        let go = |from: &str, to: &str| {
            let entry = replica.look(&p(from)).unwrap().unwrap();
            side(&replica).rename(&p(from), &entry, &p(to)).unwrap();
        };
        // Without the first move, the second would put a directory below itself.
        go("a/b/c", "c");
        go("a", "c/a");
        go("c", "other/c");
        cut(&replica, seed);
        let files: Vec<_> = replica.files().into_values().collect();
        assert_eq!(files.len(), 1, "seed {seed}: {:?}", replica.dump());
        assert_eq!(&*files[0], OLD);
    }
}

#[test]
fn an_edit_of_the_user_is_durable_at_once_with_all_it_needs() {
    let base = MemoryReplica::new(Abilities::FULL);
    tree(&base);
    for seed in 0..SEEDS {
        let replica = fresh(&base);
        let made = sync_replica::Properties {
            mtime_ns: 0,
            attributes: sync_core::entry::Attributes::NotHeld,
            xattrs: None,
        };
        replica.make_dir(&p("new"), &made, &Expect::Absent, Displaced::Drop).unwrap();
        install(&replica, "new/file", false);
        replica.write("new/file", b"edited");
        replica.write("new/user", b"user's");
        cut(&replica, seed);
        assert_eq!(replica.read("new/file").as_deref(), Some(&b"edited"[..]), "seed {seed}");
        assert_eq!(replica.read("new/user").as_deref(), Some(&b"user's"[..]), "seed {seed}");
    }
}

#[test]
fn the_same_seed_loses_the_same() {
    let base = MemoryReplica::new(Abilities::FULL);
    tree(&base);
    let end = |seed| {
        let replica = fresh(&base);
        install(&replica, "one", false);
        install(&replica, "two", false);
        install(&replica, "dir/file", false);
        cut(&replica, seed);
        replica.dump()
    };
    for seed in 0..20 {
        assert_eq!(end(seed), end(seed), "seed {seed}");
    }
    let ends: BTreeSet<_> = (0..50).map(|seed| format!("{:?}", end(seed))).collect();
    assert!(ends.len() > 5, "only {} different ends", ends.len());
}

#[test]
fn replacing_a_version_by_an_unsettled_copy_is_counted() {
    let replica = MemoryReplica::new(Abilities::FULL);
    tree(&replica);
    install(&replica, "new", false);
    assert_eq!(replica.hasty_installs(), 0);
    install(&replica, "dir/file", false);
    assert_eq!(replica.hasty_installs(), 1);
    install(&replica, "dir/file", true);
    assert_eq!(replica.hasty_installs(), 1);
}

#[test]
fn a_shared_counter_ends_every_replica_at_once() {
    let faults = Faults::new();
    let left = MemoryReplica::with_faults(Abilities::FULL, faults.clone());
    let right = MemoryReplica::with_faults(Abilities::FULL, faults.clone());
    left.look(&p("a")).unwrap();
    right.look(&p("a")).unwrap();
    faults.step().unwrap();
    assert_eq!(faults.steps(), 3);
    faults.crash_at(4);
    assert!(left.look(&p("a")).is_err() && right.look(&p("a")).is_err() && faults.step().is_err());
    left.revive();
    assert!(right.is_crashed(), "a replica lives that was not revived");
    assert!(right.look(&p("a")).is_err());
    right.revive();
    left.look(&p("a")).unwrap();
    right.look(&p("a")).unwrap();
}

#[test]
fn a_full_side_and_one_that_is_in_use_refuse() {
    let replica = MemoryReplica::new(Abilities::FULL);
    tree(&replica);
    let used = replica.free_bytes().unwrap();
    assert_eq!(used, None);
    replica.set_capacity(Some(64));
    let free = replica.free_bytes().unwrap().unwrap();
    assert!(free < 64);
    replica.set_capacity(Some(64 - free + 5));
    let entry = replica.look(&p("source")).unwrap().unwrap();
    let mut source = replica.open(&p("source"), &entry).unwrap();
    let result = replica.stage(source.as_mut(), false, &Uncontrolled);
    assert_eq!(result.map(|_| ()).unwrap_err().kind, ProblemKind::NoSpace);
    assert_eq!(replica.staged_count(), 0);
    replica.set_capacity(None);
    replica.hold_open("dir/file");
    let entry = replica.look(&p("dir/file")).unwrap().unwrap();
    let kinds = [
        side(&replica).remove(&p("dir/file"), &entry, Displaced::Drop).unwrap_err().kind,
        side(&replica).rename(&p("dir/file"), &entry, &p("x")).unwrap_err().kind,
        replica.open(&p("dir/file"), &entry).map(|_| ()).unwrap_err().kind,
        Change::Replace(Displaced::Drop).make(&replica, Some(&entry)).unwrap_err().kind,
    ];
    assert_eq!(kinds, [ProblemKind::InUse; 4]);
    assert_eq!(replica.read("dir/file").as_deref(), Some(OLD));
    assert_eq!(replica.staged_count(), 0);
    replica.release("dir/file");
    side(&replica).remove(&p("dir/file"), &entry, Displaced::Drop).unwrap();
}

/// One thing a random run does.
#[derive(Clone, Debug)]
enum Op {
    Install(usize, u8),
    Remove(usize, bool),
    Rename(usize, usize),
    Keep(usize, usize),
    UserWrite(usize, u8),
    Flush,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let path = 0..PATHS.len();
    let op = prop_oneof![
        4 => (path.clone(), any::<u8>()).prop_map(|(at, content)| Op::Install(at, content)),
        2 => (path.clone(), any::<bool>()).prop_map(|(at, trash)| Op::Remove(at, trash)),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Op::Rename(from, to)),
        1 => (path.clone(), path.clone()).prop_map(|(from, to)| Op::Keep(from, to)),
        1 => (path, any::<u8>()).prop_map(|(at, content)| Op::UserWrite(at, content)),
        1 => Just(Op::Flush),
    ];
    prop::collection::vec(op, 1..25)
}

const PATHS: [&str; 6] = ["a", "b", "d/a", "d/b", "e/a", "e/b"];

fn bytes(content: u8) -> Vec<u8> {
    // Long enough to be torn; no zeros, so that a torn one is no other version.
    vec![content | 1; 64 + usize::from(content)]
}

struct Bytes(sync_core::entry::Entry, std::io::Cursor<Vec<u8>>, sync_replica::Properties);

impl std::io::Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1.read(buffer)
    }
}

impl sync_replica::Source for Bytes {
    fn entry(&self) -> &sync_core::entry::Entry {
        &self.0
    }
    fn target(&self) -> Option<&[u8]> {
        None
    }
    fn properties(&self) -> &sync_replica::Properties {
        &self.2
    }
    fn confirm(&mut self) -> Result<sync_core::entry::Entry, sync_replica::Problem> {
        Ok(self.0)
    }
}

fn given(content: Vec<u8>, mtime_ns: i64) -> Bytes {
    let attributes = sync_core::entry::Attributes::NotHeld;
    let entry = sync_core::entry::Entry {
        kind: sync_core::entry::Kind::File,
        attributes,
        size: content.len() as u64,
        mtime_ns,
        ctime_ns: 0,
        file_id: None,
    };
    let properties = sync_replica::Properties { mtime_ns, attributes, xattrs: None };
    Bytes(entry, std::io::Cursor::new(content), properties)
}

/// Does one thing; a refusal is as good as anything.
fn perform(replica: &MemoryReplica, op: &Op, moment: i64) -> Result<(), sync_replica::Problem> {
    let look = |at: &RelPath| replica.look(at);
    match op {
        Op::Install(at, content) => {
            let at = p(PATHS[*at]);
            let expect = look(&at)?.map_or(Expect::Absent, Expect::Is);
            let staged = replica.stage(&mut given(bytes(*content), moment), false, &Uncontrolled)?;
            if let Err(problem) = replica.settle(&[&staged]) {
                replica.discard(staged);
                return Err(problem);
            }
            replica.install(staged, &at, &expect, Displaced::Trash(TrashStamp(moment)))?;
        }
        Op::Remove(at, trash) => {
            let at = p(PATHS[*at]);
            let displaced = if *trash { Displaced::Trash(TrashStamp(moment)) } else { Displaced::Drop };
            if let Some(entry) = look(&at)? {
                side(replica).remove(&at, &entry, displaced)?;
            }
        }
        Op::Rename(from, to) => {
            let (from, to) = (p(PATHS[*from]), p(PATHS[*to]));
            if let Some(entry) = look(&from)? {
                side(replica).rename(&from, &entry, &to)?;
            }
        }
        Op::Keep(from, to) => {
            let (from, to) = (p(PATHS[*from]), p(PATHS[*to]));
            if let Some(entry) = look(&from)?
                && from != to
            {
                replica.keep_beside(&from, &entry, &to)?;
            }
        }
        Op::UserWrite(at, content) => replica.write(PATHS[*at], bytes(*content)),
        Op::Flush => replica.flush()?,
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever was flushed and not touched since is there after a power cut, byte for byte; nothing is torn; and
    /// nothing but what was there at some time is anywhere.
    #[test]
    fn after_a_power_cut_everything_flushed_is_there(
        ops in ops(), kind in 0_usize..6, when in 0_u64..200, seed in any::<u64>(),
    ) {
        let abilities = sides()[kind].1.clone();
        let replica = MemoryReplica::new(abilities);
        replica.mkdir("d");
        replica.mkdir("e");
        replica.make_durable();
        replica.power_cut_at(when + 1, seed);
        let mut flushed: BTreeMap<RelPath, Arc<[u8]>> = BTreeMap::new();
        let mut touched: BTreeSet<RelPath> = BTreeSet::new();
        let mut by_user: BTreeMap<RelPath, Vec<u8>> = BTreeMap::new();
        let mut known: BTreeSet<Vec<u8>> = BTreeSet::new();
        for (moment, op) in ops.iter().enumerate() {
            // A dead machine has no users either.
            if replica.is_crashed() {
                break;
            }
            if let Op::Install(_, content) | Op::UserWrite(_, content) = op {
                known.insert(bytes(*content));
            }
            let before = replica.files();
            let done = perform(&replica, op, moment as i64 * 10_000_000_000);
            let after = replica.files();
            // A file may have two names: what is written under one changes under the other.
            for path in before.keys().chain(after.keys()) {
                if before.get(path) != after.get(path) {
                    touched.insert(path.clone());
                    by_user.remove(path);
                }
            }
            match op {
                Op::UserWrite(at, content) => {
                    by_user.insert(p(PATHS[*at]), bytes(*content));
                }
                Op::Flush if done.is_ok() => {
                    flushed = after;
                    touched.clear();
                }
                _ => {}
            }
        }
        replica.faults().end_now(End::PowerCut { seed });
        replica.revive();
        replica.recover().unwrap();
        let files = replica.files();
        for (path, content) in &flushed {
            if !touched.contains(path) {
                prop_assert_eq!(files.get(path), Some(content), "{} was flushed", path);
            }
        }
        for (path, content) in &by_user {
            prop_assert_eq!(files.get(path).map(|held| &**held), Some(&**content), "{}", path);
        }
        for (path, content) in &files {
            prop_assert!(known.contains(&content.to_vec()), "{} is torn: {}", path, content.escape_ascii());
        }
        prop_assert_eq!(replica.staged_count(), 0);
    }
}
