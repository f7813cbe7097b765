//! A look by content, for a person.

use std::fmt::Write as _;

use sync_engine::ResyncReport;
use sync_engine::config::format_size;

use super::lists::{self, Limit};
use super::{ALARM, BOLD, CARE, FAINT, GOOD, count, grouped, paint, path, plain};

pub(crate) fn text(report: &ResyncReport, level: i8) -> String {
    let mut out = String::new();
    if !report.corrupt.is_empty() {
        let title = count(report.corrupt.len() as u64, "silent corruption", "silent corruptions");
        let _ = writeln!(
            out,
            "{}: the contents differ, and nothing shows that either was changed. Neither is copied.",
            paint(ALARM, title)
        );
        Limit::of(level, 20).list(&mut out, &report.corrupt, |one| {
            let intact = match one.intact.as_deref() {
                Some(side) => format!(
                    "the {} one is still the content both once agreed on: `bothways conflicts resolve PATH --keep {}`",
                    plain(side),
                    plain(side)
                ),
                None => "which of the two is damaged is not known: `bothways conflicts show PATH` compares them"
                    .to_owned(),
            };
            format!(
                "  {}\n      left  {}\n      right {}\n      {intact}",
                path(&one.path),
                lists::version(&one.left),
                lists::version(&one.right)
            )
        });
    }
    lists::conflicts(&mut out, &report.conflicts, Limit::of(level, 20), true);
    lists::problems(&mut out, &report.problems, Limit::of(level, 20));
    if let Some(halt) = &report.halt {
        lists::halt(&mut out, halt);
    }
    if report.cancelled {
        let _ = writeln!(out, "{} as you asked; run it again to go on", paint(BOLD, "Stopped"));
    }
    if level < 0 && report.is_clean() && !report.compared_nothing() {
        return out;
    }
    if report.compared_nothing() {
        let words = "no file was looked at: nothing lies there on both sides";
        let _ = writeln!(out, "{}: {words}", paint(CARE.bold(), "Nothing compared"));
        return out;
    }
    let run = report.run.map(|run| format!(", run {run}")).unwrap_or_default();
    let read = paint(FAINT, format!("({} read{run})", format_size(report.bytes_read)));
    let examined = count(report.examined, "file", "files");
    if report.is_clean() && report.done.is_empty() {
        let _ =
            writeln!(out, "{}: {examined} looked at by content {read}", paint(GOOD.bold(), "All the same"));
    } else {
        let same = grouped(report.same);
        let _ = writeln!(out, "{examined} looked at by content, {same} the same on both sides {read}");
        lists::counts(&mut out, &report.done);
    }
    out
}
