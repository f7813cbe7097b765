//! New keys when the pair folds names another way.

use sync_core::baseline::Agreed;
use sync_core::fold::Equivalence;
use sync_core::side::Sides;
use sync_state::{Commit, Counts, Pair, Rekeyed, State};

use crate::support::{directory, file, flat, fresh, path, reopened, set};

const FOLDED: Equivalence = Equivalence { case: true, form: false };

fn pair(equivalence: Equivalence) -> Pair {
    let roots = Sides::new("l".to_owned(), "r".to_owned());
    Pair { id: "0".repeat(32), roots, equivalence }
}

/// A version that both sides spell as told under a folded key.
fn spelled(mut version: Agreed, left: &str, right: &str) -> Agreed {
    version.sides.left.name = Some(left.as_bytes().into());
    version.sides.right.name = Some(right.as_bytes().into());
    version
}

fn paths(state: &State) -> Vec<String> {
    flat(state.baseline().unwrap()).into_iter().map(|(path, _)| path.display()).collect()
}

#[test]
fn folding_makes_keys_of_names_and_keeps_the_spelling() {
    let (dir, state) = fresh();
    state.set_pair(&pair(Equivalence::EXACT)).unwrap();
    let baseline = [
        set("Dir", directory(1)),
        set("Dir/B.txt", file(2)),
        set("Dir/a.txt", file(3)),
        set("Dir/Sub", directory(4)),
        set("Dir/Sub/X", file(5)),
    ];
    state.commit(&Commit { baseline: &baseline, ..Commit::default() }).unwrap();
    assert_eq!(state.rekey(FOLDED).unwrap(), Rekeyed { kept: 5, dropped: 0 });
    drop(state);
    let state = reopened(&dir);
    assert_eq!(state.pair().unwrap().unwrap().equivalence, FOLDED);
    assert_eq!(paths(&state), ["dir", "dir/a.txt", "dir/b.txt", "dir/sub", "dir/sub/x"]);
    assert_eq!(state.agreed(&path("dir/b.txt")).unwrap(), Some(spelled(file(2), "B.txt", "B.txt")));
    assert_eq!(state.agreed(&path("dir/a.txt")).unwrap(), Some(file(3)));
    assert_eq!(state.rekey(Equivalence::EXACT).unwrap(), Rekeyed { kept: 5, dropped: 0 });
    assert_eq!(paths(&state), ["Dir", "Dir/B.txt", "Dir/Sub", "Dir/a.txt", "Dir/Sub/X"]);
    assert_eq!(state.agreed(&path("Dir/B.txt")).unwrap(), Some(file(2)));
}

#[test]
fn paths_that_meet_under_one_key_leave_with_all_below_them() {
    let (_dir, state) = fresh();
    state.set_pair(&pair(Equivalence::EXACT)).unwrap();
    let baseline = [
        set("A", directory(1)),
        set("A/x", file(2)),
        set("A/deep", directory(3)),
        set("A/deep/y", file(4)),
        set("a", directory(5)),
        set("a/z", file(6)),
        set("b", file(7)),
        set("B", file(8)),
        set("c", file(9)),
    ];
    state.commit(&Commit { baseline: &baseline, ..Commit::default() }).unwrap();
    assert_eq!(state.rekey(FOLDED).unwrap(), Rekeyed { kept: 1, dropped: 8 });
    assert_eq!(paths(&state), ["c"]);
    assert_eq!(state.counts().unwrap(), Counts { entries: 1, files: 1, bytes: file(9).size });
}

#[test]
fn sides_that_spell_a_name_differently_have_no_exact_path() {
    let (_dir, state) = fresh();
    state.set_pair(&pair(FOLDED)).unwrap();
    let baseline = [
        set("same", spelled(file(1), "Same", "Same")),
        set("other", spelled(file(2), "Other", "OTHER")),
        set("dir", spelled(directory(3), "DIR", "Dir")),
        set("dir/below", file(4)),
    ];
    state.commit(&Commit { baseline: &baseline, ..Commit::default() }).unwrap();
    assert_eq!(state.rekey(Equivalence::EXACT).unwrap(), Rekeyed { kept: 1, dropped: 3 });
    assert_eq!(paths(&state), ["Same"]);
}

#[test]
fn without_a_pair_there_is_nothing_to_make_keys_of() {
    let (_dir, state) = fresh();
    assert!(matches!(state.rekey(FOLDED), Err(sync_state::StateError::Misuse { .. })));
}
