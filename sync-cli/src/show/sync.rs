//! What a run did, for a person.

use std::fmt::Write as _;
use std::time::Duration;

use sync_engine::PlannedReport;
use sync_engine::config::{format_duration, format_size};
use sync_engine::report::SyncReport;

use super::lists::{self, Limit};
use super::{ALARM, BOLD, CARE, FAINT, GOOD, count, grouped, paint, path, plain, words};

/// The time of day that stands before a line of a live session, from a moment as reports write it.
pub(crate) fn time_of_day(moment: &str) -> String {
    paint(FAINT, format!("{}Z", moment.get(11..19).unwrap_or_default()))
}

/// How many, and where the first of them is.
fn some(number: String, mut paths: impl Iterator<Item = String>) -> String {
    let first = paths.next().unwrap_or_default();
    let more = if paths.next().is_some() { ", …" } else { "" };
    paint(CARE, format!("{number} ({first}{more})"))
}

/// What one cycle of a live session did, on one line.
pub(crate) fn line(report: &SyncReport) -> String {
    let mut parts: Vec<String> = report
        .done
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(word, number)| format!("{word} {number}"))
        .collect();
    if report.bytes_copied > 0 {
        parts.push(format_size(report.bytes_copied));
    }
    if !report.conflicts.is_empty() {
        let number = count(report.conflicts.len() as u64, "conflict", "conflicts");
        parts.push(some(number, report.conflicts.iter().map(|conflict| path(&conflict.path))));
    }
    if !report.problems.is_empty() {
        let number = count(report.problems.len() as u64, "problem", "problems");
        parts.push(some(number, report.problems.iter().map(|problem| path(&problem.path))));
    }
    if report.waiting > 0 {
        parts.push(format!("{} more to do", grouped(report.waiting)));
    }
    if let Some(halt) = &report.halt {
        parts.push(format!("{}: {}", paint(ALARM, "HALTED"), plain(&halt.message)));
    }
    format!("{}  {}", time_of_day(&report.finished), parts.join(", "))
}

pub(crate) fn text(report: &SyncReport, level: i8) -> String {
    told(report, report.is_clean() && report.waiting == 0, level)
}

/// The same, where the caller knows whether both sides are the same now.
fn told(report: &SyncReport, same: bool, level: i8) -> String {
    let mut out = String::new();
    lists::notices(&mut out, &report.notices);
    if let Some(halt) = &report.halt {
        lists::conflicts(&mut out, &report.conflicts, Limit::of(level, 20), false);
        lists::problems(&mut out, &report.problems, Limit::of(level, 20));
        lists::halt(&mut out, halt);
        return out;
    }
    lists::conflicts(&mut out, &report.conflicts, Limit::of(level, 20), true);
    lists::problems(&mut out, &report.problems, Limit::of(level, 20));
    if !out.is_empty() {
        out.push('\n');
    }
    if report.root_gone {
        let _ = writeln!(
            out,
            "{}: a root went away in the middle; bring the drive or share back and run it again",
            paint(ALARM, "STOPPED")
        );
    } else if report.cancelled {
        let _ = writeln!(out, "{} as you asked; run it again to go on", paint(CARE.bold(), "Stopped"));
    }
    if report.left_undone > 0 {
        let _ = writeln!(out, "{} left undone", count(report.left_undone, "action", "actions"));
    }
    if report.waiting > 0 {
        let waits = count(report.waiting, "action", "actions");
        let _ = writeln!(out, "{waits} more: the running session does the rest (`bothways status` shows it)");
    }
    if level < 0 && report.is_clean() {
        return out;
    }
    let time = Duration::from_millis(report.scan_ms + report.decide_ms + report.act_ms);
    let seen = count(report.left.files.max(report.right.files), "file", "files");
    let run = report.run.map(|run| format!(", run {run}")).unwrap_or_default();
    let detail = paint(FAINT, format!("(up to {seen} a side in {}{run})", format_duration(time)));
    if report.done.values().all(|number| *number == 0) {
        let line = if same {
            format!("{}: both sides are the same. {detail}\n", paint(GOOD.bold(), "Nothing to do"))
        } else {
            format!("{} {detail}\n", paint(BOLD, "Nothing was changed."))
        };
        out.push_str(&line);
    } else {
        let word = if same { paint(GOOD.bold(), "Both sides are the same now") } else { paint(BOLD, "Done") };
        let _ = writeln!(out, "{word}: {} copied {detail}", format_size(report.bytes_copied));
        lists::counts(&mut out, &report.done);
    }
    out
}

/// What came of a reviewed plan.
pub(crate) fn reviewed(report: &PlannedReport, level: i8) -> String {
    // What was left out of the plan, or never was in it, keeps the sides apart.
    let same = report.is_clean() && report.sync.is_clean() && report.not_in_plan == 0;
    let mut out = told(&report.sync, same, level);
    if report.sync.halt.is_some() {
        return out;
    }
    if !report.left_out.is_empty() {
        let number = grouped(report.left_out.len() as u64);
        let title =
            format!("{number} of {} not done", count(report.planned, "planned step", "planned steps"));
        let _ = writeln!(out, "\n{}: the world is no longer as it was planned on", paint(CARE.bold(), title));
        Limit::of(level, 20).list(&mut out, &report.left_out, |one| {
            let action = plain(words::action(&one.action));
            format!("  {}: {action}: {}", path(&one.path), plain(&one.reason))
        });
    }
    if report.not_in_plan > 0 && level >= 0 {
        let rest = count(report.not_in_plan, "step is", "steps are");
        let them = if report.not_in_plan == 1 { "it" } else { "them" };
        let _ = writeln!(out, "{rest} due that the plan does not name: the next sync makes {them}.");
    }
    out
}
