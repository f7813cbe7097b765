//! What must be true of every decision, whatever the three trees were.
//!
//! Owns [`cycle`], which takes a world through one whole cycle and looks at a second one, and tests on the way:
//! mirrored, repeatable, converging, quiet when done, no version lost, nothing unknown touched. What may differ
//! afterwards must have been said to a person: a conflict that waits, or a problem.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use sync_core::entry::{Entry, Kind, Reason};
use sync_core::explain::explain;
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::plan::{Plan, Transition};
use sync_core::policy::ConflictPolicy;
use sync_core::side::{Side, Sides};

use crate::executor::{Until, apply};
use crate::mirror::{difference, flip_plan};
use crate::replica::{Node, is_hidden};
use crate::world::{World, dump_plan};

/// How much is looked at besides the cycle itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Care {
    /// The six properties.
    Usual,
    /// Also what explanations and a comparison with everything in it say.
    Thorough,
}

/// Says a count past the test runner's capture: how much was proven belongs to the result.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Key paths at which an adoption left the properties of the sides apart, as it should.
pub(crate) type Adopted = BTreeSet<RelPath>;

/// One whole cycle. An error holds everything a person needs to see what went wrong.
pub(crate) fn cycle(world: &mut World, adopted: &mut Adopted, care: Care) -> Result<Plan, String> {
    let before = world.clone();
    let decision = before.decide(false).map_err(|why| format!("{why}\nbefore:\n{}", before.dump()))?;
    let plan = decision.plan;
    let fail = |why: String, after: &World| {
        format!("{why}\nbefore:\n{}plan:\n{}after:\n{}", before.dump(), dump_plan(&plan), after.dump())
    };
    mirrored(&before, &plan, &decision.asked).map_err(|why| fail(why, world))?;
    if care == Care::Thorough {
        explained(&before, &plan).map_err(|why| fail(why, world))?;
    }
    if plan.halt.is_some() {
        return Ok(plan);
    }
    let done = apply(world, &plan, Until::END).map_err(|why| fail(why, world))?;
    if !done.refused.is_empty() {
        return Ok(plan);
    }
    let excused = Excused::new(&before, &plan);
    note_adoptions(world, &plan, adopted);
    converged(&before, world, &plan, &excused, adopted).map_err(|why| fail(why, world))?;
    nothing_lost(&before, world, &plan, &excused).map_err(|why| fail(why, world))?;
    nothing_unknown_touched(&before, world, &plan, &excused).map_err(|why| fail(why, world))?;
    quiet(world, &plan, &excused).map_err(|why| fail(why, world))?;
    Ok(plan)
}

fn mirrored(world: &World, plan: &Plan, asked: &[(Side, RelPath)]) -> Result<(), String> {
    let flipped = world.flip().decide(false)?;
    if let Some(text) = difference(plan, &flip_plan(&flipped.plan)) {
        return Err(format!("the plan is not mirrored when the sides are swapped:\n{text}"));
    }
    let here: BTreeSet<_> = asked.iter().cloned().collect();
    let there: BTreeSet<_> = flipped.asked.into_iter().map(|(side, path)| (side.other(), path)).collect();
    if here != there {
        return Err(format!("the questions are not mirrored: {here:?} {there:?}"));
    }
    let again = world.decide(false)?;
    if again.plan != *plan {
        return Err("the same input gave another plan".into());
    }
    Ok(())
}

fn explained(world: &World, plan: &Plan) -> Result<(), String> {
    let whole = world.decide(true)?;
    if whole.plan.actions != plan.actions || whole.plan.conflicts != plan.conflicts {
        return Err(format!("with everything listed the plan is another one:\n{}", dump_plan(&whole.plan)));
    }
    for difference in &whole.comparison.differences {
        let explanation = explain(&difference.path, &whole.comparison, &whole.evidence, &whole.plan);
        if explanation.verdict().is_empty() || explanation.difference.is_none() {
            return Err(format!("{:?} has no explanation", difference.path));
        }
    }
    Ok(())
}

/// Where the sides may stay apart.
pub(crate) struct Excused {
    /// Key paths that could not be observed, on either side.
    unknown: BTreeSet<RelPath>,
    /// Conflicts that wait for a person.
    waiting: BTreeSet<RelPath>,
    /// The same for directories of which only the properties wait.
    waiting_alone: BTreeSet<RelPath>,
    /// Key paths with another problem.
    blocked: BTreeSet<RelPath>,
    /// Spelled paths that collide with another name of their side.
    colliding: Sides<BTreeSet<RelPath>>,
    /// Their key paths, which may be settled only in the next cycle.
    freed: BTreeSet<RelPath>,
}

