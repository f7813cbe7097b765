//! How a pair stands, for a person.

use std::fmt::Write as _;

use sync_engine::AlertsReport;
use sync_engine::RollingReport;
use sync_engine::config::format_size;
use sync_engine::control::{LiveReport, PauseReport};
use sync_engine::records::{StatusReport, TrashSideReport};

use super::lists::{self, Limit};
use super::{ALARM, BAD, BOLD, CARE, FAINT, GOOD, count, history, paint, path, plain, when, words};

pub(crate) fn text(report: &StatusReport, level: i8) -> String {
    let mut out = String::new();
    headline(&mut out, report);
    if level < 0 && !report.needs_person {
        return out;
    }
    if let (Some(left), Some(right)) = (&report.left_root, &report.right_root) {
        let _ = writeln!(out, "  left   {}\n  right  {}", plain(left), plain(right));
    }
    if let Some(session) = &report.live {
        live(&mut out, session, level);
    }
    if let Some(halt) = &report.halt {
        let _ = writeln!(
            out,
            "\n{} since {}: {}",
            paint(ALARM, "HALTED"),
            when(&halt.since),
            plain(&halt.message)
        );
        if let Some(approval) = &halt.approval {
            let _ = writeln!(out, "  If this is as it should be: {}.", plain(approval));
        }
    }
    if report.left_undone > 0 {
        let left = count(report.left_undone, "action", "actions");
        let _ =
            writeln!(out, "\n{}: `bothways sync` goes on", paint(CARE.bold(), format!("{left} left undone")));
    }
    if report.put_back > 0 {
        let back = count(report.put_back, "thing", "things");
        let _ = writeln!(
            out,
            "\n{}: `bothways sync` carries that to the other side",
            paint(CARE.bold(), format!("{back} put back on one side"))
        );
    }
    conflicts(&mut out, report, level);
    problems(&mut out, report, level);
    let recent = &report.recent;
    let hours = count(u64::from(recent.hours), "hour", "hours");
    if recent.runs == 0 {
        let _ = writeln!(out, "\nNothing was done in the last {hours}.");
    } else {
        let copied = format_size(recent.bytes_copied);
        let runs = count(recent.runs, "run", "runs");
        let _ = writeln!(out, "\n{} in {runs}, {copied} copied", paint(BOLD, format!("The last {hours}")));
        lists::counts(&mut out, &recent.done);
    }
    if let Some(run) = &report.last_run {
        let _ = writeln!(out, "\n{}\n{}", paint(BOLD, "The last run"), history::line(run));
    }
    for (side, trash) in [("left", &report.trash.left), ("right", &report.trash.right)] {
        trashed(&mut out, side, trash);
    }
    alerts(&mut out, &report.alerts);
    out
}

/// What a running session says of itself.
fn live(out: &mut String, session: &LiveReport, level: i8) {
    let title = paint(BOLD, "A session runs");
    let process = if level > 0 { format!(" (process {})", session.process) } else { String::new() };
    let _ = writeln!(out, "\n{title} since {}{process}", when(&session.since));
    if let Some(since) = &session.paused_since {
        let word = paint(CARE.bold(), "paused");
        let _ = writeln!(out, "  {word} since {}: `bothways resume` lets it go on", when(since));
    }
    if let Some(what) = &session.waits_for {
        let since = session.waits_since.as_deref().map(|since| format!(" since {}", when(since)));
        let word = paint(CARE.bold(), "waiting");
        let _ = writeln!(out, "  {word}{}: {}", since.unwrap_or_default(), plain(what));
    }
    if let Some(since) = &session.busy_since {
        let _ = writeln!(out, "  a cycle is under way since {}", when(since));
    }
    let sides =
        [("left", &session.left, &session.left_rolling), ("right", &session.right, &session.right_rolling)];
    for (side, how, rolling) in sides {
        if let Some(how) = how {
            let _ = writeln!(out, "  the {side} side is {}", plain(how));
        }
        if let Some(rolling) = rolling {
            let _ = writeln!(out, "    {}", round(rolling));
        }
    }
    if let Some(files) = session.waiting_files.filter(|files| *files > 0) {
        let files = count(files, "file waits", "files wait");
        let size = session.waiting_bytes.map(|bytes| format!(", {}", format_size(bytes)));
        let _ = writeln!(out, "  {files}{}", size.unwrap_or_default());
    }
    Limit::of(level, 10).list(out, &session.copying, |one| {
        format!(
            "  on its way: {}, {} of {}",
            path(&one.path),
            format_size(one.bytes_done),
            format_size(one.bytes)
        )
    });
    if let Some(next) = &session.next_full_scan {
        let _ =
            writeln!(out, "  {}", paint(FAINT, format!("everything is looked at again at {}", when(next))));
    }
}

