//! From what a cycle reports to what a person may want to know.
//!
//! Owns which conflicts and problems are worth telling, and the commands that help. Whether something was told before
//! is not looked at here.

use std::path::Path;
use std::time::Duration;

use sync_notify::{Conflict, Failure, Folder, Halt, Remedy, Version, What, quoted};
use sync_state::StateError;

use super::decide::{CONFLICT, Extent, FAILURE, HALT, Matter, Patience, ROOT};
use crate::error::SessionError;
use crate::halt::HaltReport;
use crate::report::{ConflictReport, ProblemReport, SyncReport, VersionReport, often_passes};

/// How long a failure that often passes by itself may stand before it is told.
const OFTEN_PASSES: Duration = Duration::from_mins(15);

/// What a cycle met, and how much it has seen.
pub(crate) fn of_report(report: &SyncReport, config: Option<&Path>) -> (Vec<Matter>, Extent) {
    let mut met = Vec::new();
    if let Some(halt) = &report.halt {
        met.push(halted(halt, config));
    }
    if report.root_gone {
        let gone = report.problems.iter().find(|problem| problem.kind == "root-gone");
        let side = gone.map(|problem| problem.side.clone());
        let error = gone.map_or("a root went away in the middle of a run", |problem| problem.error.as_str());
        met.push(whole_side(side, "root", "root-gone", error, config));
    }
    for problem in &report.problems {
        met.extend(of_problem(problem, config));
    }
    for conflict in &report.conflicts {
        met.extend(of_conflict(conflict, report, config));
    }
    let stopped = report.halt.is_some() || report.cancelled || report.root_gone || report.left_undone > 0;
    (met, if stopped { Extent::Roots } else { Extent::Whole })
}

/// What it is that a session could not begin for; none where a person is told anyway or it passes by itself.
pub(crate) fn of_error(error: &SessionError, config: Option<&Path>) -> Option<Matter> {
    match error {
        SessionError::Root { side, source, .. } => {
            let side = Some(side.name().to_owned());
            Some(whole_side(side, source.operation.name(), source.kind.id(), &error.to_string(), config))
        }
        SessionError::Halted(halt) => Some(halted(halt, config)),
        SessionError::State(StateError::Locked { .. }) => None,
        SessionError::State(why) => Some(whole_side(None, "state", "state", &why.to_string(), config)),
        _ => None,
    }
}

/// The configuration has become one that cannot be taken.
pub(crate) fn misread(why: &str, config: Option<&Path>) -> Matter {
    let mut key = vec![ROOT];
    key.extend_from_slice(b"configuration");
    let mut version = [0; 16];
    version.copy_from_slice(&blake3::hash(why.as_bytes()).as_bytes()[..16]);
    let what = What::Failure(Failure {
        path: config.map(|path| path.display().to_string()).unwrap_or_default(),
        side: None,
        operation: "reload".to_owned(),
        kind: "configuration".to_owned(),
        error: why.to_owned(),
        remedies: vec![remedy("See whether it is right", &["check"], config)],
    });
    Matter { key, version, patience: Patience::Repeat, what }
}

fn halted(halt: &HaltReport, config: Option<&Path>) -> Matter {
    let mut key = vec![HALT];
    key.extend_from_slice(halt.reason.as_bytes());
    key.push(0);
    key.extend_from_slice(halt.side.as_deref().unwrap_or_default().as_bytes());
    let mut remedies = vec![remedy("See what is in the way", &["check"], config)];
    if halt.approval.is_some() {
        remedies = vec![
            remedy("See the whole plan", &["plan"], config),
            remedy("Let it through, once", &["sync", "--approve"], config),
        ];
    }
    let what = What::Halt(Halt {
        reason: halt.reason.clone(),
        message: halt.message.clone(),
        side: halt.side.clone(),
        folders: halt
            .folders
            .iter()
            .map(|folder| Folder { path: folder.path.clone(), files: folder.files })
            .collect(),
        approval: halt.approval.clone(),
        remedies,
    });
    // How many files it is about changes while somebody works; that is no news.
    Matter { key, version: [0; 16], patience: Patience::Repeat, what }
}

