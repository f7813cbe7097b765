//! What `status` and `history` ask, of a state of 90,000 entries and 1,000,000 journal rows, beside opening it.
//!
//! With `BOTHWAYS_FILL=DIR` it lays such a state down in `DIR` and ends, to try the program itself on:
//! `bothways history --left /a --right /b --state DIR --path '*.docx'`.

use std::path::Path;
use std::sync::LazyLock;

use bothways_benches::{DIRS, ENTRIES, dir, file};
use divan::{Bencher, black_box};
use sync_core::baseline::{Agreed, BaselineChange, Record};
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_engine::records::{HistoryQuery, PathGlob, Records};
use sync_engine::report::FORMAT;
use sync_state::{
    Checked, Commit, JournalRow, Pair, ProblemChange, ProblemId, RowResult, RunSummary, StandingProblem,
    State, TrashEntry, TrashReason,
};
use tempfile::TempDir;

/// Runs of the journal, an hour apart; the last ended a moment ago.
const RUNS: u64 = 1000;
const ROWS_A_RUN: u64 = 1000;
const HOUR_NS: i64 = 3600 * 1_000_000_000;

static FILLED: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    fill(folder.path());
    folder
});

fn main() {
    if let Some(folder) = std::env::var_os("BOTHWAYS_FILL") {
        fill(Path::new(&folder));
        return;
    }
    assert_eq!(FORMAT, 1, "the documents have changed: look whether this still asks what the program asks");
    divan::main();
}

fn path(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap_or_default()
}

fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() as i64
}

fn entry(seed: u64) -> Entry {
    Entry {
        kind: Kind::File,
        size: seed % 20_000,
        mtime_ns: 1_700_000_000_000_000_000 + (seed * 7_919_017) as i64,
        ctime_ns: 1_790_000_000_000_000_000 + (seed * 250_000) as i64,
        attributes: Attributes::Unix(0o644),
        file_id: std::num::NonZeroU64::new(1_000_000 + seed),
    }
}

fn agreed(seed: u64, kind: Kind) -> Agreed {
    let Entry { mtime_ns, ctime_ns, attributes, file_id, .. } = entry(seed);
    let record = Record { name: None, attributes, mtime_ns, ctime_ns, file_id, xattrs: None };
    let size = if kind == Kind::File { entry(seed).size } else { 0 };
    Agreed { kind, size, digest: None, target: None, sides: Sides::new(record.clone(), record) }
}

fn fill(folder: &Path) {
    let state = State::open(folder).expect("a state").state;
    let roots = Sides::new("/a".to_owned(), "/b".to_owned());
    state.set_pair(&Pair { id: "0".repeat(32), roots, equivalence: Equivalence::EXACT }).expect("a pair");
    let change = |at: String, agreed| BaselineChange { path: path(&at), agreed: Some(agreed) };
    let dirs = (0..DIRS).map(|n| change(dir(n), agreed(n, Kind::Dir)));
    let files = (DIRS..ENTRIES).map(|n| change(file(n), agreed(n, Kind::File)));
    let baseline: Vec<_> = dirs.chain(files).collect();
    state.commit(&Commit { baseline: &baseline, ..Commit::default() }).expect("a baseline");
    let now = now_ns();
    for run in 0..RUNS {
        let started = now - (RUNS - run) as i64 * HOUR_NS;
        let id = state.begin_run("sync", started).expect("a run");
        let rows: Vec<_> = (0..ROWS_A_RUN).map(|n| row(started, run, n)).collect();
        let gone = &rows[..10];
        let trashed: Vec<_> = gone
            .iter()
            .map(|row| TrashEntry {
                side: Side::Right,
                path: row.path.clone(),
                trashed: path(&format!("{}/{run}.docx", dir(run % DIRS))),
                size: row.size,
                deleted_ns: row.time_ns,
                run: Some(id),
                reason: TrashReason::Deleted,
            })
            .collect();
        let summary = RunSummary {
            finished_ns: started + HOUR_NS / 2,
            outcome: "clean".to_owned(),
            bytes: 1 << 30,
            counts: [("COPY_LEFT_TO_RIGHT".to_owned(), ROWS_A_RUN)].into(),
        };
        let commit = Commit {
            run: Some(id),
            journal: &rows,
            finish: Some(&summary),
            trashed: &trashed,
            ..Commit::default()
        };
        state.commit(&commit).expect("a run");
    }
    let problems: Vec<_> = (0..100).map(problem).collect();
    let checked =
        Checked { at_ns: now, in_sync: false, since_ns: now - HOUR_NS, left_undone: 0, halted: None };
    let last = Commit { problems: &problems, checked: Some(&checked), ..Commit::default() };
    state.commit(&last).expect("problems");
}

fn row(started: i64, run: u64, n: u64) -> JournalRow {
    let seed = (run * 977 + n * 13) % ENTRIES;
    JournalRow {
        time_ns: started + n as i64 * 1_000_000,
        action: if n < 10 { "SOFT_DELETE_RIGHT" } else { "COPY_LEFT_TO_RIGHT" }.into(),
        rule: if n < 10 { "deleted-left" } else { "changed-left" }.into(),
        path: path(&file(seed)),
        to: None,
        side: Some(Side::Right),
        size: seed % 20_000,
        result: RowResult::Done,
        error: None,
        trashed: None,
        before: Some(entry(seed)),
        after: (n >= 10).then(|| entry(seed + run)),
    }
}

fn problem(n: u64) -> ProblemChange {
    ProblemChange::Put(StandingProblem {
        id: ProblemId {
            path: path(&file(n)),
            side: Side::Left,
            operation: "scan".into(),
            kind: "in-use".into(),
        },
        error: "it is in use".to_owned(),
        first_seen_ns: 1,
        last_seen_ns: 2,
        times: 3,
    })
}

fn state() -> State {
    State::open(FILLED.path()).expect("a state").state
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_open_the_state(bencher: Bencher<'_, '_>) {
    drop(state());
    bencher.bench_local(|| black_box(state()));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn b_status(bencher: Bencher<'_, '_>) {
    drop(state());
    bencher.bench_local(|| black_box(Records::new(&state()).status(24).expect("a status")));
}

fn history(bencher: Bencher<'_, '_>, query: &HistoryQuery) {
    drop(state());
    bencher.bench_local(|| black_box(Records::new(&state()).history(query).expect("a history")));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn c_history(bencher: Bencher<'_, '_>) {
    history(bencher, &HistoryQuery::default());
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn d_history_of_one_path(bencher: Bencher<'_, '_>) {
    let path = PathGlob::new(&file(50_000)).ok();
    history(bencher, &HistoryQuery { path, ..HistoryQuery::default() });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn e_history_of_a_pattern(bencher: Bencher<'_, '_>) {
    let path = PathGlob::new("*049*9.docx").ok();
    history(bencher, &HistoryQuery { path, ..HistoryQuery::default() });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn f_history_of_an_action(bencher: Bencher<'_, '_>) {
    history(bencher, &HistoryQuery { action: Some("rename".to_owned()), ..HistoryQuery::default() });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn g_one_run(bencher: Bencher<'_, '_>) {
    drop(state());
    bencher.bench_local(|| {
        black_box(Records::new(&state()).run(RUNS / 2, &HistoryQuery::default()).expect("a run"))
    });
}
