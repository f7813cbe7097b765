//! Runs, journal, inbox, trash and notes.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use proptest::prelude::*;
use sync_core::entry::{Attributes, Digest, Entry, Kind};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_state::{
    Checked, Commit, Conflict, ConflictChange, ConflictState, ConflictVersion, Halted, JournalQuery,
    JournalRow, Journaled, Pair, ProblemChange, ProblemId, Purged, RowResult, RunId, RunSummary,
    StandingProblem, State, StateError, TrashEntry, TrashReason,
};

use crate::support::{fresh, path, reopened};

fn entry(seed: u64) -> Entry {
    Entry {
        kind: [Kind::File, Kind::Dir, Kind::Symlink][(seed % 3) as usize],
        attributes: [Attributes::NotHeld, Attributes::Unix(0o640), Attributes::Windows(33)]
            [(seed % 3) as usize],
        size: seed * 77,
        mtime_ns: -(seed as i64),
        ctime_ns: seed as i64 * 3,
        file_id: NonZeroU64::new(seed / 2),
    }
}

fn row(time_ns: i64, at: &str) -> JournalRow {
    JournalRow {
        time_ns,
        action: "COPY_LEFT_TO_RIGHT".into(),
        rule: "changed-left".into(),
        path: path(at),
        to: None,
        side: Some(Side::Right),
        size: 5,
        result: RowResult::Done,
        error: None,
        trashed: None,
        before: None,
        after: Some(entry(1)),
    }
}

fn journal(state: &State, run: RunId, journal: &[JournalRow]) {
    state.commit(&Commit { run: Some(run), journal, ..Commit::default() }).unwrap();
}

fn rows(all: impl Iterator<Item = Result<Journaled, StateError>>) -> Vec<Journaled> {
    all.map(Result::unwrap).collect()
}

#[test]
fn a_run_is_remembered_from_begin_to_end() {
    let (dir, state) = fresh();
    let first = state.begin_run("sync", 100).unwrap();
    let summary = RunSummary {
        finished_ns: 200,
        outcome: "clean".to_owned(),
        bytes: 1 << 40,
        counts: BTreeMap::from([("COPY_LEFT_TO_RIGHT".to_owned(), 3), ("ADOPT".to_owned(), 0)]),
    };
    state.finish_run(first, &summary).unwrap();
    let second = state.begin_run("sync", 300).unwrap();
    assert!(second > first);
    state.set_note("made", Some(b"durable")).unwrap();
    drop(state);
    let state = reopened(&dir);
    assert_eq!(state.run(first).unwrap().unwrap().summary, Some(summary));
    assert_eq!(state.run(second).unwrap().unwrap().summary, None);
    let started = |span: &[sync_state::Run]| span.iter().map(|run| run.started_ns).collect::<Vec<_>>();
    assert_eq!(started(&state.runs(.., 10).unwrap()), [300, 100]);
    assert_eq!(started(&state.runs(.., 1).unwrap()), [300]);
    assert_eq!(started(&state.runs(100..300, 10).unwrap()), [100]);
    assert_eq!(started(&state.runs(101..=300, 10).unwrap()), [300]);
    assert!(state.begin_run("sync", 50).unwrap() > second);
}

#[test]
fn numbers_of_purged_runs_do_not_come_again() {
    let (_dir, state) = fresh();
    let old = state.begin_run("sync", 1).unwrap();
    journal(&state, old, &[row(1, "a")]);
    assert_eq!(state.purge_runs(2).unwrap(), 1);
    assert_eq!(state.run(old).unwrap(), None);
    assert!(rows(state.journal(old).unwrap()).is_empty());
    assert!(state.begin_run("sync", 3).unwrap() > old);
}

#[test]
fn rows_keep_their_order_across_commits_and_runs() {
    let (_dir, state) = fresh();
    let one = state.begin_run("sync", 10).unwrap();
    let two = state.begin_run("sync", 3020).unwrap();
    let many: Vec<_> = (0..3000).map(|n| row(10 + n, &format!("dir/file {n}"))).collect();
    for part in many.chunks(701) {
        journal(&state, one, part);
    }
    journal(&state, two, &[row(5000, "b"), row(4999, "a")]);
    let read = rows(state.journal(one).unwrap());
    assert!(read.iter().enumerate().all(|(n, found)| found.seq == n as u64 && found.run == one));
    assert_eq!(read.into_iter().map(|found| found.row).collect::<Vec<_>>(), many);
    let since: Vec<_> =
        rows(state.journal_since(3008).unwrap()).into_iter().map(|found| found.row.time_ns).collect();
    assert_eq!(since, [3008, 3009, 5000, 4999]);
}

