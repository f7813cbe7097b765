//! Comparing and deciding over 90,000 files: nothing to do, 100 changes, a first meeting, a first copy, and a moved
//! folder with a twentieth of everything in it.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use bothways_benches::{DIRS, ENTRIES, dir, file};
use divan::{Bencher, black_box};
use sync_core::abilities::Abilities;
use sync_core::baseline::{Agreed, BaselineDir, Record};
use sync_core::compare::compare;
use sync_core::decide::{Terms, decide};
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::plan::{Evidence, Plan};
use sync_core::policy::Policy;
use sync_core::side::Sides;
use sync_core::snapshot::{DirId, ListingBuilder, Snapshot};

fn main() {
    divan::main();
}

type Tree = BTreeMap<RelPath, Entry>;

fn path(text: &str) -> RelPath {
    RelPath::try_from(text).expect("a path")
}

fn tree() -> Tree {
    let entry = |n: u64, kind| Entry {
        kind,
        attributes: Attributes::Unix(if kind == Kind::Dir { 0o755 } else { 0o644 }),
        size: if kind == Kind::File { 1_000 + n } else { 0 },
        mtime_ns: 1_700_000_000_000_000_000 + n as i64,
        ctime_ns: 1_790_000_000_000_000_000 + n as i64,
        file_id: NonZeroU64::new(n + 1),
    };
    let dirs = (0..DIRS).map(|n| (path(&dir(n)), entry(n, Kind::Dir)));
    dirs.chain((DIRS..ENTRIES).map(|n| (path(&file(n)), entry(n, Kind::File)))).collect()
}

fn snapshot(tree: &Tree) -> Snapshot {
    let mut ids: BTreeMap<RelPath, u32> = BTreeMap::from([(RelPath::root(), 0)]);
    let mut listings = vec![ListingBuilder::new(Equivalence::EXACT)];
    for (path, entry) in tree {
        let parent = ids[&path.parent().expect("no root in a tree")];
        let child = entry.is_dir().then(|| {
            listings.push(ListingBuilder::new(Equivalence::EXACT));
            ids.insert(path.clone(), listings.len() as u32 - 1);
            DirId(listings.len() as u32 - 1)
        });
        listings[parent as usize].push(path.name(), *entry, None, child);
    }
    Snapshot::assemble(listings.into_iter().map(ListingBuilder::finish).collect())
}

fn baseline(tree: &Tree) -> Vec<BaselineDir> {
    let mut dirs: BTreeMap<RelPath, BaselineDir> = BTreeMap::new();
    for (path, entry) in tree {
        let parent = path.parent().expect("no root in a tree");
        let record = Record::of(entry, path.name(), path.name(), None);
        let sides = Sides { left: record.clone(), right: record };
        let agreed = Agreed { kind: entry.kind, size: entry.size, digest: None, target: None, sides };
        let dir =
            dirs.entry(parent.clone()).or_insert_with(|| BaselineDir { path: parent, children: Vec::new() });
        dir.children.push((path.name().into(), agreed));
    }
    dirs.into_values().collect()
}

fn run(bencher: Bencher<'_, '_>, before: &Tree, left: &Tree, right: &Tree, check: impl Fn(&Plan)) {
    let snapshots = Sides { left: snapshot(left), right: snapshot(right) };
    let rows = baseline(before);
    let terms = Terms {
        policy: Policy::default(),
        abilities: Sides { left: Abilities::FULL, right: Abilities::FULL },
    };
    bencher.with_inputs(|| rows.clone()).bench_local_values(|rows| {
        let comparison = compare(&snapshots, rows.into_iter(), &terms.abilities, false);
        let plan = black_box(decide(&comparison, &snapshots, &Evidence::default(), &terms));
        check(&plan);
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn nothing_to_do(bencher: Bencher<'_, '_>) {
    let tree = tree();
    run(bencher, &tree, &tree, &tree, |plan| assert!(plan.is_empty()));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn a_hundred_changes(bencher: Bencher<'_, '_>) {
    let before = tree();
    let mut left = before.clone();
    for entry in left.values_mut().filter(|entry| !entry.is_dir()).step_by(900) {
        entry.size += 1;
        entry.mtime_ns += 1_000_000_000;
    }
    run(bencher, &before, &left, &before, |plan| assert_eq!(plan.actions.len(), 100));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_first_meeting(bencher: Bencher<'_, '_>) {
    let tree = tree();
    run(bencher, &Tree::new(), &tree, &tree, |plan| assert_eq!(plan.actions.len() as u64, ENTRIES));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_first_copy(bencher: Bencher<'_, '_>) {
    let tree = tree();
    run(bencher, &Tree::new(), &tree, &Tree::new(), |plan| assert_eq!(plan.actions.len() as u64, ENTRIES));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_moved_department(bencher: Bencher<'_, '_>) {
    let before = tree();
    let (from, to) = (path("department 07"), path("moved"));
    let left = before.iter().map(|(path, entry)| (path.rebased(&from, &to), *entry)).collect();
    run(bencher, &before, &left, &before, |plan| assert_eq!(plan.actions.len(), 1));
}
