//! All combinations of three tiny trees over a few related paths, with every policy that can matter.
//!
//! Each [`Domain`] lists the agreed trees and the trees a side may show now; every triple goes through
//! [`cycle`](crate::checks::cycle). A policy that no conflict of a triple asks for cannot matter to it: the domain of
//! one path goes through all 54 regardless, and so would show it if it did.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sync_core::abilities::Abilities;
use sync_core::fold::Equivalence;
use sync_core::matrix::Rule;
use sync_core::policy::{ConflictPolicy, FirstMatch, Policy};
use sync_core::side::{Side, Sides};

use crate::checks::{Adopted, Care, cycle, tell};
use crate::world::World;

/// Some small world, whole.
struct Domain {
    name: &'static str,
    abilities: Sides<Abilities>,
    baselines: Vec<String>,
    trees: Vec<String>,
    digests: &'static [bool],
    first: &'static [FirstMatch],
    every_policy: bool,
    care: Care,
}

impl Domain {
    fn new(name: &'static str, baselines: Vec<String>, trees: Vec<String>) -> Self {
        Self {
            name,
            abilities: Sides { left: Abilities::FULL, right: Abilities::FULL },
            baselines,
            trees,
            digests: &[false],
            first: &[FirstMatch::Metadata],
            every_policy: false,
            care: Care::Usual,
        }
    }

    /// Goes through all of it on two threads; prints the count, and the smallest failing case of each sort.
    fn prove(&self) {
        let cases = AtomicUsize::new(0);
        let next = AtomicUsize::new(0);
        let failures: Mutex<BTreeMap<String, (usize, String)>> = Mutex::default();
        let failed = AtomicUsize::new(0);
        let rows: Vec<(&str, &str)> = self
            .baselines
            .iter()
            .flat_map(|baseline| self.trees.iter().map(move |left| (baseline.as_str(), left.as_str())))
            .collect();
        let work = || {
            while let Some((baseline, left)) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                for right in &self.trees {
                    // Each case is checked against its mirror, which covers the other half.
                    if self.symmetric() && right.as_str() < *left {
                        continue;
                    }
                    self.triple(baseline, left, right, &mut |policy, why| {
                        cases.fetch_add(1, Ordering::Relaxed);
                        let Some(why) = why else { return };
                        failed.fetch_add(1, Ordering::Relaxed);
                        let text =
                            format!("baseline `{baseline}`, left `{left}`, right `{right}`, {policy}: {why}");
                        let size = baseline.len() + left.len() + right.len();
                        let sort = sort_of(&why);
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        let worst = failures.entry(sort).or_insert((usize::MAX, String::new()));
                        if size < worst.0 {
                            *worst = (size, text);
                        }
                    });
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(work);
            }
        });
        let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (_, text) in failures.values() {
            println!("---- {}\n{text}\n", self.name);
        }
        tell(&format!("exhaustive, {}: {} cases", self.name, cases.load(Ordering::Relaxed)));
        let failed = failed.load(Ordering::Relaxed);
        assert_eq!(
            failed,
            0,
            "{failed} cases of {} sorts failed; the smallest of each is above",
            failures.len()
        );
    }

    fn symmetric(&self) -> bool {
        self.abilities.left == self.abilities.right
    }

    fn triple(&self, baseline: &str, left: &str, right: &str, tell: &mut dyn FnMut(String, Option<String>)) {
        for digests in self.digests {
            for first in self.first {
                let empty = World::new(self.abilities.clone());
                let mut world = empty.planted(
                    &format!("z=Z {baseline}"),
                    &format!("z=Z {left}"),
                    &format!("z=Z {right}"),
                    *digests,
                );
                world.policy.first_match = *first;
                if self.every_policy {
                    for policy in policies(&BTreeSet::from(CHOICES), *first) {
                        self.one(&world, policy, tell);
                    }
                    continue;
                }
                // Policies are tried only for the conflicts that turn up under any of them.
                let mut matter = BTreeSet::new();
                let mut tried = BTreeSet::new();
                loop {
                    let known = matter.len();
                    for policy in policies(&matter, *first) {
                        if tried.insert(text_of(&policy)) {
                            matter.extend(self.one(&world, policy, tell));
                        }
                    }
                    if matter.len() == known {
                        break;
                    }
                }
            }
        }
    }

    /// Tries one case and returns which choices its conflicts asked for.
    fn one(
        &self,
        world: &World,
        policy: Policy,
        tell: &mut dyn FnMut(String, Option<String>),
    ) -> BTreeSet<&'static str> {
        let text = text_of(&policy);
        let mut world = World { policy, ..world.clone() };
        let result = catch_unwind(AssertUnwindSafe(|| cycle(&mut world, &mut Adopted::new(), self.care)));
        match result {
            Ok(Ok(plan)) => {
                tell(text, None);
                plan.conflicts.iter().map(|one| choice_of(one.rule)).collect()
            }
            Ok(Err(why)) => {
                tell(text, Some(why));
                BTreeSet::new()
            }
            Err(_) => {
                tell(text, Some("the core panicked".into()));
                BTreeSet::new()
            }
        }
    }
}