#[test]
fn a_search_finds_the_latest_rows_first() {
    let (_dir, state) = fresh();
    let one = state.begin_run("sync", 10).unwrap();
    let two = state.begin_run("sync", 5000).unwrap();
    let mut many: Vec<_> = (0..3000).map(|n| row(10 + n, &format!("dir/file {n}"))).collect();
    many[7].action = "RENAME_LEFT".into();
    many[7].to = Some(path("elsewhere/file 8"));
    many[2999].action = "CLASH_CREATE".into();
    journal(&state, one, &many);
    journal(&state, two, &[row(5000, "dir/file 7"), row(5001, "b")]);
    let times = |query: &JournalQuery<'_>| {
        let found = state.search(query).unwrap();
        (found.rows.iter().map(|found| found.row.time_ns).collect::<Vec<_>>(), found.more)
    };
    let all = JournalQuery::default();
    let (found, more) = times(&all);
    assert!(!more && found.len() == 3002 && found.is_sorted_by(|a, b| a > b), "{found:?}");
    assert_eq!(times(&JournalQuery { limit: 3, ..all }), (vec![5001, 5000, 3009], true));
    assert_eq!(times(&JournalQuery { limit: 3002, ..all }).0.len(), 3002);
    let ending = |path: &[u8]| path.ends_with(b"/file 7") || path.ends_with(b"/file 8");
    let by_path = JournalQuery { path: Some(&ending), ..all };
    assert_eq!(times(&by_path), (vec![5000, 18, 17], false));
    assert_eq!(times(&JournalQuery { until_ns: 5000, from_ns: 18, ..by_path }), (vec![18], false));
    assert_eq!(times(&JournalQuery { run: Some(two), ..by_path }), (vec![5000], false));
    assert_eq!(times(&JournalQuery { limit: 1, ..by_path }), (vec![5000], true));
    let renamed = |word: &str| word.starts_with("RENAME");
    let by_action = JournalQuery { action: Some(&renamed), ..all };
    assert_eq!(state.search(&by_action).unwrap().rows[0].row, many[7]);
    let both = JournalQuery { path: Some(&ending), ..by_action };
    assert_eq!(times(&both), (vec![17], false));
    let clash = |word: &str| word == "CLASH_CREATE";
    assert_eq!(times(&JournalQuery { action: Some(&clash), ..by_path }), (vec![], false));
}

#[test]
fn a_row_needs_a_run_that_was_begun() {
    let (_dir, state) = fresh();
    let rows = [row(1, "a")];
    let loose = Commit { journal: &rows, ..Commit::default() };
    assert!(matches!(state.commit(&loose), Err(StateError::Misuse { .. })));
    let unknown = Commit { run: Some(RunId(7)), ..loose };
    assert!(matches!(state.commit(&unknown), Err(StateError::Misuse { .. })));
    assert!(state.finish_run(RunId(7), &RunSummary::default()).is_err());
    assert!(!state.is_poisoned());
}

#[test]
fn a_commit_that_fails_leaves_nothing() {
    let (_dir, state) = fresh();
    let rows = [row(1, "a")];
    let commit = Commit {
        baseline: &[crate::support::set("a", crate::support::file(1))],
        journal: &rows,
        ..Commit::default()
    };
    assert!(state.commit(&commit).is_err());
    assert_eq!(state.counts().unwrap().entries, 0);
    assert_eq!(state.agreed(&path("a")).unwrap(), None);
}

#[test]
fn the_inbox_holds_one_conflict_a_path() {
    let (dir, state) = fresh();
    let conflict = |at: &str, seed: u64| Conflict {
        path: path(at),
        rule: "both-changed".to_owned(),
        first_seen_ns: 1,
        last_seen_ns: seed as i64,
        versions: Sides::new(
            Some(ConflictVersion { entry: entry(seed), digest: Some(Digest([7; 32])) }),
            seed.is_multiple_of(2).then(|| ConflictVersion { entry: entry(seed + 1), digest: None }),
        ),
        newer: Some(Side::Right),
        state: if seed == 1 { ConflictState::Open } else { ConflictState::Settled },
        clash_path: (seed == 2).then(|| path("a - clash")),
        notified: seed == 1,
    };
    let put = |at, seed| ConflictChange::Put(conflict(at, seed));
    let changes = [put("b", 1), put("a/x", 1), put("a", 2), put("b", 2), ConflictChange::Remove(path("a/x"))];
    state.commit(&Commit { conflicts: &changes, ..Commit::default() }).unwrap();
    drop(state);
    let state = reopened(&dir);
    assert_eq!(state.conflicts().unwrap(), [conflict("a", 2), conflict("b", 2)]);
    assert_eq!(state.conflict(&path("b")).unwrap(), Some(conflict("b", 2)));
    assert_eq!(state.conflict(&path("a/x")).unwrap(), None);
}

