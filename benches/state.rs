//! Loading and committing the baseline of 90,000 entries in 6,800 directories.

use std::num::NonZeroU64;

use divan::{Bencher, black_box};
use sync_core::baseline::{Agreed, BaselineChange, Record};
use sync_core::entry::{Attributes, Digest, Entry, Kind};
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_state::{Commit, JournalQuery, JournalRow, RowResult, State};
use tempfile::TempDir;

const DIRS: u64 = 6_800;
const ENTRIES: u64 = 90_000;

fn main() {
    divan::main();
}

fn path(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap_or_default()
}

/// A cheap scatter of numbers, the same every time.
fn scatter(seed: u64) -> u64 {
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 16
}

fn version(seed: u64, kind: Kind, digest: bool) -> Agreed {
    let record = |right: u64| Record {
        name: None,
        attributes: Attributes::Unix(if kind == Kind::Dir { 0o755 } else { 0o644 }),
        mtime_ns: 1_600_000_000_000_000_000 + (scatter(seed) % 200_000_000_000_000_000) as i64,
        ctime_ns: 1_790_000_000_000_000_000 + ((seed * 2 + right) * 250_000) as i64,
        file_id: NonZeroU64::new(1_000_000 * (right + 1) + seed),
        xattrs: None,
    };
    Agreed {
        kind,
        size: if kind == Kind::File { scatter(seed + 1) % 20_000 } else { 0 },
        digest: digest.then_some(Digest([seed as u8; 32])),
        target: None,
        sides: Sides::new(record(0), record(1)),
    }
}

/// A tree three levels deep with 12 files or so in each directory.
fn tree(digest: bool) -> Vec<BaselineChange> {
    let dir = |n: u64| match n {
        0..20 => format!("department {n:02}"),
        20..420 => format!("department {:02}/project number {n:04}", n % 20),
        _ => format!("department {:02}/project number {:04}/folder {n:05}", n % 20, 20 + n % 400),
    };
    let change = |at: &str, version| BaselineChange { path: path(at), agreed: Some(version) };
    let dirs = (0..DIRS).map(|n| change(&dir(n), version(n, Kind::Dir, false)));
    let files = (DIRS..ENTRIES).map(|n| {
        let at = format!("{}/Report {} of {n:06}.docx", dir(n % DIRS), scatter(n) % 1000);
        change(&at, version(n, Kind::File, digest))
    });
    dirs.chain(files).collect()
}

fn empty() -> (TempDir, State) {
    let dir = tempfile::tempdir().expect("a folder");
    let state = State::open(dir.path()).expect("a state").state;
    (dir, state)
}

fn commit(state: &State, baseline: &[BaselineChange]) {
    state.commit(&Commit { baseline, ..Commit::default() }).expect("a commit");
}

#[divan::bench(args = [false, true], sample_count = 20, sample_size = 1)]
fn load_90_000_with_digests(bencher: Bencher<'_, '_>, digest: bool) {
    let (dir, state) = empty();
    commit(&state, &tree(digest));
    drop(state);
    bencher
        .with_inputs(|| State::open(dir.path()).expect("a state").state)
        .bench_local_refs(|state| read_all(state));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn load_90_000_again(bencher: Bencher<'_, '_>) {
    let (_dir, state) = empty();
    commit(&state, &tree(false));
    bencher.bench_local(|| read_all(&state));
}

fn read_all(state: &State) -> usize {
    let mut seen = 0;
    for dir in state.baseline().expect("a stream") {
        seen += black_box(dir.expect("a directory")).children.len();
    }
    assert_eq!(seen as u64, ENTRIES);
    seen
}

#[divan::bench(args = [false, true], sample_count = 10, sample_size = 1)]
fn commit_90_000_with_digests(bencher: Bencher<'_, '_>, digest: bool) {
    let changes = tree(digest);
    bencher.with_inputs(empty).bench_local_refs(|(_dir, state)| commit(state, &changes));
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn commit_100_among_90_000(bencher: Bencher<'_, '_>) {
    let (_dir, state) = empty();
    let all = tree(false);
    commit(&state, &all);
    let mut round = 0;
    bencher
        .with_inputs(|| {
            round += 1;
            (0..100)
                .map(|n| BaselineChange {
                    path: all[(scatter(n + round * 100) % ENTRIES) as usize].path.clone(),
                    agreed: Some(version(n + round, Kind::File, true)),
                })
                .collect::<Vec<_>>()
        })
        .bench_local_refs(|changes| commit(&state, changes));
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn commit_of_one_note(bencher: Bencher<'_, '_>) {
    let (_dir, state) = empty();
    bencher.bench_local(|| state.set_note("a", Some(b"b")).expect("a note"));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn journal_10_000_rows(bencher: Bencher<'_, '_>) {
    let rows = rows(10_000);
    bencher.with_inputs(empty).bench_local_refs(|(_dir, state)| journal(state, &rows));
}

fn a_million_rows() -> (TempDir, State) {
    let (dir, state) = empty();
    let rows = rows(50_000);
    for _ in 0..20 {
        journal(&state, &rows);
    }
    (dir, state)
}

/// Every row made, which is what a search without an index would have to do.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn read_1_000_000_journal_rows(bencher: Bencher<'_, '_>) {
    let (_dir, state) = a_million_rows();
    bencher.bench_local(|| {
        state
            .journal_since(0)
            .expect("a journal")
            .try_fold(0, |rows, row| row.map(|_| rows + 1))
            .expect("rows")
    });
}

fn find(bencher: Bencher<'_, '_>, query: &JournalQuery<'_>, expected: usize) {
    let (_dir, state) = a_million_rows();
    bencher.bench_local(|| {
        let found = state.search(query).expect("rows");
        assert_eq!(found.rows.len(), expected);
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn search_1_000_000_journal_rows_for_a_path(bencher: Bencher<'_, '_>) {
    let ending = |path: &[u8]| path.ends_with(b" of 049999.docx");
    find(bencher, &JournalQuery { path: Some(&ending), ..JournalQuery::default() }, 20);
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn search_1_000_000_journal_rows_for_an_action(bencher: Bencher<'_, '_>) {
    let word = |word: &str| word == "CLASH_CREATE";
    find(bencher, &JournalQuery { action: Some(&word), ..JournalQuery::default() }, 0);
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn search_1_000_000_journal_rows_for_the_latest(bencher: Bencher<'_, '_>) {
    find(bencher, &JournalQuery { limit: 1000, ..JournalQuery::default() }, 1000);
}

fn rows(count: u64) -> Vec<JournalRow> {
    let entry = |seed: u64| {
        let version = version(seed, Kind::File, false);
        Entry { size: version.size, ..version.entry(Side::Left) }
    };
    tree(false)
        .into_iter()
        .skip(DIRS as usize)
        .take(count as usize)
        .enumerate()
        .map(|(n, change)| JournalRow {
            time_ns: 1_790_000_000_000_000_000 + n as i64 * 100_000,
            action: "COPY_LEFT_TO_RIGHT".into(),
            rule: "changed-left".into(),
            path: change.path,
            to: None,
            side: Some(Side::Right),
            size: n as u64,
            result: RowResult::Done,
            error: None,
            trashed: None,
            before: Some(entry(n as u64)),
            after: Some(entry(n as u64 + 1)),
        })
        .collect()
}

fn journal(state: &State, rows: &[JournalRow]) {
    let run = state.begin_run("sync", 1).expect("a run");
    state.commit(&Commit { run: Some(run), journal: rows, ..Commit::default() }).expect("a commit");
}
