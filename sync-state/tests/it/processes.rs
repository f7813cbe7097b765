//! More than one process: a lock for the living, and what a killed writer leaves.
//!
//! The test binary runs itself: [`child`] is a test that does nothing unless it is told to be the other process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sync_core::baseline::BaselineChange;
use sync_state::{Commit, JournalRow, RowResult, State, StateError, Tombstone};

use crate::support::{file, flat, gone, path, set};

const ROLE: &str = "SYNC_STATE_TEST_ROLE";
const FOLDER: &str = "SYNC_STATE_TEST_FOLDER";
const FILES: u64 = 400;

/// The other process, which does not outlive this.
struct Other(Child);

impl Other {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(role: &str, folder: &Path) -> Other {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Other(child)
}

/// Waits until the child has said `word` once.
fn wait_for(child: &mut Other, word: &str) {
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(word)), "the child never said `{word}`");
    // Whatever it says later must not block it.
    std::thread::spawn(move || lines.count());
}

#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = std::env::var_os(FOLDER).unwrap();
    let state = State::open(Path::new(&folder)).unwrap().state;
    println!("ready");
    match role.as_str() {
        "hold" => std::thread::sleep(Duration::from_mins(1)),
        "write" => {
            let run = state.begin_run("sync", 1).unwrap();
            for generation in written(&state) + 1.. {
                write_generation(&state, run, generation);
            }
        }
        other => panic!("no such role: {other}"),
    }
}

/// The changes of one generation: every file gets a version of it, one file alternates between there and gone.
fn generation_changes(generation: u64) -> Vec<BaselineChange> {
    let mut changes: Vec<_> =
        (0..FILES).map(|n| set(&format!("dir {}/file {n}", n % 7), file(generation * 10_000 + n))).collect();
    changes.push(if generation.is_multiple_of(2) { set("even", file(generation)) } else { gone("even") });
    changes
}

fn write_generation(state: &State, run: sync_state::RunId, generation: u64) {
    let row = JournalRow {
        time_ns: generation as i64,
        action: "ADOPT".into(),
        rule: "adopt".into(),
        path: path("even"),
        to: None,
        side: None,
        size: generation,
        result: RowResult::Done,
        error: None,
        trashed: None,
        before: None,
        after: None,
    };
    let stone = Tombstone { path: path("odd"), deleted_ns: generation as i64, run: Some(run), last: None };
    let number = generation.to_le_bytes();
    state
        .commit(&Commit {
            baseline: &generation_changes(generation),
            tombstones: &[stone],
            run: Some(run),
            journal: &[row],
            notes: &[("generation", Some(&number))],
            ..Commit::default()
        })
        .unwrap();
}

fn written(state: &State) -> u64 {
    state.note("generation").unwrap().map_or(0, |note| u64::from_le_bytes(note.try_into().unwrap()))
}

/// Everything in the state must be of the one generation that the note tells.
fn check_generation(state: &State) -> u64 {
    let generation = written(state);
    if generation == 0 {
        assert_eq!(state.counts().unwrap().entries, 0);
        return 0;
    }
    let mut wanted: Vec<_> = generation_changes(generation)
        .into_iter()
        .filter_map(|change| Some((change.path, change.agreed?)))
        .collect();
    wanted.sort_by(|(a, _), (b, _)| (a.parent(), a.name()).cmp(&(b.parent(), b.name())));
    assert_eq!(flat(state.baseline().unwrap()), wanted);
    assert_eq!(state.tombstone(&path("odd")).unwrap().unwrap().deleted_ns, generation as i64);
    let rows: Vec<u64> = state.journal_since(0).unwrap().map(|row| row.unwrap().row.size).collect();
    assert_eq!(rows, (1..=generation).collect::<Vec<_>>());
    generation
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_whole_commit() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = 0;
    let mut slow = 0;
    for round in 0..25_u64 {
        let mut child = spawn("write", dir.path());
        wait_for(&mut child, "ready");
        std::thread::sleep(Duration::from_micros(1500 + round * 2711));
        child.kill();
        let before = Instant::now();
        let opened = State::open(dir.path()).unwrap();
        slow += usize::from(before.elapsed() > Duration::from_secs(5));
        assert!(opened.set_aside.is_none());
        let now = check_generation(&opened.state);
        assert!(now >= last, "commits were lost: {last} then {now}");
        last = now;
    }
    assert!(last > 10, "the writer hardly wrote: {last}");
    // A busy machine delays one or another; what mends the state as long as it is large would delay each.
    assert!(slow < 5, "opening after a kill took too long {slow} times");
}

#[test]
fn a_maker_killed_at_any_moment_leaves_a_state_or_none() {
    for round in 0..30_u64 {
        let dir = tempfile::tempdir().unwrap();
        let mut child = spawn("write", dir.path());
        std::thread::sleep(Duration::from_micros(round * 400));
        child.kill();
        let opened = State::open(dir.path()).unwrap();
        assert!(opened.set_aside.is_none(), "after {round}");
        check_generation(&opened.state);
    }
}

#[test]
fn one_session_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = spawn("hold", dir.path());
    wait_for(&mut child, "ready");
    let refused = State::open(dir.path()).unwrap_err();
    assert!(
        matches!(&refused, StateError::Locked { holder: Some(pid), .. } if *pid == child.0.id()),
        "{refused:?}"
    );
    assert!(refused.to_string().contains(&child.0.id().to_string()));
    assert!(matches!(State::open_existing(dir.path()), Err(StateError::Locked { .. })));
    child.kill();
    let opened = State::open(dir.path()).unwrap();
    assert!(opened.set_aside.is_none() && !opened.created);
    // In one process too.
    assert!(matches!(State::open(dir.path()), Err(StateError::Locked { .. })));
}
