//! Which two replicas the state is about.

use redb::{ReadTransaction, WriteTransaction};
use sync_core::fold::Equivalence;
use sync_core::side::Sides;

use crate::codec::{Malformed, Put, begin, seal};
use crate::error::Fault;
use crate::schema::{META, decode};

/// The pair whose baseline this is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pair {
    /// The pair's identity, as in the roots' markers: 32 hexadecimal digits.
    pub id: String,
    /// The roots as a person would write them.
    pub roots: Sides<String>,
    /// The equivalence that the keys of the baseline were made with.
    pub equivalence: Equivalence,
}

const ROW: &str = "pair";
const FORMAT: u8 = 1;

pub(crate) fn read(transaction: &ReadTransaction) -> Result<Option<Pair>, Fault> {
    let Some(row) = transaction.open_table(META)?.get(ROW)? else { return Ok(None) };
    decode("meta", FORMAT, ROW.as_bytes(), row.value(), |row| {
        let id = row.text()?.to_owned();
        let roots = Sides::new(row.text()?.to_owned(), row.text()?.to_owned());
        let folds = row.byte()?;
        if folds > 3 {
            return Err(Malformed("there is no such equivalence"));
        }
        let equivalence = Equivalence { case: folds & 1 != 0, form: folds & 2 != 0 };
        // Version 1 kept a digest of the filters here, which nobody asked for.
        row.u64()?;
        Ok(Some(Pair { id, roots, equivalence }))
    })
}

pub(crate) fn write(transaction: &WriteTransaction, pair: &Pair) -> Result<(), Fault> {
    let mut row = begin();
    row.put_bytes(pair.id.as_bytes());
    for (_, root) in pair.roots.iter() {
        row.put_bytes(root.as_bytes());
    }
    row.put_byte(u8::from(pair.equivalence.case) | u8::from(pair.equivalence.form) << 1);
    row.put_u64(0);
    let row = seal(FORMAT, ROW.as_bytes(), row);
    transaction.open_table(META)?.insert(ROW, row.as_slice())?;
    Ok(())
}
