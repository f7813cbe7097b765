//! The baseline against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sync_core::baseline::{Agreed, BaselineChange};
use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_state::{Commit, Counts, State, Tombstone};

use crate::support::{directory, file, flat, fresh, gone, path, reopened, set};

fn commit(state: &State, baseline: &[BaselineChange]) {
    state.commit(&Commit { baseline, ..Commit::default() }).unwrap();
}

/// The stream's order: directories in path order, each with its children.
fn in_stream_order(model: &BTreeMap<RelPath, Agreed>) -> Vec<(RelPath, Agreed)> {
    let mut all: Vec<_> = model.iter().map(|(path, version)| (path.clone(), version.clone())).collect();
    all.sort_by(|(a, _), (b, _)| (a.parent(), a.name()).cmp(&(b.parent(), b.name())));
    all
}

fn counted(model: &BTreeMap<RelPath, Agreed>) -> Counts {
    let files = || model.values().filter(|version| version.kind == Kind::File);
    Counts {
        entries: model.len() as u64,
        files: files().count() as u64,
        bytes: files().map(|version| version.size).sum(),
    }
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let (dir, state) = fresh();
    commit(&state, &[set("a", directory(1)), set("a/x", file(2)), set("b.txt", file(3))]);
    drop(state);
    let state = reopened(&dir);
    assert_eq!(state.agreed(&path("a/x")).unwrap(), Some(file(2)));
    assert_eq!(state.agreed(&path("a/y")).unwrap(), None);
    assert_eq!(state.agreed(&path("a/x/z")).unwrap(), None);
    assert_eq!(state.agreed(&RelPath::root()).unwrap(), None);
    let paths: Vec<_> = flat(state.baseline().unwrap()).into_iter().map(|(path, _)| path.display()).collect();
    assert_eq!(paths, ["a", "b.txt", "a/x"]);
}

#[test]
fn the_last_change_for_a_path_stands() {
    let (_dir, state) = fresh();
    commit(
        &state,
        &[set("a", file(1)), gone("b"), set("a", file(2)), set("b", file(3)), gone("c"), set("a", file(4))],
    );
    assert_eq!(state.agreed(&path("a")).unwrap(), Some(file(4)));
    assert_eq!(state.agreed(&path("b")).unwrap(), Some(file(3)));
    assert_eq!(state.counts().unwrap().entries, 2);
}

#[test]
fn a_stream_shows_the_moment_it_began() {
    let (_dir, state) = fresh();
    commit(&state, &[set("a", file(1)), set("d/b", file(2))]);
    let mut stream = state.baseline().unwrap();
    stream.next().unwrap().unwrap();
    commit(&state, &[gone("d/b"), set("d/c", file(3))]);
    let rest: Vec<_> = stream.map(|dir| dir.unwrap().children.len()).collect();
    assert_eq!(rest, [1]);
    assert_eq!(state.agreed(&path("d/b")).unwrap(), None);
}

#[test]
fn opening_again_ends_streams_and_nothing_else() {
    let (_dir, state) = fresh();
    let many: Vec<_> = (0..3000).map(|n| set(&format!("dir {n}/file"), file(n))).collect();
    commit(&state, &many);
    let mut stream = state.baseline().unwrap();
    stream.next().unwrap().unwrap();
    state.reopen().unwrap();
    let rest: Vec<_> = stream.collect();
    let whole = rest.iter().all(Result::is_ok) && rest.len() == 2999;
    let ended =
        rest.last().is_some_and(Result::is_err) && rest.iter().filter(|dir| dir.is_err()).count() == 1;
    assert!(whole || ended, "{} directories", rest.len());
    commit(&state, &[gone("dir 0/file")]);
    assert_eq!(flat(state.baseline().unwrap()).len(), 2999);
}

#[test]
fn a_part_of_the_tree_can_be_read_alone() {
    let (_dir, state) = fresh();
    let all = ["a", "a/b", "a/b/c", "a b", "a b/d", "a.txt", "b"];
    commit(&state, &all.map(|at| set(at, file(1))));
    let below = |at: &str| -> Vec<_> {
        flat(state.baseline_below(&path(at)).unwrap()).into_iter().map(|(path, _)| path.display()).collect()
    };
    assert_eq!(below("a"), ["a/b", "a/b/c"]);
    assert_eq!(below("a b"), ["a b/d"]);
    assert_eq!(below("").len(), all.len());
    assert!(below("a.txt").is_empty());
    let dir = state.baseline_dir(&path("a")).unwrap();
    assert_eq!(dir.children.len(), 1);
    assert_eq!(state.baseline_dir(&RelPath::root()).unwrap().children.len(), 4);
}

