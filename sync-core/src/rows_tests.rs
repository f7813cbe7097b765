//! Flat rows against the trees they stand for.

use alloc::string::{String, ToString as _};
use alloc::vec;

use super::*;
use crate::abilities::Abilities;
use crate::compare::compare;
use crate::decide::{Terms, decide};
use crate::entry::Reason;
use crate::plan::{Evidence, Plan};
use crate::policy::Policy;

fn p(path: &str) -> RelPath {
    RelPath::try_from(path).unwrap()
}

fn file(path: &str, size: u64) -> Row {
    let entry = Entry { kind: Kind::File, size, mtime_ns: 1000, ..BARE_DIR };
    Row { path: p(path), entry, target: None, trouble: None }
}

fn dir(path: &str) -> Row {
    Row { path: p(path), entry: BARE_DIR, target: None, trouble: None }
}

fn agreed(row: &Row) -> AgreedRow {
    let both = Sides { left: Some(row.entry), right: Some(row.entry) };
    AgreedRow::of(row.path.clone(), both, None, None).unwrap()
}

#[test]
fn one_side_alone_or_two_sizes_are_no_agreement() {
    let (one, other) = (file("a", 1).entry, file("a", 2).entry);
    for versions in [
        Sides { left: Some(one), right: None },
        Sides { left: None, right: Some(one) },
        Sides { left: None, right: None },
        Sides { left: Some(one), right: Some(other) },
        Sides { left: Some(one), right: Some(BARE_DIR) },
    ] {
        assert_eq!(AgreedRow::of(p("a"), versions, None, None), None);
    }
}

fn plan_of(baseline: &[Row], left: Vec<Row>, right: Vec<Row>, equivalence: Equivalence) -> Plan {
    let baseline = baseline.iter().map(agreed).collect();
    let trees = trees(baseline, Sides { left, right }, equivalence).unwrap();
    let able = Abilities { equivalence, ..Abilities::FULL };
    let terms = Terms { policy: Policy::default(), abilities: Sides { left: able.clone(), right: able } };
    let comparison = compare(&trees.snapshots, trees.baseline.into_iter(), &terms.abilities, false);
    decide(&comparison, &trees.snapshots, &Evidence::default(), &terms)
}

fn words(plan: &Plan) -> Vec<String> {
    plan.transitions().map(|(action, one)| alloc::format!("{} {}", action.word(one), one.path())).collect()
}

const EXACT: Equivalence = Equivalence::EXACT;

#[test]
fn rows_come_in_any_order_and_name_files_alone() {
    let before = [file("b/two", 2), file("a", 1), file("b/c/three", 3)];
    let left = vec![file("b/c/three", 3), file("a", 1), file("n/e/w", 7), file("b/two", 9)];
    let right = vec![file("b/two", 2), file("b/c/three", 3), file("a", 1)];
    let plan = plan_of(&before, left, right, EXACT);
    assert_eq!(
        words(&plan),
        ["MKDIR_RIGHT n", "MKDIR_RIGHT n/e", "COPY_LEFT_TO_RIGHT n/e/w", "COPY_LEFT_TO_RIGHT b/two"]
    );
}

#[test]
fn a_directory_that_nobody_names_is_not_gone_with_its_last_file() {
    let before = [file("d/in/x", 1), file("keep", 1)];
    let gone = plan_of(&before, vec![file("keep", 1)], vec![file("d/in/x", 1), file("keep", 1)], EXACT);
    assert_eq!(words(&gone), ["SOFT_DELETE_RIGHT d/in/x"]);
    // Named on one side, it is known to be gone from the other.
    let named = vec![dir("d"), dir("d/in"), file("d/in/x", 1), file("keep", 1)];
    let gone = plan_of(&before, vec![file("keep", 1)], named, EXACT);
    assert_eq!(words(&gone), ["SOFT_DELETE_RIGHT d/in/x", "RMDIR_RIGHT d/in", "RMDIR_RIGHT d"]);
    // In a folding pair as well, whatever its spelling.
    let fold = Equivalence { case: true, form: false };
    let before = [file("D/In/x", 1), file("D/keep", 1)];
    let right = vec![file("D/In/x", 1), file("D/keep", 1)];
    let gone = plan_of(&before, vec![file("D/keep", 1)], right, fold);
    assert_eq!(words(&gone), ["SOFT_DELETE_RIGHT D/In/x"]);
}

