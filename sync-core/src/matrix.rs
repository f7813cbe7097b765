//! The decision matrix.
//!
//! Owns [`State`], [`Rule`], [`Resolution`] and [`resolve`], the one place that says what each of the 33 cells
//! means. Start with [`resolve`]. The user documentation prints [`markdown`], and a test compares the two.

use alloc::string::String;
use core::fmt;
use core::fmt::Write;

use crate::policy::{ConflictPolicy, Policy};
use crate::side::Side;

/// What one side's path has become since the baseline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// Not in the baseline, and nothing there.
    Absent,
    /// Not in the baseline, and there now.
    Created,
    /// The version of the baseline.
    Unchanged,
    /// Another content or another kind.
    Modified,
    /// The same content; its time, attributes or spelling differ.
    Props,
    /// In the baseline; its directory was read without error and it is not there.
    Deleted,
    /// Could not be observed.
    Unknown,
}

impl State {
    /// The states of a path that the baseline does not have.
    pub const NEW: [Self; 2] = [Self::Absent, Self::Created];
    /// The states of a path that the baseline has.
    pub const KNOWN: [Self; 4] = [Self::Unchanged, Self::Modified, Self::Props, Self::Deleted];

    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Absent,
        Self::Created,
        Self::Unchanged,
        Self::Modified,
        Self::Props,
        Self::Deleted,
        Self::Unknown,
    ];

    /// The state of a stable word.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The word in plans, explanations and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Created => "created",
            Self::Unchanged => "unchanged",
            Self::Modified => "modified",
            Self::Props => "props",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The stable name of a resolution, used in plans, logs, mails, the journal and explanations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rule {
    /// `prd 6.2.1`.
    BothChanged,
    /// `prd 6.2.2`.
    BothCreated,
    /// `prd 6.2.3`, `6.2.4`.
    Changed(Side),
    /// `prd 6.2.5`, `6.2.6`: the side that deleted.
    DeletedOtherChanged(Side),
    /// `prd 6.2.7`, `6.2.8`: the side that deleted.
    Deleted(Side),
    /// `prd 6.2.9`, `6.2.10`.
    Created(Side),
    /// `prd 6.2.11`, `6.2.12`.
    Props(Side),
    /// `prd 6.2.13`.
    PropsBoth,
    /// The same content on both sides, which neither side needs to be told.
    Adopt,
    /// Gone on both sides.
    Forget,
    /// The content changed on this side, the properties on the other.
    ChangedOtherProps(Side),
    /// Renamed on this side, and so on the other.
    Renamed(Side),
    /// The contents differ although neither side shows a trace of a change.
    SilentCorruption,
    /// A person chose which of two settled versions stays.
    Chosen,
    /// A person had a run undone.
    Undone,
    /// A person took it back from the trash.
    Restored,
    /// Something could not be observed.
    Unobserved,
    /// Nothing happened.
    Unchanged,
}

impl Rule {
    /// The rules under which two versions may both be wanted.
    pub const CONFLICTS: [Self; 4] =
        [Self::BothChanged, Self::BothCreated, Self::PropsBoth, Self::SilentCorruption];

    /// Every rule there is.
    pub const ALL: [Self; 25] = {
        use Side::{Left, Right};
        [
            Self::BothChanged,
            Self::BothCreated,
            Self::Changed(Left),
            Self::Changed(Right),
            Self::DeletedOtherChanged(Left),
            Self::DeletedOtherChanged(Right),
            Self::Deleted(Left),
            Self::Deleted(Right),
            Self::Created(Left),
            Self::Created(Right),
            Self::Props(Left),
            Self::Props(Right),
            Self::PropsBoth,
            Self::Adopt,
            Self::Forget,
            Self::ChangedOtherProps(Left),
            Self::ChangedOtherProps(Right),
            Self::Renamed(Left),
            Self::Renamed(Right),
            Self::SilentCorruption,
            Self::Chosen,
            Self::Undone,
            Self::Restored,
            Self::Unobserved,
            Self::Unchanged,
        ]
    };

