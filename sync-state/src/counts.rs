//! How much the baseline holds, kept up to date by every change of it.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use sync_core::baseline::Agreed;
use sync_core::entry::Kind;

use crate::codec::{Put, begin, seal};
use crate::error::Fault;
use crate::schema::{META, decode};

/// What the baseline holds in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Paths of any kind.
    pub entries: u64,
    /// Regular files among them.
    pub files: u64,
    /// Bytes of all regular files.
    pub bytes: u64,
}

const COUNTS_ROW: &str = "counts";
const COUNTS_FORMAT: u8 = 1;

impl Counts {
    pub(crate) fn read(transaction: &ReadTransaction) -> Result<Self, Fault> {
        Self::read_from(&transaction.open_table(META)?)
    }

    pub(crate) fn read_from(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Self, Fault> {
        let Some(row) = meta.get(COUNTS_ROW)? else { return Ok(Self::default()) };
        decode("meta", COUNTS_FORMAT, COUNTS_ROW.as_bytes(), row.value(), |row| {
            Ok(Self { entries: row.u64()?, files: row.u64()?, bytes: row.u64()? })
        })
    }

    pub(crate) fn add(&mut self, version: &Agreed) {
        self.entries += 1;
        if version.kind == Kind::File {
            self.files += 1;
            self.bytes = self.bytes.wrapping_add(version.size);
        }
    }

    pub(crate) fn take(&mut self, version: &Agreed) {
        // Wrapping, so that a sum that overflowed on the way up comes back on the way down.
        self.entries = self.entries.wrapping_sub(1);
        if version.kind == Kind::File {
            self.files = self.files.wrapping_sub(1);
            self.bytes = self.bytes.wrapping_sub(version.size);
        }
    }

    pub(crate) fn write(self, transaction: &WriteTransaction) -> Result<(), Fault> {
        let mut row = begin();
        row.put_u64(self.entries);
        row.put_u64(self.files);
        row.put_u64(self.bytes);
        let row = seal(COUNTS_FORMAT, COUNTS_ROW.as_bytes(), row);
        transaction.open_table(META)?.insert(COUNTS_ROW, row.as_slice())?;
        Ok(())
    }
}
