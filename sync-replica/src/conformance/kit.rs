//! What the checks are written with.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sync_core::abilities::AttributeKind;
use sync_core::entry::{Attributes, Digest, Entry, Kind};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::snapshot::Snapshot;

use super::{Fixture, Miss};
use crate::control::{Control, Uncontrolled};
use crate::filter::{Filter, ShowAll};
use crate::problem::{Operation, Problem, ProblemKind};
use crate::replica::{Displaced, Expect, Installed, Replica, ScanRequest, Staged, TrashStamp};
use crate::source::{Properties, Source, Xattrs};

pub(super) type Result<T = ()> = std::result::Result<T, Miss>;

/// Breaks the check unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Miss::Broken(format!($($words)+)));
        }
    };
}

/// Breaks the check unless the two are equal.
macro_rules! same {
    ($found:expr, $wanted:expr, $($words:tt)+) => {
        match (&$found, &$wanted) {
            (found, wanted) => {
                if found != wanted {
                    let words = format!($($words)+);
                    return Err($crate::conformance::Miss::Broken(
                        format!("{words}: found {found:?}, wanted {wanted:?}")));
                }
            }
        }
    };
}

/// Leaves the check unless the side has what it is about.
macro_rules! needs {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Miss::NotApplicable(format!($($words)+)));
        }
    };
}

pub(super) use {ensure, needs, same};

/// 2023-11-14 22:13:20.123456789, a moment that no coarse clock hits.
pub(super) const THEN_NS: i64 = 1_700_000_000_123_456_789;
pub(super) const STAMP: TrashStamp = TrashStamp(1_700_000_100_000_000_000);
pub(super) const TO_TRASH: Displaced = Displaced::Trash(STAMP);

pub(super) fn p(text: &str) -> RelPath {
    match RelPath::new(text.as_bytes()) {
        Ok(path) => path,
        Err(error) => panic!("no path: {text:?}: {error}"),
    }
}

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

/// Bytes that do not repeat in any block size.
pub(super) fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

pub(super) fn look(fx: &dyn Fixture, at: &RelPath) -> Result<Entry> {
    fx.replica().look(at)?.ok_or_else(|| format!("`{at}` is not found by look").into())
}

pub(super) fn request<'a>(filter: &'a dyn Filter, control: &'a dyn Control) -> ScanRequest<'a> {
    ScanRequest { equivalence: Equivalence::EXACT, filter, control, threads: 0 }
}

pub(super) fn scan(fx: &dyn Fixture) -> Result<Snapshot> {
    Ok(fx.replica().scan(&request(&ShowAll, &Uncontrolled))?)
}

/// Whether two times are the same to a side of this precision.
pub(super) fn close(fx: &dyn Fixture, a: i64, b: i64) -> bool {
    a.abs_diff(b) < fx.replica().abilities().mtime_precision_ns.max(1)
}

/// The result must be a problem of one of these kinds.
pub(super) fn refused<T>(
    result: std::result::Result<T, Problem>,
    kinds: &[ProblemKind],
    what: &str,
) -> Result<Problem> {
    match result {
        Ok(_) => Err(format!("{what}: was done").into()),
        Err(problem) if kinds.contains(&problem.kind) => Ok(problem),
        Err(problem) => {
            let wanted: Vec<_> = kinds.iter().map(|kind| kind.id()).collect();
            Err(format!("{what}: wanted {wanted:?}, got {} ({problem})", problem.kind.id()).into())
        }
    }
}

/// What a refusal may be where something unexpected is at a path.
pub(super) const NOT_AS_EXPECTED: &[ProblemKind] = &[ProblemKind::Stale];
/// What a refusal may be where something is at a path that should be free.
pub(super) const TAKEN: &[ProblemKind] = &[ProblemKind::Stale, ProblemKind::Exists];
/// What a refusal may be where nothing is at a path any more.
pub(super) const GONE: &[ProblemKind] = &[ProblemKind::Stale, ProblemKind::NotFound];

/// A version from nowhere.
pub(super) struct Given {
    pub entry: Entry,
    pub target: Option<Vec<u8>>,
    pub properties: Properties,
    pub content: io::Cursor<Vec<u8>>,
    /// Whether it turns out to have changed when it is confirmed.
    pub stale: bool,
    /// Whether reading fails after the first half.
    pub breaks: bool,
}

impl Given {
    pub(super) fn file(content: &[u8]) -> Self {
        Self {
            entry: Entry {
                kind: Kind::File,
                attributes: Attributes::NotHeld,
                size: content.len() as u64,
                mtime_ns: THEN_NS,
                ctime_ns: 0,
                file_id: None,
            },
            target: None,
            properties: plain(THEN_NS),
            content: io::Cursor::new(content.to_vec()),
            stale: false,
            breaks: false,
        }
    }

    pub(super) fn link(target: &[u8]) -> Self {
        let mut link = Self::file(b"");
        link.entry.kind = Kind::Symlink;
        link.entry.size = target.len() as u64;
        link.target = Some(target.to_vec());
        link
    }

    pub(super) fn with(mut self, properties: Properties) -> Self {
        self.entry.attributes = properties.attributes;
        self.entry.mtime_ns = properties.mtime_ns;
        self.properties = properties;
        self
    }
}

impl Read for Given {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let half = self.content.get_ref().len() as u64 / 2;
        if !self.breaks {
            return self.content.read(buffer);
        }
        if self.content.position() >= half {
            return Err(io::Error::other("the disk is broken"));
        }
        let rest = (half - self.content.position()) as usize;
        let len = buffer.len().min(rest);
        self.content.read(&mut buffer[..len])
    }
}

