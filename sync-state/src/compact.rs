//! A file as small as what it holds.

use redb::{CompactionError, Database};

use crate::error::Fault;

/// Compacts the database when at least `waste_bytes` and half of its `size` are free.
pub(crate) fn run(database: &mut Database, size: u64, waste_bytes: u64) -> Result<bool, Fault> {
    let transaction = database.begin_write()?;
    let stats = transaction.stats()?;
    transaction.abort()?;
    let used = stats.allocated_pages().saturating_mul(stats.page_size() as u64);
    let free = size.saturating_sub(used);
    if free < waste_bytes || free < size / 2 {
        return Ok(false);
    }
    let compacted = match database.compact() {
        Ok(compacted) => compacted,
        Err(CompactionError::Storage(error)) => return Err(error.into()),
        // Somebody still reads: another time.
        Err(_) => return Ok(false),
    };
    // Compacting leaves no list of free pages behind; a commit does, and so opening stays quick also after a kill.
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    transaction.commit()?;
    Ok(compacted)
}
