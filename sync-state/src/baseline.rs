//! The baseline in its table: where a path's chunk is, and how changes get into it.
//!
//! Owns the keys of the table and the only code that writes it. A key is the directory's path with 0 for `/`, two
//! more 0, and the *bound* of the chunk: every child from this key on and before the next chunk's bound is in it.
//! The first chunk of a directory has an empty bound. Byte order of the keys is walk order of the directories, and
//! the chunks of one directory follow each other, since no name holds a 0.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};
use sync_core::baseline::{Agreed, BaselineChange};
use sync_core::path::RelPath;

use crate::chunk::{self, Child, LEAST_CHILD, SMALL_BYTES};
use crate::codec::{Decoded, Malformed, path_of_key, show_key};
use crate::counts::Counts;
use crate::error::Fault;
use crate::schema::BASELINE;

type BaselineTable<'t> = Table<'t, &'static [u8], &'static [u8]>;

/// What divides the directory from the bound in a key.
const DIVIDER: &[u8] = &[0, 0];

pub(crate) fn damaged(key: &[u8], why: Malformed) -> Fault {
    Fault::malformed("baseline", show_key(key), why)
}

/// The directory and the bound of a key.
pub(crate) fn split_key(key: &[u8]) -> Decoded<(&[u8], &[u8])> {
    let at = key.windows(2).position(|pair| pair == DIVIDER).ok_or(Malformed("a key has no divider"))?;
    Ok((&key[..at], &key[at + 2..]))
}

/// The directory of a key, as a path.
pub(crate) fn dir_of(dir: &[u8]) -> Decoded<RelPath> {
    path_of_key(dir)
}

/// The key of a path: its directory and its last name, as if a chunk began there.
fn key_of(path: &RelPath) -> Option<Vec<u8>> {
    if path.is_root() {
        return None;
    }
    let bytes = path.as_bytes();
    let cut = bytes.iter().rposition(|byte| *byte == b'/');
    let (dir, name) = cut.map_or((&[][..], bytes), |at| (&bytes[..at], &bytes[at + 1..]));
    let mut key = Vec::with_capacity(bytes.len() + 2);
    key.extend(dir.iter().map(|byte| if *byte == b'/' { 0 } else { *byte }));
    key.extend_from_slice(DIVIDER);
    key.extend_from_slice(name);
    Some(key)
}

/// The length of the part of a key that all chunks of its directory share.
fn prefix_len(path: &RelPath) -> usize {
    path.as_bytes().iter().rposition(|byte| *byte == b'/').unwrap_or(0) + DIVIDER.len()
}

/// The keys of one directory's chunks: from the first to before the second.
pub(crate) fn dir_range(dir: &RelPath) -> (Vec<u8>, Vec<u8>) {
    let mut from = crate::codec::path_key(dir);
    let mut to = from.clone();
    from.extend_from_slice(DIVIDER);
    to.extend_from_slice(&[0, 1]);
    (from, to)
}

/// The keys of a directory and all below it; no end for the root.
pub(crate) fn subtree_range(dir: &RelPath) -> (Vec<u8>, Option<Vec<u8>>) {
    if dir.is_root() {
        return (Vec::new(), None);
    }
    let mut from = crate::codec::path_key(dir);
    let mut to = from.clone();
    from.push(0);
    to.push(1);
    (from, Some(to))
}

/// What was agreed at one path.
pub(crate) fn agreed(transaction: &ReadTransaction, path: &RelPath) -> Result<Option<Agreed>, Fault> {
    let Some(key) = key_of(path) else { return Ok(None) };
    let table = transaction.open_table(BASELINE)?;
    let Some((found, row)) = chunk_at(&table, &key, prefix_len(path))? else { return Ok(None) };
    chunk::find(&found, &row, path.name()).map_err(|why| damaged(&found, why))
}

/// The chunk that covers the child of `key`: its key and row.
fn chunk_at(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
    prefix: usize,
) -> Result<Option<(Vec<u8>, Vec<u8>)>, Fault> {
    let mut range = table.range::<&[u8]>(&key[..prefix]..=key)?;
    let Some(found) = range.next_back() else { return Ok(None) };
    let (found, row) = found?;
    Ok(Some((found.value().to_vec(), row.value().to_vec())))
}

/// The chunk after `key` in the same directory.
fn chunk_after(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &[u8],
    prefix: usize,
) -> Result<Option<(Vec<u8>, Vec<u8>)>, Fault> {
    let mut end = key[..prefix].to_vec();
    if let Some(last) = end.last_mut() {
        *last = 1;
    }
    let mut range = table.range::<&[u8]>((Bound::Excluded(key), Bound::Excluded(end.as_slice())))?;
    let Some(found) = range.next() else { return Ok(None) };
    let (found, row) = found?;
    Ok(Some((found.value().to_vec(), row.value().to_vec())))
}

/// One change with its key.
struct Keyed<'a> {
    key: Vec<u8>,
    prefix: usize,
    change: &'a BaselineChange,
}

