//! Some children of one directory in one row.
//!
//! Owns the packing of [`Agreed`]: names share their beginning with the name before, numbers are differences to the
//! child before, and the right side is told by its difference to the left where the two go together. A reader has
//! to start at the front of a chunk, which is why chunks stay small.

use std::num::NonZeroU64;

use sync_core::baseline::{Agreed, Record};
use sync_core::entry::Attributes;
use sync_core::path::check_name;
use sync_core::side::{Side, Sides};

use crate::codec::{
    Decoded, Malformed, Put, Reader, SEAL_LEN, attribute_parts, attributes_of, begin, file_id, kind_code,
    kind_of, seal, unseal,
};

/// The format byte of a chunk.
pub(crate) const FORMAT: u8 = 1;

/// A full chunk together with its key still fits into one page of the database.
pub(crate) const MAX_BYTES: usize = 3600;

/// A chunk that shrank below this takes in the one after it.
pub(crate) const SMALL_BYTES: usize = MAX_BYTES / 4;

/// The fewest bytes a child takes: a name of one byte with its two lengths, two flags, size, and two
/// times a side, of which one has a fixed length.
pub(crate) const LEAST_CHILD: usize = 17;

const COUNT_LEN: usize = 2;

/// One child: its key and what was agreed.
pub(crate) type Child = (Box<[u8]>, Agreed);

const DIGEST: u8 = 1 << 2;
const TARGET: u8 = 1 << 3;
const NAME: Sides<u8> = Sides::new(1 << 4, 1 << 5);
const XATTRS: Sides<u8> = Sides::new(1 << 6, 1 << 7);

const FAMILY: Sides<u8> = Sides::new(0, 2);
const ID: Sides<u8> = Sides::new(1 << 4, 1 << 5);
/// The attributes are those of the child before on that side, and are not repeated.
const AS_BEFORE: Sides<u8> = Sides::new(1 << 6, 1 << 7);

/// The numbers of the child before.
#[derive(Clone, Copy, Default)]
struct Before {
    attributes: Sides<Attributes>,
    ctime_ns: Sides<i64>,
    file_id: Sides<u64>,
}

fn put_agreed(out: &mut Vec<u8>, agreed: &Agreed, before: &mut Before) {
    let mut has = kind_code(agreed.kind);
    let mut sides = 0;
    if agreed.digest.is_some() {
        has |= DIGEST;
    }
    if agreed.target.is_some() {
        has |= TARGET;
    }
    for (side, record) in agreed.sides.iter() {
        if record.name.is_some() {
            has |= NAME[side];
        }
        if record.xattrs.is_some() {
            has |= XATTRS[side];
        }
        if record.file_id.is_some() {
            sides |= ID[side];
        }
        if record.attributes == before.attributes[side] {
            sides |= AS_BEFORE[side];
        } else {
            sides |= attribute_parts(record.attributes).0 << FAMILY[side];
        }
    }
    out.put_byte(has);
    out.put_byte(sides);
    out.put_u64(agreed.size);
    if let Some(digest) = &agreed.digest {
        out.put_raw(&digest.0);
    }
    if let Some(target) = &agreed.target {
        out.put_bytes(target);
    }
    for (side, record) in agreed.sides.iter() {
        if let Some(name) = &record.name {
            out.put_bytes(name);
        }
        if record.attributes != before.attributes[side] {
            let (family, bits) = attribute_parts(record.attributes);
            if family != 0 {
                out.put_u64(u64::from(bits));
            }
            before.attributes[side] = record.attributes;
        }
        // Of two times that have nothing to do with each other the difference is no shorter than the time.
        match side {
            Side::Left => out.put_raw(&record.mtime_ns.to_le_bytes()),
            Side::Right => out.put_i64(record.mtime_ns.wrapping_sub(agreed.sides.left.mtime_ns)),
        }
        out.put_i64(record.ctime_ns.wrapping_sub(before.ctime_ns[side]));
        before.ctime_ns[side] = record.ctime_ns;
        if let Some(id) = record.file_id {
            out.put_i64(id.get().wrapping_sub(before.file_id[side]) as i64);
            before.file_id[side] = id.get();
        }
        if let Some(xattrs) = record.xattrs {
            out.put_raw(&xattrs.0.to_le_bytes());
        }
    }
}

