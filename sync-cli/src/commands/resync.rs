//! `resync`: a look by content.

use std::path::PathBuf;

use sync_engine::control::Request;
use sync_engine::{Judged as _, ResyncReport};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, paths: &[PathBuf], roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, true)?;
    let paths = paths.iter().map(Into::into).collect();
    let report: ResyncReport = pair.ask(&Request::Resync { paths })?;
    drop(pair.watch);
    super::print(context, &report, || show::resync::text(&report, context.screen.level()))?;
    Ok(report.verdict().into())
}
