//! Problems that stand until a run does not meet them any more.
//!
//! Owns [`StandingProblem`] and its row, so that "since when" outlives the run that met it first. When a problem is
//! gone is not decided here.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use sync_core::path::RelPath;
use sync_core::side::Side;

use crate::codec::{Decoded, Malformed, Put, Reader, begin, path_key, path_of_key, seal, show_key};
use crate::error::Fault;
use crate::schema::{PROBLEMS, decode};

/// What makes two problems one and the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProblemId {
    /// The path, as the side spells it; the empty path is the root.
    pub path: RelPath,
    /// The side where it is.
    pub side: Side,
    /// What was being done, such as `scan` or `copy`.
    pub operation: Box<str>,
    /// What kind of problem, such as `permission-denied`.
    pub kind: Box<str>,
}

/// A problem that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StandingProblem {
    /// Which one it is.
    pub id: ProblemId,
    /// What happened, in words.
    pub error: String,
    /// When it was first met: UTC nanoseconds.
    pub first_seen_ns: i64,
    /// When a recorded run last met it: UTC nanoseconds.
    pub last_seen_ns: i64,
    /// How many recorded runs have met it.
    pub times: u64,
}

/// A change of the standing problems.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProblemChange {
    /// Adds it, in place of the same one.
    Put(StandingProblem),
    /// It is gone.
    Remove(ProblemId),
}

const FORMAT: u8 = 1;

/// Path, divider, side, operation, 0, kind: unique, and sorted by path.
fn key_of(id: &ProblemId) -> Result<Vec<u8>, Fault> {
    if id.operation.contains('\0') {
        return Err(Fault::Misuse("the name of an operation holds a 0".to_owned()));
    }
    let mut key = path_key(&id.path);
    key.extend_from_slice(&[0, 0]);
    key.put_side(id.side);
    key.extend_from_slice(id.operation.as_bytes());
    key.push(0);
    key.extend_from_slice(id.kind.as_bytes());
    Ok(key)
}

fn split_key(key: &[u8]) -> Decoded<ProblemId> {
    let text =
        |bytes| std::str::from_utf8(bytes).map(Into::into).map_err(|_| Malformed("a word is not UTF-8"));
    let at = key.windows(2).position(|pair| pair == [0, 0]).ok_or(Malformed("a key has no divider"))?;
    let (side, words) = key[at + 2..].split_first().ok_or(Malformed("a key ends early"))?;
    let side = match side {
        0 => Side::Left,
        1 => Side::Right,
        _ => return Err(Malformed("there is no such side")),
    };
    let cut = words.iter().position(|byte| *byte == 0).ok_or(Malformed("a key names no kind"))?;
    let (operation, kind) = (text(&words[..cut])?, text(&words[cut + 1..])?);
    Ok(ProblemId { path: path_of_key(&key[..at])?, side, operation, kind })
}

fn decoded(key: &[u8], row: &[u8]) -> Result<StandingProblem, Fault> {
    let id = split_key(key).map_err(|why| Fault::malformed("problems", show_key(key), why))?;
    decode("problems", FORMAT, key, row, |row: &mut Reader<'_>| {
        Ok(StandingProblem {
            id,
            error: row.text()?.to_owned(),
            first_seen_ns: row.i64()?,
            last_seen_ns: row.i64()?,
            times: row.u64()?,
        })
    })
}

pub(crate) fn apply(transaction: &WriteTransaction, changes: &[ProblemChange]) -> Result<(), Fault> {
    let mut table = transaction.open_table(PROBLEMS)?;
    for change in changes {
        match change {
            ProblemChange::Put(problem) => {
                let key = key_of(&problem.id)?;
                let mut row = begin();
                row.put_bytes(problem.error.as_bytes());
                row.put_i64(problem.first_seen_ns);
                row.put_i64(problem.last_seen_ns);
                row.put_u64(problem.times);
                table.insert(key.as_slice(), seal(FORMAT, &key, row).as_slice())?;
            }
            ProblemChange::Remove(id) => {
                table.remove(key_of(id)?.as_slice())?;
            }
        }
    }
    Ok(())
}

pub(crate) fn list(transaction: &ReadTransaction) -> Result<Vec<StandingProblem>, Fault> {
    let table = transaction.open_table(PROBLEMS)?;
    let mut found = Vec::new();
    for next in table.iter()? {
        let (key, row) = next?;
        found.push(decoded(key.value(), row.value())?);
    }
    Ok(found)
}