#[test]
fn a_large_directory_is_split_and_shrinks_again() {
    let (dir, state) = fresh();
    let name = |n: u64| format!("dir/file number {n:05}.docx");
    let all: Vec<_> = (0..5000).map(|n| set(&name(n * 7919 % 5000), file(n))).collect();
    for part in all.chunks(617) {
        commit(&state, part);
    }
    assert_eq!(state.baseline_dir(&path("dir")).unwrap().children.len(), 5000);
    let most: Vec<_> = (0..5000).filter(|n| n % 500 != 0).map(|n| gone(&name(n))).collect();
    commit(&state, &most);
    drop(state);
    let state = reopened(&dir);
    let left = flat(state.baseline().unwrap());
    assert_eq!(left.len(), 10);
    assert!(left.is_sorted_by(|(a, _), (b, _)| a < b));
    assert_eq!(state.counts().unwrap().entries, 10);
}

#[test]
fn the_root_has_no_place() {
    let (_dir, state) = fresh();
    let change = BaselineChange { path: RelPath::root(), agreed: Some(directory(1)) };
    let refused = state.commit(&Commit { baseline: &[change], ..Commit::default() }).unwrap_err();
    assert!(matches!(refused, sync_state::StateError::Misuse { .. }), "{refused}");
    commit(&state, &[set("a", file(1))]);
}

#[test]
fn forgetting_empties_the_baseline_alone() {
    let (_dir, state) = fresh();
    commit(&state, &[set("a", file(1))]);
    state.set_note("keep", Some(b"this")).unwrap();
    state.forget_baseline().unwrap();
    assert_eq!(state.baseline().unwrap().count(), 0);
    assert_eq!(state.counts().unwrap(), Counts::default());
    assert_eq!(state.note("keep").unwrap().as_deref(), Some(b"this".as_slice()));
}

#[test]
fn a_tombstone_keeps_what_the_same_commit_takes_away() {
    let (_dir, state) = fresh();
    commit(&state, &[set("a", file(1)), set("b", file(2))]);
    let stone = |at: &str, last| Tombstone { path: path(at), deleted_ns: 5, run: None, last };
    state
        .commit(&Commit {
            baseline: &[gone("a"), gone("b")],
            tombstones: &[stone("a", None), stone("b", Some(file(9))), stone("c", None)],
            ..Commit::default()
        })
        .unwrap();
    let last = |at: &str| state.tombstone(&path(at)).unwrap().unwrap().last;
    assert_eq!((last("a"), last("b"), last("c")), (Some(file(1)), Some(file(9)), None));
    assert_eq!(state.purge_tombstones(5).unwrap(), 0);
    assert_eq!(state.purge_tombstones(6).unwrap(), 3);
    assert!(state.tombstones().unwrap().is_empty());
}

fn some_path() -> impl Strategy<Value = RelPath> {
    let name = prop::collection::vec(prop::sample::select(b"ab. \xff\x01~".to_vec()), 1..4)
        .prop_filter("a name", |name| sync_core::path::check_name(name).is_ok());
    prop::collection::vec(name, 1..5).prop_map(|names| RelPath::new(names.join(&b'/')).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_changes_leave_what_a_map_would(
        commits in prop::collection::vec(
            prop::collection::vec((some_path(), prop::option::weighted(0.7, 0..1000_u64)), 1..200),
            1..6,
        )
    ) {
        let (dir, state) = fresh();
        let mut model = BTreeMap::new();
        for changes in commits {
            let changes: Vec<_> = changes
                .into_iter()
                .map(|(path, seed)| BaselineChange { path, agreed: seed.map(file) })
                .collect();
            for change in &changes {
                match &change.agreed {
                    Some(version) => model.insert(change.path.clone(), version.clone()),
                    None => model.remove(&change.path),
                };
            }
            commit(&state, &changes);
            prop_assert_eq!(flat(state.baseline().unwrap()), in_stream_order(&model));
            prop_assert_eq!(state.counts().unwrap(), counted(&model));
        }
        for (path, version) in &model {
            prop_assert_eq!(state.agreed(path).unwrap(), Some(version.clone()));
        }
        drop(state);
        prop_assert_eq!(flat(reopened(&dir).baseline().unwrap()), in_stream_order(&model));
    }

    #[test]
    fn directories_come_in_path_order(paths in prop::collection::btree_set(some_path(), 1..100)) {
        let (_dir, state) = fresh();
        let changes: Vec<_> =
            paths.iter().map(|path| BaselineChange { path: path.clone(), agreed: Some(file(1)) }).collect();
        commit(&state, &changes);
        let dirs: Vec<_> = state.baseline().unwrap().map(|dir| dir.unwrap()).collect();
        prop_assert!(dirs.is_sorted_by(|a, b| a.path < b.path));
        for dir in dirs {
            prop_assert!(dir.children.is_sorted_by(|a, b| a.0 < b.0));
        }
    }
}
