//! Two replicas, their baseline and the terms: everything one cycle depends on.
//!
//! Owns [`World`]: observing and deciding (answering questions from content), the mirror image, and the dump that a
//! failing test prints. How a plan is carried out is in `executor`.

use std::collections::BTreeMap;
use std::fmt::Write;

use sync_core::abilities::Abilities;
use sync_core::baseline::{Agreed, BaselineDir, Record};
use sync_core::compare::{Comparison, compare_closely, equivalence};
use sync_core::decide::{Terms, decide_with};
use sync_core::entry::{Kind, XattrDigest};
use sync_core::fold::Equivalence;
use sync_core::guidance::{Focus, Guidance};
use sync_core::path::RelPath;
use sync_core::plan::{Answer, Evidence, Plan};
use sync_core::policy::Policy;
use sync_core::side::{Side, Sides};
use sync_core::snapshot::Snapshot;

use crate::replica::{Replica, digest_of};

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) sides: Sides<Replica>,
    pub(crate) baseline: BTreeMap<RelPath, Agreed>,
    /// What the versions in the baseline hold, which the baseline itself does not always know.
    pub(crate) contents: BTreeMap<RelPath, (Kind, u32)>,
    pub(crate) policy: Policy,
}

/// What one look at the world led to.
pub(crate) struct Decision {
    pub(crate) plan: Plan,
    pub(crate) evidence: Evidence,
    pub(crate) comparison: Comparison,
    /// What had to be read.
    pub(crate) asked: Vec<(Side, RelPath)>,
}

impl World {
    pub(crate) fn new(abilities: Sides<Abilities>) -> Self {
        let [left, right] = [(abilities.left, 100_000), (abilities.right, 200_000)]
            .map(|(abilities, first_id)| Replica::new(abilities, first_id));
        Self {
            sides: Sides { left, right },
            baseline: BTreeMap::new(),
            contents: BTreeMap::new(),
            policy: Policy::default(),
        }
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms {
            policy: self.policy.clone(),
            abilities: self.sides.as_ref().map(|replica| replica.abilities.clone()),
        }
    }

    pub(crate) fn pair(&self) -> Equivalence {
        equivalence(&self.sides.as_ref().map(|replica| replica.abilities.clone()))
    }

    /// Writes what both sides hold at `key` into the baseline, as after a clean run.
    pub(crate) fn remember(&mut self, key: &RelPath, digest: bool) {
        let pair = self.pair();
        let found = self.sides.as_ref().map(|replica| {
            replica
                .tree
                .iter()
                .find(|(path, _)| pair.path_key(path) == *key)
                .map(|(path, node)| (path, *node))
        });
        let (Some((left_path, left)), Some((right_path, right))) = (found.left, found.right) else {
            panic!("{key:?} is not on both sides");
        };
        let records = Sides { left: (left_path, left, Side::Left), right: (right_path, right, Side::Right) };
        let agreed = Agreed {
            kind: left.kind,
            size: self.sides.left.entry_of(&left).size,
            digest: (digest && left.kind == Kind::File).then(|| digest_of(left.content)),
            target: (left.kind == Kind::Symlink).then(|| crate::replica::target_of(left.content).into()),
            sides: records.map(|(path, node, side)| {
                Record::of(&self.sides[side].entry_of(&node), path.name(), key.name(), None)
            }),
        };
        self.baseline.insert(key.clone(), agreed);
        self.contents.insert(key.clone(), (left.kind, left.content));
    }

    fn baseline_dirs(&self) -> Vec<BaselineDir> {
        let mut dirs: BTreeMap<RelPath, Vec<(Box<[u8]>, Agreed)>> = BTreeMap::new();
        for (path, agreed) in &self.baseline {
            let parent = path.parent().unwrap_or_default();
            dirs.entry(parent).or_default().push((path.name().into(), agreed.clone()));
        }
        dirs.into_iter()
            .map(|(path, mut children)| {
                children.sort_by(|a, b| a.0.cmp(&b.0));
                BaselineDir { path, children }
            })
            .collect()
    }

    pub(crate) fn observe(&self, everything: bool, focus: &Focus) -> (Sides<Snapshot>, Comparison) {
        let pair = self.pair();
        let snapshots = self.sides.as_ref().map(|replica| replica.scan(pair));
        let abilities = self.sides.as_ref().map(|replica| replica.abilities.clone());
        let rows = self.baseline_dirs().into_iter();
        let comparison = compare_closely(&snapshots, rows, &abilities, everything, focus);
        (snapshots, comparison)
    }

    /// Decides, answering questions until there are none. A question that is put twice, or that names what is not
    /// there, is an error.
    pub(crate) fn decide(&self, everything: bool) -> Result<Decision, String> {
        self.decide_guided(everything, &Guidance::default())
    }

