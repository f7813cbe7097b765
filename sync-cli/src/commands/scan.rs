//! `scan`: counts, and nothing else.

use sync_engine::Session;

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let session = Session::open(&pair.config, &pair.options)?;
    let report = session.scan(&pair.watch)?;
    drop(pair.watch);
    super::print(context, &report, || show::scan::text(&report, context.screen.level()))?;
    Ok(if report.problems.is_empty() { Exit::Clean } else { Exit::Look })
}
