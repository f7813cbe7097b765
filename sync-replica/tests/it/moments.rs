//! A user who edits at the worst moment, a kill at every step, and both in one run.

use sync_core::abilities::Abilities;
use sync_replica::memory::{End, MemoryReplica};
use sync_replica::{Problem, ProblemKind, Replica};

use super::fixture::sides;
use super::scenario::{CHANGES, Change, NEW, OLD, USER, fresh, nothing_is_lost, p, places, tree};

/// What the user does, once, before one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Act {
    /// Writes into the file, or makes it.
    Write,
    /// Puts another file in its place, as most editors save.
    Save,
    /// Removes it.
    Remove,
}

const ACTS: [Act; 3] = [Act::Write, Act::Save, Act::Remove];

/// Lets the user act before step `n`.
fn act_before(replica: &MemoryReplica, change: Change, act: Act, n: u64) {
    replica.between(move |user, step| {
        if step.number != n {
            return;
        }
        let at = change.at();
        let is_dir =
            user.node(&at).is_some_and(|node| matches!(node, sync_replica::memory::Node::Dir { .. }));
        match act {
            Act::Write | Act::Save if is_dir => user.write(at.join(b"newcomer").unwrap(), USER),
            Act::Write => user.write(&at, USER),
            Act::Save => {
                user.write("dir/.saving", USER);
                user.rename("dir/.saving", &at);
            }
            Act::Remove if user.node(&at).is_some() && !is_dir => user.remove(&at),
            Act::Remove => {}
        }
    });
}

fn base(abilities: &Abilities) -> MemoryReplica {
    let base = MemoryReplica::new(abilities.clone());
    tree(&base);
    base
}

/// How many steps the change takes undisturbed.
fn steps_of(base: &MemoryReplica, change: Change) -> u64 {
    let replica = fresh(base);
    let seen = replica.look(&change.at()).unwrap();
    replica.faults().reset_steps();
    change.make(&replica, seen.as_ref()).unwrap();
    replica.steps()
}

fn started(base: &MemoryReplica, change: Change) -> (MemoryReplica, Option<sync_core::entry::Entry>) {
    let replica = fresh(base);
    let seen = replica.look(&change.at()).unwrap();
    replica.faults().reset_steps();
    (replica, seen)
}

#[test]
fn undisturbed_every_change_does_what_it_says() {
    for (name, abilities) in sides() {
        let base = base(&abilities);
        for change in CHANGES {
            let (replica, seen) = started(&base, change);
            change.make(&replica, seen.as_ref()).unwrap();
            let when = format!("{name}, {change:?}");
            nothing_is_lost(&replica, change, &when);
            let content = replica.read(change.at());
            match change {
                Change::Create | Change::Replace(_) => assert_eq!(content.as_deref(), Some(NEW), "{when}"),
                Change::KeepThenReplace => {
                    assert_eq!(content.as_deref(), Some(NEW), "{when}");
                    assert_eq!(replica.read("dir/kept").as_deref(), Some(OLD), "{when}");
                }
                Change::Remove(_) | Change::DirOver(_) | Change::Rename | Change::RemoveDir => {
                    assert_eq!(content, None, "{when}");
                }
                Change::SetProperties => assert_eq!(content.as_deref(), Some(OLD), "{when}"),
            }
            assert_eq!(replica.hasty_installs(), 0, "{when}");
        }
    }
}

#[test]
fn the_check_is_made_at_the_change_and_not_earlier() {
    // The user acts right before the last step that changes what is visible: every earlier look would be too early.
    for (name, abilities) in sides() {
        let base = base(&abilities);
        for change in CHANGES {
            let (replica, seen) = started(&base, change);
            replica.faults().record();
            change.make(&replica, seen.as_ref()).unwrap();
            let decisive =
                ["exchange", "take away", "replace", "place", "rename", "remove directory", "attributes"];
            // For an old version that makes room by moving away first, that is the decisive step.
            let trace = replica.faults().trace();
            let Some(step) = trace.iter().find(|step| decisive.contains(&step.what)) else { continue };
            for act in [Act::Write, Act::Save] {
                if change == Change::RemoveDir && act == Act::Save {
                    continue;
                }
                let (replica, seen) = started(&base, change);
                act_before(&replica, change, act, step.number);
                let result = change.make(&replica, seen.as_ref());
                let when = format!("{name}, {change:?}, {act:?} before {step}");
                let kind = result.map_err(|problem| problem.kind);
                assert!(matches!(kind, Err(ProblemKind::Stale | ProblemKind::NotEmpty)), "{when}: {kind:?}");
                nothing_is_lost_to(&replica, change, act, &when);
            }
        }
    }
}

