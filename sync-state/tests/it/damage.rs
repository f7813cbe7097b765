//! Files that are no good: set aside or refused, never a panic, never deleted.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use sync_core::baseline::BaselineChange;
use sync_core::path::RelPath;
use sync_state::{Commit, JournalRow, RowResult, State, StateError};

use crate::support::{directory, file, fresh, path, set};

fn filled() -> (tempfile::TempDir, Vec<BaselineChange>) {
    let (dir, state) = fresh();
    let mut baseline = vec![set("dir", directory(1))];
    baseline.extend((0..600).map(|n| set(&format!("dir/file {n:04}"), file(n))));
    let run = state.begin_run("sync", 1).unwrap();
    let rows: Vec<_> = (0..100)
        .map(|n| JournalRow {
            time_ns: n,
            action: "ADOPT".into(),
            rule: "adopt".into(),
            path: path("dir"),
            to: None,
            side: None,
            size: 0,
            result: RowResult::Done,
            error: None,
            trashed: None,
            before: None,
            after: None,
        })
        .collect();
    let commit = Commit { baseline: &baseline, run: Some(run), journal: &rows, ..Commit::default() };
    state.commit(&commit).unwrap();
    (dir, baseline)
}

fn state_file(dir: &Path) -> PathBuf {
    dir.join("state.redb")
}

fn asides(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("state.redb.corrupt-"))
        .collect();
    found.sort();
    found
}

/// Uses everything there is in a state; what it reads must be what was written, or an error.
fn use_all(state: &State, baseline: &[BaselineChange]) -> Result<(), StateError> {
    let written: HashMap<_, _> =
        baseline.iter().map(|change| (&change.path, change.agreed.as_ref().unwrap())).collect();
    let mut seen = 0;
    for dir in state.baseline()? {
        let dir = dir?;
        for (key, version) in dir.children {
            let path = dir.path.join(&key).unwrap();
            assert_eq!(written.get(&path), Some(&&version), "{path}");
            seen += 1;
        }
    }
    assert_eq!(seen, baseline.len(), "entries vanished without an error");
    for run in state.runs(.., usize::MAX)? {
        for row in state.journal(run.id)? {
            assert_eq!(&*row?.row.action, "ADOPT");
        }
    }
    state.conflicts()?;
    state.trash()?;
    state.tombstones()?;
    state.agreed(&path("dir/file 0300"))?;
    state.commit(&Commit { baseline: &[set("new", file(1))], ..Commit::default() })
}

#[test]
fn a_file_that_is_no_state_is_set_aside_whole() {
    for content in [b"".as_slice(), b"x", b"not a database at all", &[0; 4096], &vec![0xff; 100_000]] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(state_file(dir.path()), content).unwrap();
        let opened = State::open(dir.path()).unwrap();
        assert!(!opened.created);
        let aside = opened.set_aside.expect("set aside");
        assert_eq!(fs::read(&aside).unwrap(), content);
        assert_eq!(asides(dir.path()), [aside]);
        use_all(&opened.state, &[]).unwrap();
    }
}

#[test]
fn one_set_aside_never_replaces_another() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..5_u8 {
        fs::write(state_file(dir.path()), [n]).unwrap();
        assert!(State::open(dir.path()).unwrap().set_aside.is_some());
    }
    let mut contents: Vec<_> = asides(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
    contents.sort();
    assert_eq!(contents, [[0], [1], [2], [3], [4]]);
}

#[test]
fn a_database_of_somebody_else_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    drop(redb::Database::create(state_file(dir.path())).unwrap());
    assert!(State::open(dir.path()).unwrap().set_aside.is_some());
}

#[test]
fn an_unfinished_new_file_is_no_state() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("state.redb.new"), b"half").unwrap();
    assert!(State::open_existing(dir.path()).unwrap().is_none());
    let opened = State::open(dir.path()).unwrap();
    assert!(opened.created && opened.set_aside.is_none());
}

#[test]
fn a_file_cut_anywhere_is_set_aside_or_refused() {
    let (dir, baseline) = filled();
    let whole = fs::read(state_file(dir.path())).unwrap();
    let step = (whole.len() / 60).max(1);
    let near_the_start = (0..600).step_by(37);
    for cut in near_the_start.chain((0..whole.len()).step_by(step)) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(state_file(dir.path()), &whole[..cut]).unwrap();
        outcome(dir.path(), &whole[..cut], &baseline);
    }
}

#[test]
fn garbage_anywhere_is_set_aside_or_refused() {
    let (dir, baseline) = filled();
    let whole = fs::read(state_file(dir.path())).unwrap();
    let used = whole.len() - whole.iter().rev().take_while(|byte| **byte == 0).count();
    let mut damaged = 0;
    let near_the_start = (0..512).step_by(11);
    for at in near_the_start.chain((512..used).step_by(used / 70)) {
        for pattern in [1_u8, 0x80, 0xff] {
            let dir = tempfile::tempdir().unwrap();
            let mut bytes = whole.clone();
            let len = if pattern == 0xff { 64 } else { 1 };
            for byte in bytes[at..].iter_mut().take(len) {
                *byte ^= pattern;
            }
            fs::write(state_file(dir.path()), &bytes).unwrap();
            damaged += usize::from(outcome(dir.path(), &bytes, &baseline));
        }
    }
    assert!(damaged > 60, "only {damaged} of the changes were noticed");
}

/// Opens a damaged file and uses it. Whether the damage was noticed.
fn outcome(dir: &Path, bytes: &[u8], baseline: &[BaselineChange]) -> bool {
    match State::open(dir) {
        Ok(opened) => match opened.set_aside {
            Some(aside) => {
                assert!(fs::read(aside).unwrap().len() >= bytes.len().min(1));
                use_all(&opened.state, &[]).unwrap();
                true
            }
            None => match use_all(&opened.state, baseline) {
                Ok(()) => false,
                Err(error) => {
                    assert!(
                        matches!(error, StateError::Corrupt { .. } | StateError::Poisoned { .. }),
                        "{error:?}"
                    );
                    let aside = opened.state.set_aside_and_restart().unwrap();
                    assert!(aside.exists());
                    use_all(&opened.state, &[]).unwrap();
                    true
                }
            },
        },
        Err(_) => {
            assert!(state_file(dir).exists() || !asides(dir).is_empty());
            true
        }
    }
}

#[test]
fn a_path_that_is_a_folder_is_refused_and_left() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(state_file(dir.path())).unwrap();
    assert!(matches!(State::open(dir.path()), Err(StateError::Io { .. })));
    assert!(state_file(dir.path()).is_dir());
}

#[test]
fn nothing_is_made_where_there_is_no_state() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("a/b");
    assert!(State::open_existing(&below).unwrap().is_none());
    assert!(!below.parent().unwrap().exists());
    assert!(State::open_existing(dir.path()).unwrap().is_none());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(State::open(&below).unwrap().created);
    assert!(State::open_existing(&below).unwrap().is_some());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("state");
    let opened = State::open(&folder).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    drop(opened);
}

#[test]
fn keys_of_any_bytes_are_shown_whole_in_errors() {
    let at = RelPath::new(b"\xff\n/x".as_slice()).unwrap();
    let (_dir, state) = fresh();
    let change = BaselineChange { path: at.clone(), agreed: Some(file(1)) };
    state.commit(&Commit { baseline: &[change], ..Commit::default() }).unwrap();
    assert_eq!(state.agreed(&at).unwrap(), Some(file(1)));
}
