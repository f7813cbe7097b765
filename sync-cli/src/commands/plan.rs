//! `plan`, and `sync --dry-run`.

use sync_engine::Session;

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots, all: bool) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let session = Session::open(&pair.config, &pair.options)?;
    let report = session.plan(all, &pair.watch)?;
    drop(pair.watch);
    super::print(context, &report, || show::plan::text(&report, context.screen.level()))?;
    Ok(if report.halt.is_some() {
        Exit::Halted
    } else if !report.conflicts.is_empty() || !report.problems.is_empty() {
        Exit::Look
    } else {
        Exit::Clean
    })
}
