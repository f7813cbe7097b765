//! `check`: is everything as it must be for a sync.

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let report = sync_engine::check(&pair.config, &pair.options);
    super::print(context, &report, || show::check::text(&report))?;
    Ok(if report.is_ok() { Exit::Clean } else { Exit::Look })
}
