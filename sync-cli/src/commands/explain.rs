//! `explain`: everything that is known of one path.

use std::path::Path;

use sync_engine::control::Request;
use sync_engine::report::ExplainReport;

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, path: &Path, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let explanation: ExplainReport = pair.ask(&Request::Explain { path: path.into() })?;
    drop(pair.watch);
    super::print(context, &explanation, || show::explain::text(&explanation))?;
    Ok(Exit::Clean)
}
