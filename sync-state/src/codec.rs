//! Bytes in a row: numbers, texts, paths, and the seal around them.
//!
//! Owns the primitives every row is made of, and [`seal`] / [`unseal`], which give each row its format byte and a
//! checksum bound to its key. Whatever the bytes are, decoding returns; it never panics and never reserves memory
//! that the bytes do not back. `docs/state.md` describes the layout.

use std::borrow::Cow;
use std::num::NonZeroU64;

use sync_core::entry::{Attributes, Digest, Entry, Kind, XattrDigest};
use sync_core::path::RelPath;
use sync_core::side::Side;

/// Bytes that no writer of ours has made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed(pub(crate) &'static str);

pub(crate) type Decoded<T> = Result<T, Malformed>;

/// Format byte and checksum.
pub(crate) const SEAL_LEN: usize = 5;

/// A row begun: the seal's place is kept free.
pub(crate) fn begin() -> Vec<u8> {
    let mut row = Vec::with_capacity(128);
    row.resize(SEAL_LEN, 0);
    row
}

/// Puts the format and the checksum into a row that [`begin`] began.
pub(crate) fn seal(format: u8, key: &[u8], mut row: Vec<u8>) -> Vec<u8> {
    let sum = checksum(format, key, row.get(SEAL_LEN..).unwrap_or_default());
    if let Some(head) = row.first_chunk_mut::<SEAL_LEN>() {
        let [a, b, c, d] = sum.to_le_bytes();
        *head = [format, a, b, c, d];
    }
    row
}

/// The payload of a sealed row.
pub(crate) fn unseal<'a>(format: u8, key: &[u8], row: &'a [u8]) -> Decoded<Reader<'a>> {
    let Some(([found, sum @ ..], payload)) = row.split_first_chunk::<SEAL_LEN>() else {
        return Err(Malformed("the row is too short"));
    };
    if *found != format {
        return Err(Malformed("the row has an unknown format"));
    }
    if u32::from_le_bytes(*sum) != checksum(format, key, payload) {
        return Err(Malformed("the checksum does not match"));
    }
    Ok(Reader { rest: payload })
}

fn checksum(format: u8, key: &[u8], payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&[format]);
    sum.update(key);
    sum.update(payload);
    sum.finalize()
}

/// How numbers, texts and paths are written.
pub(crate) trait Put {
    fn put_byte(&mut self, value: u8);
    fn put_raw(&mut self, bytes: &[u8]);

    fn put_u64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put_byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.put_byte(value as u8);
    }

    fn put_i64(&mut self, value: i64) {
        self.put_u64(((value << 1) ^ (value >> 63)) as u64);
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_u64(bytes.len() as u64);
        self.put_raw(bytes);
    }

    fn put_path(&mut self, path: &RelPath) {
        self.put_bytes(path.as_bytes());
    }

    fn put_side(&mut self, side: Side) {
        self.put_byte(match side {
            Side::Left => 0,
            Side::Right => 1,
        });
    }

    fn put_option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T))
    where
        Self: Sized,
    {
        match value {
            None => self.put_byte(0),
            Some(value) => {
                self.put_byte(1);
                put(self, value);
            }
        }
    }

    fn put_entry(&mut self, entry: &Entry) {
        let (family, bits) = attribute_parts(entry.attributes);
        let id = u8::from(entry.file_id.is_some());
        self.put_byte(kind_code(entry.kind) | family << 2 | id << 4);
        if family != 0 {
            self.put_u64(u64::from(bits));
        }
        self.put_u64(entry.size);
        self.put_i64(entry.mtime_ns);
        self.put_i64(entry.ctime_ns);
        if let Some(id) = entry.file_id {
            self.put_u64(id.get());
        }
    }
}

impl Put for Vec<u8> {
    fn put_byte(&mut self, value: u8) {
        self.push(value);
    }

    fn put_raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

pub(crate) const fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::File => 0,
        Kind::Dir => 1,
        Kind::Symlink => 2,
    }
}

pub(crate) const fn kind_of(code: u8) -> Decoded<Kind> {
    match code {
        0 => Ok(Kind::File),
        1 => Ok(Kind::Dir),
        2 => Ok(Kind::Symlink),
        _ => Err(Malformed("there is no such kind of entry")),
    }
}

pub(crate) const fn attribute_parts(attributes: Attributes) -> (u8, u16) {
    match attributes {
        Attributes::NotHeld => (0, 0),
        Attributes::Unix(mode) => (1, mode),
        Attributes::Windows(bits) => (2, bits),
    }
}

