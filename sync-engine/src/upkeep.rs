//! What is done now and then so that the state does not grow for ever.
//!
//! Owns the age at which runs are forgotten and the moment at which the file is made smaller. It is never in the way
//! of a sync: little is done after one, at most once a day, and the rest waits for the next. Must never fail one.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sync_state::{State, StateError};

use crate::clock::now_ns;
use crate::session::Session;

/// Under which the state keeps when this was last done.
const NOTE: &str = "upkeep";
const DAY_NS: i64 = 86_400 * 1_000_000_000;
/// How long forgetting may take after a sync before the rest waits for the next one.
const BUDGET: Duration = Duration::from_millis(250);
/// How many batches of journal, of some 16 KiB each, are forgotten in one commit.
const STEP: usize = 256;
/// The file is made smaller only for so much.
const WASTE_BYTES: u64 = 32 << 20;

impl Session {
    /// Forgets what is older than the configuration keeps, at most once a day.
    pub(crate) fn upkeep(&self) {
        let Some(state) = self.state.as_ref().filter(|_| !self.read_only) else { return };
        match forget(state, self.history_retention, now_ns(), BUDGET) {
            Ok(runs) => {
                self.forgot.fetch_or(runs > 0, Ordering::Relaxed);
            }
            Err(error) => {
                log::warn!(operation = "error", error:% = error; "old runs could not be forgotten: {error}");
            }
        }
    }

    /// Makes the file of the state smaller where old runs were forgotten and much of it is free now. Others wait
    /// meanwhile, a second or so, so this is for the end of a session and for a moment at which nothing is to be done.
    /// Whether it became smaller.
    pub fn tidy(&self) -> bool {
        let Some(state) = self.state.as_ref().filter(|_| !self.read_only) else { return false };
        if !self.forgot.swap(false, Ordering::Relaxed) {
            return false;
        }
        state.compact(WASTE_BYTES).unwrap_or_else(|error| {
            log::warn!(operation = "error", error:% = error; "the state could not be made smaller: {error}");
            false
        })
    }
}

/// Whether what is done once a day was done within the last one, by the note of it.
pub(crate) fn was_done_today(state: &State, note: &str, now_ns: i64) -> Result<bool, StateError> {
    let noted = state.note(note)?.and_then(|note| note.try_into().ok().map(i64::from_le_bytes));
    // A clock that was set back must not put it off for ever.
    Ok(noted.is_some_and(|noted| (noted..noted.saturating_add(DAY_NS)).contains(&now_ns)))
}

/// Notes that it was done now.
pub(crate) fn note_done(state: &State, note: &str, now_ns: i64) -> Result<(), StateError> {
    state.set_note(note, Some(&now_ns.to_le_bytes()))
}

/// How many runs were forgotten.
fn forget(
    state: &State,
    retention: Option<Duration>,
    now_ns: i64,
    budget: Duration,
) -> Result<u64, StateError> {
    let Some(retention) = retention.and_then(|kept| i64::try_from(kept.as_nanos()).ok()) else {
        return Ok(0);
    };
    if was_done_today(state, NOTE, now_ns)? {
        return Ok(0);
    }
    let before = now_ns.saturating_sub(retention);
    let start = Instant::now();
    let (mut runs, mut more) = (0, !state.runs(..before, 1)?.is_empty());
    while more {
        let step = state.purge_some_runs(before, STEP)?;
        (runs, more) = (runs + step.runs, step.more);
        if more && start.elapsed() >= budget {
            log::info!(operation = "upkeep"; "{runs} old runs forgotten, the rest after the next sync");
            return Ok(runs);
        }
    }
    let mut deletions = 0;
    if state.tombstones()?.iter().any(|one| one.deleted_ns < before) {
        deletions = state.purge_tombstones(before)?;
    }
    note_done(state, NOTE, now_ns)?;
    if runs + deletions > 0 {
        log::info!(operation = "upkeep"; "{runs} old runs and {deletions} old deletions forgotten");
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::path::RelPath;
    use sync_state::{Commit, JournalRow, RowResult, Tombstone};

    const DAYS: Option<Duration> = Some(Duration::from_hours(24 * 90));
    const NOW: i64 = 1_000 * DAY_NS;

    fn row(n: i64) -> JournalRow {
        JournalRow {
            time_ns: n,
            action: "COPY_LEFT_TO_RIGHT".into(),
            rule: "changed-left".into(),
            path: RelPath::try_from(format!("dir {n}/some file or other {n}").as_str()).unwrap(),
            to: None,
            side: None,
            size: 0,
            result: RowResult::Done,
            error: None,
            trashed: None,
            before: None,
            after: None,
        }
    }

    fn filled(ages_in_days: &[i64], rows: i64) -> (tempfile::TempDir, State) {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap().state;
        let rows: Vec<_> = (0..rows).map(row).collect();
        for age in ages_in_days {
            let at = NOW - age * DAY_NS;
            let run = state.begin_run("sync", at).unwrap();
            let path = RelPath::try_from(format!("gone {age}").as_str()).unwrap();
            let tombstones = [Tombstone { path, deleted_ns: at, run: Some(run), last: None }];
            let commit =
                Commit { run: Some(run), journal: &rows, tombstones: &tombstones, ..Commit::default() };
            state.commit(&commit).unwrap();
        }
        (dir, state)
    }

    fn left(state: &State) -> (usize, usize, usize) {
        let rows = state.journal_since(i64::MIN).unwrap().count();
        (state.runs(.., 100).unwrap().len(), state.tombstones().unwrap().len(), rows)
    }

    #[test]
    fn what_is_old_is_forgotten_once_a_day() {
        let (_dir, state) = filled(&[100, 91, 89, 0], 2);
        assert_eq!(forget(&state, DAYS, NOW, BUDGET).unwrap(), 2);
        assert_eq!(left(&state), (2, 2, 4));
        let soon = NOW + DAY_NS - 1;
        assert_eq!(forget(&state, Some(Duration::ZERO), soon, BUDGET).unwrap(), 0, "not yet again");
        assert_eq!(left(&state), (2, 2, 4));
        assert_eq!(forget(&state, DAYS, NOW + 2 * DAY_NS, BUDGET).unwrap(), 1);
        assert_eq!(left(&state), (1, 1, 2));
        let earlier = NOW - DAY_NS;
        assert_eq!(forget(&state, Some(Duration::ZERO), earlier, BUDGET).unwrap(), 0);
        assert_eq!(state.note(NOTE).unwrap().as_deref(), Some(earlier.to_le_bytes().as_slice()), "set back");
    }

    #[test]
    fn for_ever_is_for_ever() {
        let (_dir, state) = filled(&[900], 1);
        assert_eq!(forget(&state, None, NOW, BUDGET).unwrap(), 0);
        assert_eq!(left(&state), (1, 1, 1));
    }

    #[test]
    fn much_is_forgotten_in_several_goes() {
        let (_dir, state) = filled(&[200, 199], 250_000);
        let (mut goes, mut runs) = (0, 0);
        while state.note(NOTE).unwrap().is_none() {
            runs += forget(&state, DAYS, NOW, Duration::ZERO).unwrap();
            goes += 1;
            assert!(goes < 100);
        }
        assert!(goes > 2 && runs == 2, "{goes}, {runs}");
        assert_eq!(left(&state), (0, 0, 0));
    }
}