fn whole_side(
    side: Option<String>,
    operation: &str,
    kind: &str,
    error: &str,
    config: Option<&Path>,
) -> Matter {
    let mut key = vec![ROOT];
    key.extend_from_slice(side.as_deref().unwrap_or("state").as_bytes());
    let what = What::Failure(Failure {
        path: String::new(),
        side,
        operation: operation.to_owned(),
        kind: kind.to_owned(),
        error: error.to_owned(),
        remedies: vec![remedy("See what is in the way", &["check"], config)],
    });
    Matter { key, version: [0; 16], patience: Patience::Repeat, what }
}

fn of_problem(problem: &ProblemReport, config: Option<&Path>) -> Option<Matter> {
    let patience = match problem.kind.as_str() {
        // The whole side is told of once.
        "root-gone" | "cancelled" => return None,
        kind if often_passes(kind) => Patience::After(OFTEN_PASSES),
        // Never synced, by design: worth knowing, and no failure.
        "special-file" | "other-file-system" => Patience::Once,
        _ => Patience::Repeat,
    };
    let mut key = vec![FAILURE];
    for part in [&problem.side, &problem.operation, &problem.kind, &problem.path] {
        key.extend_from_slice(part.as_bytes());
        key.push(0);
    }
    let again = quoted(&problem.path).map(|path| remedy("Try it again now", &["resync", &path], config));
    let what = What::Failure(Failure {
        path: problem.path.clone(),
        side: Some(problem.side.clone()),
        operation: problem.operation.clone(),
        kind: problem.kind.clone(),
        error: problem.error.clone(),
        remedies: again.into_iter().collect(),
    });
    Some(Matter { key, version: [0; 16], patience, what })
}

fn of_conflict(conflict: &ConflictReport, report: &SyncReport, config: Option<&Path>) -> Option<Matter> {
    // Who lets the newer version win does not want to hear of it.
    if conflict.policy == "newer" {
        return None;
    }
    let failed = report.problems.iter().any(|problem| problem.path == conflict.path);
    let open = conflict.clash_path.is_none() || failed || report.cancelled || report.root_gone;
    let mut key = vec![CONFLICT];
    key.extend_from_slice(conflict.path.as_bytes());
    let mut hash = blake3::Hasher::new();
    for part in [&conflict.rule, &conflict.left.mtime, &conflict.right.mtime] {
        hash.update(part.as_bytes()).update(&[0]);
    }
    hash.update(&conflict.left.size.to_le_bytes()).update(&conflict.right.size.to_le_bytes());
    let mut version = [0; 16];
    version.copy_from_slice(&hash.finalize().as_bytes()[..16]);
    let remedies = match quoted(&conflict.path) {
        Some(path) => {
            let keep = |does: &str, which: &str| {
                remedy(does, &["conflicts", "resolve", &path, "--keep", which], config)
            };
            vec![
                remedy("See both versions", &["conflicts", "show", &path], config),
                keep("Keep the newer version (or `left`, or `right`)", "newer"),
                keep("Keep both", "both"),
            ]
        }
        // Its name cannot be typed as it is shown.
        None => vec![remedy("See it in the list", &["conflicts", "list"], config)],
    };
    let what = What::Conflict(Conflict {
        path: conflict.path.clone(),
        rule: conflict.rule.clone(),
        requirement: conflict.requirement.clone(),
        policy: conflict.policy.clone(),
        open,
        newer: conflict.newer.clone(),
        left: version_of(&conflict.left),
        right: version_of(&conflict.right),
        clash_path: conflict.clash_path.clone(),
        remedies,
    });
    Some(Matter { key, version, patience: Patience::Once, what })
}

fn version_of(version: &VersionReport) -> Version {
    Version { kind: version.kind.clone(), size: version.size, mtime: version.mtime.clone() }
}

/// A command of ours. The words are fit for a shell already.
fn remedy(does: &str, words: &[&str], config: Option<&Path>) -> Remedy {
    let mut command = format!("bothways {}", words.join(" "));
    if let Some(config) = config.and_then(Path::to_str).and_then(quoted) {
        command = format!("{command} --config {config}");
    }
    Remedy { does: does.to_owned(), command }
}