const CHOICES: [&str; 3] = ["both-changed", "both-created", "props-both"];

fn choice_of(rule: Rule) -> &'static str {
    CHOICES.into_iter().find(|name| *name == rule.name()).unwrap_or("both-changed")
}

fn policies(matter: &BTreeSet<&str>, first: FirstMatch) -> Vec<Policy> {
    let values = |choice: &str| {
        let all = &ConflictPolicy::ALL[..];
        if matter.contains(choice) { all.to_vec() } else { vec![ConflictPolicy::Clash] }
    };
    let sides = if matter.is_empty() { vec![Side::Left] } else { Side::BOTH.to_vec() };
    let mut out = Vec::new();
    for changed in values(CHOICES[0]) {
        for created in values(CHOICES[1]) {
            for props in values(CHOICES[2]) {
                for tie_breaker in &sides {
                    out.push(Policy {
                        same_file_changed_both: changed,
                        new_file_both_different: created,
                        properties_conflict_both: props,
                        tie_breaker: *tie_breaker,
                        first_match: first,
                        ..Policy::default()
                    });
                }
            }
        }
    }
    out
}

fn text_of(policy: &Policy) -> String {
    format!(
        "changed={} created={} props={} tie={}",
        policy.same_file_changed_both.name(),
        policy.new_file_both_different.name(),
        policy.properties_conflict_both.name(),
        policy.tie_breaker
    )
}

/// The first line of a failure without what differs from case to case.
fn sort_of(why: &str) -> String {
    let line = why.lines().next().unwrap_or_default();
    let mut out = String::new();
    for (index, part) in line.split('"').enumerate() {
        out.push_str(if index % 2 == 0 { part } else { "…" });
    }
    out.retain(|c| !c.is_ascii_digit());
    out.truncate(out.char_indices().nth(70).map_or(out.len(), |(at, _)| at));
    out
}

/// Every way to put one of each list together.
fn product(lists: &[&[&str]]) -> Vec<String> {
    lists.iter().fold(vec![String::new()], |trees, list| {
        trees
            .iter()
            .flat_map(|tree| list.iter().map(move |more| format!("{tree} {more}").trim().to_owned()))
            .collect()
    })
}

