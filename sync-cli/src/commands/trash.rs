//! `trash`: what was deleted or replaced, taking it back, dropping it for good.

use std::time::{SystemTime, UNIX_EPOCH};

use sync_engine::config::{parse_duration, parse_size};
use sync_engine::control::{Needs, Request};
use sync_engine::core::side::Side;
use sync_engine::{
    Judged as _, PurgeReport, RestoreOptions, RestoreReport, SessionError, TrashFilter, TrashList,
    parse_moment,
};

use crate::args::{Roots, SideArg, Trash, TrashArgs};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, what: Option<Trash>) -> Result<Exit, Failure> {
    match what {
        None => list(context, &TrashFilter::default(), &Roots::default()),
        Some(Trash::List { paths, which, named }) => list(context, &filter(paths, which)?, &named.into()),
        Some(Trash::Restore { paths, to, at, keep_both, dry_run, which, named }) => {
            let at_ns = at.as_deref().map(moment).transpose()?;
            let versions = which.versions;
            let filter = TrashFilter { versions: Some(versions), ..filter(paths, which)? };
            restore(context, &RestoreOptions { filter, at_ns, to, keep_both, dry_run }, &named.into())
        }
        Some(Trash::Purge { paths, older_than, expired, all: _, dry_run, yes, which, named }) => {
            let mut filter = filter(paths, which)?;
            if let Some(age) = older_than {
                filter.before_ns = Some(before(&age)?);
            }
            purge(context, &filter, &Dropping { expired, dry_run, yes: yes || expired }, &named.into())
        }
    }
}

fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

fn moment(text: &str) -> Result<i64, Failure> {
    parse_moment(text, now_ns()).map_err(Failure::usage)
}

fn before(age: &str) -> Result<i64, Failure> {
    let wrong = |help: String| Failure::usage(format!("`{age}` is no time: {help}"));
    let age = parse_duration(age).map_err(wrong)?;
    Ok(now_ns().saturating_sub(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)))
}

fn filter(paths: Vec<String>, which: TrashArgs) -> Result<TrashFilter, Failure> {
    let size = |text: Option<String>| -> Result<Option<u64>, Failure> {
        let Some(text) = text else { return Ok(None) };
        parse_size(&text).map(Some).map_err(|help| Failure::usage(format!("`{text}` is no size: {help}")))
    };
    Ok(TrashFilter {
        paths,
        side: which.side.map(|side| match side {
            SideArg::Left => Side::Left,
            SideArg::Right => Side::Right,
        }),
        since_ns: which.since.as_deref().map(moment).transpose()?,
        before_ns: which.before.as_deref().map(moment).transpose()?,
        min_size: size(which.min_size)?,
        max_size: size(which.max_size)?,
        versions: which.versions.then_some(true),
    })
}

fn list(context: &Context, filter: &TrashFilter, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let report: TrashList = pair.ask(&Request::Trash(filter.clone()))?;
    drop(pair.watch);
    super::print(context, &report, || show::trash::list(&report, context.screen.level()))?;
    Ok(report.verdict().into())
}

fn restore(context: &Context, options: &RestoreOptions, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, !options.dry_run)?;
    let report: RestoreReport = pair.ask(&Request::Restore(options.clone()))?;
    drop(pair.watch);
    super::print(context, &report, || show::trash::restored(&report, context.screen.level()))?;
    Ok(report.verdict().into())
}

/// How things are dropped.
struct Dropping {
    expired: bool,
    dry_run: bool,
    yes: bool,
}

fn purge(context: &Context, filter: &TrashFilter, how: &Dropping, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, !how.dry_run)?;
    let contact = pair.contact(Needs::Acting)?;
    let purge = |dry_run: bool| -> Result<PurgeReport, SessionError> {
        let request = Request::Purge { filter: filter.clone(), expired: how.expired, dry_run };
        pair.ask_of(&contact, &request)
    };
    if !how.dry_run && !how.yes {
        let plan = purge(true)?;
        if !plan.purged.is_empty() {
            context.screen.say(show::trash::purged(&plan, context.screen.level()).trim_end());
            match super::asks(context, "Drop this for good?")? {
                Some(true) => {}
                Some(false) => {
                    context.screen.tell("Nothing was dropped.");
                    return Ok(Exit::Look);
                }
                None => {
                    return Err(Failure::usage(
                        "nobody is there to ask: `--yes` drops it without, `--dry-run` only shows it",
                    ));
                }
            }
        }
    }
    let report = purge(how.dry_run)?;
    drop(pair.watch);
    super::print(context, &report, || show::trash::purged(&report, context.screen.level()))?;
    Ok(report.verdict().into())
}