fn nothing_is_lost_to(replica: &MemoryReplica, change: Change, act: Act, when: &str) {
    assert_eq!(replica.staged_count(), 0, "{when}: staged copies are left");
    if act != Act::Remove {
        assert!(places(replica, USER).0 > 0, "{when}: the user's version is lost: {:?}", replica.dump());
    }
    for (path, content) in replica.files() {
        let known = [OLD, NEW, USER, super::scenario::BYSTANDER];
        assert!(known.contains(&&*content), "{when}: `{path}` is torn");
    }
    let at = change.at();
    if act == Act::Write && replica.read(&at).is_some() && change != Change::Rename {
        assert_eq!(replica.read(&at).as_deref(), Some(USER), "{when}: the user's version is not at its path");
    }
}

#[test]
fn a_user_who_acts_before_any_step_loses_nothing() {
    let mut runs = 0;
    for (name, abilities) in sides() {
        let base = base(&abilities);
        for change in CHANGES {
            for n in 1..=steps_of(&base, change) {
                for act in ACTS {
                    let (replica, seen) = started(&base, change);
                    act_before(&replica, change, act, n);
                    let result = change.make(&replica, seen.as_ref());
                    replica.undisturbed();
                    let when = format!("{name}, {change:?}, {act:?} before step {n}: {result:?}");
                    nothing_is_lost_to(&replica, change, act, &when);
                    told_is_true(&replica, change, &result, &when);
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 1000, "{runs}");
}

/// What a change told is never the user's version: whoever remembers it will see the edit.
fn told_is_true(
    replica: &MemoryReplica,
    change: Change,
    result: &Result<Option<sync_core::entry::Entry>, Problem>,
    when: &str,
) {
    let Ok(Some(told)) = result else { return };
    if replica.read(change.at()).as_deref() != Some(USER) {
        return;
    }
    let now = replica.look(&change.at()).unwrap().unwrap();
    assert!(!told.is_same_version(&now), "{when}: the user's version was told as the program's");
}

#[test]
fn a_failure_at_any_step_leaves_the_old_or_the_new() {
    for (name, abilities) in sides() {
        let base = base(&abilities);
        for change in CHANGES {
            for n in 1..=steps_of(&base, change) {
                let (replica, seen) = started(&base, change);
                replica.fail_at(n, ProblemKind::NoSpace);
                let result = change.make(&replica, seen.as_ref());
                let when = format!("{name}, {change:?}, failing at step {n}: {result:?}");
                assert!(matches!(&result, Err(problem) if problem.kind == ProblemKind::NoSpace), "{when}");
                nothing_is_lost(&replica, change, &when);
                // One failure undoes the change; only what is made of several changes may have come half way.
                let several = matches!(change, Change::KeepThenReplace | Change::SetProperties);
                if !several {
                    assert_eq!(replica.dump(), base.dump(), "{when}");
                    assert_eq!(replica.trash_dump(), base.trash_dump(), "{when}");
                }
            }
        }
    }
}

#[test]
fn a_kill_at_any_step_is_recovered_from() {
    let mut restored = 0;
    for (name, abilities) in sides() {
        let base = base(&abilities);
        for change in CHANGES {
            for n in 1..=steps_of(&base, change) {
                let (replica, seen) = started(&base, change);
                replica.crash_at(n);
                change.make(&replica, seen.as_ref()).unwrap_err();
                assert!(replica.is_crashed());
                replica.revive();
                let when = format!("{name}, {change:?}, killed before step {n}");
                let recovered = replica.recover().unwrap();
                nothing_is_lost(&replica, change, &when);
                assert!(recovered.restored.len() <= 1, "{when}: {recovered:?}");
                restored += recovered.restored.len();
                // And once more, since a recovery may be killed as well.
                let again = replica.recover().unwrap();
                assert_eq!((again.removed, again.restored.len()), (0, 0), "{when}");
                // Then the change can be made after all, unless it had been.
                let seen = replica.look(&change.at()).unwrap();
                if replica.read(change.at()).as_deref() == Some(OLD) {
                    change.make(&replica, seen.as_ref()).unwrap();
                    nothing_is_lost(&replica, change, &format!("{when}, repeated"));
                }
            }
        }
    }
    assert!(restored > 0, "no kill ever left a version displaced");
}

#[test]
fn a_kill_at_any_step_of_a_recovery_is_recovered_from() {
    for (name, abilities) in sides() {
        let base = base(&abilities);
        for change in CHANGES {
            for n in 1..=steps_of(&base, change) {
                for m in 1.. {
                    let (replica, seen) = started(&base, change);
                    replica.crash_at(n);
                    change.make(&replica, seen.as_ref()).unwrap_err();
                    replica.revive();
                    replica.crash_at(m);
                    let done = replica.recover().is_ok();
                    replica.revive();
                    replica.recover().unwrap();
                    let when = format!("{name}, {change:?}, killed before step {n} and {m} of the recovery");
                    nothing_is_lost(&replica, change, &when);
                    if done {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_user_who_acts_before_a_kill_loses_nothing() {
    let mut restored = 0;
    for (name, abilities) in sides() {
        let base = base(&abilities);
        for change in CHANGES {
            let steps = steps_of(&base, change);
            for n in 1..=steps {
                for kill in n + 1..=steps + 3 {
                    for act in [Act::Write, Act::Save] {
                        let (replica, seen) = started(&base, change);
                        act_before(&replica, change, act, n);
                        replica.crash_at(kill);
                        let result = change.make(&replica, seen.as_ref());
                        replica.undisturbed();
                        replica.faults().end_now(End::Killed);
                        replica.revive();
                        let recovered = replica.recover().unwrap();
                        let when = format!(
                            "{name}, {change:?}, {act:?} before {n}, killed before {kill}: {result:?}"
                        );
                        assert_eq!(replica.staged_count(), 0, "{when}");
                        assert!(places(&replica, USER).0 > 0, "{when}: lost: {:?}", replica.dump());
                        restored += recovered.restored.len();
                    }
                }
            }
        }
    }
    assert!(restored > 0, "no version was ever displaced unseen");
}

#[test]
fn a_replacement_keeps_old_or_new_at_its_path_at_every_moment() {
    for (name, abilities) in sides() {
        let base = base(&abilities);
        for change in CHANGES {
            if !matches!(change, Change::Replace(_) | Change::KeepThenReplace | Change::SetProperties) {
                continue;
            }
            let (replica, seen) = started(&base, change);
            replica.between(move |user, step| {
                let content = user.read(change.at());
                let whole = content.as_deref().is_some_and(|bytes| bytes == OLD || bytes == NEW);
                assert!(whole, "{change:?}: before {step} the path holds {content:?}");
            });
            change.make(&replica, seen.as_ref()).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
    }
}

#[test]
fn handles_of_a_killed_process_are_dead() {
    let base = base(&Abilities::FULL);
    let replica = fresh(&base);
    let entry = replica.look(&p("source")).unwrap().unwrap();
    let mut source = replica.open(&p("source"), &entry).unwrap();
    let staged = replica.stage(source.as_mut(), false, &sync_replica::Uncontrolled).unwrap();
    replica.faults().end_now(End::Killed);
    assert!(replica.look(&p("source")).is_err());
    replica.revive();
    assert!(source.confirm().is_err());
    assert!(std::io::Read::read(&mut source, &mut [0; 8]).is_err());
    let at = p("new");
    let expect = sync_replica::Expect::Absent;
    assert!(replica.install(staged, &at, &expect, sync_replica::Displaced::Drop).is_err());
    assert_eq!(replica.staged_count(), 1, "only recover may remove what a dead process staged");
    assert_eq!(replica.recover().unwrap().removed, 1);
}
