//! `scan`: counts, and nothing else.

use sync_engine::Judged as _;
use sync_engine::control::Request;
use sync_engine::report::ScanReport;

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let report: ScanReport = pair.ask(&Request::Scan)?;
    drop(pair.watch);
    super::print(context, &report, || show::scan::text(&report, context.screen.level()))?;
    Ok(report.verdict().into())
}
