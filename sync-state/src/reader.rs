//! The baseline as a stream.
//!
//! Owns [`BaselineReader`]: one directory at a time, in path order, from one consistent moment, however much is
//! written meanwhile. It reads each chunk once and keeps one directory in memory.

use std::ops::Bound;
use std::path::PathBuf;

use redb::{OwnedRange, ReadTransaction, ReadableTable};
use sync_core::baseline::BaselineDir;
use sync_core::path::RelPath;

use crate::baseline::{damaged, dir_of, dir_range, split_key, subtree_range};
use crate::chunk::{self, Child};
use crate::codec::Malformed;
use crate::counts::Counts;
use crate::error::{Fault, StateError};
use crate::guard::guarded;
use crate::schema::BASELINE;

const OPERATION: &str = "read the baseline from";

/// The directories of the baseline that hold anything, in path order.
///
/// After an error it ends. It ends with an error when there is less than the counts say.
pub struct BaselineReader {
    file: PathBuf,
    range: OwnedRange<&'static [u8], &'static [u8]>,
    /// The directory whose first chunk has been read already, by its raw key.
    pending: Option<(Vec<u8>, Vec<Child>)>,
    counts: Counts,
    /// Entries still to come; none when only a part is read.
    expected: Option<u64>,
    done: bool,
}

impl BaselineReader {
    pub(crate) fn whole(transaction: &ReadTransaction, file: PathBuf) -> Result<Self, Fault> {
        let counts = Counts::read(transaction)?;
        let range = transaction.open_table(BASELINE)?.range_owned::<&[u8]>(..)?;
        Ok(Self { file, range, pending: None, counts, expected: Some(counts.entries), done: false })
    }

    pub(crate) fn below(transaction: &ReadTransaction, file: PathBuf, dir: &RelPath) -> Result<Self, Fault> {
        let (from, to) = subtree_range(dir);
        let to = to.as_ref().map_or(Bound::Unbounded, |to| Bound::Excluded(to.as_slice()));
        let range =
            transaction.open_table(BASELINE)?.range_owned::<&[u8]>((Bound::Included(from.as_slice()), to))?;
        let counts = Counts::read(transaction)?;
        Ok(Self { file, range, pending: None, counts, expected: None, done: false })
    }

    /// What the whole baseline holds at the moment this stream shows.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The stream for use inside the state, where the file is named later.
    pub(crate) fn faults(mut self) -> impl Iterator<Item = Result<BaselineDir, Fault>> {
        std::iter::from_fn(move || self.advance().transpose())
    }

    fn advance(&mut self) -> Result<Option<BaselineDir>, Fault> {
        while !self.done {
            let Some(next) = self.range.next() else {
                self.done = true;
                break;
            };
            let (key, row) = next?;
            let (key, row) = (key.value(), row.value());
            let (dir, _) = split_key(key).map_err(|why| damaged(key, why))?;
            match &mut self.pending {
                Some((pending, children)) if pending == dir => {
                    chunk::unpack(key, row, children).map_err(|why| damaged(key, why))?;
                }
                _ => {
                    let mut children = Vec::new();
                    chunk::unpack(key, row, &mut children).map_err(|why| damaged(key, why))?;
                    let finished = self.pending.replace((dir.to_vec(), children));
                    if let Some(finished) = finished {
                        return self.finish(finished).map(Some);
                    }
                }
            }
        }
        if let Some(finished) = self.pending.take() {
            return self.finish(finished).map(Some);
        }
        match self.expected.take() {
            Some(missing) if missing != 0 => {
                Err(damaged(b"", Malformed("there are fewer entries than counted")))
            }
            _ => Ok(None),
        }
    }

    fn finish(&mut self, (dir, children): (Vec<u8>, Vec<Child>)) -> Result<BaselineDir, Fault> {
        let path = dir_of(&dir).map_err(|why| damaged(&dir, why))?;
        if let Some(expected) = &mut self.expected {
            *expected = expected
                .checked_sub(children.len() as u64)
                .ok_or_else(|| damaged(&dir, Malformed("there are more entries than counted")))?;
        }
        Ok(BaselineDir { path, children })
    }
}

impl Iterator for BaselineReader {
    type Item = Result<BaselineDir, StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = guarded(|| self.advance());
        if result.is_err() {
            self.done = true;
            self.pending = None;
            self.expected = None;
        }
        result.map_err(|fault| fault.at(OPERATION, &self.file)).transpose()
    }
}

/// The agreed children of one directory.
pub(crate) fn dir(transaction: &ReadTransaction, path: &RelPath) -> Result<BaselineDir, Fault> {
    let (from, to) = dir_range(path);
    let mut children = Vec::new();
    let table = transaction.open_table(BASELINE)?;
    for next in ReadableTable::range::<&[u8]>(&table, from.as_slice()..to.as_slice())? {
        let (key, row) = next?;
        chunk::unpack(key.value(), row.value(), &mut children).map_err(|why| damaged(key.value(), why))?;
    }
    Ok(BaselineDir { path: path.clone(), children })
}