fn agreed(reader: &mut Reader<'_>, before: &mut Before) -> Decoded<Agreed> {
    let has = reader.byte()?;
    let flags = reader.byte()?;
    let size = reader.u64()?;
    let digest = if has & DIGEST != 0 { Some(reader.digest()?) } else { None };
    let target = if has & TARGET != 0 { Some(reader.bytes()?.into()) } else { None };
    let mut record = |side: Side, left_mtime_ns: i64| -> Decoded<Record> {
        let name = if has & NAME[side] != 0 { Some(name(reader.bytes()?)?.into()) } else { None };
        if flags & AS_BEFORE[side] == 0 {
            let family = flags >> FAMILY[side] & 3;
            let bits = if family != 0 { reader.u16()? } else { 0 };
            before.attributes[side] = attributes_of(family, bits)?;
        }
        let mtime_ns = match side {
            Side::Left => reader.fixed_i64()?,
            Side::Right => left_mtime_ns.wrapping_add(reader.i64()?),
        };
        let ctime_ns = before.ctime_ns[side].wrapping_add(reader.i64()?);
        before.ctime_ns[side] = ctime_ns;
        let mut id: Option<NonZeroU64> = None;
        if flags & ID[side] != 0 {
            let number = before.file_id[side].wrapping_add(reader.i64()? as u64);
            before.file_id[side] = number;
            id = Some(file_id(number)?);
        }
        let xattrs = if has & XATTRS[side] != 0 { Some(reader.xattrs()?) } else { None };
        Ok(Record { name, attributes: before.attributes[side], mtime_ns, ctime_ns, file_id: id, xattrs })
    };
    let left = record(Side::Left, 0)?;
    let right = record(Side::Right, left.mtime_ns)?;
    Ok(Agreed { kind: kind_of(has & 3)?, size, digest, target, sides: Sides::new(left, right) })
}

fn name(bytes: &[u8]) -> Decoded<&[u8]> {
    check_name(bytes).map_err(|_| Malformed("a name is not valid"))?;
    Ok(bytes)
}

/// Writes one version on its own, as a tombstone holds it.
pub(crate) fn put_alone(out: &mut Vec<u8>, version: &Agreed) {
    put_agreed(out, version, &mut Before::default());
}

/// Reads what [`put_alone`] wrote.
pub(crate) fn alone(reader: &mut Reader<'_>) -> Decoded<Agreed> {
    agreed(reader, &mut Before::default())
}

/// Packs children, sorted by key, into as few rows as hold them, evenly filled. Each piece is told by the position
/// of its first child and its unsealed row.
pub(crate) fn pack(children: &[Child]) -> Vec<(usize, Vec<u8>)> {
    let pieces = pack_up_to(children, MAX_BYTES);
    if pieces.len() < 2 {
        return pieces;
    }
    // A chunk that just overflowed becomes two halves, so that the next insert does not split it again.
    let total: usize = pieces.iter().map(|(_, row)| row.len()).sum();
    let even = total / pieces.len();
    pack_up_to(children, MAX_BYTES.min(even + even / 8))
}

fn pack_up_to(children: &[Child], limit: usize) -> Vec<(usize, Vec<u8>)> {
    let mut pieces = Vec::new();
    let mut row = begin_chunk();
    let mut before = Before::default();
    let mut first = 0;
    for (index, (key, version)) in children.iter().enumerate() {
        let mark = row.len();
        let mut ahead = before;
        let last = if index == first { &[] } else { &*children[index - 1].0 };
        put_child(&mut row, last, key, version, &mut ahead);
        if index > first && row.len() > limit {
            row.truncate(mark);
            pieces.push((first, counted(std::mem::replace(&mut row, begin_chunk()), index - first)));
            first = index;
            ahead = Before::default();
            put_child(&mut row, &[], key, version, &mut ahead);
        }
        before = ahead;
    }
    if first < children.len() {
        pieces.push((first, counted(row, children.len() - first)));
    }
    pieces
}

/// A chunk begins with how many children it has, so that a reader knows how much memory they take.
fn begin_chunk() -> Vec<u8> {
    let mut row = begin();
    row.extend_from_slice(&[0; COUNT_LEN]);
    row
}

