//! `history`: what was done.

use std::time::SystemTime;

use sync_engine::records::{HistoryQuery, HistoryReport, PathGlob, Records, open_records, parse_moment};
use sync_engine::report::FORMAT;

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
    let state = open_records(&pair.config, &pair.options)?;
    let level = context.screen.level();
    let Some(number) = run else {
        let report = match &state {
            Some(state) => Records::new(state).history(&query).map_err(sync_engine::SessionError::from)?,
            None => HistoryReport { format: FORMAT, runs: Vec::new(), more: false },
        };
        super::print(context, &report, || show::history::list(&report, level))?;
        return Ok(Exit::Clean);
    };
    let found = match &state {
        Some(state) => Records::new(state).run(number, &query).map_err(sync_engine::SessionError::from)?,
        None => None,
    };
    let Some(details) = found else {
        return Err(Failure::usage(format!(
            "there is no run {number}, or it is forgotten already: `bothways history` lists those there are"
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
