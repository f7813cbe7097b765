//! Guards: small predicates that halt a plan before anything is touched.
//!
//! Owns the guards that can be judged from the trees and the plan alone, and [`fit`], which leaves out what a side
//! has no room for. Guards about roots that are away, nested or swapped belong to whoever opens them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::compare::Comparison;
use crate::entry::{Reason, Trouble};
use crate::path::RelPath;
use crate::plan::{Action, Blocked, Halt, Plan, Transition};
use crate::policy::{GuardPolicy, Policy};
use crate::side::{Side, Sides};
use crate::snapshot::Snapshot;

/// How many folders a halt names.
const NAMED_FOLDERS: usize = 10;

/// The first guard that stops this plan, or this part of one.
pub fn halt(
    plan: &Plan,
    comparison: &Comparison,
    snapshots: &Sides<Snapshot>,
    policy: &Policy,
) -> Option<Halt> {
    Side::BOTH
        .into_iter()
        .find(|side| {
            is_emptied(&snapshots[*side], comparison.baseline_entries) && !comparison.hidden_there[*side]
        })
        .map(|side| Halt::EmptyRoot { side })
        .or_else(|| {
            Side::BOTH.into_iter().find_map(|side| too_many_changes(plan, comparison, policy.guard, side))
        })
}

/// Whether a root shows nothing although it did when both sides last agreed. A scan of a part cannot tell, and what shows
/// is what the filters let through: [`Comparison::hidden_there`] tells what they hide.
pub fn is_emptied(snapshot: &Snapshot, baseline_entries: u64) -> bool {
    let root = snapshot.root();
    snapshot.is_whole()
        && baseline_entries > 0
        && root.trouble().is_none()
        && root.is_empty()
        && root.unobserved().is_empty()
}

/// Files that were taken from a side: deleted or overwritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Taken {
    /// All of them.
    pub files: u64,
    /// Those of them that are gone from their path.
    pub gone: u64,
}

/// What an action takes from each side.
pub fn takes(action: &Action) -> Sides<Taken> {
    let mut taken = Sides::<Taken>::default();
    for transition in action.transitions.iter().filter(|transition| takes_a_file(action, transition)) {
        let side = &mut taken[transition.side()];
        side.files += 1;
        side.gone += u64::from(matches!(transition, Transition::Remove { .. }));
    }
    taken
}

/// Whether so many files go from a side that a person should look. A rename takes nothing away, and a clash keeps
/// both versions: neither counts. What was taken lately counts as if it were part of this plan: whoever deletes a tree
/// takes his time, and a part of a tree shows little of it.
fn too_many_changes(plan: &Plan, comparison: &Comparison, guard: GuardPolicy, side: Side) -> Option<Halt> {
    let lately = comparison.taken_lately[side];
    let baseline_files = comparison.baseline_files.saturating_add(lately.gone);
    let mut folders: BTreeMap<RelPath, u64> = BTreeMap::new();
    let mut files = 0_u64;
    for (action, transition) in plan.transitions() {
        if transition.side() == side && takes_a_file(action, transition) {
            files += 1;
            let top = transition.path().components().next().filter(|_| transition.path().depth() > 1);
            let folder = top.and_then(|name| RelPath::root().join(name).ok()).unwrap_or_default();
            *folders.entry(folder).or_default() += 1;
        }
    }
    // All of them may go, however often.
    if files == 0 || guard.max_change_percent >= 100 {
        return None;
    }
    let files = files.saturating_add(lately.files);
    let share = baseline_files.saturating_mul(u64::from(guard.max_change_percent));
    if files <= guard.max_change_min_files || files.saturating_mul(100) <= share {
        return None;
    }
    let mut folders: Vec<_> = folders.into_iter().collect();
    folders.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    folders.truncate(NAMED_FOLDERS);
    Some(Halt::TooManyChanges { side, files, of: baseline_files, folders })
}

