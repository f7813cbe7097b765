//! `conflicts`: the inbox.

use sync_engine::core::guidance::Keep;
use sync_engine::core::side::Side;
use sync_engine::{Session, Which};

use crate::args::{Conflicts, KeepArg, ListConflicts, Roots};
use crate::context::{Context, Pair};
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, list: ListConflicts, what: Option<Conflicts>) -> Result<Exit, Failure> {
    match what.unwrap_or(Conflicts::List(list)) {
        Conflicts::List(ListConflicts { all, named }) => {
            let (pair, session) = open(context, &named.into(), false)?;
            drop(pair.watch);
            let report = session.conflicts(all)?;
            super::print(context, &report, || show::conflicts::list(&report, all))?;
            Ok(if report.open > 0 { Exit::Look } else { Exit::Clean })
        }
        Conflicts::Show { path, named } => {
            let (pair, session) = open(context, &named.into(), false)?;
            let report = session.conflict(&path, &pair.watch)?;
            drop(pair.watch);
            super::print(context, &report, || show::conflicts::one(&report))?;
            Ok(Exit::Clean)
        }
        Conflicts::Resolve { paths, all, keep, named } => {
            let (pair, session) = open(context, &named.into(), true)?;
            let which = if all { Which::All } else { Which::These(paths) };
            let report = session.resolve(&which, kept(keep), &pair.watch)?;
            drop(pair.watch);
            super::print(context, &report, || show::conflicts::resolved(&report, context.screen.level()))?;
            Ok(if report.is_clean() { Exit::Clean } else { Exit::Look })
        }
    }
}

fn open(context: &Context, roots: &Roots, writes: bool) -> Result<(Pair, Session), Failure> {
    let pair = context.pair(roots, writes)?;
    let session = Session::open(&pair.config, &pair.options)?;
    Ok((pair, session))
}

const fn kept(keep: KeepArg) -> Keep {
    match keep {
        KeepArg::Left => Keep::Side(Side::Left),
        KeepArg::Right => Keep::Side(Side::Right),
        KeepArg::Newer => Keep::Newer,
        KeepArg::Both => Keep::Both,
    }
}