    /// The rule of a stable name, as a record has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// The stable name.
    pub const fn name(self) -> &'static str {
        use Side::{Left, Right};
        match self {
            Self::BothChanged => "both-changed",
            Self::BothCreated => "both-created",
            Self::Changed(Left) => "changed-left",
            Self::Changed(Right) => "changed-right",
            Self::DeletedOtherChanged(Left) => "deleted-left-changed-right",
            Self::DeletedOtherChanged(Right) => "deleted-right-changed-left",
            Self::Deleted(Left) => "deleted-left",
            Self::Deleted(Right) => "deleted-right",
            Self::Created(Left) => "created-left",
            Self::Created(Right) => "created-right",
            Self::Props(Left) => "props-left",
            Self::Props(Right) => "props-right",
            Self::PropsBoth => "props-both",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
            Self::ChangedOtherProps(Left) => "changed-left-props-right",
            Self::ChangedOtherProps(Right) => "props-left-changed-right",
            Self::Renamed(Left) => "renamed-left",
            Self::Renamed(Right) => "renamed-right",
            Self::SilentCorruption => "silent-corruption",
            Self::Chosen => "chosen",
            Self::Undone => "undone",
            Self::Restored => "restored",
            Self::Unobserved => "unobserved",
            Self::Unchanged => "unchanged",
        }
    }

    /// The requirement's number, where there is one: `6.2.5` and so on.
    pub const fn requirement(self) -> Option<&'static str> {
        use Side::{Left, Right};
        match self {
            Self::BothChanged => Some("6.2.1"),
            Self::BothCreated => Some("6.2.2"),
            Self::Changed(Left) => Some("6.2.3"),
            Self::Changed(Right) => Some("6.2.4"),
            Self::DeletedOtherChanged(Left) => Some("6.2.5"),
            Self::DeletedOtherChanged(Right) => Some("6.2.6"),
            Self::Deleted(Left) => Some("6.2.7"),
            Self::Deleted(Right) => Some("6.2.8"),
            Self::Created(Left) => Some("6.2.9"),
            Self::Created(Right) => Some("6.2.10"),
            Self::Props(Left) => Some("6.2.11"),
            Self::Props(Right) => Some("6.2.12"),
            Self::PropsBoth => Some("6.2.13"),
            Self::Adopt
            | Self::Forget
            | Self::ChangedOtherProps(_)
            | Self::Renamed(_)
            | Self::SilentCorruption
            | Self::Chosen
            | Self::Undone
            | Self::Restored
            | Self::Unobserved
            | Self::Unchanged => None,
        }
    }

    /// The same rule with the sides swapped.
    #[must_use]
    pub const fn flip(self) -> Self {
        match self {
            Self::Changed(side) => Self::Changed(side.other()),
            Self::DeletedOtherChanged(side) => Self::DeletedOtherChanged(side.other()),
            Self::Deleted(side) => Self::Deleted(side.other()),
            Self::Created(side) => Self::Created(side.other()),
            Self::Props(side) => Self::Props(side.other()),
            Self::ChangedOtherProps(side) => Self::ChangedOtherProps(side.other()),
            Self::Renamed(side) => Self::Renamed(side.other()),
            same => same,
        }
    }

    /// What the user chose for this rule, where there is a choice.
    pub const fn policy(self, policy: &Policy) -> Option<ConflictPolicy> {
        match self {
            Self::BothChanged => Some(policy.same_file_changed_both),
            Self::BothCreated => Some(policy.new_file_both_different),
            Self::PropsBoth => Some(policy.properties_conflict_both),
            // Which of the two is the damaged one, no policy can know.
            Self::SilentCorruption => Some(ConflictPolicy::Notify),
            _ => None,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a cell asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Resolution {
    /// Nothing to do.
    Nothing,
    /// Content and properties go from this side to the other.
    Copy(Side),
    /// Properties and spelling go from this side to the other.
    Props(Side),
    /// The content goes from this side to the other, whose new spelling then stands on both.
    CopyKeepSpelling(Side),
    /// The entry is deleted on this side.
    Delete(Side),
    /// Both versions may be wanted: equal ones are adopted as they are, different ones follow the policy.
    Meet,
    /// Gone on both sides: leaves the baseline.
    Forget,
    /// No transition, a problem, the baseline stays.
    Leave,
}

impl Resolution {
    /// A stable word for machines; [`Self::side`] says from or on which side.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Copy(_) => "copy",
            Self::Props(_) => "props",
            Self::CopyKeepSpelling(_) => "copy-keep-spelling",
            Self::Delete(_) => "delete",
            Self::Meet => "meet",
            Self::Forget => "forget",
            Self::Leave => "leave",
        }
    }

    /// The side that something comes from, or where it is deleted; none where neither is meant.
    pub const fn side(self) -> Option<Side> {
        match self {
            Self::Copy(side) | Self::Props(side) | Self::CopyKeepSpelling(side) | Self::Delete(side) => {
                Some(side)
            }
            Self::Nothing | Self::Meet | Self::Forget | Self::Leave => None,
        }
    }

    /// The same with the sides swapped.
    #[must_use]
    pub const fn flip(self) -> Self {
        match self {
            Self::Copy(side) => Self::Copy(side.other()),
            Self::Props(side) => Self::Props(side.other()),
            Self::CopyKeepSpelling(side) => Self::CopyKeepSpelling(side.other()),
            Self::Delete(side) => Self::Delete(side.other()),
            same => same,
        }
    }
}