/// How far a look round a side is that is not watched.
fn round(rolling: &RollingReport) -> String {
    let folders = count(rolling.directories, "folder", "folders");
    let every = rolling.round_seconds;
    let active = match rolling.active {
        0 => String::new(),
        active => format!(", the {active} in which something changed lately in every interval"),
    };
    let last = match (&rolling.last_round_finished, rolling.last_round_seconds) {
        (Some(finished), Some(took)) => format!("; the last round took {took} s, until {}", when(finished)),
        _ => "; the first round is under way".to_owned(),
    };
    format!("{folders}, all within {every} s{active}{last}")
}

/// What pausing a session, or letting it go on, has done.
pub(crate) fn paused(report: &PauseReport) -> String {
    let since = report.since.as_deref().map(|since| format!(" since {}", when(since))).unwrap_or_default();
    match (report.paused, report.changed) {
        (true, true) if report.busy => {
            "Paused: what is being done is finished first; `bothways resume` lets it go on.\n".to_owned()
        }
        (true, true) => "Paused: nothing is synced until `bothways resume`.\n".to_owned(),
        (true, false) => format!("It is paused already{since}.\n"),
        (false, true) => "It goes on: what changed meanwhile is synced now.\n".to_owned(),
        (false, false) => "It was not paused.\n".to_owned(),
    }
}

fn alerts(out: &mut String, alerts: &AlertsReport) {
    if alerts.queued == 0 {
        return;
    }
    let title = count(alerts.queued, "alert waits for delivery", "alerts wait for delivery");
    let since = alerts.oldest.as_deref().map(|since| format!(" since {}", when(since))).unwrap_or_default();
    let _ = writeln!(out, "\n{}{since}", paint(CARE.bold(), title));
    if let Some(error) = &alerts.error {
        let next = alerts.next_try.as_deref().map(|next| format!("; next try after {}", when(next)));
        let _ = writeln!(out, "  {}{}", plain(error), next.unwrap_or_default());
    }
    if alerts.lost > 0 {
        let _ = writeln!(out, "  {} lost before", count(alerts.lost, "message was", "messages were"));
    }
}

fn headline(out: &mut String, report: &StatusReport) {
    let since = report.since.as_deref().map(|since| format!(" since {}", when(since))).unwrap_or_default();
    let word = match (&report.checked, report.in_sync) {
        (None, _) if report.last_run.is_none() => paint(CARE.bold(), "Never synced"),
        (_, true) => paint(GOOD.bold(), "In sync") + &since,
        (_, false) => paint(BAD.bold(), "Not in sync") + &since,
    };
    let looked = match &report.checked {
        Some(checked) => format!(" (looked at {} UTC)", when(checked)),
        None if report.live.is_some() => ": the session looks at everything first".to_owned(),
        None => ": `bothways sync` begins".to_owned(),
    };
    let _ = writeln!(out, "{word}{}", paint(FAINT, looked));
}

fn conflicts(out: &mut String, report: &StatusReport, level: i8) {
    if report.conflicts.is_empty() {
        return;
    }
    let title = count(report.conflicts.len() as u64, "conflict waits", "conflicts wait");
    let _ = writeln!(out, "\n{}: `bothways conflicts` settles them", paint(CARE.bold(), title));
    Limit::of(level, 10).list(out, &report.conflicts, |one| {
        let newer = one.newer.as_deref().map(|side| format!(", the {} one is newer", plain(side)));
        format!(
            "  {} since {}: {}{}",
            path(&one.path),
            when(&one.since),
            plain(words::rule(&one.rule)),
            newer.unwrap_or_default()
        )
    });
}

fn problems(out: &mut String, report: &StatusReport, level: i8) {
    if report.problems.is_empty() {
        return;
    }
    let title = count(report.problems.len() as u64, "problem stands", "problems stand");
    let _ = writeln!(out, "\n{}", paint(BAD.bold(), title));
    Limit::of(level, 10).list(out, &report.problems, |one| {
        let passing = if one.passing { " (usually passes by itself)" } else { "" };
        format!(
            "  {} on the {} since {}: {}{}",
            path(&one.path),
            plain(&one.side),
            when(&one.since),
            plain(&one.error),
            paint(FAINT, passing)
        )
    });
}

fn trashed(out: &mut String, side: &str, trash: &TrashSideReport) {
    let Some(oldest) = &trash.oldest else { return };
    let files = count(trash.files, "version", "versions");
    let size = format_size(trash.bytes);
    let _ = writeln!(out, "\nTrash of the {side}: {files}, {size}, the oldest of {}", when(oldest));
}
