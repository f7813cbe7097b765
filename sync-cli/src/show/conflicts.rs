//! The inbox, for a person.

use std::fmt::Write as _;
use std::time::Duration;

use sync_engine::config::{format_duration, format_size};
use sync_engine::report::VersionReport;
use sync_engine::{ConflictItem, ConflictList, ConflictView, ResolveReport, Resolved, ShownVersion};

use super::lists::{self, Limit};
use super::{BAD, BOLD, CARE, FAINT, GOOD, count, paint, path, plain, when, words};

pub(crate) fn list(report: &ConflictList, all: bool) -> String {
    let mut out = String::new();
    for one in &report.conflicts {
        item(&mut out, one);
    }
    if report.open == 0 {
        let _ = writeln!(out, "{}: no conflict waits.", paint(GOOD.bold(), "All is well"));
    } else {
        let title = count(report.open, "conflict waits", "conflicts wait");
        let _ = writeln!(
            out,
            "{}: `bothways conflicts show PATH` compares both versions.",
            paint(CARE.bold(), title)
        );
    }
    if !all && report.settled > 0 {
        let settled = count(report.settled, "settled conflict", "settled conflicts");
        let _ = writeln!(out, "{}", paint(FAINT, format!("{settled} besides: --all lists them too")));
    }
    out
}

fn item(out: &mut String, one: &ConflictItem) {
    let state = if one.state == "open" { String::new() } else { format!(" ({})", plain(&one.state)) };
    let number = one.requirement.as_deref().map(|n| format!(" ({})", plain(n))).unwrap_or_default();
    let rule = plain(words::rule(&one.rule));
    let _ = writeln!(out, "{}{state}\n  {rule}{number}, since {}", path(&one.path), when(&one.first_seen));
    for (name, version) in [("left ", &one.left), ("right", &one.right)] {
        let newer = one.newer.as_deref() == Some(name.trim_end());
        let newer = if newer { ", the newer one" } else { "" };
        let _ = writeln!(out, "  {name}  {}{newer}", shown(version.as_ref()));
    }
    if let Some(clash) = &one.clash_path {
        let _ = writeln!(out, "  the older one is kept as {}", path(clash));
    }
}

fn shown(version: Option<&VersionReport>) -> String {
    version.map_or_else(|| "nothing".to_owned(), lists::version)
}

pub(crate) fn one(report: &ConflictView) -> String {
    let conflict = &report.conflict;
    let mut out = format!("{}  {}\n", path(&conflict.path), paint(FAINT, plain(&conflict.state)));
    let number =
        conflict.requirement.as_deref().map(|n| format!(", requirement {}", plain(n))).unwrap_or_default();
    let _ = writeln!(out, "  {}{number}: {}", plain(&conflict.rule), plain(&report.why));
    let _ = writeln!(out, "  since {}, last seen {}", when(&conflict.first_seen), when(&conflict.last_seen));
    if let (Some(newer), Some(apart)) = (&conflict.newer, report.newer_by_ms) {
        let by = match apart {
            0 => "as far as the times can tell they are the same".to_owned(),
            apart => format!("by {}", format_duration(Duration::from_millis(apart))),
        };
        let _ = writeln!(out, "  the {} one counts as newer, {by}", plain(newer));
    }
    if let Some(clash) = &conflict.clash_path {
        let _ = writeln!(out, "  the older one is kept as {}", path(clash));
    }
    if let Some(both) = &report.baseline {
        let _ = writeln!(out, "{}", paint(BOLD, "last agreed on"));
        let _ = writeln!(out, "  left   {}", shown(both.left.as_ref()));
        let _ = writeln!(out, "  right  {}", shown(both.right.as_ref()));
    }
    for (name, version) in [("left", &report.left), ("right", &report.right)] {
        side(&mut out, name, version);
    }
    match (&report.diff, &report.no_diff) {
        (Some(diff), _) => {
            let _ = writeln!(out, "{}", paint(BOLD, "what differs"));
            for line in diff.lines() {
                let style = match line.as_bytes().first() {
                    Some(b'+') => GOOD,
                    Some(b'-') => BAD,
                    Some(b'@') => CARE,
                    _ => anstyle::Style::new(),
                };
                // A tab is part of many texts, and harmless.
                let line: Vec<_> = line.split('\t').map(plain).collect();
                let _ = writeln!(out, "{}", paint(style, line.join("\t")));
            }
        }
        (None, Some(reason)) => {
            let _ = writeln!(out, "{}: {}", paint(BOLD, "no comparison of texts"), plain(reason));
        }
        (None, None) => {}
    }
    let _ = writeln!(out, "{}", plain(&report.advice));
    out
}

fn side(out: &mut String, name: &str, version: &ShownVersion) {
    let standing = match version.standing.as_str() {
        "as-recorded" => String::new(),
        "changed" => paint(CARE.bold(), " (changed since)"),
        "gone" => paint(CARE.bold(), " (gone)"),
        other => paint(BAD.bold(), format!(" ({})", plain(other))),
    };
    let _ = writeln!(out, "{}{standing}", paint(BOLD, format!("{name} now")));
    let _ = writeln!(out, "  {}  {}", path(&version.path), shown(version.now.as_ref()));
    if let Some(digest) = &version.digest {
        let agreed = match version.holds_agreed {
            Some(true) => ": the content both once agreed on",
            Some(false) => ": not the content both once agreed on",
            None => "",
        };
        let _ = writeln!(out, "  {}{agreed}", paint(FAINT, plain(digest)));
    }
    if let Some(error) = &version.error {
        let _ = writeln!(out, "  {}", plain(error));
    }
}

pub(crate) fn resolved(report: &ResolveReport, level: i8) -> String {
    let mut out = String::new();
    Limit::of(level.max(0), 50)
        .list(&mut out, &report.resolved, |one| format!("{}: {}", path(&one.path), done(one)));
    for one in &report.unresolved {
        let word = paint(BAD.bold(), "not settled");
        let _ = writeln!(out, "{}: {word}: {}", path(&one.path), plain(&one.reason));
    }
    if report.cancelled {
        let _ = writeln!(out, "{} as you asked", paint(CARE.bold(), "Stopped"));
    }
    if report.resolved.is_empty() && report.unresolved.is_empty() && !report.cancelled {
        out.push_str("No conflict waits.\n");
        return out;
    }
    let settled = count(report.resolved.len() as u64, "conflict settled", "conflicts settled");
    let run = report.run.map(|run| format!(", run {run}")).unwrap_or_default();
    let copied = format!("({} copied{run})", format_size(report.bytes_copied));
    if level >= 0 {
        let _ = writeln!(out, "{} {}", paint(BOLD, settled), paint(FAINT, copied));
    }
    out
}

fn done(one: &Resolved) -> String {
    let stands = one.stands.as_deref().map_or_else(String::new, plain);
    match &one.clash_path {
        Some(clash) => format!("the {stands} one stands, the other one is kept as {}", path(clash)),
        None => format!("the {stands} one stands on both sides, the other one is in the trash"),
    }
}
