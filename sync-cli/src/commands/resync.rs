//! `resync`: a look by content.

use std::path::PathBuf;

use sync_engine::Session;

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, paths: &[PathBuf], roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, true)?;
    let session = Session::open(&pair.config, &pair.options)?;
    let report = session.resync(paths, &pair.watch)?;
    drop(pair.watch);
    super::print(context, &report, || show::resync::text(&report, context.screen.level()))?;
    Ok(if report.halt.is_some() {
        Exit::Halted
    } else if report.is_clean() && !show::resync::nothing_compared(&report) {
        Exit::Clean
    } else {
        Exit::Look
    })
}