#[test]
fn a_side_without_rows_has_lost_everything_and_halts() {
    let before = [file("d/x", 1), file("d/y", 1)];
    let plan = plan_of(&before, Vec::new(), before.to_vec(), EXACT);
    assert_eq!(plan.halt.map(|halt| halt.id()), Some("empty-root"));
}

#[test]
fn a_file_in_the_place_of_an_unnamed_directory_is_a_change_of_kind() {
    let before = [file("d/x", 1), file("z", 1)];
    let left = vec![file("d", 5), file("z", 1)];
    let plan = plan_of(&before, left, before.to_vec(), EXACT);
    assert_eq!(words(&plan), ["SOFT_DELETE_RIGHT d/x", "RMDIR_RIGHT d", "COPY_LEFT_TO_RIGHT d"]);
}

#[test]
fn what_was_not_observed_is_not_gone() {
    let before = [file("d/x", 1), file("y", 1), file("z", 1)];
    let trouble = || Some(Trouble::new(Reason::UnreadableDir, ""));
    let left = vec![
        Row { trouble: trouble(), ..dir("d") },
        Row { trouble: trouble(), ..file("y", 0) },
        file("z", 1),
    ];
    let plan = plan_of(&before, left, before.to_vec(), EXACT);
    assert_eq!(words(&plan), Vec::<String>::new());
    assert_eq!(plan.blocked.len(), 2);
    let root = vec![Row { trouble: trouble(), ..dir("") }];
    assert_eq!(words(&plan_of(&before, root, before.to_vec(), EXACT)), Vec::<String>::new());
}

#[test]
fn rows_that_contradict_each_other_are_no_tree() {
    let bad = |baseline: Vec<Row>, left: Vec<Row>| {
        let baseline = baseline.iter().map(agreed).collect();
        let (side, bad) = trees(baseline, Sides { left, right: Vec::new() }, EXACT).unwrap_err();
        (side, bad.to_string())
    };
    assert_eq!(
        bad(Vec::new(), vec![file("a", 1), file("b", 1), file("a", 2)]),
        (Some(Side::Left), "`a` is there more than once".into())
    );
    assert_eq!(
        bad(vec![file("a", 1), file("a/b", 1)], Vec::new()),
        (None, "`a/b` lies below something that is no directory".into())
    );
    assert_eq!(bad(Vec::new(), vec![file("a/b/c", 1), file("a", 1)]).0, Some(Side::Left));
    assert_eq!(bad(Vec::new(), vec![file("", 1)]).1, "the root is not a directory");
}

#[test]
fn a_baseline_that_contradicts_itself_is_refused() {
    let tree = |rows: &[Row], equivalence| {
        let rows = rows.iter().map(agreed).collect();
        trees(rows, Sides { left: Vec::new(), right: Vec::new() }, equivalence).map(|made| made.baseline)
    };
    let folding = Equivalence { case: true, form: false };
    let below = |path: &str| Err((None, BadRows::BelowLeaf { path: p(path) }));
    assert_eq!(tree(&[file("a/b/c", 1), file("a/b", 1), file("z", 1)], EXACT), below("a/b/c"));
    assert_eq!(tree(&[file("A/b", 1), file("a", 1)], folding), below("A/b"));
    assert_eq!(
        tree(&[file("b", 1), file("a", 1), file("b", 2)], EXACT),
        Err((None, BadRows::Twice { path: p("b") }))
    );
    let made = tree(&[file("Ab/b", 1), file("a", 1), dir("ab")], folding).unwrap();
    assert_eq!(made.len(), 2);
}
