//! `pause` and `resume`: whether a running session makes cycles.

use sync_engine::control::{PauseReport, Request};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots, request: &Request) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let report: PauseReport = pair.ask(request)?;
    drop(pair.watch);
    super::print(context, &report, || show::status::paused(&report))?;
    Ok(Exit::Clean)
}
