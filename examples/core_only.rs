//! Uses the pure core alone: three little trees that exist only in memory, and the plan that follows from them.
//!
//! Run with `cargo run -p bothways-examples --example core_only`. A program with a scanner and a database of its own
//! gets the same decisions this way.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context, Result, ensure};
use sync_core::abilities::Abilities;
use sync_core::baseline::{Agreed, BaselineDir, Record};
use sync_core::compare::compare;
use sync_core::decide::{Terms, decide};
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::plan::Evidence;
use sync_core::policy::Policy;
use sync_core::side::Sides;
use sync_core::snapshot::{ListingBuilder, Snapshot};

const SECOND: i64 = 1_000_000_000;

fn file(size: u64, mtime_s: i64) -> Entry {
    Entry {
        kind: Kind::File,
        attributes: Attributes::NotHeld,
        size,
        mtime_ns: mtime_s * SECOND,
        ctime_ns: 0,
        file_id: None,
    }
}

/// A root that holds these files.
fn tree(files: &[(&str, Entry)]) -> Snapshot {
    let mut root = ListingBuilder::new(Equivalence::EXACT);
    for (name, entry) in files {
        root.push(name.as_bytes(), *entry, None, None);
    }
    Snapshot::assemble(vec![root.finish()])
}

/// What both sides had when they last agreed.
fn agreed(name: &str, entry: &Entry) -> (Box<[u8]>, Agreed) {
    let record = Record::of(entry, name.as_bytes(), name.as_bytes(), None);
    let sides = Sides { left: record.clone(), right: record };
    let agreed = Agreed { kind: entry.kind, size: entry.size, digest: None, target: None, sides };
    (name.as_bytes().into(), agreed)
}

fn main() -> Result<()> {
    let before = [("budget.xlsx", file(100, 1_000)), ("notes.txt", file(10, 1_000))];
    let baseline = BaselineDir {
        path: RelPath::root(),
        children: before.iter().map(|(name, entry)| agreed(name, entry)).collect(),
    };
    let snapshots = Sides {
        // The budget was changed, the notes were deleted, a plan was made.
        left: tree(&[("budget.xlsx", file(120, 2_000)), ("plan.md", file(7, 2_000))]),
        // The budget was changed here too, and later.
        right: tree(&[("budget.xlsx", file(130, 3_000)), ("notes.txt", file(10, 1_000))]),
    };
    let terms = Terms {
        policy: Policy::default(),
        abilities: Sides { left: Abilities::FULL, right: Abilities::FULL },
    };

    let comparison = compare(&snapshots, [baseline].into_iter(), &terms.abilities, false);
    let plan = decide(&comparison, &snapshots, &Evidence::default(), &terms);
    ensure!(plan.questions.is_empty(), "sizes differ everywhere: no content has to be read");
    for (action, transition) in plan.transitions() {
        let to = transition.to().map(|to| format!(" -> {to}")).unwrap_or_default();
        println!("{:<20} {}{to}  ({})", action.word(transition), transition.path(), action.rule);
    }
    let conflict = plan.conflicts.first().context("both sides changed the budget")?;
    println!("conflict: {} is newer on the {}", conflict.shown, conflict.newer);
    let words: Vec<_> = plan.transitions().map(|(action, one)| action.word(one)).collect();
    let expected =
        ["COPY_LEFT_TO_RIGHT", "CLASH_CREATE", "CLASH_CREATE", "COPY_RIGHT_TO_LEFT", "SOFT_DELETE_RIGHT"];
    ensure!(words == expected, "{words:?}");
    Ok(())
}
