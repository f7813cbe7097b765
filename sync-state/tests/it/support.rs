//! What the tests share: small makers and a state in a folder of its own.

use std::num::NonZeroU64;

use sync_core::baseline::{Agreed, BaselineChange, Record};
use sync_core::entry::{Attributes, Digest, Kind};
use sync_core::path::RelPath;
use sync_core::side::Sides;
use sync_state::{BaselineReader, State};
use tempfile::TempDir;

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

pub(crate) fn fresh() -> (TempDir, State) {
    let dir = tempfile::tempdir().unwrap();
    let opened = State::open(dir.path()).unwrap();
    assert!(opened.created && opened.set_aside.is_none());
    (dir, opened.state)
}

pub(crate) fn reopened(dir: &TempDir) -> State {
    let opened = State::open(dir.path()).unwrap();
    assert!(!opened.created && opened.set_aside.is_none(), "{opened:?}");
    opened.state
}

/// A plain file's version; all numbers follow from `seed`.
pub(crate) fn file(seed: u64) -> Agreed {
    let record = |right: u64| Record {
        name: None,
        attributes: Attributes::Unix(0o644),
        mtime_ns: 1_700_000_000_000_000_000 + (seed as i64) * 1_000_003,
        ctime_ns: 1_750_000_000_000_000_000 + ((seed * 7 + right) as i64) * 977,
        file_id: NonZeroU64::new(seed + 1000 * right + 1),
        xattrs: None,
    };
    Agreed {
        kind: Kind::File,
        size: seed * 31 % 65_536,
        digest: seed.is_multiple_of(3).then_some(Digest([seed as u8; 32])),
        target: None,
        sides: Sides::new(record(0), record(1)),
    }
}

pub(crate) fn directory(seed: u64) -> Agreed {
    Agreed { kind: Kind::Dir, size: 0, digest: None, ..file(seed) }
}

pub(crate) fn set(at: &str, version: Agreed) -> BaselineChange {
    BaselineChange { path: path(at), agreed: Some(version) }
}

pub(crate) fn gone(at: &str) -> BaselineChange {
    BaselineChange { path: path(at), agreed: None }
}

/// A stream as a list of paths and versions, in its order.
pub(crate) fn flat(reader: BaselineReader) -> Vec<(RelPath, Agreed)> {
    let mut all = Vec::new();
    for dir in reader {
        let dir = dir.unwrap();
        assert!(!dir.children.is_empty(), "{:?} is empty", dir.path);
        for (key, version) in dir.children {
            all.push((dir.path.join(&key).unwrap(), version));
        }
    }
    all
}
