//! `sync`: one cycle.

use std::path::Path;
use std::time::Duration;

use sync_engine::control::{Needs, Request};
use sync_engine::report::SyncReport;
use sync_engine::{Judged as _, PlannedReport, ReviewedPlan, SessionError};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

/// How long the end of the program may wait for alerts to be delivered.
const DELIVERY: Duration = Duration::from_secs(20);

pub(super) fn run(context: &Context, roots: &Roots, approve: bool) -> Result<Exit, Failure> {
    let mut pair = context.pair(roots, true)?;
    pair.options.approve = approve;
    let contact = pair
        .contact(Needs::Acting)
        .inspect_err(|error| sync_engine::alert_failure(&pair.config, &pair.options, error, DELIVERY))?;
    let report: SyncReport = pair
        .ask_of(&contact, &Request::Sync { approve })
        .inspect_err(|_| contact.finish(pair.is_stopped()))?;
    let stopped = pair.is_stopped();
    drop(pair.watch);
    let printed = super::print(context, &report, || show::sync::text(&report, context.screen.level()));
    // The result is there already for whoever waits for it.
    contact.finish(stopped);
    printed?;
    Ok(report.verdict().into())
}

/// One cycle that does no more than a plan file allows.
pub(super) fn reviewed(
    context: &Context,
    roots: &Roots,
    approve: bool,
    file: &Path,
) -> Result<Exit, Failure> {
    let plan = ReviewedPlan::read(file).map_err(SessionError::from)?;
    let mut pair = context.pair(roots, true)?;
    pair.options.approve = approve;
    let contact = pair.contact(Needs::Acting)?;
    let report: PlannedReport = pair
        .ask_of(&contact, &Request::SyncReviewed { plan, approve })
        .inspect_err(|_| contact.finish(pair.is_stopped()))?;
    let stopped = pair.is_stopped();
    drop(pair.watch);
    let printed = super::print(context, &report, || show::sync::reviewed(&report, context.screen.level()));
    contact.finish(stopped);
    printed?;
    Ok(report.verdict().into())
}
