//! Rows of Python's into rows of the core.
//!
//! A row is a mapping, an object with attributes such as a dataclass, a plain tuple, or an [`Entry`]; rows come one after the other or
//! as a mapping from path to row. Hundreds of thousands are read while the interpreter is held, so nothing is looked up
//! twice: what a class has is asked once per class, and a mapping is left as soon as all its keys were met. Rows of one
//! class that say no more of a file than its path, its size and its time are read some hundreds at a time, column by
//! column: `bothways._rows` is faster at that than any call from outside. A batch in which anything is out of the way is
//! read row by row.

use std::num::NonZeroU64;

use pyo3::exceptions::{PyException, PyKeyError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBytes, PyDateTime, PyDict, PyFloat, PyInt, PyIterator, PyList, PyMapping, PyString, PyTuple, PyType,
};
use sync_engine::brought::Rows;
use sync_engine::core::entry::{Attributes, Digest, Entry as Version, Kind, Trouble};
use sync_engine::core::path::{BadPath, RelPath};
use sync_engine::core::rows::{AgreedRow, Gathered, Row};
use sync_engine::core::side::{Side, Sides};

use crate::errors;
use crate::paths::{relative, target};
use crate::values::{Entry, KINDS, attributes, choice, digest, trouble};

/// What a float of this century's seconds can be off by.
pub(crate) const FLOAT_SLACK_NS: u64 = 1_000;

/// What a row may say, in the order in which it is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Path,
    Size,
    MtimeNs,
    Mtime,
    Kind,
    Digest,
    CtimeNs,
    FileId,
    Mode,
    Target,
    Problem,
    ExistsLeft,
    ExistsRight,
    SizeLeft,
    SizeRight,
    MtimeLeft,
    MtimeRight,
    MtimeNsLeft,
    MtimeNsRight,
    CtimeNsLeft,
    CtimeNsRight,
    FileIdLeft,
    FileIdRight,
}

const KEYS: [(Key, &str); 23] = [
    (Key::Path, "path"),
    (Key::Size, "size"),
    (Key::MtimeNs, "mtime_ns"),
    (Key::Mtime, "mtime"),
    (Key::Kind, "kind"),
    (Key::Digest, "digest"),
    (Key::CtimeNs, "ctime_ns"),
    (Key::FileId, "file_id"),
    (Key::Mode, "mode"),
    (Key::Target, "target"),
    (Key::Problem, "problem"),
    (Key::ExistsLeft, "exists_left"),
    (Key::ExistsRight, "exists_right"),
    (Key::SizeLeft, "size_left"),
    (Key::SizeRight, "size_right"),
    (Key::MtimeLeft, "mtime_left"),
    (Key::MtimeRight, "mtime_right"),
    (Key::MtimeNsLeft, "mtime_ns_left"),
    (Key::MtimeNsRight, "mtime_ns_right"),
    (Key::CtimeNsLeft, "ctime_ns_left"),
    (Key::CtimeNsRight, "ctime_ns_right"),
    (Key::FileIdLeft, "file_id_left"),
    (Key::FileIdRight, "file_id_right"),
];

/// How many of them a row of one side may say.
const OF_A_SCAN: usize = 11;

/// What a plain tuple says, by place. The last may be left out.
const OF_A_TUPLE: [Key; 4] = [Key::Path, Key::Size, Key::MtimeNs, Key::Kind];

/// What a version is made of.
const OF_A_VERSION: [Key; 5] = [Key::Size, Key::MtimeNs, Key::Mtime, Key::CtimeNs, Key::FileId];

/// What a baseline may say of each side by itself, left first.
const OF_A_SIDE: [[Key; 6]; 2] = [
    [Key::ExistsLeft, Key::SizeLeft, Key::MtimeNsLeft, Key::MtimeLeft, Key::CtimeNsLeft, Key::FileIdLeft],
    [
        Key::ExistsRight,
        Key::SizeRight,
        Key::MtimeNsRight,
        Key::MtimeRight,
        Key::CtimeNsRight,
        Key::FileIdRight,
    ],
];

