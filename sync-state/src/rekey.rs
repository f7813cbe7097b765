//! New keys for the whole baseline when the pair folds names another way.
//!
//! Every key is made again from how the two sides spell the path. Where that cannot be told, or two paths meet
//! under one key, the path leaves the baseline with all below it: the next run meets it for the first time, which
//! deletes nothing.

use std::collections::{HashMap, HashSet};

use redb::{ReadTransaction, WriteTransaction};
use sync_core::baseline::{Agreed, BaselineDir};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;

use crate::baseline::write_dir;
use crate::chunk::Child;
use crate::counts::Counts;
use crate::error::Fault;
use crate::schema::{BASELINE, CONFLICTS, TOMBSTONES};
use crate::{inbox, pair, reader, tombstones};

/// What came of making new keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rekeyed {
    /// Paths that stayed in the baseline.
    pub kept: u64,
    /// Paths that left it.
    pub dropped: u64,
}

pub(crate) fn run(
    before: &ReadTransaction,
    transaction: &WriteTransaction,
    file: &std::path::Path,
    to: Equivalence,
) -> Result<Rekeyed, Fault> {
    let Some(mut found) = pair::read(before)? else {
        return Err(Fault::Misuse("there is no pair yet".to_owned()));
    };
    let stream = reader::BaselineReader::whole(before, file.to_owned())?;
    let all = stream.counts().entries;
    transaction.delete_table(BASELINE)?;
    let mut table = transaction.open_table(BASELINE)?;
    let mut counts = Counts::default();
    let mut moved = Moved::default();
    for dir in stream.faults() {
        let dir = dir?;
        let Some((path, children)) = moved.dir(dir, to) else { continue };
        write_dir(&mut table, &path, &children, &mut counts)?;
    }
    drop(table);
    counts.write(transaction)?;
    rekey_inbox(before, transaction, to)?;
    rekey_tombstones(before, transaction, to)?;
    found.equivalence = to;
    pair::write(transaction, &found)?;
    Ok(Rekeyed { kept: counts.entries, dropped: all.saturating_sub(counts.entries) })
}

/// Where directories went.
#[derive(Default)]
struct Moved {
    /// New path by old path of each directory that is an entry of the baseline; none when it was dropped.
    dirs: HashMap<RelPath, Option<RelPath>>,
    /// New paths that are taken.
    taken: HashSet<RelPath>,
}

impl Moved {
    /// A directory under its new path with its children under their new keys, sorted; none when it was dropped.
    fn dir(&mut self, dir: BaselineDir, to: Equivalence) -> Option<(RelPath, Vec<Child>)> {
        let path = self.place(&dir.path, to).filter(|path| self.taken.insert(path.clone()));
        let mut children = Vec::with_capacity(dir.children.len());
        let mut keys: HashMap<Box<[u8]>, u32> = HashMap::new();
        for (old, version) in dir.children {
            let new = new_key(&old, &version, to);
            if let Some(new) = &new {
                *keys.entry(new.clone()).or_default() += 1;
            }
            children.push((old, new, version));
        }
        let mut kept = Vec::with_capacity(children.len());
        for (old, new, version) in children {
            let new = new.filter(|new| path.is_some() && keys.get(new) == Some(&1));
            if version.kind == sync_core::entry::Kind::Dir
                && let Ok(from) = dir.path.join(&old)
            {
                let goal = path.as_ref().zip(new.as_ref()).and_then(|(path, new)| path.join(new).ok());
                self.dirs.insert(from, goal);
            }
            if let Some(new) = new {
                kept.push((new.clone(), respelled(version, &old, &new)));
            }
        }
        kept.sort_by(|(a, _), (b, _)| a.cmp(b));
        path.map(|path| (path, kept))
    }

    /// Where a directory goes. One that is no entry itself follows the nearest one above it that is.
    fn place(&self, old: &RelPath, to: Equivalence) -> Option<RelPath> {
        if old.is_root() {
            return Some(RelPath::root());
        }
        if let Some(known) = self.dirs.get(old) {
            return known.clone();
        }
        self.place(&old.parent()?, to)?.join(&to.key(old.name())).ok()
    }
}

/// The key both sides' spellings have; none when they have different ones.
fn new_key(old: &[u8], version: &Agreed, to: Equivalence) -> Option<Box<[u8]>> {
    let keys = version.sides.as_ref().map(|record| to.key(record.name.as_deref().unwrap_or(old)));
    (keys.left == keys.right).then(|| keys.left.into())
}

/// The version with its spellings told against the new key.
fn respelled(mut version: Agreed, old: &[u8], new: &[u8]) -> Agreed {
    version.sides = version.sides.map(|mut record| {
        let spelled = record.name.take().unwrap_or_else(|| old.into());
        record.name = (*spelled != *new).then_some(spelled);
        record
    });
    version
}

/// The inbox follows as far as keys alone can tell; of two that meet, the one seen last stays.
fn rekey_inbox(
    before: &ReadTransaction,
    transaction: &WriteTransaction,
    to: Equivalence,
) -> Result<(), Fault> {
    let mut conflicts = inbox::list(before)?;
    conflicts.sort_by_key(|conflict| conflict.last_seen_ns);
    transaction.delete_table(CONFLICTS)?;
    let changes: Vec<_> = conflicts
        .into_iter()
        .map(|mut conflict| {
            conflict.path = to.path_key(&conflict.path);
            inbox::ConflictChange::Put(conflict)
        })
        .collect();
    inbox::apply(transaction, &changes)
}

fn rekey_tombstones(
    before: &ReadTransaction,
    transaction: &WriteTransaction,
    to: Equivalence,
) -> Result<(), Fault> {
    let mut all = tombstones::list(before)?;
    all.sort_by_key(|tombstone| tombstone.deleted_ns);
    transaction.delete_table(TOMBSTONES)?;
    let mut table = transaction.open_table(TOMBSTONES)?;
    for mut tombstone in all {
        tombstone.path = to.path_key(&tombstone.path);
        tombstones::put(&mut table, &tombstone, None)?;
    }
    Ok(())
}
