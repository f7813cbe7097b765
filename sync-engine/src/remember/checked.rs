//! What is remembered of the last look at the pair: the trace that also a run with nothing to do leaves.

use sync_core::side::Side;
use sync_state::{Checked, Commit, Halted, RunSummary, State, StateError};

use super::Undone;
use super::reach::{NewRun, Reach};
use crate::clock::now_ns;
use crate::halt::HaltReport;

/// What a run leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Left {
    /// Conflicts that wait.
    pub(super) conflicts: usize,
    /// Problems that stand.
    pub(super) problems: usize,
    /// Actions that were planned and not tried.
    pub(super) undone: Undone,
}

/// What to remember after a run; none when a part of the pair was looked at before the whole ever was.
pub(super) fn after(before: Option<Checked>, reach: &Reach, left: Left, now_ns: i64) -> Option<Checked> {
    let clean = left.conflicts == 0 && left.problems == 0;
    let (at_ns, left_undone, halted) = match reach {
        Reach::Pair => (now_ns, left.undone.in_all.unwrap_or(left.undone.here), None),
        // A part says nothing of what was left undone elsewhere, nor of the guard.
        Reach::Below(_) | Reach::Near(_) => {
            let before = before.as_ref()?;
            let undone =
                left.undone.in_all.unwrap_or_else(|| before.left_undone.saturating_add(left.undone.here));
            (before.at_ns, undone, before.halted.clone())
        }
    };
    let in_sync = clean && left_undone == 0 && halted.is_none();
    let since_ns = since(before.as_ref(), in_sync, now_ns);
    Some(Checked { at_ns, in_sync, since_ns, left_undone, halted })
}

fn since(before: Option<&Checked>, in_sync: bool, now_ns: i64) -> i64 {
    before.filter(|before| before.in_sync == in_sync).map_or(now_ns, |before| before.since_ns)
}

/// Remembers that a guard stopped a run. The same guard again is no new run, only a new look. Whether it is new.
pub(crate) fn halted(state: &State, halt: &HaltReport, run: &NewRun<'_>) -> Result<bool, StateError> {
    let now = now_ns();
    let before = state.checked()?;
    let side = halt.side.as_deref().and_then(|name| Side::BOTH.into_iter().find(|side| side.name() == name));
    let known = before
        .as_ref()
        .and_then(|before| before.halted.as_ref())
        .filter(|known| known.reason == halt.reason && known.side == side);
    let (number, first) = match known {
        Some(known) => (known.run, known.since_ns),
        None => (Some(state.begin_run(run.kind, run.began.ns)?), now),
    };
    let summary = RunSummary {
        finished_ns: run.began.ended_ns(),
        outcome: "halted".to_owned(),
        ..RunSummary::default()
    };
    let checked = Checked {
        at_ns: now,
        in_sync: false,
        since_ns: since(before.as_ref(), false, now),
        left_undone: before.as_ref().map_or(0, |before| before.left_undone),
        halted: Some(Halted {
            reason: halt.reason.clone(),
            message: halt.message.clone(),
            side,
            approval: halt.approval.clone(),
            since_ns: first,
            run: number,
        }),
    };
    let new = known.is_none();
    state.commit(&Commit {
        run: number.filter(|_| new),
        finish: new.then_some(&summary),
        checked: Some(&checked),
        ..Commit::default()
    })?;
    Ok(new)
}