/// How rows of a class are read.
#[derive(Clone, Copy)]
enum Shape {
    Ours,
    Dict,
    Tuple,
    /// Turned into a dict first.
    Mapping,
    /// Its fields, as bits of [`KEYS`]; none where each row may have others.
    Object(Option<u32>),
}

/// Where rows go.
pub(crate) trait Sink {
    /// A file that a side shows, of which no more is known.
    fn file(&mut self, side: Side, path: &[u8], version: Version) -> Result<(), BadPath>;
    /// Anything that a side shows.
    fn row(&mut self, side: Side, row: Row);
    /// A file that both sides held alike.
    fn agreed_file(&mut self, path: &[u8], version: Version) -> Result<(), BadPath>;
    /// Anything that both sides had; none where that is no agreement.
    fn agreed(&mut self, row: Option<AgreedRow>);
}

impl Sink for Gathered {
    fn file(&mut self, side: Side, path: &[u8], version: Version) -> Result<(), BadPath> {
        self.add_file(side, path, version)
    }

    fn row(&mut self, side: Side, row: Row) {
        self.add(side, row);
    }

    fn agreed_file(&mut self, path: &[u8], version: Version) -> Result<(), BadPath> {
        self.add_agreed_file(path, version)
    }

    fn agreed(&mut self, row: Option<AgreedRow>) {
        if let Some(row) = row {
            self.add_agreed(row);
        }
    }
}

/// What a program in Rust has.
impl Sink for Rows {
    fn file(&mut self, side: Side, path: &[u8], entry: Version) -> Result<(), BadPath> {
        self.scans[side].push(Row { path: RelPath::new(path)?, entry, target: None, trouble: None });
        Ok(())
    }

    fn row(&mut self, side: Side, row: Row) {
        self.scans[side].push(row);
    }

    fn agreed_file(&mut self, path: &[u8], version: Version) -> Result<(), BadPath> {
        let both = Sides { left: Some(version), right: Some(version) };
        self.agreed(AgreedRow::of(RelPath::new(path)?, both, None, None));
        Ok(())
    }

    fn agreed(&mut self, row: Option<AgreedRow>) {
        self.baseline.extend(row);
    }
}

/// Rows, some at a time: what is read together stays near.
enum Batches<'py> {
    List(Bound<'py, PyList>, usize),
    Any(Bound<'py, PyIterator>),
}

/// How many rows are read together.
const BATCH: usize = 512;

impl<'py> Batches<'py> {
    fn of(rows: &Bound<'py, PyAny>) -> PyResult<Self> {
        match rows.cast_exact::<PyList>() {
            Ok(list) => Ok(Self::List(list.clone(), 0)),
            Err(_) => Ok(Self::Any(rows.try_iter()?)),
        }
    }

    /// The next of them, and whether and how they ended there.
    fn next(&mut self) -> (Bound<'py, PyList>, Option<PyResult<()>>) {
        match self {
            Self::List(list, at) => {
                let batch = list.get_slice(*at, at.saturating_add(BATCH));
                *at += batch.len();
                let ended = batch.is_empty().then_some(Ok(()));
                (batch, ended)
            }
            Self::Any(rows) => {
                let batch = PyList::empty(rows.py());
                for row in rows.by_ref().take(BATCH) {
                    if let Err(error) = row.and_then(|row| batch.append(row)) {
                        return (batch, Some(Err(error)));
                    }
                }
                let ended = batch.is_empty().then_some(Ok(()));
                (batch, ended)
            }
        }
    }
}

/// What plain rows say: paths, encoded and divided by NULs, sizes and times.
type Columns<'py> = (Bound<'py, PyBytes>, Bound<'py, PyList>, Bound<'py, PyList>);

/// One row with what it was found to say. What is there and is none counts as not there.
type Found<'py> = [Option<Bound<'py, PyAny>>; KEYS.len()];

