//! Recorded runs, for a person.

use std::fmt::Write as _;
use std::time::Duration;

use sync_engine::config::{format_duration, format_size};
use sync_engine::records::{HistoryReport, RowReport, RunDetails, RunReport};

use super::lists::{self, Limit};
use super::{ALARM, BAD, BOLD, CARE, FAINT, GOOD, count, grouped, paint, path, plain, when, words};

pub(crate) fn list(report: &HistoryReport, level: i8) -> String {
    if report.runs.is_empty() {
        return "No run is recorded that fits.\n".to_owned();
    }
    let mut out = String::new();
    for item in &report.runs {
        let _ = writeln!(out, "{}", line(&item.run));
        Limit::of(level, 10).list(&mut out, &item.rows, |row| self::row(row, level));
    }
    if report.more {
        let _ = writeln!(out, "{}", paint(FAINT, "… and earlier ones: --limit N shows more"));
    }
    out
}

pub(crate) fn one(details: &RunDetails, level: i8) -> String {
    let run = &details.run;
    let mut out = line(run) + "\n";
    if !details.answered_by.is_empty() {
        let all: Vec<_> = details.answered_by.iter().map(|run| format!("run {run}")).collect();
        let _ = writeln!(out, "  {} answered by {}", paint(CARE, "note:"), all.join(", "));
    }
    lists::counts(&mut out, &run.done);
    if !details.rows.is_empty() {
        let _ = writeln!(out, "\n{}", paint(BOLD, count(details.rows.len() as u64, "row", "rows")));
    }
    for row in &details.rows {
        out.push_str(&self::row(row, level.max(1)));
        out.push('\n');
    }
    out
}

/// One run: its number, when, how it ended, how much it did.
pub(super) fn line(run: &RunReport) -> String {
    let outcome = match run.outcome.as_str() {
        "clean" => paint(GOOD, "clean"),
        "halted" => paint(ALARM, "halted"),
        "conflicts" => paint(CARE, "conflicts"),
        "running" => paint(BOLD, "running"),
        "waiting" => paint(BOLD, "more waits"),
        "cut-short" => paint(BAD, "cut short"),
        other => paint(BAD, plain(other)),
    };
    let done: u64 = run.done.values().sum();
    let mut parts = vec![outcome, count(done, "change", "changes")];
    if run.bytes_copied > 0 {
        parts.push(format!("{} copied", format_size(run.bytes_copied)));
    }
    if let Some(took) = run.took_ms {
        parts.push(paint(FAINT, format_duration(Duration::from_millis(took))));
    }
    let answers = run.answers.map(|run| format!(" of run {run}")).unwrap_or_default();
    format!(
        "{:>6}  {}  {}{answers}  {}",
        grouped(run.run),
        when(&run.started),
        paint(BOLD, plain(&run.kind)),
        parts.join(", ")
    )
}

fn row(row: &RowReport, level: i8) -> String {
    let to = row.to.as_deref().map(|to| format!(" -> {}", path(to))).unwrap_or_default();
    let requirement = row.requirement.as_deref().map(|number| format!(" ({number})")).unwrap_or_default();
    let size = if row.size > 0 { format!(", {}", format_size(row.size)) } else { String::new() };
    let mut out = format!(
        "  {} {}: {}{to}{}",
        paint(FAINT, when(&row.time)),
        plain(words::action(&row.action)),
        path(&row.path),
        paint(FAINT, format!(" {}{requirement}{size}", plain(words::rule(&row.rule))))
    );
    if row.result != "done" {
        let error = row.error.as_deref().unwrap_or("it was not tried");
        let _ = write!(out, "\n      {}: {}", paint(BAD, plain(&row.result)), plain(error));
    }
    if let Some(place) = row.trashed.as_deref().filter(|_| level > 0) {
        let _ = write!(out, "\n      in the trash as {}", path(place));
    }
    out
}
