//! A part of a plan.
//!
//! Owns what an action needs of the others, and the two ways to carry out less than a whole plan: [`narrow`] takes
//! along what the wanted part needs, [`restrict`] leaves out what needs something that was not allowed. Either way
//! the actions that remain are those of the decision, untouched and in its order.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::matrix::Rule;
use crate::path::RelPath;
use crate::plan::{Action, Phase, Plan, Transition};

/// Keeps the wanted actions with everything they need.
pub fn narrow(plan: &mut Plan, wanted: impl Fn(&Action) -> bool) {
    let needs = Needs::of(&plan.actions);
    let mut kept = BTreeSet::new();
    let mut open: Vec<usize> =
        (0..plan.actions.len()).filter(|at| plan.actions.get(*at).is_some_and(&wanted)).collect();
    while let Some(at) = open.pop() {
        if kept.insert(at) {
            open.extend(needs.of_action(&plan.actions, at));
        }
    }
    retain(&mut plan.actions, |at| kept.contains(&at));
}

/// Keeps the allowed actions, as far as all they need is allowed too. Returns those that were allowed in vain.
pub fn restrict(plan: &mut Plan, allowed: impl Fn(&Action) -> bool) -> Vec<Action> {
    let needs = Needs::of(&plan.actions);
    let named: Vec<bool> = plan.actions.iter().map(allowed).collect();
    let mut kept = named.clone();
    // What lacks something may itself be needed: until nothing changes any more.
    loop {
        let fails = |at: &usize| {
            kept.get(*at) == Some(&true)
                && needs.of_action(&plan.actions, *at).any(|one| kept.get(one) != Some(&true))
        };
        let failing: Vec<usize> = (0..plan.actions.len()).filter(fails).collect();
        if failing.is_empty() {
            break;
        }
        for at in failing {
            if let Some(keeps) = kept.get_mut(at) {
                *keeps = false;
            }
        }
    }
    let is = |all: &[bool], at: usize| all.get(at) == Some(&true);
    let in_vain = plan
        .actions
        .iter()
        .enumerate()
        .filter(|(at, _)| is(&named, *at) && !is(&kept, *at))
        .map(|(_, action)| action.clone())
        .collect();
    retain(&mut plan.actions, |at| is(&kept, at));
    in_vain
}

fn retain(actions: &mut Vec<Action>, keeps: impl Fn(usize) -> bool) {
    let mut at = 0;
    actions.retain(|_| {
        at += 1;
        keeps(at - 1)
    });
}

/// Where the actions are that others need.
struct Needs {
    by_path: BTreeMap<RelPath, Vec<usize>>,
    /// Renames by the key they leave.
    vacating: BTreeMap<RelPath, Vec<usize>>,
}

impl Needs {
    fn of(actions: &[Action]) -> Self {
        let mut needs = Self { by_path: BTreeMap::new(), vacating: BTreeMap::new() };
        for (at, action) in actions.iter().enumerate() {
            needs.by_path.entry(action.path.clone()).or_default().push(at);
            if action.phase == Phase::Renames {
                for left in &action.forget {
                    needs.vacating.entry(left.clone()).or_default().push(at);
                }
            }
        }
        needs
    }

    /// What lies at a path and below it.
    fn below<'a>(&'a self, top: &'a RelPath) -> impl Iterator<Item = (&'a RelPath, &'a Vec<usize>)> {
        self.by_path.range(top.clone()..).take_while(move |(path, _)| path.starts_with(top))
    }

    /// The actions that must be carried out for the one at `at` to make sense.
    fn of_action<'a>(&'a self, actions: &'a [Action], at: usize) -> impl Iterator<Item = usize> + 'a {
        let mut found = BTreeSet::new();
        if let Some(action) = actions.get(at) {
            self.collect(actions, action, &mut found);
        }
        found.remove(&at);
        found.into_iter()
    }

    fn collect(&self, actions: &[Action], action: &Action, found: &mut BTreeSet<usize>) {
        let get = |at: usize| actions.get(at);
        let touched: BTreeSet<&RelPath> = [&action.path]
            .into_iter()
            .chain(&action.clash)
            .chain(action.agree.iter().map(|memo| &memo.path))
            .chain(&action.forget)
            .collect();
        for path in touched {
            found.extend(self.vacating.get(path).into_iter().flatten());
            for above in path.ancestors() {
                found.extend(self.vacating.get(&above).into_iter().flatten());
                let prepares = |at: &&usize| get(**at).is_some_and(prepares_ground);
                found.extend(self.by_path.get(&above).into_iter().flatten().filter(prepares));
            }
        }
        if let Some(after) = &action.after {
            found.extend(self.by_path.get(after).into_iter().flatten());
        }
        // Below a file nothing is ever looked for: what the baseline still has there must go along.
        if matches!(action.phase, Phase::Copies | Phase::Replacements) {
            for (path, all) in self.below(&action.path) {
                let forgets = |at: &&usize| get(**at).is_some_and(|one| one.rule == Rule::Forget);
                if *path != action.path {
                    found.extend(all.iter().filter(forgets));
                }
            }
        }
        let removes_dir = |one: &Transition| matches!(one, Transition::RemoveDir { .. });
        if action.transitions.iter().any(removes_dir) {
            for (path, all) in self.below(&action.path) {
                let empties = |at: &&usize| {
                    get(**at).is_some_and(|one| one.phase == Phase::Deletes && !one.transitions.is_empty())
                };
                if *path != action.path {
                    found.extend(all.iter().filter(empties));
                }
            }
            let moved = self.vacating.range(action.path.clone()..);
            for (_, all) in moved.take_while(|(path, _)| path.starts_with(&action.path)) {
                found.extend(all);
            }
        }
    }
}

/// Whether what lies below depends on an action: a directory that it makes, moves or spells anew.
fn prepares_ground(action: &Action) -> bool {
    match action.phase {
        Phase::Renames => true,
        Phase::Dirs => !action.transitions.is_empty(),
        Phase::Copies | Phase::Deletes | Phase::Replacements => false,
    }
}
