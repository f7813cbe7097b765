//! The table: one row for every cell of the matrix, in tiny trees.
//!
//! Owns [`Row`] and how it is checked: the states and the rule at one path, every transition in order, both trees and
//! both trashes afterwards; then everything in [`checks`](crate::checks); then all of it once more with the sides
//! swapped, and stopped at every step. The readings of the rules that no single cell shows are rows too, in `readings`.

use std::collections::BTreeSet;
use std::fmt::Write;

use sync_core::abilities::Abilities;
use sync_core::explain::explain;
use sync_core::matrix::{State, cells};
use sync_core::plan::{Action, Plan, Transition};
use sync_core::policy::{ConflictPolicy, Policy};
use sync_core::side::Sides;

use crate::checks::{Adopted, Care, cycle};
use crate::interrupted::stop_everywhere;
use crate::tiny::path;
use crate::world::{World, dump_plan};

/// One named situation with everything that must come of it.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) baseline: &'static str,
    pub(crate) left: &'static str,
    pub(crate) right: &'static str,
    /// What differs from the defaults.
    pub(crate) policy: fn(&mut Policy),
    /// The path that is looked at, with its states and rule.
    pub(crate) at: (&'static str, State, State, &'static str),
    /// Every transition, as plans and journals word it, with `>` before a new name.
    pub(crate) does: &'static [&'static str],
    /// Both trees afterwards; the right one only where it differs.
    pub(crate) after: &'static str,
    pub(crate) right_after: Option<&'static str>,
    /// What went to the left and to the right trash.
    pub(crate) trash: [&'static str; 2],
}

pub(crate) const ROW: Row = Row {
    name: "",
    baseline: "",
    left: "",
    right: "",
    policy: |_| {},
    at: ("f", State::Unknown, State::Unknown, ""),
    does: &[],
    after: "",
    right_after: None,
    trash: ["", ""],
};

fn worded(action: &Action, transition: &Transition) -> String {
    let shown = |path: &sync_core::path::RelPath| path.display().replace(' ', "~");
    let to = transition.to().map_or(String::new(), |to| format!(" > {}", shown(to)));
    format!("{} {}{to}", action.word(transition), shown(transition.path()))
}

fn done(plan: &Plan) -> Vec<String> {
    plan.transitions().map(|(action, transition)| worded(action, transition)).collect()
}

/// Checks a row on both sides, and says all that is not as it should be.
pub(crate) fn check(row: &Row, abilities: Sides<Abilities>) -> Result<(), String> {
    let (baseline, left, right) =
        (format!("z=Z {}", row.baseline), format!("z=Z {}", row.left), format!("z=Z {}", row.right));
    let mut world = World::new(abilities).planted(&baseline, &left, &right, true);
    (row.policy)(&mut world.policy);
    let before = world.clone();

    let whole = world.decide(true)?;
    let about = explain(&path(row.at.0), &whole.comparison, &whole.evidence, &whole.plan);
    let plan = cycle(&mut world, &mut Adopted::new(), Care::Thorough)?;
    let without_anchor =
        |text: String| text.split_whitespace().filter(|one| *one != "z=Z").collect::<Vec<_>>().join(" ");
    let shown = world.shown().map(without_anchor);
    let trash = world.trash_shown();
    let right_after = row.right_after.unwrap_or(row.after);
    let seen = format!(
        "at: {} {} {}\ndoes: {:?}\nafter: {:?} {:?}\ntrash: {:?}",
        about.states.left,
        about.states.right,
        about.rule,
        done(&plan),
        shown.left,
        shown.right,
        [&trash.left, &trash.right]
    );
    let wanted = format!(
        "at: {} {} {}\ndoes: {:?}\nafter: {:?} {:?}\ntrash: {:?}",
        row.at.1, row.at.2, row.at.3, row.does, row.after, right_after, row.trash
    );
    if seen != wanted {
        return Err(format!("wanted\n{wanted}\nseen\n{seen}\nplan:\n{}", dump_plan(&plan)));
    }

    stop_everywhere(&before)?;
    let mut mirrored = before.flip();
    cycle(&mut mirrored, &mut Adopted::new(), Care::Thorough)?;
    let (there, theirs) = (mirrored.shown().map(without_anchor).flip(), mirrored.trash_shown().flip());
    if (&there, &theirs) != (&shown, &trash) {
        return Err(format!("mirrored it ends otherwise: {there:?} {theirs:?}"));
    }
    Ok(())
}