fn counted(mut row: Vec<u8>, count: usize) -> Vec<u8> {
    if let Some(place) = row.get_mut(SEAL_LEN..SEAL_LEN + COUNT_LEN) {
        place.copy_from_slice(&(count as u16).to_le_bytes());
    }
    row
}

fn put_child(out: &mut Vec<u8>, last: &[u8], key: &[u8], version: &Agreed, before: &mut Before) {
    let shared = last.iter().zip(key).take_while(|(a, b)| a == b).count();
    out.put_u64(shared as u64);
    out.put_bytes(&key[shared..]);
    put_agreed(out, version, before);
}

/// Seals a packed row under its key.
pub(crate) fn sealed(key: &[u8], row: Vec<u8>) -> Vec<u8> {
    seal(FORMAT, key, row)
}

/// Opens a chunk: its children are still to be read, as many as told.
fn opened<'a>(key: &[u8], row: &'a [u8]) -> Decoded<(usize, Reader<'a>)> {
    let mut reader = unseal(FORMAT, key, row)?;
    let count = usize::from(u16::from_le_bytes([reader.byte()?, reader.byte()?]));
    if count > reader.left() / LEAST_CHILD {
        return Err(Malformed("there are fewer children than counted"));
    }
    Ok((count, reader))
}

/// Reads a chunk's children behind those that are already in `children`, which they must follow in order.
pub(crate) fn unpack(key: &[u8], row: &[u8], children: &mut Vec<Child>) -> Decoded<()> {
    let (count, mut reader) = opened(key, row)?;
    let mut before = Before::default();
    let mut last: Vec<u8> = Vec::with_capacity(64);
    children.reserve_exact(count);
    for _ in 0..count {
        child_key(&mut reader, &mut last)?;
        if children.last().is_some_and(|(key, _)| **key >= *last) {
            return Err(Malformed("the children are out of order"));
        }
        let version = agreed(&mut reader, &mut before)?;
        children.push((last.as_slice().into(), version));
    }
    reader.finish()
}

