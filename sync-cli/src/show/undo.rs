//! What an undo puts back, for a person.

use std::fmt::Write as _;

use sync_engine::UndoReport;

use super::lists::{self, Limit};
use super::{BOLD, CARE, FAINT, GOOD, count, paint, path, plain, when};

/// What would be put back and what cannot.
pub(crate) fn plan(report: &UndoReport, level: i8) -> String {
    let mut out = String::new();
    lists::notices(&mut out, &report.notices);
    let (run, kind, started) = (report.undone, plain(&report.kind), when(&report.started));
    let _ = writeln!(out, "{}", paint(BOLD, format!("Undo of run {run} ({kind}, {started})")));
    if report.transitions.is_empty() && report.left.is_empty() {
        let _ =
            writeln!(out, "{}: everything is as it was before.", paint(GOOD.bold(), "Nothing to put back"));
        return out;
    }
    Limit::of(level, 40)
        .list(&mut out, &report.transitions, |one| format!("  {}", super::plan::transition(one)));
    left(&mut out, report, level);
    if !report.transitions.is_empty() {
        lists::counts(&mut out, &report.counts);
        let words = "The next sync carries this over to the other side; what gives way lies in the trash.";
        let _ = writeln!(out, "{}", paint(FAINT, words));
    }
    out
}

fn left(out: &mut String, report: &UndoReport, level: i8) {
    if !report.left.is_empty() {
        let title = count(report.left.len() as u64, "thing stays as it is", "things stay as they are");
        let _ = writeln!(out, "\n{}", paint(CARE.bold(), title));
        Limit::of(level, 40).list(out, &report.left, |one| {
            format!("  {} on the {}: {}", path(&one.path), plain(&one.side), plain(&one.message))
        });
        if report.left.iter().any(|one| matches!(one.reason.as_str(), "changed-since" | "taken")) {
            out.push_str("  (--keep-both puts an old version that is kept beside what is there now)\n");
        }
    }
    if report.already > 0 {
        let words = count(report.already, "thing is as before already", "things are as before already");
        let _ = writeln!(out, "{}", paint(FAINT, words));
    }
}

/// What was put back.
pub(crate) fn done(report: &UndoReport, level: i8) -> String {
    let mut out = String::new();
    lists::problems(&mut out, &report.problems, Limit::of(level, 20));
    left(&mut out, report, level);
    if report.cancelled {
        let _ = writeln!(out, "{}: run it again to go on", paint(CARE.bold(), "Stopped"));
    }
    let word = if report.is_whole() {
        paint(GOOD.bold(), format!("Run {} is undone", report.undone))
    } else {
        paint(BOLD, format!("Run {} is undone as far as it can be", report.undone))
    };
    match report.run {
        Some(run) => {
            let _ = writeln!(
                out,
                "{word} {}",
                paint(FAINT, format!("(run {run}: `bothways undo {run}` takes it back)"))
            );
            lists::counts(&mut out, &report.done);
        }
        None => {
            let _ = writeln!(out, "{}", paint(BOLD, "Nothing was changed."));
        }
    }
    out
}
