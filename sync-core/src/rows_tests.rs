//! Flat rows against the trees they stand for, and against the plain way of making these.

use alloc::string::{String, ToString as _};
use alloc::vec;

use super::*;
use crate::abilities::Abilities;
use crate::baseline::BaselineDir;
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
    let baseline: Vec<_> = baseline.iter().map(agreed).collect();
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

/// The same without its packing.
fn unpacked(baseline: &[PackedDir]) -> Vec<BaselineDir> {
    let one = |dir: &PackedDir| {
        let children = (0..dir.counts().0)
            .map(|index| {
                let agreed = dir.agreed(index).unwrap();
                for side in Side::BOTH {
                    let was = dir.leaf(index, side);
                    assert_eq!(was.is_none(), agreed.kind == Kind::Dir);
                    if let Some(was) = was {
                        assert_eq!(was.entry, agreed.entry(side));
                        assert_eq!(was.name, agreed.sides[side].name.as_deref());
                    }
                }
                (dir.key(index).unwrap().into(), agreed)
            })
            .collect();
        let made = BaselineDir { path: dir.path().clone(), children };
        assert_eq!(made.counts(), dir.counts());
        made
    };
    baseline.iter().map(one).collect()
}

/// All that a snapshot says, in the order of a walk.
fn said(snapshot: &Snapshot) -> Vec<String> {
    fn below(snapshot: &Snapshot, listing: &Listing, at: &str, said: &mut Vec<String>) {
        said.push(alloc::format!("{at}/ {:?} {:?}", listing.trouble(), listing.unobserved()));
        for listed in listing.iter() {
            let name = String::from_utf8_lossy(listed.name);
            let at = alloc::format!("{at}/{name}");
            said.push(alloc::format!("{at} {:?} {:?} {:?}", listed.key, listed.entry, listed.target));
            if let Some(inner) = listed.child.and_then(|id| snapshot.dir(id)) {
                below(snapshot, inner, &at, said);
            }
        }
    }
    let mut said = Vec::new();
    below(snapshot, snapshot.root(), "", &mut said);
    said
}

/// A generator of its own, so that a seed means the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn is(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    fn path(&mut self) -> String {
        const NAMES: [&str; 9] = ["a", "A", "b", "b c", "b.c", "\u{e9}", "e\u{301}", ".trash", "a-"];
        let depth = 1 + self.below(4);
        let names: Vec<&str> = (0..depth).map(|_| NAMES[self.below(9) as usize]).collect();
        names.join("/")
    }

    /// One of the kinds of rows that are not files.
    fn odd(&mut self, path: &str) -> Row {
        let trouble = |reason| Some(Trouble::new(reason, "why"));
        match self.below(5) {
            0 | 1 => dir(path),
            2 => Row { trouble: trouble(Reason::UnreadableDir), ..dir(path) },
            3 => Row { trouble: trouble(Reason::Unreadable), ..file(path, 0) },
            _ => {
                let link = file(path, 3);
                Row {
                    entry: Entry { kind: Kind::Symlink, ..link.entry },
                    target: Some(b"end".as_slice().into()),
                    ..link
                }
            }
        }
    }

    /// Rows that mostly are a tree. `odds`: about how many of them are files; no other kind at all with 0.
    fn rows(&mut self, odds: u64) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        let tidy = !self.is(3);
        for _ in 0..self.below(14) {
            let path = self.path();
            let row = if odds > 0 && self.is(odds) { self.odd(&path) } else { file(&path, self.below(3)) };
            // Too many contradictions would hide everything else.
            let clashes = |one: &Row| {
                one.path == row.path
                    || (!one.entry.is_dir() && row.path.starts_with(&one.path))
                    || (!row.entry.is_dir() && one.path.starts_with(&row.path))
            };
            if !tidy || !rows.iter().any(clashes) {
                rows.push(row);
            }
        }
        if self.is(12) {
            rows.push(if self.is(2) { dir("") } else { self.odd("") });
        }
        rows
    }

    /// The same rows with some left out, others changed, and others added.
    fn edited(&mut self, rows: &[Row], odds: u64) -> Vec<Row> {
        if self.is(6) {
            return self.rows(odds);
        }
        let mut now: Vec<Row> = rows.iter().filter(|_| !self.is(5)).cloned().collect();
        for row in &mut now {
            if row.entry.kind == Kind::File && self.is(5) {
                row.entry.size += 7;
                row.entry.mtime_ns += self.below(2) as i64;
            }
        }
        if self.is(2) {
            let path = self.path();
            now.push(file(&path, 5));
        }
        if self.is(3) {
            now.reverse();
        }
        now
    }
}

