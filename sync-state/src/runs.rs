//! The runs that were recorded.
//!
//! Owns [`Run`] and its row. What a run did, path by path, is in the journal.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeBounds;

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use crate::codec::{Decoded, Put, Reader, begin, seal};
use crate::error::Fault;
use crate::schema::{META, RUNS, RUNS_BY_TIME, decode};

/// The number of a run. A later run has a larger one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One recorded run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What kind of run it was, such as `sync`.
    pub kind: String,
    /// When it started: UTC nanoseconds.
    pub started_ns: i64,
    /// The earlier run that it undoes or otherwise answers, where it is about one.
    pub answers: Option<RunId>,
    /// How it ended; none while it runs, and for ever when it was killed.
    pub summary: Option<RunSummary>,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunSummary {
    /// When it ended: UTC nanoseconds.
    pub finished_ns: i64,
    /// In a word, such as `clean`.
    pub outcome: String,
    /// Bytes that were copied.
    pub bytes: u64,
    /// Counts by name, such as how many transitions of each action were done.
    pub counts: BTreeMap<String, u64>,
}

const FORMAT: u8 = 2;
/// Rows of version 1 name no run that they answer.
const FORMAT_1: u8 = 1;
const NEXT_FORMAT: u8 = 1;
const NEXT_ROW: &str = "next_run";

fn put(out: &mut Vec<u8>, run: &Run) {
    out.put_bytes(run.kind.as_bytes());
    out.put_i64(run.started_ns);
    out.put_option(run.answers, |out, run| out.put_u64(run.0));
    out.put_option(run.summary.as_ref(), |out, summary| {
        out.put_i64(summary.finished_ns);
        out.put_bytes(summary.outcome.as_bytes());
        out.put_u64(summary.bytes);
        out.put_u64(summary.counts.len() as u64);
        for (name, count) in &summary.counts {
            out.put_bytes(name.as_bytes());
            out.put_u64(*count);
        }
    });
}

fn run(id: RunId, row: &mut Reader<'_>, format: u8) -> Decoded<Run> {
    Ok(Run {
        id,
        kind: row.text()?.to_owned(),
        started_ns: row.i64()?,
        answers: if format == FORMAT_1 { None } else { row.option(|row| row.u64().map(RunId))? },
        summary: row.option(|row| {
            let (finished_ns, outcome, bytes) = (row.i64()?, row.text()?.to_owned(), row.u64()?);
            let mut counts = BTreeMap::new();
            for _ in 0..row.usize()? {
                counts.insert(row.text()?.to_owned(), row.u64()?);
            }
            Ok(RunSummary { finished_ns, outcome, bytes, counts })
        })?,
    })
}

fn decoded(id: u64, row: &[u8]) -> Result<Run, Fault> {
    decoded_as(FORMAT, id, row)
}

fn decoded_as(format: u8, id: u64, row: &[u8]) -> Result<Run, Fault> {
    decode("runs", format, &id.to_be_bytes(), row, |row| run(RunId(id), row, format)).map_err(|fault| {
        match fault {
            Fault::Malformed { table, detail, .. } => Fault::Malformed { table, key: id.to_string(), detail },
            other => other,
        }
    })
}

fn write(transaction: &WriteTransaction, run: &Run) -> Result<(), Fault> {
    let mut row = begin();
    put(&mut row, run);
    let row = seal(FORMAT, &run.id.0.to_be_bytes(), row);
    transaction.open_table(RUNS)?.insert(run.id.0, row.as_slice())?;
    Ok(())
}

pub(crate) fn start(
    transaction: &WriteTransaction,
    kind: &str,
    started_ns: i64,
    answers: Option<RunId>,
) -> Result<RunId, Fault> {
    let mut meta = transaction.open_table(META)?;
    let noted = match meta.get(NEXT_ROW)? {
        None => 1,
        Some(row) => decode("meta", NEXT_FORMAT, NEXT_ROW.as_bytes(), row.value(), Reader::u64)?,
    };
    let last = transaction.open_table(RUNS)?.last()?.map_or(0, |(id, _)| id.value());
    let id = RunId(noted.max(last.saturating_add(1)));
    let mut next = begin();
    next.put_u64(id.0.saturating_add(1));
    meta.insert(NEXT_ROW, seal(NEXT_FORMAT, NEXT_ROW.as_bytes(), next).as_slice())?;
    transaction.open_table(RUNS_BY_TIME)?.insert((started_ns, id.0), ())?;
    write(transaction, &Run { id, kind: kind.to_owned(), started_ns, answers, summary: None })?;
    Ok(id)
}

