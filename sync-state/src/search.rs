//! The journal searched, the latest rows first.
//!
//! Owns [`JournalQuery`]. A million rows are looked through in a fraction of a second: rows that are not wanted are
//! passed over as bytes.

use redb::{ReadTransaction, ReadableTable};

use crate::error::Fault;
use crate::journal::{Journaled, Wanted, damaged, unpack};
use crate::runs::{self, RunId};
use crate::schema::JOURNAL;

/// Which rows of the journal to find.
#[derive(Clone, Copy)]
pub struct JournalQuery<'a> {
    /// Rows of this run alone.
    pub run: Option<RunId>,
    /// From this time on: UTC nanoseconds.
    pub from_ns: i64,
    /// Before this time: UTC nanoseconds; the largest number is no end.
    pub until_ns: i64,
    /// Which actions, by their word. It is asked once for each word that comes up, not for each row.
    pub action: Option<&'a (dyn Fn(&str) -> bool + Sync)>,
    /// Which paths, by their bytes. It is asked about both paths of a rename or a clash copy.
    pub path: Option<&'a (dyn Fn(&[u8]) -> bool + Sync)>,
    /// At most so many rows.
    pub limit: usize,
}

impl Default for JournalQuery<'_> {
    fn default() -> Self {
        Self { run: None, from_ns: i64::MIN, until_ns: i64::MAX, action: None, path: None, limit: usize::MAX }
    }
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The rows, the latest first.
    pub rows: Vec<Journaled>,
    /// There are more rows than the limit allowed.
    pub more: bool,
}

pub(crate) fn run(transaction: &ReadTransaction, query: &JournalQuery<'_>) -> Result<Found, Fault> {
    let JournalQuery { run, from_ns, until_ns, action, path, limit } = *query;
    let wanted = Wanted { from_ns, until_ns, action, path };
    let (first, last) = match run {
        Some(run) => (run.0, run.0),
        // The run that was under way at that time may have rows after it.
        None => (runs::last_before(transaction, from_ns)?.map_or(0, |run| run.0), u64::MAX),
    };
    let table = transaction.open_table(JOURNAL)?;
    let mut found = Found::default();
    let mut batch = Vec::new();
    for next in ReadableTable::range(&table, (first, 0)..=(last, u64::MAX))?.rev() {
        let (key, row) = next?;
        let key = key.value();
        unpack(key, row.value(), &wanted, &mut batch).map_err(|why| damaged(key, why))?;
        let room = limit - found.rows.len();
        found.more = batch.len() > room;
        found.rows.extend(batch.drain(..).rev().take(room));
        if found.more {
            break;
        }
    }
    Ok(found)
}
