//! What each run did, path by path.
//!
//! Owns [`JournalRow`] and its batches. A batch holds rows of one run, written together; it begins with how many
//! they are and the span of their times, so that a question about a time skips what cannot answer it. Words that
//! come again are written once per batch, paths share their beginning with the path before.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use redb::{OwnedRange, ReadTransaction, ReadableTable, WriteTransaction};
use sync_core::entry::Entry;
use sync_core::path::RelPath;
use sync_core::side::Side;

use crate::codec::{Decoded, Malformed, Put, Reader, begin, path_of, seal, text_of, unseal};
use crate::error::{Fault, StateError};
use crate::guard::guarded;
use crate::runs::{self, RunId};
use crate::schema::JOURNAL;

/// How a transition ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RowResult {
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// It was not tried, or the world had moved.
    Skipped,
}

impl RowResult {
    /// `done`, `failed` or `skipped`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One transition and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalRow {
    /// When it ended: UTC nanoseconds.
    pub time_ns: i64,
    /// What was done, such as `COPY_LEFT_TO_RIGHT`.
    pub action: Arc<str>,
    /// Why, such as `changed-left`.
    pub rule: Arc<str>,
    /// Where.
    pub path: RelPath,
    /// The other path of a rename or a clash copy.
    pub to: Option<RelPath>,
    /// The side that was changed; none when neither or both were.
    pub side: Option<Side>,
    /// Bytes of content concerned.
    pub size: u64,
    /// How it ended.
    pub result: RowResult,
    /// What the system said when it failed.
    pub error: Option<Box<str>>,
    /// Where the displaced version went, relative to the side's trash root.
    pub trashed: Option<RelPath>,
    /// The version that was there before.
    pub before: Option<Entry>,
    /// The version that was there afterwards.
    pub after: Option<Entry>,
}

/// A journal row with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Journaled {
    /// The run it belongs to.
    pub run: RunId,
    /// Its position within the run, from 0.
    pub seq: u64,
    /// The row.
    pub row: JournalRow,
}

const FORMAT: u8 = 1;
/// A full batch fills one block of four pages.
const MAX_BYTES: usize = 15_500;
const MAX_ROWS: u64 = 4096;
/// No row is longer than its fields, and it has at least these.
const LEAST_ROW: usize = 8;

const HAS_TO: u8 = 1;
const HAS_SIDE: u8 = 1 << 1;
const IS_RIGHT: u8 = 1 << 2;
const HAS_ERROR: u8 = 1 << 3;
const HAS_TRASHED: u8 = 1 << 4;
const HAS_BEFORE: u8 = 1 << 5;
const HAS_AFTER: u8 = 1 << 6;

/// A batch while it grows.
struct Batch<'a> {
    rows: Vec<u8>,
    count: u64,
    span: Option<(i64, i64)>,
    words: HashMap<&'a str, u64>,
    path: &'a [u8],
}

impl<'a> Batch<'a> {
    fn new() -> Self {
        Self { rows: Vec::with_capacity(4096), count: 0, span: None, words: HashMap::new(), path: &[] }
    }

    fn push(&mut self, row: &'a JournalRow) {
        let base = self.span.map_or(0, |(first, _)| first);
        let out = &mut self.rows;
        let mut has = 0;
        for (set, flag) in [
            (row.to.is_some(), HAS_TO),
            (row.side.is_some(), HAS_SIDE),
            (row.side == Some(Side::Right), IS_RIGHT),
            (row.error.is_some(), HAS_ERROR),
            (row.trashed.is_some(), HAS_TRASHED),
            (row.before.is_some(), HAS_BEFORE),
            (row.after.is_some(), HAS_AFTER),
        ] {
            has |= if set { flag } else { 0 };
        }
        out.put_byte(has);
        out.put_byte(row.result as u8);
        out.put_i64(row.time_ns.wrapping_sub(base));
        for word in [&*row.action, &*row.rule] {
            let known = self.words.len() as u64;
            let number = *self.words.entry(word).or_insert(known);
            out.put_u64(number);
            if number == known {
                out.put_bytes(word.as_bytes());
            }
        }
        put_path_after(out, self.path, row.path.as_bytes());
        self.path = row.path.as_bytes();
        out.put_u64(row.size);
        for path in [&row.to, &row.trashed].into_iter().flatten() {
            put_path_after(out, self.path, path.as_bytes());
        }
        if let Some(error) = &row.error {
            out.put_bytes(error.as_bytes());
        }
        for entry in [&row.before, &row.after].into_iter().flatten() {
            out.put_entry(entry);
        }
        self.count += 1;
        self.span = Some(match self.span {
            None => (row.time_ns, row.time_ns),
            // The first row's time is the base of all others; the span's start may lie before it.
            Some((first, last)) => (first, last.max(row.time_ns)),
        });
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= MAX_BYTES || self.count >= MAX_ROWS
    }
}

fn put_path_after(out: &mut Vec<u8>, before: &[u8], path: &[u8]) {
    let shared = before.iter().zip(path).take_while(|(a, b)| a == b).count();
    out.put_u64(shared as u64);
    out.put_bytes(&path[shared..]);
}

