//! What stands beside a partial copy: of which version it is, and how much of it can be relied on.
//!
//! Owns the bytes of a note. One that is not whole, of another layout, or in which anything does not fit together is
//! no note. Must never be written before the bytes it claims are durable.
//!
//! ```text
//! "bothways-partial-1\n", then 32 bytes: the BLAKE3 of all that follows
//! bytes claimed, a multiple of the block    u64
//! the source: kind 0 file                   u8
//!   attributes: 0 none, 1 Unix, 2 Windows   u8, then u16
//!   size, mtime, ctime, file number or 0    u64, i64, i64, u64
//! the partial copy as it was left: 0 or 1   u8, then, both for 0 and 1,
//!   size, mtime, ctime, file number         u64, i64, i64, u64
//! chaining values                           u8: how many, then 32 bytes each
//! the path of the target                    the rest
//! ```
//!
//! Numbers have their lowest byte first.

use std::num::NonZeroU64;

use blake3::hazmat::ChainingValue;
use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::path::RelPath;

use super::BLOCK;
use crate::sys::Stat;

const MAGIC: &[u8] = b"bothways-partial-1\n";

/// How a partial copy looked when nobody was to write it any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Left {
    size: u64,
    mtime_ns: i64,
    ctime_ns: i64,
    id: u64,
}

impl Left {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { size: stat.size, mtime_ns: stat.mtime_ns, ctime_ns: stat.ctime_ns, id: stat.id }
    }
}

/// One note.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    pub(super) at: RelPath,
    pub(super) source: Entry,
    /// Bytes from the start that are durable and that `peaks` stands for.
    pub(super) bytes: u64,
    pub(super) peaks: Vec<ChainingValue>,
    /// Whoever finds it exactly so need not read it again.
    pub(super) left: Option<Left>,
}

impl Note {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(96 + 32 * self.peaks.len() + self.at.as_bytes().len());
        body.extend(self.bytes.to_le_bytes());
        body.push(0);
        let (family, bits) = match self.source.attributes {
            Attributes::NotHeld => (0, 0),
            Attributes::Unix(bits) => (1, bits),
            Attributes::Windows(bits) => (2, bits),
        };
        body.push(family);
        body.extend(bits.to_le_bytes());
        let Entry { size, mtime_ns, ctime_ns, file_id, .. } = self.source;
        put(&mut body, size, mtime_ns, ctime_ns, file_id.map_or(0, NonZeroU64::get));
        let left = self.left.unwrap_or(Left { size: 0, mtime_ns: 0, ctime_ns: 0, id: 0 });
        body.push(u8::from(self.left.is_some()));
        put(&mut body, left.size, left.mtime_ns, left.ctime_ns, left.id);
        // A file of 2^64 bytes would need 64 of them.
        body.push(self.peaks.len() as u8);
        body.extend(self.peaks.iter().flatten());
        body.extend(self.at.as_bytes());
        [MAGIC, blake3::hash(&body).as_bytes(), &body].concat()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (sum, body) = bytes.strip_prefix(MAGIC)?.split_at_checked(32)?;
        if blake3::hash(body).as_bytes() != sum {
            return None;
        }
        let mut rest = Rest(body);
        let bytes = u64::from_le_bytes(rest.take()?);
        if rest.byte()? != 0 {
            return None;
        }
        let family = rest.byte()?;
        let bits = u16::from_le_bytes(rest.take()?);
        let attributes = match (family, bits) {
            (0, 0) => Attributes::NotHeld,
            (1, bits) => Attributes::Unix(bits),
            (2, bits) => Attributes::Windows(bits),
            _ => return None,
        };
        let (size, mtime_ns, ctime_ns, id) = rest.numbers()?;
        let source =
            Entry { kind: Kind::File, attributes, size, mtime_ns, ctime_ns, file_id: NonZeroU64::new(id) };
        let is_left = rest.byte()?;
        let (left_size, left_mtime_ns, left_ctime_ns, id) = rest.numbers()?;
        let left = match is_left {
            0 => None,
            1 => Some(Left { size: left_size, mtime_ns: left_mtime_ns, ctime_ns: left_ctime_ns, id }),
            _ => return None,
        };
        let count = rest.byte()?;
        let peaks = (0..count).map(|_| rest.take()).collect::<Option<Vec<ChainingValue>>>()?;
        let fits = bytes > 0
            && bytes < size
            && bytes.is_multiple_of(BLOCK)
            && u32::from(count) == (bytes / BLOCK).count_ones();
        let at = RelPath::new(rest.0).ok().filter(|at| !at.is_root())?;
        fits.then_some(Self { at, source, bytes, peaks, left })
    }
}

fn put(body: &mut Vec<u8>, size: u64, mtime_ns: i64, ctime_ns: i64, id: u64) {
    body.extend(size.to_le_bytes());
    body.extend(mtime_ns.to_le_bytes());
    body.extend(ctime_ns.to_le_bytes());
    body.extend(id.to_le_bytes());
}

/// What of a note is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn numbers(&mut self) -> Option<(u64, i64, i64, u64)> {
        Some((
            u64::from_le_bytes(self.take()?),
            i64::from_le_bytes(self.take()?),
            i64::from_le_bytes(self.take()?),
            u64::from_le_bytes(self.take()?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> [Note; 2] {
        let source = Entry {
            kind: Kind::File,
            attributes: Attributes::Unix(0o640),
            size: 9 * BLOCK + 3,
            mtime_ns: -5,
            ctime_ns: i64::MAX,
            file_id: NonZeroU64::new(77),
        };
        let at = RelPath::new(b"a b/\xff\n.iso".to_vec()).unwrap();
        [
            Note { at: at.clone(), source, bytes: 3 * BLOCK, peaks: vec![[1; 32], [2; 32]], left: None },
            Note {
                at,
                source: Entry { attributes: Attributes::NotHeld, file_id: None, ..source },
                bytes: 8 * BLOCK,
                peaks: vec![[3; 32]],
                left: Some(Left { size: 4, mtime_ns: 5, ctime_ns: 6, id: u64::MAX }),
            },
        ]
    }

    #[test]
    fn a_note_reads_back_and_part_of_one_does_not() {
        for note in notes() {
            let bytes = note.write();
            assert_eq!(Note::read(&bytes).as_ref(), Some(&note));
            for cut in 0..bytes.len() {
                assert_eq!(Note::read(&bytes[..cut]), None, "cut at {cut}");
            }
            assert_eq!(Note::read(&[&bytes[..], b"x"].concat()), None);
        }
    }

    #[test]
    fn a_note_with_any_bit_turned_is_none() {
        for note in notes() {
            let bytes = note.write();
            for at in 0..bytes.len() * 8 {
                let mut other = bytes.clone();
                other[at / 8] ^= 1 << (at % 8);
                assert_eq!(Note::read(&other), None, "bit {at}");
            }
        }
    }

    #[test]
    fn a_note_whose_claims_do_not_fit_together_is_none() {
        let [note, _] = notes();
        let size = note.source.size;
        for (bytes, peaks) in [(0, 0), (3 * BLOCK + 1, 2), (3 * BLOCK, 1), (size + BLOCK, 1), (16 * BLOCK, 1)]
        {
            let wrong = Note { bytes, peaks: vec![[0; 32]; peaks], ..note.clone() };
            assert_eq!(Note::read(&wrong.write()), None, "{bytes} bytes, {peaks} values");
        }
    }
}