impl Source for Given {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn target(&self) -> Option<&[u8]> {
        self.target.as_deref()
    }

    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn confirm(&mut self) -> std::result::Result<Entry, Problem> {
        if self.stale {
            return Err(Problem::stale(Operation::Read, &RelPath::root(), "it grew"));
        }
        Ok(self.entry)
    }
}

pub(super) fn plain(mtime_ns: i64) -> Properties {
    Properties { mtime_ns, attributes: Attributes::NotHeld, xattrs: None }
}

/// Attributes that are not a side's default: private to the owner, or hidden.
pub(super) fn unusual(fx: &dyn Fixture) -> Option<Attributes> {
    match fx.replica().abilities().attributes {
        AttributeKind::Unix => Some(Attributes::Unix(0o640)),
        AttributeKind::Windows => Some(Attributes::Windows(0x2)),
        AttributeKind::None => None,
    }
}

pub(super) fn bits(attributes: Attributes) -> u16 {
    match attributes {
        Attributes::Unix(bits) | Attributes::Windows(bits) => bits,
        Attributes::NotHeld => 0,
    }
}

pub(super) fn xattrs() -> Xattrs {
    Xattrs(vec![
        (b"user.bothways.one".as_slice().into(), b"first".as_slice().into()),
        (b"user.bothways.two".as_slice().into(), b"\0second\xff".as_slice().into()),
    ])
}

pub(super) fn stage(fx: &dyn Fixture, mut given: Given) -> Result<Staged> {
    let staged = fx.replica().stage(&mut given, false, &Uncontrolled)?;
    fx.replica().settle(&[&staged])?;
    Ok(staged)
}

/// Puts a content at a path where nothing is, as the program does.
pub(super) fn put(fx: &dyn Fixture, at: &RelPath, content: &[u8]) -> Result<Installed> {
    let staged = stage(fx, Given::file(content))?;
    Ok(fx.replica().install(staged, at, &Expect::Absent, Displaced::Drop)?)
}

/// Writes a file as the user and looks at it as the program.
pub(super) fn written(fx: &dyn Fixture, at: &RelPath, content: &[u8]) -> Result<Entry> {
    fx.write(at, content);
    fx.set_mtime(at, THEN_NS);
    look(fx, at)
}

/// Changes a file as the user, with a time of its own, whatever the side's clock.
pub(super) fn rewritten(fx: &dyn Fixture, at: &RelPath, content: &[u8]) {
    fx.write(at, content);
    fx.set_mtime(at, THEN_NS + 60_000_000_000);
}

/// The path must hold exactly this, and no staged copy may be left.
pub(super) fn holds(fx: &dyn Fixture, at: &RelPath, content: &[u8], when: &str) -> Result {
    let found = fx.read(at);
    if found.as_deref() != Some(content) {
        let show = |bytes: &[u8]| {
            format!("{} bytes \"{}\"", bytes.len(), bytes[..bytes.len().min(40)].escape_ascii())
        };
        let found = found.map_or_else(|| "no file".to_owned(), |bytes| show(&bytes));
        return Err(format!("{when}: `{at}` holds {found} instead of {}", show(content)).into());
    }
    clean(fx, when)
}

/// Nothing is at the path.
pub(super) fn vacant(fx: &dyn Fixture, at: &RelPath, when: &str) -> Result {
    let parent = at.parent().unwrap_or_else(RelPath::root);
    let names = if parent.is_root() || fx.is_dir(&parent) { fx.list(&parent) } else { Vec::new() };
    ensure!(!names.iter().any(|name| name == at.name()), "{when}: `{at}` is there");
    clean(fx, when)
}

/// No staged copy is left.
pub(super) fn clean(fx: &dyn Fixture, when: &str) -> Result {
    same!(fx.staged_count(), 0, "{when}: staged copies are left");
    Ok(())
}

/// The user's names in a directory, sorted.
pub(super) fn names(fx: &dyn Fixture, dir: &RelPath) -> Vec<Vec<u8>> {
    let own = if dir.is_root() { fx.own_names() } else { Vec::new() };
    let mut names: Vec<_> = fx.list(dir).into_iter().filter(|name| !own.contains(name)).collect();
    names.sort();
    names
}

/// Hides names that begin with `hidden`.
pub(super) struct HideHidden;

impl Filter for HideHidden {
    fn hides(&self, _parent: &RelPath, name: &[u8], _kind: Kind) -> bool {
        name.starts_with(b"hidden")
    }
}

/// Acts once, when the first bytes have passed.
pub(super) struct OnBytes<F> {
    act: F,
    done: AtomicBool,
    pub bytes: AtomicU64,
}

impl<F: Fn() + Sync> OnBytes<F> {
    pub(super) fn new(act: F) -> Self {
        Self { act, done: AtomicBool::new(false), bytes: AtomicU64::new(0) }
    }

    pub(super) fn acted(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }
}

impl<F: Fn() + Sync> Control for OnBytes<F> {
    fn bytes_done(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        if bytes > 0 && !self.done.swap(true, Ordering::SeqCst) {
            (self.act)();
        }
    }
}

/// Stops everything once so many bytes have passed; 0 stops at once.
pub(super) struct StopAfter(pub u64, AtomicU64);

impl StopAfter {
    pub(super) fn bytes(limit: u64) -> Self {
        Self(limit, AtomicU64::new(0))
    }
}

impl Control for StopAfter {
    fn is_cancelled(&self) -> bool {
        self.1.load(Ordering::SeqCst) >= self.0
    }

    fn bytes_done(&self, bytes: u64) {
        self.1.fetch_add(bytes, Ordering::SeqCst);
    }
}

/// The replica, for threads.
pub(super) fn side(fx: &dyn Fixture) -> &dyn Replica {
    fx.replica()
}
