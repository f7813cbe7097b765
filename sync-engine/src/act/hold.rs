//! What of a plan is left for a later cycle.
//!
//! Owns [`Hold`], by which a live session holds actions back, and what is held together with them. An action that is
//! held back is not tried, as in a run that was stopped: whatever is left behind half way is what a stop leaves, and
//! the next cycle that looks there decides anew. Must never hold what makes room or changes names: only copies, what
//! follows from them, deletions nobody has told of, and what a guard has stopped.

use std::collections::BTreeSet;

use sync_core::entry::Entry;
use sync_core::guard::takes;
use sync_core::path::RelPath;
use sync_core::plan::{Action, Phase, Plan, Transition};
use sync_core::side::Side;

/// Why an action is held back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Why {
    /// It copies a large file, which is prepared beside the cycles.
    Large,
    /// Some program is writing the file.
    Writing,
    /// The cycle does enough without it.
    Enough,
    /// It carries over that something is gone, of which nobody has told yet: it may have been moved.
    Gone,
    /// A guard stopped it, until a person has looked.
    Guarded,
    /// Something that it needs is held back.
    Follows,
}

/// Who holds actions back.
pub(crate) trait Hold: Sync {
    /// Whether an action carries over that something is gone, and that is not sure enough yet.
    fn doubts(&self, action: &Action) -> bool {
        let _ = action;
        false
    }

    /// Why an action has to wait. Asked once each, in the plan's order; only one that copies something may.
    fn holds(&self, action: &Action) -> Option<Why>;

    /// Whether what is done at a key path was planned by an earlier cycle, whose guards have let it through.
    fn judged(&self, path: &RelPath) -> bool {
        let _ = path;
        false
    }

    /// Whether something below a key path waits that the cycle does not look at.
    fn waits_below(&self, path: &RelPath) -> bool {
        let _ = path;
        false
    }

    /// How many actions wait in all, once this cycle has held back `held`.
    fn waiting(&self, held: &[Held]) -> u64;
}

/// An action that is held back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Held {
    /// The key path of the action.
    pub(crate) key: RelPath,
    /// Where a look has to go, as the side spells it that gives or changes.
    pub(crate) look: RelPath,
    /// Bytes to be copied.
    pub(crate) bytes: u64,
    pub(crate) why: Why,
    /// What is to be copied.
    pub(crate) freight: Vec<Freight>,
}

/// One copy on its way to a side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Freight {
    /// The side that receives.
    pub(crate) to: Side,
    /// The path on the other side.
    pub(crate) from: RelPath,
    /// The version to copy.
    pub(crate) source: Entry,
    /// The path on the receiving side.
    pub(crate) at: RelPath,
    /// Whether it replaces a version there.
    pub(crate) replaces: bool,
}

impl Freight {
    /// What an action copies, from where it lies before the action begins.
    pub(crate) fn of(action: &Action) -> Vec<Self> {
        let mut all = Vec::new();
        for (at_step, transition) in action.transitions.iter().enumerate() {
            let Transition::Copy { to, from, source, at, expect, .. } = transition else { continue };
            let earlier = action.transitions[..at_step].iter().filter(|step| step.side() == to.other());
            let was = earlier.filter(|step| step.to() == Some(from)).map(Transition::path).next();
            all.push(Self {
                to: *to,
                from: was.unwrap_or(from).clone(),
                source: *source,
                at: at.clone(),
                replaces: expect.is_some(),
            });
        }
        all
    }
}

/// What is held back of a plan, by the position of its actions.
pub(crate) struct HeldBack {
    mask: Vec<bool>,
    pub(crate) held: Vec<Held>,
}

impl HeldBack {
    /// Nothing.
    pub(crate) const fn nothing() -> Self {
        Self { mask: Vec::new(), held: Vec::new() }
    }

    /// What `hold` holds back, with everything that builds on it. `guarded` holds back whatever takes a file from a side.
    pub(crate) fn of(plan: &Plan, hold: &dyn Hold, guarded: bool) -> Self {
        let mut mask = vec![false; plan.actions.len()];
        let mut held = Vec::new();
        let mut paths: BTreeSet<&RelPath> = BTreeSet::new();
        for (at, action) in plan.actions.iter().enumerate() {
            let takes = guarded && takes(action).either(|side| side.files > 0);
            let why = match action {
                // It is judged when it is certain.
                action if hold.doubts(action) => Some(Why::Gone),
                _ if takes => Some(Why::Guarded),
                action => hold.holds(action),
            };
            if let Some(why) = why {
                (mask[at], _) = (true, paths.insert(&action.path));
                held.push(Self::one(action, why));
            }
        }
        for (at, action) in plan.actions.iter().enumerate() {
            if !mask[at] && comes_last(action) && hold.waits_below(&action.path) {
                (mask[at], _) = (true, paths.insert(&action.path));
                held.push(Self::one(action, if guarded { Why::Guarded } else { Why::Follows }));
            }
        }
        // Nothing can be put into a folder that a guard keeps from taking the place of a file.
        let grounds: BTreeSet<&RelPath> = held_grounds(plan, &mask).collect();
        for (at, action) in plan.actions.iter().enumerate() {
            if !mask[at] && action.path.ancestors().any(|above| grounds.contains(&above)) {
                (mask[at], _) = (true, paths.insert(&action.path));
                held.push(Self::one(action, Why::Guarded));
            }
        }
        // What builds on it may itself be built on.
        let mut grows = !held.is_empty();
        while std::mem::take(&mut grows) {
            for (at, action) in plan.actions.iter().enumerate() {
                if mask[at] || !follows(action, &paths) {
                    continue;
                }
                (mask[at], grows) = (true, true);
                held.push(Self::one(action, if guarded { Why::Guarded } else { Why::Follows }));
                paths.insert(&action.path);
            }
        }
        Self { mask, held }
    }

