//! The trash, for a person.

use std::fmt::Write as _;

use sync_engine::config::format_size;
use sync_engine::{PurgeReport, RestoreReport, TrashItem, TrashList, TrashSum};

use super::lists::{self, Limit};
use super::{BOLD, CARE, FAINT, GOOD, count, paint, path, plain, when};

pub(crate) fn list(report: &TrashList, level: i8) -> String {
    let mut out = String::new();
    Limit::of(level, 1000).list(&mut out, &report.items, item);
    lists::problems(&mut out, &report.problems, Limit::of(level, 20));
    if report.items.is_empty() {
        let _ = writeln!(out, "{}", paint(BOLD, "Nothing of that is in the trash."));
    }
    for (name, sum) in [("left ", &report.left), ("right", &report.right)] {
        if *sum != TrashSum::default() {
            let gone = if sum.gone > 0 { format!(", {} gone", sum.gone) } else { String::new() };
            let items = count(sum.items, "thing", "things");
            let _ = writeln!(out, "{name}  {items}, {}{gone}", format_size(sum.bytes));
        }
    }
    out
}

fn item(one: &TrashItem) -> String {
    let why = plain(one.reason.as_deref().unwrap_or("found"));
    let size = match one.kind.as_deref() {
        Some("file") | None => format_size(one.size),
        Some(kind) => plain(kind),
    };
    let run = one.run.map(|run| format!(", run {run}")).unwrap_or_default();
    let gone = match one.presence.as_str() {
        "unseen" => format!(" {}", paint(CARE, "not seen: the trash could not be looked at")),
        "gone" => format!(" {}", paint(CARE, "gone: somebody took it away")),
        "found" => format!(" {}", paint(FAINT, "known by its name alone")),
        _ => String::new(),
    };
    format!(
        "{} {:<5} {size:>10}  {}  {}{gone}",
        when(&one.deleted),
        one.side,
        path(&one.path),
        paint(FAINT, format!("{why}{run}"))
    )
}

pub(crate) fn restored(report: &RestoreReport, level: i8) -> String {
    let mut out = String::new();
    lists::problems(&mut out, &report.problems, Limit::of(level, 20));
    if report.restored.is_empty() {
        let words = "Nothing of that is in the trash. `bothways trash list` shows what is; older versions of a file \
                     that is there need --versions.";
        let _ = writeln!(out, "{}", paint(BOLD, words));
        return out;
    }
    Limit::of(level, 40).list(&mut out, &report.restored, |one| {
        let from = if one.to == one.path { String::new() } else { format!(" as {}", path(&one.to)) };
        let size = format_size(one.size);
        let head = format!(
            "  {}{from} on the {}, {size}, deleted {}",
            path(&one.path),
            plain(&one.side),
            when(&one.deleted)
        );
        match &one.left {
            Some(why) => format!("{head}\n      {}: {}", paint(CARE, "stays in the trash"), plain(why)),
            None => head,
        }
    });
    let back = report.restored.iter().filter(|one| one.left.is_none()).count() as u64;
    let back = back.saturating_sub(report.problems.len() as u64);
    let back = count(back, "thing", "things");
    match (report.run, report.dry_run) {
        (_, true) => {
            let _ = writeln!(out, "{back} would come back.");
        }
        (Some(run), false) => {
            let detail = format!("(run {run}); the next sync carries it to the other side");
            let _ = writeln!(out, "{} came back {}", paint(GOOD.bold(), back), paint(FAINT, detail));
        }
        (None, false) => {
            let _ = writeln!(out, "{}", paint(BOLD, "Nothing was changed."));
        }
    }
    out
}

pub(crate) fn purged(report: &PurgeReport, level: i8) -> String {
    let mut out = String::new();
    Limit::of(level, 40).list(&mut out, &report.purged, |one| {
        format!("  {} on the {}, {}", path(&one.path), plain(&one.side), format_size(one.size))
    });
    lists::problems(&mut out, &report.problems, Limit::of(level, 20));
    let things = count(report.purged.len() as u64, "thing", "things");
    let size = format_size(report.bytes);
    if report.purged.is_empty() {
        let _ = writeln!(out, "{}", paint(BOLD, "Nothing of that is in the trash."));
    } else if report.dry_run {
        let _ = writeln!(out, "{things}, {size}, would be dropped for good.");
    } else {
        let _ = writeln!(out, "{} for good, {size}.", paint(GOOD.bold(), format!("{things} dropped")));
    }
    if report.forgotten > 0 {
        let gone = count(report.forgotten, "thing that was gone", "things that were gone");
        let _ = writeln!(out, "{}", paint(FAINT, format!("{gone} already: no longer listed")));
    }
    out
}