impl Excused {
    fn new(before: &World, plan: &Plan) -> Self {
        let pair = before.pair();
        let mut excused = Self {
            unknown: BTreeSet::new(),
            waiting: BTreeSet::new(),
            waiting_alone: BTreeSet::new(),
            blocked: BTreeSet::new(),
            colliding: Sides::default(),
            freed: BTreeSet::new(),
        };
        for conflict in plan.conflicts.iter().filter(|one| one.policy == ConflictPolicy::Notify) {
            // Properties of a directory wait alone: what is in it goes on.
            let waiting = if conflict.versions.both(Entry::is_dir) {
                &mut excused.waiting_alone
            } else {
                &mut excused.waiting
            };
            waiting.insert(conflict.path.clone());
        }
        for one in &plan.blocked {
            if one.trouble.reason == Reason::NameCollision {
                let moved = carried_along(plan, one.side, &one.path);
                for path in [one.path.clone(), moved] {
                    excused.freed.insert(pair.path_key(&path));
                    excused.colliding[one.side].insert(path);
                }
            } else {
                excused.blocked.insert(pair.path_key(&one.path));
            }
        }
        for (side, replica) in before.sides.iter() {
            for path in replica.tree.keys() {
                let blind = replica.unobserved.contains(path)
                    || path
                        .ancestors()
                        .any(|dir| replica.unreadable.contains(&dir) || replica.unobserved.contains(&dir));
                if blind && !excused.collides(side, path) {
                    excused.unknown.insert(pair.path_key(path));
                }
            }
        }
        for (side, replica) in before.sides.iter() {
            // What lies on the other side below a directory that cannot be read here is unknown as well.
            let dirs: Vec<_> = replica
                .unreadable
                .iter()
                .chain(&replica.unobserved)
                .filter(|dir| !excused.collides(side, dir))
                .map(|dir| pair.path_key(dir))
                .collect();
            for path in before.sides[side.other()].tree.keys() {
                let key = pair.path_key(path);
                if dirs.iter().any(|dir| key.starts_with(dir) && key != *dir) {
                    excused.unknown.insert(key);
                }
            }
        }
        excused
    }

    fn all(&self) -> impl Iterator<Item = &RelPath> {
        self.unknown.iter().chain(&self.waiting).chain(&self.blocked)
    }

    fn covers(&self, key: &RelPath) -> bool {
        // A directory stays, one-sided, while something in it waits.
        self.all().any(|path| key.starts_with(path) || path.starts_with(key))
            || self.waiting_alone.contains(key)
            || self.freed.iter().any(|path| path.starts_with(key) && path != key)
    }

    /// Whether the path itself, or what it lies in, waits.
    fn holds(&self, key: &RelPath) -> bool {
        self.all().any(|path| key.starts_with(path))
    }

    fn is_unknown(&self, key: &RelPath) -> bool {
        self.unknown.iter().any(|path| key.starts_with(path))
    }

    fn collides(&self, side: Side, path: &RelPath) -> bool {
        self.colliding[side].iter().any(|one| path.starts_with(one))
    }
}

fn hidden(path: &RelPath) -> bool {
    path.components().any(is_hidden)
}

fn visible<'w>(
    world: &'w World,
    side: Side,
    excused: &Excused,
) -> BTreeMap<RelPath, (&'w RelPath, &'w Node)> {
    let pair = world.pair();
    let tree = &world.sides[side].tree;
    tree.iter()
        .filter(|(path, _)| !hidden(path) && !excused.collides(side, path))
        .map(|(path, node)| (pair.path_key(path), (path, node)))
        .collect()
}

fn note_adoptions(world: &World, plan: &Plan, adopted: &mut Adopted) {
    let pair = world.pair();
    for action in &plan.actions {
        if let (Rule::Renamed(_), [Transition::Rename { from, .. }]) = (action.rule, &action.transitions[..])
        {
            let from = pair.path_key(from);
            *adopted = adopted.iter().map(|path| path.rebased(&from, &action.path)).collect();
            continue;
        }
        if let (true, Some(from)) = (action.transitions.is_empty(), action.forget.first())
            && !action.carried.is_empty()
        {
            *adopted = adopted.iter().map(|path| path.rebased(from, &action.path)).collect();
            adopted.insert(action.path.clone());
        }
        for memo in &action.agree {
            if action.rule == Rule::Adopt {
                adopted.insert(memo.path.clone());
            } else if !action.transitions.is_empty() {
                adopted.remove(&memo.path);
            }
        }
    }
}