pub(crate) struct Reader<'py> {
    py: Python<'py>,
    names: Vec<Bound<'py, PyString>>,
    last: Option<(Bound<'py, PyType>, Shape)>,
    word_file: Bound<'py, PyString>,
    nul: Bound<'py, PyString>,
    /// Whether names of files are encoded as UTF-8.
    is_utf8: bool,
    /// A time came as a float.
    pub(crate) had_floats: bool,
}

impl<'py> Reader<'py> {
    pub(crate) fn new(py: Python<'py>) -> PyResult<Self> {
        let encoding = py.import("sys")?.call_method0("getfilesystemencoding")?;
        Ok(Self {
            py,
            names: KEYS.iter().map(|(_, name)| PyString::intern(py, name)).collect(),
            last: None,
            word_file: PyString::intern(py, "file"),
            nul: PyString::intern(py, "\0"),
            is_utf8: cfg!(windows) || encoding.extract::<String>()?.eq_ignore_ascii_case("utf-8"),
            had_floats: false,
        })
    }

    fn shape(&mut self, row: &Bound<'py, PyAny>) -> PyResult<Shape> {
        let class = row.get_type();
        if let Some((known, shape)) = &self.last
            && known.is(&class)
        {
            return Ok(*shape);
        }
        let shape = if row.cast::<Entry>().is_ok() {
            Shape::Ours
        } else if row.cast::<PyDict>().is_ok() {
            Shape::Dict
        } else if row.cast_exact::<PyTuple>().is_ok() {
            Shape::Tuple
        } else if row.cast::<PyMapping>().is_ok() || class.hasattr(intern!(self.py, "keys"))? {
            Shape::Mapping
        } else if row.cast::<PyString>().is_ok() || class.hasattr(intern!(self.py, "__fspath__"))? {
            return Err(Self::no_row(row));
        } else {
            let fields = |name| class.getattr_opt(name).map(|found| found.filter(|it| !it.is_none()));
            let listed = match fields(intern!(self.py, "__dataclass_fields__"))? {
                Some(listed) => Some(listed),
                None => fields(intern!(self.py, "_fields"))?,
            };
            let mut bits = None;
            if let Some(listed) = listed {
                let mut found = 0;
                for (bit, name) in self.names.iter().enumerate() {
                    // Also what is a property.
                    if listed.contains(name)? || class.hasattr(name)? {
                        found |= 1 << bit;
                    }
                }
                bits = Some(found);
            }
            Shape::Object(bits)
        };
        self.last = Some((class, shape));
        Ok(shape)
    }

    fn no_row(row: &Bound<'py, PyAny>) -> PyErr {
        let kind = row.get_type().name().map_or_else(|_| "this".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!(
            "a row is a mapping, an object with attributes, a tuple or an Entry, and not {kind}"
        ))
    }

