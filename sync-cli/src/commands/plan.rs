//! `plan`, and `sync --dry-run`.

use std::path::Path;

use sync_engine::control::Request;
use sync_engine::report::PlanReport;
use sync_engine::{Judged as _, PlanFile, SessionError};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(
    context: &Context,
    roots: &Roots,
    all: bool,
    output: Option<&Path>,
) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let report: PlanReport = match output {
        None => pair.ask(&Request::Plan { all })?,
        Some(path) => {
            let (report, file): (PlanReport, PlanFile) = pair.ask(&Request::PlanToReview { all })?;
            file.write(path).map_err(SessionError::from)?;
            let name = path.display().to_string();
            context.screen.say(&show::plan::written(&name));
            report
        }
    };
    drop(pair.watch);
    super::print(context, &report, || show::plan::text(&report, context.screen.level()))?;
    Ok(report.verdict().into())
}