#[test]
fn the_trash_is_found_by_where_things_were() {
    let (dir, state) = fresh();
    let trashed = |side, at: &str, to: &str| TrashEntry {
        side,
        path: path(at),
        trashed: path(to),
        size: 12,
        deleted_ns: -4,
        run: Some(RunId(3)),
        reason: if side == Side::Left { TrashReason::Deleted } else { TrashReason::Replaced },
    };
    let all = [
        trashed(Side::Left, "a", "a 1"),
        trashed(Side::Left, "a", "a 2"),
        trashed(Side::Right, "a", "a 1"),
        trashed(Side::Left, "a/b", "a/b 1"),
        trashed(Side::Left, "a.txt", "a 1.txt"),
    ];
    state.commit(&Commit { trashed: &all, ..Commit::default() }).unwrap();
    drop(state);
    let state = reopened(&dir);
    assert_eq!(state.trash().unwrap(), all);
    assert_eq!(state.trash_below(&path("a")).unwrap(), all[..4]);
    assert_eq!(state.trash_below(&path("a/b")).unwrap(), all[3..4]);
    state.commit(&Commit { untrashed: &all[1..3], ..Commit::default() }).unwrap();
    assert_eq!(state.trash().unwrap(), [all[0].clone(), all[3].clone(), all[4].clone()]);
}

#[test]
fn a_problem_stands_until_it_is_taken_out() {
    let (dir, state) = fresh();
    let id = |at: &str, side, operation: &str, kind: &str| ProblemId {
        path: RelPath::new(at.as_bytes()).unwrap(),
        side,
        operation: operation.into(),
        kind: kind.into(),
    };
    let standing = |id: &ProblemId, error: &str, times| StandingProblem {
        id: id.clone(),
        error: error.to_owned(),
        first_seen_ns: -1,
        last_seen_ns: 7,
        times,
    };
    let ids = [
        id("", Side::Left, "scan", "io"),
        id("a", Side::Left, "copy", "in-use"),
        id("a", Side::Left, "scan", "in-use"),
        id("a", Side::Left, "scan", "unreadable"),
        id("a", Side::Right, "scan", "in-use"),
        id("a/b", Side::Left, "scan", "in-use"),
    ];
    let put = |id: &ProblemId, error: &str, times| ProblemChange::Put(standing(id, error, times));
    let mut all: Vec<_> = ids.iter().rev().map(|id| put(id, "first", 1)).collect();
    all.push(put(&ids[2], "again", 2));
    all.push(ProblemChange::Remove(ids[1].clone()));
    state.commit(&Commit { problems: &all, ..Commit::default() }).unwrap();
    drop(state);
    let state = reopened(&dir);
    let mut expected: Vec<_> = ids.iter().map(|id| standing(id, "first", 1)).collect();
    expected[2] = standing(&ids[2], "again", 2);
    expected.remove(1);
    assert_eq!(state.problems().unwrap(), expected);
}

#[test]
fn the_last_look_is_remembered() {
    let (dir, state) = fresh();
    assert_eq!(state.checked().unwrap(), None);
    let mut checked = Checked { at_ns: 5, in_sync: true, since_ns: 3, left_undone: 9, halted: None };
    state.commit(&Commit { checked: Some(&checked), ..Commit::default() }).unwrap();
    assert_eq!(state.checked().unwrap().as_ref(), Some(&checked));
    checked.halted = Some(Halted {
        reason: "too-many-changes".to_owned(),
        message: "é".to_owned(),
        side: Some(Side::Right),
        approval: None,
        since_ns: 4,
        run: Some(RunId(8)),
    });
    state.commit(&Commit { checked: Some(&checked), ..Commit::default() }).unwrap();
    drop(state);
    assert_eq!(reopened(&dir).checked().unwrap(), Some(checked));
}