pub(crate) fn finish(transaction: &WriteTransaction, id: RunId, summary: &RunSummary) -> Result<(), Fault> {
    let started = match transaction.open_table(RUNS)?.get(id.0)? {
        None => return Err(Fault::Misuse(format!("there is no run {id}"))),
        Some(row) => decoded(id.0, row.value())?,
    };
    write(transaction, &Run { summary: Some(summary.clone()), ..started })
}

pub(crate) fn get(transaction: &ReadTransaction, id: RunId) -> Result<Option<Run>, Fault> {
    transaction.open_table(RUNS)?.get(id.0)?.map(|row| decoded(id.0, row.value())).transpose()
}

/// Runs that started in a span of time, the latest first.
pub(crate) fn list(
    transaction: &ReadTransaction,
    started_ns: impl RangeBounds<i64>,
    limit: usize,
) -> Result<Vec<Run>, Fault> {
    let by_time = transaction.open_table(RUNS_BY_TIME)?;
    let span =
        (started_ns.start_bound().map(|from| (*from, 0)), started_ns.end_bound().map(|to| (*to, u64::MAX)));
    let mut found = Vec::new();
    for next in ReadableTable::range(&by_time, span)?.rev() {
        let (started, id) = next?.0.value();
        // The bounds above cannot tell runs apart that started in one and the same instant.
        if !started_ns.contains(&started) {
            continue;
        }
        if found.len() == limit {
            break;
        }
        found.extend(get(transaction, RunId(id))?);
    }
    Ok(found)
}

/// The last run that started at `time_ns` or before.
pub(crate) fn last_before(transaction: &ReadTransaction, time_ns: i64) -> Result<Option<RunId>, Fault> {
    let by_time = transaction.open_table(RUNS_BY_TIME)?;
    let mut range = ReadableTable::range(&by_time, ..=(time_ns, u64::MAX))?;
    range.next_back().map(|found| Ok(RunId(found?.0.value().1))).transpose()
}

/// What a step of forgetting old runs did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Purged {
    /// Runs that are forgotten now.
    pub runs: u64,
    /// There are more: the step was full.
    pub more: bool,
}

/// Forgets runs that started before a time, and what they did, oldest first, until `most` batches of their journal
/// are gone. A run goes when all of its journal has gone.
pub(crate) fn purge(transaction: &WriteTransaction, before_ns: i64, most: usize) -> Result<Purged, Fault> {
    let mut by_time = transaction.open_table(RUNS_BY_TIME)?;
    let mut runs = transaction.open_table(RUNS)?;
    let mut journal = transaction.open_table(crate::schema::JOURNAL)?;
    let (mut purged, mut room) = (Purged::default(), most.max(1));
    while room > 0 {
        let oldest = by_time.range(..(before_ns, 0))?.next().transpose()?.map(|(key, _)| key.value());
        let Some(key) = oldest else { return Ok(purged) };
        let batches: Vec<(u64, u64)> = journal
            .range((key.1, 0)..=(key.1, u64::MAX))?
            .take(room)
            .map(|found| found.map(|(key, _)| key.value()))
            .collect::<Result<_, _>>()?;
        for batch in &batches {
            journal.remove(batch)?;
        }
        // A run without a journal takes room as well.
        room -= batches.len().max(1);
        if journal.range((key.1, 0)..=(key.1, u64::MAX))?.next().is_none() {
            by_time.remove(key)?;
            runs.remove(key.1)?;
            purged.runs += 1;
        }
    }
    purged.more = by_time.range(..(before_ns, 0))?.next().is_some();
    Ok(purged)
}

/// Writes the rows of version 1 as this version does.
pub(crate) fn bring_up(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut old = Vec::new();
    for next in transaction.open_table(RUNS)?.iter()? {
        let (id, row) = next?;
        old.push(decoded_as(FORMAT_1, id.value(), row.value())?);
    }
    old.iter().try_for_each(|run| write(transaction, run))
}
