//! Remembered deletions, to explain and undo them.

use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};
use sync_core::baseline::Agreed;
use sync_core::path::RelPath;

use crate::chunk;
use crate::codec::{Malformed, Put, begin, path_key, path_of_key, seal, show_key};
use crate::error::Fault;
use crate::runs::RunId;
use crate::schema::{TOMBSTONES, decode};

/// A path that is gone on both sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tombstone {
    /// The key path.
    pub path: RelPath,
    /// When it was deleted: UTC nanoseconds.
    pub deleted_ns: i64,
    /// The run that carried the deletion over.
    pub run: Option<RunId>,
    /// What was agreed last. Where a commit leaves it open, it is what the same commit takes out of the baseline.
    pub last: Option<Agreed>,
}

const FORMAT: u8 = 1;

fn decoded(key: &[u8], row: &[u8]) -> Result<Tombstone, Fault> {
    let path =
        path_of_key(key).map_err(|why: Malformed| Fault::malformed("tombstones", show_key(key), why))?;
    decode("tombstones", FORMAT, key, row, |row| {
        Ok(Tombstone {
            path,
            deleted_ns: row.i64()?,
            run: row.option(|row| row.u64().map(RunId))?,
            last: row.option(chunk::alone)?,
        })
    })
}

/// A tombstone as a row; `last` stands in where it has no version of its own.
pub(crate) fn put(
    table: &mut Table<'_, &'static [u8], &'static [u8]>,
    tombstone: &Tombstone,
    last: Option<&Agreed>,
) -> Result<(), Fault> {
    let key = path_key(&tombstone.path);
    let mut row = begin();
    row.put_i64(tombstone.deleted_ns);
    row.put_option(tombstone.run, |row, run| row.put_u64(run.0));
    row.put_option(tombstone.last.as_ref().or(last), chunk::put_alone);
    table.insert(key.as_slice(), seal(FORMAT, &key, row).as_slice())?;
    Ok(())
}

pub(crate) fn get(transaction: &ReadTransaction, path: &RelPath) -> Result<Option<Tombstone>, Fault> {
    let key = path_key(path);
    let table = transaction.open_table(TOMBSTONES)?;
    table.get(key.as_slice())?.map(|row| decoded(&key, row.value())).transpose()
}

pub(crate) fn list(transaction: &ReadTransaction) -> Result<Vec<Tombstone>, Fault> {
    let table = transaction.open_table(TOMBSTONES)?;
    let mut found = Vec::new();
    for next in table.iter()? {
        let (key, row) = next?;
        found.push(decoded(key.value(), row.value())?);
    }
    Ok(found)
}

/// Forgets those that are older than `before_ns`, and how many they were.
pub(crate) fn purge(transaction: &WriteTransaction, before_ns: i64) -> Result<u64, Fault> {
    let mut table = transaction.open_table(TOMBSTONES)?;
    let mut old = Vec::new();
    for next in table.iter()? {
        let (key, row) = next?;
        if decoded(key.value(), row.value())?.deleted_ns < before_ns {
            old.push(key.value().to_vec());
        }
    }
    for key in &old {
        table.remove(key.as_slice())?;
    }
    Ok(old.len() as u64)
}