fn converged(
    before: &World,
    world: &World,
    plan: &Plan,
    excused: &Excused,
    adopted: &Adopted,
) -> Result<(), String> {
    let trees = Sides::from_fn(|side| visible(world, side, excused));
    let tolerance = tolerance_ns(world);
    let keys: BTreeSet<&RelPath> = trees.left.keys().chain(trees.right.keys()).collect();
    for key in &keys {
        if excused.covers(key) {
            continue;
        }
        let (Some((left_path, left)), Some((right_path, right))) =
            (trees.left.get(key), trees.right.get(key))
        else {
            return Err(format!("{key:?} is on one side only"));
        };
        if (left.kind, left.content) != (right.kind, right.content) {
            return Err(format!("{key:?} is not the same on both sides"));
        }
        let Some(agreed) = world.contents.get(key) else {
            return Err(format!("{key:?} is not in the baseline"));
        };
        if *agreed != (left.kind, left.content) {
            return Err(format!("the baseline has another {key:?}"));
        }
        if adopted.contains(key) {
            continue;
        }
        let apart = |world: &World| {
            world.baseline.get(key).is_some_and(|agreed| agreed.sides.left.name != agreed.sides.right.name)
        };
        // Both sides may also have renamed it alike but for the case.
        let carried = plan
            .actions
            .iter()
            .any(|one| one.transitions.is_empty() && one.carried.iter().any(|row| row.path == **key));
        let stayed_apart = apart(world) && (apart(before) || carried);
        let spelled = world.sides.both(|one| one.abilities.shows_spelling);
        if spelled && left_path.name() != right_path.name() && !excused.freed.contains(key) && !stayed_apart {
            return Err(format!("{key:?} is spelled {left_path:?} and {right_path:?}"));
        }
        let modes =
            world.sides.both(|one| one.abilities.attributes == sync_core::abilities::AttributeKind::Unix);
        if modes && left.kind != Kind::Symlink && left.mode != right.mode {
            return Err(format!("{key:?} has the modes {:o} and {:o}", left.mode, right.mode));
        }
        let times = world.sides.both(|one| one.abilities.keeps_mtime);
        if times && left.kind == Kind::File && left.mtime.abs_diff(right.mtime) > tolerance {
            return Err(format!("{key:?} has two times"));
        }
    }
    for key in world.baseline.keys() {
        if !keys.contains(key) && !excused.covers(key) {
            return Err(format!("the baseline has {key:?}, which is gone"));
        }
    }
    Ok(())
}

/// The coarser precision of the two sides, at least 2 s where one is like FAT.
pub(crate) fn tolerance_ns(world: &World) -> u64 {
    let coarser =
        world.sides.left.abilities.mtime_precision_ns.max(world.sides.right.abilities.mtime_precision_ns);
    if coarser >= 1_000_000_000 { coarser.max(2_000_000_000) } else { coarser }
}

/// Where a path of this side lies after the plan's renames above it.
fn carried_along(plan: &Plan, side: Side, path: &RelPath) -> RelPath {
    plan.transitions().filter(|(_, one)| one.side() == side).fold(path.clone(), |at, (_, one)| match one {
        Transition::Rename { from, to, .. } => at.rebased(from, to),
        _ => at,
    })
}

/// What the baseline holds once it has learned of renames that both sides had made already.
fn contents_carried(before: &World, plan: &Plan) -> BTreeMap<RelPath, (Kind, u32)> {
    let mut contents = before.contents.clone();
    for action in plan.actions.iter().filter(|one| one.transitions.is_empty() && !one.carried.is_empty()) {
        let Some(from) = action.forget.first() else { continue };
        for path in &action.forget {
            if let Some(one) = contents.remove(path) {
                contents.insert(path.rebased(from, &action.path), one);
            }
        }
    }
    contents
}

/// A version of `before` that is nowhere after `plan`, or another plan to the same end, was carried out.
pub(crate) fn lost(before: &World, after: &World, plan: &Plan) -> Option<String> {
    nothing_lost(before, after, plan, &Excused::new(before, plan)).err()
}

/// Where the side on which a rename was found has what the other side has at `key`.
fn followed(world: &World, plan: &Plan, seen_on: Side, key: &RelPath) -> RelPath {
    let pair = world.pair();
    plan.actions.iter().fold(key.clone(), |at, action| match (&action.rule, &action.transitions[..]) {
        (Rule::Renamed(side), [Transition::Rename { from, .. }]) if *side == seen_on => {
            at.rebased(&pair.path_key(from), &action.path)
        }
        _ => at,
    })
}

