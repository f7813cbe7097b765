//! What the last look at the whole pair found.
//!
//! Owns [`Checked`] and its row: the cheap trace that also a run with nothing to do leaves. When a pair counts as in
//! sync is not decided here.

use redb::{ReadTransaction, WriteTransaction};
use sync_core::side::Side;

use crate::codec::{Decoded, Put, Reader, begin, seal};
use crate::error::Fault;
use crate::runs::RunId;
use crate::schema::{META, decode};

/// A guard that stopped the last run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Halted {
    /// A stable identifier, such as `too-many-changes`.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// The side concerned, where it is one.
    pub side: Option<Side>,
    /// What approving it does; none where it cannot be approved.
    pub approval: Option<String>,
    /// When it stopped a run for the first time: UTC nanoseconds.
    pub since_ns: i64,
    /// The run that was recorded for it.
    pub run: Option<RunId>,
}

/// What the last look at the whole pair found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// When it was: UTC nanoseconds.
    pub at_ns: i64,
    /// Whether both sides were the same afterwards.
    pub in_sync: bool,
    /// Since when this has been so: UTC nanoseconds.
    pub since_ns: i64,
    /// Actions that were planned and not tried.
    pub left_undone: u64,
    /// Why nothing was touched.
    pub halted: Option<Halted>,
}

const ROW: &str = "checked";
const FORMAT: u8 = 1;

fn text(row: &mut Reader<'_>) -> Decoded<String> {
    row.text().map(ToOwned::to_owned)
}

pub(crate) fn read(transaction: &ReadTransaction) -> Result<Option<Checked>, Fault> {
    let Some(row) = transaction.open_table(META)?.get(ROW)? else { return Ok(None) };
    decode("meta", FORMAT, ROW.as_bytes(), row.value(), |row| {
        Ok(Some(Checked {
            at_ns: row.i64()?,
            in_sync: row.flag()?,
            since_ns: row.i64()?,
            left_undone: row.u64()?,
            halted: row.option(|row| {
                Ok(Halted {
                    reason: text(row)?,
                    message: text(row)?,
                    side: row.option(Reader::side)?,
                    approval: row.option(text)?,
                    since_ns: row.i64()?,
                    run: row.option(|row| row.u64().map(RunId))?,
                })
            })?,
        }))
    })
}

pub(crate) fn write(transaction: &WriteTransaction, checked: &Checked) -> Result<(), Fault> {
    let mut row = begin();
    row.put_i64(checked.at_ns);
    row.put_byte(u8::from(checked.in_sync));
    row.put_i64(checked.since_ns);
    row.put_u64(checked.left_undone);
    row.put_option(checked.halted.as_ref(), |row, halted| {
        row.put_bytes(halted.reason.as_bytes());
        row.put_bytes(halted.message.as_bytes());
        row.put_option(halted.side, Put::put_side);
        row.put_option(halted.approval.as_ref(), |row, text| row.put_bytes(text.as_bytes()));
        row.put_i64(halted.since_ns);
        row.put_option(halted.run, |row, run| row.put_u64(run.0));
    });
    let row = seal(FORMAT, ROW.as_bytes(), row);
    transaction.open_table(META)?.insert(ROW, row.as_slice())?;
    Ok(())
}
