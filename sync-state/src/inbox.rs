//! Conflicts a person may want to look at.
//!
//! Owns [`Conflict`] and its row. When one is opened, settled or told of is not decided here.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use sync_core::entry::{Digest, Entry};
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};

use crate::codec::{Decoded, Malformed, Put, Reader, begin, path_key, path_of_key, seal, show_key};
use crate::error::Fault;
use crate::schema::{CONFLICTS, decode};

/// One side's version in a conflict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConflictVersion {
    /// Its fingerprint, with size and time.
    pub entry: Entry,
    /// Its digest, where it was computed.
    pub digest: Option<Digest>,
}

/// Whether a conflict waits for somebody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConflictState {
    /// It waits.
    Open,
    /// It was settled, by a clash copy or by somebody.
    Settled,
}

/// Two versions that may both be wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The key path.
    pub path: RelPath,
    /// The rule that met it, such as `both-changed`.
    pub rule: String,
    /// When it was first seen: UTC nanoseconds.
    pub first_seen_ns: i64,
    /// When it was last seen: UTC nanoseconds.
    pub last_seen_ns: i64,
    /// Both versions; none where a side has none that could be observed.
    pub versions: Sides<Option<ConflictVersion>>,
    /// The side with the newer version, where one is newer.
    pub newer: Option<Side>,
    /// Whether it waits for somebody.
    pub state: ConflictState,
    /// Where the older version was kept.
    pub clash_path: Option<RelPath>,
    /// Whether an alert went out.
    pub notified: bool,
}

/// A change of the inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConflictChange {
    /// Adds it, in place of one at the same path.
    Put(Conflict),
    /// Takes it out.
    Remove(RelPath),
}

const FORMAT: u8 = 1;

fn put(out: &mut Vec<u8>, conflict: &Conflict) {
    out.put_bytes(conflict.rule.as_bytes());
    out.put_i64(conflict.first_seen_ns);
    out.put_i64(conflict.last_seen_ns);
    for (_, version) in conflict.versions.iter() {
        out.put_option(version.as_ref(), |out, version| {
            out.put_entry(&version.entry);
            out.put_option(version.digest.as_ref(), |out, digest| out.put_raw(&digest.0));
        });
    }
    out.put_option(conflict.newer, Put::put_side);
    out.put_byte(u8::from(conflict.state == ConflictState::Settled));
    out.put_option(conflict.clash_path.as_ref(), Put::put_path);
    out.put_byte(u8::from(conflict.notified));
}

fn conflict(path: RelPath, row: &mut Reader<'_>) -> Decoded<Conflict> {
    fn version(row: &mut Reader<'_>) -> Decoded<ConflictVersion> {
        Ok(ConflictVersion { entry: row.entry()?, digest: row.option(Reader::digest)? })
    }
    Ok(Conflict {
        path,
        rule: row.text()?.to_owned(),
        first_seen_ns: row.i64()?,
        last_seen_ns: row.i64()?,
        versions: Sides::new(row.option(version)?, row.option(version)?),
        newer: row.option(Reader::side)?,
        state: if row.flag()? { ConflictState::Settled } else { ConflictState::Open },
        clash_path: row.option(Reader::path)?,
        notified: row.flag()?,
    })
}

fn decoded(key: &[u8], row: &[u8]) -> Result<Conflict, Fault> {
    let damaged = |why: Malformed| Fault::malformed("conflicts", show_key(key), why);
    let path = path_of_key(key).map_err(damaged)?;
    decode("conflicts", FORMAT, key, row, |row| conflict(path, row))
}

pub(crate) fn apply(transaction: &WriteTransaction, changes: &[ConflictChange]) -> Result<(), Fault> {
    let mut table = transaction.open_table(CONFLICTS)?;
    for change in changes {
        match change {
            ConflictChange::Put(conflict) => {
                let key = path_key(&conflict.path);
                let mut row = begin();
                put(&mut row, conflict);
                table.insert(key.as_slice(), seal(FORMAT, &key, row).as_slice())?;
            }
            ConflictChange::Remove(path) => {
                table.remove(path_key(path).as_slice())?;
            }
        }
    }
    Ok(())
}

pub(crate) fn list(transaction: &ReadTransaction) -> Result<Vec<Conflict>, Fault> {
    let table = transaction.open_table(CONFLICTS)?;
    let mut found = Vec::new();
    for next in table.iter()? {
        let (key, row) = next?;
        found.push(decoded(key.value(), row.value())?);
    }
    Ok(found)
}

pub(crate) fn get(transaction: &ReadTransaction, path: &RelPath) -> Result<Option<Conflict>, Fault> {
    let key = path_key(path);
    let table = transaction.open_table(CONFLICTS)?;
    table.get(key.as_slice())?.map(|row| decoded(&key, row.value())).transpose()
}