fn key_bytes(key: (u64, u64)) -> [u8; 16] {
    (u128::from(key.0) << 64 | u128::from(key.1)).to_be_bytes()
}

pub(crate) fn damaged(key: (u64, u64), why: Malformed) -> Fault {
    Fault::malformed("journal", format!("run {}, row {}", key.0, key.1), why)
}

/// Adds rows to a run, behind those it has.
pub(crate) fn append(transaction: &WriteTransaction, run: RunId, rows: &[JournalRow]) -> Result<(), Fault> {
    if transaction.open_table(crate::schema::RUNS)?.get(run.0)?.is_none() {
        return Err(Fault::Misuse(format!("there is no run {run}")));
    }
    let mut table = transaction.open_table(JOURNAL)?;
    let mut seq = match table.range((run.0, 0)..=(run.0, u64::MAX))?.next_back() {
        None => 0,
        Some(last) => {
            let (key, row) = last?;
            let key = key.value();
            let head = head(key, row.value()).map_err(|why| damaged(key, why))?.0;
            key.1.saturating_add(head.count)
        }
    };
    let mut rest = rows;
    while !rest.is_empty() {
        let mut batch = Batch::new();
        while let Some((row, others)) = rest.split_first().filter(|_| !batch.is_full()) {
            batch.push(row);
            rest = others;
        }
        let key = (run.0, seq);
        let mut row = begin();
        row.reserve(batch.rows.len() + 32);
        row.put_u64(batch.count);
        let (first, last) = batch.span.unwrap_or_default();
        row.put_i64(first);
        row.put_u64(last.wrapping_sub(first) as u64);
        row.put_raw(&batch.rows);
        seq = seq.saturating_add(batch.count);
        table.insert(key, seal(FORMAT, &key_bytes(key), row).as_slice())?;
    }
    Ok(())
}

/// What a batch begins with.
#[derive(Clone, Copy)]
struct Head {
    count: u64,
    first_ns: i64,
    last_ns: i64,
}

fn head(key: (u64, u64), row: &[u8]) -> Decoded<(Head, Reader<'_>)> {
    let mut reader = unseal(FORMAT, &key_bytes(key), row)?;
    let count = reader.u64()?;
    let first_ns = reader.i64()?;
    let last_ns = first_ns.wrapping_add(reader.u64()? as i64);
    if count > (reader.left() / LEAST_ROW) as u64 + 1 {
        return Err(Malformed("there are fewer rows than counted"));
    }
    Ok((Head { count, first_ns, last_ns }, reader))
}

/// Which rows are wanted. What cannot be is passed over without being made a row of.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Times in UTC nanoseconds, the end not included.
    pub(crate) from_ns: i64,
    pub(crate) until_ns: i64,
    /// Asked once per batch and word.
    pub(crate) action: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
    /// Asked for the path, and for the other path of a rename or a clash copy.
    pub(crate) path: Option<&'a (dyn Fn(&[u8]) -> bool + Sync)>,
}

impl Wanted<'_> {
    pub(crate) const fn since(from_ns: i64) -> Self {
        Self { from_ns, until_ns: i64::MAX, action: None, path: None }
    }

    fn time(&self, time_ns: i64) -> bool {
        time_ns >= self.from_ns && (time_ns < self.until_ns || self.until_ns == i64::MAX)
    }
}

/// A word of a batch.
struct Word<'a> {
    text: &'a str,
    /// Made when the first row needs it.
    shared: Option<Arc<str>>,
    wanted: bool,
}

impl Word<'_> {
    fn shared(&mut self) -> Arc<str> {
        Arc::clone(self.shared.get_or_insert_with(|| self.text.into()))
    }
}

/// A path as a row holds it: how much it shares with the one before, and the rest.
type Tail<'a> = (usize, &'a [u8]);

fn tail<'a>(reader: &mut Reader<'a>, before: &[u8]) -> Decoded<Tail<'a>> {
    let shared = reader.usize()?;
    if shared > before.len() {
        return Err(Malformed("a path shares more than there is"));
    }
    Ok((shared, reader.bytes()?))
}

fn whole<'s>(before: &[u8], (shared, rest): Tail<'_>, into: &'s mut Vec<u8>) -> &'s [u8] {
    into.clear();
    into.extend_from_slice(before.get(..shared).unwrap_or_default());
    into.extend_from_slice(rest);
    into
}