/// The matrix: what the states of one path on the two sides ask for, and by which rule.
///
/// Total over all pairs. A pair in which one state knows the path from the baseline and the other does not cannot
/// come from one observation; it is left alone like an unobserved one.
pub const fn resolve(left: State, right: State) -> (Rule, Resolution) {
    use Side::{Left as L, Right as R};
    use State::{Absent, Created, Deleted, Modified, Props, Unchanged, Unknown};
    match (left, right) {
        // Not in the baseline.
        (Absent, Absent) => (Rule::Unchanged, Resolution::Nothing),
        (Absent, Created) => (Rule::Created(R), Resolution::Copy(R)),
        (Created, Absent) => (Rule::Created(L), Resolution::Copy(L)),
        (Created, Created) => (Rule::BothCreated, Resolution::Meet),

        // In the baseline, the left side at rest.
        (Unchanged, Unchanged) => (Rule::Unchanged, Resolution::Nothing),
        (Unchanged, Modified) => (Rule::Changed(R), Resolution::Copy(R)),
        (Unchanged, Props) => (Rule::Props(R), Resolution::Props(R)),
        (Unchanged, Deleted) => (Rule::Deleted(R), Resolution::Delete(L)),

        // Another content on the left.
        (Modified, Unchanged) => (Rule::Changed(L), Resolution::Copy(L)),
        (Modified, Modified) => (Rule::BothChanged, Resolution::Meet),
        (Modified, Props) => (Rule::ChangedOtherProps(L), Resolution::CopyKeepSpelling(L)),
        (Modified, Deleted) => (Rule::DeletedOtherChanged(R), Resolution::Copy(L)),

        // Other properties on the left.
        (Props, Unchanged) => (Rule::Props(L), Resolution::Props(L)),
        (Props, Modified) => (Rule::ChangedOtherProps(R), Resolution::CopyKeepSpelling(R)),
        (Props, Props) => (Rule::PropsBoth, Resolution::Meet),
        (Props, Deleted) => (Rule::DeletedOtherChanged(R), Resolution::Copy(L)),

        // Deleted on the left.
        (Deleted, Unchanged) => (Rule::Deleted(L), Resolution::Delete(R)),
        (Deleted, Modified | Props) => (Rule::DeletedOtherChanged(L), Resolution::Copy(R)),
        (Deleted, Deleted) => (Rule::Forget, Resolution::Forget),

        // Unobserved is never deleted, overwritten or copied.
        (Unknown, _) | (_, Unknown) => (Rule::Unobserved, Resolution::Leave),
        (Absent | Created, _) | (_, Absent | Created) => (Rule::Unobserved, Resolution::Leave),
    }
}