    /// What a row says of the first `most` keys.
    fn read(&mut self, row: &Bound<'py, PyAny>, shape: Shape, most: usize) -> PyResult<Found<'py>> {
        let mut found: Found<'py> = std::array::from_fn(|_| None);
        let names = self.names.iter().take(most).enumerate();
        match shape {
            Shape::Dict | Shape::Mapping => {
                let copied;
                let row = match row.cast::<PyDict>() {
                    Ok(row) => row,
                    Err(_) => {
                        let made = self.py.get_type::<PyDict>().call1((row,))?;
                        copied = made.cast_into::<PyDict>()?;
                        &copied
                    }
                };
                let mut left = row.len();
                for (at, name) in names {
                    if left == 0 {
                        break;
                    }
                    if let Some(value) = row.get_item(name)? {
                        left -= 1;
                        put(&mut found, at, value);
                    }
                }
            }
            Shape::Ours | Shape::Object(None) => {
                for (at, name) in names {
                    if let Some(value) = row.getattr_opt(name)? {
                        put(&mut found, at, value);
                    }
                }
                if found.iter().all(Option::is_none) {
                    return Err(Self::no_row(row));
                }
            }
            Shape::Tuple => {
                let row = row.cast::<PyTuple>()?;
                if !(OF_A_TUPLE.len() - 1..=OF_A_TUPLE.len()).contains(&row.len()) {
                    return Err(PyTypeError::new_err(format!(
                        "a tuple is (path, size, mtime_ns) or (path, size, mtime_ns, kind), and this one has {}",
                        row.len()
                    )));
                }
                for (key, value) in OF_A_TUPLE.into_iter().zip(row) {
                    put(&mut found, key as usize, value);
                }
            }
            Shape::Object(Some(bits)) => {
                let mut rest = bits & ((1 << most) - 1);
                while rest != 0 {
                    let at = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    if let Some(name) = self.names.get(at) {
                        put(&mut found, at, row.getattr(name)?);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Goes through rows, or through the rows of a mapping by their paths, and says of an error where it is. What
    /// nearly all rows are, a file that says no more than where, how large and when, goes to `plain`, any other to `one`.
    fn each<S>(
        &mut self,
        what: &str,
        rows: &Bound<'py, PyAny>,
        into: &mut S,
        plain: impl Fn(&mut S, &[u8], Version) -> Result<(), BadPath>,
        mut one: impl FnMut(&mut Self, &mut S, Option<Bound<'py, PyAny>>, &Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<()> {
        let py = self.py;
        let at_row = |error: PyErr, number: usize| located(py, &error, &format!("{what}, row {number}"));
        if let Ok(mapping) = rows.cast::<PyDict>() {
            for (number, (path, row)) in mapping.iter().enumerate() {
                one(self, into, Some(path), &row).map_err(|error| at_row(error, number))?;
            }
            return Ok(());
        }
        if rows.cast::<PyMapping>().is_ok() {
            for (number, pair) in rows.call_method0(intern!(py, "items"))?.try_iter()?.enumerate() {
                let pair = pair?;
                let (path, row) = (pair.get_item(0)?, pair.get_item(1)?);
                one(self, into, Some(path), &row).map_err(|error| at_row(error, number))?;
            }
            return Ok(());
        }
        if rows.cast::<PyString>().is_ok() {
            return Err(PyTypeError::new_err(format!("{what}: rows are wanted, and not a str")));
        }
        let mut some = Batches::of(rows).map_err(|error| located(py, &error, what))?;
        let mut number = 0;
        loop {
            let (batch, ended) = some.next();
            let done = self.plain(&batch, into, &plain)?;
            for (at, row) in batch.iter().enumerate().skip(done) {
                one(self, into, None, &row).map_err(|error| at_row(error, number + at))?;
            }
            number += batch.len();
            match ended {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => return Err(error),
                None => {}
            }
        }
    }

    /// Takes over rows of one class that say no more of a file than where, how large and when; tells how many of them,
    /// from the first, it understood.
    fn plain<S>(
        &mut self,
        batch: &Bound<'py, PyList>,
        into: &mut S,
        add: &impl Fn(&mut S, &[u8], Version) -> Result<(), BadPath>,
    ) -> PyResult<usize> {
        let Some(columns) = self.columns(batch)? else { return Ok(0) };
        let (paths, sizes, times) = columns;
        let mut done = 0;
        // No path has a NUL: one that does makes more paths than rows.
        let mut paths = paths.as_bytes().split(|byte| *byte == 0);
        for (size, time) in sizes.iter().zip(times.iter()) {
            let (Some(path), Ok(size), Ok(mtime_ns)) =
                (paths.next(), size.extract::<u64>(), time.extract::<i64>())
            else {
                break;
            };
            let path = if path == b"." { b"".as_slice() } else { path };
            let version = Version {
                kind: Kind::File,
                attributes: Attributes::NotHeld,
                size,
                mtime_ns,
                ctime_ns: 0,
                file_id: None,
            };
            if add(into, path, version).is_err() {
                break;
            }
            done += 1;
        }
        Ok(done)
    }

    /// What rows of one class say, where that is plain: their paths, encoded and divided by NULs, their sizes and times.
    fn columns(&mut self, batch: &Bound<'py, PyList>) -> PyResult<Option<Columns<'py>>> {
        const PLAIN: u32 = 1 << Key::Path as u32 | 1 << Key::Size as u32 | 1 << Key::MtimeNs as u32;
        let py = self.py;
        let Ok(first) = batch.get_item(0) else { return Ok(None) };
        let class = first.get_type();
        // What is wrong with a row is said where it is read by itself.
        let Ok(shape) = self.shape(&first) else { return Ok(None) };
        let (way, length) = match shape {
            Shape::Object(Some(PLAIN)) => (intern!(py, "of_objects"), None),
            Shape::Dict if class.is(py.get_type::<PyDict>()) => (intern!(py, "of_mappings"), Some(3)),
            Shape::Tuple => (intern!(py, "of_tuples"), Some(3)),
            _ => return Ok(None),
        };
        let is_plain = |row: &Bound<'py, PyAny>| {
            row.get_type_ptr() == class.as_type_ptr()
                && length.is_none_or(|length| row.len().is_ok_and(|is| is == length))
        };
        if !batch.iter().all(|row| is_plain(&row)) {
            return Ok(None);
        }
        let read = || -> PyResult<_> {
            let columns = py.import(intern!(py, "bothways._rows"))?.call_method1(way, (batch,))?;
            let (paths, sizes, times): (Bound<'py, PyAny>, Bound<'py, PyList>, Bound<'py, PyList>) =
                columns.extract()?;
            let paths = self.nul.call_method1(intern!(py, "join"), (paths,))?;
            let paths = paths.cast_into::<PyString>()?.encode_utf8()?;
            Ok((paths, sizes, times))
        };
        match read() {
            // In any other encoding each path is encoded by itself; and Windows has two dividers.
            Ok((paths, ..)) if !self.is_utf8 && !paths.as_bytes().is_ascii() => Ok(None),
            Ok((paths, ..)) if cfg!(windows) && paths.as_bytes().contains(&b'\\') => Ok(None),
            Ok((paths, sizes, times)) => {
                let count = paths.as_bytes().split(|byte| *byte == 0).count();
                let fits = [count, sizes.len(), times.len()].iter().all(|length| *length == batch.len());
                Ok(fits.then_some((paths, sizes, times)))
            }
            Err(error) if error.is_instance_of::<PyException>(py) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The rows of a scan. What was seen of a content is told to `known`.
    pub(crate) fn scan<S: Sink>(
        &mut self,
        side: Side,
        rows: &Bound<'py, PyAny>,
        into: &mut S,
        mut known: impl FnMut(&RelPath, Digest),
    ) -> PyResult<()> {
        let plain = |into: &mut S, path: &[u8], version| into.file(side, path, version);
        self.each(side.name(), rows, into, plain, |reader, into, path, row| {
            let shape = reader.shape(row)?;
            if let (Shape::Ours, None) = (shape, &path) {
                let entry = row.cast::<Entry>()?.get();
                if let Some(digest) = entry.digest {
                    known(&entry.path, digest);
                }
                into.row(
                    side,
                    Row {
                        path: entry.path.clone(),
                        entry: entry.version,
                        target: entry.target.clone(),
                        trouble: entry.trouble.clone(),
                    },
                );
                return Ok(());
            }
            let mut found = reader.read(row, shape, OF_A_SCAN)?;
            let path = Self::path(path, &mut found)?;
            let (kind, trouble) = (reader.kind(&found)?, trouble_of(&found)?);
            let entry = reader.version(&found, kind, trouble.as_ref(), OF_A_VERSION)?;
            let target = got(&found, Key::Target).map(target).transpose()?;
            if let Some(given) = got(&found, Key::Digest) {
                known(&path, digest(given)?);
            }
            into.row(side, Row { path, entry, target, trouble });
            Ok(())
        })
    }

    /// The rows of a baseline. Each tells of both sides, together or one by one.
    pub(crate) fn baseline<S: Sink>(&mut self, rows: &Bound<'py, PyAny>, into: &mut S) -> PyResult<()> {
        self.each("baseline", rows, into, S::agreed_file, |reader, into, path, row| {
            let shape = reader.shape(row)?;
            if let (Shape::Ours, None) = (shape, &path) {
                let entry = row.cast::<Entry>()?.get();
                // Its number and its change time are those of one side, and nobody says of which.
                let version = Some(Version { ctime_ns: 0, file_id: None, ..entry.version });
                let both = Sides { left: version, right: version };
                let row = AgreedRow::of(entry.path.clone(), both, entry.digest, entry.target.clone());
                into.agreed(row);
                return Ok(());
            }
            let mut found = reader.read(row, shape, KEYS.len())?;
            let path = Self::path(path, &mut found)?;
            let kind = reader.kind(&found)?;
            let versions = reader.versions(&found, kind)?;
            let target = got(&found, Key::Target).map(target).transpose()?;
            let digest = got(&found, Key::Digest).map(digest).transpose()?;
            into.agreed(AgreedRow::of(path, versions, digest, target));
            Ok(())
        })
    }

    /// What a row of the baseline says of each side.
    fn versions(&mut self, found: &Found<'py>, kind: Kind) -> PyResult<Sides<Option<Version>>> {
        let [size_of_both, ns_of_both, seconds_of_both] = [Key::Size, Key::MtimeNs, Key::Mtime];
        let of_sides = found.get(Key::ExistsLeft as usize..).unwrap_or_default();
        if of_sides.iter().all(Option::is_none) {
            // The usual case: one version, read once.
            let keys = [size_of_both, ns_of_both, seconds_of_both, Key::CtimeNsLeft, Key::FileIdLeft];
            let version = Some(self.version(found, kind, None, keys)?);
            return Ok(Sides { left: version, right: version });
        }
        let mut versions = Sides { left: None, right: None };
        for side in Side::BOTH {
            let [exists, size, mtime_ns, mtime, ctime_ns, file_id] = OF_A_SIDE[side as usize];
            if let Some(exists) = got(found, exists)
                && !exists.is_truthy()?
            {
                continue;
            }
            let size = if got(found, size).is_some() { size } else { size_of_both };
            let is_own = [mtime_ns, mtime].iter().any(|key| got(found, *key).is_some());
            let [ns, seconds] = if is_own { [mtime_ns, mtime] } else { [ns_of_both, seconds_of_both] };
            versions[side] = Some(self.version(found, kind, None, [size, ns, seconds, ctime_ns, file_id])?);
        }
        Ok(versions)
    }

    fn path(given: Option<Bound<'py, PyAny>>, found: &mut Found<'py>) -> PyResult<RelPath> {
        let given = given.or_else(|| found[Key::Path as usize].take()).ok_or_else(|| missing("path"))?;
        relative(&given)
    }

    fn kind(&self, found: &Found<'py>) -> PyResult<Kind> {
        match got(found, Key::Kind) {
            None => Ok(Kind::File),
            Some(word) if word.is(&self.word_file) => Ok(Kind::File),
            Some(word) => {
                let word = word.cast::<PyString>().map_err(|_| PyTypeError::new_err("a kind is a str"))?;
                choice("a kind", &word.to_cow()?, &KINDS, Kind::name)
            }
        }
    }

    fn version(
        &mut self,
        found: &Found<'py>,
        kind: Kind,
        trouble: Option<&Trouble>,
        [size_key, ns_key, seconds_key, ctime_key, id_key]: [Key; 5],
    ) -> PyResult<Version> {
        let bare = kind == Kind::Dir || trouble.is_some();
        let size = match got(found, size_key) {
            Some(size) => size.extract().map_err(|error| in_field(self.py, &error, "size"))?,
            None if bare => 0,
            None => return Err(missing("size")),
        };
        let mtime_ns = match (got(found, ns_key), got(found, seconds_key)) {
            (Some(ns), _) => ns.extract().map_err(|error| in_field(self.py, &error, "mtime_ns"))?,
            (None, Some(time)) => self.time(time)?,
            (None, None) if bare => 0,
            (None, None) => return Err(missing("mtime_ns")),
        };
        let ctime_ns = match got(found, ctime_key) {
            Some(ns) => ns.extract().map_err(|error| in_field(self.py, &error, "ctime_ns"))?,
            None => 0,
        };
        let file_id: Option<u64> = match got(found, id_key) {
            Some(id) => Some(id.extract().map_err(|error| in_field(self.py, &error, "file_id"))?),
            None => None,
        };
        let mode: Option<u32> = match got(found, Key::Mode) {
            Some(mode) => Some(mode.extract().map_err(|error| in_field(self.py, &error, "mode"))?),
            None => None,
        };
        let attributes = if kind == Kind::Symlink { Attributes::NotHeld } else { attributes(mode) };
        let file_id = file_id.and_then(NonZeroU64::new);
        Ok(Version { kind, attributes, size, mtime_ns, ctime_ns, file_id })
    }

    /// Seconds since 1970, or an aware `datetime`.
    fn time(&mut self, given: &Bound<'py, PyAny>) -> PyResult<i64> {
        let out_of_range = || PyValueError::new_err("mtime is out of range");
        if let Ok(seconds) = given.cast::<PyFloat>() {
            self.had_floats = true;
            let micros = (seconds.value() * 1e6).round();
            // A float holds no more than microseconds here, whatever its digits say.
            let fits = micros.is_finite() && micros.abs() < 9e15;
            return if fits { Ok(micros as i64 * 1_000) } else { Err(out_of_range()) };
        }
        if given.cast::<PyInt>().is_ok() {
            let seconds: i64 = given.extract()?;
            return seconds.checked_mul(1_000_000_000).ok_or_else(out_of_range);
        }
        if given.cast::<PyDateTime>().is_ok() {
            self.had_floats = true;
            return given.py().import("bothways._times")?.call_method1("nanoseconds", (given,))?.extract();
        }
        let kind = given.get_type().name()?;
        Err(PyTypeError::new_err(format!(
            "mtime is a number of seconds or an aware datetime, and not {kind}"
        )))
    }
}

fn put<'py>(found: &mut Found<'py>, at: usize, value: Bound<'py, PyAny>) {
    if !value.is_none()
        && let Some(place) = found.get_mut(at)
    {
        *place = Some(value);
    }
}

fn got<'f, 'py>(found: &'f Found<'py>, key: Key) -> Option<&'f Bound<'py, PyAny>> {
    found[key as usize].as_ref()
}

fn trouble_of(found: &Found<'_>) -> PyResult<Option<Trouble>> {
    let Some(words) = got(found, Key::Problem) else { return Ok(None) };
    let is_dir = got(found, Key::Kind).is_some_and(|kind| kind.eq("directory").unwrap_or_default());
    let kind = if is_dir { Kind::Dir } else { Kind::File };
    Ok(Some(trouble(kind, words.str()?.to_string())))
}

fn missing(name: &str) -> PyErr {
    PyKeyError::new_err(name.to_owned())
}

fn in_field(py: Python<'_>, error: &PyErr, name: &str) -> PyErr {
    located(py, error, name)
}

/// The same error with where it happened, as one of ours.
fn located(py: Python<'_>, error: &PyErr, place: &str) -> PyErr {
    let value = error.value(py);
    let words = if error.is_instance_of::<PyKeyError>(py) {
        format!(
            "`{}` is missing",
            value
                .getattr("args")
                .and_then(|args| args.get_item(0))
                .map_or_else(|_| String::new(), |name| name.to_string())
        )
    } else {
        value.to_string()
    };
    let message = format!("{place}: {words}");
    if error.is_instance_of::<PyTypeError>(py) {
        errors::error(py, "RowTypeError", &message)
    } else if error.is_instance_of::<PyKeyError>(py)
        || error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<pyo3::exceptions::PyOverflowError>(py)
        || error.is_instance_of::<pyo3::exceptions::PyIndexError>(py)
    {
        errors::error(py, "RowError", &message)
    } else {
        // Something of the caller's own was raised on the way: it stays what it is.
        error.clone_ref(py)
    }
}