pub(crate) const fn attributes_of(family: u8, bits: u16) -> Decoded<Attributes> {
    match family {
        0 => Ok(Attributes::NotHeld),
        1 => Ok(Attributes::Unix(bits)),
        2 => Ok(Attributes::Windows(bits)),
        _ => Err(Malformed("there is no such family of attributes")),
    }
}

/// Reads what [`Put`] wrote.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[cfg(test)]
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left: no honest count of anything is larger.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Fails when something is left over.
    pub(crate) fn finish(self) -> Decoded<()> {
        if self.is_empty() { Ok(()) } else { Err(Malformed("the row is too long")) }
    }

    pub(crate) fn byte(&mut self) -> Decoded<u8> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed("the row ends early"))?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn raw(&mut self, len: usize) -> Decoded<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed("the row ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u64(&mut self) -> Decoded<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed("a number is too large"))
    }

    pub(crate) fn i64(&mut self) -> Decoded<i64> {
        let zigzag = self.u64()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    pub(crate) fn u16(&mut self) -> Decoded<u16> {
        u16::try_from(self.u64()?).map_err(|_| Malformed("a number is too large"))
    }

    pub(crate) fn usize(&mut self) -> Decoded<usize> {
        usize::try_from(self.u64()?).map_err(|_| Malformed("a number is too large"))
    }

    pub(crate) fn bytes(&mut self) -> Decoded<&'a [u8]> {
        let len = self.usize()?;
        self.raw(len)
    }

    pub(crate) fn text(&mut self) -> Decoded<&'a str> {
        text_of(self.bytes()?)
    }

    pub(crate) fn path(&mut self) -> Decoded<RelPath> {
        path_of(self.bytes()?)
    }

    pub(crate) fn flag(&mut self) -> Decoded<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a flag is neither set nor clear")),
        }
    }

    pub(crate) fn side(&mut self) -> Decoded<Side> {
        Ok(if self.flag()? { Side::Right } else { Side::Left })
    }

    pub(crate) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(crate) fn digest(&mut self) -> Decoded<Digest> {
        self.array().map(Digest)
    }

    pub(crate) fn xattrs(&mut self) -> Decoded<XattrDigest> {
        self.array().map(|digest| XattrDigest(u64::from_le_bytes(digest)))
    }

    pub(crate) fn fixed_i64(&mut self) -> Decoded<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed("the row ends early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Passes over what [`Reader::entry`] would read.
    pub(crate) fn pass_entry(&mut self) -> Decoded<()> {
        let head = self.byte()?;
        // Size and two times, and where the head says so the attributes and the file number.
        let numbers = 3 + usize::from(head >> 2 & 3 != 0) + usize::from(head & 16 != 0);
        self.pass_numbers(numbers)
    }

    /// Passes over so many numbers, eight bytes at a time: a number ends at a byte without its top bit.
    fn pass_numbers(&mut self, mut count: usize) -> Decoded<()> {
        while let Some((word, rest)) = self.rest.split_first_chunk::<8>().filter(|_| count > 0) {
            let mut ends = !u64::from_le_bytes(*word) & 0x8080_8080_8080_8080;
            let here = ends.count_ones() as usize;
            if here < count {
                count -= here;
                self.rest = rest;
                continue;
            }
            for _ in 1..count {
                ends &= ends - 1;
            }
            let len = ends.trailing_zeros() as usize / 8 + 1;
            self.rest = self.rest.get(len..).unwrap_or_default();
            return Ok(());
        }
        for _ in 0..count {
            let len = self.rest.iter().position(|byte| *byte < 0x80);
            self.rest = len.and_then(|at| self.rest.get(at + 1..)).ok_or(Malformed("the row ends early"))?;
        }
        Ok(())
    }

    pub(crate) fn entry(&mut self) -> Decoded<Entry> {
        let head = self.byte()?;
        if head >> 5 != 0 {
            return Err(Malformed("an entry has unknown flags"));
        }
        let family = head >> 2 & 3;
        let bits = if family != 0 { self.u16()? } else { 0 };
        Ok(Entry {
            kind: kind_of(head & 3)?,
            attributes: attributes_of(family, bits)?,
            size: self.u64()?,
            mtime_ns: self.i64()?,
            ctime_ns: self.i64()?,
            file_id: if head & 16 != 0 { Some(file_id(self.u64()?)?) } else { None },
        })
    }
}

pub(crate) fn text_of(bytes: &[u8]) -> Decoded<&str> {
    std::str::from_utf8(bytes).map_err(|_| Malformed("a text is not UTF-8"))
}

pub(crate) fn file_id(number: u64) -> Decoded<NonZeroU64> {
    NonZeroU64::new(number).ok_or(Malformed("a file number is 0"))
}