    /// The same, told what a person chose and what is in doubt.
    pub(crate) fn decide_guided(&self, everything: bool, guidance: &Guidance) -> Result<Decision, String> {
        let (snapshots, comparison) = self.observe(everything, &guidance.focus());
        let terms = self.terms();
        let mut evidence = Evidence::default();
        let mut asked = Vec::new();
        for _ in 0..12 {
            let plan = decide_with(&comparison, &snapshots, &evidence, &terms, guidance);
            if plan.questions.is_empty() {
                return Ok(Decision { plan, evidence, comparison, asked });
            }
            for (question, about) in plan.questions {
                let replica = &self.sides[question.side];
                let known = evidence.get(question.side, &question.path);
                if known.is_some_and(|known| !about.content || !matches!(known, Answer::Xattrs(_))) {
                    return Err(format!("asked twice: {question:?}"));
                }
                let Some(node) = replica.node(&about.at) else {
                    return Err(format!("asked for what is not there: {question:?} {about:?}"));
                };
                if !about.expect.is_same_version(&replica.entry_of(node)) || node.kind != Kind::File {
                    return Err(format!("asked for another version: {question:?} {about:?}"));
                }
                let xattrs = replica.abilities.xattrs.then_some(XattrDigest(0));
                asked.push((question.side, question.path.clone()));
                evidence.add(
                    question,
                    if about.content {
                        Answer::Read(digest_of(node.content), xattrs)
                    } else {
                        Answer::Xattrs(xattrs)
                    },
                );
            }
        }
        Err("the questions do not come to an end".into())
    }

    pub(crate) fn flip(&self) -> Self {
        let mut policy = self.policy.clone();
        policy.tie_breaker = policy.tie_breaker.other();
        let baseline =
            self.baseline.iter().map(|(path, agreed)| (path.clone(), flip_agreed(agreed))).collect();
        Self { sides: self.sides.clone().flip(), baseline, contents: self.contents.clone(), policy }
    }

    /// Everything, for people.
    pub(crate) fn dump(&self) -> String {
        let mut out = String::new();
        for (side, replica) in self.sides.iter() {
            let _ = writeln!(out, "  {side}:");
            for (path, node) in &replica.tree {
                let fault = match (replica.unobserved.contains(path), replica.unreadable.contains(path)) {
                    (true, _) => "  UNOBSERVED",
                    (_, true) => "  UNREADABLE",
                    _ => "",
                };
                let _ = writeln!(out, "    {path:?} {node:?}{fault}");
            }
            for (path, node) in &replica.trash {
                let _ = writeln!(out, "    trash: {path:?} {node:?}");
            }
        }
        let _ = writeln!(out, "  baseline:");
        for (path, agreed) in &self.baseline {
            let _ = writeln!(
                out,
                "    {path:?} {} {} digest:{}",
                agreed.kind,
                agreed.size,
                agreed.digest.is_some()
            );
            for (side, record) in agreed.sides.iter() {
                let _ = writeln!(out, "      {side}: {record:?}");
            }
        }
        let _ = writeln!(
            out,
            "  policy: changed={} created={} props={} tie={} first={:?}",
            self.policy.same_file_changed_both.name(),
            self.policy.new_file_both_different.name(),
            self.policy.properties_conflict_both.name(),
            self.policy.tie_breaker,
            self.policy.first_match,
        );
        out
    }
}

pub(crate) fn flip_agreed(agreed: &Agreed) -> Agreed {
    Agreed { sides: agreed.sides.clone().flip(), ..agreed.clone() }
}

/// A plan for people.
pub(crate) fn dump_plan(plan: &Plan) -> String {
    let mut out = String::new();
    for action in &plan.actions {
        let _ = writeln!(
            out,
            "  {:?} {:?} {} [{}/{}] clash={:?} after={:?}",
            action.phase,
            action.path,
            action.rule,
            action.states.left,
            action.states.right,
            action.clash,
            action.after
        );
        for transition in &action.transitions {
            let _ = writeln!(out, "      {transition:?}");
        }
        for memo in &action.agree {
            let _ = writeln!(out, "      agree {:?} {:?} seen {:?}", memo.path, memo.spelled, memo.seen);
        }
        if !action.forget.is_empty() || !action.carried.is_empty() {
            let carried: Vec<_> = action.carried.iter().map(|one| &one.path).collect();
            let _ = writeln!(out, "      forget {:?} carried {carried:?}", action.forget);
        }
    }
    for conflict in &plan.conflicts {
        let _ = writeln!(
            out,
            "  conflict {:?} {} {} newer={} clash={:?}",
            conflict.path,
            conflict.rule,
            conflict.policy.name(),
            conflict.newer,
            conflict.clash_path
        );
    }
    for blocked in &plan.blocked {
        let _ = writeln!(out, "  blocked {:?} {} {}", blocked.path, blocked.side, blocked.trouble);
    }
    let _ = writeln!(out, "  halt {:?}", plan.halt);
    out
}