#[test]
fn pair_and_notes_are_kept() {
    let (dir, state) = fresh();
    assert_eq!(state.pair().unwrap(), None);
    let pair = Pair {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        roots: Sides::new("/left".to_owned(), r"R:\".to_owned()),
        equivalence: Equivalence { case: true, form: false },
    };
    state.set_pair(&pair).unwrap();
    let set: [(&str, Option<&[u8]>); 2] = [("one", Some(b"1")), ("two", Some(b""))];
    state.commit(&Commit { notes: &set, ..Commit::default() }).unwrap();
    state.set_note("one", None).unwrap();
    drop(state);
    let state = reopened(&dir);
    assert_eq!(state.pair().unwrap(), Some(pair));
    assert_eq!((state.note("one").unwrap(), state.note("two").unwrap()), (None, Some(Vec::new())));
}

fn some_row() -> impl Strategy<Value = JournalRow> {
    let word = prop::sample::select(vec!["COPY", "DELETE", "ADOPT", "", "é"]);
    let at = prop::sample::select(vec!["a", "a/b", "a/b/c", "zz/file with a longer name.txt"]);
    let at = || at.clone().prop_map(|text: &str| RelPath::try_from(text).unwrap());
    let side = prop::sample::select(vec![None, Some(Side::Left), Some(Side::Right)]);
    let result = prop::sample::select(vec![RowResult::Done, RowResult::Failed, RowResult::Skipped]);
    let text = prop::option::of(".{0,12}".prop_map(Into::into));
    let seen = || prop::option::of((0..100_u64).prop_map(entry));
    let first = (any::<i64>(), word.clone(), word, at(), prop::option::of(at()), side);
    let second = (any::<u64>(), result, text, prop::option::of(at()), seen(), seen());
    (first, second).prop_map(|(first, second)| {
        let (time_ns, action, rule, path, to, side) = first;
        let (size, result, error, trashed, before, after) = second;
        let (action, rule) = (action.into(), rule.into());
        JournalRow { time_ns, action, rule, path, to, side, size, result, error, trashed, before, after }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn any_rows_come_back(batches in prop::collection::vec(prop::collection::vec(some_row(), 1..150), 1..4)) {
        let (_dir, state) = fresh();
        let run = state.begin_run("sync", 0).unwrap();
        for batch in &batches {
            journal(&state, run, batch);
        }
        let read: Vec<_> = rows(state.journal(run).unwrap()).into_iter().map(|found| found.row).collect();
        prop_assert_eq!(read, batches.concat());
    }
}

#[test]
fn old_runs_go_step_by_step_and_a_run_goes_with_its_last_row() {
    let (_dir, state) = fresh();
    let many: Vec<_> = (0..9000).map(|n| row(n, &format!("dir {n}/file"))).collect();
    for started in [1, 2, 3] {
        let run = state.begin_run("sync", started).unwrap();
        journal(&state, run, if started == 2 { &many } else { &many[..1] });
    }
    let left = || state.runs(.., 10).unwrap().iter().map(|run| run.started_ns).collect::<Vec<_>>();
    let mut steps = vec![];
    loop {
        let step = state.purge_some_runs(3, 2).unwrap();
        steps.push((step.runs, left()));
        if !step.more {
            break;
        }
    }
    assert!(steps.len() > 3, "{steps:?}");
    assert_eq!(steps[0], (1, vec![3, 2]));
    assert_eq!(steps.last(), Some(&(1, vec![3])));
    assert!(steps[1..steps.len() - 1].iter().all(|(runs, _)| *runs == 0));
    assert_eq!(rows(state.journal_since(0).unwrap()).len(), 1);
    assert_eq!(state.purge_some_runs(3, 5).unwrap(), Purged::default());
}

#[test]
fn a_file_gives_back_what_it_does_not_need_any_more() {
    let (dir, state) = fresh();
    let size = || std::fs::metadata(dir.path().join("state.redb")).unwrap().len();
    let many: Vec<_> =
        (0..60_000).map(|n| row(n, &format!("dir {}/a file with a name {n}", n % 100))).collect();
    for started in [1, 2] {
        let run = state.begin_run("sync", started).unwrap();
        journal(&state, run, if started == 1 { &many } else { &many[..3] });
    }
    let full = size();
    assert!(!state.compact(0).unwrap(), "it is full");
    state.purge_runs(2).unwrap();
    assert!(!state.compact(full * 2).unwrap(), "the waste is too small to care");
    assert_eq!(size(), full);
    let mut reader = state.journal(RunId(2)).unwrap();
    assert!(!state.compact(0).unwrap(), "somebody reads");
    assert!(reader.next().is_some());
    drop(reader);
    assert!(state.compact(0).unwrap());
    assert!(size() < full / 2, "{} of {full}", size());
    assert_eq!(rows(state.journal(RunId(2)).unwrap()).len(), 3);
    journal(&state, RunId(2), &many[..10]);
    drop(state);
    assert_eq!(rows(reopened(&dir).journal(RunId(2)).unwrap()).len(), 13);
}