fn nothing_lost(before: &World, after: &World, plan: &Plan, excused: &Excused) -> Result<(), String> {
    let pair = before.pair();
    let contents = contents_carried(before, plan);
    let policy = &before.policy;
    let a_side_may_win =
        [policy.same_file_changed_both, policy.new_file_both_different, policy.properties_conflict_both]
            .contains(&ConflictPolicy::Newer);
    let same = |node: &Node, other: &Node| (node.kind, node.content) == (other.kind, other.content);
    let live = |side: Side, node: &Node| after.sides[side].tree.values().any(|now| same(node, now));
    let trashed = |side: Side, node: &Node| after.sides[side].trash.iter().any(|(_, now)| same(node, now));
    for (side, replica) in before.sides.iter() {
        let other = side.other();
        for (path, node) in replica.tree.iter().filter(|(_, node)| node.kind != Kind::Dir) {
            let key = pair.path_key(path);
            let what = || format!("the {side} side's {path:?} with content {}", node.content);
            if hidden(path) || excused.holds(&key) || excused.collides(side, path) {
                if !live(side, node) && (excused.is_unknown(&key) || !trashed(side, node)) {
                    return Err(format!("{} waited, and is lost", what()));
                }
            } else if excused.covers(&key) && live(side, node) {
                // It stands where a directory with something unknown in it stands on the other side.
            } else if contents.get(&key) != Some(&(node.kind, node.content)) {
                let somewhere = Side::BOTH.into_iter().any(|one| live(one, node) || trashed(one, node));
                if !somewhere || (!a_side_may_win && !Side::BOTH.into_iter().all(|one| live(one, node))) {
                    return Err(format!("{} is new, and is lost", what()));
                }
            } else if !live(side, node) {
                let there = followed(before, plan, other, &key);
                let theirs = before.sides[other]
                    .tree
                    .iter()
                    .find(|(path, _)| pair.path_key(path) == there && !excused.collides(other, path));
                match theirs {
                    Some((_, theirs)) if same(theirs, node) => {
                        return Err(format!("{} was wanted by both, and is lost", what()));
                    }
                    Some((_, theirs)) if theirs.kind == node.kind => {}
                    _ if trashed(side, node) => {}
                    _ => return Err(format!("{} was deleted, and is not in the trash", what())),
                }
            }
        }
    }
    Ok(())
}

fn nothing_unknown_touched(
    before: &World,
    after: &World,
    plan: &Plan,
    excused: &Excused,
) -> Result<(), String> {
    let pair = before.pair();
    for (action, transition) in plan.transitions() {
        let paths = [Some(transition.path()), transition.to()];
        if let Some(path) = paths.into_iter().flatten().find(|path| excused.is_unknown(&pair.path_key(path)))
        {
            return Err(format!("{:?} touches {path:?}, which is unknown", action.rule));
        }
    }
    for (side, replica) in before.sides.iter() {
        for (path, node) in &replica.tree {
            let key = pair.path_key(path);
            if !excused.unknown.contains(&key) && !excused.collides(side, path) {
                continue;
            }
            let at = replica.shown(&carried_along(plan, side, path));
            if after.sides[side].tree.get(&at) != Some(node) {
                return Err(format!("the {side} side's {path:?} is unknown or collides, and was touched"));
            }
            let carried = plan.actions.iter().flat_map(|action| &action.carried).any(|one| one.path == key);
            let learned = before.baseline.get(&key) != after.baseline.get(&key);
            if at == *path && !excused.collides(side, path) && learned && !carried {
                return Err(format!("the baseline learned something of {key:?}, which is unknown"));
            }
        }
    }
    Ok(())
}

fn quiet(after: &World, plan: &Plan, excused: &Excused) -> Result<(), String> {
    let second = after.decide(false)?;
    let fail = |why: &str| Err(format!("{why}\nsecond plan:\n{}", dump_plan(&second.plan)));
    // A name that collided may be free by now.
    let freed = |key: &RelPath| excused.freed.iter().any(|one| key.starts_with(one) || one.starts_with(key));
    if second.plan.actions.iter().any(|action| !freed(&action.path)) {
        return fail("a second run is not quiet");
    }
    if let Some((_, path)) = second.asked.iter().find(|(_, path)| !excused.covers(path) && !freed(path)) {
        return fail(&format!("a second run reads {path:?} again"));
    }
    let waiting = |plan: &Plan| -> Vec<_> {
        let notify = plan.conflicts.iter().filter(|one| one.policy == ConflictPolicy::Notify);
        notify.map(|one| (one.path.clone(), one.rule, one.newer)).collect()
    };
    if !excused.freed.is_empty() {
        return Ok(());
    }
    if waiting(&second.plan) != waiting(plan) || second.plan.conflicts.len() != waiting(plan).len() {
        return fail("a second run does not show the conflicts that wait");
    }
    Ok(())
}
