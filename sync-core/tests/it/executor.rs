//! Carries a plan out in the model, as an executor must.
//!
//! What an executor has to know, and this module shows: what an earlier transition of the same run put at a path is
//! what a later one finds there, with a change time and perhaps a number that no plan could foretell; everything
//! else must be the exact version that the plan names. The baseline learns what is found *after* all transitions of
//! an action, never what was hoped for.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::baseline::Agreed;
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::path::RelPath;
use sync_core::plan::{Action, Memo, Plan, Transition};
use sync_core::side::{Side, Sides};

use crate::replica::{Done, Node, Refusal, digest_of, size_of, target_of};
use crate::world::World;

/// How far a run gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Until {
    /// After so many transitions the power goes.
    pub(crate) transitions: usize,
    /// Whether the baseline has kept what completed actions told it.
    pub(crate) keeps_baseline: bool,
}

impl Until {
    pub(crate) const END: Self = Self { transitions: usize::MAX, keeps_baseline: true };
}

/// What came of a run.
#[derive(Default, Debug)]
pub(crate) struct Applied {
    /// Actions that were refused for a reason that is no fault of the plan.
    pub(crate) refused: Vec<RelPath>,
    pub(crate) done: usize,
    pub(crate) interrupted: bool,
}

struct Run<'w> {
    world: &'w mut World,
    /// What this run put or moved, as spelled there.
    own: Sides<BTreeSet<RelPath>>,
    applied: Applied,
    /// Key paths of actions that were not carried out, for those that build on them.
    failed: BTreeSet<RelPath>,
}

/// Carries out `plan`. An error is a precondition that did not hold although nobody else touched the world.
pub(crate) fn apply(world: &mut World, plan: &Plan, until: Until) -> Result<Applied, String> {
    let mut run = Run { world, own: Sides::default(), applied: Applied::default(), failed: BTreeSet::new() };
    for action in &plan.actions {
        if action.after.as_ref().is_some_and(|after| run.failed.contains(after)) {
            continue;
        }
        match run.action(action, until) {
            Ok(true) => {}
            Ok(false) => break,
            Err(Refusal::HoldsHidden) => {
                run.failed.insert(action.path.clone());
                run.applied.refused.push(action.path.clone());
            }
            Err(Refusal::Wrong(why)) => {
                return Err(format!("at {:?} ({}): {why}", action.path, action.rule));
            }
        }
    }
    Ok(run.applied)
}

