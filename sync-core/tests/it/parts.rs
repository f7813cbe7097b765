//! A part of a plan.
//!
//! Owns [`take_parts`]: whatever part is wanted, what it needs comes along; whatever is not allowed, what needs it
//! stays out. Either way every precondition holds, and the next whole plan ends the work with nothing lost.

use sync_core::plan::{Action, Plan};
use sync_core::scope::{narrow, restrict};

use crate::checks::lost;
use crate::executor::{Until, apply};
use crate::world::{World, dump_plan};

/// A choice of actions that is the same for the same number.
fn picks(number: u64, action: &Action) -> bool {
    let mut hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (action.phase as u64);
    for byte in action.path.as_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash >> 33).is_multiple_of(2)
}

/// Takes parts of the next plan, each in a world of its own; says how many.
pub(crate) fn take_parts(world: &World) -> Result<usize, String> {
    let whole = world.decide(false)?.plan;
    if whole.halt.is_some() {
        return Ok(0);
    }
    let mut taken = 0;
    for number in 0..4 {
        let mut narrowed = whole.clone();
        narrow(&mut narrowed, |action| picks(number, action));
        let missed = whole.actions.iter().find(|one| picks(number, one) && !narrowed.actions.contains(one));
        if let Some(missed) = missed {
            return Err(format!("{:?} was wanted and left out", missed.path));
        }
        let mut restricted = whole.clone();
        let in_vain = restrict(&mut restricted, |action| picks(number, action));
        if let Some(one) = restricted.actions.iter().find(|one| !picks(number, one)) {
            return Err(format!("{:?} was not allowed and is done", one.path));
        }
        let allowed = whole.actions.iter().filter(|one| picks(number, one)).count();
        if allowed != restricted.actions.len() + in_vain.len() {
            return Err("what was allowed is neither done nor told".into());
        }
        for part in [narrowed, restricted] {
            if part.actions.len() < whole.actions.len() {
                carry_out(world, &whole, &part)?;
                taken += 1;
            }
        }
    }
    Ok(taken)
}

fn carry_out(world: &World, whole: &Plan, part: &Plan) -> Result<(), String> {
    let mut after = world.clone();
    let fail = |why: &str, after: &World| {
        format!(
            "{why}\nbefore:\n{}whole plan:\n{}part:\n{}after:\n{}",
            world.dump(),
            dump_plan(whole),
            dump_plan(part),
            after.dump()
        )
    };
    apply(&mut after, part, Until::END).map_err(|why| fail(&why, world))?;
    let rest = after.decide(false).map_err(|why| fail(&why, &after))?.plan;
    apply(&mut after, &rest, Until::END).map_err(|why| fail(&why, &after))?;
    // A move may be seen by one of the plans only; by either, nothing may be missing.
    match (lost(world, &after, whole), lost(world, &after, &rest)) {
        (Some(why), Some(_)) => Err(fail(&why, &after)),
        _ => Ok(()),
    }
}
