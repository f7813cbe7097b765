//! A run that stops after any number of transitions, and the run after it.
//!
//! Owns [`stop_everywhere`]: the end must be what an undisturbed run reaches, with no version lost and no second
//! clash copy, whether the baseline has kept what completed actions told it or has lost everything of that run.

use std::collections::BTreeMap;

use sync_core::entry::{Kind, Reason};
use sync_core::matrix::Rule;
use sync_core::path::RelPath;
use sync_core::plan::{Plan, Transition};
use sync_core::policy::ConflictPolicy;
use sync_core::side::{Side, Sides};

use crate::checks::lost;
use crate::executor::{Until, apply};
use crate::replica::is_hidden;
use crate::world::{World, dump_plan};

/// What is left of a tree when times, modes, numbers and hidden names do not matter. Where a side shows no spelling,
/// neither does the other's: of what was on its way there, nothing else remembers it.
fn outline(world: &World) -> Sides<BTreeMap<RelPath, (Kind, u32)>> {
    let of = |side: Side| {
        let shown = |path: &RelPath| !path.components().any(is_hidden);
        let pair = world.pair();
        let spelled = world.sides.both(|one| one.abilities.shows_spelling);
        let told = |path: &RelPath| if spelled { path.clone() } else { pair.path_key(path) };
        let tree = world.sides[side].tree.iter().filter(|(path, _)| shown(path));
        tree.map(|(path, node)| (told(path), (node.kind, node.content))).collect()
    };
    Sides::from_fn(of)
}

/// Stops after each transition in turn; says how often.
pub(crate) fn stop_everywhere(world: &World) -> Result<usize, String> {
    let decision = world.decide(false)?;
    if decision.plan.halt.is_some() {
        return Ok(0);
    }
    let mut undisturbed = world.clone();
    apply(&mut undisturbed, &decision.plan, Until::END)?;
    // Once one of two colliding names is gone, the next run sees the other and goes another way.
    if decision.plan.blocked.iter().any(|one| one.trouble.reason == Reason::NameCollision) {
        return Ok(0);
    }
    let opens = opens_a_way(&decision.plan);
    let steps = decision.plan.transitions().count();
    for transitions in 0..steps {
        for keeps_baseline in [true, false] {
            let until = Until { transitions, keeps_baseline };
            let mut after = world.clone();
            apply(&mut after, &decision.plan, until)?;
            let stopped = after.clone();
            let fail = |why: &str, second: &str, after: &World| {
                format!(
                    "{until:?}: {why}\nbefore:\n{}plan:\n{}stopped:\n{}second plan:\n{second}after:\n{}undisturbed:\n{}",
                    world.dump(),
                    dump_plan(&decision.plan),
                    stopped.dump(),
                    after.dump(),
                    undisturbed.dump()
                )
            };
            let second = after.decide(false).map_err(|why| fail(&why, "", &after))?;
            let shown = dump_plan(&second.plan);
            apply(&mut after, &second.plan, Until::END).map_err(|why| fail(&why, &shown, &after))?;
            let slept = !keeps_baseline && forgets_a_move(world, &decision.plan);
            if !slept && !opens && outline(&after) != outline(&undisturbed) {
                return Err(fail("the end is not that of an undisturbed run", &shown, &after));
            }
            if slept {
                continue;
            }
            // A move may be seen by one of the two plans only; by either, nothing may be missing.
            if let (Some(why), Some(_)) =
                (lost(world, &after, &decision.plan), lost(world, &after, &second.plan))
            {
                return Err(fail(&why, &shown, &after));
            }
        }
    }
    Ok(steps * 2)
}

/// Whether a baseline that has forgotten a moved directory may lead elsewhere. Where sides have no numbers the move
/// cannot be seen again, and what was deleted or renamed in the directory looks new. Where they have, the matrix at
/// the new path follows a deletion that the plan, which moved first, undid.
fn forgets_a_move(world: &World, plan: &Plan) -> bool {
    let moved: Vec<&RelPath> = plan
        .actions
        .iter()
        .filter(|action| matches!(action.rule, Rule::Renamed(_)))
        .filter_map(|action| action.forget.first())
        .collect();
    let forgotten = |path: &RelPath| moved.iter().any(|dir| path != *dir && path.starts_with(dir));
    let deleted = plan.actions.iter().any(|one| one.rule == Rule::Forget && forgotten(&one.path));
    let carries = plan.actions.iter().any(|action| !action.carried.is_empty());
    deleted || (carries && !world.sides.both(|one| one.abilities.file_ids))
}

/// Whether a move may be seen only once a directory has taken a file's place: then what cannot be observed, or waits
/// for a person, may end up below the new path or below the old one.
fn opens_a_way(plan: &Plan) -> bool {
    let waits = plan.conflicts.iter().any(|one| one.policy == ConflictPolicy::Notify);
    let makes_dirs = plan.transitions().any(|(_, one)| matches!(one, Transition::MakeDir { .. }));
    makes_dirs && (waits || !plan.blocked.is_empty())
}
