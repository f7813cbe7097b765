//! A version that is being read, and the properties that travel with it.

use std::fs::File;
use std::io::{self, Read};

use sync_core::entry::{Attributes, Entry, XattrDigest};

use crate::problem::Problem;

/// Extended attributes by name, sorted by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Xattrs(pub Vec<(Box<[u8]>, Box<[u8]>)>);

impl Xattrs {
    /// The short digest that the baseline remembers; 0 for none.
    pub fn digest(&self) -> XattrDigest {
        if self.0.is_empty() {
            return XattrDigest(0);
        }
        let mut hasher = blake3::Hasher::new();
        for part in self.0.iter().flat_map(|(name, value)| [name, value]) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut short = [0; 8];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        // 0 means "none"; one chance in 2^64 is given away for that.
        XattrDigest(u64::from_le_bytes(short).max(1))
    }
}

/// What a version carries besides its content and its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Properties {
    /// UTC nanoseconds.
    pub mtime_ns: i64,
    /// Permissions or attributes; `NotHeld` leaves the target's own default.
    pub attributes: Attributes,
    /// Extended attributes; none where the source holds none.
    pub xattrs: Option<Xattrs>,
}

/// One version, open for reading. Reading sees the content from its start, once.
pub trait Source: Read + Send {
    /// The version that was opened; it is the one that was expected.
    fn entry(&self) -> &Entry;

    /// A link's target; none for files. A link has no content to read.
    fn target(&self) -> Option<&[u8]>;

    /// Its properties.
    fn properties(&self) -> &Properties;

    /// The ordinary local file behind it, where there is one, so that a receiver on the same machine can copy
    /// without passing the bytes through.
    fn file(&self) -> Option<&File> {
        None
    }

    /// Lets reading begin at `offset` bytes instead of the start. Asked once, before anything is read. Where the bytes
    /// before it would have to come from far, do better than this: it reads and throws away.
    fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        let skipped = io::copy(&mut Read::take(&mut *self, offset), &mut io::sink())?;
        if skipped == offset { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Looks again after the last byte: the entry if it is still the version that was opened, else a problem of
    /// kind [`crate::ProblemKind::Stale`].
    ///
    /// May wait for one step of the side's clock, so that a later write is bound to get another time. May be asked
    /// before as well: then nothing that is read from there on can be of another version that looks the same.
    fn confirm(&mut self) -> Result<Entry, Problem>;
}