/// Adds the wanted rows of a batch, in the order they were written.
pub(crate) fn unpack(
    key: (u64, u64),
    row: &[u8],
    wanted: &Wanted<'_>,
    into: &mut Vec<Journaled>,
) -> Decoded<()> {
    let (head, mut reader) = head(key, row)?;
    if head.last_ns < wanted.from_ns {
        return Ok(());
    }
    if wanted.action.is_none() && wanted.path.is_none() {
        into.reserve(head.count as usize);
    }
    let mut words: Vec<Word<'_>> = Vec::new();
    let (mut path, mut scratch) = (Vec::new(), Vec::new());
    let mut base = 0;
    for index in 0..head.count {
        let has = reader.byte()?;
        let result = match reader.byte()? {
            0 => RowResult::Done,
            1 => RowResult::Failed,
            2 => RowResult::Skipped,
            _ => return Err(Malformed("there is no such result")),
        };
        let time_ns = reader.i64()?.wrapping_add(base);
        if index == 0 {
            base = head.first_ns;
        }
        let mut word = || -> Decoded<usize> {
            let number = reader.usize()?;
            if number == words.len() {
                let text = reader.text()?;
                words.push(Word { text, shared: None, wanted: wanted.action.is_none_or(|is| is(text)) });
            }
            if number < words.len() { Ok(number) } else { Err(Malformed("there is no such word")) }
        };
        let (action, rule) = (word()?, word()?);
        let (shared, rest) = tail(&mut reader, &path)?;
        path.truncate(shared);
        path.extend_from_slice(rest);
        let size = reader.u64()?;
        let mut other = |flag| if has & flag != 0 { tail(&mut reader, &path).map(Some) } else { Ok(None) };
        let (to, trashed) = (other(HAS_TO)?, other(HAS_TRASHED)?);
        let error = if has & HAS_ERROR != 0 { Some(reader.bytes()?) } else { None };
        let here = |scratch: &mut Vec<u8>| {
            let Some(is) = wanted.path else { return true };
            is(&path) || to.is_some_and(|to| is(whole(&path, to, scratch)))
        };
        if !(words[action].wanted && wanted.time(time_ns) && here(&mut scratch)) {
            for flag in [HAS_BEFORE, HAS_AFTER] {
                if has & flag != 0 {
                    reader.pass_entry()?;
                }
            }
            continue;
        }
        let before = if has & HAS_BEFORE != 0 { Some(reader.entry()?) } else { None };
        let after = if has & HAS_AFTER != 0 { Some(reader.entry()?) } else { None };
        let mut other =
            |tail: Option<Tail<'_>>| tail.map(|tail| path_of(whole(&path, tail, &mut scratch))).transpose();
        let row = JournalRow {
            time_ns,
            action: words[action].shared(),
            rule: words[rule].shared(),
            path: path_of(&path)?,
            to: other(to)?,
            side: match (has & HAS_SIDE != 0, has & IS_RIGHT != 0) {
                (true, true) => Some(Side::Right),
                (true, false) => Some(Side::Left),
                (false, _) => None,
            },
            size,
            result,
            error: error.map(text_of).transpose()?.map(Into::into),
            trashed: other(trashed)?,
            before,
            after,
        };
        into.push(Journaled { run: RunId(key.0), seq: key.1.saturating_add(index), row });
    }
    reader.finish()
}

/// Rows of the journal in the order they were written, a batch at a time in memory. After an error it ends.
pub struct JournalReader {
    file: PathBuf,
    range: OwnedRange<(u64, u64), &'static [u8]>,
    rows: std::vec::IntoIter<Journaled>,
    since_ns: i64,
    done: bool,
}

impl JournalReader {
    pub(crate) fn of_run(transaction: &ReadTransaction, file: PathBuf, run: RunId) -> Result<Self, Fault> {
        let range = transaction.open_table(JOURNAL)?.range_owned((run.0, 0)..=(run.0, u64::MAX))?;
        Ok(Self { file, range, rows: Vec::new().into_iter(), since_ns: i64::MIN, done: false })
    }

    pub(crate) fn since(transaction: &ReadTransaction, file: PathBuf, since_ns: i64) -> Result<Self, Fault> {
        // The run that was under way at that time may have rows after it.
        let from = runs::last_before(transaction, since_ns)?.map_or(0, |run| run.0);
        let range = transaction.open_table(JOURNAL)?.range_owned((from, 0)..)?;
        Ok(Self { file, range, rows: Vec::new().into_iter(), since_ns, done: false })
    }

    fn advance(&mut self) -> Result<Option<Journaled>, Fault> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let Some(next) = self.range.next().filter(|_| !self.done) else { return Ok(None) };
            let (key, row) = next?;
            let key = key.value();
            let mut rows = Vec::new();
            unpack(key, row.value(), &Wanted::since(self.since_ns), &mut rows)
                .map_err(|why| damaged(key, why))?;
            self.rows = rows.into_iter();
        }
    }
}

impl Iterator for JournalReader {
    type Item = Result<Journaled, StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let result = guarded(|| self.advance());
        self.done = result.is_err();
        result.map_err(|fault| fault.at("read the journal from", &self.file)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn random_bytes_under_a_good_seal_never_panic(bytes: Vec<u8>, count in 0..40_u64) {
            let mut row = begin();
            row.put_u64(count);
            row.put_i64(5);
            row.put_u64(7);
            row.extend_from_slice(&bytes);
            let batch = seal(FORMAT, &key_bytes((1, 2)), row);
            let _ = unpack((1, 2), &batch, &Wanted::since(i64::MIN), &mut Vec::new());
            let none = Wanted { path: Some(&|_| false), ..Wanted::since(i64::MIN) };
            let _ = unpack((1, 2), &batch, &none, &mut Vec::new());
        }
    }
}