/// One random case: both ways tell the same trees, or the same contradiction, and the same plan.
fn same_both_ways(seed: u64) -> bool {
    let mut dice = Dice(seed);
    let equivalence = match dice.below(4) {
        0 => Equivalence { case: true, form: false },
        1 => Equivalence { case: true, form: true },
        _ => EXACT,
    };
    let odds = [0, 0, 6, 3][dice.below(4) as usize];
    let base = dice.rows(odds);
    let left = dice.edited(&base, odds);
    let right = dice.edited(&base, odds);
    let mut baseline: Vec<AgreedRow> = base
        .iter()
        .map(|row| {
            let both = Sides { left: Some(row.entry), right: Some(row.entry) };
            AgreedRow::of(row.path.clone(), both, None, row.target.clone()).unwrap()
        })
        .collect();
    for row in &mut baseline {
        if dice.is(8) {
            row.agreed.digest = Some(Digest([7; 32]));
        }
        if dice.is(8) {
            row.agreed.sides.left.mtime_ns += 1;
        }
    }
    let left_out = if dice.is(2) { vec![p(".trash"), p("b/.trash")] } else { Vec::new() };
    let is_in = |path: &RelPath| {
        let key = equivalence.path_key(path);
        left_out.iter().all(|top| !key.starts_with(top))
    };
    let scans = Sides { left, right };
    let plain = plain::trees(
        baseline.iter().filter(|row| is_in(&row.path)).cloned().collect(),
        scans.as_ref().map(|rows| rows.iter().filter(|row| is_in(&row.path)).cloned().collect()),
        equivalence,
    );
    let mut gathered = Gathered::new(equivalence, &left_out);
    for row in baseline {
        let same = row.agreed.sides.left == row.agreed.sides.right;
        let plain = same && row.agreed.kind == Kind::File && row.agreed.digest.is_none();
        if plain && dice.is(2) {
            gathered.add_agreed_file(row.path.as_bytes(), row.agreed.entry(Side::Left)).unwrap();
        } else {
            gathered.add_agreed(row);
        }
    }
    for (side, rows) in scans.iter() {
        for row in rows {
            if row.entry.kind == Kind::File && row.trouble.is_none() && dice.is(2) {
                gathered.add_file(side, row.path.as_bytes(), row.entry).unwrap();
            } else {
                gathered.add(side, row.clone());
            }
        }
    }
    let (plain, made) = match (plain, gathered.trees()) {
        (Ok(plain), Ok(made)) => (plain, made),
        (plain, made) => {
            assert_eq!(plain.map(|_| ()), made.map(|_| ()), "seed {seed}");
            return false;
        }
    };
    for side in Side::BOTH {
        assert_eq!(said(&made.snapshots[side]), said(&plain.snapshots[side]), "seed {seed}, {side}");
        assert_eq!(made.snapshots[side].totals(), plain.snapshots[side].totals(), "seed {seed}, {side}");
    }
    assert_eq!(unpacked(&made.baseline), plain.baseline, "seed {seed}");
    let able = Abilities { equivalence, ..Abilities::FULL };
    let terms = Terms { policy: Policy::default(), abilities: Sides { left: able.clone(), right: able } };
    for everything in [false, true] {
        let ours = compare(&made.snapshots, made.baseline.iter(), &terms.abilities, everything);
        let theirs = compare(&plain.snapshots, plain.baseline.iter(), &terms.abilities, everything);
        assert_eq!(ours.differences, theirs.differences, "seed {seed}");
        assert_eq!(ours.baseline_files, theirs.baseline_files, "seed {seed}");
        assert_eq!(ours.baseline_entries, theirs.baseline_entries, "seed {seed}");
        let [ours, theirs] = [(ours, &made.snapshots), (theirs, &plain.snapshots)]
            .map(|(comparison, snapshots)| decide(&comparison, snapshots, &Evidence::default(), &terms));
        assert_eq!(ours, theirs, "seed {seed}");
    }
    true
}

#[test]
fn rows_put_where_they_belong_as_they_come_are_the_trees_of_rows_in_order() {
    let trees = (0..2_000).filter(|seed| same_both_ways(*seed)).count();
    assert!((700..1_950).contains(&trees), "trees and contradictions are both to be tried: {trees}");
}

#[test]
fn what_is_no_path_is_told_as_elsewhere() {
    for bad in ["/a", "a/", "a//b", "//", "/", ".", "..", "a/..", "../a", "a/./b", "a\0", "a\0/b", "x/a\0"] {
        let mut rows = Gathered::new(EXACT, &[]);
        rows.add_file(Side::Left, b"x/y", file("x/y", 1).entry).unwrap();
        let told = rows.add_file(Side::Left, bad.as_bytes(), file("x/y", 1).entry);
        assert_eq!(told, RelPath::new(bad.as_bytes()).map(|_| ()), "{bad:?}");
    }
}

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
        let baseline: Vec<_> = baseline.iter().map(agreed).collect();
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
        let rows: Vec<_> = rows.iter().map(agreed).collect();
        trees(rows, Sides { left: Vec::new(), right: Vec::new() }, equivalence)
            .map(|made| unpacked(&made.baseline))
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
