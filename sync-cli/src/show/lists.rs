//! Parts that several reports share: conflicts, problems, a halt, notices, sums.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sync_engine::HaltReport;
use sync_engine::config::format_size;
use sync_engine::report::{ConflictReport, ProblemReport, VersionReport};

use super::{ALARM, BAD, BOLD, CARE, FAINT, count, grouped, paint, path, plain, when, words};

/// How many entries of a list are shown.
#[derive(Clone, Copy)]
pub(super) struct Limit(usize);

impl Limit {
    /// All with `-v`, the first `some` otherwise.
    pub(super) const fn of(level: i8, some: usize) -> Self {
        Self(if level > 0 { usize::MAX } else { some })
    }

    /// Adds the entries that are shown, each on a line of its own, and how many more there are.
    pub(super) fn list<T>(self, out: &mut String, all: &[T], mut line: impl FnMut(&T) -> String) {
        // A line that says "and 1 more" takes the room of that one.
        let shown = if all.len() == self.0.saturating_add(1) { all.len() } else { self.0.min(all.len()) };
        for one in &all[..shown] {
            out.push_str(&line(one));
            out.push('\n');
        }
        if shown < all.len() {
            let rest = grouped((all.len() - shown) as u64);
            let _ = writeln!(out, "  {}", paint(FAINT, format!("… and {rest} more (-v shows all)")));
        }
    }
}

pub(super) fn halt(out: &mut String, halt: &HaltReport) {
    let _ = writeln!(out, "\n{}: {}", paint(ALARM, "HALTED"), paint(BOLD, plain(&halt.message)));
    for folder in halt.folders.iter().take(10) {
        let name = if folder.path.is_empty() { ". (the root itself)".to_owned() } else { path(&folder.path) };
        let _ = writeln!(out, "  {:>12}  {name}", count(folder.files, "file", "files"));
    }
    if halt.folders.len() > 10 {
        let _ = writeln!(out, "  … and {} more folders", halt.folders.len() - 10);
    }
    out.push_str("Nothing was touched.");
    match &halt.approval {
        Some(approval) => {
            let _ = writeln!(out, " If this is as it should be: {}.", plain(approval));
        }
        None => out.push('\n'),
    }
}

/// Conflicts; `done` tells whether they were settled or would be.
pub(super) fn conflicts(out: &mut String, all: &[ConflictReport], limit: Limit, done: bool) {
    if all.is_empty() {
        return;
    }
    let title = count(all.len() as u64, "conflict", "conflicts");
    let _ = writeln!(out, "\n{}", paint(CARE.bold(), title));
    limit.list(out, all, |one| {
        let rule = words::rule(&one.rule);
        let number = one.requirement.as_deref().map(|n| format!(" ({n})")).unwrap_or_default();
        let newer = plain(&one.newer);
        let older = if one.newer == "left" { "right" } else { "left" };
        let outcome = match (one.policy.as_str(), &one.clash_path, done) {
            ("notify", _, _) => {
                "neither side is touched: `bothways conflicts show` compares both, `conflicts resolve` settles it"
                    .to_owned()
            }
            (_, Some(clash), true) => {
                format!(
                    "the {newer} one stands at the path, the {older} one is kept as {}: look at both",
                    path(clash)
                )
            }
            (_, Some(clash), false) => {
                format!("the {newer} one will stand at the path, the {older} one be kept as {}", path(clash))
            }
            ("newer", None, true) => format!("the {newer} one has replaced the {older} one"),
            ("newer", None, false) => format!("the {newer} one will replace the {older} one"),
            _ => format!("the {newer} one is newer"),
        };
        format!(
            "  {}: {rule}{number}\n      left  {}\n      right {}\n      {outcome}",
            path(&one.path),
            version(&one.left),
            version(&one.right)
        )
    });
}

pub(super) fn problems(out: &mut String, all: &[ProblemReport], limit: Limit) {
    if all.is_empty() {
        return;
    }
    let title = count(all.len() as u64, "problem", "problems");
    let _ = writeln!(out, "\n{}: left alone, and looked at again in the next run", paint(BAD.bold(), title));
    limit.list(out, all, |one| {
        let advice = advice(&one.kind).map(|advice| format!("\n      {advice}")).unwrap_or_default();
        format!(
            "  {} on the {}: {}: {}{advice}",
            path(&one.path),
            plain(&one.side),
            plain(&one.operation),
            plain(&one.error)
        )
    });
}

/// What a person can do about a kind of problem, where the problem itself leaves that open.
fn advice(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "permission-denied" => "let the user who runs bothways read and write it",
        "no-space" => "make room on that side",
        "in-use" => "close the program that has it open",
        "name-too-long" | "unsupported" => "rename it on the other side, or leave it out with [ignore]",
        "root-gone" => "bring the drive or share back",
        "corrupt" => "check that drive: what was written does not read back",
        _ => return None,
    })
}

pub(super) fn notices(out: &mut String, all: &[String]) {
    for notice in all {
        let _ = writeln!(out, "{}: {}", paint(CARE.bold(), "note"), plain(notice));
    }
}

/// The number of each action, one line each.
pub(super) fn counts(out: &mut String, counts: &BTreeMap<String, u64>) {
    for (name, number) in counts.iter().filter(|(_, number)| **number > 0) {
        let (one, many) = words::counted(name);
        let word = plain(if *number == 1 { one } else { many });
        let _ = writeln!(out, "  {:>9} {word}", grouped(*number));
    }
}

pub(super) fn version(version: &VersionReport) -> String {
    let size = if version.kind == "file" { format_size(version.size) } else { plain(&version.kind) };
    let attributes = version.attributes.as_deref().map(|a| format!(", {}", plain(a))).unwrap_or_default();
    format!("{size}, {}{attributes}", when(&version.mtime))
}
