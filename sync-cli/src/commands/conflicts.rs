//! `conflicts`: the inbox.

use sync_engine::control::Request;
use sync_engine::core::guidance::Keep;
use sync_engine::core::side::Side;
use sync_engine::{ConflictList, ConflictView, Judged as _, ResolveReport, Which};

use crate::args::{Conflicts, KeepArg, ListConflicts};
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, list: ListConflicts, what: Option<Conflicts>) -> Result<Exit, Failure> {
    match what.unwrap_or(Conflicts::List(list)) {
        Conflicts::List(ListConflicts { all, named }) => {
            let pair = context.pair(&named.into(), false)?;
            let report: ConflictList = pair.ask(&Request::Conflicts { all })?;
            drop(pair.watch);
            super::print(context, &report, || show::conflicts::list(&report, all))?;
            Ok(report.verdict().into())
        }
        Conflicts::Show { path, named } => {
            let pair = context.pair(&named.into(), false)?;
            let report: ConflictView = pair.ask(&Request::Conflict { path: path.into() })?;
            drop(pair.watch);
            super::print(context, &report, || show::conflicts::one(&report))?;
            Ok(Exit::Clean)
        }
        Conflicts::Resolve { paths, all, keep, named } => {
            let pair = context.pair(&named.into(), true)?;
            let which = if all { Which::All } else { Which::These(paths) };
            let report: ResolveReport = pair.ask(&Request::Resolve { which, keep: kept(keep) })?;
            drop(pair.watch);
            super::print(context, &report, || show::conflicts::resolved(&report, context.screen.level()))?;
            Ok(report.verdict().into())
        }
    }
}

const fn kept(keep: KeepArg) -> Keep {
    match keep {
        KeepArg::Left => Keep::Side(Side::Left),
        KeepArg::Right => Keep::Side(Side::Right),
        KeepArg::Newer => Keep::Newer,
        KeepArg::Both => Keep::Both,
    }
}
