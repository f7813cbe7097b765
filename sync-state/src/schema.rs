//! Tables, the version of their layout, and the way from an older version.
//!
//! Owns every table's name. A version is never changed once it was released: what a newer one does differently
//! comes as a step in [`STEPS`], and all steps a file needs happen in one transaction.

use redb::{ReadTransaction, TableDefinition, WriteTransaction};

use crate::codec::{Decoded, Malformed, Reader, show_key, unseal};
use crate::error::Fault;

/// A table from bytes to a sealed row.
pub(crate) type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// One row each for what there is only one of.
pub(crate) const META: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("meta");
/// Chunks of agreed versions, by directory and first child.
pub(crate) const BASELINE: Rows = TableDefinition::new("baseline");
/// Runs by number.
pub(crate) const RUNS: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("runs");
/// The numbers of runs by the time they started.
pub(crate) const RUNS_BY_TIME: TableDefinition<'static, (i64, u64), ()> =
    TableDefinition::new("runs_by_time");
/// Batches of journal rows, by run and the position of the first row.
pub(crate) const JOURNAL: TableDefinition<'static, (u64, u64), &'static [u8]> =
    TableDefinition::new("journal");
/// The inbox, by path.
pub(crate) const CONFLICTS: Rows = TableDefinition::new("conflicts");
/// What lies in the trash, by original path, side and place.
pub(crate) const TRASH: Rows = TableDefinition::new("trash");
/// Remembered deletions, by path.
pub(crate) const TOMBSTONES: Rows = TableDefinition::new("tombstones");
/// Standing problems, by path, side, operation and kind.
pub(crate) const PROBLEMS: Rows = TableDefinition::new("problems");
/// Messages that wait, by number, without what they say.
pub(crate) const OUTBOX: Rows = TableDefinition::new("outbox");
/// What these messages say, by number.
pub(crate) const OUTBOX_BODIES: Rows = TableDefinition::new("outbox_bodies");
/// What was met and told, by the matter's key.
pub(crate) const TOLD: Rows = TableDefinition::new("told");
/// Whatever others want to remember.
pub(crate) const NOTES: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("notes");

/// The version this code reads and writes.
pub(crate) const VERSION: u32 = 2;

/// Brings a file from the version it is told with to the next one.
pub(crate) type Step = fn(&WriteTransaction) -> Result<(), Fault>;

/// The steps from each older version, oldest first.
pub(crate) const STEPS: &[(u32, Step)] = &[(1, to_version_2)];

/// Standing problems, messages that wait and what was told have tables, what is in the trash a reason, a run the one it answers.
fn to_version_2(transaction: &WriteTransaction) -> Result<(), Fault> {
    transaction.open_table(PROBLEMS)?;
    transaction.open_table(OUTBOX)?;
    transaction.open_table(OUTBOX_BODIES)?;
    transaction.open_table(TOLD)?;
    crate::trash::bring_up(transaction)?;
    crate::runs::bring_up(transaction)
}

const VERSION_ROW: &str = "schema";

/// Lays out an empty state.
pub(crate) fn create(transaction: &WriteTransaction) -> Result<(), Fault> {
    transaction.open_table(META)?.insert(VERSION_ROW, VERSION.to_le_bytes().as_slice())?;
    transaction.open_table(BASELINE)?;
    transaction.open_table(RUNS)?;
    transaction.open_table(RUNS_BY_TIME)?;
    transaction.open_table(JOURNAL)?;
    transaction.open_table(CONFLICTS)?;
    transaction.open_table(TRASH)?;
    transaction.open_table(TOMBSTONES)?;
    transaction.open_table(PROBLEMS)?;
    transaction.open_table(OUTBOX)?;
    transaction.open_table(OUTBOX_BODIES)?;
    transaction.open_table(TOLD)?;
    transaction.open_table(NOTES)?;
    Ok(())
}

/// The version a file has.
pub(crate) fn version(transaction: &ReadTransaction) -> Result<u32, Fault> {
    let table = transaction.open_table(META)?;
    let row = table.get(VERSION_ROW)?.ok_or_else(|| bad_version("it is missing"))?;
    row.value().try_into().map(u32::from_le_bytes).map_err(|_| bad_version("it is no number"))
}

fn bad_version(why: &'static str) -> Fault {
    Fault::malformed("meta", VERSION_ROW, Malformed(why))
}

/// Checks that every table is there and is of its type.
pub(crate) fn check(transaction: &ReadTransaction) -> Result<(), Fault> {
    transaction.open_table(BASELINE)?;
    transaction.open_table(RUNS)?;
    transaction.open_table(RUNS_BY_TIME)?;
    transaction.open_table(JOURNAL)?;
    transaction.open_table(CONFLICTS)?;
    transaction.open_table(TRASH)?;
    transaction.open_table(TOMBSTONES)?;
    transaction.open_table(PROBLEMS)?;
    transaction.open_table(OUTBOX)?;
    transaction.open_table(OUTBOX_BODIES)?;
    transaction.open_table(TOLD)?;
    transaction.open_table(NOTES)?;
    Ok(())
}

/// Takes the steps from version `from` up to `to` and notes the new version.
pub(crate) fn migrate(
    transaction: &WriteTransaction,
    from: u32,
    to: u32,
    steps: &[(u32, Step)],
) -> Result<(), Fault> {
    for version in from..to {
        let (_, step) = steps
            .iter()
            .find(|(start, _)| *start == version)
            .ok_or_else(|| bad_version("no way leads on from this version"))?;
        step(transaction)?;
    }
    transaction.open_table(META)?.insert(VERSION_ROW, to.to_le_bytes().as_slice())?;
    Ok(())
}

/// Reads a whole sealed row with `read`, which must use it up.
pub(crate) fn decode<'r, T>(
    table: &'static str,
    format: u8,
    key: &[u8],
    row: &'r [u8],
    read: impl FnOnce(&mut Reader<'r>) -> Decoded<T>,
) -> Result<T, Fault> {
    unseal(format, key, row)
        .and_then(|mut reader| {
            let value = read(&mut reader)?;
            reader.finish()?;
            Ok(value)
        })
        .map_err(|why| Fault::malformed(table, show_key(key), why))
}