/// Makes the changes, of which the last one stands where several are for one path. `gone` is told what each change
/// took out of the baseline.
pub(crate) fn apply(
    transaction: &WriteTransaction,
    changes: &[BaselineChange],
    mut gone: impl FnMut(&RelPath, Agreed),
) -> Result<(), Fault> {
    let mut keyed = Vec::with_capacity(changes.len());
    for change in changes {
        let key = key_of(&change.path)
            .ok_or_else(|| Fault::Misuse("the root itself has no place in the baseline".to_owned()))?;
        keyed.push(Keyed { key, prefix: prefix_len(&change.path), change });
    }
    if !keyed.is_sorted_by(|a, b| a.key < b.key) {
        keyed.sort_by(|a, b| a.key.cmp(&b.key));
        // `dedup_by` keeps the earlier of two: the later one is moved there first.
        keyed.dedup_by(|later, earlier| {
            let same = later.key == earlier.key;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }
    let mut counts = Counts::read_from(&transaction.open_table(crate::schema::META)?)?;
    let mut table = transaction.open_table(BASELINE)?;
    let mut rest = keyed.as_slice();
    while let Some(first) = rest.first() {
        let (dir, other) = rest.split_at(
            rest.partition_point(|keyed| keyed.key.get(..first.prefix) == first.key.get(..first.prefix)),
        );
        rest = other;
        apply_to_dir(&mut table, dir, first.prefix, &mut counts, &mut gone)?;
    }
    drop(table);
    counts.write(transaction)
}

/// Makes the changes of one directory: `changes` is sorted and not empty, and all keys share `prefix` bytes.
fn apply_to_dir(
    table: &mut BaselineTable<'_>,
    mut changes: &[Keyed<'_>],
    prefix: usize,
    counts: &mut Counts,
    gone: &mut impl FnMut(&RelPath, Agreed),
) -> Result<(), Fault> {
    while let Some(first) = changes.first() {
        let mut children: Vec<Child> = Vec::new();
        let bound = match chunk_at(table, &first.key, prefix)? {
            Some((key, row)) => {
                chunk::unpack(&key, &row, &mut children).map_err(|why| damaged(&key, why))?;
                key
            }
            None => first.key[..prefix].to_vec(),
        };
        let mut next = chunk_after(table, &bound, prefix)?;
        loop {
            let here = match &next {
                None => changes.len(),
                Some((key, _)) => changes.partition_point(|change| change.key < *key),
            };
            let (now, later) = changes.split_at(here);
            changes = later;
            children = merge(children, now, prefix, counts, gone);
            // A chunk that shrank takes in its neighbour, so that deletes do not leave a trail of small rows.
            let Some((key, row)) = next.take_if(|_| is_small(&children)) else { break };
            chunk::unpack(&key, &row, &mut children).map_err(|why| damaged(&key, why))?;
            table.remove(key.as_slice())?;
            next = chunk_after(table, &key, prefix)?;
        }
        write_chunks(table, &bound, prefix, &children)?;
    }
    Ok(())
}

fn is_small(children: &[Child]) -> bool {
    // No need to pack what cannot be small.
    children.len() * LEAST_CHILD < SMALL_BYTES
        && chunk::pack(children).iter().map(|(_, row)| row.len()).sum::<usize>() < SMALL_BYTES
}

/// Joins sorted children and sorted changes.
fn merge(
    children: Vec<Child>,
    changes: &[Keyed<'_>],
    prefix: usize,
    counts: &mut Counts,
    gone: &mut impl FnMut(&RelPath, Agreed),
) -> Vec<Child> {
    if changes.is_empty() {
        return children;
    }
    let mut merged = Vec::with_capacity(children.len() + changes.len());
    let mut children = children.into_iter().peekable();
    for keyed in changes {
        let name = &keyed.key[prefix..];
        while let Some(child) = children.next_if(|(key, _)| **key < *name) {
            merged.push(child);
        }
        if let Some((_, old)) = children.next_if(|(key, _)| **key == *name) {
            counts.take(&old);
            if keyed.change.agreed.is_none() {
                gone(&keyed.change.path, old);
            }
        }
        if let Some(version) = &keyed.change.agreed {
            counts.add(version);
            merged.push((name.into(), version.clone()));
        }
    }
    merged.extend(children);
    merged
}

/// Replaces the chunk at `bound` by chunks of these children.
fn write_chunks(
    table: &mut BaselineTable<'_>,
    bound: &[u8],
    prefix: usize,
    children: &[Child],
) -> Result<(), Fault> {
    if children.is_empty() {
        table.remove(bound)?;
        return Ok(());
    }
    for (first, row) in chunk::pack(children) {
        let mut key = bound.to_vec();
        if first > 0 {
            key.truncate(prefix);
            key.extend_from_slice(&children[first].0);
        }
        let row = chunk::sealed(&key, row);
        table.insert(key.as_slice(), row.as_slice())?;
    }
    Ok(())
}

/// Writes a whole directory that has no chunk yet.
pub(crate) fn write_dir(
    table: &mut BaselineTable<'_>,
    dir: &RelPath,
    children: &[Child],
    counts: &mut Counts,
) -> Result<(), Fault> {
    let (bound, _) = dir_range(dir);
    for (_, version) in children {
        counts.add(version);
    }
    write_chunks(table, &bound, bound.len(), children)
}