pub(crate) fn check_all(rows: &[Row], abilities: Sides<Abilities>) {
    let mut failures = String::new();
    for row in rows {
        if let Err(why) = check(row, abilities.clone()) {
            let _ = writeln!(failures, "==== {}\n{why}", row.name);
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

pub(crate) const FULL: Sides<Abilities> = Sides { left: Abilities::FULL, right: Abilities::FULL };

use State::{Absent, Created, Deleted, Modified, Props, Unchanged, Unknown};

pub(crate) fn all_newer(policy: &mut Policy) {
    policy.same_file_changed_both = ConflictPolicy::Newer;
    policy.new_file_both_different = ConflictPolicy::Newer;
    policy.properties_conflict_both = ConflictPolicy::Newer;
}

pub(crate) fn all_notify(policy: &mut Policy) {
    policy.same_file_changed_both = ConflictPolicy::Notify;
    policy.new_file_both_different = ConflictPolicy::Notify;
    policy.properties_conflict_both = ConflictPolicy::Notify;
}

/// One row for every cell; a row stands for its mirror image too.
const CELLS: [Row; 20] = [
    Row { name: "nothing anywhere", at: ("f", Absent, Absent, "unchanged"), ..ROW },
    Row {
        name: "created on the left",
        left: "f=A",
        at: ("f", Created, Absent, "created-left"),
        does: &["COPY_LEFT_TO_RIGHT f"],
        after: "f=A",
        ..ROW
    },
    Row {
        name: "created on both sides, different",
        left: "f=A",
        right: "f=B",
        at: ("f", Created, Created, "both-created"),
        does: &[
            "CLASH_CREATE f > f~-~clash~202611201600",
            "CLASH_CREATE f~-~clash~202611201600",
            "COPY_RIGHT_TO_LEFT f",
        ],
        after: "f=B f~-~clash~202611201600=A",
        ..ROW
    },
    Row {
        name: "at rest",
        baseline: "f=A",
        left: "f=A",
        right: "f=A",
        at: ("f", Unchanged, Unchanged, "unchanged"),
        after: "f=A",
        ..ROW
    },
    Row {
        name: "changed on the left",
        baseline: "f=A",
        left: "f=B",
        right: "f=A",
        at: ("f", Modified, Unchanged, "changed-left"),
        does: &["COPY_LEFT_TO_RIGHT f"],
        after: "f=B",
        ..ROW
    },
    Row {
        name: "properties changed on the left",
        baseline: "f=A",
        left: "f=A@9!",
        right: "f=A",
        at: ("f", Props, Unchanged, "props-left"),
        does: &["SET_PROPS_RIGHT f"],
        after: "f=A@9!",
        ..ROW
    },
    Row {
        name: "deleted on the left",
        baseline: "f=A",
        right: "f=A",
        at: ("f", Deleted, Unchanged, "deleted-left"),
        does: &["SOFT_DELETE_RIGHT f"],
        trash: ["", "f=A"],
        ..ROW
    },
    Row {
        name: "changed on both sides",
        baseline: "f=A",
        left: "f=C",
        right: "f=B",
        at: ("f", Modified, Modified, "both-changed"),
        does: &[
            "CLASH_CREATE f > f~-~clash~202611201620",
            "CLASH_CREATE f~-~clash~202611201620",
            "COPY_LEFT_TO_RIGHT f",
        ],
        after: "f=C f~-~clash~202611201620=B",
        ..ROW
    },
    Row {
        name: "content changed on the left, properties on the right",
        baseline: "f=A",
        left: "f=B",
        right: "f=A!",
        at: ("f", Modified, Props, "changed-left-props-right"),
        does: &["COPY_LEFT_TO_RIGHT f"],
        after: "f=B",
        ..ROW
    },
    Row {
        name: "changed on the left, deleted on the right",
        baseline: "f=A",
        left: "f=B",
        at: ("f", Modified, Deleted, "deleted-right-changed-left"),
        does: &["COPY_LEFT_TO_RIGHT f"],
        after: "f=B",
        ..ROW
    },
    Row {
        name: "properties changed on both sides",
        baseline: "f=A",
        left: "f=A@7",
        right: "f=A@8",
        at: ("f", Props, Props, "props-both"),
        does: &[
            "CLASH_CREATE f > f~-~clash~202611201650",
            "CLASH_CREATE f~-~clash~202611201650",
            "COPY_RIGHT_TO_LEFT f",
        ],
        after: "f=A@8 f~-~clash~202611201650=A@7",
        ..ROW
    },
    Row {
        name: "properties changed on the left, deleted on the right",
        baseline: "f=A",
        left: "f=A!",
        at: ("f", Props, Deleted, "deleted-right-changed-left"),
        does: &["COPY_LEFT_TO_RIGHT f"],
        after: "f=A!",
        ..ROW
    },
    Row { name: "deleted on both sides", baseline: "f=A", at: ("f", Deleted, Deleted, "forget"), ..ROW },
    Row {
        name: "new and unobserved",
        left: "f=A?",
        at: ("f", Unknown, Absent, "unobserved"),
        after: "f=A",
        right_after: Some(""),
        ..ROW
    },
    Row {
        name: "unobserved here, created there",
        left: "f=A?",
        right: "f=B",
        at: ("f", Unknown, Created, "unobserved"),
        after: "f=A",
        right_after: Some("f=B"),
        ..ROW
    },
    Row {
        name: "unobserved here, at rest there",
        baseline: "f=A",
        left: "f=A?",
        right: "f=A",
        at: ("f", Unknown, Unchanged, "unobserved"),
        after: "f=A",
        ..ROW
    },
    Row {
        name: "unobserved here, changed there",
        baseline: "f=A",
        left: "f=A?",
        right: "f=B",
        at: ("f", Unknown, Modified, "unobserved"),
        after: "f=A",
        right_after: Some("f=B"),
        ..ROW
    },
    Row {
        name: "unobserved here, properties changed there",
        baseline: "f=A",
        left: "f=A?",
        right: "f=A!",
        at: ("f", Unknown, Props, "unobserved"),
        after: "f=A",
        right_after: Some("f=A!"),
        ..ROW
    },
    Row {
        name: "unobserved here, deleted there",
        baseline: "f=A",
        left: "f=A?",
        at: ("f", Unknown, Deleted, "unobserved"),
        after: "f=A",
        right_after: Some(""),
        ..ROW
    },
    Row {
        name: "unobserved on both sides",
        baseline: "f=A",
        left: "f=A?",
        right: "f=B?",
        at: ("f", Unknown, Unknown, "unobserved"),
        after: "f=A",
        right_after: Some("f=B"),
        ..ROW
    },
];

#[test]
fn every_row_holds() {
    check_all(&CELLS, FULL);
}

#[test]
fn every_cell_has_a_row() {
    let rows: BTreeSet<(State, State)> =
        CELLS.iter().flat_map(|row| [(row.at.1, row.at.2), (row.at.2, row.at.1)]).collect();
    let missing: Vec<_> = cells().filter(|cell| !rows.contains(cell)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(rows.len(), cells().count());
}