/// The 33 cells: every pair of states that one observation can give.
pub fn cells() -> impl Iterator<Item = (State, State)> {
    let square = |states: &'static [State]| {
        states.iter().flat_map(move |left| states.iter().map(move |right| (*left, *right)))
    };
    let seen = State::NEW.iter().chain(&State::KNOWN);
    square(&State::NEW)
        .chain(square(&State::KNOWN))
        .chain(seen.flat_map(|state| [(*state, State::Unknown), (State::Unknown, *state)]))
        .chain([(State::Unknown, State::Unknown)])
}

/// The matrix as two tables for the user documentation.
pub fn markdown() -> String {
    let mut out = String::new();
    for (title, states) in [("Not in the baseline", &State::NEW[..]), ("In the baseline", &State::KNOWN[..])]
    {
        let _ = write!(out, "{title}, left state down, right state across:\n\n| |");
        for right in states {
            let _ = write!(out, " {right} |");
        }
        out.push_str("\n| --- |");
        out.push_str(&" --- |".repeat(states.len()));
        for left in states {
            let _ = write!(out, "\n| **{left}** |");
            for right in states {
                let (rule, resolution) = resolve(*left, *right);
                let _ = write!(out, " {} |", cell_text(rule, resolution));
            }
        }
        out.push_str("\n\n");
    }
    out.push_str(
        "A state that could not be observed (`unknown`), on either side: no transition, a problem, and the \
         baseline stays as it is (`unobserved`).\n",
    );
    out
}

fn cell_text(rule: Rule, resolution: Resolution) -> String {
    let arrow = |from: Side| match from {
        Side::Left => "L→R",
        Side::Right => "R→L",
    };
    let what = match resolution {
        Resolution::Nothing => return String::from("–"),
        Resolution::Copy(from) => alloc::format!("copy {}", arrow(from)),
        Resolution::Props(from) => alloc::format!("properties and name {}", arrow(from)),
        Resolution::CopyKeepSpelling(from) => {
            alloc::format!("content {}, the {} side's spelling kept", arrow(from), from.other())
        }
        Resolution::Delete(on) => alloc::format!("delete on the {on}"),
        Resolution::Meet if matches!(rule, Rule::PropsBoth) => {
            String::from("equal: adopt; different: by `properties_conflict_both`")
        }
        Resolution::Meet if matches!(rule, Rule::BothCreated) => {
            String::from("same content: adopt; different: by `new_file_both_different`")
        }
        Resolution::Meet => String::from("same content: adopt; different: by `same_file_changed_both`"),
        Resolution::Forget => String::from("forget"),
        Resolution::Leave => String::from("leave"),
    };
    match rule.requirement() {
        Some(number) => alloc::format!("{what} (`{rule}`, {number})"),
        None => alloc::format!("{what} (`{rule}`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn there_are_33_cells_and_each_is_its_own_mirror() {
        let all: Vec<_> = cells().collect();
        assert_eq!(all.len(), 33);
        for (left, right) in all {
            let (rule, resolution) = resolve(left, right);
            let (mirrored_rule, mirrored) = resolve(right, left);
            assert_eq!((rule.flip(), resolution.flip()), (mirrored_rule, mirrored), "{left}/{right}");
        }
    }

    #[test]
    fn nothing_unobserved_is_ever_touched() {
        for (left, right) in cells().filter(|(l, r)| [*l, *r].contains(&State::Unknown)) {
            assert_eq!(resolve(left, right).1, Resolution::Leave);
        }
    }
}
