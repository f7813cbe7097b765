//! `undo`: put back what a run did.

use sync_engine::control::{Needs, Request};
use sync_engine::{Judged as _, UndoOptions, UndoReport};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

/// How it is done.
pub(super) struct How {
    pub(super) keep_both: bool,
    pub(super) dry_run: bool,
    pub(super) yes: bool,
}

pub(super) fn run(context: &Context, run: u64, how: &How, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, !how.dry_run)?;
    let contact = pair.contact(Needs::Acting)?;
    let mut options = UndoOptions { keep_both: how.keep_both, dry_run: true };
    let plan: UndoReport = pair.ask_of(&contact, &Request::Undo { run, options })?;
    let level = context.screen.level();
    if how.dry_run || plan.transitions.is_empty() {
        drop(pair.watch);
        super::print(context, &plan, || show::undo::plan(&plan, level))?;
        return Ok(plan.verdict().into());
    }
    context.screen.say(show::undo::plan(&plan, level).trim_end());
    if !how.yes {
        match super::asks(context, "Put this back?")? {
            Some(true) => {}
            Some(false) => {
                context.screen.tell("Nothing was changed.");
                return Ok(Exit::Look);
            }
            None => {
                return Err(Failure::usage(
                    "nobody is there to ask: `--yes` puts it back without, `--dry-run` only shows it",
                ));
            }
        }
    }
    options.dry_run = false;
    let report: UndoReport = pair.ask_of(&contact, &Request::Undo { run, options })?;
    drop(pair.watch);
    super::print(context, &report, || show::undo::done(&report, level))?;
    Ok(report.verdict().into())
}
