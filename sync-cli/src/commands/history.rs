//! `history`: what was done.

use std::time::SystemTime;

use sync_engine::control::Request;
use sync_engine::records::{HistoryQuery, HistoryReport, PathGlob, RunDetails, parse_moment};

use crate::args::{HistoryFilter, Roots};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(
    context: &Context,
    run: Option<u64>,
    filter: &HistoryFilter,
    roots: &Roots,
) -> Result<Exit, Failure> {
    let query = query(filter)?;
    let pair = context.pair(roots, false)?;
    let level = context.screen.level();
    let Some(run) = run else {
        let report: HistoryReport = pair.ask(&Request::History(query))?;
        super::print(context, &report, || show::history::list(&report, level))?;
        return Ok(Exit::Clean);
    };
    let found: Option<RunDetails> = pair.ask(&Request::Run { run, query })?;
    let Some(details) = found else {
        return Err(Failure::usage(format!(
            "there is no run {run}, or it is forgotten already: `bothways history` lists those there are"
        )));
    };
    super::print(context, &details, || show::history::one(&details, level))?;
    Ok(Exit::Clean)
}

fn query(filter: &HistoryFilter) -> Result<HistoryQuery, Failure> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let moment = |text: &Option<String>| {
        text.as_ref().map(|text| parse_moment(text, now).map_err(Failure::usage)).transpose()
    };
    Ok(HistoryQuery {
        since_ns: moment(&filter.since)?,
        until_ns: moment(&filter.until)?,
        limit: filter.limit,
        path: filter.path.as_deref().map(PathGlob::new).transpose()?,
        action: filter.action.clone(),
    })
}