fn takes_a_file(action: &Action, transition: &Transition) -> bool {
    match transition {
        Transition::Remove { .. } => true,
        Transition::Copy { expect, .. } => expect.is_some() && action.clash.is_none(),
        Transition::MakeDir { expect, .. } => expect.is_some(),
        _ => false,
    }
}

/// Leaves out what a side has no room for: small files that fit still go, the rest become problems. Returns what was
/// left out. `free` is what each side can still take, in bytes; none where it does not tell. Of an action's bytes,
/// `there` lie on the receiving side already.
pub fn fit(plan: &mut Plan, free: Sides<Option<u64>>, there: impl Fn(&Action) -> u64) -> Vec<Action> {
    let mut left_over = free;
    let mut blocked = Vec::new();
    let mut left_out = Vec::new();
    plan.actions.retain(|action| {
        let needs = needs(action, &there);
        let short =
            Side::BOTH.into_iter().find(|side| left_over[*side].is_some_and(|room| needs[*side] > room));
        if let Some(side) = short {
            let detail = alloc::format!("{} bytes needed on the {side}", needs[side]);
            let trouble = Trouble::new(Reason::NoSpace, detail);
            blocked.push(Blocked { path: action.path.clone(), side: side.other(), trouble });
            left_out.push(action.clone());
            return false;
        }
        for side in Side::BOTH {
            left_over[side] = left_over[side].map(|room| room - needs[side]);
        }
        true
    });
    plan.blocked.append(&mut blocked);
    left_out
}

/// The room that an action takes on each side, beside what is `there` already.
fn needs(action: &Action, there: impl Fn(&Action) -> u64) -> Sides<u64> {
    let needs = Sides::from_fn(|side| {
        let own = action.transitions.iter().filter(|transition| transition.side() == side);
        own.map(Transition::bytes).sum::<u64>()
    });
    let there = if needs.both(|bytes| *bytes == 0) { 0 } else { there(action) };
    needs.map(|bytes| bytes.saturating_sub(there))
}

/// A copy that was begun and is not complete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// The side that receives it.
    pub to: Side,
    /// Where it goes there.
    pub at: RelPath,
    /// Bytes that lie there, out of sight.
    pub bytes: u64,
    /// Bytes that are still to come.
    pub missing: u64,
}

/// Which of the copies that were begun give way, so that small files have room: by their position.
///
/// What was copied is only work that was done ahead, and worth keeping over a disk that is full for a moment. But a file
/// of less than `large` bytes waits for no larger one. So a copy gives way if it cannot be finished in the room there is,
/// and small files get room by it; no more of them than that takes, and first the one with the least work in it.
pub fn gives_way(
    plan: &Plan,
    free: Sides<Option<u64>>,
    there: impl Fn(&Action) -> u64,
    begun: &[Begun],
    large: u64,
) -> Vec<usize> {
    let mut given = Vec::new();
    for side in Side::BOTH {
        let Some(free) = free[side] else { continue };
        let mut left: Vec<(u64, usize)> = begun
            .iter()
            .enumerate()
            .filter(|(_, one)| one.to == side && one.bytes > 0 && one.missing > free)
            .map(|(at, one)| (one.bytes, at))
            .collect();
        if left.is_empty() {
            continue;
        }
        left.sort_unstable();
        let most = left.iter().fold(free, |sum, (bytes, _)| sum.saturating_add(*bytes));
        let mut wanted = 0_u64;
        for action in plan.actions.iter().filter(|action| action.bytes() < large) {
            let next = wanted.saturating_add(needs(action, &there)[side]);
            if next <= most {
                wanted = next;
            }
        }
        let mut short = wanted.saturating_sub(free);
        while short > 0 {
            let enough = left.iter().position(|(bytes, _)| *bytes >= short);
            let Some(next) = enough.or_else(|| left.len().checked_sub(1)) else { break };
            let (bytes, at) = left.remove(next);
            short = short.saturating_sub(bytes);
            given.push(at);
        }
    }
    given
}