impl Run<'_> {
    /// Whether the run goes on.
    fn action(&mut self, action: &Action, until: Until) -> Done<bool> {
        let mut touched: Sides<BTreeSet<RelPath>> = Sides::default();
        for transition in &action.transitions {
            if self.applied.done == until.transitions {
                self.applied.interrupted = true;
                return Ok(false);
            }
            self.transition(transition, &mut touched)?;
            self.applied.done += 1;
        }
        if !action.transitions.is_empty() && self.applied.done == until.transitions && !until.keeps_baseline {
            self.applied.interrupted = true;
            return Ok(false);
        }
        if until.keeps_baseline {
            self.remember(action, &touched)?;
        }
        Ok(true)
    }

    fn remember(&mut self, action: &Action, touched: &Sides<BTreeSet<RelPath>>) -> Done<()> {
        // The renamed path itself comes first.
        let from = action.forget.first().cloned().unwrap_or_default();
        let mut moved = BTreeMap::new();
        for path in &action.forget {
            self.world.baseline.remove(path);
            if let Some(contents) = self.world.contents.remove(path) {
                moved.insert(path.rebased(&from, &action.path), contents);
            }
        }
        for change in &action.carried {
            let (Some(agreed), Some(contents)) = (&change.agreed, moved.get(&change.path)) else {
                return Err(Refusal::Wrong(format!("{:?} is carried from nowhere", change.path)));
            };
            self.world.baseline.insert(change.path.clone(), agreed.clone());
            self.world.contents.insert(change.path.clone(), *contents);
        }
        for memo in &action.agree {
            let found = Sides::from_fn(|side| {
                let at = &self.world.sides[side].shown(&memo.spelled[side]);
                touched[side].contains(at).then(|| self.world.sides[side].look(at)).flatten()
            });
            self.check_spelling(memo)?;
            match memo.agreed(found) {
                Some(agreed) => {
                    let contents = self.check_truth(memo, &agreed)?;
                    self.world.baseline.insert(memo.path.clone(), agreed);
                    self.world.contents.insert(memo.path.clone(), contents);
                }
                None => return Err(Refusal::Wrong(format!("{:?}: nothing to agree on", memo.path))),
            }
        }
        Ok(())
    }

    /// A memo must name each side's entry as it is really spelled.
    fn check_spelling(&self, memo: &Memo) -> Done<()> {
        for (side, path) in memo.spelled.iter() {
            let there = self.world.sides[side].find(path);
            if there.as_ref() != Some(&self.world.sides[side].shown(path)) {
                return Err(Refusal::Wrong(format!("the {side} spells {path:?} as {there:?}")));
            }
        }
        Ok(())
    }

    /// What is to be agreed on must be what both sides hold.
    fn check_truth(&self, memo: &Memo, agreed: &Agreed) -> Done<(Kind, u32)> {
        let nodes = Sides::from_fn(|side| {
            let replica = &self.world.sides[side];
            replica.tree[&replica.shown(&memo.spelled[side])]
        });
        let contents = nodes.map(|node| (node.kind, if node.kind == Kind::Dir { 0 } else { node.content }));
        let (kind, content) = contents.left;
        let target = (kind == Kind::Symlink).then(|| target_of(content));
        let true_digest =
            agreed.digest.is_none_or(|digest| kind == Kind::File && digest == digest_of(content));
        if contents.left != contents.right
            || agreed.kind != kind
            || agreed.size != size_of(kind, content)
            || agreed.target.as_deref() != target.as_deref()
            || !true_digest
        {
            return Err(Refusal::Wrong(format!("the baseline would claim {agreed:?} of {contents:?}")));
        }
        Ok((kind, content))
    }

    /// The node at a path that must be `expect`, or what this run put there.
    fn check(&self, side: Side, at: &RelPath, expect: &Entry) -> Done<Node> {
        let replica = &self.world.sides[side];
        let at = &replica.shown(at);
        let Some(spelled) = replica.find(at) else {
            return Err(Refusal::Wrong(format!("nothing on the {side} at {at:?}")));
        };
        if spelled != *at {
            return Err(Refusal::Wrong(format!("the {side} spells {at:?} as {spelled:?}")));
        }
        let node = replica.tree[&spelled];
        let now = replica.entry_of(&node);
        let holds = if self.own[side].contains(at) {
            let moved = Entry { file_id: now.file_id, mtime_ns: now.mtime_ns, ..*expect };
            let precision = replica.abilities.mtime_precision_ns;
            moved.is_same_version_moved(&now)
                && (expect.is_dir()
                    || !replica.abilities.keeps_mtime
                    || expect.mtime_ns.abs_diff(now.mtime_ns) <= precision)
        } else {
            expect.is_same_version(&now)
        };
        if holds {
            Ok(node)
        } else {
            Err(Refusal::Wrong(format!("on the {side} at {at:?}: expected {expect:?}, found {now:?}")))
        }
    }

    fn check_absent(&self, side: Side, at: &RelPath) -> Done<()> {
        match self.world.sides[side].find(at) {
            Some(there) => Err(Refusal::Wrong(format!("the {side} has {there:?} where {at:?} should go"))),
            None => Ok(()),
        }
    }

    /// Takes away what gives way, if anything.
    fn give_way(&mut self, side: Side, at: &RelPath, expect: Option<&Entry>, soft: bool) -> Done<()> {
        let Some(expect) = expect else { return self.check_absent(side, at) };
        self.check(side, at, expect)?;
        self.world.sides[side].take(at, soft).map(|_| ())
    }

    fn touch(&self, side: Side, at: &RelPath, touched: &mut Sides<BTreeSet<RelPath>>) {
        touched[side].insert(self.world.sides[side].shown(at));
    }

    fn own(&mut self, side: Side, at: &RelPath, touched: &mut Sides<BTreeSet<RelPath>>) {
        let at = self.world.sides[side].shown(at);
        self.own[side].insert(at.clone());
        touched[side].insert(at);
    }

    fn transition(&mut self, transition: &Transition, touched: &mut Sides<BTreeSet<RelPath>>) -> Done<()> {
        match transition {
            Transition::MakeDir { on, at, like, source, expect, soft } => {
                let like_node = self.check(on.other(), like, source)?;
                self.touch(on.other(), like, touched);
                self.give_way(*on, at, expect.as_ref(), *soft)?;
                // It stays open until what belongs in it is there.
                let mode = mode_of(source, like_node.mode) | 0o300;
                let node = self.world.sides[*on].fresh(like_node.kind, 0, 0, mode);
                let at = self.world.sides[*on].put(at, node)?;
                self.own(*on, &at, touched);
            }
            Transition::Copy { to, from, source, at, expect, soft } => {
                let from_node = self.check(to.other(), from, source)?;
                self.touch(to.other(), from, touched);
                self.give_way(*to, at, expect.as_ref(), *soft)?;
                let mode = mode_of(source, 0o644);
                let node =
                    self.world.sides[*to].fresh(from_node.kind, from_node.content, from_node.mtime, mode);
                let at = self.world.sides[*to].put(at, node)?;
                self.own(*to, &at, touched);
            }
            Transition::KeepBeside { on, at, expect, clash } => {
                self.check(*on, at, expect)?;
                self.world.sides[*on].keep_beside(at, clash)?;
                self.own(*on, at, touched);
                self.own(*on, clash, touched);
            }
            Transition::Rename { on, from, expect, to } => {
                self.check(*on, from, expect)?;
                let to = self.world.sides[*on].rename(from, to)?;
                let from = self.world.sides[*on].shown(from);
                for set in [&mut self.own[*on], &mut touched[*on]] {
                    *set = set.iter().map(|path| path.rebased(&from, &to)).collect();
                }
                self.own(*on, &to, touched);
            }
            Transition::SetProperties { on, at, expect, from, source } => {
                let from_node = self.check(on.other(), from, source)?;
                self.touch(on.other(), from, touched);
                let node = self.check(*on, at, expect)?;
                let mtime = (!source.is_dir()).then_some(from_node.mtime);
                self.world.sides[*on].set(at, mtime, mode_of(source, node.mode))?;
                self.own(*on, at, touched);
            }
            Transition::Remove { on, at, expect, soft } => {
                self.check(*on, at, expect)?;
                self.world.sides[*on].take(at, *soft)?;
            }
            Transition::RemoveDir { on, at, expect, soft } => {
                self.check(*on, at, expect)?;
                self.world.sides[*on].remove_dir(at, *soft)?;
            }
            Transition::PutBack { .. } | Transition::RemakeDir { .. } | Transition::Reset { .. } => {
                panic!("no decision about two trees puts anything back: {transition:?}");
            }
        }
        Ok(())
    }
}

/// The permission bits a copy takes over; what the source does not hold stays.
fn mode_of(source: &Entry, otherwise: u16) -> u16 {
    match source.attributes {
        Attributes::Unix(mode) => mode,
        _ => otherwise,
    }
}
