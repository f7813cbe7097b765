//! `check`: is everything as it must be for a sync.

use sync_engine::Judged as _;

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots, send_test_mail: bool) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let mut report = sync_engine::check(&pair.config, &pair.options, &pair.watch);
    if send_test_mail {
        report.send_test(&pair.config);
    }
    super::print(context, &report, || show::check::text(&report))?;
    Ok(report.verdict().into())
}
