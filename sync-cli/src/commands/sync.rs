//! `sync`: one cycle.

use std::path::Path;
use std::time::Duration;

use sync_engine::{ReviewedPlan, Session, SessionError, SyncOptions};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

/// How long the end of the program may wait for alerts to be delivered.
const DELIVERY: Duration = Duration::from_secs(20);

pub(super) fn run(context: &Context, roots: &Roots, approve: bool) -> Result<Exit, Failure> {
    let mut pair = context.pair(roots, true)?;
    pair.options.approve = approve;
    let session = Session::open(&pair.config, &pair.options)
        .inspect_err(|error| sync_engine::alert_failure(&pair.config, &pair.options, error, DELIVERY))?;
    let report = session
        .sync(&SyncOptions { approve }, &pair.watch)
        .inspect_err(|_| session.deliver_alerts(DELIVERY))?;
    let stopped = pair.is_stopped();
    drop(pair.watch);
    let printed = super::print(context, &report, || show::sync::text(&report, context.screen.level()));
    // The result is there; what is not delivered in time waits for the next run.
    session.deliver_alerts(if stopped { Duration::ZERO } else { DELIVERY });
    if !stopped {
        session.tidy();
    }
    printed?;
    Ok(if report.halt.is_some() {
        Exit::Halted
    } else if report.is_clean() {
        Exit::Clean
    } else {
        Exit::Look
    })
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
    let session = Session::open(&pair.config, &pair.options)?;
    let report = session.sync_reviewed(&plan, &SyncOptions { approve }, &pair.watch)?;
    let stopped = pair.is_stopped();
    drop(pair.watch);
    let printed = super::print(context, &report, || show::sync::reviewed(&report, context.screen.level()));
    session.deliver_alerts(if stopped { Duration::ZERO } else { DELIVERY });
    printed?;
    Ok(if report.sync.halt.is_some() {
        Exit::Halted
    } else if report.is_clean() {
        Exit::Clean
    } else {
        Exit::Look
    })
}
