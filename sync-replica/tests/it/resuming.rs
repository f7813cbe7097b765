//! Copies that are interrupted at every step there is, by failures, kills and power cuts, and go on afterwards.

use sync_core::abilities::Abilities;
use sync_core::path::RelPath;
use sync_replica::memory::MemoryReplica;
use sync_replica::{Displaced, Expect, Problem, ProblemKind, Replica, Uncontrolled};

use super::fixture::sides;

fn p(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Copies `big` of one side to `copy` on the other; how much of it need not be copied again.
fn copy(from: &dyn Replica, to: &dyn Replica) -> Result<u64, Problem> {
    let Some(entry) = from.look(&p("big"))? else { panic!("the source is gone") };
    let mut source = from.open(&p("big"), &entry)?;
    let staged = to.stage_resumable(&mut *source, &p("copy"), false, &Uncontrolled)?;
    let resumed = staged.resumed;
    to.settle(&[&staged])?;
    let expect = to.look(&p("copy"))?.map_or(Expect::Absent, Expect::Is);
    to.install(staged, &p("copy"), &expect, Displaced::Drop)?;
    to.flush()?;
    Ok(resumed)
}

/// A side with the source, one without, and the content.
fn world(abilities: &Abilities) -> (MemoryReplica, MemoryReplica, Vec<u8>) {
    let content = noise((3 << 20) + 5);
    let (from, to) = (MemoryReplica::new(Abilities::FULL), MemoryReplica::new(abilities.clone()));
    from.write(p("big"), &content);
    to.write(p("copy"), b"old");
    (from, to, content)
}

/// What is at the path is the old or the new version; once more, and it is the new one, and nothing else is left.
fn goes_on(from: &MemoryReplica, to: &MemoryReplica, content: &[u8], case: &str) -> u64 {
    to.recover().unwrap_or_else(|problem| panic!("{case}: {problem}"));
    let now = to.read("copy").unwrap_or_else(|| panic!("{case}: nothing is there"));
    assert!(*now == *b"old" || *now == *content, "{case}: {} bytes are there", now.len());
    let resumed = copy(from, to).unwrap_or_else(|problem| panic!("{case}: {problem}"));
    assert!(to.read("copy").is_some_and(|now| *now == *content), "{case}: other bytes");
    assert_eq!((to.partial_count(), to.staged_count()), (0, 0), "{case}: leftovers");
    resumed
}

#[test]
fn a_failure_at_any_step_leaves_what_can_be_gone_on_with() {
    let mut resumed = 0;
    for (name, abilities) in sides() {
        for step in 1.. {
            let (from, to, content) = world(&abilities);
            to.fail_at(step, ProblemKind::Io);
            let failed = copy(&from, &to).is_err();
            let case = format!("{name}, a failure at step {step}");
            if !failed && to.steps() < step {
                break;
            }
            resumed += u64::from(goes_on(&from, &to, &content, &case) > 0);
        }
    }
    assert!(resumed > 20, "only {resumed} copies were gone on with");
}

#[test]
fn a_power_cut_before_any_step_never_leads_to_a_wrong_byte() {
    let (mut resumed, mut cuts) = (0, 0);
    for step in 1.. {
        let (from, to, content) = world(&Abilities::FULL);
        to.make_durable();
        to.power_cut_at(step, 0);
        let ended = copy(&from, &to).is_err();
        if !ended {
            break;
        }
        for seed in 0..8 {
            let to = to.fork(sync_replica::memory::Faults::new());
            to.faults().end_now(sync_replica::memory::End::PowerCut { seed });
            to.revive();
            let case = format!("the power went before step {step}, seed {seed}");
            resumed += u64::from(goes_on(&from, &to, &content, &case) > 0);
            cuts += 1;
        }
    }
    println!("{cuts} power cuts, {resumed} of them gone on with");
    assert!(cuts > 100 && resumed > 20, "{cuts} power cuts, {resumed} of them gone on with");
}

#[test]
fn a_full_side_keeps_what_fits_and_goes_on_once_there_is_room() {
    for (name, abilities) in sides() {
        let (from, to, content) = world(&abilities);
        let had = |room: u64| to.set_capacity(Some(room));
        had(2 << 20);
        assert_eq!(copy(&from, &to).unwrap_err().kind, ProblemKind::NoSpace, "{name}");
        assert_eq!(
            to.partials().unwrap().iter().map(|one| one.bytes).collect::<Vec<_>>(),
            [1 << 20],
            "{name}"
        );
        // Still none, and nothing is lost by the attempt.
        assert_eq!(copy(&from, &to).unwrap_err().kind, ProblemKind::NoSpace, "{name}");
        had(16 << 20);
        assert_eq!(goes_on(&from, &to, &content, name), 1 << 20, "{name}");
        had(1 << 10);
        to.remove("copy");
        to.write(p("copy"), b"old");
        assert_eq!(copy(&from, &to).unwrap_err().kind, ProblemKind::NoSpace, "{name}");
        assert_eq!(to.partial_count(), 0, "{name}: nothing fitted, and nothing is left");
    }
}
