//! `sync`: one cycle.

use sync_engine::{Session, SyncOptions};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots, approve: bool) -> Result<Exit, Failure> {
    let mut pair = context.pair(roots, true)?;
    pair.options.approve = approve;
    let session = Session::open(&pair.config, &pair.options)?;
    let report = session.sync(&SyncOptions { approve }, &pair.watch)?;
    drop(pair.watch);
    super::print(context, &report, || show::sync::text(&report, context.screen.level()))?;
    Ok(if report.halt.is_some() {
        Exit::Halted
    } else if report.is_clean() {
        Exit::Clean
    } else {
        Exit::Look
    })
}