/// Looks for one child in a chunk.
pub(crate) fn find(key: &[u8], row: &[u8], child: &[u8]) -> Decoded<Option<Agreed>> {
    let (count, mut reader) = opened(key, row)?;
    let mut before = Before::default();
    let mut last: Vec<u8> = Vec::with_capacity(64);
    for _ in 0..count {
        child_key(&mut reader, &mut last)?;
        let version = agreed(&mut reader, &mut before)?;
        if last == child {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

fn child_key(reader: &mut Reader<'_>, last: &mut Vec<u8>) -> Decoded<()> {
    let shared = reader.usize()?;
    if shared > last.len() {
        return Err(Malformed("a name shares more than there is"));
    }
    last.truncate(shared);
    last.extend_from_slice(reader.bytes()?);
    name(last)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sync_core::entry::{Digest, Kind, XattrDigest};

    fn attributes() -> impl Strategy<Value = Attributes> {
        prop_oneof![
            Just(Attributes::NotHeld),
            prop_oneof![Just(0o644), any::<u16>()].prop_map(Attributes::Unix),
            any::<u16>().prop_map(Attributes::Windows),
        ]
    }

    fn name_bytes() -> impl Strategy<Value = Box<[u8]>> {
        prop::collection::vec(prop_oneof![b'a'..=b'c', 1..=255_u8], 1..12)
            .prop_filter("a name", |name| check_name(name).is_ok())
            .prop_map(Into::into)
    }

    fn time() -> impl Strategy<Value = i64> {
        prop_oneof![Just(0), 1_700_000_000_000_000_000..1_700_000_001_000_000_000_i64, any::<i64>()]
    }

    fn record() -> impl Strategy<Value = Record> {
        let id = prop::option::of(prop_oneof![1..1000_u64, 1..u64::MAX]);
        let xattrs = prop::option::weighted(0.2, any::<u64>().prop_map(XattrDigest));
        (prop::option::weighted(0.2, name_bytes()), attributes(), time(), time(), id, xattrs).prop_map(
            |(name, attributes, mtime_ns, ctime_ns, id, xattrs)| Record {
                name,
                attributes,
                mtime_ns,
                ctime_ns,
                file_id: id.and_then(NonZeroU64::new),
                xattrs,
            },
        )
    }

    fn version() -> impl Strategy<Value = Agreed> {
        let kind = prop_oneof![Just(Kind::File), Just(Kind::Dir), Just(Kind::Symlink)];
        let digest = prop::option::of(any::<[u8; 32]>().prop_map(Digest));
        let target = prop::option::weighted(0.2, prop::collection::vec(any::<u8>(), 0..20));
        (kind, any::<u64>(), digest, target, record(), record()).prop_map(
            |(kind, size, digest, target, left, right)| Agreed {
                kind,
                size,
                digest,
                target: target.map(Into::into),
                sides: Sides::new(left, right),
            },
        )
    }

    fn children(most: usize) -> impl Strategy<Value = Vec<Child>> {
        prop::collection::btree_map(name_bytes(), version(), 0..most)
            .prop_map(|children| children.into_iter().collect())
    }

    fn packed_and_read(children: &[Child]) -> Vec<Child> {
        let mut read = Vec::new();
        for (first, row) in pack(children) {
            let key = &children[first].0;
            unpack(key, &sealed(key, row), &mut read).unwrap();
        }
        read
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn children_come_back(children in children(120)) {
            prop_assert_eq!(packed_and_read(&children), children);
        }

        #[test]
        fn every_piece_fits_and_none_is_empty(children in children(120)) {
            let pieces = pack(&children);
            prop_assert_eq!(pieces.is_empty(), children.is_empty());
            for ((first, row), next) in pieces.iter().zip(pieces.iter().skip(1).map(|(next, _)| *next)) {
                prop_assert!(*first < next);
                prop_assert!(row.len() <= MAX_BYTES || next - first == 1);
            }
        }

        #[test]
        fn every_child_is_found_and_no_other(children in children(40), other in name_bytes()) {
            for (first, row) in pack(&children).into_iter().take(1) {
                let row = sealed(b"", row);
                let found = find(b"", &row, &children[first].0).unwrap();
                prop_assert_eq!(found.as_ref(), Some(&children[first].1));
                let there = children.iter().any(|(key, _)| *key == other);
                prop_assert!(there || find(b"", &row, &other).unwrap().is_none());
            }
        }

        #[test]
        fn a_version_alone_comes_back(version in version()) {
            let mut row = Vec::new();
            put_alone(&mut row, &version);
            let mut reader = Reader::new(&row);
            prop_assert_eq!(alone(&mut reader), Ok(version));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn random_bytes_under_a_good_seal_never_panic(bytes: Vec<u8>, count in 0..300_u16) {
            let mut row = begin();
            row.extend_from_slice(&count.to_le_bytes());
            row.extend_from_slice(&bytes);
            let row = sealed(b"k", row);
            let _ = unpack(b"k", &row, &mut Vec::new());
            let _ = find(b"k", &row, b"a");
            let _ = alone(&mut Reader::new(&bytes));
        }

        #[test]
        fn a_good_row_with_a_change_never_panics(children in children(20), at: usize, to: u8) {
            for (_, mut row) in pack(&children).into_iter().take(1) {
                let payload = row.len() - SEAL_LEN;
                row[SEAL_LEN + at % payload] = to;
                let _ = unpack(b"k", &sealed(b"k", row), &mut Vec::new());
            }
        }
    }

    #[test]
    fn a_plain_file_takes_few_bytes() {
        let record = |right: i64| Record {
            name: None,
            attributes: Attributes::Unix(0o644),
            mtime_ns: 1_600_000_000_123_456_789,
            ctime_ns: 1_790_000_000_000_000_000 + right,
            file_id: NonZeroU64::new(1_000_000),
            xattrs: None,
        };
        let file = Agreed {
            kind: Kind::File,
            size: 20_000,
            digest: None,
            target: None,
            sides: Sides::new(record(0), record(1)),
        };
        let children: Vec<Child> =
            (0..50_u8).map(|n| (format!("file {n:03}").into_bytes().into(), file.clone())).collect();
        let bytes: usize = pack(&children).iter().map(|(_, row)| row.len()).sum();
        assert!(bytes < 50 * 24, "{bytes}");
    }
}
