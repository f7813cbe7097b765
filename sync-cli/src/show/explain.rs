//! One path, for a person: what was seen, what follows.

use std::fmt::Write as _;
use sync_engine::report::{ExplainReport, VersionReport};

use super::lists::{self, Limit};
use super::{BOLD, paint, path, plain, when, words};

pub(crate) fn text(report: &ExplainReport) -> String {
    let shown =
        |version: Option<&VersionReport>| version.map_or_else(|| "nothing".to_owned(), lists::version);
    let mut out = format!("{}\n  {}\n\n", path(&report.path), plain(&report.verdict));
    let title = |out: &mut String, text: &str| {
        let _ = writeln!(out, "{}", paint(BOLD, text));
    };

    title(&mut out, "last agreed on");
    match &report.baseline {
        None => out.push_str("  never, as far as is remembered\n"),
        Some(both) => {
            let _ = writeln!(out, "  left   {}", shown(both.left.as_ref()));
            let _ = writeln!(out, "  right  {}", shown(both.right.as_ref()));
        }
    }
    if let Some(deleted) = &report.deleted {
        let _ = writeln!(out, "  deleted {}", when(deleted));
    }
    title(&mut out, "now");
    let _ = writeln!(out, "  left   {}: {}", plain(&report.left_state), shown(report.now.left.as_ref()));
    let _ = writeln!(out, "  right  {}: {}", plain(&report.right_state), shown(report.now.right.as_ref()));

    title(&mut out, "rule");
    let number =
        report.requirement.as_deref().map(|n| format!(", requirement {}", plain(n))).unwrap_or_default();
    let policy = report.policy.as_deref().map(|p| format!(", policy {}", plain(p))).unwrap_or_default();
    let (name, words) = (plain(&report.rule), plain(words::rule(&report.rule)));
    let words = if words == name { String::new() } else { format!(": {words}") };
    let _ = writeln!(out, "  {name}{words}{number}{policy}");

    title(&mut out, "what a sync does here");
    if report.transitions.is_empty() {
        out.push_str("  nothing\n");
    }
    for one in &report.transitions {
        let _ = writeln!(out, "  {}", super::plan::transition(one));
    }
    if let Some(conflict) = &report.conflict {
        lists::conflicts(&mut out, std::slice::from_ref(conflict), Limit::of(1, 1), false);
    }
    lists::problems(&mut out, &report.problems, Limit::of(1, 1));
    if let Some(halt) = &report.halt {
        lists::halt(&mut out, halt);
    }
    out
}
