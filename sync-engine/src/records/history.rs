//! What was done: runs, and one run row by row.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_state::{JournalQuery, Run, RunId, StateError};

use super::{PathGlob, Records, RowReport, action_matches};
use crate::report::{FORMAT, time};

/// How many rows a search looks at before it says that there are more.
const MOST_ROWS: usize = 10_000;

/// Which runs to tell of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// From this moment on: UTC nanoseconds.
    pub since_ns: Option<i64>,
    /// Before this moment: UTC nanoseconds.
    pub until_ns: Option<i64>,
    /// At most so many, the latest.
    pub limit: usize,
    /// Only runs that did something at such a path.
    pub path: Option<PathGlob>,
    /// Only runs that did something of the kind: see [`action_matches`].
    pub action: Option<String>,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self { since_ns: None, until_ns: None, limit: 20, path: None, action: None }
    }
}

/// One recorded run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// Its number.
    pub run: u64,
    /// Such as `sync` or `undo`.
    pub kind: String,
    /// The run that it undoes or otherwise answers.
    pub answers: Option<u64>,
    /// When it started.
    pub started: String,
    /// When it ended; none while it runs, and when it was cut short.
    pub finished: Option<String>,
    /// How it ended: `clean`, `conflicts`, `problems`, `stopped`, `root-gone`, `halted`, `cut-short`, or `running`.
    pub outcome: String,
    /// How long it took.
    pub took_ms: Option<u64>,
    /// Bytes that were copied.
    pub bytes_copied: u64,
    /// How many transitions of each action were made.
    pub done: BTreeMap<String, u64>,
}

/// Runs, the latest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReport {
    /// The format of this document.
    pub format: u32,
    /// The runs, the latest first.
    pub runs: Vec<HistoryItem>,
    /// There are more than were asked for.
    pub more: bool,
}

/// One run of a history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HistoryItem {
    /// The run.
    #[serde(flatten)]
    pub run: RunReport,
    /// What it did at the paths and of the kind that was asked for, the latest first; empty where neither was.
    pub rows: Vec<RowReport>,
}

/// One run in full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunDetails {
    /// The format of this document.
    pub format: u32,
    /// The run.
    #[serde(flatten)]
    pub run: RunReport,
    /// Later runs that undo or otherwise answer it.
    pub answered_by: Vec<u64>,
    /// What it did, in its order; only at the paths and of the kind that was asked for, where that was.
    pub rows: Vec<RowReport>,
}

impl Records<'_> {
    /// The runs that a query asks for. With a path or an action, each comes with the rows that made it one of them.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn history(&self, query: &HistoryQuery) -> Result<HistoryReport, StateError> {
        let from = query.since_ns.unwrap_or(i64::MIN);
        let until = query.until_ns.unwrap_or(i64::MAX);
        if query.path.is_none() && query.action.is_none() {
            let mut runs = self.state.runs(from..until, query.limit.saturating_add(1))?;
            let more = runs.len() > query.limit;
            runs.truncate(query.limit);
            let items = runs.iter().map(|run| HistoryItem { run: self.report(run), rows: Vec::new() });
            return Ok(HistoryReport { format: FORMAT, runs: items.collect(), more });
        }
        let limit = MOST_ROWS;
        let found = self.search(
            query,
            &JournalQuery { from_ns: from, until_ns: until, limit, ..JournalQuery::default() },
        )?;
        let mut by_run: BTreeMap<RunId, Vec<RowReport>> = BTreeMap::new();
        for row in &found.rows {
            by_run.entry(row.run).or_default().push(row.into());
        }
        if let (Some(wanted), None) = (&query.action, &query.path) {
            // What was only remembered has a count and no row.
            for run in self.state.runs(from..until, usize::MAX)? {
                let counts = run.summary.iter().flat_map(|summary| &summary.counts);
                if counts.filter(|(_, count)| **count > 0).any(|(word, _)| action_matches(word, wanted)) {
                    by_run.entry(run.id).or_default();
                }
            }
        }
        let more = found.more || by_run.len() > query.limit;
        let mut items = Vec::new();
        for (id, rows) in by_run.into_iter().rev().take(query.limit) {
            let Some(run) = self.state.run(id)? else { continue };
            items.push(HistoryItem { run: self.report(&run), rows });
        }
        Ok(HistoryReport { format: FORMAT, runs: items, more })
    }

    /// One run with what it did. None when there is no such run, or not any more.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn run(&self, number: u64, query: &HistoryQuery) -> Result<Option<RunDetails>, StateError> {
        let id = RunId(number);
        let Some(run) = self.state.run(id)? else { return Ok(None) };
        let mut rows = self.search(query, &JournalQuery { run: Some(id), ..JournalQuery::default() })?.rows;
        rows.reverse();
        let later = self.state.runs(run.started_ns.., usize::MAX)?;
        let mut answered_by: Vec<u64> =
            later.iter().filter(|later| later.answers == Some(id)).map(|later| later.id.0).collect();
        answered_by.sort_unstable();
        Ok(Some(RunDetails {
            format: FORMAT,
            run: self.report(&run),
            answered_by,
            rows: rows.iter().map(RowReport::from).collect(),
        }))
    }

    fn search(&self, query: &HistoryQuery, rows: &JournalQuery<'_>) -> Result<sync_state::Found, StateError> {
        let path = query.path.as_ref().map(|glob| |path: &[u8]| glob.matches(path));
        let action = query.action.as_ref().map(|wanted| |word: &str| action_matches(word, wanted));
        self.state.search(&JournalQuery {
            path: path.as_ref().map(|path| path as _),
            action: action.as_ref().map(|action| action as _),
            ..*rows
        })
    }

    pub(super) fn report(&self, run: &Run) -> RunReport {
        let summary = run.summary.as_ref();
        let unfinished = if self.running.contains(&run.id.0) { "running" } else { "cut-short" };
        let took = |end: i64| u64::try_from(end.saturating_sub(run.started_ns) / 1_000_000).ok();
        RunReport {
            run: run.id.0,
            kind: run.kind.clone(),
            answers: run.answers.map(|answered| answered.0),
            started: time(run.started_ns),
            finished: summary.map(|summary| time(summary.finished_ns)),
            outcome: summary.map_or(unfinished, |summary| &summary.outcome).to_owned(),
            took_ms: summary.and_then(|summary| took(summary.finished_ns)),
            bytes_copied: summary.map_or(0, |summary| summary.bytes),
            done: summary.map(|summary| summary.counts.clone()).unwrap_or_default(),
        }
    }
}
