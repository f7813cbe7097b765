//! A plan for a person: grouped by rule, then what it adds up to.

use std::fmt::Write as _;
use sync_engine::config::{format_duration, format_size};
use sync_engine::report::{PlanReport, TransitionReport};

use super::lists::{self, Limit};
use super::{BOLD, FAINT, GOOD, count, grouped, paint, path, plain, words};

/// How many paths of a group are shown.
const SOME: usize = 8;

/// Where a plan to review is, and what to do with it.
pub(crate) fn written(file: &str) -> String {
    format!("Wrote {}: look it through, and `sync --plan {}` carries it out.", path(file), plain(file))
}

pub(crate) fn text(report: &PlanReport, level: i8) -> String {
    let mut out = String::new();
    if level >= 0 {
        let _ = writeln!(out, "{}  {}", paint(BOLD, "left "), plain(&report.left_root));
        let _ = writeln!(out, "{}  {}", paint(BOLD, "right"), plain(&report.right_root));
    }
    lists::notices(&mut out, &report.notices);
    if level > -2 {
        for group in groups(&report.transitions) {
            show(&mut out, &group, Limit::of(level, SOME));
        }
    }
    lists::conflicts(&mut out, &report.conflicts, Limit::of(level, SOME), false);
    lists::problems(&mut out, &report.problems, Limit::of(level, SOME));
    if let Some(halt) = &report.halt {
        lists::halt(&mut out, halt);
    }
    out.push_str(&summary(report));
    out
}

fn summary(report: &PlanReport) -> String {
    let mut out = String::from("\n");
    if report.counts.keys().all(|action| action == "NOOP") {
        let line = if report.conflicts.is_empty() && report.problems.is_empty() {
            format!("{}: both sides are the same.", paint(GOOD.bold(), "Nothing to do"))
        } else {
            paint(BOLD, "Nothing can be done now.")
        };
        out.push_str(&line);
    } else {
        out.push_str(&paint(BOLD, "In all"));
        let _ = writeln!(out, " ({} to copy):", format_size(report.bytes));
        lists::counts(&mut out, &report.counts);
        out.push_str("This is a plan: nothing was changed.");
    }
    let seen = count(report.left.files.max(report.right.files), "file", "files");
    let time = std::time::Duration::from_millis(report.scan_ms + report.decide_ms);
    let _ = writeln!(out, " {}", paint(FAINT, format!("(up to {seen} a side in {})", format_duration(time))));
    out
}

/// Transitions of one rule.
struct Group<'r> {
    rule: &'r str,
    requirement: Option<&'r str>,
    all: Vec<&'r TransitionReport>,
}

/// One group for each rule, in the order of the plan.
fn groups(transitions: &[TransitionReport]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for one in transitions {
        match groups.iter_mut().find(|group| group.rule == one.rule) {
            Some(group) => group.all.push(one),
            None => {
                groups.push(Group {
                    rule: &one.rule,
                    requirement: one.requirement.as_deref(),
                    all: vec![one],
                });
            }
        }
    }
    groups
}

fn show(out: &mut String, group: &Group<'_>, limit: Limit) {
    let number = group.requirement.map(|n| format!(" ({})", plain(n))).unwrap_or_default();
    let bytes: u64 = group.all.iter().map(|one| one.size).sum();
    let size = if bytes > 0 { format!(", {}", format_size(bytes)) } else { String::new() };
    let steps = grouped(group.all.len() as u64);
    let _ = writeln!(out, "\n{}{number}: {steps}{size}", paint(BOLD, plain(words::rule(group.rule))));
    limit.list(out, &group.all, |one| format!("  {}", transition(one)));
}

/// One line of a plan or of an explanation.
pub(super) fn transition(one: &TransitionReport) -> String {
    let to = one.to.as_deref().map(|to| format!(" -> {}", path(to))).unwrap_or_default();
    let side = match (&one.side, one.action.as_str()) {
        // The other actions name their side.
        (Some(side), "CLASH_CREATE") => format!(" on the {}", plain(side)),
        _ => String::new(),
    };
    let size =
        if one.size > 0 { format!("  {}", paint(FAINT, format_size(one.size))) } else { String::new() };
    format!("{}{side}: {}{to}{size}", plain(words::action(&one.action)), path(&one.path))
}
