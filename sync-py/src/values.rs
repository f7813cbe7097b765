//! What an entry is in Python, and the words of choices.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroU64;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sync_engine::core::entry::{Attributes, Digest, Entry as Version, Kind, Trouble};
use sync_engine::core::path::RelPath;
use sync_engine::core::side::Side;

use crate::paths::{pure, relative};

/// One of several words; says which there are.
pub(crate) fn choice<T: Copy>(
    what: &str,
    given: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> PyResult<T> {
    all.iter().copied().find(|one| name(*one) == given).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|one| format!("'{}'", name(*one))).collect();
        PyValueError::new_err(format!("{what} is one of {}, and not '{given}'", known.join(", ")))
    })
}

pub(crate) const KINDS: [Kind; 3] = [Kind::File, Kind::Dir, Kind::Symlink];

pub(crate) fn side(given: &str) -> PyResult<Side> {
    choice("a side", given, &Side::BOTH, Side::name)
}

/// Seconds since 1970 as an aware `datetime` in UTC, cut to microseconds.
pub(crate) fn moment(py: Python<'_>, ns: i64) -> PyResult<Bound<'_, PyAny>> {
    py.import("bothways._times")?.call_method1("moment", (ns,))
}

/// A digest from bytes or hexadecimal digits. Any good hash will do, as long as it is the same everywhere.
pub(crate) fn digest(given: &Bound<'_, PyAny>) -> PyResult<Digest> {
    let bad = || PyValueError::new_err("a digest is 16 to 64 bytes, as bytes or in hexadecimal digits");
    let bytes: Vec<u8> = match given.cast::<PyBytes>() {
        Ok(bytes) => bytes.as_bytes().to_vec(),
        Err(_) => {
            let text: String = given.extract()?;
            let digits = text.as_bytes();
            let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            let is_hex = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
            let all: Option<Vec<u8>> = is_hex.then(|| digits.chunks(2).map(pair).collect()).flatten();
            all.ok_or_else(bad)?
        }
    };
    if !(16..=64).contains(&bytes.len()) {
        return Err(bad());
    }
    // Shorter ones are filled up, longer ones cut: both keep what differs apart as well as the hash does.
    let mut whole = [0; 32];
    for (into, byte) in whole.iter_mut().zip(&bytes) {
        *into = *byte;
    }
    Ok(Digest(whole))
}

/// One version of a file, directory or link on one side: what a scan yields, and a row for `plan`.
#[pyclass(frozen, module = "bothways")]
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: RelPath,
    pub(crate) version: Version,
    pub(crate) target: Option<Box<[u8]>>,
    pub(crate) digest: Option<Digest>,
    pub(crate) trouble: Option<Trouble>,
}

impl Entry {
    pub(crate) fn of(path: &RelPath, version: &Version) -> Self {
        Self { path: path.clone(), version: *version, target: None, digest: None, trouble: None }
    }
}

#[pymethods]
impl Entry {
    #[new]
    #[pyo3(signature = (path, *, kind="file", size=0, mtime_ns=0, ctime_ns=0, file_id=None, mode=None, target=None, digest=None, problem=None))]
    fn new(
        path: &Bound<'_, PyAny>,
        kind: &str,
        size: u64,
        mtime_ns: i64,
        ctime_ns: i64,
        file_id: Option<u64>,
        mode: Option<u32>,
        target: Option<&Bound<'_, PyAny>>,
        digest: Option<&Bound<'_, PyAny>>,
        problem: Option<String>,
    ) -> PyResult<Self> {
        let kind = choice("a kind", kind, &KINDS, Kind::name)?;
        Ok(Self {
            path: relative(path)?,
            version: Version {
                kind,
                attributes: attributes(mode),
                size,
                mtime_ns,
                ctime_ns,
                file_id: file_id.and_then(NonZeroU64::new),
            },
            target: target.map(crate::paths::target).transpose()?,
            digest: digest.map(self::digest).transpose()?,
            trouble: problem.map(|words| trouble(kind, words)),
        })
    }

    /// Where, relative to the root.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pure(py, &self.path)
    }

    fn __fspath__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pure(py, &self.path)?.call_method0("__fspath__")
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.version.kind.name()
    }

    #[getter]
    fn size(&self) -> u64 {
        self.version.size
    }

    #[getter]
    fn mtime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        moment(py, self.version.mtime_ns)
    }

    #[getter]
    fn mtime_ns(&self) -> i64 {
        self.version.mtime_ns
    }

    #[getter]
    fn ctime_ns(&self) -> i64 {
        self.version.ctime_ns
    }

    #[getter]
    fn file_id(&self) -> Option<u64> {
        self.version.file_id.map(NonZeroU64::get)
    }

    #[getter]
    fn mode(&self) -> Option<u16> {
        match self.version.attributes {
            Attributes::Unix(mode) => Some(mode),
            _ => None,
        }
    }

    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.target.as_ref().map(|target| crate::paths::text(py, target)).transpose()
    }

    #[getter]
    fn digest<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.digest.map(|digest| PyBytes::new(py, &digest.0))
    }

    #[getter]
    fn problem(&self) -> Option<String> {
        self.trouble.as_ref().map(ToString::to_string)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            self.path == other.path
                && self.version == other.version
                && self.target == other.target
                && self.digest == other.digest
                && self.trouble == other.trouble
        })
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.path, &self.version).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let Version { kind, size, mtime_ns, .. } = self.version;
        match kind {
            _ if self.trouble.is_some() => {
                format!("<Entry {:?} {kind}: {}>", self.path, self.problem().unwrap_or_default())
            }
            Kind::Dir => format!("<Entry {:?} directory>", self.path),
            Kind::File | Kind::Symlink => {
                format!("<Entry {:?} {kind}, {size} bytes, mtime_ns={mtime_ns}>", self.path)
            }
        }
    }
}

/// Permission bits, where they are given.
pub(crate) fn attributes(mode: Option<u32>) -> Attributes {
    // The bits of the file's type are not meant.
    mode.map_or(Attributes::NotHeld, |mode| Attributes::Unix((mode & 0o7777) as u16))
}

/// A trouble in the caller's own words.
pub(crate) fn trouble(kind: Kind, words: String) -> Trouble {
    use sync_engine::core::entry::Reason;
    let reason = if kind == Kind::Dir { Reason::UnreadableDir } else { Reason::Unreadable };
    Trouble::new(reason, words)
}
