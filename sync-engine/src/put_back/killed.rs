//! What a killed run moved to the trash and could not remember.
//!
//! A run that is going to move anything there notes its number and its stamp first. Where the note is still there
//! when a session opens, the run was killed: what lies in the trash under its stamp and is in no index gets its row
//! now. Must never change a replica.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sync_core::path::RelPath;
use sync_core::plan::{Plan, Transition};
use sync_core::side::{Side, Sides};
use sync_replica::{InTrash, TrashStamp};
use sync_state::{Commit, RunId, State, StateError, TrashEntry, TrashReason};

use crate::error::SessionError;
use crate::session::Session;

/// Under which the state keeps it.
const NOTE: &str = "trashing";
/// A stamp in a name is this precise.
const STAMP_NS: i64 = 1_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Trashing {
    run: u64,
    stamp_ns: i64,
}

/// Whether a plan may move anything to the trash.
fn fills_the_trash(plan: &Plan) -> bool {
    plan.transitions().any(|(_, transition)| match transition {
        Transition::MakeDir { soft, .. }
        | Transition::Copy { soft, .. }
        | Transition::Remove { soft, .. }
        | Transition::RemoveDir { soft, .. } => *soft,
        Transition::PutBack { expect, .. } => expect.is_some(),
        _ => false,
    })
}

/// Notes that a run is about to carry out a plan under a stamp.
pub(crate) fn note_trashing(
    state: &State,
    plan: &Plan,
    run: RunId,
    stamp: TrashStamp,
) -> Result<(), StateError> {
    if !fills_the_trash(plan) {
        return Ok(());
    }
    let note = Trashing { run: run.0, stamp_ns: stamp.0 };
    state.set_note(NOTE, serde_json::to_vec(&note).ok().as_deref())
}

/// What takes the note away, with the last that a run remembers.
pub(crate) const fn forget_trashing() -> (&'static str, Option<&'static [u8]>) {
    (NOTE, None)
}

impl Session {
    /// Gives what a killed run left in the trash its row in the index. `arrived` is what recovery has moved there.
    pub(crate) fn index_the_killed(&self, arrived: &Sides<Vec<InTrash>>) -> Result<(), SessionError> {
        let Some(state) = self.state.as_ref().filter(|_| !self.read_only) else { return Ok(()) };
        // A note that cannot be read is of another version: its run cannot be told, its files are found by name.
        let note = state.note(NOTE)?.map(|note| serde_json::from_slice::<Trashing>(&note).ok());
        if note.is_none() && !arrived.either(|some| !some.is_empty()) {
            return Ok(());
        }
        let known: BTreeSet<(Side, RelPath)> =
            state.trash()?.into_iter().map(|entry| (entry.side, entry.trashed)).collect();
        let trashing = note.flatten();
        let of_run = |held: &InTrash| {
            trashing
                .is_some_and(|one| one.stamp_ns.div_euclid(STAMP_NS) == held.deleted_ns.div_euclid(STAMP_NS))
        };
        let mut entries = Vec::new();
        for side in Side::BOTH {
            let listed = self.replicas[side].list_trash();
            let listed = listed.map_err(|problem| self.root_error(side, problem))?;
            let mut added = BTreeSet::new();
            let lost = listed.iter().filter(|held| of_run(held));
            for held in arrived[side].iter().chain(lost) {
                if known.contains(&(side, held.place.clone())) || !added.insert(held.place.clone()) {
                    continue;
                }
                // Whatever is at the path now took its place.
                let there = self.replicas[side].look(&held.was).ok().flatten();
                let reason = if there.is_some() { TrashReason::Replaced } else { TrashReason::Deleted };
                entries.push(TrashEntry {
                    side,
                    path: held.was.clone(),
                    trashed: held.place.clone(),
                    size: held.entry.size,
                    deleted_ns: held.deleted_ns,
                    run: trashing.filter(|_| of_run(held)).map(|one| RunId(one.run)),
                    reason,
                });
            }
        }
        if !entries.is_empty() {
            let count = entries.len();
            log::info!(operation = "recover"; "{count} versions that an interrupted run moved to the trash are known again");
        }
        state.commit(&Commit { trashed: &entries, notes: &[forget_trashing()], ..Commit::default() })?;
        Ok(())
    }
}