    fn one(action: &Action, why: Why) -> Held {
        let look = match action.transitions.first() {
            Some(Transition::Copy { from, .. }) => from,
            Some(other) => other.path(),
            None => &action.path,
        };
        let (key, look) = (action.path.clone(), look.clone());
        Held { key, look, bytes: action.bytes(), why, freight: Freight::of(action) }
    }

    /// The actions of a plan that are not held back.
    pub(crate) fn free<'p>(&self, plan: &'p Plan) -> impl Iterator<Item = &'p Action> {
        plan.actions
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.mask.get(*at).is_some_and(|held| *held))
            .map(|(_, action)| action)
    }
}

/// The folders that are not made.
fn held_grounds<'p>(plan: &'p Plan, mask: &[bool]) -> impl Iterator<Item = &'p RelPath> {
    let held = plan.actions.iter().zip(mask).filter(|(action, held)| **held && action.phase == Phase::Dirs);
    held.map(|(action, _)| &action.path)
}

/// Whether an action makes no sense, or would be in the way, before what is held at `paths` is done.
fn follows(action: &Action, paths: &BTreeSet<&RelPath>) -> bool {
    if action.after.as_ref().is_some_and(|after| paths.contains(after)) {
        return true;
    }
    let below = |top: &RelPath| {
        paths.range::<RelPath, _>(top..).find(|path| **path != top).is_some_and(|path| path.starts_with(top))
    };
    comes_last(action) && (paths.contains(&action.path) || below(&action.path))
}

/// Permissions that close a directory come after what goes into it, its removal after what goes from it.
const fn comes_last(action: &Action) -> bool {
    matches!(action.phase, Phase::Deletes | Phase::Replacements)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sync_core::entry::{Attributes, Kind};
    use sync_core::matrix::{Rule, State};
    use sync_core::side::Sides;

    use super::*;

    struct Nothing;

    impl Hold for Nothing {
        fn holds(&self, _: &Action) -> Option<Why> {
            None
        }

        fn waiting(&self, held: &[Held]) -> u64 {
            held.len() as u64
        }
    }

    fn path(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap_or_default()
    }

    fn entry(kind: Kind) -> Entry {
        Entry { kind, attributes: Attributes::NotHeld, size: 1, mtime_ns: 0, ctime_ns: 0, file_id: None }
    }

    fn action(at: &str, phase: Phase, transition: Transition) -> Action {
        Action {
            path: path(at),
            rule: Rule::Created(Side::Left),
            states: Sides { left: State::Created, right: State::Absent },
            phase,
            transitions: vec![transition],
            agree: Vec::new(),
            forget: Vec::new(),
            carried: Vec::new(),
            clash: None,
            after: None,
        }
    }

    fn folder(at: &str, instead: Option<Entry>) -> Action {
        let make = Transition::MakeDir {
            on: Side::Right,
            at: path(at),
            like: path(at),
            source: entry(Kind::Dir),
            expect: instead,
            soft: true,
        };
        action(at, Phase::Dirs, make)
    }

    fn copy(at: &str) -> Action {
        let copy = Transition::Copy {
            to: Side::Right,
            from: path(at),
            source: entry(Kind::File),
            at: path(at),
            expect: None,
            soft: false,
        };
        action(at, Phase::Copies, copy)
    }

    #[test]
    fn what_goes_into_a_folder_that_a_guard_stops_is_stopped_with_it() {
        let mut plan = Plan::default();
        let file = Some(entry(Kind::File));
        plan.actions = vec![
            folder("file/deeper", None),
            folder("file", file),
            folder("new", None),
            copy("file/in"),
            copy("file/deeper/in"),
            copy("filed"),
            copy("new/in"),
        ];
        let held = |guarded| -> BTreeMap<String, Why> {
            let held = HeldBack::of(&plan, &Nothing, guarded).held;
            held.into_iter().map(|one| (one.key.display(), one.why)).collect()
        };
        let all = ["file", "file/deeper", "file/deeper/in", "file/in"];
        assert_eq!(held(true), all.into_iter().map(|at| (at.to_owned(), Why::Guarded)).collect());
        assert!(held(false).is_empty());
    }
}