pub(crate) fn path_of(bytes: &[u8]) -> Decoded<RelPath> {
    RelPath::new(bytes).map_err(|_| Malformed("a path is not valid"))
}

/// A path as a key: byte order is walk order.
pub(crate) fn path_key(path: &RelPath) -> Vec<u8> {
    path.as_bytes().iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect()
}

/// The path that [`path_key`] made a key of.
pub(crate) fn path_of_key(key: &[u8]) -> Decoded<RelPath> {
    if key.contains(&b'/') {
        return Err(Malformed("a key holds a slash"));
    }
    let bytes: Vec<u8> = key.iter().map(|byte| if *byte == 0 { b'/' } else { *byte }).collect();
    path_of(&bytes)
}

/// A key for people.
pub(crate) fn show_key(key: &[u8]) -> String {
    let bytes: Cow<'_, [u8]> = if key.contains(&0) {
        key.iter().map(|b| if *b == 0 { b'/' } else { *b }).collect()
    } else {
        key.into()
    };
    sync_core::path::show(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sealed_row_is_bound_to_its_key_and_format() {
        let mut row = begin();
        row.put_u64(7);
        let row = seal(3, b"key", row);
        assert_eq!(unseal(3, b"key", &row).unwrap().u64(), Ok(7));
        assert!(unseal(3, b"kez", &row).is_err());
        assert!(unseal(4, b"key", &row).is_err());
        for bit in 0..row.len() * 8 {
            let mut bad = row.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(3, b"key", &bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        assert!(Reader::new(&[0xff; 11]).u64().is_err());
        assert!(Reader::new(&[0x80; 3]).u64().is_err());
        let mut widest = Vec::new();
        widest.put_u64(u64::MAX);
        assert_eq!(Reader::new(&widest).u64(), Ok(u64::MAX));
        *widest.last_mut().unwrap() = 2;
        assert!(Reader::new(&widest).u64().is_err());
    }

    #[test]
    fn no_length_makes_us_reserve_what_is_not_there() {
        let mut row = Vec::new();
        row.put_u64(u64::MAX);
        assert!(Reader::new(&row).bytes().is_err());
        assert!(Reader::new(&row).path().is_err());
    }

    fn some_entry() -> impl Strategy<Value = Entry> {
        let number = || prop_oneof![0..300_i64, any::<i64>()];
        let attributes = prop_oneof![
            Just(Attributes::NotHeld),
            any::<u16>().prop_map(Attributes::Unix),
            any::<u16>().prop_map(Attributes::Windows)
        ];
        (number(), number(), number(), attributes, any::<Option<NonZeroU64>>()).prop_map(
            |(size, mtime_ns, ctime_ns, attributes, file_id)| Entry {
                kind: Kind::File,
                size: size as u64,
                mtime_ns,
                ctime_ns,
                attributes,
                file_id,
            },
        )
    }

    proptest! {
        #[test]
        fn numbers_come_back(unsigned: u64, signed: i64) {
            let mut row = Vec::new();
            row.put_u64(unsigned);
            row.put_i64(signed);
            let mut reader = Reader::new(&row);
            prop_assert_eq!(reader.u64(), Ok(unsigned));
            prop_assert_eq!(reader.i64(), Ok(signed));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn what_is_passed_over_is_what_would_be_read(
            entries in prop::collection::vec(some_entry(), 1..4),
            rest in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            let mut row = Vec::new();
            for entry in &entries {
                row.put_entry(entry);
            }
            row.put_raw(&rest);
            let mut reader = Reader::new(&row);
            for _ in &entries {
                let mut read = reader;
                let _ = read.entry();
                reader.pass_entry().unwrap();
                prop_assert_eq!(reader.rest, read.rest);
            }
            prop_assert_eq!(reader.rest, rest.as_slice());
        }

        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Reader::new(&bytes).entry();
            let _ = Reader::new(&bytes).pass_entry();
            let _ = Reader::new(&bytes).path();
            let _ = Reader::new(&bytes).text();
            let _ = Reader::new(&bytes).option(Reader::digest);
            let _ = path_of_key(&bytes);
            let _ = unseal(1, b"", &bytes).map(|_| ());
        }

        #[test]
        fn keys_sort_as_paths_do(a in "[a-c/ .]{0,6}", b in "[a-c/ .]{0,6}") {
            if let (Ok(a), Ok(b)) = (RelPath::try_from(a.as_str()), RelPath::try_from(b.as_str())) {
                prop_assert_eq!(path_key(&a).cmp(&path_key(&b)), a.cmp(&b));
                prop_assert_eq!(path_of_key(&path_key(&a)), Ok(a));
            }
        }
    }
}