/// Whether the directory with the tag of `d` would be at two places.
fn has_twice(tree: &str) -> bool {
    let at_d = tree.split(' ').any(|word| matches!(word, "d/" | "d/?" | "d/!" | "D/#d" | "D/#d!"));
    at_d && tree.contains("/#d") && tree.split(' ').any(|word| word.to_lowercase() == "e/#d")
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn one_path() {
    let trees = [
        "", "f=A", "f=A@1", "f=A!", "f=A^", "f=A@1!", "f=A#n", "f=B", "f=B#n@1", "f=C", "f=H", "f=0", "f/",
        "f/!", "f>1", "f>2", "f=A?", "f/?",
    ];
    let mut domain = Domain::new("one path", strings(&["", "f=A", "f/", "f>1"]), strings(&trees));
    domain.every_policy = true;
    domain.first = &[FirstMatch::Digest];
    domain.digests = &[false, true];
    domain.care = Care::Thorough;
    domain.prove();
}

#[test]
fn a_directory_and_a_file_in_it() {
    let trees = [
        "",
        "d=A",
        "d=B",
        "d>1",
        "d=A?",
        "d/?",
        "d/",
        "d/!",
        "d/ d/f=A",
        "d/! d/f=A",
        "d/ d/f=A@1",
        "d/ d/f=A^",
        "d/ d/f=B",
        "d/ d/f=C!",
        "d/ d/f>1",
        "d/ d/f=A?",
        "d/ d/f/",
        "d/ d/f/?",
        "d/ d/f=A d/g=B",
        "d/#n d/f=A",
        "d/ d/f.tmp=A",
    ];
    let baselines = ["", "d=A", "d>1", "d/", "d/ d/f=A", "d/ d/f/", "d/ d/f>1", "d/ d/f=A d/g=B"];
    let mut domain = Domain::new("a directory and a file in it", strings(&baselines), strings(&trees));
    domain.first = &[FirstMatch::Digest];
    domain.digests = &[false, true];
    domain.care = Care::Thorough;
    domain.prove();
}

const MOVED: [&str; 11] = [
    "",
    "e=A",
    "e=B",
    "e>1",
    "e=A?",
    "e/#d",
    "e/#d e/f=A",
    "e/#d e/f=B",
    "e/ e/f=A",
    "e/#d e/f=A@1",
    "e/#d e/f=A?",
];

#[test]
fn a_directory_that_moves() {
    let stays = ["", "d=A", "d/#n", "d/#n d/f=B", "d/ d/f=A", "d/ d/f=B", "d/ d/f=A?", "d/?", "d/!"];
    let mut trees: Vec<String> =
        product(&[&stays, &MOVED]).into_iter().filter(|tree| !has_twice(tree)).collect();
    trees.push("e/#d?".into());
    trees.push("e/#d x=A".into());
    trees.push("d/#n d/e/#d d/e/f=A".into());
    let baselines = ["", "d/", "d/ d/f=A", "d/ d/f=A e=B", "d/ d/f=A e/ e/f=B", "d=A", "d=A e=B", "e=A"];
    Domain::new("a directory that moves", strings(&baselines), trees).prove();
}

#[test]
fn three_files() {
    let trees = product(&[
        &["", "a=A", "a=A@1", "a=B", "a=C"],
        &["", "b=A", "b=B", "b=B#n", "b=D"],
        &["", "d/", "d/ d/a=A", "d/ d/a=B", "d/ d/a=C"],
    ]);
    let baselines =
        ["", "a=A", "a=A b=B", "a=A b=B d/", "a=A d/ d/a=C", "a=A b=B d/ d/a=C", "d/ d/a=A", "b=B d/ d/a=A"];
    let mut domain = Domain::new("three files", strings(&baselines), trees);
    domain.digests = &[true];
    domain.prove();
}

const FOLDS: Equivalence = Equivalence { case: true, form: false };

#[test]
fn names_that_fold() {
    let folding = Abilities { equivalence: FOLDS, ..Abilities::FULL };
    let trees = product(&[
        &["", "f=A", "F=A", "F=A!", "f=B", "F=C", "F/", "f/", "f=A?"],
        &["", "b=A", "B=A", "b=B", "B=D", "B/ B/x=A"],
    ]);
    let baselines = strings(&["", "f=A", "F=A", "f=A b=B", "f/", "b/ b/x=A"]);
    let mut domain = Domain::new("names that fold", baselines, trees);
    domain.abilities = Sides { left: folding.clone(), right: folding };
    domain.prove();
}

#[test]
fn names_that_one_side_folds() {
    let trees = product(&[
        &["", "f=A", "F=A", "f=B", "F=C", "F/", "f/ f/x=B"],
        &["", "b=A", "B=A", "B=D", "B/ B/x=A"],
    ]);
    let baselines = strings(&["", "f=A", "F=A", "f=A b=B", "f/ f/x=B", "b/ b/x=A"]);
    let mut domain = Domain::new("names that one side folds", baselines, trees);
    domain.abilities.right.equivalence = FOLDS;
    domain.prove();
}

const LOWER: Abilities = Abilities { equivalence: FOLDS, shows_spelling: false, ..Abilities::FULL };

#[test]
fn names_that_one_side_cannot_spell() {
    let trees = product(&[
        &["", "f=A", "F=A", "F=A!", "f=B", "F=C", "F/", "f/ f/x=B"],
        &["", "b=A", "B=A", "b=B", "B=D", "B/ B/x=A"],
    ]);
    let baselines = strings(&["", "f=A", "F=A", "f=A b=B", "F/ F/X=B", "B=A", "b/ b/x=A"]);
    for left in [Abilities::FULL, Abilities { equivalence: FOLDS, ..Abilities::FULL }, LOWER] {
        let mut domain = Domain::new("names that one side cannot spell", baselines.clone(), trees.clone());
        domain.abilities = Sides { left, right: LOWER };
        domain.prove();
    }
}

#[test]
fn directories_that_fold() {
    let folding = Abilities { equivalence: FOLDS, ..Abilities::FULL };
    let trees = product(&[
        &[
            "d/",
            "D/#d",
            "D/#d!",
            "d/ d/x=A",
            "D/#d D/x=A",
            "d/ d/X=A",
            "D/#d D/x=C",
            "D/#d D/s/#s D/s/y=B",
            "d/ d/S/#s d/S/y=B",
            "d=A",
        ],
        &["", "a=B", "a=A", "E/#d", "E/#d E/X=A", "e/#d e/S/#s e/S/y=B e/S/x=A"],
    ]);
    let mut trees: Vec<String> = trees.into_iter().filter(|tree| !has_twice(tree)).collect();
    trees.extend(strings(&["E/#d", "E/#d E/X=A", "e/#d e/S/#s e/S/y=B e/S/x=A", "e/#d e/X=A D/#n"]));
    let baselines =
        strings(&["d/", "d/ d/x=A", "d/ a=B", "d/ d/x=A a=B", "d/ d/s/#s d/s/y=B", "d/ a=A d/s/#s d/s/y=B"]);
    for (left, right) in
        [(Abilities::FULL, folding.clone()), (folding.clone(), folding), (Abilities::FULL, LOWER)]
    {
        let mut domain = Domain::new("directories that fold", baselines.clone(), trees.clone());
        domain.abilities = Sides { left, right };
        domain.prove();
    }
}

#[test]
fn a_clash_name_that_is_taken() {
    let clash = "f~-~clash~202611201600";
    let forms = ["", "=A", "=A@3", "=B@2", "=B", "/", ">1", "=A?"];
    let clashes: Vec<String> = forms
        .iter()
        .map(|one| if one.is_empty() { String::new() } else { format!("{clash}{one}") })
        .collect();
    let clashes: Vec<&str> = clashes.iter().map(String::as_str).collect();
    let trees = product(&[&["", "f=A", "f=B", "f=C", "f/", "f>1"], &clashes]);
    let baselines = strings(&["", "f=C", &format!("f=C {clash}=A"), &format!("{clash}=B@2")]);
    let mut domain = Domain::new("a clash name that is taken", baselines, trees);
    domain.first = &[FirstMatch::Digest];
    domain.care = Care::Thorough;
    domain.prove();
}
