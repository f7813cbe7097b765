//! Where deleted versions lie.
//!
//! Owns [`TrashEntry`] and its row. The files themselves are the replicas' business.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use sync_core::path::RelPath;
use sync_core::side::Side;

use crate::baseline::subtree_range;
use crate::codec::{Decoded, Malformed, Put, begin, path_key, path_of, path_of_key, seal, show_key};
use crate::error::Fault;
use crate::runs::RunId;
use crate::schema::{TRASH, decode};

/// Why a version went to the trash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TrashReason {
    /// Its path was deleted.
    Deleted,
    /// Another version took its place, and this one was kept.
    Replaced,
}

impl TrashReason {
    /// `deleted` or `replaced`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Replaced => "replaced",
        }
    }
}

/// One version in a side's trash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrashEntry {
    /// The side whose trash it is.
    pub side: Side,
    /// Where it was, as that side spelled it.
    pub path: RelPath,
    /// Where it is, relative to the side's trash root.
    pub trashed: RelPath,
    /// Its size in bytes.
    pub size: u64,
    /// When it went there: UTC nanoseconds.
    pub deleted_ns: i64,
    /// The run that put it there.
    pub run: Option<RunId>,
    /// Why it went there.
    pub reason: TrashReason,
}

const FORMAT: u8 = 2;
/// Rows of version 1 give no reason: only what was deleted went to the trash.
const FORMAT_1: u8 = 1;

/// Original path, divider, side, place: unique, and sorted by original path.
fn key_of(entry: &TrashEntry) -> Vec<u8> {
    let mut key = path_key(&entry.path);
    key.extend_from_slice(&[0, 0]);
    key.put_side(entry.side);
    key.extend_from_slice(entry.trashed.as_bytes());
    key
}

fn split_key(key: &[u8]) -> Decoded<(RelPath, Side, RelPath)> {
    // The side's byte may be a 0 as well: it is the first such place that divides, since no name is empty.
    let at = key.windows(2).position(|pair| pair == [0, 0]).ok_or(Malformed("a key has no divider"))?;
    let (side, trashed) = key[at + 2..].split_first().ok_or(Malformed("a key ends early"))?;
    let side = match side {
        0 => Side::Left,
        1 => Side::Right,
        _ => return Err(Malformed("there is no such side")),
    };
    Ok((path_of_key(&key[..at])?, side, path_of(trashed)?))
}

fn decoded(key: &[u8], row: &[u8], format: u8) -> Result<TrashEntry, Fault> {
    let damaged = |why: Malformed| Fault::malformed("trash", show_key(key), why);
    let (path, side, trashed) = split_key(key).map_err(damaged)?;
    decode("trash", format, key, row, |row| {
        let (size, deleted_ns) = (row.u64()?, row.i64()?);
        let run = row.option(|row| row.u64().map(RunId))?;
        let replaced = format != FORMAT_1 && row.flag()?;
        let reason = if replaced { TrashReason::Replaced } else { TrashReason::Deleted };
        Ok(TrashEntry { side, path, trashed, size, deleted_ns, run, reason })
    })
}

pub(crate) fn add(transaction: &WriteTransaction, entries: &[TrashEntry]) -> Result<(), Fault> {
    let mut table = transaction.open_table(TRASH)?;
    for entry in entries {
        let key = key_of(entry);
        let mut row = begin();
        row.put_u64(entry.size);
        row.put_i64(entry.deleted_ns);
        row.put_option(entry.run, |row, run| row.put_u64(run.0));
        row.put_byte(u8::from(entry.reason == TrashReason::Replaced));
        table.insert(key.as_slice(), seal(FORMAT, &key, row).as_slice())?;
    }
    Ok(())
}

pub(crate) fn remove(transaction: &WriteTransaction, entries: &[TrashEntry]) -> Result<(), Fault> {
    let mut table = transaction.open_table(TRASH)?;
    for entry in entries {
        table.remove(key_of(entry).as_slice())?;
    }
    Ok(())
}

/// What was deleted at `dir` and below it, by original path.
pub(crate) fn list(transaction: &ReadTransaction, dir: &RelPath) -> Result<Vec<TrashEntry>, Fault> {
    let table = transaction.open_table(TRASH)?;
    let (from, to) = subtree_range(dir);
    let mut found = Vec::new();
    for next in ReadableTable::range::<&[u8]>(&table, from.as_slice()..)? {
        let (key, row) = next?;
        if to.as_ref().is_some_and(|to| key.value() >= to.as_slice()) {
            break;
        }
        found.push(decoded(key.value(), row.value(), FORMAT)?);
    }
    Ok(found)
}

/// Gives the rows of version 1 their reason.
pub(crate) fn bring_up(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut old = Vec::new();
    for next in transaction.open_table(TRASH)?.iter()? {
        let (key, row) = next?;
        old.push(decoded(key.value(), row.value(), FORMAT_1)?);
    }
    add(transaction, &old)
}
