//! What changes in the inbox after a plan: conflicts that wait or were settled now, and those that settled
//! themselves.

use std::collections::BTreeSet;

use sync_core::path::RelPath;
use sync_core::plan::{Conflict, Plan};
use sync_core::policy::ConflictPolicy;
use sync_core::side::{Side, Sides};
use sync_state::{ConflictChange, ConflictState, ConflictVersion};

use super::reach::Reach;

/// What became of conflicts in a run, by key path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settling {
    /// The plan's answer to the conflict was carried out whole.
    pub(crate) settled: BTreeSet<RelPath>,
    /// Something was to be done there and was not.
    pub(crate) undone: BTreeSet<RelPath>,
}

/// The changes, and how many conflicts wait afterwards.
pub(super) fn changes(
    known: &[sync_state::Conflict],
    plan: &Plan,
    reach: &Reach,
    settling: &Settling,
    now_ns: i64,
) -> (Vec<ConflictChange>, usize) {
    let mut changes = Vec::new();
    let mut open: BTreeSet<&RelPath> =
        known.iter().filter(|one| one.state == ConflictState::Open).map(|one| &one.path).collect();
    let met: BTreeSet<&RelPath> = plan.conflicts.iter().map(|conflict| &conflict.path).collect();
    for conflict in plan.conflicts.iter().filter(|conflict| reach.covers(&conflict.path)) {
        let before = known.iter().find(|before| before.path == conflict.path);
        let entry = entry(conflict, before, settling.settled.contains(&conflict.path), now_ns);
        match entry.state {
            ConflictState::Open => open.insert(&conflict.path),
            ConflictState::Settled => open.remove(&conflict.path),
        };
        if before.is_none_or(|before| differs(before, &entry)) {
            changes.push(ConflictChange::Put(entry));
        }
    }
    let gone = |path: &RelPath| reach.covers(path) && !met.contains(path) && !settling.undone.contains(path);
    open.retain(|path| {
        let gone = gone(path);
        if gone {
            changes.push(ConflictChange::Remove((*path).clone()));
        }
        !gone
    });
    (changes, open.len())
}

/// Whether the inbox has to learn something: not for another look at the same two versions.
fn differs(before: &sync_state::Conflict, now: &sync_state::Conflict) -> bool {
    before.versions != now.versions
        || before.state != now.state
        || before.rule != now.rule
        || before.clash_path != now.clash_path
}

fn entry(
    conflict: &Conflict,
    before: Option<&sync_state::Conflict>,
    settled: bool,
    now_ns: i64,
) -> sync_state::Conflict {
    // What was read of a version once holds as long as it is that version.
    let digest = |side: Side| {
        let known = before?.versions[side].as_ref().filter(|known| known.entry == conflict.versions[side]);
        known.and_then(|known| known.digest)
    };
    let versions =
        Sides::from_fn(|side| Some(ConflictVersion { entry: conflict.versions[side], digest: digest(side) }));
    let same = before.filter(|before| before.versions == versions);
    sync_state::Conflict {
        path: conflict.path.clone(),
        rule: conflict.rule.name().to_owned(),
        first_seen_ns: same.map_or(now_ns, |before| before.first_seen_ns),
        last_seen_ns: now_ns,
        versions,
        newer: Some(conflict.newer),
        state: if settled && conflict.policy != ConflictPolicy::Notify {
            ConflictState::Settled
        } else {
            ConflictState::Open
        },
        clash_path: conflict.clash_path.clone(),
        notified: same.is_some_and(|before| before.notified),
    }
}
